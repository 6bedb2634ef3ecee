/** Several gateways on one data base of a real PostgreSQL server. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { startPostgres, type Postgres } from '../../scripts/peers/postgres.ts';
import { startProgram } from '../../scripts/peers/process.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { MppsState } from '../../src/services/mpps/state.ts';
import { MIGRATIONS } from '../../src/store/migrations/migrations.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { NewRisEntry } from '../../src/store/ris-records.ts';
import type { Claim } from '../../src/store/spool-records.ts';
import type { Store } from '../../src/store/store.ts';
import { keyOf, recordOf, smallRecordOf } from '../support/mpps-records.ts';
import { claimFirst, FAILURE, messageOf, RIS } from '../support/spool-messages.ts';

jest.setTimeout(60_000);

const HOLDER = join(import.meta.dirname, '../support/store-holder.ts');
const MINUTE = 60_000;

let server: Postgres;
let url = '';
let databases = 0;
let stores: Store[] = [];

beforeAll(async () => {
  server = await startPostgres({ fsync: false });
});
afterAll(() => server.remove());
beforeEach(async () => {
  url = await server.createDatabase(`shared_${databases++}`);
});
afterEach(async () => {
  await Promise.all(stores.map((store) => store.close()));
  stores = [];
});

async function open(options: Partial<Parameters<typeof openPostgresStore>[0]> = {}): Promise<Store> {
  const store = await openPostgresStore({ url, poolSize: 6, ...options });
  stores.push(store);
  return store;
}

const database = (): string => new URL(url).pathname.slice(1);

const openTwo = async (): Promise<[Store, Store]> => [await open(), await open()];

/** Asks until the answer is there; the time limit of the test ends it otherwise. */
async function eventually<T>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await wait(20);
  }
}

