import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { exceptionsApi } from '../../../src/console/exceptions-api.ts';
import type { RisExceptions } from '../../../src/store/ris-records.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';
import { entryOf, keepingLogger } from '../../support/requests.ts';
import { begin, createOf, RIS, risOf, statuses } from '../../support/ris.ts';
import type { RisBed } from '../../support/ris.ts';

let ris: RisBed;
let bed: ConsoleBed;
let logger: ReturnType<typeof keepingLogger>;
let exceptions: RisExceptions | undefined;

/** Three orders, each named by a performed step of another patient. */
beforeEach(async () => {
  const orders = ['P1', 'P2', 'P3'];
  ris = await risOf(orders.map((id) => entryOf(id)));
  exceptions = ris.store.exceptions;
  for (const id of orders) {
    await begin(ris.ris, `1.2.3.${id.slice(1)}`, createOf('SECRET', { accession: `ACC-${id}` }));
  }
  logger = keepingLogger();
  bed = await openConsole([exceptionsApi({ exceptions: () => exceptions, log: logger })]);
});
afterEach(async () => {
  await bed.close();
  await ris.close();
});

interface Listed {
  exceptions: { id: number; uid: string; attributes: string[] }[];
  next?: number;
}

async function list(query = ''): Promise<Listed> {
  const { status, body } = await bed.call('GET', `/api/exceptions${query}`);
  expect(status).toBe(200);
  return body as Listed;
}

async function uids(query = ''): Promise<string[]> {
  return (await list(query)).exceptions.map((exception) => exception.uid);
}

function resolve(id: unknown, body: unknown): ReturnType<ConsoleBed['call']> {
  return bed.call('POST', `/api/exceptions/${String(id)}/resolve`, { body });
}

const MERGED = { resolution: 'merged', reason: 'typing error at the modality, SECRET is P1' };

