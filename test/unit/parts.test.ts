import { describe, expect, test } from '@jest/globals';
import { parseConfig } from '../../src/config/load.ts';
import { SILENT } from '../../src/observe/log.ts';
import { buildRoutes, recordersOf } from '../../src/parts.ts';
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
