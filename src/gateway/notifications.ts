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
import type { NewSpoolMessage } from '../store/spool-records.ts';
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
        knows(target: MppsTarget, uid: string): Promise<boolean>;
      }
    | undefined;
  /** Who hears of them besides; absent: nobody. */
  observer(): MppsObserver | undefined;
}

type Origin = Pick<RequestContext, 'requester' | 'traceId'>;

/** MPPS of which it is remembered what was told; beyond them a repeat is told again, which harms nobody. */
const REMEMBERED_STEPS = 10_000;

export class Notifications {
  readonly #logger: Logger;
  readonly #exchanges: ExchangeLog;
  readonly #host: NotificationsHost;
  /** Two events of one MPPS on two associations are told one after the other. */
  readonly #order = new KeyedQueue();
  /** What was told of an MPPS of an upstream; those told of last stand last. */
  readonly #told = new Map<string, ReadonlySet<MppsEventType>>();

  constructor(logger: Logger, exchanges: ExchangeLog, host: NotificationsHost) {
    this.#logger = logger;
    this.#exchanges = exchanges;
    this.#host = host;
  }

  /**
   * Takes an N-EVENT-REPORT; its SCP is an upstream of MPPS, known by its AE title.
   * @throws ServiceFailure NOT_SUPPORTED (0118H) from anybody else, NO_SUCH_INSTANCE (0112H) for an MPPS that did not go
   * there, where every route there refuses such, OUT_OF_RESOURCES (0213H) when it cannot be stored
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
    return this.#order.run(key, async () => {
      const told = this.#told.get(key) ?? new Set();
      const news = isNews(told, event.type);
      const fields = { traceId: origin.traceId, upstream, uid: event.uid, eventType: event.type };
      if (!news) return this.#logger.debug('an upstream told again what it had told of an MPPS', fields);
      // What comes last can be repeated without being told twice.
      await this.#host.observer()?.(upstream, event);
      const messages = this.#messagesOf(upstream, event, origin);
      if (messages.length > 0) await this.#host.delivery()?.tell(messages);
      this.#logger.info('an upstream told of an MPPS', { ...fields, scus: messages.length });
      this.#remember(key, new Set([...told, event.type]));
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

  #remember(key: string, told: ReadonlySet<MppsEventType>): void {
    this.#told.delete(key);
    this.#told.set(key, told);
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
