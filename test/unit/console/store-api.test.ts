import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { storeApi } from '../../../src/console/store-api.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';
import { keyOf, recordOf } from '../../support/mpps-records.ts';
import { keepingLogger } from '../../support/requests.ts';
import { messageOf, RIS } from '../../support/spool-messages.ts';

let folder: string;
let file: string;
let store: Store;
let open: Store | undefined;
let logger: ReturnType<typeof keepingLogger>;
let console: ConsoleBed;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  file = join(folder, 'copy.db');
  store = await openStore({ path: join(folder, 'dimseway.db') });
  open = store;
  logger = keepingLogger();
  console = await openConsole([storeApi({ store: () => open, log: logger })], { logger });
});
afterEach(async () => {
  await console.close();
  await store.close();
  await rm(folder, { recursive: true });
});

describe('POST /api/store/backup', () => {
  test('the copy starts, with everything that was acknowledged before it was asked for, while writes go on', async () => {
    const acknowledged: string[] = [];
    let next = 0;
    const accept = async (): Promise<void> => {
      const uid = `1.2.${next++}`;
      await store.mpps.accept(recordOf(uid), [messageOf(uid), messageOf(uid, 'final')]);
      acknowledged.push(uid);
    };
    for (let i = 0; i < 300; i++) await accept();
    const before = [...acknowledged];
    let isRunning = true;
    const writing = (async () => {
      while (isRunning) await accept();
    })();
    const answer = await console.call('POST', '/api/store/backup', { body: { file } });
    isRunning = false;
    await writing;
    expect(answer).toMatchObject({ status: 200, body: { status: 'done', file, bytes: (await stat(file)).size } });
    expect(logger.lines).toMatchObject([{ level: 'info', message: 'store backed up', file, by: '127.0.0.1' }]);
    expect(acknowledged.length).toBeGreaterThan(before.length);

    await console.close();
    await store.close();
    const copy = await openStore({ path: file });
    for (const uid of before) {
      expect(await copy.mpps.get(keyOf(uid))).toEqual(recordOf(uid));
      expect((await copy.spool.list({ uid })).map(({ digest }) => digest)).toEqual(['', 'final']);
    }
    const claims = await copy.spool.claim(RIS, 1_000_000, 1_000);
    expect(claims.map(({ message }) => message.uid)).toEqual(expect.arrayContaining(before));
    await copy.close();
  });

  test('a file that is there is 409 and stays what it is', async () => {
    await writeFile(file, 'precious');
    const answer = await console.call('POST', '/api/store/backup', { body: { file } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'STORE_BACKUP_FAILED' } });
    expect((answer.body as { message: string }).message).toContain(file);
    expect(await readFile(file, 'utf8')).toBe('precious');
    expect(logger.lines).toEqual([]);
  });

  test.each([{}, { file: 'copy.db' }, { file: 1 }, { file: '/a\0b' }, 'copy.db', [], null])(
    '%j is 422: an absolute path is needed',
    async (body) => {
      const answer = await console.call('POST', '/api/store/backup', { body: JSON.stringify(body) });
      expect(answer).toMatchObject({ status: 422, body: { code: 'FILE_INVALID' } });
    },
  );

  test('is 404 where the gateway has no store, 415 without application/json, 405 for another method', async () => {
    const call = (method: string, headers = {}): Promise<unknown> =>
      console.call(method, '/api/store/backup', { headers, ...(method === 'POST' && { body: { file } }) });
    expect(await call('POST', { 'content-type': 'text/plain' })).toMatchObject({ status: 415 });
    expect(await call('GET')).toMatchObject({ status: 405 });
    open = undefined;
    expect(await call('POST')).toMatchObject({ status: 404, body: { code: 'STORE_ABSENT' } });
  });
});
