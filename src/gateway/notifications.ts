/**
 * MPPS Notification (PS3.4 F.9; proxy flows 6.6, 7.7, 11): what upstreams tell of MPPS, handed on to the SCUs of the routes
 * whose MPPS go there, by the spool, and to the workitems of the gateway.
 */
import { randomUUID } from 'node:crypto';
import type { Logger } from '../observe/log.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { MppsEvent, MppsEventType } from '../services/mpps/notification.ts';
import { ServiceFailure } from '../services/port.ts';
import type { Requester, RequestContext } from '../services/port.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import type { Destination, NewSpoolMessage, SpoolDepth } from '../store/spool-records.ts';
import { EventRoom } from './event-room.ts';
import type { EventRoomOptions } from './event-room.ts';
import type { ExchangeLog } from './exchange.ts';
import { toFailure } from './mapping.ts';
import { eventMessage } from './mpps-events.ts';
import { isFrom } from './mpps-route.ts';
import type { MppsTarget, NotificationScu } from './mpps-route.ts';

/** `notifications` of a route: SCUs of MPPS Notification, and whose word they are given. */
export interface NotificationTarget {
  readonly to: readonly NotificationScu[];
  readonly source: 'gateway' | 'upstream';
}

/** A route, as far as notifications need it. */
export interface NotificationRoute {
  readonly name: string;
  readonly mpps: MppsTarget | undefined;
  readonly notifications?: NotificationTarget | undefined;
}

/** Told of the MPPS of an upstream, in order for each; it has taken the event once it resolves. */
export type MppsObserver = (upstream: string, event: MppsEvent) => Promise<void>;

export interface NotificationsHost {
  routes(): readonly NotificationRoute[];
  /** Where the events of SCUs are put on the disk, and MPPS are known; absent: there is no store. */
  delivery():
    | {
        tell(events: readonly NewSpoolMessage[]): Promise<void>;
        depths(): Promise<readonly SpoolDepth[]>;
        knows(target: MppsTarget, uid: string): Promise<boolean>;
      }
    | undefined;
  /** Who hears of them besides; absent: nobody. */
  observer(): MppsObserver | undefined;
}

type Origin = Pick<RequestContext, 'requester' | 'traceId'>;

/** MPPS times those who are told of them, of which it is remembered; beyond them a repeat is told again, which harms nobody. */
const REMEMBERED_STEPS = 30_000;
const NOTHING: ReadonlySet<MppsEventType> = new Set();

export class Notifications {
  readonly #logger: Logger;
  readonly #exchanges: ExchangeLog;
  readonly #host: NotificationsHost;
  /** Two events of one MPPS on two associations are told one after the other. */
  readonly #order = new KeyedQueue();
  /** What was told of an MPPS of an upstream to the observer and to each SCU; those told of last stand last. */
  readonly #told = new Map<string, ReadonlySet<MppsEventType>>();
  readonly #room: EventRoom;

  constructor(logger: Logger, exchanges: ExchangeLog, host: NotificationsHost, room?: EventRoomOptions) {
    this.#logger = logger;
    this.#exchanges = exchanges;
    this.#host = host;
    this.#room = new EventRoom(logger, room);
  }

  /**
   * Takes an N-EVENT-REPORT; its SCP is an upstream of MPPS, known by its AE title.
   * @throws ServiceFailure NOT_SUPPORTED (0118H) from anybody else, NO_SUCH_INSTANCE (0112H) for an MPPS that did not go
   * there, where every route there refuses such, OUT_OF_RESOURCES (0213H) when it cannot be stored, or too much waits for an SCU
   */
  async notify(event: MppsEvent, context: RequestContext): Promise<void> {
    const startedMs = performance.now();
    const targets = this.#targetsOf(context.requester);
    const upstreams = [...new Set(targets.map(({ upstream }) => upstream.name))];
    let failure: ServiceFailure | undefined;
    try {
      if (upstreams.length === 0) {
        throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no MPPS of this gateway goes there' });
      }
      await this.#checkKnown(targets, event.uid);
      for (const upstream of upstreams) await this.#take(upstream, event, context);
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      throw failure;
    } finally {
      const [upstream] = upstreams;
      const end = { uid: event.uid, ...(upstream !== undefined && { upstream }), warnings: [] };
      this.#exchanges.note('notify', context, startedMs, { ...end, ...(failure && { failure }) });
    }
  }

