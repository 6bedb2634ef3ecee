import type { Migration } from './migration.ts';

/**
 * The worklist of the embedded RIS. `stations` is a JSON list, in which a title is found with its quotes. A link between a
 * performed step and an entry has no foreign key: an entry of the seed that goes and comes back is still the one that was
 * performed. A link that changes gets a new number, so that the numbers stand in the order of the last change.
 */
export const RIS_WORKLIST: Migration = {
  version: 3,
  sqlite: `
    CREATE TABLE ris_entries (
      number             INTEGER PRIMARY KEY,
      upstream           TEXT    NOT NULL,
      id                 TEXT    NOT NULL,
      source             TEXT    NOT NULL CHECK (source IN ('seed', 'api')),
      state              TEXT    NOT NULL CHECK (state IN ('SCHEDULED', 'STARTED', 'COMPLETED', 'DISCONTINUED')),
      created_at         INTEGER NOT NULL,
      updated_at         INTEGER NOT NULL,
      start_date         TEXT    NOT NULL,
      modality           TEXT    NOT NULL,
      stations           TEXT    NOT NULL,
      patient_id         TEXT    NOT NULL,
      accession_number   TEXT    NOT NULL,
      study_instance_uid TEXT    NOT NULL,
      step_id            TEXT    NOT NULL,
      sort_key           TEXT    NOT NULL,
      scheduled          TEXT    NOT NULL,
      UNIQUE (upstream, id)
    ) STRICT;
    CREATE INDEX ris_entries_in_order ON ris_entries (upstream, sort_key, id);
    CREATE INDEX ris_entries_by_day ON ris_entries (upstream, start_date, modality, sort_key, id);
    CREATE INDEX ris_entries_by_patient ON ris_entries (upstream, patient_id);
    CREATE INDEX ris_entries_by_accession ON ris_entries (upstream, accession_number);
    CREATE INDEX ris_entries_by_study ON ris_entries (upstream, study_instance_uid);
    CREATE INDEX ris_entries_by_step ON ris_entries (upstream, step_id);
    CREATE INDEX ris_entries_by_state ON ris_entries (upstream, state, updated_at);

    CREATE TABLE ris_performed (
      number   INTEGER PRIMARY KEY AUTOINCREMENT,
      upstream TEXT    NOT NULL,
      entry_id TEXT    NOT NULL,
      uid      TEXT    NOT NULL,
      state    TEXT    NOT NULL CHECK (state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED')),
      UNIQUE (upstream, entry_id, uid)
    ) STRICT;

    CREATE TABLE ris_exceptions (
      id          INTEGER PRIMARY KEY AUTOINCREMENT,
      upstream    TEXT    NOT NULL,
      uid         TEXT    NOT NULL,
      entry_id    TEXT    NOT NULL,
      attributes  TEXT    NOT NULL,
      raised_at   INTEGER NOT NULL,
      resolution  TEXT CHECK (resolution IN ('merged', 'dismissed')),
      resolved_at INTEGER,
      reason      TEXT,
      UNIQUE (upstream, uid, entry_id)
    ) STRICT;
    CREATE INDEX ris_exceptions_open ON ris_exceptions (id) WHERE resolution IS NULL;

    ALTER TABLE ris_steps ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
    DROP INDEX ris_steps_by_change;
  `,
  postgres: '',
};
