-- A store as the first release wrote it. Never edited: every later version must open it.
PRAGMA application_id = 1145654611;
PRAGMA user_version = 1;
PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
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
INSERT INTO mpps VALUES(1,'ct','ris','1.2.1','ward','stored','COMPLETED',1,1000,2000,'{"listener":"ward","protocol":"dimse","address":"127.0.0.1","callingAeTitle":"CT1","calledAeTitle":"DIMSEWAY"}','\ISO 2022 IR 87','create-1.2.1','last','pending','{"00400252":"c1","00400254":"c2"}','{"00400252":"s1"}','{"30020010":[],"00400340":["1.2.3.4","1.2.3.5"]}','{"00100010":{"vr":"PN","Value":[{"Alphabetic":"Yamada^Tarou","Ideographic":"山田^太郎"}]},"00101030":{"vr":"DS","Value":["70.50"]},"00400254":{"vr":"LO"},"00400340":{"vr":"SQ","Value":[{"0020000E":{"vr":"UI","Value":["1.2.3.4"]}},{}]},"30020010":{"vr":"SQ"}}');
INSERT INTO mpps VALUES(2,'ct','ris','1.2.2','ward','pending','IN PROGRESS',0,1000,2000,'{"listener":"ward","protocol":"dimse","address":"127.0.0.1","callingAeTitle":"CT1","calledAeTitle":"DIMSEWAY"}',NULL,'create-1.2.2',NULL,NULL,'{}','{}','{}',NULL);
CREATE INDEX mpps_by_listener ON mpps (listener, uid, created_at);
CREATE INDEX mpps_by_age ON mpps (phase, state, updated_at);
COMMIT;
PRAGMA journal_mode = WAL;
