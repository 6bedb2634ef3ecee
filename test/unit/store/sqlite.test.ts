import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { MIGRATIONS } from '../../../src/store/migrations/migrations.ts';
import type { Migration } from '../../../src/store/migrations/migration.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { keyOf, numberedRecord, recordOf, smallRecordOf } from '../../support/mpps-records.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-sqlite-'));
  path = join(folder, 'dimseway.db');
});
afterEach(() => rm(folder, { recursive: true }));

/** A closed store with 40 records, some of them over many pages. */
async function filled(): Promise<void> {
  const store = await openStore({ path });
  for (let i = 0; i < 40; i++) await store.mpps.put(numberedRecord(i), 'process');
  await store.close();
}

/** Runs SQL as another program would. */
function alter(sql: string): void {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
}

async function overwrite(offset: number, bytes: Uint8Array): Promise<void> {
  const content = await readFile(path);
  content.set(bytes, offset);
  await writeFile(path, content);
}

/** Leaves the files as kill -9 would: the log is not written back. */
async function abandon(store: Store): Promise<void> {
  const [main, log] = [await readFile(path), await readFile(`${path}-wal`)];
  await store.close();
  await writeFile(path, main);
  await writeFile(`${path}-wal`, log);
}

/** Every file of the folder but the lock, with its bytes. */
async function contents(): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith('.lock')).sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), 'base64')] as const)),
  );
}

async function expectRefused(code: string, options: { migrations?: readonly Migration[] } = {}): Promise<void> {
  const before = await contents();
  await expect(openStore({ path, ...options })).rejects.toMatchObject({
    name: 'GatewayError',
    code,
    message: expect.stringContaining(path),
    fix: expect.stringMatching(/./),
  });
  expect(await contents()).toEqual(before);
}

/** Without the superuser's right to write everywhere. */
async function asAnyone(work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.('nobody');
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
}

describe('a new store', () => {
  test('is for its owner only: the file, its log and its lock; missing folders are made', async () => {
    path = join(folder, 'a', 'b', 'dimseway.db');
    const store = await openStore({ path });
    await store.mpps.put(recordOf('1.2.3'), 'process');
    const names = (await readdir(dirname(path))).sort();
    expect(names).toEqual(['dimseway.db', 'dimseway.db-shm', 'dimseway.db-wal', 'dimseway.db.lock']);
    for (const name of names) expect((await stat(join(dirname(path), name))).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(path))).mode & 0o777).toBe(0o700);
    await store.close();
    expect((await readdir(dirname(path))).sort()).toEqual(['dimseway.db', 'dimseway.db.lock']);
  });

  test('is made anew after an attempt that was killed halfway', async () => {
    await writeFile(`${path}.new`, 'half a file');
    await writeFile(`${path}.new-journal`, 'half a journal');
    await (await openStore({ path })).close();
    expect((await readdir(folder)).sort()).toEqual(['dimseway.db', 'dimseway.db.lock']);
  });

  test('stays readable for other programs while it is open', async () => {
    const store = await openStore({ path });
    await store.mpps.put(recordOf('1.2.3'), 'process');
    const reader = new DatabaseSync(path, { readOnly: true });
    expect(reader.prepare('SELECT uid FROM mpps').get()?.['uid']).toBe('1.2.3');
    reader.close();
    await store.close();
  });

  test('a second gateway on it is STORE_LOCKED, until the first one closes', async () => {
    const store = await openStore({ path });
    await expect(openStore({ path })).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_LOCKED' });
    await store.mpps.put(recordOf('1.2.1'), 'disk');
    await store.close();
    const next = await openStore({ path });
    expect(await next.mpps.get(keyOf('1.2.1'))).toEqual(recordOf('1.2.1'));
    await next.close();
  });

  test('is one store under every name: a link to it is locked too', async () => {
    const store = await openStore({ path });
    await symlink(path, join(folder, 'link.db'));
    await expect(openStore({ path: join(folder, 'link.db') })).rejects.toMatchObject({ code: 'STORE_LOCKED' });
    await store.close();
  });
});

