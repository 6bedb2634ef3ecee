/**
 * A server that crashes while a transaction is on its way. What it had not written of its log is gone, the number of the
 * transaction with it: after the crash that number is given to another, and what is said of it is not said of ours.
 */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Client } from 'pg';
import { startPostgres, type Postgres } from '../../scripts/peers/postgres.ts';
import { Cleanup } from '../../scripts/peers/process.ts';
import type { GatewayError } from '../../src/errors.ts';
import { PostgresConnections, prepared } from '../../src/store/postgres-connection.ts';
import type { Session } from '../../src/store/postgres-connection.ts';
import { PostgresErrors } from '../../src/store/postgres-errors.ts';
import { PostgresMppsRecords } from '../../src/store/postgres-mpps.ts';
import { PostgresSpool } from '../../src/store/postgres-spool.ts';
import { openPostgresStore } from '../../src/store/postgres.ts';
import type { Durability, Store } from '../../src/store/store.ts';
import { keyOf, recordOf } from '../support/mpps-records.ts';
import { claimFirst, messageOf } from '../support/spool-messages.ts';

jest.setTimeout(60_000);

const MINUTE = 60_000;
const DATABASE = 'crashes';
const NUMBER = prepared('SELECT pg_current_xact_id()::text AS number');

/** Connections whose next transaction meets a fault when all its statements were answered and its COMMIT is not sent. */
class FaultyConnections extends PostgresConnections {
  /** Is told the number of the transaction. */
  fault: ((number: string) => Promise<void>) | undefined;

  override commit<T>(durability: Durability, work: (session: Session) => Promise<T>): Promise<T> {
    return super.commit(durability, async (session) => {
      const result = await work(session);
      const { fault } = this;
      this.fault = undefined;
      if (fault !== undefined) await fault((await session.query(NUMBER)).rows[0]?.['number'] as string);
      return result;
    });
  }
}

let server: Postgres;
let store: Store;
let connections: FaultyConnections;
let mpps: PostgresMppsRecords;
let spool: PostgresSpool;
let cleanup: Cleanup;

beforeEach(async () => {
  cleanup = new Cleanup();
  // Nothing but a commit to the disk writes the log out: what became of the rest of it is not left to chance.
  server = await startPostgres({ settings: { wal_writer_delay: '10s', autovacuum: 'off' } });
  cleanup.add(() => server.remove());
  const url = await server.createDatabase(DATABASE);
  store = await openPostgresStore({ url, poolSize: 4, connectTimeoutMs: 2_000 });
  cleanup.add(() => store.close());
  connections = new FaultyConnections({ url, poolSize: 4, connectTimeoutMs: 2_000 }, new PostgresErrors(url));
  cleanup.add(() => connections.close());
  mpps = new PostgresMppsRecords(
    connections,
    (detail) => new Error(detail) as GatewayError,
    () => undefined,
  );
  spool = new PostgresSpool(connections);
});
afterEach(() => cleanup.run());

async function crash(): Promise<void> {
  await server.stop('SIGQUIT');
  await server.start();
}

/** Begins transactions until one has the number; that one is left open. */
async function takeNumber(number: string): Promise<Client> {
  const client = new Client({ connectionString: server.url(DATABASE) });
  client.on('error', () => undefined);
  await client.connect();
  cleanup.add(() => client.end());
  for (;;) {
    const [, answer] = (await client.query('BEGIN; SELECT pg_current_xact_id()::text AS number')) as unknown as {
      rows: { number: string }[];
    }[];
    const taken = answer?.rows[0]?.number ?? '';
    if (taken === number) return client;
    if (BigInt(taken) > BigInt(number)) throw new Error(`the number ${number} is not given again`);
    await client.query('COMMIT');
  }
}

async function crashAndCommitAs(number: string): Promise<void> {
  await crash();
  const other = await takeNumber(number);
  await other.query('COMMIT');
}

const accepted = async (): Promise<string[]> => (await store.spool.list({})).map(({ digest }) => digest);

describe('a transaction of a server that crashes before its commit', () => {
  test('whose number another commits: what is accepted is not acknowledged, and not there', async () => {
    connections.fault = crashAndCommitAs;
    await expect(mpps.accept(recordOf('1.1'), [messageOf('1.1', 'a')])).rejects.toMatchObject({
      name: 'GatewayError',
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('not known'),
    });
    expect(await accepted()).toEqual([]);
    expect(await store.mpps.get(keyOf('1.1'))).toBeUndefined();
    expect(await mpps.accept(recordOf('1.1'), [messageOf('1.1', 'a')])).toHaveLength(1);
    expect(await accepted()).toEqual(['a']);
  });

  test('whose number another commits: the next message of a lane is not given while its first one stands there', async () => {
    await store.mpps.accept(undefined, [messageOf('1.1', 'a'), messageOf('1.1', 'b')]);
    const claim = await claimFirst(store);
    connections.fault = crashAndCommitAs;
    await expect(spool.done(claim, MINUTE)).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await accepted()).toEqual(['a', 'b']);
    expect((await spool.done(claim, MINUTE))?.message.digest).toBe('b');
  });

  test('whose number another commits: no lane counts as taken that is free', async () => {
    await store.mpps.accept(undefined, [messageOf('1.1', 'a')]);
    connections.fault = crashAndCommitAs;
    await expect(spool.claim({ route: 'ct', upstream: 'ris' }, 1, MINUTE)).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
    });
    expect((await claimFirst(store)).message).toMatchObject({ digest: 'a', attempts: 1 });
  });

  test('whose number nobody has yet: it is done again at once', async () => {
    connections.fault = crash;
    expect(await mpps.accept(recordOf('1.1'), [messageOf('1.1', 'a')])).toHaveLength(1);
    expect(await accepted()).toEqual(['a']);
  });

  test.each(['in progress', 'rolled back'])(
    'whose number another has, %s: it is done again, and the other one is left alone',
    async (state) => {
      let other: Client | undefined;
      connections.fault = async (number) => {
        await crash();
        other = await takeNumber(number);
        if (state === 'rolled back') await other.query('ROLLBACK');
      };
      expect(await mpps.accept(recordOf('1.1'), [messageOf('1.1', 'a')])).toHaveLength(1);
      expect(await accepted()).toEqual(['a']);
      expect((await other?.query('SELECT 1 AS one'))?.rows).toEqual([{ one: 1 }]);
    },
  );
});
