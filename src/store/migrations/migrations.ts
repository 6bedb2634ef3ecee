import { MPPS } from './0001-mpps.ts';
import type { Migration } from './migration.ts';

export const MIGRATIONS: readonly Migration[] = [MPPS];