describe('GET /api/exceptions', () => {
  test('lists what is open, oldest first: step, entry, the attributes that differ, and no values of them', async () => {
    const { exceptions: listed } = await list();
    expect(listed.map((exception) => exception.uid)).toEqual(['1.2.3.1', '1.2.3.2', '1.2.3.3']);
    expect(listed[0]).toEqual({
      id: expect.any(Number),
      upstream: RIS,
      uid: '1.2.3.1',
      entryId: expect.stringMatching(/^[0-9a-f]{24}$/),
      attributes: expect.arrayContaining(['PatientID']),
      raisedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
    expect(JSON.stringify(listed)).not.toContain('SECRET');
    expect(await bed.call('GET', `/api/exceptions/${listed[0]?.id}`)).toMatchObject({ status: 200, body: listed[0] });
  });

  test('goes on in pages, and by upstream or step', async () => {
    const first = await list('?limit=2');
    expect(first.exceptions.map((exception) => exception.uid)).toEqual(['1.2.3.1', '1.2.3.2']);
    expect(await list(`?limit=2&after=${first.next}`)).toMatchObject({ exceptions: [{ uid: '1.2.3.3' }] });
    expect((await list('?limit=3')).next).toBeUndefined();
    expect(await uids('?uid=1.2.3.2')).toEqual(['1.2.3.2']);
    expect(await uids('?upstream=other')).toEqual([]);
  });

  test.each(['?limit=0', '?limit=1001', '?after=-1', '?all=1', '?open=true', '?uid=1&uid=2'])(
    '%s is 400',
    async (query) => {
      expect(await bed.call('GET', `/api/exceptions${query}`)).toMatchObject({
        status: 400,
        body: { code: 'PARAMETER_INVALID' },
      });
    },
  );

  test('without a store there are none', async () => {
    exceptions = undefined;
    expect(await list()).toEqual({ exceptions: [] });
    expect(await bed.call('GET', '/api/exceptions/1')).toMatchObject({ status: 404 });
    expect(await resolve(1, MERGED)).toMatchObject({ status: 404 });
  });
});

describe('POST /api/exceptions/{id}/resolve', () => {
  test('merged: the order follows the step; the exception is off the list of what is open', async () => {
    const [first] = (await list()).exceptions;
    expect(await statuses(ris.ris)).toMatchObject({ 'P1 SPS1': '-' });
    expect(await resolve(first?.id, MERGED)).toMatchObject({
      status: 200,
      body: { id: first?.id, ...MERGED, resolvedAt: expect.any(String) },
    });
    expect(await statuses(ris.ris)).toMatchObject({ 'P1 SPS1': 'STARTED', 'P2 SPS1': '-' });
    expect(await uids()).toEqual(['1.2.3.2', '1.2.3.3']);
    expect(await uids('?all=true')).toEqual(['1.2.3.1', '1.2.3.2', '1.2.3.3']);
  });

  test('dismissed: the order stays as it was', async () => {
    const [first] = (await list()).exceptions;
    const answer = await resolve(first?.id, { resolution: 'dismissed', reason: ' wrong order picked ' });
    expect(answer).toMatchObject({ status: 200, body: { resolution: 'dismissed', reason: 'wrong order picked' } });
    expect(await statuses(ris.ris)).toMatchObject({ 'P1 SPS1': '-' });
  });

  test('a second time is 409 and changes nothing', async () => {
    const [first] = (await list()).exceptions;
    await resolve(first?.id, { resolution: 'dismissed', reason: 'wrong order' });
    expect(await resolve(first?.id, MERGED)).toMatchObject({ status: 409, body: { code: 'EXCEPTION_RESOLVED' } });
    expect(await bed.call('GET', `/api/exceptions/${first?.id}`)).toMatchObject({ body: { resolution: 'dismissed' } });
  });

  test.each([
    ['no reason', { resolution: 'merged' }],
    ['an empty reason', { resolution: 'merged', reason: '  ' }],
    ['a reason that is no text', { resolution: 'merged', reason: 5 }],
    ['a reason of a book', { resolution: 'merged', reason: 'x'.repeat(1001) }],
    ['no such resolution', { resolution: 'ignored', reason: 'SECRET' }],
    ['no object', 'null'],
  ])('%s is 422', async (_title, body) => {
    const [first] = (await list()).exceptions;
    const answer = await resolve(first?.id, body);
    expect(answer).toMatchObject({ status: 422, body: { code: 'RESOLUTION_INVALID', fix: expect.any(String) } });
    expect(JSON.stringify(answer.body)).not.toContain('SECRET');
    expect(await uids()).toHaveLength(3);
  });

  test('what is no JSON is 400, another type 415, an unknown id 404, another method 405', async () => {
    expect(await resolve(1, '{')).toMatchObject({ status: 400, body: { code: 'BODY_INVALID' } });
    const form = { body: 'a=b', headers: { 'content-type': 'application/x-www-form-urlencoded' } };
    expect(await bed.call('POST', '/api/exceptions/1/resolve', form)).toMatchObject({ status: 415 });
    expect(await resolve(999, MERGED)).toMatchObject({ status: 404, body: { code: 'EXCEPTION_NOT_FOUND' } });
    expect(await resolve('x', MERGED)).toMatchObject({ status: 404 });
    expect(await bed.call('DELETE', '/api/exceptions/1')).toMatchObject({ status: 405 });
    expect(await bed.call('GET', '/api/exceptions/1/resolve')).toMatchObject({ status: 405 });
  });

  test('leaves one line, without the reason', async () => {
    const [first] = (await list()).exceptions;
    await resolve(first?.id, MERGED);
    await resolve(first?.id, MERGED);
    expect(logger.lines).toEqual([
      {
        level: 'info',
        message: 'exception resolved',
        exception: first?.id,
        upstream: RIS,
        entry: expect.stringMatching(/^[0-9a-f]{24}$/),
        resolution: 'merged',
        by: '127.0.0.1',
      },
    ]);
  });
});
