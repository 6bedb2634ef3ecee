import type { Migration } from './migration.ts';

/**
 * A lane has a row while it has messages. `due_at` is null while its first message is dead, `lease_until` while nobody
 * holds it; what is left is what a claim looks for, in an index of its own: a backlog costs it nothing.
 * The ids of messages are never used twice, since a person may still name a message that is gone.
 *
 * In PostgreSQL claims are numbered by a sequence, and a lane whose lease has ended is found as one that is due.
 */
export const SPOOL: Migration = {
  version: 4,
  sqlite: `
    CREATE TABLE meta (
      name  TEXT PRIMARY KEY,
      value ANY  NOT NULL
    ) STRICT;
    INSERT INTO meta VALUES ('last_claim', 0), ('in_doubt_through', 0);

    CREATE TABLE spool_lanes (
      route       TEXT NOT NULL,
      upstream    TEXT NOT NULL,
      uid         TEXT NOT NULL,
      due_at      INTEGER,
      lease_until INTEGER,
      token       INTEGER,
      PRIMARY KEY (uid, route, upstream)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX spool_lanes_waiting ON spool_lanes (route, upstream, due_at)
      WHERE due_at IS NOT NULL AND lease_until IS NULL;
    CREATE INDEX spool_lanes_held ON spool_lanes (route, upstream, lease_until) WHERE lease_until IS NOT NULL;
    CREATE INDEX spool_lanes_dead ON spool_lanes (route, upstream) WHERE due_at IS NULL;

    CREATE TABLE spool_messages (
      id              INTEGER PRIMARY KEY AUTOINCREMENT,
      route           TEXT    NOT NULL,
      upstream        TEXT    NOT NULL,
      uid             TEXT    NOT NULL,
      state           TEXT    NOT NULL CHECK (state IN ('queued', 'dead')),
      attempts        INTEGER NOT NULL,
      in_doubt        INTEGER NOT NULL CHECK (in_doubt IN (0, 1)),
      failed_at       INTEGER,
      failure_code    TEXT,
      failure_problem TEXT,
      accepted_at     INTEGER NOT NULL,
      kind            TEXT    NOT NULL CHECK (kind IN ('create', 'update')),
      digest          TEXT    NOT NULL,
      character_set   TEXT,
      requester       TEXT    NOT NULL,
      trace_id        TEXT    NOT NULL,
      hops            TEXT    NOT NULL,
      received        TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX spool_messages_by_lane ON spool_messages (route, upstream, uid);
    CREATE INDEX spool_messages_tried ON spool_messages (route, upstream, attempts) WHERE attempts > 0;
    CREATE INDEX spool_messages_dead ON spool_messages (id) WHERE state = 'dead';
  `,
  postgres: `
    CREATE SEQUENCE spool_claims AS BIGINT;

    CREATE TABLE spool_lanes (
      route       TEXT COLLATE "C" NOT NULL,
      upstream    TEXT COLLATE "C" NOT NULL,
      uid         TEXT COLLATE "C" NOT NULL,
      due_at      BIGINT,
      lease_until BIGINT,
      token       BIGINT,
      PRIMARY KEY (uid, route, upstream)
    );
    CREATE INDEX spool_lanes_due ON spool_lanes (route, upstream, (coalesce(lease_until, due_at)))
      WHERE due_at IS NOT NULL;

    CREATE TABLE spool_messages (
      id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      route           TEXT    COLLATE "C" NOT NULL,
      upstream        TEXT    COLLATE "C" NOT NULL,
      uid             TEXT    COLLATE "C" NOT NULL,
      state           TEXT    NOT NULL CHECK (state IN ('queued', 'dead')),
      attempts        INTEGER NOT NULL,
      in_doubt        BOOLEAN NOT NULL,
      failed_at       BIGINT,
      failure_code    TEXT,
      failure_problem TEXT,
      accepted_at     BIGINT  NOT NULL,
      kind            TEXT    NOT NULL CHECK (kind IN ('create', 'update')),
      digest          TEXT    NOT NULL,
      character_set   TEXT,
      requester       TEXT    NOT NULL,
      trace_id        TEXT    NOT NULL,
      hops            TEXT    NOT NULL,
      received        TEXT    NOT NULL
    );
    CREATE INDEX spool_messages_by_lane ON spool_messages (uid, route, upstream, id);
    CREATE INDEX spool_messages_dead ON spool_messages (id) WHERE state = 'dead';
  `,
};
