/** Storage commitments in a store, in each phase, for the tests of what an operator does. */
import type { Requester } from '../../src/services/port.ts';
import type { CommitmentResult, SopReference } from '../../src/services/storage-commitment/commitment.ts';
import { sopForm } from '../../src/services/storage-commitment/modules.ts';
import type { CommitmentPhase, CommitmentRecord, NewCommitment } from '../../src/store/commitment-records.ts';
import type { Store } from '../../src/store/store.ts';
import { WARD } from './requests.ts';

export const PACS = { route: 'ct', upstream: 'pacs' };
export const WEB: Requester = { listener: 'web', protocol: 'dicomweb', address: '127.0.0.1', subject: 'nuc1' };
export const INSTANCES: readonly SopReference[] = [
  { sopClassUid: '1.2.840.10008.5.1.4.1.1.2', sopInstanceUid: '1.2.3.1' },
  { sopClassUid: '1.2.840.10008.5.1.4.1.1.4', sopInstanceUid: '1.2.3.2' },
];
const [FIRST, SECOND] = INSTANCES as [SopReference, SopReference];
/** The archive has committed the first and does not have the second. */
export const RESULT: CommitmentResult = { committed: [FIRST], failed: [{ ...SECOND, reason: 0x0112 }] };
export const NOTHING_COMMITTED: CommitmentResult = {
  committed: [],
  failed: INSTANCES.map((instance) => ({ ...instance, reason: 0x0110 })),
};
export const FAILURE = { code: 'UPSTREAM_UNREACHABLE', problem: 'no connection' };
const DAY_MS = 86_400_000;

/** Asked for by a modality, or by `requester`. */
export function commitmentOf(transactionUid: string, more: Partial<NewCommitment> = {}): NewCommitment {
  const { requester = WARD } = more;
  return {
    ...PACS,
    listener: requester.listener,
    requestor: requester.callingAeTitle ?? requester.subject ?? '',
    transactionUid,
    upstreamUid: transactionUid,
    requester,
    traceId: 'trace',
    hops: [],
    module: sopForm(INSTANCES),
    patienceMs: DAY_MS,
    ...more,
  };
}

/** One in a phase, due in an hour where it is due at all, with a failure behind it; nobody holds it. */
export async function commitmentIn(
  { commitments }: Store,
  phase: Exclude<CommitmentPhase, 'forgotten'>,
  transactionUid: string,
  more: Partial<NewCommitment> = {},
): Promise<CommitmentRecord> {
  const { record } = await commitments.add(commitmentOf(transactionUid, more), 1_000);
  const changed = await commitments.change(
    record,
    {
      phase,
      failure: FAILURE,
      dueInMs: phase === 'done' ? null : 3_600_000,
      ...(phase === 'reporting' || phase === 'done' ? { result: RESULT } : {}),
    },
    'disk',
  );
  if (changed === undefined) throw new Error('somebody else has changed it');
  return changed;
}
