import type { Migration } from './migration.ts';

export const MPPS_UPDATES: Migration = {
  version: 5,
  sqlite: 'ALTER TABLE mpps ADD COLUMN updates TEXT',
  postgres: 'ALTER TABLE mpps ADD COLUMN updates TEXT',
};
