/**
 * What is remembered of workitems: of those the gateway offers in front of a worklist and MPPS (`Workitems`), of the
 * subscriptions to them and the reports that wait for subscribers (`Subscriptions`), and of those it has claimed at a UPS-RS
 * server for an MPPS (`Claims`). Every change names the revision it was made from. Times are those of the store.
 */
import type { DataSet } from '../dataset/model.ts';
import type { MppsEventType } from '../services/mpps/notification.ts';
import type { Requester } from '../services/port.ts';
import type { WorkitemState } from '../services/ups/workitem.ts';
import type { Durability } from './durability.ts';

export interface WorkitemKey {
  readonly route: string;
  readonly uid: string;
}

/** What was begun at the far end and is not known to be finished. */
export const WORKITEM_PENDING = ['claim', 'update', 'complete', 'cancel'] as const;
export type WorkitemPending = (typeof WORKITEM_PENDING)[number];

export interface Workitem extends WorkitemKey {
  readonly state: WorkitemState;
  /** The far end has deleted it, or it has left the worklist: 410. */
  readonly isDeleted: boolean;
  /** Lock of its performer. */
  readonly transactionUid?: string;
  readonly mppsUid?: string;
  /** Its performer, in whose name the MPPS is asked for. */
  readonly requester?: Requester;
  readonly pending?: WorkitemPending;
  /**
   * What was asked for in `pending`, to go on with after a restart. Without it, of one that is SCHEDULED: what user agents have
   * changed of it, which a worklist does not hold.
   */
  readonly intended?: DataSet;
  /** As a user agent sees it. */
  readonly workitem: DataSet;
  /** Worklist entry it was made from; empty where a user agent created it. */
  readonly entry: DataSet;
}

export interface WorkitemRecord extends Workitem {
  /** Grows with every change; 0 of one that is not stored yet. */
  readonly revision: number;
  /** Wall clock of the store, ms since 1970. */
  readonly createdAt: number;
  readonly updatedAt: number;
}

export interface WorkitemFilter {
  readonly route: string;
  readonly states?: readonly WorkitemState[];
  /** Those that are deleted are left out unless this is set. */
  readonly withDeleted?: boolean;
  /** Only those that say what no worklist does: user agents have created them, or changed them before anybody claimed them. */
  readonly isKept?: boolean;
  /** UIDs after this one, in ascending order. */
  readonly after?: string;
  /** Default 100. */
  readonly limit?: number;
}

/** Ages in ms. */
export interface WorkitemRetention {
  /** COMPLETED and CANCELED ones are erased so long after their last change. */
  readonly finalMs: number;
  /** Those IN PROGRESS so long after their last change. */
  readonly openMs: number;
  /** SCHEDULED ones so long after their last change, or after they were last seen in the worklist. */
  readonly scheduledMs: number;
  /**
   * What has a deletion lock stays longer, in every state so long: a subscriber that never comes back would keep it for good.
   * So does what user agents have created and nobody has claimed, which no search of a worklist sees again.
   */
  readonly lockedMs: number;
  /** Default 1,000. */
  readonly limit?: number;
}

/** Workitems of one route in one state. */
export interface WorkitemCount {
  readonly route: string;
  readonly state: WorkitemState;
  readonly count: number;
}

export interface Workitems {
  get(key: WorkitemKey): Promise<WorkitemRecord | undefined>;
  findByMpps(route: string, mppsUid: string): Promise<WorkitemRecord | undefined>;
  /**
   * Notes what a search of the worklist found: new ones are added, SCHEDULED ones whose entry is another than before, or that
   * were deleted, get the new `workitem` and `entry` and are not deleted any more. The others stay as they are, so do those
   * with something pending; what the gateway itself has put into a `workitem` stays until its entry changes. Gives the UIDs
   * that are new. Durable as `process`.
   */
  see(found: readonly Pick<Workitem, 'route' | 'uid' | 'workitem' | 'entry'>[]): Promise<readonly string[]>;
  /** Adds one; undefined: its key is taken. */
  add(workitem: Workitem, durability: Durability): Promise<WorkitemRecord | undefined>;
  /** Writes it whole in place of that revision; undefined: it is not the current one any more. */
  change(workitem: Workitem, revision: number, durability: Durability): Promise<WorkitemRecord | undefined>;
  /** One that cannot be read is left out, here and where others are polled; who asks for it alone is told. */
  list(filter: WorkitemFilter): Promise<WorkitemRecord[]>;
  /** Those IN PROGRESS, for the polling of their MPPS: at most `limit`, longest not polled first, marked as polled now. */
  takeOpen(route: string, limit: number, notPolledForMs: number): Promise<WorkitemRecord[]>;
  /** Those that are not deleted. */
  counts(): Promise<WorkitemCount[]>;
  /** One round of housekeeping; call again while it gives `limit`. Reports and subscriptions of those erased go too. */
  expire(retention: WorkitemRetention): Promise<number>;
}

export interface Subscription {
  readonly route: string;
  /** UID of a workitem, or the well-known one of the worklist. */
  readonly resource: string;
  readonly aeTitle: string;
  /** `off`: of a workitem, taken back from a subscription to the worklist; `suspended`: of the worklist only. */
  readonly standing: 'on' | 'off' | 'suspended';
  readonly deletionLock: boolean;
}

/** A report that waits for a subscriber. */
export interface WaitingReport {
  /** Ascending. */
  readonly id: number;
  readonly report: DataSet;
}

