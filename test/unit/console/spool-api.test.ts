import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { get } from 'node:http';
import { spoolApi } from '../../../src/console/spool-api.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Destination, NewSpoolMessage } from '../../../src/store/spool-records.ts';
import type { Store } from '../../../src/store/store.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';
import { keepingLogger, WARD } from '../../support/requests.ts';
import { ARCHIVE, eventOf, FAILURE, fullMessageOf, messageOf, RIS } from '../../support/spool-messages.ts';

const BY = '127.0.0.1';

let nowMs: number;
let store: Store;
let open: Store | undefined;
let woken: Destination[];
let logger: ReturnType<typeof keepingLogger>;
let console: ConsoleBed;

beforeEach(async () => {
  nowMs = Date.UTC(2026, 0, 2, 3, 4, 5);
  store = await openMemoryStore({ now: () => nowMs });
  open = store;
  woken = [];
  logger = keepingLogger();
  const wake = ({ route, upstream }: Destination): void => void woken.push({ route, upstream });
  console = await openConsole([spoolApi({ store: () => open, wake, log: logger })], { logger });
});
afterEach(async () => {
  await console.close();
  await store.close();
});

async function accept(...messages: NewSpoolMessage[]): Promise<number[]> {
  return store.mpps.accept(undefined, messages);
}

/** The first message of each lane that is due comes to an end that waits for a person. */
async function bury(destination = RIS): Promise<void> {
  for (const claim of await store.spool.claim(destination, 10, 1_000)) await store.spool.dead(claim, FAILURE);
}

function ids(body: unknown): number[] {
  return (body as { messages: { id: number }[] }).messages.map(({ id }) => id);
}

test('the log has the name of the token besides the address, of changes and of data sets that are read', async () => {
  const [id] = await accept(fullMessageOf('1.1'));
  const tokens = [{ name: 'ward desk', token: 'token-of-the-desk', role: 'values' }] as const;
  const asked = await openConsole([spoolApi({ store: () => open, wake: () => undefined, log: logger })], { tokens });
  const headers = { authorization: 'Bearer token-of-the-desk' };
  try {
    await asked.call('GET', `/api/spool/${id}?dataset=true`, { headers });
    await asked.call('POST', `/api/spool/${id}/retry`, { headers, body: {} });
    await asked.call('POST', `/api/spool/${id}/discard`, { headers, body: { reason: 'a test' } });
  } finally {
    await asked.close();
  }
  expect(logger.lines).toHaveLength(3);
  expect(logger.lines).toMatchObject(logger.lines.map(() => ({ by: BY, user: 'ward desk' })));
});

