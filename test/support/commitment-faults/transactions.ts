/** What is asked for, different in each transaction, and what an archive knows of it. */
import type { Instance } from '../../../scripts/peers/commitment.ts';
import type { Random } from '../spool-faults/random.ts';

export interface Transaction {
  readonly uid: string;
  readonly asked: readonly Instance[];
}

const ROOT = '1.2.826.0.1.3680043.10.999.31';
const CLASSES = ['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.4'] as const;
/** In the UID of an instance that no archive has. */
const MISSING = '.404.';
/** In the UID of one that archives have with another SOP class. */
const CONFLICT = '.119.';
const KINDS = ['.1.', '.1.', '.1.', MISSING, CONFLICT] as const;

/** @param branch of its own for each source */
export function transactionOf(branch: number, index: number, random: Random): Transaction {
  const uid = `${ROOT}.${branch}.${index}`;
  const asked = Array.from({ length: random.integer(1, 4) }, (_, n) => ({
    sopClass: random.pick(CLASSES),
    instance: `${uid}${random.pick(KINDS)}${n}`,
  }));
  return { uid, asked };
}

/** Failure Reason of an instance; undefined: it is committed. */
export function reasonOf({ instance }: Instance): number | undefined {
  if (instance.includes(MISSING)) return 0x0112;
  return instance.includes(CONFLICT) ? 0x0119 : undefined;
}

/** Names a transaction under whatever Transaction UID it comes. */
export function keyOf(asked: readonly Instance[]): string {
  return asked[0]?.instance ?? '';
}
