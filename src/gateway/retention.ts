/** How long performed procedure steps are remembered (configuration `store.retention`), as moments to compare with. */
import type { MppsRetention } from '../store/store.ts';

/** Ages in ms; undefined: for ever. */
export interface RetentionAges {
  readonly final: number | undefined;
  readonly open: number | undefined;
  readonly tombstones: number | undefined;
}

/** @param nowMs wall clock, ms since 1970 */
export function retentionAt({ final, open, tombstones }: RetentionAges, nowMs: number): MppsRetention {
  return {
    ...(final === undefined ? {} : { finalBeforeMs: nowMs - final }),
    ...(open === undefined ? {} : { openBeforeMs: nowMs - open }),
    ...(tombstones === undefined ? {} : { tombstonesBeforeMs: nowMs - tombstones }),
  };
}
