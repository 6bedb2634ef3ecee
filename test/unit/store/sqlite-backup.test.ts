import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore, openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { PACS, RESULT, transactionOf } from '../../support/commitment-records.ts';
import { keyOf, numberedRecord, recordOf } from '../../support/mpps-records.ts';
import { claimFirst, FAILURE, fullMessageOf, messageOf, RIS } from '../../support/spool-messages.ts';

let folder: string;
let copy: string;
let store: Store;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-backup-'));
  copy = join(folder, 'copy.db');
  store = await openStore({ path: join(folder, 'dimseway.db') });
});
afterEach(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

const others = async (): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !name.startsWith('dimseway.db')).sort();

async function expectRefused(path: string): Promise<void> {
  const before = await others();
  await expect(store.backup(path)).rejects.toMatchObject({
    name: 'GatewayError',
    code: 'STORE_BACKUP_FAILED',
    message: expect.stringContaining(path),
    fix: expect.stringMatching(/./),
  });
  expect(await others()).toEqual(before);
}

test('a copy is a store of its own: the same instance, its records and what it has to deliver', async () => {
  await store.mpps.accept(recordOf('1.1'), [fullMessageOf('1.1'), messageOf('1.1', 'second')]);
  await store.spool.dead(await claimFirst(store), FAILURE);
  await store.backup(copy);
  expect(await others()).toEqual(['copy.db']);
  expect((await stat(copy)).mode & 0o777).toBe(0o600);
  const messages = await store.spool.list({});

  const opened = await openStore({ path: copy });
  expect(opened.instanceId).toBe(store.instanceId);
  expect(await opened.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
  expect(await opened.spool.list({})).toEqual(messages.map((message) => ({ ...message, inDoubt: true })));
  await opened.close();
});

test('what a copy has to deliver is in doubt: it may have been delivered since; what it accepts later is not', async () => {
  await store.mpps.accept(undefined, [messageOf('1.1')]);
  await store.backup(copy);
  expect(await store.spool.list({})).toMatchObject([{ inDoubt: false }]);
  const opened = await openStore({ path: copy });
  await opened.mpps.accept(undefined, [messageOf('1.2')]);
  const claims = await opened.spool.claim(RIS, 2, 1_000);
  expect(claims.map(({ message, wasInDoubt }) => [message.uid, wasInDoubt])).toEqual([
    ['1.1', true],
    ['1.2', false],
  ]);
  await opened.close();
});

test('a storage commitment that is to be asked for is in doubt in the copy, and nobody holds it; the others are as they are', async () => {
  const { commitments } = store;
  await commitments.add(transactionOf('1.1'), 60_000);
  const { record } = await commitments.add(transactionOf('1.2'), 0);
  await commitments.change(record, { phase: 'reporting', result: RESULT, dueInMs: 0 }, 'disk');
  await store.backup(copy);
  const before = await commitments.list({});
  expect(before.map(({ inDoubt }) => inDoubt)).toEqual([false, false]);
  const opened = await openStore({ path: copy });
  expect(await opened.commitments.list({})).toEqual(
    before.map((each) => ({
      ...each,
      inDoubt: each.phase === 'asking',
      isHeld: false,
      remainingMs: expect.any(Number),
    })),
  );
  expect(await opened.commitments.claim([PACS], 10, 1_000)).toHaveLength(2);
  await opened.close();
});

test('a lane that is being delivered is free in the copy', async () => {
  await store.mpps.accept(undefined, [messageOf('1.1')]);
  await claimFirst(store);
  await store.backup(copy);
  const opened = await openStore({ path: copy });
  expect(await claimFirst(opened)).toMatchObject({ wasInDoubt: true, message: { attempts: 2 } });
  await opened.close();
});

test('a copy taken while work goes on is whole, and holds each acceptance with all of it or not at all', async () => {
  for (let i = 0; i < 200; i++) await store.mpps.put(numberedRecord(i), 'process');
  let copied = false;
  const running = store.backup(copy).then(() => (copied = true));
  let accepted = 0;
  while (!copied && accepted < 1_000) {
    await store.mpps.accept(recordOf(`2.${accepted}`), [messageOf(`2.${accepted}`)]);
    accepted++;
  }
  await running;
  const opened = await openStore({ path: copy });
  for (let i = 0; i < 200; i++) expect(await opened.mpps.get(keyOf(`1.2.3.${i}`))).toEqual(numberedRecord(i));
  const messages = (await opened.spool.list({ limit: accepted })).map(({ uid }) => uid);
  for (let i = 0; i < accepted; i++) {
    expect((await opened.mpps.get(keyOf(`2.${i}`))) !== undefined).toBe(messages.includes(`2.${i}`));
  }
  expect(messages).toEqual(messages.map((_, i) => `2.${i}`));
  await opened.close();
});

describe('a copy that cannot be made is STORE_BACKUP_FAILED and leaves nothing', () => {
  test('over a file that is there, the store itself among them', async () => {
    await writeFile(copy, 'mine');
    await expectRefused(copy);
    expect(await readFile(copy, 'utf8')).toBe('mine');
    await expectRefused(join(folder, 'dimseway.db'));
  });

  test('in a folder that is not there', () => expectRefused(join(folder, 'missing', 'copy.db')));

  test('in a folder that may not be written', async () => {
    const isRoot = process.geteuid?.() === 0;
    await chmod(folder, 0o555);
    if (isRoot) process.seteuid?.('nobody');
    try {
      await expect(store.backup(copy)).rejects.toMatchObject({ code: 'STORE_BACKUP_FAILED' });
    } finally {
      if (isRoot) process.seteuid?.(0);
      await chmod(folder, 0o755);
    }
    expect(await others()).toEqual([]);
  });
});

test('a store that is closed meanwhile waits for its copy to be whole, and makes no other', async () => {
  for (let i = 0; i < 200; i++) await store.mpps.put(numberedRecord(i), 'process');
  const running = store.backup(copy);
  await store.close();
  await running;
  const opened = await openStore({ path: copy });
  expect(await opened.mpps.get(keyOf('1.2.3.199'))).toEqual(numberedRecord(199));
  await opened.close();
  await expect(store.backup(join(folder, 'other.db'))).rejects.toMatchObject({ code: 'STORE_FAILED' });
});

test('a store in memory is whole, another each time, and leaves nothing behind', async () => {
  const before = await readdir('.');
  const [one, two] = [await openMemoryStore(), await openMemoryStore()];
  await one.mpps.accept(recordOf('1.1'), [messageOf('1.1')]);
  expect(await one.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
  expect(await two.mpps.get(keyOf('1.1'))).toBeUndefined();
  expect(one.instanceId).not.toBe(two.instanceId);
  await one.close();
  await two.close();
  expect(await readdir('.')).toEqual(before);
});
