/** What is remembered of a failed attempt, and when two results of a storage commitment are the same. */
import type { ServiceFailure } from '../../services/port.ts';
import type { CommitmentResult } from '../../services/storage-commitment/commitment.ts';
import { commitmentOutcomeOf } from '../../services/storage-commitment/outcomes.ts';
import type { CommitmentFailure } from '../../store/commitment-records.ts';
import { problemTextOf } from '../exchange.ts';

/** What a person reads of a failure: codes, statuses and tags. The words of a far end may name a patient. */
export function problemOf(failure: ServiceFailure): CommitmentFailure {
  return { code: failure.code, problem: problemTextOf(failure, commitmentOutcomeOf(failure.code).comment) };
}

/** Both are of the same request, so that their lists have its order. */
export function isSameResult(one: CommitmentResult, other: CommitmentResult): boolean {
  if (one.committed.length !== other.committed.length || one.failed.length !== other.failed.length) return false;
  return (
    one.committed.every(({ sopInstanceUid }, i) => sopInstanceUid === other.committed[i]?.sopInstanceUid) &&
    one.failed.every(({ sopInstanceUid, reason }, i) => {
      const its = other.failed[i];
      return sopInstanceUid === its?.sopInstanceUid && reason === its.reason;
    })
  );
}
