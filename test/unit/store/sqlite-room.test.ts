import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SqliteConnection } from '../../../src/store/sqlite-connection.ts';
import { DELIVERY_RESERVE_BYTES, SqliteRoom } from '../../../src/store/sqlite-room.ts';

let folder: string;
let path: string;
let connection: SqliteConnection;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-room-'));
  path = join(folder, 'dimseway.db');
  connection = new SqliteConnection(path, { busyTimeoutMs: 0 });
  connection.database.exec('CREATE TABLE filling (bytes BLOB)');
});
afterEach(async () => {
  connection.close();
  await rm(folder, { recursive: true });
});

/** With so much room on the disk, apart from the log. */
function roomOf(diskBytes: number): SqliteRoom {
  connection.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return new SqliteRoom(connection, path, () => diskBytes);
}

test('of a disk with less than the reserve of delivery there is none for more messages: STORE_FULL', () => {
  roomOf(DELIVERY_RESERVE_BYTES).check();
  expect(() => roomOf(DELIVERY_RESERVE_BYTES - 1).check()).toThrow(
    expect.objectContaining({ name: 'GatewayError', code: 'STORE_FULL' }),
  );
});

test('what was delivered makes room: pages of the file that are free again count', () => {
  connection.database.exec('INSERT INTO filling VALUES (zeroblob(200000))');
  const room = roomOf(DELIVERY_RESERVE_BYTES - 100_000);
  expect(() => room.check()).toThrow(expect.objectContaining({ code: 'STORE_FULL' }));
  connection.database.exec('DELETE FROM filling');
  room.check();
});

test('the log counts, since it is written over', () => {
  const room = roomOf(DELIVERY_RESERVE_BYTES - 100_000);
  expect(() => room.check()).toThrow(expect.objectContaining({ code: 'STORE_FULL' }));
  connection.database.exec('INSERT INTO filling VALUES (zeroblob(200000))');
  room.check();
});
