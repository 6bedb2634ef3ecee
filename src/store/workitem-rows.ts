/** Workitems, and who hears of them, as rows of `workitems` and `workitem_subscriptions`, in every data base. */
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Requester } from '../services/port.ts';
import { WORKLIST_UID } from '../services/ups/workitem.ts';
import type { Subscription, WaitingReport, Workitem, WorkitemCount, WorkitemRecord } from './workitem-records.ts';

export type WorkitemRow = Readonly<Record<string, unknown>>;

export const WORKITEM_CONTENT = [
  'state', 'is_deleted', 'pending', 'transaction_uid', 'mpps_uid', 'requester', 'intended', 'workitem', 'entry',
] as const; // prettier-ignore

/** What a workitem brings with it; the rest of its row is the store's. */
export const WORKITEM_BROUGHT = ['route', 'uid', ...WORKITEM_CONTENT] as const;

/** Of which a record is read. */
export const WORKITEM_COLUMNS = [...WORKITEM_BROUGHT, 'revision', 'created_at', 'updated_at'] as const;

/** SQL of those that user agents have created: a worklist entry has attributes. */
export const CREATED = `entry = '{}'`;

/** SQL of those that say what no worklist does; before they are claimed, `intended` is what user agents have changed. */
export const KEPT = `(${CREATED} OR (intended IS NOT NULL AND pending IS NULL))`;

/** SQL of those that no search sees again, and that may be scheduled for long after they were created. */
export const LASTING = `(state = 'SCHEDULED' AND ${CREATED})`;

/** That one was seen is written so often: a search that finds what it found before writes nothing. */
export const SEEN_EVERY_MS = 60 * 60_000;

export function toWorkitemRow(item: Workitem): Record<(typeof WORKITEM_BROUGHT)[number], string | number | null> {
  return {
    route: item.route,
    uid: item.uid,
    state: item.state,
    is_deleted: Number(item.isDeleted),
    pending: item.pending ?? null,
    transaction_uid: item.transactionUid ?? null,
    mpps_uid: item.mppsUid ?? null,
    requester: item.requester === undefined ? null : JSON.stringify(item.requester),
    intended: item.intended === undefined ? null : toJson(item.intended),
    workitem: toJson(item.workitem),
    entry: toJson(item.entry),
  };
}

/** The table checks `state` and `pending`. @throws SyntaxError, TypeError */
export function fromWorkitemRow(row: WorkitemRow): WorkitemRecord {
  const {
    pending,
    transaction_uid: transactionUid,
    mpps_uid: mppsUid,
    requester,
    intended,
  } = row as Readonly<Record<string, string | null>>;
  return {
    route: row['route'] as string,
    uid: row['uid'] as string,
    state: row['state'] as WorkitemRecord['state'],
    isDeleted: Boolean(row['is_deleted']), // 0 and 1, or a boolean
    ...(isGiven(transactionUid) && { transactionUid }),
    ...(isGiven(mppsUid) && { mppsUid }),
    ...(isGiven(requester) && { requester: JSON.parse(requester) as Requester }),
    ...(isGiven(pending) && { pending: pending as NonNullable<WorkitemRecord['pending']> }),
    ...(isGiven(intended) && { intended: dataSetIn(intended) }),
    workitem: dataSetIn(row['workitem']),
    entry: dataSetIn(row['entry']),
    revision: row['revision'] as number,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
  };
}

export function fromSubscriptionRow(row: WorkitemRow): Subscription {
  return {
    route: row['route'] as string,
    resource: row['resource'] as string,
    aeTitle: row['ae_title'] as string,
    standing: row['standing'] as Subscription['standing'],
    deletionLock: Boolean(row['deletion_lock']),
  };
}

/** @throws SyntaxError, TypeError */
export function fromReportRow(row: WorkitemRow): WaitingReport {
  return { id: row['id'] as number, report: dataSetIn(row['report']) };
}

export function countOfRow(row: WorkitemRow): WorkitemCount {
  return {
    route: row['route'] as string,
    state: row['state'] as WorkitemCount['state'],
    count: row['count'] as number,
  };
}

/** Of what waits. @param nowMs by the clock that has written the row */
export function queueOfRow(row: WorkitemRow, nowMs: number): { readonly count: number; readonly oldestMs: number } {
  return { count: row['count'] as number, oldestMs: Math.max(0, nowMs - Number(row['oldest'])) };
}

/**
 * What can be read of several rows: one that is damaged must not hold up the others. Whoever asks for it alone is told.
 */
export function readable<T>(rows: readonly WorkitemRow[], from: (row: WorkitemRow) => T): T[] {
  return rows.flatMap((row) => {
    try {
      return [from(row)];
    } catch {
      return [];
    }
  });
}

/** As it was written: the reader for other people's JSON would mend value representations. @throws SyntaxError, TypeError */
export function dataSetIn(text: unknown): DataSet {
  return cloneDataSet(JSON.parse(text as string) as DataSet);
}

/**
 * SQL after SELECT: the subscriptions `s` that count for a workitem. One to it comes before one to the worklist, which it
 * takes back (`off`) or replaces.
 * @param route SQL of its route
 * @param uid SQL of its UID
 */
export function subscriptionsTo(route: string, uid: string): string {
  return `FROM workitem_subscriptions s WHERE s.route = ${route} AND s.resource IN (${uid}, '${WORKLIST_UID}') AND (
    (s.resource = ${uid} AND s.standing = 'on')
    OR (s.resource = '${WORKLIST_UID}'
      AND (s.standing = 'on' OR (s.standing = 'suspended' AND EXISTS (
        SELECT 1 FROM workitems w WHERE w.uid = ${uid} AND w.route = ${route} AND w.id <= s.through_id)))
      AND NOT EXISTS (SELECT 1 FROM workitem_subscriptions own
        WHERE own.resource = ${uid} AND own.route = ${route} AND own.ae_title = s.ae_title)))`;
}

/** The ones that lock, of the workitem of an outer query. */
export const LOCKED = `EXISTS (SELECT 1 ${subscriptionsTo('workitems.route', 'workitems.uid')} AND s.deletion_lock)`;

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== null && value !== undefined;
}
