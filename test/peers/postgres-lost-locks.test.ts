/**
 * Work whose lock is lost while it goes on: its process was away from the data base for longer than its session was kept.
 * What it would accept now may have been accepted by another process meanwhile, and more behind it.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { startPostgres, type Postgres } from '../../scripts/peers/postgres.ts';
import { Cleanup } from '../../scripts/peers/process.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { keyOf, recordOf } from '../support/mpps-records.ts';
import { messageOf } from '../support/spool-messages.ts';

jest.setTimeout(60_000);

const ROLE = 'away';
const REFUSED = {
  name: 'GatewayError',
  code: 'STORE_UNREACHABLE',
  message: expect.stringContaining('the lock of this work'),
};

let server: Postgres;
let name = '';
let databases = 0;
let a: Store;
let b: Store;
let cleanup: Cleanup;

beforeAll(async () => {
  server = await startPostgres({ fsync: false });
  await server.query(`CREATE ROLE ${ROLE} LOGIN PASSWORD '${ROLE}'`);
});
afterAll(() => server.remove());
beforeEach(async () => {
  cleanup = new Cleanup();
  name = `locks_${databases++}`;
  await server.createDatabase(name);
  await server.query(`ALTER DATABASE "${name}" OWNER TO ${ROLE}`);
  const url = new URL(server.url(name));
  [url.username, url.password] = [ROLE, ROLE];
  a = await open(url.href, 'a');
  await server.query(`GRANT ${ROLE} TO CURRENT_USER`);
  b = await open(server.url(name), 'b');
});
afterEach(async () => {
  await server.query(`ALTER ROLE ${ROLE} LOGIN`);
  await cleanup.run();
});

async function open(url: string, applicationName: string): Promise<Store> {
  const store = await openPostgresStore({ url, poolSize: 4, connectTimeoutMs: 2_000, applicationName });
  cleanup.add(() => store.close());
  return store;
}

/** Ends the session that holds the locks of `a`; what it has for its writes stays. */
async function loseLocks(): Promise<void> {
  const ended = await server.query(
    `SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = '${name}' AND application_name = 'a locks'`,
  );
  const pids = ended.map(({ pid }) => Number(pid)).join();
  while ((await server.query(`SELECT 1 FROM pg_stat_activity WHERE pid IN (${pids})`)).length > 0) await wait(5);
}

async function keepAway(): Promise<void> {
  await server.query(`ALTER ROLE ${ROLE} NOLOGIN`);
  await loseLocks();
}

const accepted = async (): Promise<string[]> => (await b.spool.list({})).map(({ digest }) => digest);

test('is not accepted behind what another process accepted under the same lock since', async () => {
  const late = a.exclusively('key', async () => {
    await a.mpps.get(keyOf('1.1'));
    await keepAway();
    for (const digest of ['first', 'second']) {
      await b.exclusively('key', () =>
        b.mpps.accept(recordOf('1.1', { lastDigest: digest }), [messageOf('1.1', digest)]),
      );
    }
    return a.mpps.accept(recordOf('1.1', { lastDigest: 'first' }), [messageOf('1.1', 'first')]);
  });
  await expect(late).rejects.toMatchObject(REFUSED);
  expect(await accepted()).toEqual(['first', 'second']);
  expect((await b.mpps.get(keyOf('1.1')))?.lastDigest).toBe('second');
});

test('is not accepted either when the lock was taken again: nobody knows who had it in between', async () => {
  const late = a.exclusively('key', async () => {
    await loseLocks();
    expect(await a.exclusively('other', () => a.mpps.accept(undefined, [messageOf('1.2', 'other')]))).toHaveLength(1);
    return a.mpps.accept(undefined, [messageOf('1.1', 'late')]);
  });
  await expect(late).rejects.toMatchObject(REFUSED);
  expect(await accepted()).toEqual(['other']);
});

test('fails alone of those that would be accepted together', async () => {
  const lost = Promise.withResolvers<void>();
  const accept = (uid: string): Promise<unknown> =>
    a.exclusively(uid, async () => {
      await lost.promise;
      return a.mpps.accept(undefined, [messageOf(uid, uid)]);
    });
  const late = ['1.1', '1.2', '1.3', '1.4'].map(accept);
  while ((await server.query(HELD, name)).length < late.length) await wait(5);
  await loseLocks();
  await a.exclusively('other', () => {
    const own = a.mpps.accept(undefined, [messageOf('1.5', 'in time')]);
    lost.resolve();
    return own;
  });
  const results = await Promise.allSettled(late);
  expect(results).toMatchObject(late.map(() => ({ status: 'rejected', reason: REFUSED })));
  expect(await accepted()).toEqual(['in time']);
});

test('is accepted while its lock is held, however many others are', async () => {
  const uids = Array.from({ length: 200 }, (_, i) => `1.${i}`);
  const accepting = uids.map((uid) => a.exclusively(uid, () => a.mpps.accept(undefined, [messageOf(uid, uid)])));
  await Promise.all(accepting);
  expect((await b.spool.list({ limit: 1_000 })).map(({ digest }) => digest).sort()).toEqual(uids.sort());
});

const HELD = `SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted`;
