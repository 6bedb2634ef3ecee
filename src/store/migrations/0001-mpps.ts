import type { Migration } from './migration.ts';

// Members that are never searched for are JSON text. An own rowid, since rows with copies are large.
export const MPPS: Migration = {
  version: 1,
  sqlite: `
    CREATE TABLE mpps (
      id             INTEGER PRIMARY KEY,
      route          TEXT    NOT NULL,
      upstream       TEXT    NOT NULL,
      uid            TEXT    NOT NULL,
      listener       TEXT    NOT NULL,
      phase          TEXT    NOT NULL CHECK (phase IN ('pending', 'stored', 'deleted')),
      state          TEXT    NOT NULL CHECK (state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED')),
      delivered      INTEGER NOT NULL CHECK (delivered IN (0, 1)),
      created_at     INTEGER NOT NULL,
      updated_at     INTEGER NOT NULL,
      requester      TEXT    NOT NULL,
      character_set  TEXT,
      create_digest  TEXT    NOT NULL,
      last_digest    TEXT,
      pending_digest TEXT,
      created_tags   TEXT    NOT NULL,
      set_tags       TEXT    NOT NULL,
      sequences      TEXT    NOT NULL,
      copy           TEXT,
      UNIQUE (route, upstream, uid)
    ) STRICT;
    CREATE INDEX mpps_by_listener ON mpps (listener, uid, created_at);
    CREATE INDEX mpps_by_age ON mpps (phase, state, updated_at);
  `,
  postgres: `
    CREATE TABLE mpps (
      id             BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      route          TEXT    COLLATE "C" NOT NULL,
      upstream       TEXT    COLLATE "C" NOT NULL,
      uid            TEXT    COLLATE "C" NOT NULL,
      listener       TEXT    COLLATE "C" NOT NULL,
      phase          TEXT    COLLATE "C" NOT NULL CHECK (phase IN ('pending', 'stored', 'deleted')),
      state          TEXT    COLLATE "C" NOT NULL CHECK (state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED')),
      delivered      BOOLEAN NOT NULL,
      created_at     BIGINT  NOT NULL,
      updated_at     BIGINT  NOT NULL,
      requester      TEXT    NOT NULL,
      character_set  TEXT,
      create_digest  TEXT    NOT NULL,
      last_digest    TEXT,
      pending_digest TEXT,
      created_tags   TEXT    NOT NULL,
      set_tags       TEXT    NOT NULL,
      sequences      TEXT    NOT NULL,
      copy           TEXT,
      UNIQUE (uid, route, upstream)
    );
    CREATE INDEX mpps_by_listener ON mpps (listener, uid, created_at);
    CREATE INDEX mpps_by_age ON mpps (phase, state, updated_at);
  `,
};