/** Delivers what is due, four lanes at a time as a gateway does. */
async function deliver(store: Store, onDelivered: (claim: Claim) => void): Promise<void> {
  const worker = async (): Promise<void> => {
    for (;;) {
      const [first] = await store.spool.claim(RIS, 1, MINUTE);
      if (first === undefined) return;
      for (let claim: Claim | undefined = first; claim !== undefined; claim = await store.spool.done(claim, MINUTE)) {
        onDelivered(claim);
      }
    }
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
}

describe('the spool of several processes', () => {
  test('delivers each message once and in the order of its lane', async () => {
    const shared = [...(await openTwo()), await open()];
    const uids = Array.from({ length: 100 }, (_, i) => `1.${i}`);
    const digests = ['a', 'b', 'c', 'd'];
    for (const [i, digest] of digests.entries()) {
      await shared[i % 3]?.mpps.accept(
        undefined,
        uids.map((uid) => messageOf(uid, digest)),
      );
    }
    const delivered: Record<string, string[]> = {};
    const counts = await Promise.all(
      shared.map(async (store) => {
        let count = 0;
        await deliver(store, ({ message: { uid, digest }, wasInDoubt }) => {
          expect(wasInDoubt).toBe(false);
          (delivered[uid] ??= []).push(digest);
          count++;
        });
        return count;
      }),
    );
    expect(delivered).toEqual(Object.fromEntries(uids.map((uid) => [uid, digests])));
    for (const count of counts) expect(count).toBeGreaterThan(0);
    expect(await shared[0]?.spool.depths()).toEqual([]);
  });

  test('keeps the order in which each process accepted for a lane, and loses nothing while others deliver from it', async () => {
    const [a, b] = await openTwo();
    const uids = ['1.1', '1.2', '1.3'];
    const delivered: Record<string, string[]> = {};
    let accepting = true;
    const accept = async (store: Store, name: string): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        await Promise.all(uids.map((uid) => store.mpps.accept(recordOf(uid), [messageOf(uid, `${name}${i}`)])));
      }
    };
    const delivering = [a, b].map(async (store) => {
      for (let last = false; ; last = !accepting) {
        await deliver(store, ({ message: { uid, digest } }) => (delivered[uid] ??= []).push(digest));
        if (last) return;
      }
    });
    await Promise.all([accept(a, 'a'), accept(b, 'b')]);
    accepting = false;
    await Promise.all(delivering);
    for (const uid of uids) {
      for (const name of ['a', 'b']) {
        const own = delivered[uid]?.filter((digest) => digest.startsWith(name));
        expect(own).toEqual(Array.from({ length: 60 }, (_, i) => `${name}${i}`));
      }
    }
    expect(await a.spool.depths()).toEqual([]);
  });

  test('closes no lane over a message that another process is just accepting', async () => {
    const [a, b] = await openTwo();
    const uids = Array.from({ length: 300 }, (_, i) => `1.${i}`);
    const accept = (store: Store, digest: string): Promise<unknown> =>
      Promise.all(uids.map((uid) => store.mpps.accept(undefined, [messageOf(uid, digest)])));
    await accept(a, 'last');
    const claims = await a.spool.claim(RIS, uids.length, MINUTE);
    const [nexts] = await Promise.all([
      Promise.all(claims.map((claim) => a.spool.done(claim, MINUTE))),
      accept(b, 'new'),
    ]);
    const taken = nexts.filter((claim) => claim !== undefined);
    const rest = await b.spool.claim(RIS, uids.length, MINUTE);
    expect([...taken, ...rest].map(({ message }) => message.uid).sort()).toEqual(uids.sort());
    for (const { message } of [...taken, ...rest]) expect(message.digest).toBe('new');
  });

  test('accepts for the same lanes in any order without a deadlock', async () => {
    const [a, b] = await openTwo();
    const uids = Array.from({ length: 30 }, (_, i) => `1.${i}`);
    const messages = uids.map((uid) => messageOf(uid));
    for (let round = 0; round < 10; round++) {
      await Promise.all([a.mpps.accept(undefined, messages), b.mpps.accept(undefined, messages.toReversed())]);
    }
    expect(await a.spool.depths()).toMatchObject([{ queued: 600 }]);
    await Promise.all([a.close(), b.close()]); // sessions count what they met when they end
    const deadlocks = await server.query(
      'SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()',
      database(),
    );
    expect(deadlocks).toEqual([{ deadlocks: 0 }]);
  });

  test('goes by the clock of the server: one of a process an hour ahead takes nothing that another holds', async () => {
    const [a, b] = await openTwo();
    await a.mpps.accept(undefined, [messageOf('1.1'), messageOf('1.2')]);
    const [claim] = await a.spool.claim(RIS, 1, MINUTE);
    await a.spool.later(await claimFirst(a), MINUTE, FAILURE, false);
    const ahead = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    try {
      expect(await b.spool.claim(RIS, 10, MINUTE)).toEqual([]);
      expect(await b.spool.nextDueMs(RIS)).toBeGreaterThan(MINUTE / 2);
      await b.mpps.accept(undefined, [messageOf('1.3')]);
    } finally {
      ahead.mockRestore();
    }
    expect((await claimFirst(a)).message.uid).toBe('1.3');
    expect(await a.spool.renew([claim as Claim], MINUTE)).toEqual(new Set());
  });

  test('a process that was killed loses its lanes when their leases end, its work and its leadership at once', async () => {
    const store = await open();
    await store.mpps.accept(undefined, [messageOf('1.1', 'a'), messageOf('1.1', 'b'), messageOf('1.2', 'c')]);
    const holder = await startProgram(process.execPath, [HOLDER, url, 'key', '1500'], { readyText: /holding 2 true/ });
    expect(await store.spool.claim(RIS, 10, MINUTE)).toEqual([]);
    expect(await store.leads()).toBe(false);
    const work = store.exclusively('key', () => Promise.resolve('mine'));
    await holder.stop('SIGKILL');
    expect(await work).toBe('mine');
    expect(await eventually(async () => (await store.leads()) || undefined)).toBe(true);
    const claims: Claim[] = [];
    while (claims.length < 2) {
      claims.push(
        ...(await eventually(async () => {
          const found = await store.spool.claim(RIS, 10, MINUTE);
          return found.length === 0 ? undefined : found;
        })),
      );
    }
    expect(claims.map(({ message, wasInDoubt }) => [message.digest, message.attempts, wasInDoubt]).sort()).toEqual([
      ['a', 2, true],
      ['c', 2, true],
    ]);
  });
});

describe('settings of a data base that an administrator made for others', () => {
  test('repeatable read: no lane is closed over a message that was accepted while its last one was being done', async () => {
    await server.query(`ALTER DATABASE "${database()}" SET default_transaction_isolation TO 'repeatable read'`);
    const store = await open();
    await store.mpps.accept(undefined, [messageOf('1.1', 'last')]);
    const claim = await claimFirst(store);
    const other = new Client({ connectionString: url });
    await other.connect();
    try {
      await other.query('BEGIN; SELECT 1 FROM spool_lanes FOR UPDATE');
      const done = store.spool.done(claim, MINUTE);
      await eventually(async () => {
        const waiting = await server.query('SELECT 1 FROM pg_locks WHERE NOT granted', database());
        return waiting[0];
      });
      await other.query(
        `INSERT INTO spool_messages (route, upstream, uid, state, attempts, in_doubt, accepted_at, kind, digest, requester,
           trace_id, hops, received)
         SELECT route, upstream, uid, 'queued', 0, false, 0, kind, 'new', requester, trace_id, hops, received
         FROM spool_messages`,
      );
      await other.query('COMMIT');
      expect(await done).toMatchObject({ message: { digest: 'new' } });
    } finally {
      await other.end();
    }
  });

  test('repeatable read: tables are made once by several that open at the same time', async () => {
    await server.query(`ALTER DATABASE "${database()}" SET default_transaction_isolation TO 'serializable'`);
    const opened = await Promise.all([open(), open(), open(), open()]);
    expect(new Set(opened.map(({ instanceId }) => instanceId)).size).toBe(1);
  });

  test('an end of idle sessions: not of the one that holds the locks, however long work takes', async () => {
    await server.query(`ALTER DATABASE "${database()}" SET idle_session_timeout TO '100ms'`);
    const [a, b] = await openTwo();
    const idle =
      'SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $$% locks$$';
    let running = 0;
    let most = 0;
    const work = async (): Promise<void> => {
      most = Math.max(most, ++running);
      await wait(400); // what is tested is that time passes
      running--;
    };
    const both = Promise.all([a.exclusively('key', work), b.exclusively('key', work)]);
    const before = await eventually(async () => {
      const sessions = await server.query(idle, database());
      return sessions.length === 2 ? sessions : undefined;
    });
    await both;
    expect(most).toBe(1);
    expect(await server.query(idle, database())).toEqual(before);
  });
});

