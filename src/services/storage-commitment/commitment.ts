/** A storage commitment (PS3.4 J.3, PS3.18 13) in neutral form: which instances, and what the keeper says of each. */

export interface SopReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

export interface FailedReference extends SopReference {
  /** Failure Reason (0008,1197), PS3.3 C.14.1.1, e.g. 0x0112: no such object instance. */
  readonly reason: number;
}

/** Failure Reason of an instance the keeper does not have. */
export const NO_SUCH_OBJECT_INSTANCE = 0x0112;

/** Every requested instance is in exactly one of the lists. */
export interface CommitmentResult {
  readonly committed: readonly SopReference[];
  readonly failed: readonly FailedReference[];
}

/** `pending`: the keeper has the request and will tell; `done`: it has told. */
export type CommitmentStatus =
  | { readonly state: 'pending'; readonly retryAfterMs?: number }
  | { readonly state: 'done'; readonly result: CommitmentResult };
