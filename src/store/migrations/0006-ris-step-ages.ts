import type { Migration } from './migration.ts';

/** Steps that are there already are as old as this migration: what is not known must not make patient data go too early. */
export const RIS_STEP_AGES: Migration = {
  version: 6,
  sqlite: `
    ALTER TABLE ris_steps ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
    UPDATE ris_steps SET updated_at = unixepoch() * 1000;
    CREATE INDEX ris_steps_by_age ON ris_steps (upstream, updated_at);
  `,
  postgres: `
    ALTER TABLE ris_steps ADD COLUMN updated_at BIGINT;
    UPDATE ris_steps SET updated_at = (extract(epoch FROM clock_timestamp()) * 1000)::bigint;
    ALTER TABLE ris_steps ALTER COLUMN updated_at SET NOT NULL;
    CREATE INDEX ris_steps_by_age ON ris_steps (upstream, updated_at);
  `,
};
