/** Records of workitems: one change after another for each of them, in every process that shares the store. */
import { sameAttribute } from '../dataset/comparison.ts';
import { attribute } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import { progressReport, stateReport } from '../services/ups/event-attributes.ts';
import type { UpsEvent, WorkitemRoute } from '../services/ups/workitem.ts';
import type { Store } from '../store/store.ts';
import type { Workitem, WorkitemKey, WorkitemRecord } from '../store/workitem-records.ts';
import type { WorkitemEvents } from './workitem-events.ts';

/** Searches that come between a look and a write, each of which is another revision. */
const MAXIMUM_ATTEMPTS = 10;

export class WorkitemLedger {
  readonly #store: Pick<Store, 'workitems' | 'exclusively'>;
  readonly #events: WorkitemEvents;

  constructor(store: Pick<Store, 'workitems' | 'exclusively'>, events: WorkitemEvents) {
    this.#store = store;
    this.#events = events;
  }

  get(route: string, uid: string): Promise<WorkitemRecord | undefined> {
    return this.#store.workitems.get({ route, uid });
  }

  inTurn<Result>({ route, uid }: WorkitemKey, work: () => Promise<Result>): Promise<Result> {
    return this.#store.exclusively(`workitem ${route} ${uid}`, work);
  }

  /**
   * Writes what has become of a record, on the disk, and tells nobody. Of two that start from the same record only the first
   * is written: a lock may be lost, a revision is not.
   * @throws ServiceFailure STATE_CONFLICT
   */
  async write(before: WorkitemRecord, next: Workitem): Promise<WorkitemRecord> {
    let known = before;
    for (let attempt = 0; attempt < MAXIMUM_ATTEMPTS; attempt++) {
      const written = await this.#store.workitems.change(next, known.revision, 'disk');
      if (written !== undefined) return written;
      const current = await this.get(before.route, before.uid);
      if (current === undefined || !isSeenAgain(before, current)) break;
      known = current;
    }
    throw new ServiceFailure('STATE_CONFLICT', { comment: 'the workitem was changed by another at the same time' });
  }

  /** The same, told to those who have subscribed. @param events default: of what is different */
  async publish(
    route: WorkitemRoute,
    before: WorkitemRecord,
    next: Workitem,
    events: readonly UpsEvent[] = eventsOf(before, next),
  ): Promise<WorkitemRecord> {
    const tell = await this.#events.queue(route, before.uid, events);
    const written = await this.write(before, next);
    tell();
    return written;
  }
}

/** A search has found it once more: that is no change of anybody. */
function isSeenAgain(before: WorkitemRecord, current: WorkitemRecord): boolean {
  return before.state === 'SCHEDULED' && current.state === 'SCHEDULED' && current.pending === before.pending;
}

/** Another state, else another progress (PS3.4 Table CC.2.4-1): a report of the state says why it was canceled. */
function eventsOf(before: Workitem, { uid, state, workitem }: Workitem): UpsEvent[] {
  if (state !== before.state) return [stateReport(uid, workitem)];
  const none = attribute('SQ');
  const isSame = sameAttribute(before.workitem[UPS.progress] ?? none, workitem[UPS.progress] ?? none);
  return isSame ? [] : [progressReport(uid, workitem)];
}