describe('exclusive work', () => {
  test('of one key never runs in two processes at a time, of others it does', async () => {
    const [a, b] = await openTwo();
    const keys = Array.from({ length: 300 }, (_, i) => `key ${i % 150}`);
    const running = new Map<string, number>();
    let most = 0;
    const run = (store: Store, key: string): Promise<void> =>
      store.exclusively(key, async () => {
        expect(running.get(key) ?? 0).toBe(0);
        running.set(key, 1);
        most = Math.max(most, [...running.values()].filter((count) => count > 0).length);
        await store.mpps.get(keyOf('1.1'));
        running.set(key, 0);
      });
    await Promise.all(keys.flatMap((key) => [run(a, key), run(b, key)]));
    expect(most).toBeGreaterThan(20);
  });

  test('waits no longer than its limit for that of another process: STORE_LOCKED, and it was not begun', async () => {
    const a = await open();
    const b = await open({ lockTimeoutMs: 50 });
    const end = Promise.withResolvers<void>();
    const began = Promise.withResolvers<void>();
    const holding = a.exclusively('key', () => {
      began.resolve();
      return end.promise;
    });
    await began.promise;
    const work = jest.fn(() => Promise.resolve());
    await expect(b.exclusively('key', work)).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_LOCKED' });
    expect(work).not.toHaveBeenCalled();
    end.resolve();
    await holding;
    await b.exclusively('key', work);
    expect(work).toHaveBeenCalledTimes(1);
  });

  test('of another store in the same data base is another key', async () => {
    await server.query('CREATE SCHEMA other', database());
    const [a, b] = [await open(), await open({ url: `${url}?options=-c%20search_path%3Dother` })];
    expect(b.instanceId).not.toBe(a.instanceId);
    const result = await a.exclusively('key', () => b.exclusively('key', () => Promise.resolve('both')));
    expect(result).toBe('both');
    expect([await a.leads(), await b.leads()]).toEqual([true, true]);
  });
});

test('one process leads; when it closes another does', async () => {
  const [a, b] = await openTwo();
  expect([await a.leads(), await b.leads(), await a.leads(), await b.leads()]).toEqual([true, false, true, false]);
  await a.close();
  expect(await eventually(async () => (await b.leads()) || undefined)).toBe(true);
});

describe('the RIS of several processes', () => {
  const entryOf = (id: string): NewRisEntry => ({
    upstream: 'sandbox',
    id,
    source: 'api',
    scheduled: dataSetOf({ '0020000D': attribute('UI', '1.2.3') }),
    index: {
      startDate: '20250102', modality: 'CT', stations: ['CT1'], patientId: 'P', accessionNumber: 'A',
      studyInstanceUid: '1.2.3', stepId: 'S', sortKey: id,
    }, // prettier-ignore
  });
  const save = (store: Store, uid: string, entry: string, state: MppsState, revision?: number): Promise<boolean> =>
    store.steps.save(
      { upstream: 'sandbox', uid, attributes: dataSetOf({}), state, revision, performs: [entry], mismatches: [] },
      'process',
    );
  const stateOf = async (store: Store, id: string): Promise<string | undefined> =>
    (await store.worklist.get({ upstream: 'sandbox', id }))?.state;

  test('an entry is COMPLETED when the last two of its steps end in two processes at once', async () => {
    const [a, b] = await openTwo();
    for (let round = 0; round < 20; round++) {
      const id = `entry ${round}`;
      await a.worklist.put([entryOf(id)], 'process');
      await save(a, `1.${round}`, id, 'IN PROGRESS');
      await save(b, `2.${round}`, id, 'IN PROGRESS');
      expect(await stateOf(a, id)).toBe('STARTED');
      await Promise.all([save(a, `1.${round}`, id, 'COMPLETED', 1), save(b, `2.${round}`, id, 'COMPLETED', 1)]);
      expect(await stateOf(a, id)).toBe('COMPLETED');
    }
  });

  test('an entry follows a step that is saved in one process while it comes in another', async () => {
    const [a, b] = await openTwo();
    for (let round = 0; round < 20; round++) {
      const id = `entry ${round}`;
      await Promise.all([a.worklist.put([entryOf(id)], 'process'), save(b, `1.${round}`, id, 'IN PROGRESS')]);
      expect(await stateOf(a, id)).toBe('STARTED');
    }
  });

  test('of two changes of one revision in two processes one is written', async () => {
    const [a, b] = await openTwo();
    await save(a, '1.1', 'e', 'IN PROGRESS');
    const saved = await Promise.all([save(a, '1.1', 'e', 'COMPLETED', 1), save(b, '1.1', 'e', 'DISCONTINUED', 1)]);
    expect(saved.sort()).toEqual([false, true]);
    expect((await a.steps.get({ upstream: 'sandbox', uid: '1.1' }))?.revision).toBe(2);
  });
});

