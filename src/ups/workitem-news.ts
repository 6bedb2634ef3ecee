/**
 * What becomes of workitems without a user agent (proxy flows 7.7): what SCPs notify, what polling finds out, and what an
 * earlier process had begun.
 */
import { errorFacts } from '../observe/error-facts.ts';
import type { DataSet } from '../dataset/model.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import { ServiceFailure } from '../services/port.ts';
import type { Requester } from '../services/port.ts';
import { workitemStateOfEvent } from '../services/ups/event-attributes.ts';
import type { WorkitemRoute } from '../services/ups/workitem.ts';
import type { Store } from '../store/store.ts';
import type { WorkitemRecord } from '../store/workitem-records.ts';
import { backgroundContext } from './facade-parts.ts';
import type { FacadeParts } from './facade-parts.ts';
import { isFinalState, isPending } from './workitem-record.ts';
import type { PendingWorkitem } from './workitem-record.ts';
import { workitemsOfMpps } from './workitem-refresh.ts';
import type { WorkitemRefresh } from './workitem-refresh.ts';
import type { WorkitemSteps } from './workitem-steps.ts';

const AT_ONCE = 20;

export class WorkitemNews {
  readonly #parts: FacadeParts;
  readonly #store: Pick<Store, 'workitems' | 'subscriptions'>;
  readonly #steps: WorkitemSteps;
  readonly #refresh: WorkitemRefresh;
  readonly #signal: AbortSignal;

  constructor(
    parts: FacadeParts,
    store: Pick<Store, 'workitems' | 'subscriptions'>,
    steps: WorkitemSteps,
    refresh: WorkitemRefresh,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#store = store;
    this.#steps = steps;
    this.#refresh = refresh;
    this.#signal = signal;
  }

  /**
   * Takes an MPPS Notification.
   * @param stranger in whose name an MPPS is asked for that nobody has begun here; undefined: it is not
   * @throws GatewayError STORE_*
   */
  async told(route: WorkitemRoute, event: MppsEvent, stranger: Requester | undefined): Promise<void> {
    const record = await this.#store.workitems.findByMpps(route.route, event.uid);
    // The far end may tell of a step before it has answered it, and its answer may wait for ours.
    if (record !== undefined && isOwnDoing(record, event)) return;
    const requester = record?.requester ?? stranger;
    const mpps = event.type === MPPS_EVENT.deleted ? undefined : await this.#retrieve(event.uid, requester);
    const uids = new Set([
      ...(record === undefined ? [] : [record.uid]),
      ...(mpps === undefined ? [] : workitemsOfMpps(mpps)),
    ]);
    let isKnown = false;
    for (const uid of uids) if (await this.#take(route, uid, event, mpps, requester)) isKnown = true;
    if (!isKnown) {
      const facts = { route: route.route, upstream: route.upstream, uid: event.uid, eventType: event.type };
      this.#parts.logger.info('an event of an MPPS without a workitem', facts);
    }
  }

  /**
   * Asks for the MPPS of all that are IN PROGRESS, as long as anybody wants to know. What was begun and has no outcome goes on
   * in any case: who was told that it is not known need not come again.
   * @throws GatewayError STORE_*
   */
  async poll(route: WorkitemRoute): Promise<void> {
    if (!(await this.#store.subscriptions.isWatched(route.route))) return this.resume(route);
    // Two rounds of two processes come closer together than one after another.
    const pauseMs = route.options.pollMs / 2;
    for (let taken = AT_ONCE; taken === AT_ONCE && !this.#signal.aborted;) {
      const open = await this.#store.workitems.takeOpen(route.route, AT_ONCE, pauseMs);
      taken = open.length;
      for (const record of open) await this.#look(route, record);
    }
  }

  /** Goes on with what was begun, be it by an earlier process. @throws GatewayError STORE_* */
  async resume(route: WorkitemRoute): Promise<void> {
    for (let after = ''; !this.#signal.aborted;) {
      const filter = { route: route.route, states: ['IN PROGRESS'] as const, after, limit: AT_ONCE };
      const records = await this.#store.workitems.list(filter);
      for (const record of records) if (isPending(record)) await this.#look(route, record);
      const last = records.at(-1);
      if (last === undefined) return;
      after = last.uid;
    }
  }

  /** Never rejects for a far end that does not answer: the next look may have more luck. */
  async #look(route: WorkitemRoute, record: WorkitemRecord): Promise<void> {
    const { requester } = record;
    if (requester === undefined || this.#signal.aborted) return;
    const context = backgroundContext(requester, this.#signal);
    try {
      if (!isPending(record)) await this.#refresh.refreshPerformed(route, record, context);
      else
        await this.#parts.ledger.inTurn(record, async () => {
          const current = await this.#parts.ledger.get(record.route, record.uid);
          if (current !== undefined) await this.#steps.settle(route, current, context);
        });
    } catch (error) {
      const reason = error instanceof ServiceFailure ? { outcome: error.code } : errorFacts(error);
      const facts = { traceId: context.traceId, route: route.route, uid: record.uid, ...reason };
      this.#parts.logger.warn('what became of a workitem could not be learned', facts);
    }
  }

  /** Whether there is such a workitem. */
  #take(
    route: WorkitemRoute,
    uid: string,
    event: MppsEvent,
    mpps: DataSet | undefined,
    requester: Requester | undefined,
  ): Promise<boolean> {
    const { ledger } = this.#parts;
    return ledger.inTurn({ route: route.route, uid }, async () => {
      const current = await ledger.get(route.route, uid);
      if (current === undefined) return false;
      // Another step of the same workitem.
      if (current.mppsUid !== undefined && current.mppsUid !== event.uid) return true;
      if (isPending(current) && isOwnDoing(current, event)) return true;
      if (event.type === MPPS_EVENT.deleted) {
        if (!current.isDeleted) await ledger.write(current, { ...current, isDeleted: true });
        return true;
      }
      const performed = {
        ...current,
        mppsUid: event.uid,
        ...(current.requester === undefined && requester && { requester }),
      };
      await this.#refresh.take(route, performed, mpps, workitemStateOfEvent(event.type));
      return true;
    });
  }

  /** Undefined: nobody can be asked, or it is not told. */
  async #retrieve(mppsUid: string, requester: Requester | undefined): Promise<DataSet | undefined> {
    if (requester === undefined) return undefined;
    try {
      return await this.#steps.retrieve(mppsUid, backgroundContext(requester, this.#signal));
    } catch (error) {
      if (error instanceof ServiceFailure) return undefined;
      throw error;
    }
  }
}

/** Whether an event tells of what was begun here, or of what is known. */
function isOwnDoing(record: WorkitemRecord, { type }: MppsEvent): boolean {
  const told = workitemStateOfEvent(type);
  if (told !== undefined && (told === record.state || isFinalState(record.state))) return true;
  return isPending(record) && (type === MPPS_EVENT.updated || told === COMES_TO[record.pending]);
}

const COMES_TO = {
  claim: 'IN PROGRESS',
  update: 'IN PROGRESS',
  complete: 'COMPLETED',
  cancel: 'CANCELED',
} as const satisfies Record<PendingWorkitem['pending'], unknown>;
