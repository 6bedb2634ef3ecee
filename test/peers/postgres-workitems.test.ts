/** Workitems and reports of several gateways on one data base of a real PostgreSQL server, which may crash. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { startPostgres, type Postgres, type PostgresOptions } from '../../scripts/peers/postgres.ts';
import { Cleanup } from '../../scripts/peers/process.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import type { WorkitemRecord } from '../../src/store/workitem-records.ts';
import { added, claimOf, foundOf, reportOf, ROUTE, workitemOf } from '../support/workitem-records.ts';

jest.setTimeout(60_000);

let servers: Cleanup;
let open: Cleanup;
let databases = 0;

beforeAll(() => {
  servers = new Cleanup();
});
afterAll(() => servers.run());
beforeEach(() => {
  open = new Cleanup();
});
afterEach(() => open.run());

async function startServer(options: PostgresOptions): Promise<Postgres> {
  const server = await startPostgres(options);
  servers.add(() => server.remove());
  return server;
}

async function openStore(url: string): Promise<Store> {
  const store = await openPostgresStore({ url, poolSize: 6 });
  open.add(() => store.close());
  return store;
}

describe('two processes', () => {
  let server: Postgres;
  let url: string;
  let a: Store;
  let b: Store;
  /** A process that is slow between two of its statements. */
  let slow: Client;

  beforeAll(async () => {
    server = await startServer({ fsync: false });
  });
  beforeEach(async () => {
    url = await server.createDatabase(`workitems_${databases++}`);
    [a, b] = [await openStore(url), await openStore(url)];
    slow = new Client({ connectionString: url });
    await slow.connect();
    open.add(() => slow.end());
  });

  /** Resolves when so many wait for a lock; the time limit of the test ends it otherwise. @param isOver nobody asks any more */
  async function waitingForLocks(count: number, isOver = (): boolean => false): Promise<'waits'> {
    const database = new URL(url).pathname.slice(1);
    while (!isOver()) {
      const waiting = await server.query('SELECT DISTINCT pid FROM pg_locks WHERE NOT granted', database);
      if (waiting.length >= count) break;
      await wait(10);
    }
    return 'waits';
  }

  /** What the work gives, or that it waits for a lock, as so many then do. Nothing is asked of the server afterwards. */
  async function doneOrWaiting<T>(work: Promise<T>, count = 1): Promise<T | 'waits'> {
    let isOver = false;
    const waiting = waitingForLocks(count, () => isOver);
    const outcome = await Promise.race([work, waiting]);
    isOver = true;
    await waiting;
    return outcome;
  }

  test('that put reports into one queue do so one after another: none comes to light below one that was delivered', async () => {
    const texts = async (): Promise<unknown[]> =>
      (await b.subscriptions.waiting(ROUTE, 'A', 10)).map(({ report }) => report['00741238']?.Value?.[0]);
    await a.subscriptions.enqueue(ROUTE, ['A'], '1.1', reportOf('old'), 1);
    await slow.query('BEGIN; SELECT 1 FROM workitem_reports FOR UPDATE');
    // It has its id, and waits to drop the old one.
    const first = a.subscriptions.enqueue(ROUTE, ['A'], '1.1', reportOf('first'), 1);
    await waitingForLocks(1);
    const second = b.subscriptions.enqueue(ROUTE, ['A'], '1.1', reportOf('second'), 10);
    expect(await doneOrWaiting(second, 2)).toBe('waits');
    expect(await texts()).toEqual(['old']);
    await slow.query('COMMIT');
    expect(await Promise.all([first, second])).toEqual([1, 0]);
    expect(await texts()).toEqual(['first', 'second']);
  });

  test('that find the same in another order do not wait for each other', async () => {
    await slow.query(`BEGIN; SET LOCAL deadlock_timeout TO '50ms'`);
    const insert = (uid: string): Promise<unknown> =>
      slow.query(
        `INSERT INTO workitems (route, uid, revision, state, is_deleted, created_at, updated_at, aged_from, polled_at,
           workitem, entry)
         VALUES ($1, $2, 1, 'SCHEDULED', false, 0, 0, 0, 0, '{}', '{}')`,
        [ROUTE, uid],
      );
    await insert('1.2');
    const seen = a.workitems.see([foundOf('1.3'), foundOf('1.2')]);
    await waitingForLocks(1);
    await insert('1.3');
    await slow.query('ROLLBACK');
    expect((await seen).toSorted()).toEqual(['1.2', '1.3']);
  });

  test('that poll pass by what another is just working on', async () => {
    for (const uid of ['1.1', '1.2']) await added(a, workitemOf(uid, { state: 'IN PROGRESS' }));
    await slow.query(`BEGIN; SELECT 1 FROM workitems WHERE uid = '1.1' FOR UPDATE`);
    const taken = a.workitems.takeOpen(ROUTE, 10, 0).then((records) => records.map(({ uid }) => uid));
    expect(await doneOrWaiting(taken)).toEqual(['1.2']);
    await slow.query('ROLLBACK');
  });

  test('that age out pass by what another is just changing', async () => {
    const [kept] = [await added(a, workitemOf('1.1')), await added(a, workitemOf('1.2'))];
    await slow.query(`BEGIN; SELECT 1 FROM workitems WHERE uid = '1.1' FOR UPDATE`);
    const ALL = { finalMs: -1_000, openMs: -1_000, scheduledMs: -1_000, lockedMs: -1_000 };
    expect(await doneOrWaiting(a.workitems.expire(ALL))).toBe(1);
    await slow.query('ROLLBACK');
    expect(await b.workitems.list({ route: ROUTE })).toEqual([kept]);
  });
});

describe('a server that crashes', () => {
  test('never gives a revision again that was lost with it: who had it changes nothing', async () => {
    // Nothing but a commit to the disk writes the log out: what became of the rest of it is not left to chance.
    const server = await startServer({ settings: { wal_writer_delay: '10s', autovacuum: 'off' } });
    const store = await openStore(await server.createDatabase('workitems'));
    const record = await store.workitems.add(workitemOf('1.1'), 'disk');
    const claim = await store.claims.add(claimOf('1.1'), 'disk');
    const lost = {
      record: await store.workitems.change(
        workitemOf('1.1', { transactionUid: '2.25.1' }),
        record?.revision ?? 0,
        'process',
      ),
      claim: await store.claims.change(claimOf('1.1', { isComplete: true }), claim?.revision ?? 0, 'process'),
    };
    await server.stop('SIGQUIT');
    await server.start();
    const { workitems, claims } = store;
    expect(await workitems.get(workitemOf('1.1'))).toEqual(record);
    expect(await claims.get('ups', '1.1')).toEqual(claim);
    const anew = (await workitems.change(
      workitemOf('1.1', { transactionUid: '2.25.2' }),
      record?.revision ?? 0,
      'disk',
    )) as WorkitemRecord;
    await claims.change(claimOf('1.1', { isOpen: false }), claim?.revision ?? 0, 'disk');
    expect(await workitems.change(workitemOf('1.1'), lost.record?.revision ?? 0, 'disk')).toBeUndefined();
    expect(await claims.change(claimOf('1.1'), lost.claim?.revision ?? 0, 'disk')).toBeUndefined();
    expect(await workitems.get(workitemOf('1.1'))).toEqual(anew);
  });
});
