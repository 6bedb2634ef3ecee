/** Storage commitments for the tests of the store. */
import type { CommitmentDestination, CommitmentRecord, NewCommitment } from '../../src/store/commitment-records.ts';
import { sopForm } from '../../src/services/storage-commitment/modules.ts';
import { PROCESSING_FAILURE } from '../../src/services/storage-commitment/commitment.ts';
import type { CommitmentResult } from '../../src/services/storage-commitment/commitment.ts';
import type { Store } from '../../src/store/store.ts';
import { manyReferences } from './commitments.ts';
import { WARD } from './requests.ts';

export const PACS: CommitmentDestination = { route: 'ct', upstream: 'pacs' };
export const VNA: CommitmentDestination = { route: 'ct', upstream: 'vna' };

const [FIRST, SECOND] = manyReferences(2) as [CommitmentResult['committed'][0], CommitmentResult['committed'][0]];

export const RESULT: CommitmentResult = { committed: [FIRST], failed: [{ ...SECOND, reason: PROCESSING_FAILURE }] };

/** Two instances, under the same Transaction UID on both sides. */
export function transactionOf(transactionUid: string, more: Partial<NewCommitment> = {}): NewCommitment {
  return {
    listener: 'ward',
    requestor: 'CT1',
    transactionUid,
    ...PACS,
    upstreamUid: transactionUid,
    requester: WARD,
    traceId: 'trace',
    hops: [],
    module: sopForm([FIRST, SECOND]),
    patienceMs: 60_000,
    ...more,
  };
}

/** What is there of a transaction that was just added, but for its times. */
export function freshRecordOf(transaction: NewCommitment): Partial<CommitmentRecord> {
  const { patienceMs: _patienceMs, ...brought } = transaction;
  return {
    ...brought,
    phase: 'asking',
    inDoubt: false,
    isRestarted: false,
    isSynthetic: false,
    attempts: 0,
  };
}

/** Adds transactions to the same destination, the first due longest; none is held. */
export async function addDue(
  { commitments }: Store,
  uids: readonly string[],
  more: Partial<NewCommitment> = {},
): Promise<CommitmentRecord[]> {
  const added: CommitmentRecord[] = [];
  for (const [i, uid] of uids.entries()) {
    const { record } = await commitments.add(transactionOf(uid, more), 0);
    const changed = await commitments.change(record, { dueInMs: 1_000 * (i - uids.length) }, 'process');
    added.push(changed as CommitmentRecord);
  }
  return added;
}
