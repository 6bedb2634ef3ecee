import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import express from 'express';
import { callerOf, needExport, only } from '../../../src/console/identity.ts';
import type { OperatorAction } from '../../../src/console/operator-actions.ts';
import { showsValues } from '../../../src/console/operator-actions.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';

const TOKENS = (['viewer', 'operator', 'values'] as const).map((role) => ({
  name: `a-${role}`,
  token: `token-of-${role}`,
  role,
}));

const actions: OperatorAction[] = [];
let bed: ConsoleBed;

function router(): express.Router {
  const routes = express.Router();
  routes.get('/api/who', (_request, response) => void response.json(callerOf(response)));
  routes.post('/api/change', (_request, response) => void response.json({}));
  routes.post('/api/try/it', (_request, response) => void response.json({}));
  routes.get('/api/orders', only('operator'), (_request, response) => void response.json({}));
  routes.get('/api/whole', (_request, response) => {
    needExport(response);
    showsValues(response);
    response.json({});
  });
  return routes;
}

const as = (token: string | undefined, method: string, path: string): Promise<number> =>
  bed
    .call(method, path, { headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
    .then(({ status }) => status);

async function open(options: Parameters<typeof openConsole>[1]): Promise<void> {
  bed = await openConsole([router()], { ...options, acted: (action) => void actions.push(action) });
}

beforeEach(() => {
  actions.length = 0;
});
afterEach(() => bed.close());

describe('tokens with roles', () => {
  beforeEach(() => open({ tokens: TOKENS }));

  test.each([
    ['viewer', { who: 200, change: 403, try: 200, orders: 403, whole: 403 }],
    ['operator', { who: 200, change: 200, try: 200, orders: 200, whole: 403 }],
    ['values', { who: 200, change: 200, try: 200, orders: 200, whole: 200 }],
  ])('what %s may do', async (role, statuses) => {
    const token = `token-of-${role}`;
    expect({
      who: await as(token, 'GET', '/api/who'),
      change: await as(token, 'POST', '/api/change'),
      try: await as(token, 'POST', '/api/try/it'),
      orders: await as(token, 'GET', '/api/orders'),
      whole: await as(token, 'GET', '/api/whole'),
    }).toEqual(statuses);
  });

  test('a refusal says which role is needed', async () => {
    const { body } = await bed.call('POST', '/api/change', { headers: { authorization: 'Bearer token-of-viewer' } });
    expect(body).toMatchObject({ code: 'ROLE_NEEDED', fix: expect.stringContaining('role is operator') as unknown });
  });

  test.each([undefined, 'token-of-nobody', 'token-of-viewe', 'token-of-viewer2'])(
    '%s is let by nowhere',
    async (token) => {
      expect([await as(token, 'GET', '/api/who'), await as(token, 'POST', '/api/try/it')]).toEqual([401, 401]);
    },
  );

  test('viewers change nothing in other spellings of a path either', async () => {
    expect(await as('token-of-viewer', 'POST', '/API/Change/')).toBe(403);
    expect(await as('token-of-viewer', 'GET', '/API/Orders/')).toBe(403);
  });

  test('the audit trail has the name of the token for what was changed, refused, or shown', async () => {
    await as('token-of-operator', 'POST', '/api/change');
    await as('token-of-viewer', 'POST', '/api/change');
    await as('token-of-values', 'GET', '/api/whole');
    await as('token-of-values', 'GET', '/api/who');
    expect(actions).toEqual([
      { address: '127.0.0.1', name: 'a-operator', action: 'POST /api/change', status: 200, isWhole: true },
      { address: '127.0.0.1', name: 'a-viewer', action: 'POST /api/change', status: 403, isWhole: true },
      { address: '127.0.0.1', name: 'a-values', action: 'GET /api/whole', status: 200, isWhole: true },
    ]);
  });
});

test('the one token is that of an operator, who may export too while nobody has a role', async () => {
  await open({ token: 'the-one-token' });
  const { body } = await bed.call('GET', '/api/who', { headers: { authorization: 'Bearer the-one-token' } });
  expect(body).toEqual({ role: 'operator', mayExport: true });
});

test('beside tokens with roles the one token exports nothing', async () => {
  await open({ token: 'the-one-token', tokens: TOKENS });
  expect(await as('the-one-token', 'POST', '/api/change')).toBe(200);
  expect(await as('the-one-token', 'GET', '/api/whole')).toBe(403);
});

test('without any token whoever reaches the port is an operator', async () => {
  await open({});
  expect((await bed.call('GET', '/api/who')).body).toEqual({ role: 'operator', mayExport: true });
});
