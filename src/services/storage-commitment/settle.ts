/**
 * The rule of storage commitment: an instance counts as committed only where the keeper said so of exactly this
 * instance (PS3.4 J.3.3, PS3.18 J.2). Whatever is missing, contradictory or about something else counts as failed: a
 * false failure has a modality send again, a false commitment has it delete the only copy.
 */
import { CLASS_INSTANCE_CONFLICT, DUPLICATE_TRANSACTION_UID, PROCESSING_FAILURE } from './commitment.ts';
import type { CommitmentResult, FailedReference, SopReference, ToldCommitment } from './commitment.ts';

export interface Settlement {
  readonly result: CommitmentResult;
  /** Listings of instances that were not requested; they are dropped. */
  readonly unrequested: number;
  /** Requested instances that were listed more than once, in one list or in both. */
  readonly doublyListed: number;
  /** Requested instances that were listed nowhere; they failed. */
  readonly unlisted: number;
}

/**
 * What a keeper's words mean for the requested instances, in the order of the request. Only the lists count, never the
 * Event Type that came with them.
 */
export function settle(requested: readonly SopReference[], told: ToldCommitment): Settlement {
  const reasonOf = failureReasons(told);
  const listings = new Map(requested.map(({ sopInstanceUid }) => [sopInstanceUid, 0]));
  let unrequested = 0;
  for (const { sopInstanceUid } of [...told.committed, ...told.failed]) {
    const earlier = listings.get(sopInstanceUid);
    if (earlier === undefined) unrequested++;
    else listings.set(sopInstanceUid, earlier + 1);
  }

  const committed: SopReference[] = [];
  const failed: FailedReference[] = [];
  for (const { sopClassUid, sopInstanceUid } of withoutRepeats(requested)) {
    const reference = { sopClassUid, sopInstanceUid };
    const reason = reasonOf(reference);
    if (reason === undefined) committed.push(reference);
    else failed.push({ ...reference, reason });
  }
  const counts = [...listings.values()];
  return {
    result: { committed, failed },
    unrequested,
    doublyListed: counts.filter((count) => count > 1).length,
    unlisted: counts.filter((count) => count === 0).length,
  };
}

/** The result where no keeper has told anything in time, or never will. */
export function failAll(requested: readonly SopReference[], reason: number = PROCESSING_FAILURE): CommitmentResult {
  const failed = withoutRepeats(requested);
  return {
    committed: [],
    failed: failed.map(({ sopClassUid, sopInstanceUid }) => ({ sopClassUid, sopInstanceUid, reason })),
  };
}

/** The keeper refused the Transaction UID, not the instances: another UID may do better. */
export function isDuplicateTransaction({ committed, failed }: CommitmentResult): boolean {
  const refused = failed.every(({ reason }) => reason === DUPLICATE_TRANSACTION_UID);
  return committed.length === 0 && failed.length > 0 && refused;
}

/**
 * Why an instance is not committed, undefined when it is. Failed wins over committed, and the first reason given over
 * later ones. Committed is only what was committed with the SOP class of the request and with no other: else the keeper
 * has something else under this UID.
 */
export function failureReasons(told: ToldCommitment): (reference: SopReference) => number | undefined {
  const reasons = new Map<string, number | undefined>();
  for (const { sopInstanceUid, reason } of told.failed) {
    reasons.set(sopInstanceUid, reasons.get(sopInstanceUid) ?? (isReason(reason) ? reason : undefined));
  }
  const classes = new Map<string, string | undefined>();
  for (const { sopInstanceUid, sopClassUid } of told.committed) {
    const isOnlyClass = !classes.has(sopInstanceUid) || classes.get(sopInstanceUid) === sopClassUid;
    classes.set(sopInstanceUid, isOnlyClass ? sopClassUid : undefined);
  }
  return ({ sopClassUid, sopInstanceUid }) => {
    if (reasons.has(sopInstanceUid)) return reasons.get(sopInstanceUid) ?? PROCESSING_FAILURE;
    if (!classes.has(sopInstanceUid)) return PROCESSING_FAILURE;
    return classes.get(sopInstanceUid) === sopClassUid ? undefined : CLASS_INSTANCE_CONFLICT;
  };
}

/** A US; 0 would read as success. */
function isReason(reason: number | undefined): boolean {
  return Number.isInteger(reason) && (reason as number) > 0 && (reason as number) <= 0xffff;
}

function withoutRepeats(requested: readonly SopReference[]): SopReference[] {
  const first = new Map<string, SopReference>();
  for (const reference of requested) {
    if (!first.has(reference.sopInstanceUid)) first.set(reference.sopInstanceUid, reference);
  }
  return [...first.values()];
}
