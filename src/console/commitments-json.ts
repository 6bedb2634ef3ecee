/** Storage commitments as JSON. UIDs are all they hold. */
import { statusToHex } from '../services/answer.ts';
import { ServiceFailure } from '../services/port.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { CommitmentResult, SopReference } from '../services/storage-commitment/commitment.ts';
import { referencesOf } from '../services/storage-commitment/modules.ts';
import { moment, troublesOf } from './delivery-json.ts';
import type { LastFailure } from './delivery-json.ts';
import type { CommitmentCount, CommitmentPhase, CommitmentRecord } from '../store/commitment-records.ts';

/** What a list shows; moments are ISO 8601 in UTC, by the clock of the store. */
export interface CommitmentEntry {
  readonly id: number;
  readonly route: string;
  readonly upstream: string;
  readonly transactionUid: string;
  readonly listener: string;
  /** Calling AE title, or the subject of a web login. */
  readonly requestor: string;
  readonly phase: CommitmentPhase;
  readonly askedAt: string;
  /** How long a result is still waited for; absent once there is one. */
  readonly remainingSeconds?: number;
  /** Of the phase. */
  readonly attempts: number;
  /** The upstream may have the request already. */
  readonly inDoubt: boolean;
  /** Instances that were asked about; absent where they are no longer known, or damaged. */
  readonly instances?: number;
  readonly result?: {
    readonly committed: number;
    readonly failed: number;
    readonly at?: string;
    /** The archive has not said it: nobody told anything in time, or somebody gave up waiting. */
    readonly synthetic: boolean;
  };
  readonly lastFailure?: LastFailure<string>;
  /** What of it is damaged in the store, and empty where it is shown. */
  readonly unreadable?: readonly string[];
  readonly traceId: string;
}

export interface CommitmentDetail extends CommitmentEntry {
  /** Transaction UID towards the upstream. */
  readonly upstreamUid: string;
  /** It was begun once more under another upstream UID. */
  readonly restarted: boolean;
  readonly requester: Requester;
  /** Gateways it has passed. */
  readonly hops: readonly Hop[];
  readonly requested: readonly SopReference[];
  readonly committed?: readonly SopReference[];
  readonly failed?: readonly FailedInstance[];
}

export interface FailedInstance extends SopReference {
  /** Failure Reason (0008,1197), e.g. `0112H`. */
  readonly reason: string;
}

export interface CountEntry {
  readonly route: string;
  readonly upstream: string;
  readonly phase: CommitmentPhase;
  readonly count: number;
  readonly oldestSeconds: number;
}

/** Answer of `GET /api/commitments`. */
export interface CommitmentListing {
  readonly counts: readonly CountEntry[];
  readonly commitments: readonly CommitmentEntry[];
  /** There are more: ask again with `after` this id. */
  readonly next?: number;
}

export function commitmentEntry(record: CommitmentRecord): CommitmentEntry {
  return entryWith(record, requestedIn(record)?.length);
}

export function commitmentDetail(record: CommitmentRecord): CommitmentDetail {
  const { upstreamUid, isRestarted: restarted, requester, hops, result } = record;
  const requested = requestedIn(record);
  return {
    ...entryWith(record, requested?.length),
    ...{ upstreamUid, restarted, requester, hops, requested: requested ?? [] },
    ...(result !== undefined && { committed: result.committed, failed: failedInstances(result) }),
  };
}

export function failedInstances({ failed }: Pick<CommitmentResult, 'failed'>): FailedInstance[] {
  return failed.map(({ reason, ...reference }) => ({ ...reference, reason: `${statusToHex(reason)}H` }));
}

export function countEntry({ route, upstream, phase, count, oldestMs }: CommitmentCount): CountEntry {
  return { route, upstream, phase, count, oldestSeconds: Math.round(oldestMs / 1_000) };
}

function entryWith(record: CommitmentRecord, instances: number | undefined): CommitmentEntry {
  const { id, route, upstream, transactionUid, listener, requestor, phase, attempts, inDoubt, traceId } = record;
  const { createdAt, settledAt, remainingMs, result, isSynthetic } = record;
  const isAwaited = phase === 'asking' || phase === 'waiting';
  return {
    ...{ id, route, upstream, transactionUid, listener, requestor, phase, askedAt: moment(createdAt) },
    ...(isAwaited && { remainingSeconds: Math.round(Math.max(0, remainingMs) / 1_000) }),
    ...{ attempts, inDoubt },
    ...(instances !== undefined && { instances }),
    ...(result !== undefined && {
      result: {
        committed: result.committed.length,
        failed: result.failed.length,
        ...(settledAt !== undefined && { at: moment(settledAt) }),
        synthetic: isSynthetic,
      },
    }),
    ...troublesOf(record),
    traceId,
  };
}

/** What was asked for; undefined: a tombstone, or damaged. */
export function requestedIn({ phase, module, unreadable = [] }: CommitmentRecord): SopReference[] | undefined {
  if (phase === 'forgotten' || unreadable.includes('module')) return undefined;
  try {
    return referencesOf(module);
  } catch (error) {
    if (error instanceof ServiceFailure) return undefined;
    throw error;
  }
}
