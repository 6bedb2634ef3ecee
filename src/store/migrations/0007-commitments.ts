import type { Migration } from './migration.ts';

/**
 * Storage commitments. `due_at` is null while there is nothing to do by itself, `lease_until` while nobody holds it. Modules
 * and results are large: in SQLite they have tables of their own, since a change of a row writes it anew with all that is in
 * it; PostgreSQL keeps large values apart by itself.
 * The ids are never used twice, since a person may still name one that is gone.
 */
export const COMMITMENTS: Migration = {
  version: 7,
  sqlite: `
    CREATE TABLE commitments (
      id              INTEGER PRIMARY KEY AUTOINCREMENT,
      revision        INTEGER NOT NULL,
      listener        TEXT    NOT NULL,
      requestor       TEXT    NOT NULL,
      transaction_uid TEXT    NOT NULL,
      route           TEXT    NOT NULL,
      upstream        TEXT    NOT NULL,
      upstream_uid    TEXT    NOT NULL,
      phase           TEXT    NOT NULL CHECK (phase IN ('asking', 'waiting', 'reporting', 'done', 'forgotten')),
      in_doubt        INTEGER NOT NULL CHECK (in_doubt IN (0, 1)),
      is_restarted    INTEGER NOT NULL CHECK (is_restarted IN (0, 1)),
      is_synthetic    INTEGER NOT NULL CHECK (is_synthetic IN (0, 1)),
      attempts        INTEGER NOT NULL,
      failed_at       INTEGER,
      failure_code    TEXT,
      failure_problem TEXT,
      created_at      INTEGER NOT NULL,
      settled_at      INTEGER,
      deadline_at     INTEGER NOT NULL,
      due_at          INTEGER,
      lease_until     INTEGER,
      trace_id        TEXT    NOT NULL,
      requester       TEXT    NOT NULL,
      hops            TEXT    NOT NULL,
      UNIQUE (transaction_uid, listener, requestor),
      UNIQUE (upstream_uid, upstream)
    ) STRICT;
    CREATE INDEX commitments_due ON commitments (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX commitments_held ON commitments (lease_until) WHERE lease_until IS NOT NULL;
    CREATE INDEX commitments_by_phase ON commitments (phase, route, upstream, created_at) WHERE phase <> 'forgotten';
    CREATE INDEX commitments_settled ON commitments (coalesce(settled_at, created_at))
      WHERE phase IN ('reporting', 'done');
    CREATE INDEX commitments_forgotten ON commitments (created_at) WHERE phase = 'forgotten';

    CREATE TABLE commitment_modules (
      id     INTEGER PRIMARY KEY REFERENCES commitments ON DELETE CASCADE,
      module TEXT    NOT NULL
    ) STRICT;
    CREATE TABLE commitment_results (
      id     INTEGER PRIMARY KEY REFERENCES commitments ON DELETE CASCADE,
      result TEXT    NOT NULL
    ) STRICT;
  `,
  postgres: `
    CREATE TABLE commitments (
      id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      revision        BIGINT  NOT NULL,
      listener        TEXT    COLLATE "C" NOT NULL,
      requestor       TEXT    COLLATE "C" NOT NULL,
      transaction_uid TEXT    COLLATE "C" NOT NULL,
      route           TEXT    COLLATE "C" NOT NULL,
      upstream        TEXT    COLLATE "C" NOT NULL,
      upstream_uid    TEXT    COLLATE "C" NOT NULL,
      phase           TEXT    COLLATE "C" NOT NULL
        CHECK (phase IN ('asking', 'waiting', 'reporting', 'done', 'forgotten')),
      in_doubt        BOOLEAN NOT NULL,
      is_restarted    BOOLEAN NOT NULL,
      is_synthetic    BOOLEAN NOT NULL,
      attempts        INTEGER NOT NULL,
      failed_at       BIGINT,
      failure_code    TEXT,
      failure_problem TEXT,
      created_at      BIGINT  NOT NULL,
      settled_at      BIGINT,
      deadline_at     BIGINT  NOT NULL,
      due_at          BIGINT,
      lease_until     BIGINT,
      trace_id        TEXT    NOT NULL,
      requester       TEXT    NOT NULL,
      hops            TEXT    NOT NULL,
      module          TEXT,
      result          TEXT,
      UNIQUE (transaction_uid, listener, requestor),
      UNIQUE (upstream_uid, upstream)
    );
    CREATE INDEX commitments_due ON commitments (due_at) WHERE due_at IS NOT NULL;
    CREATE INDEX commitments_held ON commitments (lease_until) WHERE lease_until IS NOT NULL;
    CREATE INDEX commitments_by_phase ON commitments (phase, route, upstream, created_at) WHERE phase <> 'forgotten';
    CREATE INDEX commitments_settled ON commitments ((coalesce(settled_at, created_at)))
      WHERE phase IN ('reporting', 'done');
    CREATE INDEX commitments_forgotten ON commitments (created_at) WHERE phase = 'forgotten';
  `,
};
