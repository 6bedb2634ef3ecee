/**
 * What is remembered of each storage commitment that crosses: who asked for what, which upstream was asked, what it said, and
 * what is due next. Every change names the revision it was made from, so that of several who know of something new, in this
 * process or another, each acts on what is so.
 *
 * Times are those of the store (with PostgreSQL its server's clock), since the clocks of the processes that share it differ:
 * what is given is a duration.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { CommitmentResult } from '../services/storage-commitment/commitment.ts';
import type { Durability } from './durability.ts';

/** A transaction as the one who asked knows it: several requestors may use one Transaction UID. */
export interface CommitmentKey {
  /** Name of the listener the request came in by. */
  readonly listener: string;
  /** Calling AE title, or the subject of a web login; '' without one. */
  readonly requestor: string;
  readonly transactionUid: string;
}

/**
 * `asking`: the upstream has not taken the request yet, as far as is known; `waiting`: it has, and its result is to come;
 * `reporting`: the result is known and the SCU has still to be told; `done`: the result can be read, and nothing is to be
 * done; `forgotten`: a tombstone, only the UIDs are remembered.
 */
export const COMMITMENT_PHASES = ['asking', 'waiting', 'reporting', 'done', 'forgotten'] as const;
export type CommitmentPhase = (typeof COMMITMENT_PHASES)[number];

export interface NewCommitment extends CommitmentKey {
  readonly route: string;
  readonly upstream: string;
  /** Transaction UID towards the upstream. */
  readonly upstreamUid: string;
  readonly requester: Requester;
  readonly traceId: string;
  readonly hops: readonly Hop[];
  /** Request module as it was received (PS3.18 J.1). */
  readonly module: DataSet;
  /** So long from now on a result is waited for, in ms. */
  readonly patienceMs: number;
}

export interface CommitmentFailure {
  /** Canonical failure code. */
  readonly code: string;
  /** What a person reads: no patient values. */
  readonly problem: string;
}

export interface CommitmentRecord extends Omit<NewCommitment, 'patienceMs'> {
  readonly id: number;
  /** Grows with every change. */
  readonly revision: number;
  readonly phase: CommitmentPhase;
  /** A request was sent and it is not known that it did nothing. */
  readonly inDoubt: boolean;
  /** It was begun once more under another upstream UID. */
  readonly isRestarted: boolean;
  /** Of the phase. */
  readonly attempts: number;
  readonly lastFailure?: CommitmentFailure & { readonly at: number };
  readonly result?: CommitmentResult;
  /** The result says that no keeper told one in time. */
  readonly isSynthetic: boolean;
  /** Wall clock of the store, ms since 1970. */
  readonly createdAt: number;
  /** When the result became known. */
  readonly settledAt?: number;
  /** Patience left in ms when this was read; 0 or less: the deadline has passed. */
  readonly remainingMs: number;
  /** Somebody held it when this was read: a lease had not ended. */
  readonly isHeld: boolean;
  /** Members whose text in the store is damaged; here they are empty. `get`, `list` and `change` give such a record. */
  readonly unreadable?: readonly UnreadableCommitmentMember[];
}

export type UnreadableCommitmentMember = 'module' | 'requester' | 'hops' | 'result';

/** Members that are absent stay; any change gives a lease up unless it takes one. */
export interface CommitmentChange {
  /** Another phase begins with 0 attempts. */
  readonly phase?: Exclude<CommitmentPhase, 'forgotten'>;
  readonly upstreamUid?: string;
  readonly inDoubt?: boolean;
  readonly isRestarted?: boolean;
  readonly attempts?: number;
  /** null: there is none any more. */
  readonly failure?: CommitmentFailure | null;
  /** Makes `settledAt` now. */
  readonly result?: CommitmentResult;
  readonly isSynthetic?: boolean;
  /** When there is something to do, ms from now; null: nothing by itself. */
  readonly dueInMs?: number | null;
  /** Nobody else takes it for so long. */
  readonly leaseMs?: number;
}

export interface CommitmentFilter {
  readonly phase?: CommitmentPhase;
  readonly route?: string;
  readonly transactionUid?: string;
  /** Ids greater than this one. */
  readonly after?: number;
  /** Default 100. */
  readonly limit?: number;
}

export interface CommitmentCount {
  readonly route: string;
  readonly upstream: string;
  readonly phase: CommitmentPhase;
  readonly count: number;
  /** Age of the oldest in ms, since it was asked for. */
  readonly oldestMs: number;
}

export interface CommitmentRetention {
  /** Results older than this become tombstones, reported or not: ms. */
  readonly resultsMs: number;
  /** Tombstones are removed so long after they were asked for, and with them the memory that the UID was used: ms. */
  readonly tombstonesMs: number;
  /** At most so many of each kind in one call, which holds up other writers while it erases their texts; default 100. */
  readonly limit?: number;
}

export interface CommitmentExpiry {
  readonly forgotten: number;
  readonly removed: number;
  /** Of those forgotten, the ones whose SCU was never told. */
  readonly unreported: readonly (CommitmentKey & { readonly route: string })[];
}

export interface CommitmentDestination {
  readonly route: string;
  readonly upstream: string;
}

type Revision = Pick<CommitmentRecord, 'id' | 'revision'>;

export interface Commitments {
  /**
   * Adds a transaction in phase `asking`, held for `leaseMs` and due then, on the disk. `isNew` false: its key, or its
   * upstream and upstream UID, belong to another one already, which is given; tombstones count.
   */
  add(transaction: NewCommitment, leaseMs: number): Promise<{ isNew: boolean; record: CommitmentRecord }>;
  /** Rejects with STORE_DAMAGED where it cannot be read. */
  find(key: CommitmentKey): Promise<CommitmentRecord | undefined>;
  /** The one an upstream knows by a UID; else as `find`. */
  findAtUpstream(upstream: string, upstreamUid: string): Promise<CommitmentRecord | undefined>;
  /** Of an operator: also one that cannot be read. */
  get(id: number): Promise<CommitmentRecord | undefined>;
  /**
   * Takes what is due and nobody holds, oldest due first, of these routes' upstreams only; each gets a new revision, so that a
   * holder whose lease has ended changes nothing any more. A record that cannot be read is skipped, which may make them fewer
   * than there are, and is not due again by itself. Durable as `process`.
   */
  claim(destinations: readonly CommitmentDestination[], limit: number, leaseMs: number): Promise<CommitmentRecord[]>;
  /** Undefined: the revision is not the current one any more, and nothing was changed. */
  change(record: Revision, change: CommitmentChange, durability: Durability): Promise<CommitmentRecord | undefined>;
  /** Forgets a transaction as if it had never been; false: the revision is not the current one. */
  remove(record: Revision, durability: Durability): Promise<boolean>;
  /**
   * Ms until something of these routes' upstreams, by default of all, is due that nobody holds, or a lease ends; 0 when it is
   * now; undefined: nothing is.
   */
  nextDueMs(destinations?: readonly CommitmentDestination[]): Promise<number | undefined>;
  /** In the order of their ids; one that cannot be read has `unreadable` and does not break the list. */
  list(filter: CommitmentFilter): Promise<CommitmentRecord[]>;
  /** Tombstones are not counted. */
  counts(): Promise<CommitmentCount[]>;
  /** One round of housekeeping; call again while a count reaches the limit. Durable as `process`. */
  expire(retention: CommitmentRetention): Promise<CommitmentExpiry>;
}
