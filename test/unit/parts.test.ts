import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../src/config/load.ts';
import { SILENT } from '../../src/observe/log.ts';
import { recordersOf } from '../../src/parts.ts';
import { buildRoutes, reportersOf, spoolTargetsOf } from '../../src/route-parts.ts';
import type { GatewayRoute } from '../../src/gateway/gateway.ts';
import { FarEnd } from '../support/mpps.ts';

const EXPIRES = new Date(Date.now() + 3_600_000).toISOString();

async function routesOf(routes: string, more = ''): Promise<{ routes: GatewayRoute[]; levels: Map<unknown, string> }> {
  const { config } = await parseConfig(
    'gateway.yaml',
    `
listeners:
  plain: { protocol: dimse, aeTitle: PLAIN, port: 0 }
  loud: { protocol: dimse, aeTitle: LOUD, port: 0, log: { messages: tags } }
upstreams:
  fuzzy: { protocol: dicomweb, baseUrl: http://127.0.0.1:1, fuzzyMatching: true, timezoneAdjustment: true }
  literal: { protocol: dicomweb, baseUrl: http://127.0.0.1:2 }
routes: [${routes}]
${more}`,
    {},
  );
  const upstream = new FarEnd();
  const recorders = recordersOf(config.log, SILENT);
  const built = buildRoutes(
    config,
    new Map(Object.keys(config.upstreams).map((name) => [name, { upstream }])),
    recorders,
  );
  const levels = new Map<unknown, string>([
    [undefined, 'none'],
    [recorders.tags, 'tags'],
    [recorders.values, 'values'],
  ]);
  return { routes: built, levels };
}

describe('what extended negotiation may promise (PS3.4 K.4.1.1.3)', () => {
  test.each([
    ['fuzzy', true],
    ['literal', false],
    ['[fuzzy, literal]', false],
  ])('with the worklist of %s: %s, since whichever upstream answers must keep it', async (to, expected) => {
    const { routes } = await routesOf(`{ name: a, worklist: { to: ${to} } }`);
    expect(routes[0]?.options).toMatchObject({ fuzzyMatching: expected, timezoneAdjustment: expected });
  });

  test('without a worklist: nothing', async () => {
    const { routes } = await routesOf('{ name: a }');
    expect(routes[0]?.options).toMatchObject({ fuzzyMatching: false, timezoneAdjustment: false });
  });
});

test.each([
  ['none', '', '', 'plain'],
  ['tags', '', '', 'loud'],
  ['values', '', 'messages: values, ', 'plain'],
  ['tags', '', 'messages: values, ', 'loud'],
  ['none', ', log: { messages: none }', 'messages: values, ', 'loud'],
  ['values', ', log: { messages: values }', '', 'loud'],
])('messages are %s: a route%s overrides its listener, a listener the general setting (%s%s)', async (...row) => {
  const [expected, route, general, listener] = row;
  const { routes, levels } = await routesOf(
    `{ name: a, worklist: { to: literal }${route} }`,
    `log: { ${general}values: { file: unused, expires: '${EXPIRES}' } }`,
  );
  expect(levels.get(routes[0]?.messagesFor(listener))).toBe(expected);
});

