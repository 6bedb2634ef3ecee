/** What is remembered of a workitem as it is claimed, performed and ended (proxy flows 7.3 to 7.6). Pure. */
import { sameAttribute } from '../dataset/comparison.ts';
import { attribute, dataSetOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Requester } from '../services/port.ts';
import { mergeWorkitem, UPS } from '../services/ups/attributes.ts';
import { workitemOf } from '../services/ups/scheduled.ts';
import type { WorkitemRoute, WorkitemState } from '../services/ups/workitem.ts';
import type { Workitem, WorkitemPending, WorkitemRecord } from '../store/workitem-records.ts';

/** One of which something was begun. */
export type PendingWorkitem = WorkitemRecord & { readonly pending: WorkitemPending; readonly intended: DataSet };

export function isPending(record: WorkitemRecord): record is PendingWorkitem {
  return record.pending !== undefined;
}

/** An end is the end: nothing that comes later changes it (PS3.4 CC.1.1). */
export function isFinalState(state: WorkitemState): state is 'COMPLETED' | 'CANCELED' {
  return state === 'COMPLETED' || state === 'CANCELED';
}

export function withState(workitem: DataSet, state: WorkitemState): DataSet {
  return dataSetOf({ ...workitem, [UPS.state]: attribute('CS', state) });
}

/**
 * As a user agent sees it. A worklist holds no changes of what it schedules: those of a workitem that nobody has claimed
 * are kept apart, in `intended`, and the next search of the worklist leaves them.
 */
export function shownWorkitem({ state, pending, intended, workitem, updatedAt }: WorkitemRecord): DataSet {
  if (state !== 'SCHEDULED' || pending !== undefined || intended === undefined) return workitem;
  return mergeWorkitem(workitem, intended, updatedAt);
}

/** Whether it came by the worklist; otherwise a user agent has created it. */
export function isOfWorklist({ entry }: Pick<Workitem, 'entry'>): boolean {
  return Object.keys(entry).length > 0;
}

export interface ClaimOf {
  /** Absent: nobody performs it, the MPPS is begun to be discontinued. */
  readonly transactionUid: string | undefined;
  readonly mppsUid: string;
  readonly requester: Requester;
  readonly workitem: DataSet;
  readonly entry: DataSet;
  /** Attributes of the N-CREATE. */
  readonly attributes: DataSet;
}

/** IN PROGRESS from here on: what is claimed must not look free to others, or to a search, while the N-CREATE is under way. */
export function claimedWorkitem({ route, uid, isDeleted }: Workitem, claim: ClaimOf): Workitem {
  const { transactionUid, mppsUid, requester, workitem, entry, attributes } = claim;
  return {
    route,
    uid,
    isDeleted,
    state: 'IN PROGRESS',
    ...(transactionUid !== undefined && { transactionUid }),
    mppsUid,
    requester,
    pending: 'claim',
    intended: attributes,
    workitem: withState(workitem, 'IN PROGRESS'),
    entry,
  };
}

/** The far end took no N-CREATE: as if it had not been claimed, what was kept of updates included. */
export function releasedWorkitem(record: Workitem, { options }: WorkitemRoute, nowMs: number): Workitem {
  const { route, uid, isDeleted, entry } = record;
  const workitem = withState(record.workitem, 'SCHEDULED');
  const released: Workitem = { route, uid, isDeleted, state: 'SCHEDULED', workitem, entry };
  if (!isOfWorklist(record)) return released;
  const scheduled = workitemOf(entry, { uid, nowMs, stationScheme: options.stationScheme });
  const kept = Object.entries(workitem).filter(([tag, value]) => {
    const before = scheduled[tag];
    return tag !== UPS.modified && (before === undefined || !sameAttribute(before, value));
  });
  const intended = dataSetOf(Object.fromEntries(kept));
  return { ...released, workitem: scheduled, ...(kept.length > 0 && { intended }) };
}

/** Nothing is under way any more. */
export function settledWorkitem(record: Workitem, workitem: DataSet, state: WorkitemState = record.state): Workitem {
  const { pending: _pending, intended: _intended, ...rest } = record;
  return { ...rest, state, workitem: withState(workitem, state) };
}
