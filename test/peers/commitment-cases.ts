/** What is asked for in storage commitment, and what an archive says that has some of it. */
import type { Instance, Outcome } from '../../scripts/peers/commitment.ts';

const MR = '1.2.840.10008.5.1.4.1.1.4';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const ROOT = '1.2.826.0.1.3680043.10.999.30';

/** What every archive of these tests has. */
export const KNOWN: readonly Instance[] = [1, 2, 3].map((n) => ({ sopClass: MR, instance: `${ROOT}.1.${n}` }));
const UNKNOWN = [1, 2].map((n) => ({ sopClass: MR, instance: `${ROOT}.404.${n}` }));
const [first, second, third] = KNOWN as [Instance, Instance, Instance];

export interface CommitmentCase {
  readonly title: string;
  readonly asked: readonly Instance[];
  readonly outcome: Outcome;
}

const missing = (instance: Instance): Instance & { reason: number } => ({ ...instance, reason: 0x0112 });
/** It is there with another SOP class. */
const CONFLICT = { sopClass: CT, instance: second.instance };

export const COMMITMENT_CASES: readonly CommitmentCase[] = [
  { title: 'known instances', asked: KNOWN, outcome: { committed: KNOWN, failed: [] } },
  { title: 'unknown instances', asked: UNKNOWN, outcome: { committed: [], failed: UNKNOWN.map(missing) } },
  {
    title: 'mixed instances',
    asked: [first, ...UNKNOWN, CONFLICT, third],
    outcome: { committed: [first, third], failed: [...UNKNOWN.map(missing), { ...CONFLICT, reason: 0x0119 }] },
  },
];

let transactions = 0;

/** Used in no other test. */
export function freshTransactionUid(): string {
  return `${ROOT}.9.${process.pid}.${++transactions}`;
}