test('the spool delivers to the upstream of every route with MPPS and to its forwards, as each of them is configured', async () => {
  const { config } = await parseConfig(
    'gateway.yaml',
    `
listeners: {}
upstreams:
  web: { protocol: dicomweb, baseUrl: http://127.0.0.1:1, spool: { concurrency: 7, attemptTimeout: 10s } }
  old:
    protocol: dimse
    host: 127.0.0.1
    port: 1
    aeTitle: OLD
    callingAeTitle: ME
    spool: { firstDelay: 5s, maximumDelay: 1h }
  ris: { protocol: ris }
routes:
  - name: a
    mpps:
      to: web
      delivery: store-and-forward
      forwardTo: [old, { to: ris, rules: { request: [{ remove: PatientSize }] } }]
  - { name: b, mpps: { to: ris } }
  - { name: c, worklist: { to: web } }
`,
    {},
  );
  const upstream = new FarEnd();
  const upstreams = new Map(Object.keys(config.upstreams).map((name) => [name, { upstream }]));
  const routes = buildRoutes(config, upstreams, recordersOf(config.log, SILENT));
  const ris = {
    concurrency: 4,
    firstDelayMs: 1_000,
    maximumDelayMs: 60_000,
    attemptTimeoutMs: 60_000,
    leaseMs: 90_000,
  };
  expect(
    spoolTargetsOf(config, routes).map(({ route, upstream: { name }, request, options }) => ({
      route,
      name,
      isMapped: request !== undefined,
      options,
    })),
  ).toEqual([
    {
      route: 'a',
      name: 'web',
      isMapped: false,
      options: {
        concurrency: 7,
        firstDelayMs: 1_000,
        maximumDelayMs: 300_000,
        attemptTimeoutMs: 10_000,
        leaseMs: 40_000,
      },
    },
    {
      route: 'a',
      name: 'old',
      isMapped: false,
      options: {
        concurrency: 4,
        firstDelayMs: 5_000,
        maximumDelayMs: 3_600_000,
        attemptTimeoutMs: 60_000,
        leaseMs: 90_000,
      },
    },
    { route: 'a', name: 'ris', isMapped: true, options: ris },
    { route: 'b', name: 'ris', isMapped: false, options: ris },
  ]);
  expect(routes[0]?.mpps?.forwardTo.map(({ aeTitle }) => aeTitle)).toEqual(['OLD', undefined]);
});

const NOTIFYING = `
store: { path: none }
listeners: { ward: { protocol: dimse, aeTitle: WARD, port: 0 }, web: { protocol: dicomweb, port: 0 } }
upstreams:
  manager: { protocol: dimse, host: 10.0.0.1, port: 104, aeTitle: MANAGER, callingAeTitle: WARD }
  second: { protocol: dimse, host: 10.0.0.2, port: 104, aeTitle: SECOND, callingAeTitle: WARD }
  pacs: { protocol: dimse, host: 10.0.0.3, port: 104, aeTitle: PACS, callingAeTitle: WARD }
  board: { protocol: dimse, host: 10.0.0.4, port: 104, aeTitle: BOARD, callingAeTitle: WARD }
routes:
  - { name: own, from: { calledAeTitles: [A] }, mpps: { to: manager, forwardTo: [board] }, notifications: { to: [board, pacs] } }
  - { name: theirs, from: { calledAeTitles: [B] }, mpps: { to: second }, storageCommitment: { to: second }, notifications: { to: board, source: upstream } }
  - { name: steps, worklist: { to: pacs }, mpps: { to: pacs }, workitems: {} }
`;

test('notifications: who is told of what, by which destinations of the spool (PS3.4 F.9)', async () => {
  const { config } = await parseConfig('gateway.yaml', NOTIFYING, {});
  const upstream = new FarEnd();
  const upstreams = new Map(Object.keys(config.upstreams).map((name) => [name, { upstream }]));
  const routes = buildRoutes(config, upstreams, recordersOf(config.log, SILENT));
  const scu = (name: string): unknown => ({ upstream: { name, upstream }, aeTitle: name.toUpperCase() });
  expect(routes.map(({ mpps, notifications }) => [mpps?.aeTitle, mpps?.notifyTo, notifications])).toEqual([
    ['MANAGER', [scu('board'), scu('pacs')], { to: [scu('board'), scu('pacs')], source: 'gateway' }],
    ['SECOND', undefined, { to: [scu('board')], source: 'upstream' }],
    ['PACS', undefined, undefined],
  ]);
  const targets = spoolTargetsOf(config, routes).map((each) => [each.route, each.upstream.name, each.isForward]);
  expect(targets).toEqual([
    ['own', 'manager', false],
    ['own', 'board', true],
    ['own', 'board', true],
    ['own', 'pacs', true],
    ['theirs', 'second', false],
    ['theirs', 'board', true],
    ['steps', 'pacs', false],
  ]);
});

test('who may report: what each was asked for, and whose word about MPPS counts (design 6)', async () => {
  const { config } = await parseConfig('gateway.yaml', NOTIFYING, {});
  expect(reportersOf(config)).toEqual([
    { aeTitle: 'SECOND', host: '10.0.0.2', reports: ['storageCommitment', 'mpps'] },
    { aeTitle: 'PACS', host: '10.0.0.3', reports: ['mpps'] },
  ]);
});