describe('the tables', () => {
  test('are made once by four that open at the same time, and all are one instance', async () => {
    const opened = await Promise.all([open(), open(), open(), open()]);
    expect(new Set(opened.map(({ instanceId }) => instanceId)).size).toBe(1);
    expect(await server.query('SELECT version FROM dimseway_store', database())).toEqual([
      { version: MIGRATIONS.length },
    ]);
  });

  test('of an older version are brought to this one, with what is in them', async () => {
    await open({ migrations: MIGRATIONS.slice(0, 2) });
    const { listener, phase, state, requester, createDigest, createdAt, updatedAt } = smallRecordOf('1.1');
    await server.query(
      `INSERT INTO mpps (route, upstream, uid, listener, phase, state, delivered, created_at, updated_at, requester,
         create_digest, created_tags, set_tags, sequences)
       VALUES ('ct', 'ris', '1.1', '${listener}', '${phase}', '${state}', false, ${createdAt}, ${updatedAt},
         '${JSON.stringify(requester)}', '${createDigest}', '{}', '{}', '{}')`,
      database(),
    );
    const [a, b] = await openTwo();
    expect(await a.mpps.get(keyOf('1.1'))).toEqual(smallRecordOf('1.1'));
    expect(b.instanceId).toBe(stores[0]?.instanceId);
    expect(await b.mpps.accept(undefined, [messageOf('1.1')])).toHaveLength(1);
  });

  test('a step that fails leaves the version before, whole', async () => {
    await open({ migrations: MIGRATIONS.slice(0, 2) });
    const broken = [...MIGRATIONS.slice(0, 3), { version: 4, sqlite: '', postgres: 'CREATE TABLE x (y NO_SUCH_TYPE)' }];
    await expect(open({ migrations: broken })).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_FAILED' });
    expect(await server.query('SELECT version FROM dimseway_store', database())).toEqual([{ version: 2 }]);
    expect(await server.query(`SELECT to_regclass('ris_entries')::text AS t`, database())).toEqual([{ t: null }]);
    await open();
  });

  test('of a newer version are STORE_TOO_NEW and stay as they are', async () => {
    await open();
    await server.query('UPDATE dimseway_store SET version = 99', database());
    await expect(open()).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_TOO_NEW' });
    expect(await server.query('SELECT version FROM dimseway_store', database())).toEqual([{ version: 99 }]);
  });

  test('of another program are STORE_FOREIGN, and nothing is made beside them', async () => {
    await server.query('CREATE TABLE patients (name TEXT)', database());
    await expect(open()).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_FOREIGN' });
    expect(
      await server.query('SELECT tablename FROM pg_tables WHERE schemaname = current_schema()', database()),
    ).toEqual([{ tablename: 'patients' }]);
  });

  test('that are not those of their version are STORE_DAMAGED when they are asked for', async () => {
    const store = await open();
    await server.query('DROP TABLE mpps', database());
    await expect(store.mpps.get(keyOf('1.1'))).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_DAMAGED' });
  });

  test('cannot be made in a data base that is not in UTF8: STORE_UNREADABLE', async () => {
    await server.query(`CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    await expect(open({ url: server.url('latin') })).rejects.toMatchObject({ code: 'STORE_UNREADABLE' });
  });
});

test('a backup is not taken: STORE_BACKUP_FAILED says how', async () => {
  const store = await open();
  await expect(store.backup('/tmp/copy')).rejects.toMatchObject({
    name: 'GatewayError',
    code: 'STORE_BACKUP_FAILED',
    fix: expect.stringContaining('pg_dump'),
  });
});
