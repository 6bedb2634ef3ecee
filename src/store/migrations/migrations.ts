import { MPPS } from './0001-mpps.ts';
import { RIS_STEPS } from './0002-ris-steps.ts';
import { RIS_WORKLIST } from './0003-ris-worklist.ts';
import { SPOOL } from './0004-spool.ts';
import { MPPS_UPDATES } from './0005-mpps-updates.ts';
import { RIS_STEP_AGES } from './0006-ris-step-ages.ts';
import { COMMITMENTS } from './0007-commitments.ts';
import { WORKITEMS } from './0008-workitems.ts';
import type { Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [
  MPPS,
  RIS_STEPS,
  RIS_WORKLIST,
  SPOOL,
  MPPS_UPDATES,
  RIS_STEP_AGES,
  COMMITMENTS,
  WORKITEMS,
];
