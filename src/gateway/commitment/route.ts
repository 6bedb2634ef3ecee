/** What a route says about the storage commitment service, and who may report to whom. */
import type { NamedUpstream } from '../routes.ts';

export interface CommitmentOptions {
  /**
   * `direct`: an upstream that cannot be reached is told to the one who asks. `store-and-forward`: the request is taken once
   * it is on the disk, and the upstream is asked however long it is away, until the deadline.
   */
  readonly delivery: 'direct' | 'store-and-forward';
  /** `own`: towards the upstream a UID of the gateway, needed where several requestors could use one UID. */
  readonly transactionUids: 'same' | 'own';
  /** How long the answer to a web client, and the association to an upstream, wait for the result, ms. */
  readonly holdMs: number;
  /** A result that has not come so long after the request is made: every instance has failed. ms */
  readonly deadlineMs: number;
  /** Between two Result Checks, and told to web clients, where the upstream says nothing; doubles up to the maximum. ms */
  readonly firstPollMs: number;
  readonly maximumPollMs: number;
  /** One attempt to ask, check or report may take so long, ms. */
  readonly attemptTimeoutMs: number;
  /** Reports to an SCU go first on the association of its request while it is open, or always on a new one. */
  readonly reportOn: 'open-association' | 'new-association';
  /** Retrieve AE Title (0008,0054) in reports. */
  readonly retrieveAeTitle?: string | undefined;
  /** The very request of a web client that comes again: 409, or the answer as it is now. */
  readonly repeatedRequest: 'refuse' | 'answer';
}

export interface CommitmentTarget {
  readonly route: string;
  readonly upstream: NamedUpstream;
  readonly options: CommitmentOptions;
}

/** The names of a target that is gone: nobody is asked there. */
export interface StrayPlace {
  readonly route: string;
  readonly upstream: Pick<NamedUpstream, 'name'>;
  /** For reports. */
  readonly options: Pick<CommitmentOptions, 'attemptTimeoutMs' | 'reportOn' | 'retrieveAeTitle'>;
  readonly isStray: true;
}

/** Where the transactions of an upstream of a route are worked on. */
export type CommitmentPlace = CommitmentTarget | StrayPlace;

/** Tells places apart. */
export function placeOf(route: string, upstream: string): string {
  return JSON.stringify([route, upstream]);
}

/** A DIMSE upstream as an address: of an SCP that reports to us, or of an SCU that we report to. */
export interface CommitmentPeer {
  readonly upstream: NamedUpstream;
  readonly aeTitle: string;
  /** What an SCP is told about a Transaction UID that it was not asked about: 0115H, or 0000H to stop it repeating. */
  readonly unknownReports: 'refuse' | 'accept';
}
