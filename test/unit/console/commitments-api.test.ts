import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { commitmentsApi } from '../../../src/console/commitments-api.ts';
import type { CommitmentRecord } from '../../../src/store/commitment-records.ts';
import { openMemoryStore, openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';
import {
  FAILURE,
  INSTANCES,
  NOTHING_COMMITTED,
  PACS,
  RESULT,
  WEB,
  commitmentIn,
  commitmentOf,
} from '../../support/operated-commitments.ts';
import { keepingLogger, WARD } from '../../support/requests.ts';

const BY = '127.0.0.1';
const NOW = '2026-01-02T03:04:05.000Z';
const REASON = { body: { reason: ' the archive is gone ' } };
const DESTINATIONS = [PACS];

let nowMs: number;
let store: Store;
let open: Store | undefined;
let wakes: number;
let logger: ReturnType<typeof keepingLogger>;
let console: ConsoleBed;

beforeEach(async () => {
  nowMs = Date.parse(NOW);
  store = await openMemoryStore({ now: () => nowMs });
  open = store;
  wakes = 0;
  logger = keepingLogger();
  console = await openConsole([commitmentsApi({ store: () => open, wake: () => void wakes++, log: logger })], {
    logger,
  });
});
afterEach(async () => {
  await console.close();
  await store.close();
});

function get(id: number): Promise<CommitmentRecord | undefined> {
  return store.commitments.get(id);
}

function ids(body: unknown): number[] {
  return (body as { commitments: { id: number }[] }).commitments.map(({ id }) => id);
}

describe('GET /api/commitments', () => {
  test('shows how many there are of each destination and phase, and how far each one is', async () => {
    const waiting = await commitmentIn(store, 'waiting', '1.1');
    nowMs += 90_000;
    const done = await commitmentIn(store, 'done', '1.2', { requester: WEB });
    const { status, body } = await console.call('GET', '/api/commitments');
    expect(status).toBe(200);
    expect(body).toEqual({
      counts: expect.arrayContaining([
        { ...PACS, phase: 'waiting', count: 1, oldestSeconds: 90 },
        { ...PACS, phase: 'done', count: 1, oldestSeconds: 0 },
      ]) as unknown,
      commitments: [
        {
          ...{ id: waiting.id, ...PACS, transactionUid: '1.1', listener: 'ward', requestor: 'CT1', phase: 'waiting' },
          ...{ askedAt: NOW, remainingSeconds: 86_310, attempts: 0, inDoubt: false, instances: 2, traceId: 'trace' },
          lastFailure: { ...FAILURE, at: NOW },
        },
        {
          ...{ id: done.id, ...PACS, transactionUid: '1.2', listener: 'web', requestor: 'nuc1', phase: 'done' },
          ...{ askedAt: '2026-01-02T03:05:35.000Z', attempts: 0, inDoubt: false, instances: 2, traceId: 'trace' },
          result: { committed: 1, failed: 1, at: '2026-01-02T03:05:35.000Z', synthetic: false },
          lastFailure: { ...FAILURE, at: '2026-01-02T03:05:35.000Z' },
        },
      ],
    });
  });

  test.each([
    ['', [1, 2, 3]],
    ['?phase=waiting', [1, 3]],
    ['?route=mr', [3]],
    ['?uid=1.2', [2]],
    ['?phase=waiting&after=1', [3]],
    ['?phase=forgotten', []],
  ])('finds by filter %s', async (query, expected) => {
    await commitmentIn(store, 'waiting', '1.1');
    await commitmentIn(store, 'reporting', '1.2');
    await commitmentIn(store, 'waiting', '1.3', { route: 'mr' });
    const { status, body } = await console.call('GET', `/api/commitments${query}`);
    expect([status, ids(body)]).toEqual([200, expected]);
  });

  test('pages by `next` are whole and in order, also over a page of the store', async () => {
    for (let i = 0; i < 50; i++) await store.commitments.add(commitmentOf(`1.${i}`), 1_000);
    const found: number[] = [];
    let pages = 0;
    for (let after: number | undefined = 0; after !== undefined; pages++) {
      const { body } = await console.call('GET', `/api/commitments?limit=30&after=${after}`);
      found.push(...ids(body));
      after = (body as { next?: number }).next;
    }
    expect({ pages, found }).toEqual({ pages: 2, found: Array.from({ length: 50 }, (_, i) => i + 1) });
  });

  test.each(['?limit=0', '?limit=1001', '?phase=lost', '?uid=x', '?route=', '?colour=red', '?uid=1.1&uid=1.2'])(
    'refuses %s with 400',
    async (query) => {
      const { status, body } = await console.call('GET', `/api/commitments${query}`);
      expect([status, body]).toEqual([400, expect.objectContaining({ code: 'PARAMETER_INVALID' })]);
    },
  );

  test('is 404 where the gateway has no store, and 503 where the store fails', async () => {
    open = undefined;
    expect(await console.call('GET', '/api/commitments')).toMatchObject({
      status: 404,
      body: { code: 'STORE_ABSENT' },
    });
    open = store;
    await store.close();
    expect(await console.call('GET', '/api/commitments')).toMatchObject({
      status: 503,
      body: { code: 'STORE_FAILED' },
    });
  });
});

describe('GET /api/commitments/{id}', () => {
  test('shows the instances, each with what the archive said', async () => {
    const { id } = await commitmentIn(store, 'reporting', '1.1', {
      upstreamUid: '2.25.1',
      hops: [{ instance: 'a', route: 'b' }],
    });
    const { status, body } = await console.call('GET', `/api/commitments/${id}`);
    expect([status, body]).toEqual([
      200,
      {
        ...{ id, ...PACS, transactionUid: '1.1', listener: 'ward', requestor: 'CT1', phase: 'reporting', askedAt: NOW },
        ...{ attempts: 0, inDoubt: false, instances: 2, traceId: 'trace', upstreamUid: '2.25.1', restarted: false },
        result: { committed: 1, failed: 1, at: NOW, synthetic: false },
        lastFailure: { ...FAILURE, at: NOW },
        ...{ requester: WARD, hops: [{ instance: 'a', route: 'b' }], requested: INSTANCES },
        ...{ committed: [INSTANCES[0]], failed: [{ ...INSTANCES[1], reason: '0112H' }] },
      },
    ]);
  });

  test.each(['/api/commitments/7', '/api/commitments/abc', '/api/commitments/-1'])('is 404 for %s', async (path) => {
    expect(await console.call('GET', path)).toMatchObject({ status: 404, body: { code: 'COMMITMENT_UNKNOWN' } });
  });
});

describe('POST /api/commitments/{id}/retry', () => {
  test.each(['asking', 'waiting', 'reporting'] as const)(
    'makes one that is %s due now, changes nothing else of it, and wakes the worker',
    async (phase) => {
      const before = await commitmentIn(store, phase, '1.1');
      const { status, body } = await console.call('POST', `/api/commitments/${before.id}/retry`);
      expect([status, body]).toMatchObject([200, { status: 'retried', commitment: { id: before.id, phase } }]);
      expect(await get(before.id)).toEqual({ ...before, revision: before.revision + 1 });
      expect(await store.commitments.claim(DESTINATIONS, 8, 1_000)).toMatchObject([{ id: before.id, phase }]);
      expect(wakes).toBe(1);
      expect(logger.lines).toEqual([
        {
          ...{ level: 'info', message: 'storage commitment to be tried again', by: BY },
          ...{ id: before.id, ...PACS, transactionUid: '1.1', phase },
        },
      ]);
    },
  );

  test('is 409 for one that is done: there is nothing to try, and its result stays', async () => {
    const before = await commitmentIn(store, 'done', '1.1');
    const { status, body } = await console.call('POST', `/api/commitments/${before.id}/retry`);
    expect([status, body]).toMatchObject([409, { code: 'COMMITMENT_DONE' }]);
    expect([await get(before.id), wakes, logger.lines]).toEqual([before, 0, []]);
  });

  test('is 404 for one that is not there', async () => {
    expect(await console.call('POST', '/api/commitments/7/retry')).toMatchObject({ status: 404 });
  });
});

describe('POST /api/commitments/{id}/discard', () => {
  test.each(['asking', 'waiting'] as const)(
    'of a web client’s that is %s makes a result that claims nothing; the Transaction UID stays in use',
    async (phase) => {
      const before = await commitmentIn(store, phase, '1.1', { requester: WEB });
      const { status, body } = await console.call('POST', `/api/commitments/${before.id}/discard`, REASON);
      expect([status, body]).toMatchObject([200, { status: 'discarded', commitment: { phase: 'done' } }]);
      expect(await get(before.id)).toMatchObject({ phase: 'done', result: NOTHING_COMMITTED, isSynthetic: true });
      expect(await store.commitments.nextDueMs()).toBeUndefined();
      const again = await store.commitments.add(commitmentOf('1.1', { requester: WEB }), 1_000);
      expect(again.isNew).toBe(false);
    },
  );

  test.each(['asking', 'waiting'] as const)(
    'of a modality’s that is %s has it told at once that nothing is committed: it waits for a report (PS3.4 J.3.3)',
    async (phase) => {
      const before = await commitmentIn(store, phase, '1.1');
      const { body } = await console.call('POST', `/api/commitments/${before.id}/discard`, REASON);
      expect(body).toMatchObject({ commitment: { phase: 'reporting', result: { committed: 0, failed: 2 } } });
      expect(await get(before.id)).toMatchObject({ phase: 'reporting', result: NOTHING_COMMITTED, isSynthetic: true });
      expect(await store.commitments.nextDueMs()).toBe(0);
      expect(wakes).toBe(1);
      expect(logger.lines).toEqual([
        {
          ...{ level: 'warn', message: 'storage commitment given up', by: BY, reason: 'the archive is gone' },
          ...{ id: before.id, ...PACS, transactionUid: '1.1', phase, next: 'reporting', attempts: 0 },
          lastFailureCode: FAILURE.code,
        },
      ]);
    },
  );

  test('of one that is reporting gives up the report; the result stays what the archive said', async () => {
    const before = await commitmentIn(store, 'reporting', '1.1');
    const { body } = await console.call('POST', `/api/commitments/${before.id}/discard`, REASON);
    expect(body).toMatchObject({ commitment: { phase: 'done', result: { committed: 1, failed: 1 } } });
    expect(await get(before.id)).toMatchObject({ phase: 'done', result: RESULT, isSynthetic: false });
    expect(await store.commitments.nextDueMs()).toBeUndefined();
  });

  test('is 409 for one that is done: its result can be read, and stays', async () => {
    const before = await commitmentIn(store, 'done', '1.1');
    const { status, body } = await console.call('POST', `/api/commitments/${before.id}/discard`, REASON);
    expect([status, body]).toMatchObject([409, { code: 'COMMITMENT_DONE' }]);
    expect(await get(before.id)).toEqual(before);
  });

  test.each([{}, { reason: '' }, { reason: '  ' }, { reason: 1 }, { reason: 'x'.repeat(501) }])(
    'refuses %j with 422: a reason is needed',
    async (body) => {
      const before = await commitmentIn(store, 'waiting', '1.1');
      const answer = await console.call('POST', `/api/commitments/${before.id}/discard`, { body });
      expect(answer).toMatchObject({ status: 422, body: { code: 'REASON_NEEDED' } });
      expect(await get(before.id)).toEqual(before);
    },
  );
});

test.each(['retry', 'discard'])(
  '%s is 409 while somebody works at it: an archive must not be asked, nor an SCU told, twice at a time',
  async (what) => {
    const { id } = await commitmentIn(store, 'reporting', '1.1');
    nowMs += 3_600_000;
    await store.commitments.claim(DESTINATIONS, 8, 60_000);
    const held = await get(id);
    const answer = await console.call('POST', `/api/commitments/${id}/${what}`, REASON);
    expect(answer).toMatchObject({ status: 409, body: { code: 'COMMITMENT_BUSY' } });
    expect([await get(id), wakes, logger.lines]).toEqual([held, 0, []]);
    nowMs += 60_001;
    expect(await console.call('POST', `/api/commitments/${id}/${what}`, REASON)).toMatchObject({ status: 200 });
  },
);

test.each(['retry', 'discard'])('%s decides by what is so when somebody else was faster', async (what) => {
  const before = await commitmentIn(store, 'waiting', '1.1', { requester: WEB });
  const { commitments } = store;
  const given = [before];
  open = {
    ...store,
    commitments: Object.assign(Object.create(commitments) as Store['commitments'], {
      get: (id: number) => {
        const stale = given.pop();
        return stale === undefined ? commitments.get(id) : Promise.resolve(stale);
      },
      change: (...args: Parameters<Store['commitments']['change']>) => commitments.change(...args),
    }),
  };
  await commitments.change(before, { phase: 'done', result: RESULT, dueInMs: null }, 'disk');
  const answer = await console.call('POST', `/api/commitments/${before.id}/${what}`, REASON);
  expect(answer).toMatchObject({ status: 409, body: { code: 'COMMITMENT_DONE' } });
  expect(await get(before.id)).toMatchObject({ phase: 'done', result: RESULT, isSynthetic: false });
});

describe('one that is damaged in the store', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
    await store.close();
    const path = join(folder, 'dimseway.db');
    const made = await openStore({ path, now: () => nowMs });
    for (const uid of ['1.1', '1.2', '1.3', '1.4']) await commitmentIn(made, 'waiting', uid);
    await made.close();
    const database = new DatabaseSync(path);
    database.exec("UPDATE commitment_modules SET module = '{' WHERE id = 1");
    database.exec("UPDATE commitment_modules SET module = '{}' WHERE id = 2");
    database.exec("UPDATE commitments SET requester = '[' WHERE id = 3");
    database.close();
    open = store = await openStore({ path, now: () => nowMs });
  });
  afterEach(() => rm(folder, { recursive: true }));

  test('is in the list with what can be read of it, and does not break it', async () => {
    const { status, body } = await console.call('GET', '/api/commitments');
    expect(status).toBe(200);
    const { commitments } = body as { commitments: Record<string, unknown>[] };
    expect(commitments.map(({ id, instances, unreadable }) => ({ id, instances, unreadable }))).toEqual([
      { id: 1, instances: undefined, unreadable: ['module'] },
      { id: 2, instances: undefined, unreadable: undefined },
      { id: 3, instances: 2, unreadable: ['requester'] },
      { id: 4, instances: 2, unreadable: undefined },
    ]);
    expect(await console.call('GET', '/api/commitments/1')).toMatchObject({ status: 200, body: { requested: [] } });
  });

  test.each([1, 2, 3])('cannot be tried; given up, it claims nothing and its SCU is sent nothing (%i)', async (id) => {
    const refused = await console.call('POST', `/api/commitments/${id}/retry`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'COMMITMENT_DAMAGED' } });
    const { status, body } = await console.call('POST', `/api/commitments/${id}/discard`, REASON);
    expect([status, body]).toMatchObject([200, { commitment: { id, phase: 'done' } }]);
    expect(await get(id)).not.toHaveProperty('result');
  });
});

test.each([
  ['DELETE', '/api/commitments', 'GET, HEAD'],
  ['PUT', '/api/commitments/1', 'GET, HEAD'],
  ['GET', '/api/commitments/1/discard', 'POST'],
  ['GET', '/api/commitments/1/retry', 'POST'],
])('%s %s is 405 with Allow: %s', async (method, path, allow) => {
  const { status, headers, body } = await console.call(method, path);
  expect([status, headers.get('allow')]).toEqual([405, allow]);
  expect(body).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
});

test('a change of state needs application/json: a cross-site form cannot send it', async () => {
  const before = await commitmentIn(store, 'waiting', '1.1');
  for (const what of ['retry', 'discard']) {
    const headers = { 'content-type': 'text/plain' };
    const path = `/api/commitments/${before.id}/${what}`;
    const answer = await console.call('POST', path, { headers, body: '{"reason":"x"}' });
    expect(answer).toMatchObject({ status: 415, body: { code: 'CONTENT_TYPE_NEEDED' } });
  }
  expect(await get(before.id)).toEqual(before);
});
