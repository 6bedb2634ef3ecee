/** What becomes of the store when PostgreSQL, or the way to it, fails. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { inspect } from 'node:util';
import { Client } from 'pg';
import { startPostgres, type Postgres } from '../../scripts/peers/postgres.ts';
import { Cleanup } from '../../scripts/peers/process.ts';
import { GatewayError } from '../../src/errors.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { NewSpoolMessage } from '../../src/store/spool-records.ts';
import type { Store } from '../../src/store/store.ts';
import { startCuttingProxy, type CuttingProxy } from '../support/cutting-proxy.ts';
import { keyOf, recordOf } from '../support/mpps-records.ts';
import { SELF_SIGNED } from '../support/self-signed.ts';
import { claimFirst, messageOf, RIS } from '../support/spool-messages.ts';

jest.setTimeout(60_000);

const MINUTE = 60_000;
const UNREACHABLE = { name: 'GatewayError', code: 'STORE_UNREACHABLE' };

let server: Postgres;
let name = '';
let databases = 0;
let cleanup: Cleanup;

beforeAll(async () => {
  server = await startPostgres({ tls: { certificate: SELF_SIGNED.cert, key: SELF_SIGNED.key } });
});
afterAll(() => server.remove());
beforeEach(async () => {
  cleanup = new Cleanup();
  name = `faults_${databases++}`;
  await server.createDatabase(name);
});
afterEach(() => cleanup.run());

async function open(
  url = server.url(name),
  options: Partial<Parameters<typeof openPostgresStore>[0]> = {},
): Promise<Store> {
  const store = await openPostgresStore({ url, poolSize: 6, connectTimeoutMs: 2_000, ...options });
  cleanup.add(() => store.close());
  return store;
}

const isOutcomeKnown = (error: unknown): boolean =>
  error instanceof GatewayError && !error.message.includes('not known');

describe('a connection that is lost', () => {
  let proxy: CuttingProxy;
  let store: Store;

  beforeEach(async () => {
    proxy = await startCuttingProxy(server.port);
    cleanup.add(() => proxy.close());
    store = await open(server.url(name).replace(`:${server.port}/`, `:${proxy.port}/`));
  });

  const accepted = async (): Promise<string[]> => (await store.spool.list({})).map(({ uid }) => uid);

  test.each(['before', 'after'] as const)(
    '%s its commit reached the server: what is accepted is there once',
    async (when) => {
      const cut = proxy.cutAt('COMMIT', when);
      const ids = await store.mpps.accept(recordOf('1.1'), [messageOf('1.1')]);
      await cut;
      expect(await accepted()).toEqual(['1.1']);
      expect((await store.spool.get(ids[0] as number))?.uid).toBe('1.1');
    },
  );

  test('in the middle of a transaction: it is done again, once', async () => {
    const cut = proxy.cutAt('INSERT INTO mpps', 'after');
    await store.mpps.accept(recordOf('1.1'), [messageOf('1.1')]);
    await cut;
    expect(await accepted()).toEqual(['1.1']);
  });

  test('at the commit of a claim or its end: the lane is taken once, its message done once', async () => {
    await store.mpps.accept(undefined, [messageOf('1.1', 'a'), messageOf('1.1', 'b')]);
    let cut = proxy.cutAt('COMMIT', 'after');
    const claim = await claimFirst(store);
    await cut;
    expect(claim.message).toMatchObject({ digest: 'a', attempts: 1 });
    cut = proxy.cutAt('COMMIT', 'after');
    const next = await store.spool.done(claim, MINUTE);
    await cut;
    expect(next?.message).toMatchObject({ digest: 'b', attempts: 1 });
    expect(await store.spool.countOf(keyOf('1.1'))).toBe(1);
  });

  test('while it is asked: it is asked again', async () => {
    await store.mpps.put(recordOf('1.1'), 'disk');
    const cut = proxy.cutAt('FROM mpps', 'before');
    expect(await store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
    await cut;
  });

  test('at a commit of which the server hears nothing, nor of the loss: its session is ended, and the work done again', async () => {
    await store.mpps.accept(recordOf('1.1'), [messageOf('1.1', 'first')]);
    const cut = proxy.cutAt('COMMIT', 'unseen');
    await store.mpps.accept(recordOf('1.1'), [messageOf('1.1', 'second')]);
    await cut;
    expect((await store.spool.list({})).map(({ digest }) => digest)).toEqual(['first', 'second']);
  });

  test('when nobody tells what became of a commit the error says that it is not known', async () => {
    const cut = proxy.cutAt('COMMIT', 'after').then(() => proxy.close());
    const error: unknown = await store.mpps.accept(undefined, [messageOf('1.1')]).catch((thrown: unknown) => thrown);
    await cut;
    expect(error).toMatchObject(UNREACHABLE);
    expect(isOutcomeKnown(error)).toBe(false);
  });
});

describe('sessions that an administrator ends, again and again', () => {
  test('what was acknowledged is there once, what was refused is not there, and nothing waits for ever', async () => {
    const store = await open();
    const outcomes = new Map<string, 'accepted' | 'refused' | 'not known'>();
    let isOver = false;
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let i = 0; !isOver; i++) {
        const uid = `${writer}.${i}`;
        await store
          .exclusively(uid, () => store.mpps.accept(recordOf(uid), [messageOf(uid)]))
          .then(
            () => outcomes.set(uid, 'accepted'),
            (error: unknown) => {
              expect(error).toMatchObject(UNREACHABLE);
              outcomes.set(uid, isOutcomeKnown(error) ? 'refused' : 'not known');
            },
          );
      }
    });
    let ended = 0;
    for (let round = 0; round < 30; round++) {
      await wait(30); // lets them get into the middle of something
      ended += await server.terminateConnections(name);
    }
    isOver = true;
    await Promise.all(writers);
    expect(ended).toBeGreaterThan(30);
    const found = (await store.spool.list({ limit: 1_000_000 })).map(({ uid }) => uid);
    expect(new Set(found).size).toBe(found.length);
    const uidsOf = (outcome: string): string[] => [...outcomes].filter(([, is]) => is === outcome).map(([uid]) => uid);
    const there = new Set(found);
    expect(uidsOf('accepted').filter((uid) => !there.has(uid))).toEqual([]);
    expect(uidsOf('refused').filter((uid) => there.has(uid))).toEqual([]);
    expect(uidsOf('accepted').length).toBeGreaterThan(100);
  });

  test('exclusive work that is under way gets its lock again; nobody else begins meanwhile', async () => {
    const [a, b] = [await open(), await open()];
    const began = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const order: string[] = [];
    const first = a.exclusively('key', async () => {
      began.resolve();
      await end.promise;
      order.push('a');
    });
    await began.promise;
    expect(await a.leads()).toBe(true);
    await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
    while ((await locks()) < 2) await wait(10);
    expect([await b.leads(), await a.leads()]).toEqual([false, true]);
    const second = b.exclusively('key', async () => void order.push('b'));
    await b.exclusively('other', () => Promise.resolve());
    end.resolve();
    await Promise.all([first, second]);
    expect(order).toEqual(['a', 'b']);
    while ((await locks()) > 1) await wait(10); // the leadership stays
  });

  const locks = async (): Promise<number> => {
    const [row] = await server.query(
      `SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted`,
      name,
    );
    return Number(row?.['n']);
  };
});

describe('a server that is stopped', () => {
  test.each(['SIGINT', 'SIGQUIT'] as const)(
    '(%s): calls are STORE_UNREACHABLE, and work again when it is back',
    async (signal) => {
      const store = await open();
      await store.mpps.accept(recordOf('1.1'), [messageOf('1.1', 'a')]);
      const claim = await claimFirst(store);
      expect(await store.leads()).toBe(true);
      await server.stop(signal);
      const calls = [
        () => store.mpps.get(keyOf('1.1')),
        () => store.mpps.put(recordOf('1.2'), 'process'),
        () => store.mpps.accept(undefined, [messageOf('1.2')]),
        () => store.spool.claim(RIS, 1, MINUTE),
        () => store.spool.done(claim, MINUTE),
        () => store.leads(),
        () => store.exclusively('key', () => Promise.resolve()),
      ];
      const results = await Promise.allSettled(calls.map((call) => call()));
      expect(results).toMatchObject(calls.map(() => ({ status: 'rejected', reason: UNREACHABLE })));
      await server.start();
      expect(await store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
      expect(await store.mpps.get(keyOf('1.2'))).toBeUndefined();
      expect(await store.leads()).toBe(true);
      await store.exclusively('key', () => store.spool.done(claim, MINUTE));
      expect(await store.spool.depths()).toEqual([]);
    },
  );

  test('cannot be opened: STORE_UNREACHABLE', async () => {
    await server.stop();
    await expect(open()).rejects.toMatchObject(UNREACHABLE);
    await server.start();
  });
});

describe('errors', () => {
  const errorOf = (call: Promise<unknown>): Promise<unknown> =>
    call.then(
      () => undefined,
      (error: unknown) => error,
    );

  test('a password that is wrong, or a data base that is not there, is STORE_UNREADABLE; the password is not told', async () => {
    const url = new URL(server.url(name));
    url.password = 'not-the-password';
    for (const tried of [url.href, server.url('no_such_data_base')]) {
      const error = await errorOf(open(tried));
      expect(error).toMatchObject({ name: 'GatewayError', code: 'STORE_UNREADABLE' });
      const told = inspect(error, { depth: null, showHidden: true });
      expect(told).not.toContain('not-the-password');
      expect(told).not.toContain(server.password);
      expect(told).toContain(`127.0.0.1:${server.port}`);
    }
  });

  test('tell nothing of the rows they are about', async () => {
    const store = await open();
    const refused = { ...messageOf('1.2.3.999', 'Yamada'), kind: 'x' as NewSpoolMessage['kind'] };
    const errors = [
      await errorOf(store.mpps.accept(undefined, [refused])),
      await errorOf(store.mpps.put(recordOf('1.2.3.999\0'), 'disk')),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'GatewayError', code: 'STORE_FAILED' });
      const told = inspect(error, { depth: null, showHidden: true });
      expect(told).toMatch(/SQLSTATE 2/);
      expect(told).not.toContain('1.2.3.999');
      expect(told).not.toContain('Yamada');
    }
  });

  test('a statement that a foreign lock holds up is STORE_LOCKED after its time', async () => {
    const store = await open(undefined, { statementTimeoutMs: 200 });
    const held = server.query(`BEGIN; LOCK TABLE mpps; SELECT pg_sleep(1.5)`, name);
    const errors: unknown[] = [];
    while (errors.length === 0) {
      await store.mpps.put(recordOf('1.1'), 'disk').catch((error: unknown) => errors.push(error));
    }
    expect(errors).toMatchObject([{ name: 'GatewayError', code: 'STORE_LOCKED' }]);
    await held;
    await store.mpps.put(recordOf('1.1'), 'disk');
  });

  test('many writes that a foreign lock holds up are refused together, not each after a time of its own', async () => {
    const store = await open(undefined, { statementTimeoutMs: 200 });
    const other = new Client({ connectionString: server.url(name) });
    await other.connect();
    cleanup.add(() => other.end());
    await other.query('BEGIN; LOCK TABLE spool_messages');
    const beganAt = performance.now();
    const accepting = Array.from({ length: 50 }, (_, i) => store.mpps.accept(undefined, [messageOf(`1.${i}`)]));
    const results = await Promise.allSettled(accepting);
    expect(performance.now() - beganAt).toBeLessThan(3_000); // each alone: ten seconds
    const locked = { status: 'rejected', reason: { name: 'GatewayError', code: 'STORE_LOCKED' } };
    expect(results).toMatchObject(accepting.map(() => locked));
    await other.query('ROLLBACK');
    expect(await store.mpps.accept(undefined, [messageOf('1.0')])).toHaveLength(1);
    expect(await store.spool.list({})).toHaveLength(1);
  });

  test('more connections than the server grants are STORE_UNREACHABLE, a role that may make no tables is STORE_UNREADABLE', async () => {
    await server.query(`CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT 0`);
    const url = new URL(server.url(name));
    [url.username, url.password] = ['few', 'few'];
    await expect(open(url.href)).rejects.toMatchObject(UNREACHABLE);
    await server.query('ALTER ROLE few CONNECTION LIMIT 10');
    await expect(open(url.href)).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_UNREADABLE' });
    await server.query(`ALTER DATABASE "${name}" OWNER TO few`);
    const store = await open(url.href);
    expect(await store.mpps.accept(recordOf('1.1'), [messageOf('1.1')])).toHaveLength(1);
    expect(await store.leads()).toBe(true);
  });
});

describe('a server that says no', () => {
  test('to a role for a while: locks and leadership work again once it may log in', async () => {
    await server.query(`CREATE ROLE barred LOGIN PASSWORD 'barred'; ALTER DATABASE "${name}" OWNER TO barred`);
    const url = new URL(server.url(name));
    [url.username, url.password] = ['barred', 'barred'];
    const store = await open(url.href);
    expect(await store.leads()).toBe(true);
    await server.query('ALTER ROLE barred NOLOGIN');
    await server.terminateConnections(name);
    let refused: unknown;
    while (refused === undefined) await store.leads().catch((error: unknown) => (refused = error));
    expect(refused).toMatchObject({ name: 'GatewayError' });
    await server.query('ALTER ROLE barred LOGIN');
    expect(await store.exclusively('key', () => Promise.resolve('done'))).toBe('done');
    expect(await store.leads()).toBe(true);
  });

  test('to writes for a while: STORE_UNREADABLE, and accepted again by sessions of after that', async () => {
    await (await open()).close();
    await server.query(`ALTER DATABASE "${name}" SET default_transaction_read_only TO on`);
    const store = await open(undefined, { poolSize: 2 });
    const unreadable = { name: 'GatewayError', code: 'STORE_UNREADABLE', message: expect.stringContaining('25006') };
    await expect(store.mpps.accept(undefined, [messageOf('1.1')])).rejects.toMatchObject(unreadable);
    await expect(store.spool.wake(RIS)).rejects.toMatchObject(unreadable);
    await server.query(`ALTER DATABASE "${name}" RESET default_transaction_read_only`);
    await store.mpps.accept(undefined, [messageOf('1.1')]).catch(() => undefined); // may find a session of before
    expect(await store.mpps.accept(undefined, [messageOf('1.1')])).toHaveLength(1);
  });

  test('because it is a standby: STORE_UNREADABLE, and what it takes once it is promoted is there', async () => {
    const store = await open();
    await store.mpps.accept(recordOf('1.1'), [messageOf('1.1')]);
    const promoted = await server.startAsStandby();
    const unreadable = { name: 'GatewayError', code: 'STORE_UNREADABLE', message: expect.stringContaining('25006') };
    await expect(store.mpps.accept(undefined, [messageOf('1.1')])).rejects.toMatchObject(unreadable);
    await expect(store.spool.claim(RIS, 1, MINUTE)).rejects.toMatchObject(unreadable);
    expect(await store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
    await promoted();
    expect(await store.mpps.accept(undefined, [messageOf('1.1')])).toHaveLength(1);
    expect(await store.spool.countOf(keyOf('1.1'))).toBe(2);
  });
});

describe('TLS', () => {
  test('by the URL: the certificate of the server is checked, and without its authority it is refused', async () => {
    const file = join(await cleanup.folder(), 'ca.crt');
    await writeFile(file, SELF_SIGNED.cert);
    const store = await open(`${server.url(name)}?sslmode=verify-full&sslrootcert=${file}`);
    await store.leads();
    const sessions = await server.query(
      `SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid)
       WHERE a.datname = '${name}' AND a.application_name LIKE 'dimseway%'`,
    );
    expect(sessions).toEqual([{ ssl: true }]);
    await expect(open(`${server.url(name)}?sslmode=verify-full`)).rejects.toMatchObject(UNREACHABLE);
    await expect(open(`${server.url(name)}?sslmode=verify-full&sslrootcert=/no/such/file`)).rejects.toMatchObject({
      code: 'STORE_UNREADABLE',
    });
  });
});
