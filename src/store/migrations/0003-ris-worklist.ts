import type { Migration } from './migration.ts';

/**
 * `ris_entries_in_order` holds what searches without a narrow key filter by, so that they read no entry that they leave out.
 * Links outlive their entry, since one of a file may come back: no foreign key. What changed last among the steps is what
 * has the greatest id, as before.
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
      sort_key           TEXT    NOT NULL,
      start_date         TEXT    NOT NULL,
      modality           TEXT    NOT NULL,
      stations           TEXT    NOT NULL,
      patient_id         TEXT    NOT NULL,
      accession_number   TEXT    NOT NULL,
      study_instance_uid TEXT    NOT NULL,
      step_id            TEXT    NOT NULL,
      scheduled          TEXT    NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX ris_entries_by_id ON ris_entries (upstream, id);
    CREATE INDEX ris_entries_in_order ON ris_entries (upstream, sort_key, id, start_date, modality, stations, state);
    CREATE INDEX ris_entries_by_date ON ris_entries (upstream, start_date, modality);
    CREATE INDEX ris_entries_by_patient ON ris_entries (upstream, patient_id);
    CREATE INDEX ris_entries_by_accession ON ris_entries (upstream, accession_number);
    CREATE INDEX ris_entries_by_study ON ris_entries (upstream, study_instance_uid);
    CREATE INDEX ris_entries_by_step ON ris_entries (upstream, step_id);
    CREATE INDEX ris_entries_by_age ON ris_entries (upstream, state, updated_at);

    CREATE TABLE ris_links (
      upstream TEXT NOT NULL,
      entry_id TEXT NOT NULL,
      uid      TEXT NOT NULL,
      PRIMARY KEY (upstream, entry_id, uid)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX ris_links_by_step ON ris_links (upstream, uid);

    CREATE TABLE ris_exceptions (
      id          INTEGER PRIMARY KEY,
      upstream    TEXT    NOT NULL,
      uid         TEXT    NOT NULL,
      entry_id    TEXT    NOT NULL,
      attributes  TEXT    NOT NULL,
      raised_at   INTEGER NOT NULL,
      resolution  TEXT    CHECK (resolution IN ('merged', 'dismissed')),
      resolved_at INTEGER,
      reason      TEXT,
      UNIQUE (upstream, uid, entry_id)
    ) STRICT;
    CREATE INDEX ris_exceptions_open ON ris_exceptions (id) WHERE resolution IS NULL;

    DROP INDEX ris_steps_by_change;
    ALTER TABLE ris_steps ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE ris_steps ADD COLUMN state TEXT NOT NULL DEFAULT 'IN PROGRESS'
      CHECK (state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED'));
    UPDATE ris_steps SET state = trim(attributes ->> '$."00400252".Value[0]')
      WHERE json_valid(attributes) AND trim(attributes ->> '$."00400252".Value[0]') IN ('COMPLETED', 'DISCONTINUED');
  `,
  postgres: `
    CREATE TABLE ris_entries (
      number             BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      upstream           TEXT   COLLATE "C" NOT NULL,
      id                 TEXT   COLLATE "C" NOT NULL,
      source             TEXT   NOT NULL CHECK (source IN ('seed', 'api')),
      state              TEXT   COLLATE "C" NOT NULL
        CHECK (state IN ('SCHEDULED', 'STARTED', 'COMPLETED', 'DISCONTINUED')),
      created_at         BIGINT NOT NULL,
      updated_at         BIGINT NOT NULL,
      sort_key           TEXT   COLLATE "C" NOT NULL,
      start_date         TEXT   COLLATE "C" NOT NULL,
      modality           TEXT   COLLATE "C" NOT NULL,
      stations           TEXT[] COLLATE "C" NOT NULL,
      patient_id         TEXT   COLLATE "C" NOT NULL,
      accession_number   TEXT   COLLATE "C" NOT NULL,
      study_instance_uid TEXT   COLLATE "C" NOT NULL,
      step_id            TEXT   COLLATE "C" NOT NULL,
      scheduled          TEXT   NOT NULL,
      UNIQUE (upstream, id)
    );
    CREATE INDEX ris_entries_in_order ON ris_entries (upstream, sort_key, id, start_date, modality, state);
    CREATE INDEX ris_entries_by_date ON ris_entries (upstream, start_date, modality);
    CREATE INDEX ris_entries_by_patient ON ris_entries (upstream, patient_id);
    CREATE INDEX ris_entries_by_accession ON ris_entries (upstream, accession_number);
    CREATE INDEX ris_entries_by_study ON ris_entries (upstream, study_instance_uid);
    CREATE INDEX ris_entries_by_step ON ris_entries (upstream, step_id);
    CREATE INDEX ris_entries_by_age ON ris_entries (upstream, state, updated_at);

    CREATE TABLE ris_links (
      upstream TEXT COLLATE "C" NOT NULL,
      entry_id TEXT COLLATE "C" NOT NULL,
      uid      TEXT COLLATE "C" NOT NULL,
      PRIMARY KEY (upstream, entry_id, uid)
    );
    CREATE INDEX ris_links_by_step ON ris_links (upstream, uid);

    CREATE TABLE ris_exceptions (
      id          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      upstream    TEXT   COLLATE "C" NOT NULL,
      uid         TEXT   COLLATE "C" NOT NULL,
      entry_id    TEXT   COLLATE "C" NOT NULL,
      attributes  TEXT   NOT NULL,
      raised_at   BIGINT NOT NULL,
      resolution  TEXT   CHECK (resolution IN ('merged', 'dismissed')),
      resolved_at BIGINT,
      reason      TEXT,
      UNIQUE (upstream, uid, entry_id)
    );
    CREATE INDEX ris_exceptions_open ON ris_exceptions (id) WHERE resolution IS NULL;

    ALTER TABLE ris_steps ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE ris_steps ADD COLUMN state TEXT NOT NULL DEFAULT 'IN PROGRESS'
      CHECK (state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED'));
  `,
};