describe('GET /api/spool', () => {
  test('shows the depth of each destination and its messages, without a data set or a value of it', async () => {
    const [id] = await accept(fullMessageOf('1.1'));
    await bury();
    await accept(messageOf('1.1', 'next'), { ...messageOf('1.2'), ...ARCHIVE });
    nowMs += 90_000;
    const { status, body } = await console.call('GET', '/api/spool');
    expect(status).toBe(200);
    expect(body).toEqual({
      destinations: [
        { ...ARCHIVE, queued: 1, dead: 0, oldestSeconds: 90, attempts: 0 },
        { ...RIS, queued: 1, dead: 1, oldestSeconds: 90, attempts: 1 },
      ],
      messages: [
        {
          ...{ id, ...RIS, uid: '1.1', kind: 'update', state: 'dead', acceptedAt: '2026-01-02T03:04:05.000Z' },
          ...{ attempts: 1, inDoubt: false, traceId: 'trace' },
          lastFailure: { ...FAILURE, at: '2026-01-02T03:04:05.000Z' },
        },
        expect.objectContaining({ ...RIS, uid: '1.1', state: 'queued', attempts: 0 }),
        expect.objectContaining({ ...ARCHIVE, uid: '1.2', state: 'queued' }),
      ],
    });
    expect(JSON.stringify([body, logger.lines])).not.toMatch(/Yamada|山田/);
  });

  test('says of an event of an MPPS which one it is, by name', async () => {
    await accept(messageOf('1.1'), ...Object.values(MPPS_EVENT).map((type) => eventOf('1.1', type)));
    const { body } = await console.call('GET', '/api/spool');
    const { messages } = body as { messages: { kind: string; event?: string }[] };
    expect(messages.map(({ kind, event }) => [kind, event])).toEqual([
      ['create', undefined],
      ...Object.keys(MPPS_EVENT).map((name) => ['event', name]),
    ]);
  });

  test.each([
    ['', [1, 2, 3, 4]],
    ['?state=dead', [1]],
    ['?uid=1.1', [1, 2]],
    ['?route=ct&upstream=ris', [1, 2, 3]],
    ['?route=ct', [1, 2, 3, 4]],
    ['?upstream=archive', [4]],
    ['?upstream=ris&state=queued', [2, 3]],
    ['?route=mr', []],
    ['?after=2', [3, 4]],
  ])('finds by filter %s', async (query, expected) => {
    await accept(messageOf('1.1'));
    await bury();
    await accept(messageOf('1.1', 'next'), messageOf('1.2'), { ...messageOf('1.3'), ...ARCHIVE });
    const { status, body } = await console.call('GET', `/api/spool${query}`);
    expect([status, ids(body)]).toEqual([200, expected]);
  });

  test.each([['ris'], [undefined]])(
    'pages by `next` are whole and in order, also over a page of the store (%s)',
    async (upstream) => {
      const all = Array.from({ length: 120 }, (_, i) => messageOf(`1.${i}`));
      await accept(...all.map((message, i) => (i % 3 === 0 ? { ...message, ...ARCHIVE } : message)));
      const found: number[] = [];
      let pages = 0;
      for (let after: number | undefined = 0; after !== undefined; pages++) {
        const filter = upstream === undefined ? 'route=ct' : `upstream=${upstream}`;
        const { body } = await console.call('GET', `/api/spool?${filter}&limit=60&after=${after}`);
        found.push(...ids(body));
        after = (body as { next?: number }).next;
      }
      const expected = (await store.spool.list({ limit: 200 })).filter(({ upstream: of }) => of === (upstream ?? of));
      expect({ pages, found }).toEqual({ pages: 2, found: expected.map(({ id }) => id) });
    },
  );

  test.each(['?limit=0', '?limit=1001', '?state=lost', '?uid=x', '?route=', '?colour=red', '?uid=1.1&uid=1.2'])(
    'refuses %s with 400',
    async (query) => {
      const { status, body } = await console.call('GET', `/api/spool${query}`);
      expect([status, body]).toEqual([400, expect.objectContaining({ code: 'PARAMETER_INVALID' })]);
    },
  );

  test('is 404 where the gateway has no store, and 503 where the store fails', async () => {
    open = undefined;
    expect(await console.call('GET', '/api/spool')).toMatchObject({ status: 404, body: { code: 'STORE_ABSENT' } });
    open = store;
    await store.close();
    expect(await console.call('GET', '/api/spool')).toMatchObject({ status: 503, body: { code: 'STORE_FAILED' } });
  });
});

describe('GET /api/spool/{id}', () => {
  test('shows the whole message but for its data set', async () => {
    const message = fullMessageOf('1.1');
    const [id] = await accept(message);
    const { status, body } = await console.call('GET', `/api/spool/${id}`);
    expect(status).toBe(200);
    expect(body).toEqual({
      ...{ id, ...RIS, uid: '1.1', kind: 'update', state: 'queued', acceptedAt: '2026-01-02T03:04:05.000Z' },
      ...{ attempts: 0, inDoubt: false, traceId: 'trace', requester: WARD, hops: message.hops, digest: 'full' },
      characterSet: message.characterSet,
    });
    expect(logger.lines).toEqual([]);
  });

  test('gives the data set as it was received when it is asked for, and says in the log who looked', async () => {
    const message = fullMessageOf('1.1');
    const [id] = await accept(message);
    const { body } = await console.call('GET', `/api/spool/${id}?dataset=true`);
    expect((body as { received: unknown }).received).toEqual(JSON.parse(toJson(message.received)));
    expect(logger.lines).toEqual([
      { level: 'info', message: 'data set of a spool message read', id, uid: '1.1', by: BY },
    ]);
  });

  test.each(['/api/spool/7', '/api/spool/abc', '/api/spool/-1'])('is 404 for %s', async (path) => {
    expect(await console.call('GET', path)).toMatchObject({ status: 404, body: { code: 'SPOOL_MESSAGE_UNKNOWN' } });
  });

  test('refuses what is neither true nor false with 400', async () => {
    const [id] = await accept(messageOf('1.1'));
    expect(await console.call('GET', `/api/spool/${id}?dataset=yes`)).toMatchObject({ status: 400 });
  });
});