/** Reports of one route that wait for their subscribers. */
export interface ReportCount {
  readonly route: string;
  readonly count: number;
  readonly oldestMs: number;
}

export interface Subscriptions {
  /** In place of the one of its route, resource and AE title. One to the worklist (`on`) removes the AE title's others. */
  put(subscription: Subscription): Promise<void>;
  /** False: there was none. One to the worklist goes with all others of its AE title. */
  remove(route: string, resource: string, aeTitle: string): Promise<boolean>;
  get(route: string, resource: string, aeTitle: string): Promise<Subscription | undefined>;
  /**
   * AE titles that hear of a workitem: those subscribed to it, and those subscribed to the worklist that did not unsubscribe
   * from it; a suspended subscription counts for workitems that are older than its suspension. In ascending order.
   */
  subscribersOf(key: WorkitemKey): Promise<readonly string[]>;
  /** Whether anybody is subscribed to anything of a route. */
  isWatched(route: string): Promise<boolean>;
  /** A workitem with a deletion lock stays. */
  isLocked(key: WorkitemKey): Promise<boolean>;
  /** Puts a report into the queue of each of these; the oldest beyond `maximum` of one are dropped: how many. On the disk. */
  enqueue(
    route: string,
    aeTitles: readonly string[],
    workitemUid: string,
    report: DataSet,
    maximum: number,
  ): Promise<number>;
  /** The next ones, oldest first. */
  waiting(route: string, aeTitle: string, limit: number): Promise<WaitingReport[]>;
  /** They have arrived: up to this id. Durable as `process`: a report may come twice, never not at all. */
  delivered(route: string, aeTitle: string, upTo: number): Promise<void>;
  /** Of routes that have any. */
  counts(): Promise<ReportCount[]>;
  /** Reports older than this are dropped: how many. Durable as `process`. */
  expireReports(olderThanMs: number): Promise<number>;
}

/**
 * `claiming`: the claim is about to be sent or its outcome unknown; `refused`: it is another's, and is looked for anew;
 * `claimed`: it is ours; `final`: COMPLETED or CANCELED.
 */
export const CLAIM_PHASES = ['claiming', 'refused', 'claimed', 'final'] as const;
export type ClaimPhase = (typeof CLAIM_PHASES)[number];

export interface ClaimedWorkitem {
  readonly workitemUid: string;
  /** Ours, made before the claim was sent. */
  readonly transactionUid: string;
  readonly phase: ClaimPhase;
  /** Made for this MPPS: unscheduled, or appended. */
  readonly isCreated: boolean;
}

/** An MPPS at a UPS-RS server. */
export interface Claim {
  /** Name of the upstream. */
  readonly upstream: string;
  readonly mppsUid: string;
  /** One for each item of Scheduled Step Attributes Sequence. */
  readonly workitems: readonly ClaimedWorkitem[];
  /** Digest of the N-CREATE: a repeat of it goes on where it stopped. */
  readonly createDigest: string;
  /** Everything was taken by the server, what `picture` says included: false between a claim and its update. */
  readonly isComplete: boolean;
  /** The MPPS as it stands, all updates merged. */
  readonly picture: DataSet;
  /** Of the events of its state (PS3.4 F.9), the last that was told: one each, across connections and restarts. */
  readonly told?: MppsEventType;
  /** Something is still to be done, or to be told: it is caught up on until then. */
  readonly isOpen: boolean;
}

export interface ClaimRecord extends Claim {
  readonly revision: number;
  readonly createdAt: number;
  readonly updatedAt: number;
}

/** What a search gave under a Scheduled Procedure Step ID. */
export interface SeenStep {
  readonly upstream: string;
  readonly studyUid: string;
  readonly stepId: string;
  readonly workitemUid: string;
}

/** Ages in ms. */
export interface ClaimRetention {
  /** Claims that are not open go so long after their last change. */
  readonly finalMs: number;
  /** Those that are open: whoever was to end them has not come back. */
  readonly openMs: number;
  /** Steps so long after a search gave them last. */
  readonly seenMs: number;
  /** At most so many of each kind in one call; default 1,000. */
  readonly limit?: number;
}

/** Claims of one upstream that are open. */
export interface OpenClaimCount {
  readonly upstream: string;
  readonly count: number;
  /** Since the oldest was added. */
  readonly oldestMs: number;
}

export interface Claims {
  get(upstream: string, mppsUid: string): Promise<ClaimRecord | undefined>;
  /** An open one before others, then the newest. */
  findByWorkitem(upstream: string, workitemUid: string): Promise<ClaimRecord | undefined>;
  add(claim: Claim, durability: Durability): Promise<ClaimRecord | undefined>;
  change(claim: Claim, revision: number, durability: Durability): Promise<ClaimRecord | undefined>;
  remove(upstream: string, mppsUid: string, revision: number): Promise<boolean>;
  /** Those that are open, for catching up: in the order of their MPPS UIDs, which are greater than `after`. */
  listOpen(upstream: string, after: string | undefined, limit: number): Promise<ClaimRecord[]>;
  /** Of upstreams that have any. */
  openCounts(): Promise<OpenClaimCount[]>;
  /** Notes what a search gave. Durable as `process`. */
  see(steps: readonly SeenStep[]): Promise<void>;
  findStep(upstream: string, studyUid: string, stepId: string): Promise<string | undefined>;
  /** One round of housekeeping: how many went. Durable as `process`. */
  expire(retention: ClaimRetention): Promise<number>;
}
