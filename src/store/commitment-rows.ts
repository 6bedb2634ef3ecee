/** Storage commitments as rows of `commitments`, in every data base: both ways, and the SQL of what is not always the same. */
import { toJson } from '../dataset/json.ts';
import { cloneDataSet, createDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { CommitmentResult, FailedReference, SopReference } from '../services/storage-commitment/commitment.ts';
import type {
  CommitmentChange,
  CommitmentFailure,
  CommitmentFilter,
  CommitmentKey,
  CommitmentRecord,
  NewCommitment,
  UnreadableCommitmentMember,
} from './commitment-records.ts';

export type CommitmentRow = Readonly<Record<string, unknown>>;
type Scalar = string | number | null;

/** What a transaction brings with it, besides its module. */
export const BROUGHT = [
  'listener', 'requestor', 'transaction_uid', 'route', 'upstream', 'upstream_uid', 'trace_id', 'requester', 'hops',
] as const; // prettier-ignore

/** Of `commitments`; a record is read of these, `remaining_ms`, `is_held`, `module` and `result`. */
export const COMMITMENT_COLUMNS = [
  'id', 'revision', 'phase', 'in_doubt', 'is_restarted', 'is_synthetic', 'attempts', 'failed_at', 'failure_code',
  'failure_problem', 'created_at', 'settled_at', ...BROUGHT,
] as const; // prettier-ignore

/** What is left of a transaction that is forgotten, besides its texts. */
export const COMMITMENT_TOMBSTONE = `phase = 'forgotten', due_at = NULL, lease_until = NULL, failed_at = NULL,
  failure_code = NULL, failure_problem = NULL`;

export function toCommitmentRow(transaction: NewCommitment): Record<(typeof BROUGHT)[number] | 'module', string> {
  return {
    listener: transaction.listener,
    requestor: transaction.requestor,
    transaction_uid: transaction.transactionUid,
    route: transaction.route,
    upstream: transaction.upstream,
    upstream_uid: transaction.upstreamUid,
    trace_id: transaction.traceId,
    requester: JSON.stringify(transaction.requester),
    hops: JSON.stringify(transaction.hops),
    module: toJson(transaction.module),
  };
}

/**
 * The table checks the phase. The module is read as it was written: the reader for other people's JSON would mend value
 * representations. A person who is to decide on a damaged record has to see it: what is no JSON of its kind is empty and
 * named, and of a damaged result nothing is believed.
 */
export function fromCommitmentRow(row: CommitmentRow): CommitmentRecord {
  const { phase, failed_at: failedAt, settled_at: settledAt } = row;
  const unreadable: UnreadableCommitmentMember[] = [];
  const read = <T>(member: UnreadableCommitmentMember, from: (value: unknown) => T, empty: T): T => {
    try {
      return from(JSON.parse(row[member] as string));
    } catch {
      unreadable.push(member);
      return empty;
    }
  };
  const isForgotten = phase === 'forgotten';
  const module = isForgotten
    ? createDataSet()
    : read('module', (value) => cloneDataSet(objectOf(value) as DataSet), createDataSet());
  const requester = read('requester', (value) => objectOf(value) as unknown as Requester, NOBODY);
  const hops = read('hops', (value) => listOf(value) as readonly Hop[], []);
  const result = row['result'] === null ? undefined : read('result', resultOf, undefined);
  return {
    ...fromKeyColumns(row),
    id: row['id'] as number,
    revision: row['revision'] as number,
    route: row['route'] as string,
    upstream: row['upstream'] as string,
    upstreamUid: row['upstream_uid'] as string,
    requester,
    traceId: row['trace_id'] as string,
    hops,
    module,
    phase: phase as CommitmentRecord['phase'],
    inDoubt: Boolean(row['in_doubt']), // 0 and 1, or a boolean
    isRestarted: Boolean(row['is_restarted']),
    isSynthetic: Boolean(row['is_synthetic']),
    attempts: row['attempts'] as number,
    ...(failedAt === null
      ? {}
      : {
          lastFailure: {
            at: failedAt as number,
            code: row['failure_code'] as string,
            problem: row['failure_problem'] as string,
          },
        }),
    ...(result === undefined ? {} : { result }),
    createdAt: row['created_at'] as number,
    ...(settledAt === null ? {} : { settledAt: settledAt as number }),
    remainingMs: row['remaining_ms'] as number,
    isHeld: Boolean(row['is_held']),
    ...(unreadable.length === 0 ? {} : { unreadable }),
  };
}

/** Why a record is passed by; undefined: it can be read. */
export function unreadableFailure({ unreadable }: CommitmentRecord): CommitmentFailure | undefined {
  if (unreadable === undefined) return undefined;
  return { code: 'STORE_DAMAGED', problem: `${unreadable.join(', ')} cannot be read from the store` };
}

const NOBODY: Requester = { listener: '', protocol: 'dimse', address: '' };

export function fromKeyColumns(row: CommitmentRow): CommitmentKey {
  return {
    listener: row['listener'] as string,
    requestor: row['requestor'] as string,
    transactionUid: row['transaction_uid'] as string,
  };
}

export function toResultText({ committed, failed }: CommitmentResult): string {
  return JSON.stringify({ committed, failed });
}

/** Takes a value of a statement and gives its place in the text. */
type Bind = (value: Scalar) => string;

/**
 * What a change assigns, but for the revision and the text of a result.
 * @param now SQL of the clock
 */
export function assignments(change: CommitmentChange, bind: Bind, now: string): string {
  const { phase, attempts, failure, result, dueInMs, leaseMs } = change;
  const inMs = (ms: number | null): string => (ms === null ? 'NULL' : `${now} + ${bind(wholeMs(ms))}`);
  const set = [`lease_until = ${inMs(leaseMs ?? null)}`];
  const assign = (column: string, value: string | number | boolean | undefined): void => {
    if (value !== undefined) set.push(`${column} = ${bind(typeof value === 'boolean' ? Number(value) : value)}`);
  };
  assign('phase', phase);
  if (phase !== undefined && attempts === undefined) {
    set.push(`attempts = CASE WHEN phase = ${bind(phase)} THEN attempts ELSE 0 END`);
  }
  assign('attempts', attempts);
  assign('upstream_uid', change.upstreamUid);
  assign('in_doubt', change.inDoubt);
  assign('is_restarted', change.isRestarted);
  assign('is_synthetic', change.isSynthetic);
  if (failure === null) set.push('failed_at = NULL', 'failure_code = NULL', 'failure_problem = NULL');
  else if (failure !== undefined) {
    set.push(`failed_at = ${now}`);
    assign('failure_code', failure.code);
    assign('failure_problem', failure.problem);
  }
  if (result !== undefined) set.push(`settled_at = ${now}`);
  if (dueInMs !== undefined) set.push(`due_at = ${inMs(dueInMs)}`);
  return set.join(', ');
}

/** Conditions of a list, as literals where an index is for them. */
export function conditionsOf({ phase, route, transactionUid, after = 0 }: CommitmentFilter, bind: Bind): string {
  const conditions = [`id > ${bind(after)}`];
  if (phase !== undefined) {
    conditions.push(`phase = ${bind(phase)}`, `phase ${phase === 'forgotten' ? '=' : '<>'} 'forgotten'`);
  }
  if (route !== undefined) conditions.push(`route = ${bind(route)}`);
  if (transactionUid !== undefined) conditions.push(`transaction_uid = ${bind(transactionUid)}`);
  return conditions.join(' AND ');
}

/** Columns of times are whole numbers; never earlier than was asked for. */
export function wholeMs(ms: number): number {
  return Math.ceil(ms);
}

/** @throws TypeError */
function resultOf(value: unknown): CommitmentResult {
  const { committed, failed } = objectOf(value);
  if (!listOf(committed).every(isReference) || !listOf(failed).every(isFailedReference)) {
    throw new TypeError('no references');
  }
  return { committed, failed } as CommitmentResult;
}

function isReference(value: unknown): value is SopReference {
  if (typeof value !== 'object' || value === null) return false;
  const { sopClassUid, sopInstanceUid } = value as Record<string, unknown>;
  return typeof sopClassUid === 'string' && typeof sopInstanceUid === 'string';
}

function isFailedReference(value: unknown): value is FailedReference {
  return isReference(value) && 'reason' in value && typeof value.reason === 'number';
}

/** @throws TypeError */
function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no object');
  return value as Readonly<Record<string, unknown>>;
}

/** @throws TypeError */
function listOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('no list');
  return value;
}
