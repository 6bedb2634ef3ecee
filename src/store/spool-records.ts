/**
 * The spool: messages that were acknowledged, or accepted by their first upstream, and still have to reach a destination.
 * A lane is the queue of one MPPS at one destination: strictly first in, first out, while other lanes go on. What is kept
 * is what was received; rules run at each attempt.
 *
 * Times are those of the store (with PostgreSQL its server's clock), since the clocks of the processes that share it differ:
 * what is given is a duration.
 */
import type { DataSet } from '../dataset/model.ts';
import type { MppsEventType } from '../services/mpps/notification.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { MppsKey } from './mpps-key.ts';

/** Where messages go: an upstream, on behalf of a route. */
export interface Destination {
  readonly route: string;
  readonly upstream: string;
}

/** A message for one lane; the lane is its MppsKey: route, upstream and UID. */
export interface NewSpoolMessage extends MppsKey {
  readonly kind: 'create' | 'update' | 'event';
  /** Of an event: what an SCU of MPPS Notification is told; `received` is empty then. */
  readonly eventType?: MppsEventType;
  readonly received: DataSet;
  /** Of what was received. */
  readonly digest: string;
  /** Specific Character Set it came in. */
  readonly characterSet?: string;
  readonly requester: Requester;
  readonly traceId: string;
  readonly hops: readonly Hop[];
}

export interface SpoolFailure {
  /** Canonical failure code. */
  readonly code: string;
  /** What a person reads: no patient values. */
  readonly problem: string;
}

/** `queued`: is tried when its turn and time have come; `dead`: holds its lane until a person decides. */
export const SPOOL_STATES = ['queued', 'dead'] as const;
export type SpoolState = (typeof SPOOL_STATES)[number];

export interface SpoolMessage extends NewSpoolMessage {
  /** Ascending in the order of acceptance. */
  readonly id: number;
  readonly state: SpoolState;
  /** Wall clock of the store, ms since 1970. */
  readonly acceptedAt: number;
  /** Attempts that were begun. */
  readonly attempts: number;
  /** An attempt was begun and it is not known that it did nothing: the destination may have the message. */
  readonly inDoubt: boolean;
  readonly lastFailure?: SpoolFailure & { readonly at: number };
  /** Members whose text in the store is damaged; here they are empty. Such a message is never delivered. */
  readonly unreadable?: readonly UnreadableMember[];
}

export type UnreadableMember = 'received' | 'requester' | 'hops';

/** The first message of a lane, taken by this process until its lease ends. */
export interface Claim {
  readonly message: SpoolMessage;
  /** Whether an attempt before this one left the message in doubt. */
  readonly wasInDoubt: boolean;
  /** Which claim of the lane it is: a later one makes it void. */
  readonly token: number;
}

export interface SpoolFilter {
  readonly destination?: Destination;
  readonly uid?: string;
  readonly state?: SpoolState;
  /** Ids greater than this one. */
  readonly after?: number;
  /** Default 100. */
  readonly limit?: number;
}

export interface SpoolDepth extends Destination {
  readonly queued: number;
  readonly dead: number;
  /** Age of the oldest message in ms. */
  readonly oldestMs: number;
  /** Most attempts of any message. */
  readonly attempts: number;
}

/**
 * A claim whose token is no longer that of its lane is void: what is said about it changes nothing, `done` gives undefined,
 * and nothing rejects. The end of a lease alone does not make a claim void, only that somebody takes the lane then, or
 * discards its message: what has arrived is not sent again for being late. Who has to know asks `renew`.
 */
export interface Spool {
  /**
   * Takes lanes of a destination whose first message is queued and due and that nobody holds, oldest due first; its attempt
   * counts as begun, in doubt until told otherwise. A message that cannot be read becomes dead instead. Durable as `process`.
   */
  claim(destination: Destination, limit: number, leaseMs: number): Promise<Claim[]>;
  /**
   * The message has arrived: it is removed, and the next of the lane is taken at once, for `leaseMs`, as a claim of its own;
   * undefined: there is none, and the lane is free.
   */
  done(claim: Claim, leaseMs: number): Promise<Claim | undefined>;
  /**
   * The lane is tried again after `delayMs`. `inDoubt`: whether the destination may have the message, all attempts taken
   * together: one that did nothing leaves the doubt of an earlier one (`wasInDoubt`), unless it found out about that.
   */
  later(claim: Claim, delayMs: number, failure: SpoolFailure, inDoubt: boolean): Promise<void>;
  /** The lane waits for a person. `inDoubt` as with `later`; by default what it was before this attempt. */
  dead(claim: Claim, failure: SpoolFailure, inDoubt?: boolean): Promise<void>;
  /** Gives a lane back as if it had not been taken: nothing was sent. */
  giveBack(claim: Claim): Promise<void>;
  /** Holds lanes for another `leaseMs`; gives the tokens that are no longer ours. */
  renew(claims: readonly Claim[], leaseMs: number): Promise<ReadonlySet<number>>;
  /** Ms until the next lane of a destination that nobody holds is due, 0 when one is; undefined: there is none. */
  nextDueMs(destination: Destination): Promise<number | undefined>;
  /** The waiting lanes of a destination that are not dead become due now: it answers again. Gives how many. */
  wake(destination: Destination): Promise<number>;
  /** How many messages of a lane are still to be delivered. */
  countOf(lane: MppsKey): Promise<number>;
  /** In the order of their ids. */
  list(filter: SpoolFilter): Promise<SpoolMessage[]>;
  get(id: number): Promise<SpoolMessage | undefined>;
  /**
   * Tries a message again at once: a dead one is queued anew, a waiting one becomes due; one that stands behind a dead one
   * goes on waiting, since only that one can free the lane. False: there is none.
   */
  retry(id: number): Promise<boolean>;
  /**
   * Removes a message that nobody is delivering; what is behind it comes to its turn. Gives it; undefined: there is none, or
   * it is being delivered.
   */
  discard(id: number): Promise<SpoolMessage | undefined>;
  /** Per destination that has messages. */
  depths(): Promise<SpoolDepth[]>;
}
