/** What is asked for in storage commitment, and what an archive says that has some of it. */
import type { Instance, Outcome } from '../../scripts/peers/commitment.ts';

const MR = '1.2.840.10008.5.1.4.1.1.4';
const CT = '1.2.840.10008.5.1.4.1.1.2';
const ROOT = '1.2.826.0.1.3680043.10.999.30';

/** What every archive of these tests has. */
export const KNOWN: readonly Instance[] = [1, 2, 3].map((n) => ({ sopClass: MR, instance: `${ROOT}.1.${n}` }));
/** What none of them has. */
export const MISSING: readonly Instance[] = [1, 2].map((n) => ({ sopClass: MR, instance: `${ROOT}.404.${n}` }));
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
  { title: 'unknown instances', asked: MISSING, outcome: { committed: [], failed: MISSING.map(missing) } },
  {
    title: 'mixed instances',
    asked: [first, ...MISSING, CONFLICT, third],
    outcome: { committed: [first, third], failed: [...MISSING.map(missing), { ...CONFLICT, reason: 0x0119 }] },
  },
];

/** What makes an archive an archive that has these instances. */
export function reasonOf({ sopClass, instance }: Instance): number | undefined {
  const known = KNOWN.find((each) => each.instance === instance);
  if (known === undefined) return 0x0112;
  return known.sopClass === sopClass ? undefined : 0x0119;
}

/** Instances with odd last numbers are of one study, the others of another; each has one series. */
function studyOf({ instance }: Instance): string {
  return `${ROOT}.5.${Number(instance.slice(-1)) % 2}`;
}

/** The form of Referenced Study Sequence and Failed Study Sequence (PS3.18 Tables J.1-1 and J.2-1), DICOM JSON. */
export function treeOf({ committed, failed }: Outcome): object {
  return {
    ...(committed.length > 0 && { '00081110': studies(committed) }),
    ...(failed.length > 0 && { '0008119B': studies(failed) }),
  };
}

/** The instances as they stand in the tree. */
export function inTreeOrder(asked: readonly Instance[]): Instance[] {
  const inStudy = [...Map.groupBy(asked, studyOf).values()];
  return inStudy.flatMap((each) => [...Map.groupBy(each, ({ sopClass }) => sopClass).values()].flat());
}

const sq = (items: readonly object[]): object => ({ vr: 'SQ', Value: items });
const ui = (uid: string): object => ({ vr: 'UI', Value: [uid] });

function studies(instances: readonly (Instance & { readonly reason?: number })[]): object {
  const inStudy = [...Map.groupBy(instances, studyOf)];
  return sq(
    inStudy.map(([study, each]) => {
      const classes = [...Map.groupBy(each, ({ sopClass }) => sopClass)].map(([sopClass, inClass]) => ({
        '0008114A': sq(
          inClass.map(({ instance, reason }) => ({
            '00081155': ui(instance),
            ...(reason !== undefined && { '00081197': { vr: 'US', Value: [reason] } }),
          })),
        ),
        '00081150': ui(sopClass),
      }));
      const series = { '00081112': sq(classes), '0020000E': ui(`${study}.1`) };
      return { '00081115': sq([series]), '0020000D': ui(study) };
    }),
  );
}

let transactions = 0;

/** Used in no other test. */
export function freshTransactionUid(): string {
  return `${ROOT}.9.${process.pid}.${++transactions}`;
}
