/** Storage commitments of several gateways on one data base of a real PostgreSQL server, which may crash. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startPostgres, type Postgres, type PostgresOptions } from '../../scripts/peers/postgres.ts';
import { Cleanup, startProgram } from '../../scripts/peers/process.ts';
import { sopForm } from '../../src/services/storage-commitment/modules.ts';
import type { CommitmentRecord } from '../../src/store/commitment-records.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { Store } from '../../src/store/store.ts';
import { addDue, PACS, RESULT, transactionOf } from '../support/commitment-records.ts';
import { manyReferences } from '../support/commitments.ts';

jest.setTimeout(60_000);

const HOLDER = join(import.meta.dirname, '../support/commitment-holder.ts');
const MINUTE = 60_000;

let servers: Cleanup;
let stores: Cleanup;
let databases = 0;

beforeAll(() => {
  servers = new Cleanup();
});
afterAll(() => servers.run());
beforeEach(() => {
  stores = new Cleanup();
});
afterEach(() => stores.run());

async function startServer(options: PostgresOptions): Promise<Postgres> {
  const server = await startPostgres(options);
  servers.add(() => server.remove());
  return server;
}

async function open(url: string): Promise<Store> {
  const store = await openPostgresStore({ url, poolSize: 6 });
  stores.add(() => store.close());
  return store;
}

const claim = ({ commitments }: Store, limit: number, leaseMs = MINUTE): Promise<CommitmentRecord[]> =>
  commitments.claim([PACS], limit, leaseMs);

describe('two processes', () => {
  let server: Postgres;
  let url: string;
  let a: Store;
  let b: Store;

  beforeAll(async () => {
    server = await startServer({ fsync: false });
  });
  beforeEach(async () => {
    url = await server.createDatabase(`commitments_${databases++}`);
    [a, b] = [await open(url), await open(url)];
  });

  test('take each transaction once, and both take some', async () => {
    const uids = Array.from({ length: 120 }, (_, i) => `1.${i}`);
    await addDue(a, uids);
    const taken: string[] = [];
    const work = async (store: Store): Promise<number> => {
      let count = 0;
      for (let records = await claim(store, 4); records.length > 0; records = await claim(store, 4)) {
        count += records.length;
        for (const record of records) {
          taken.push(record.transactionUid);
          expect(await store.commitments.change(record, { phase: 'done', dueInMs: null }, 'process')).toBeDefined();
        }
      }
      return count;
    };
    const counts = await Promise.all([work(a), work(b), work(a), work(b)]);
    expect(taken.sort()).toEqual(uids.sort());
    expect((counts[0] ?? 0) + (counts[2] ?? 0)).toBeGreaterThan(0);
    expect((counts[1] ?? 0) + (counts[3] ?? 0)).toBeGreaterThan(0);
    expect(await a.commitments.counts()).toMatchObject([{ phase: 'done', count: 120 }]);
  });

  test('that are asked for the same at once: one adds it, the other is given it, whole', async () => {
    const module = sopForm(manyReferences(200));
    for (let round = 0; round < 30; round++) {
      const transaction = transactionOf(`1.${round}`, { module });
      const other = round % 2 === 0 ? transaction : { ...transaction, transactionUid: `2.${round}` };
      const added = await Promise.all([a.commitments.add(transaction, MINUTE), b.commitments.add(other, MINUTE)]);
      expect(added.map(({ isNew }) => isNew).sort()).toEqual([false, true]);
      expect(added[0].record.id).toBe(added[1].record.id);
      for (const { record } of added) expect(record.module).toEqual(module);
    }
  });

  test('while one takes back what it added, the other adds it or is given it, and nothing is refused', async () => {
    for (let round = 0; round < 30; round++) {
      const transaction = transactionOf(`1.${round}`);
      const { record } = await a.commitments.add(transaction, MINUTE);
      const [removed, again] = await Promise.all([
        a.commitments.remove(record, 'disk'),
        b.commitments.add(transaction, MINUTE),
      ]);
      expect(removed).toBe(true);
      expect(again.isNew).toBe(again.record.id !== record.id);
    }
  });

  test('of two changes of one revision one is made: an event that arrives while a poll tells, as it may', async () => {
    for (let round = 0; round < 30; round++) {
      const { record } = await a.commitments.add(transactionOf(`1.${round}`), 0);
      const changes = await Promise.all([
        a.commitments.change(record, { phase: 'reporting', result: RESULT }, 'disk'),
        b.commitments.change(record, { phase: 'waiting', attempts: 5 }, 'process'),
      ]);
      const made = changes.filter((change) => change !== undefined);
      expect(made).toHaveLength(1);
      expect(await b.commitments.get(record.id)).toMatchObject({
        revision: made[0]?.revision,
        phase: made[0]?.phase,
        attempts: made[0]?.attempts,
      });
    }
  });

  test('go by the clock of the server: one that is an hour ahead takes nothing that the other holds', async () => {
    await a.commitments.add(transactionOf('1.1'), MINUTE);
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000);
    try {
      expect(await claim(b, 10)).toEqual([]);
      expect(await b.commitments.nextDueMs()).toBeGreaterThan(MINUTE / 2);
      expect((await b.commitments.find(transactionOf('1.1')))?.remainingMs).toBeGreaterThan(MINUTE / 2);
    } finally {
      now.mockRestore();
    }
  });

  test('of which one is killed: what it held is the other’s when the leases end, and not before', async () => {
    await addDue(a, ['1.1', '1.2']);
    const holder = await startProgram(process.execPath, [HOLDER, url, '1500'], { readyText: /holding 2/ });
    expect(await claim(a, 10)).toEqual([]);
    await holder.stop('SIGKILL');
    const dueMs = await a.commitments.nextDueMs();
    expect(dueMs).toBeDefined();
    await wait(dueMs); // what is tested is that time passes
    expect((await claim(a, 10)).map(({ transactionUid }) => transactionUid)).toEqual(['1.1', '1.2']);
  });

  test('forget and remove each transaction once between them', async () => {
    await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const { record } = await a.commitments.add(transactionOf(`1.${i}`), 0);
        await a.commitments.change(record, { phase: 'reporting', result: RESULT }, 'process');
      }),
    );
    const retention = { resultsMs: -MINUTE, tombstonesMs: -MINUTE, limit: 20 };
    let [forgotten, removed, unreported] = [0, 0, 0];
    for (let round = 0; round < 20; round++) {
      for (const each of await Promise.all([a.commitments.expire(retention), b.commitments.expire(retention)])) {
        forgotten += each.forgotten;
        removed += each.removed;
        unreported += each.unreported.length;
      }
    }
    expect({ forgotten, removed, unreported }).toEqual({ forgotten: 60, removed: 60, unreported: 60 });
  });
});

describe('a server that crashes', () => {
  let server: Postgres;
  let store: Store;

  beforeAll(async () => {
    // Nothing but a commit to the disk writes the log out: what became of the rest of it is not left to chance.
    server = await startServer({ settings: { wal_writer_delay: '10s', autovacuum: 'off' } });
  });
  beforeEach(async () => {
    store = await open(await server.createDatabase(`commitments_${databases++}`));
  });
  const crash = async (): Promise<void> => {
    await server.stop('SIGQUIT');
    await server.start();
  };

  test('takes nothing that was added, changed or removed on the disk, and no claim', async () => {
    const { commitments } = store;
    const { record } = await commitments.add(transactionOf('1.1'), 0);
    await crash();
    const settled = await commitments.change(record, { phase: 'reporting', result: RESULT, dueInMs: 0 }, 'disk');
    await crash();
    expect(await commitments.find(record)).toEqual({ ...settled, remainingMs: expect.any(Number) });
    expect(await claim(store, 1)).toHaveLength(1);
    await crash();
    expect(await claim(store, 1)).toEqual([]);
    const held = (await commitments.get(record.id)) as CommitmentRecord;
    expect(await commitments.remove(held, 'disk')).toBe(true);
    await crash();
    expect(await commitments.list({})).toEqual([]);
  });

  test('never gives a revision again that it lost: who had it changes nothing of what others have done since', async () => {
    const { commitments } = store;
    const { record } = await commitments.add(transactionOf('1.1'), 0);
    const lost = await commitments.change(record, { attempts: 3 }, 'process');
    await crash();
    const found = await commitments.get(record.id);
    expect(found).toMatchObject({ revision: record.revision, attempts: 0 }); // else nothing is tested
    const [taken] = await claim(store, 1);
    expect(taken?.revision).toBeGreaterThan(lost?.revision ?? Infinity);
    expect(await commitments.change(lost as CommitmentRecord, { phase: 'done' }, 'disk')).toBeUndefined();
    expect(await commitments.remove(lost as CommitmentRecord, 'disk')).toBe(false);
    expect(await commitments.change(taken as CommitmentRecord, { phase: 'waiting' }, 'disk')).toMatchObject({
      attempts: 0,
      phase: 'waiting',
    });
  });
});
