import type { Migration } from './migration.ts';

// A row that is put again gets a new id, so that the ids stand in the order of the last change.
export const RIS_STEPS: Migration = {
  version: 2,
  sqlite: `
    CREATE TABLE ris_steps (
      id         INTEGER PRIMARY KEY,
      upstream   TEXT    NOT NULL,
      uid        TEXT    NOT NULL,
      attributes TEXT    NOT NULL,
      UNIQUE (upstream, uid)
    ) STRICT;
    CREATE INDEX ris_steps_by_change ON ris_steps (upstream, id);
  `,
  postgres: `
    CREATE SEQUENCE ris_steps_changes AS BIGINT;

    CREATE TABLE ris_steps (
      id         BIGINT NOT NULL DEFAULT nextval('ris_steps_changes'),
      upstream   TEXT   COLLATE "C" NOT NULL,
      uid        TEXT   COLLATE "C" NOT NULL,
      attributes TEXT   NOT NULL,
      PRIMARY KEY (upstream, uid)
    );
  `,
};