describe('POST /api/spool/{id}/retry', () => {
  test('queues a dead message anew, and wakes its destination', async () => {
    const [id = 0] = await accept(messageOf('1.1'));
    await bury();
    const { status, body } = await console.call('POST', `/api/spool/${id}/retry`);
    expect([status, body]).toMatchObject([200, { status: 'retried', message: { id, state: 'dead' } }]);
    expect(await store.spool.get(id)).toMatchObject({ state: 'queued' });
    expect(await store.spool.nextDueMs(RIS)).toBe(0);
    expect(woken).toEqual([RIS]);
    expect(logger.lines).toMatchObject([{ level: 'info', id, ...RIS, uid: '1.1', by: BY }]);
  });

  test('is 404 for a message that is not there, and wakes nobody', async () => {
    const { status, body } = await console.call('POST', '/api/spool/7/retry');
    expect([status, body]).toMatchObject([404, { code: 'SPOOL_MESSAGE_UNKNOWN' }]);
    expect(woken).toEqual([]);
  });
});

describe('POST /api/spool/retry', () => {
  beforeEach(async () => {
    await accept(...Array.from({ length: 60 }, (_, i) => messageOf(`1.${i}`)));
    for (let i = 0; i < 6; i++) await bury();
    await accept(messageOf('2.1'), { ...messageOf('2.2'), ...ARCHIVE });
    await bury(ARCHIVE);
    for (const claim of await store.spool.claim(RIS, 1, 1_000)) await store.spool.later(claim, 60_000, FAILURE, false);
  });

  test.each([
    [undefined, { revived: 60, hastened: 1 }, 0],
    ['dead', { revived: 60, hastened: 0 }, 0],
    ['queued', { revived: 0, hastened: 1 }, 60],
  ])('tries a whole destination again, state %s', async (state, answer, dead) => {
    const { status, body } = await console.call('POST', '/api/spool/retry', { body: { ...RIS, state } });
    expect([status, body]).toEqual([200, { status: 'retried', ...answer }]);
    expect(await store.spool.depths()).toMatchObject([
      { ...ARCHIVE, dead: 1 },
      { ...RIS, queued: 61 - dead, dead },
    ]);
    expect(await store.spool.nextDueMs(RIS)).toBe(0);
    expect(woken).toEqual([RIS]);
    expect(logger.lines).toMatchObject([{ level: 'info', ...RIS, ...answer, by: BY }]);
  });

  test.each([{}, { route: 'ct' }, { ...RIS, state: 'lost' }, { ...RIS, all: true }, [RIS]])(
    'refuses %j with 422',
    async (body) => {
      const answer = await console.call('POST', '/api/spool/retry', { body });
      expect(answer).toMatchObject({ status: 422, body: { code: 'DESTINATION_INVALID' } });
    },
  );
});

describe('POST /api/spool/{id}/discard', () => {
  test('removes the message for good; the log has who, which and why, and what is behind it comes to its turn', async () => {
    const [id = 0, next] = await accept(fullMessageOf('1.1'), messageOf('1.1', 'next'));
    await bury();
    const { status, body } = await console.call('POST', `/api/spool/${id}/discard`, { body: { reason: ' a test ' } });
    expect([status, body]).toMatchObject([200, { status: 'discarded', message: { id, uid: '1.1', state: 'dead' } }]);
    expect(await store.spool.list({})).toMatchObject([{ id: next }]);
    expect(await store.spool.nextDueMs(RIS)).toBe(0);
    expect(woken).toEqual([RIS]);
    expect(logger.lines).toEqual([
      {
        ...{ level: 'warn', message: 'spool message discarded', id, ...RIS, uid: '1.1', reason: 'a test', by: BY },
        ...{ kind: 'update', state: 'dead', attempts: 1, lastFailureCode: FAILURE.code },
      },
    ]);
  });

  test.each([{}, { reason: '' }, { reason: '  ' }, { reason: 1 }, { reason: 'x'.repeat(501) }])(
    'refuses %j with 422: a reason is needed',
    async (body) => {
      const [id = 0] = await accept(messageOf('1.1'));
      const answer = await console.call('POST', `/api/spool/${id}/discard`, { body });
      expect(answer).toMatchObject({ status: 422, body: { code: 'REASON_NEEDED' } });
      expect(await store.spool.get(id)).toBeDefined();
    },
  );

  test('is 400 for a body that is no JSON', async () => {
    const answer = await console.call('POST', '/api/spool/1/discard', { body: '{' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'BODY_INVALID' } });
  });

  test('is 409 while the message is being delivered, and 404 where there is none', async () => {
    const [id = 0] = await accept(messageOf('1.1'));
    await store.spool.claim(RIS, 1, 1_000);
    const discard = (of: number): Promise<unknown> =>
      console.call('POST', `/api/spool/${of}/discard`, { body: { reason: 'a test' } });
    expect(await discard(id)).toMatchObject({ status: 409, body: { code: 'SPOOL_MESSAGE_BUSY' } });
    expect(await discard(id + 1)).toMatchObject({ status: 404, body: { code: 'SPOOL_MESSAGE_UNKNOWN' } });
    expect(await store.spool.get(id)).toBeDefined();
  });
});