  /** Takes what an upstream tells by a connection of ours. @throws ServiceFailure; then it is to be told again */
  async told(upstream: string, event: MppsEvent): Promise<void> {
    const traceId = randomUUID();
    // Nobody has called.
    const requester: Requester = { listener: upstream, protocol: 'dicomweb', address: '' };
    try {
      await this.#take(upstream, event, { traceId, requester });
    } catch (error) {
      throw toFailure(error, this.#logger, traceId);
    }
  }

  #targetsOf({ callingAeTitle }: Requester): MppsTarget[] {
    return this.#host
      .routes()
      .flatMap(({ mpps }) => mpps ?? [])
      .filter(({ aeTitle }) => aeTitle !== undefined && aeTitle === callingAeTitle?.trim());
  }

  async #checkKnown(targets: readonly MppsTarget[], uid: string): Promise<void> {
    if (targets.some(({ options }) => options.unknownInstance === 'pass')) return;
    const delivery = this.#host.delivery();
    for (const target of targets) if ((await delivery?.knows(target, uid)) === true) return;
    throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'this instance was not created here' });
  }

  #take(upstream: string, event: MppsEvent, origin: Origin): Promise<void> {
    const key = `${upstream} ${event.uid}`;
    const scuKey = (to: Destination): string => `${key} ${to.route} ${to.upstream}`;
    return this.#order.run(key, async () => {
      const fields = { traceId: origin.traceId, upstream, uid: event.uid, eventType: event.type };
      const isNews = this.#isNews(key, event.type);
      const due = this.#messagesOf(upstream, event, origin).filter((each) => this.#isNews(scuKey(each), event.type));
      if (!isNews && due.length === 0) {
        return this.#logger.debug('an upstream told again what it had told of an MPPS', fields);
      }
      if (isNews) {
        await this.#host.observer()?.(upstream, event);
        this.#remember(key, event.type);
      }
      const delivery = this.#host.delivery();
      const fitting = delivery === undefined ? due : await this.#room.fitting(due, () => delivery.depths());
      // Whoever has room is not kept waiting by who has none, nor told again when the event is repeated for that one.
      if (fitting.length > 0) await delivery?.tell(fitting);
      for (const each of fitting) this.#remember(scuKey(each), event.type);
      if (isNews || fitting.length > 0) {
        this.#logger.info('an upstream told of an MPPS', { ...fields, scus: fitting.length });
      }
      if (fitting.length === due.length) return;
      throw new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment: 'too many events wait for an SCU' });
    });
  }

  #messagesOf(upstream: string, event: MppsEvent, origin: Origin): NewSpoolMessage[] {
    return this.#host
      .routes()
      .filter(({ mpps, notifications }) => notifications?.source === 'upstream' && mpps?.upstream.name === upstream)
      .flatMap(({ name, notifications }) =>
        (notifications?.to ?? [])
          .filter((scu) => scu.upstream.name !== upstream && !isFrom(scu, origin.requester))
          .map((scu) => eventMessage({ route: name, upstream: scu.upstream.name, ...event, ...origin, hops: [] })),
      );
  }

  #isNews(key: string, type: MppsEventType): boolean {
    return isNews(this.#told.get(key) ?? NOTHING, type);
  }

  #remember(key: string, type: MppsEventType): void {
    const told = this.#told.get(key) ?? NOTHING;
    this.#told.delete(key);
    this.#told.set(key, new Set([...told, type]));
    const [oldest] = this.#told.keys();
    if (oldest !== undefined && this.#told.size > REMEMBERED_STEPS) this.#told.delete(oldest);
  }
}

/**
 * States are told once, and none after a final one: an SCP repeats what was not answered in time, and in a ring of gateways
 * that notify each other an event comes back.
 */
function isNews(told: ReadonlySet<MppsEventType>, type: MppsEventType): boolean {
  if (told.has(MPPS_EVENT.deleted)) return false;
  if (type === MPPS_EVENT.deleted) return true;
  if (told.has(MPPS_EVENT.completed) || told.has(MPPS_EVENT.discontinued)) return false;
  return type === MPPS_EVENT.updated || !told.has(type);
}
