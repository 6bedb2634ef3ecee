/** How much more a process may keep after a long time than after a short one. */
import type { SoakReport } from './soak.ts';

/** A connection that is just being given up. */
const HANDLES = 4;
const HELD_MEGABYTES = 12;
/** The allocator gives memory back late, and not all of it. */
const RESIDENT_SHARE = 0.35;

/** What is not flat, or not settled; empty is what it should be. */
export function troubleIn({ before, after, problems, exchanges }: SoakReport): string[] {
  const grown = (what: string, from: number, to: number, by: number): string[] =>
    to > from + by ? [`${what} grew from ${from.toFixed(1)} to ${to.toFixed(1)}, by more than ${by.toFixed(1)}`] : [];
  return [
    ...grown('handles', before.handles, after.handles, HANDLES),
    ...grown('file descriptors', before.fileDescriptors, after.fileDescriptors, HANDLES),
    ...grown('memory kept (MB)', before.heldMegabytes, after.heldMegabytes, HELD_MEGABYTES),
    ...grown(
      'resident memory (MB)',
      before.residentMegabytes,
      after.residentMegabytes,
      before.residentMegabytes * RESIDENT_SHARE,
    ),
    ...Object.entries(exchanges).flatMap(([what, count]) => (count > 0 ? [] : [`no ${what} at all`])),
    ...problems,
  ];
}
