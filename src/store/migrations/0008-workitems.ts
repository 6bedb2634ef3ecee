import type { Migration } from './migration.ts';

/**
 * Workitems, subscriptions to them, reports that wait, claims of workitems at UPS-RS servers; and events in the spool.
 *
 * `aged_from` of a workitem is the time of its last change, or when it was last seen in the worklist: what has aged out is
 * found by it. Ids of workitems ascend and are never used twice: by `through_id` a suspended subscription knows which of them
 * are older than its suspension.
 *
 * SQLite cannot change a constraint: the messages of the spool move to a new table, and their ids go on where they were.
 */
export const WORKITEMS: Migration = {
  version: 8,
  sqlite: `
    CREATE TABLE workitems (
      id              INTEGER PRIMARY KEY AUTOINCREMENT,
      route           TEXT    NOT NULL,
      uid             TEXT    NOT NULL,
      revision        INTEGER NOT NULL,
      state           TEXT    NOT NULL CHECK (state IN ('SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED')),
      is_deleted      INTEGER NOT NULL CHECK (is_deleted IN (0, 1)),
      pending         TEXT    CHECK (pending IN ('claim', 'update', 'complete', 'cancel')),
      created_at      INTEGER NOT NULL,
      updated_at      INTEGER NOT NULL,
      aged_from       INTEGER NOT NULL,
      polled_at       INTEGER NOT NULL,
      transaction_uid TEXT,
      mpps_uid        TEXT,
      requester       TEXT,
      intended        TEXT,
      workitem        TEXT    NOT NULL,
      entry           TEXT    NOT NULL,
      UNIQUE (route, uid)
    ) STRICT;
    CREATE INDEX workitems_in_order ON workitems (route, state, uid, is_deleted);
    CREATE INDEX workitems_by_mpps ON workitems (mpps_uid, route) WHERE mpps_uid IS NOT NULL;
    CREATE INDEX workitems_by_poll ON workitems (route, polled_at) WHERE state = 'IN PROGRESS' AND is_deleted = 0;
    CREATE INDEX workitems_by_age ON workitems (state, aged_from);

    CREATE TABLE workitem_subscriptions (
      route         TEXT    NOT NULL,
      resource      TEXT    NOT NULL,
      ae_title      TEXT    NOT NULL,
      standing      TEXT    NOT NULL CHECK (standing IN ('on', 'off', 'suspended')),
      deletion_lock INTEGER NOT NULL CHECK (deletion_lock IN (0, 1)),
      through_id    INTEGER,
      PRIMARY KEY (resource, route, ae_title)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX workitem_subscriptions_by_subscriber ON workitem_subscriptions (ae_title, route);
    CREATE INDEX workitem_subscriptions_heard ON workitem_subscriptions (route) WHERE standing <> 'off';

    CREATE TABLE workitem_reports (
      id           INTEGER PRIMARY KEY AUTOINCREMENT,
      route        TEXT    NOT NULL,
      ae_title     TEXT    NOT NULL,
      workitem_uid TEXT    NOT NULL,
      created_at   INTEGER NOT NULL,
      report       TEXT    NOT NULL
    ) STRICT;
    CREATE INDEX workitem_reports_by_subscriber ON workitem_reports (route, ae_title, id);
    CREATE INDEX workitem_reports_by_workitem ON workitem_reports (workitem_uid, route);
    CREATE INDEX workitem_reports_by_age ON workitem_reports (created_at);

    CREATE TABLE claims (
      id            INTEGER PRIMARY KEY,
      upstream      TEXT    NOT NULL,
      mpps_uid      TEXT    NOT NULL,
      revision      INTEGER NOT NULL,
      is_open       INTEGER NOT NULL CHECK (is_open IN (0, 1)),
      is_complete   INTEGER NOT NULL CHECK (is_complete IN (0, 1)),
      told          INTEGER CHECK (told BETWEEN 1 AND 5),
      created_at    INTEGER NOT NULL,
      updated_at    INTEGER NOT NULL,
      create_digest TEXT    NOT NULL,
      workitems     TEXT    NOT NULL,
      picture       TEXT    NOT NULL,
      UNIQUE (mpps_uid, upstream)
    ) STRICT;
    CREATE INDEX claims_open ON claims (upstream, mpps_uid) WHERE is_open = 1;
    CREATE INDEX claims_by_age ON claims (is_open, updated_at);

    CREATE TABLE claimed_workitems (
      workitem_uid TEXT    NOT NULL,
      claim_id     INTEGER NOT NULL REFERENCES claims ON DELETE CASCADE,
      PRIMARY KEY (workitem_uid, claim_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX claimed_workitems_by_claim ON claimed_workitems (claim_id);

    CREATE TABLE seen_steps (
      upstream     TEXT    NOT NULL,
      study_uid    TEXT    NOT NULL,
      step_id      TEXT    NOT NULL,
      workitem_uid TEXT    NOT NULL,
      seen_at      INTEGER NOT NULL,
      PRIMARY KEY (study_uid, step_id, upstream)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX seen_steps_by_age ON seen_steps (seen_at);

    CREATE TABLE spool_messages_8 (
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
      kind            TEXT    NOT NULL CHECK (kind IN ('create', 'update', 'event')),
      event_type      INTEGER CHECK ((event_type IS NOT NULL) = (kind = 'event') AND event_type BETWEEN 1 AND 5),
      digest          TEXT    NOT NULL,
      character_set   TEXT,
      requester       TEXT    NOT NULL,
      trace_id        TEXT    NOT NULL,
      hops            TEXT    NOT NULL,
      received        TEXT    NOT NULL
    ) STRICT;
    INSERT INTO spool_messages_8
      SELECT id, route, upstream, uid, state, attempts, in_doubt, failed_at, failure_code, failure_problem, accepted_at,
        kind, NULL, digest, character_set, requester, trace_id, hops, received
      FROM spool_messages;
    DELETE FROM sqlite_sequence WHERE name = 'spool_messages_8';
    INSERT INTO sqlite_sequence SELECT 'spool_messages_8', seq FROM sqlite_sequence WHERE name = 'spool_messages';
    DROP TABLE spool_messages;
    ALTER TABLE spool_messages_8 RENAME TO spool_messages;
    CREATE INDEX spool_messages_by_lane ON spool_messages (route, upstream, uid);
    CREATE INDEX spool_messages_tried ON spool_messages (route, upstream, attempts) WHERE attempts > 0;
    CREATE INDEX spool_messages_dead ON spool_messages (id) WHERE state = 'dead';
  `,
  postgres: `
    CREATE TABLE workitems (
      id              BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      route           TEXT    COLLATE "C" NOT NULL,
      uid             TEXT    COLLATE "C" NOT NULL,
      revision        BIGINT  NOT NULL,
      state           TEXT    COLLATE "C" NOT NULL
        CHECK (state IN ('SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED')),
      is_deleted      BOOLEAN NOT NULL,
      pending         TEXT    CHECK (pending IN ('claim', 'update', 'complete', 'cancel')),
      created_at      BIGINT  NOT NULL,
      updated_at      BIGINT  NOT NULL,
      aged_from       BIGINT  NOT NULL,
      polled_at       BIGINT  NOT NULL,
      transaction_uid TEXT,
      mpps_uid        TEXT    COLLATE "C",
      requester       TEXT,
      intended        TEXT,
      workitem        TEXT    NOT NULL,
      entry           TEXT    NOT NULL,
      UNIQUE (route, uid)
    );
    CREATE INDEX workitems_in_order ON workitems (route, state, uid, is_deleted);
    CREATE INDEX workitems_by_mpps ON workitems (mpps_uid, route) WHERE mpps_uid IS NOT NULL;
    CREATE INDEX workitems_by_poll ON workitems (route, polled_at) WHERE state = 'IN PROGRESS' AND NOT is_deleted;
    CREATE INDEX workitems_by_age ON workitems (state, aged_from);

    CREATE TABLE workitem_subscriptions (
      route         TEXT    COLLATE "C" NOT NULL,
      resource      TEXT    COLLATE "C" NOT NULL,
      ae_title      TEXT    COLLATE "C" NOT NULL,
      standing      TEXT    COLLATE "C" NOT NULL CHECK (standing IN ('on', 'off', 'suspended')),
      deletion_lock BOOLEAN NOT NULL,
      through_id    BIGINT,
      PRIMARY KEY (resource, route, ae_title)
    );
    CREATE INDEX workitem_subscriptions_by_subscriber ON workitem_subscriptions (ae_title, route);
    CREATE INDEX workitem_subscriptions_heard ON workitem_subscriptions (route) WHERE standing <> 'off';

    CREATE TABLE workitem_reports (
      id           BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      route        TEXT    COLLATE "C" NOT NULL,
      ae_title     TEXT    COLLATE "C" NOT NULL,
      workitem_uid TEXT    COLLATE "C" NOT NULL,
      created_at   BIGINT  NOT NULL,
      report       TEXT    NOT NULL
    );
    CREATE INDEX workitem_reports_by_subscriber ON workitem_reports (route, ae_title, id);
    CREATE INDEX workitem_reports_by_workitem ON workitem_reports (workitem_uid, route);
    CREATE INDEX workitem_reports_by_age ON workitem_reports (created_at);

    CREATE TABLE claims (
      id            BIGINT  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      upstream      TEXT    COLLATE "C" NOT NULL,
      mpps_uid      TEXT    COLLATE "C" NOT NULL,
      revision      BIGINT  NOT NULL,
      is_open       BOOLEAN NOT NULL,
      is_complete   BOOLEAN NOT NULL,
      told          INTEGER CHECK (told BETWEEN 1 AND 5),
      created_at    BIGINT  NOT NULL,
      updated_at    BIGINT  NOT NULL,
      create_digest TEXT    NOT NULL,
      workitems     TEXT    NOT NULL,
      picture       TEXT    NOT NULL,
      UNIQUE (mpps_uid, upstream)
    );
    CREATE INDEX claims_open ON claims (upstream, mpps_uid) WHERE is_open;
    CREATE INDEX claims_by_age ON claims (is_open, updated_at);

    CREATE TABLE claimed_workitems (
      workitem_uid TEXT   COLLATE "C" NOT NULL,
      claim_id     BIGINT NOT NULL REFERENCES claims ON DELETE CASCADE,
      PRIMARY KEY (workitem_uid, claim_id)
    );
    CREATE INDEX claimed_workitems_by_claim ON claimed_workitems (claim_id);

    CREATE TABLE seen_steps (
      upstream     TEXT   COLLATE "C" NOT NULL,
      study_uid    TEXT   COLLATE "C" NOT NULL,
      step_id      TEXT   COLLATE "C" NOT NULL,
      workitem_uid TEXT   COLLATE "C" NOT NULL,
      seen_at      BIGINT NOT NULL,
      PRIMARY KEY (study_uid, step_id, upstream)
    );
    CREATE INDEX seen_steps_by_age ON seen_steps (seen_at);

    ALTER TABLE spool_messages DROP CONSTRAINT spool_messages_kind_check,
      ADD CONSTRAINT spool_messages_kind_check CHECK (kind IN ('create', 'update', 'event')),
      ADD COLUMN event_type INTEGER
        CHECK ((event_type IS NOT NULL) = (kind = 'event') AND event_type BETWEEN 1 AND 5);
  `,
};
