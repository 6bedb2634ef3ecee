import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteConnection } from '../../../src/store/sqlite-connection.ts';

let folder: string;
let connection: SqliteConnection;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  connection = new SqliteConnection(join(folder, 's.db'), { busyTimeoutMs: 100 });
  connection.database.exec('CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT');
});
afterEach(async () => {
  connection.close();
  await rm(folder, { recursive: true });
});

const put = (n: number): Promise<unknown> =>
  connection.write('disk', () => connection.database.exec(`INSERT INTO t VALUES (${n})`));
const all = (): unknown[] =>
  connection.database
    .prepare('SELECT n FROM t ORDER BY n')
    .all()
    .map((row) => row['n']);

test('writes of one turn share a transaction and all are there when they resolve', async () => {
  await Promise.all([put(1), put(2), put(3)]);
  expect(all()).toEqual([1, 2, 3]);
});

test('a write that fails fails alone: those committed with it are kept', async () => {
  await put(2);
  const results = await Promise.allSettled([put(1), put(2), put(3)]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(all()).toEqual([1, 2, 3]);
});

test('what waits when the connection closes is committed first; what comes later is refused', async () => {
  const waiting = put(7);
  connection.close();
  await expect(waiting).resolves.toBeUndefined();
  await expect(put(8)).rejects.toMatchObject({ code: 'STORE_FAILED' });
  connection = new SqliteConnection(join(folder, 's.db'), { busyTimeoutMs: 100 });
  expect(all()).toEqual([7]);
});
