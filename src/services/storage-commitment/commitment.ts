/** A storage commitment (PS3.4 J.3, PS3.18 13) in neutral form: which instances, and what the keeper says of each. */

export interface SopReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface FailedReference extends SopReference {
  /** Failure Reason (0008,1197), PS3.3 C.14.1.1, e.g. 0x0112: no such object instance. */
  readonly reason: number;
}

/** Failure Reason that says no more than that it failed; also of an instance about which the keeper said nothing. */
export const PROCESSING_FAILURE = 0x0110;
/** Failure Reason of an instance the keeper does not have. */
export const NO_SUCH_OBJECT_INSTANCE = 0x0112;
/** Failure Reason of an instance the keeper has with another SOP class. */
export const CLASS_INSTANCE_CONFLICT = 0x0119;
/** Failure Reason of every instance where the Transaction UID is in use already. */
export const DUPLICATE_TRANSACTION_UID = 0x0131;

/** Every requested instance is in exactly one of the lists. */
export interface CommitmentResult {
  readonly committed: readonly SopReference[];
  readonly failed: readonly FailedReference[];
}

/** What a keeper listed as failed; `reason` undefined: it gave none, or none that can be one. */
export interface ToldFailure extends SopReference {
  readonly reason?: number | undefined;
}

/**
 * A keeper's own words, which may leave instances out, list them twice or list others: only `settle` makes a result of
 * them. A UID that is missing or none is ''.
 */
export interface ToldCommitment {
  readonly committed: readonly SopReference[];
  readonly failed: readonly ToldFailure[];
}

/** What a keeper reports by itself, by N-EVENT-REPORT. */
export interface ToldEvent extends ToldCommitment {
  readonly transactionUid: string;
}

/** `pending`: the keeper has the request and will tell; `done`: it has told. */
export type CommitmentStatus =
  | { readonly state: 'pending'; readonly retryAfterMs?: number }
  | { readonly state: 'done'; readonly told: ToldCommitment };