describe('GET /api/spool/export', () => {
  /** The lines as one who takes them gets them. */
  async function exported(query = ''): Promise<{ id: number; received: object }[]> {
    const response = await fetch(`http://127.0.0.1:${console.port}/api/spool/export${query}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/x-ndjson']);
    const text = await response.text();
    expect(text === '' || text.endsWith('\n')).toBe(true);
    return text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { id: number; received: object });
  }

  test('gives every message with its data set, one a line; the log says who', async () => {
    const messages = Array.from({ length: 130 }, (_, i) => fullMessageOf(`1.${i}`));
    const accepted = await accept(...messages);
    const lines = await exported();
    expect(lines.map(({ id }) => id)).toEqual(accepted);
    expect(lines.map(({ received }) => received)).toEqual(
      messages.map(({ received }) => JSON.parse(toJson(received)) as object),
    );
    expect(logger.lines).toMatchObject([
      { message: 'spool export begun: data sets are read', by: BY },
      { message: 'spool export ended', by: BY, messages: 130 },
    ]);
  });

  test('gives what fits the filter, and nothing for nothing', async () => {
    await accept(messageOf('1.1'), { ...messageOf('1.2'), ...ARCHIVE });
    expect((await exported('?upstream=archive')).map(({ id }) => id)).toEqual([2]);
    expect(await exported('?uid=1.9')).toEqual([]);
  });

  test('reads no further than the one who asks takes, and stops when that one goes away', async () => {
    const large = 'x'.repeat(64_000);
    await accept(...Array.from({ length: 1_500 }, (_, i) => messageOf(`1.${i}`, large)));
    const list = jest.spyOn(store.spool, 'list');
    const brokeOff = Promise.withResolvers<void>();
    const warn = jest.spyOn(logger, 'warn').mockImplementation(() => brokeOff.resolve());
    const outgoing = get({ host: '127.0.0.1', port: console.port, path: '/api/spool/export' }, (response) => {
      response.once('readable', () => outgoing.destroy());
    });
    outgoing.on('error', () => undefined);
    await brokeOff.promise;
    expect(warn).toHaveBeenCalledWith('spool export broke off', expect.objectContaining({ by: BY }));
    expect(list.mock.calls.length).toBeLessThan(20);
  });
});

test.each([
  ['DELETE', '/api/spool', 'GET, HEAD'],
  ['POST', '/api/spool/export', 'GET, HEAD'],
  ['PUT', '/api/spool/1', 'GET, HEAD'],
  ['GET', '/api/spool/1/discard', 'POST'],
])('%s %s is 405 with Allow: %s', async (method, path, allow) => {
  const { status, headers, body } = await console.call(method, path);
  expect([status, headers.get('allow')]).toEqual([405, allow]);
  expect(body).toMatchObject({ code: 'METHOD_NOT_ALLOWED' });
});

test('a change of state needs application/json: a cross-site form cannot send it', async () => {
  const [id = 0] = await accept(messageOf('1.1'));
  for (const path of [`/api/spool/${id}/retry`, `/api/spool/${id}/discard`, '/api/spool/retry']) {
    const headers = { 'content-type': 'text/plain' };
    const answer = await console.call('POST', path, { headers, body: '{"reason":"x"}' });
    expect(answer).toMatchObject({ status: 415, body: { code: 'CONTENT_TYPE_NEEDED' } });
  }
  expect(await store.spool.get(id)).toBeDefined();
});
