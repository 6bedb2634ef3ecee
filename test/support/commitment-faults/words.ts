/** How archives word a result: mostly as they should, now and then incompletely, doubly, or about something else. */
import type { Instance, Outcome } from '../../../scripts/peers/commitment.ts';
import type { Random } from '../spool-faults/random.ts';

const PROCESSING_FAILURE = 0x0110;
const CLASS_INSTANCE_CONFLICT = 0x0119;

export function wordsOf(random: Random, { committed, failed }: Outcome): Outcome {
  const [first] = committed;
  const drawn = random.integer(0, 19);
  if (first === undefined || drawn > 4) return { committed, failed };
  const stranger = { ...first, instance: `${first.instance}.7` };
  const words: readonly Outcome[] = [
    { committed: committed.slice(1), failed },
    { committed: [...committed, stranger], failed },
    { committed: [...committed, first], failed },
    { committed, failed: [...failed, { ...first, reason: 0x0213 }] },
    { committed: [{ ...first, sopClass: '1.2.840.10008.5.1.4.1.1.7' }, ...committed.slice(1)], failed },
  ];
  return words[drawn] as Outcome;
}

/** The rule, written down once more: what was told of exactly this instance, and only as committed, is committed. */
export function meaningOf(asked: readonly Instance[], told: Outcome): Outcome {
  const reasons = asked.map((each) => {
    const same = ({ instance }: Instance): boolean => instance === each.instance;
    const failure = told.failed.find(same);
    if (failure !== undefined) return failure.reason;
    const listed = told.committed.filter(same);
    if (listed.length === 0) return PROCESSING_FAILURE;
    return listed.every(({ sopClass }) => sopClass === each.sopClass) ? undefined : CLASS_INSTANCE_CONFLICT;
  });
  return {
    committed: asked.filter((_, i) => reasons[i] === undefined),
    failed: asked.flatMap((each, i) => {
      const reason = reasons[i];
      return reason === undefined ? [] : [{ ...each, reason }];
    }),
  };
}

/** What is said where nobody told a result. */
export function nothingOf(asked: readonly Instance[]): Outcome {
  return { committed: [], failed: asked.map((each) => ({ ...each, reason: PROCESSING_FAILURE })) };
}

/** The same content as the same text, in whatever order. */
export function textOf({ committed, failed }: Outcome): string {
  const lines = [
    ...committed.map(({ sopClass, instance }) => `${sopClass}=${instance}`),
    ...failed.map(({ sopClass, instance, reason }) => `${sopClass}=${instance} ${reason}`),
  ];
  return lines.sort().join('\n');
}