describe('a damaged store is STORE_DAMAGED and stays as it is', () => {
  beforeEach(filled);

  test('garbage', async () => {
    await writeFile(path, 'Dear diary, '.repeat(1_000));
    await expectRefused('STORE_DAMAGED');
  });

  test('empty, as some file systems leave files after a loss of power', async () => {
    await truncate(path, 0);
    await expectRefused('STORE_DAMAGED');
  });

  test.each([50, 100, 4_096, 10_000])('cut to %i bytes', async (length) => {
    await truncate(path, length);
    await expectRefused('STORE_DAMAGED');
  });

  test('cut by its last page', async () => {
    await truncate(path, (await stat(path)).size - 4_096);
    await expectRefused('STORE_DAMAGED');
  });

  test('a page overwritten in the middle', async () => {
    await overwrite(8 * 4_096, new Uint8Array(4_096).fill(0xa5));
    await expectRefused('STORE_DAMAGED');
  });

  test('a page overwritten while its log is still there', async () => {
    const store = await openStore({ path });
    await store.mpps.put(recordOf('1.9'), 'disk');
    await abandon(store);
    await overwrite(8 * 4_096, new Uint8Array(4_096).fill(0xa5));
    const before = await readFile(path);
    await expect(openStore({ path })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    expect(await readFile(path)).toEqual(before);
  });

  test('the file gone but its log there', async () => {
    await rename(path, `${path}-wal`);
    await expectRefused('STORE_DAMAGED');
  });

  test('the tables not those of its version', async () => {
    alter('DROP TABLE mpps');
    await expect(openStore({ path })).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
  });

  test('a record that is no JSON any more is STORE_DAMAGED when it is asked for, the others are there', async () => {
    alter(`UPDATE mpps SET copy = '{' WHERE uid = '1.2.3.7'`);
    const store = await openStore({ path });
    await expect(store.mpps.get(keyOf('1.2.3.7'))).rejects.toMatchObject({ code: 'STORE_DAMAGED' });
    expect(await store.mpps.get(keyOf('1.2.3.8'))).toEqual(numberedRecord(8));
    await store.close();
  });
});

describe('a file that is not a store of ours stays as it is', () => {
  test('STORE_FOREIGN for the data base of another program, with its log too', async () => {
    alter('CREATE TABLE t (x); INSERT INTO t VALUES (1)');
    await expectRefused('STORE_FOREIGN');
    alter('PRAGMA application_id = 252006; PRAGMA journal_mode = WAL; INSERT INTO t VALUES (2)');
    await expectRefused('STORE_FOREIGN');
  });

  test('STORE_UNREADABLE for a folder, and for a folder that cannot be made', async () => {
    await mkdir(path);
    await expect(openStore({ path })).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_UNREADABLE' });
    await writeFile(join(folder, 'file'), '');
    path = join(folder, 'file', 'dimseway.db');
    await expect(openStore({ path })).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_UNREADABLE' });
  });

  test('STORE_UNREADABLE for a file that may not be written', async () => {
    await filled();
    // Only the file itself stands in the way.
    await chmod(folder, 0o777);
    await chmod(`${path}.lock`, 0o666);
    await chmod(path, 0o444);
    await asAnyone(() => expectRefused('STORE_UNREADABLE'));
  });
});

describe('versions', () => {
  const NEXT: Migration = {
    version: MIGRATIONS.length + 1,
    sqlite: `ALTER TABLE mpps ADD COLUMN note TEXT; UPDATE mpps SET note = 'from before'`,
    postgres: '',
  };

  test('count 1, 2, 3 without gaps', () => {
    expect(MIGRATIONS.map(({ version }) => version)).toEqual(MIGRATIONS.map((_, i) => i + 1));
  });

  test('a store of a newer version is STORE_TOO_NEW and stays as it is', async () => {
    await filled();
    alter('PRAGMA user_version = 9999');
    await expectRefused('STORE_TOO_NEW');
  });

  test('a newer version that stands only in the log is seen too', async () => {
    const store = await openStore({ path });
    const writer = new DatabaseSync(path);
    writer.exec('PRAGMA user_version = 9999');
    writer.close();
    await abandon(store);
    const [main, log] = [await readFile(path), await readFile(`${path}-wal`)];
    await expect(openStore({ path })).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
    expect(await readFile(path)).toEqual(main);
    expect(await readFile(`${path}-wal`)).toEqual(log);
  });

  test('an older store is brought to this version with its records', async () => {
    await filled();
    const store = await openStore({ path, migrations: [...MIGRATIONS, NEXT] });
    expect(await store.mpps.get(keyOf('1.2.3.7'))).toEqual(numberedRecord(7));
    await store.close();
    const database = new DatabaseSync(path);
    expect(database.prepare('SELECT DISTINCT note FROM mpps').get()?.['note']).toBe('from before');
    database.close();
    await expectRefused('STORE_TOO_NEW'); // for the version before
  });

  test('a step that fails leaves the version before whole', async () => {
    await filled();
    const broken = {
      version: NEXT.version + 1,
      sqlite: 'CREATE TABLE half (x); INSERT INTO nowhere VALUES (1)',
      postgres: '',
    };
    const attempt = openStore({ path, migrations: [...MIGRATIONS, NEXT, broken] });
    await expect(attempt).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_FAILED' });
    const database = new DatabaseSync(path);
    expect(database.prepare('PRAGMA user_version').get()?.['user_version']).toBe(NEXT.version);
    expect(database.prepare(`SELECT count(*) AS n FROM sqlite_schema WHERE name = 'half'`).get()?.['n']).toBe(0);
    database.close();
    const store = await openStore({ path, migrations: [...MIGRATIONS, NEXT] });
    expect(await store.mpps.get(keyOf('1.2.3.7'))).toEqual(numberedRecord(7));
    await store.close();
  });

  test('a file of version 1 opens with what it holds, whatever version this is', async () => {
    alter(await readFile(new URL('../../golden/store/version-1.sql', import.meta.url), 'utf8'));
    const store = await openStore({ path });
    const { updates: _later, ...first } = recordOf('1.2.1', { state: 'COMPLETED' });
    expect(await store.mpps.get(keyOf('1.2.1'))).toEqual(first);
    expect(await store.mpps.get(keyOf('1.2.2'))).toEqual(smallRecordOf('1.2.2', { phase: 'pending' }));
    await store.close();
  });
});
