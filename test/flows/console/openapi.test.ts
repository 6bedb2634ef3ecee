/** The OpenAPI document of the console against the very console: nothing untrue, nothing left out. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Router } from 'express';
import { App } from '../../../src/app.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { consoleRouters } from '../../../src/console-parts.ts';
import { Observation } from '../../../src/observe-parts.ts';
import { call } from '../../support/http-client.ts';
import type { HttpCall } from '../../support/http-client.ts';
import { SILENT } from '../../../src/observe/log.ts';

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: { readonly type: string } }[];
  readonly requestBody?: { readonly required: boolean };
  readonly responses: Readonly<Record<string, unknown>>;
} // prettier-ignore
type Paths = Readonly<Record<string, Readonly<Record<string, Operation>>>>;

let folder: string;
let app: App;
let port: number;
let document: { readonly paths: Paths; readonly security?: unknown };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-openapi-'));
  const text = `listeners: { ward: { protocol: dimse, aeTitle: DIMSEWAY, port: 0 } }
upstreams: { ris: { protocol: ris } }
routes: [{ name: all, worklist: { to: ris }, mpps: { to: ris } }]
store: { path: steps.db }
console: { port: 0 }
`;
  const { config } = await parseConfig(join(folder, 'gateway.yaml'), text, {});
  app = new App({ ...SILENT, setLevel: () => undefined });
  const ports = await app.start(config);
  port = ports.console?.port ?? 0;
  const { body } = await call(port, '/api/openapi.json');
  document = JSON.parse(body.toString()) as typeof document;
});
afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const JSON_HEADER = { 'Content-Type': 'application/json' };
const VALUES: Readonly<Record<string, string>> = { id: '4711', uid: '1.2.3' };
const targetOf = (path: string): string => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => VALUES[name] ?? '');

function operations(): { readonly path: string; readonly method: string; readonly operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
}

/** Methods by path, as the routers have them; `all` is how the others are refused. */
function registered(routers: readonly Router[]): string[] {
  return routers.flatMap(({ stack }) =>
    stack.flatMap(({ route }) => {
      const paths = ([] as unknown[]).concat(route?.path ?? []).map(String);
      const methods = (route?.stack ?? []).flatMap((layer) => (typeof layer.method === 'string' ? [layer.method] : []));
      return paths.flatMap((path) => [...new Set(methods)].map((method) => `${method.toUpperCase()} ${path.replaceAll(/:(\w+)/g, '{$1}')}`));
    }),
  );
} // prettier-ignore

test('each route of the console is described, and each description is of a route', () => {
  const routers = consoleRouters(
    {
      observation: new Observation(
        () => undefined,
        () => undefined,
      ),
      running: () => undefined,
      health: () => Promise.reject(new Error('not asked')),
      file: undefined,
      services: () => undefined,
      rises: () => new Map(),
    },
    SILENT,
  );
  const own = ['GET /health/live', 'GET /health/ready', 'POST /api/reload'];
  const described = operations().map(({ method, path }) => `${method} ${path}`);
  expect(described.toSorted()).toEqual([...new Set([...registered(routers), ...own])].toSorted());
});

test('other methods are 405, with these in Allow', async () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    const known = Object.keys(methods).map((method) => method.toUpperCase());
    const { status, headers } = await call(port, targetOf(path), { method: 'PATCH', headers: JSON_HEADER });
    const allowed = String(headers.allow).split(', ').filter((method) => method !== 'HEAD'); // prettier-ignore
    expect([path, status, allowed.toSorted()]).toEqual([path, 405, known.toSorted()]);
  }
});

test('what an operation answers is described, whatever is wrong with the request', async () => {
  const undescribed: string[] = [];
  for (const { path, method, operation } of operations()) {
    const target = targetOf(path);
    const ask = async (what: string, options: HttpCall = {}, more = ''): Promise<void> => {
      // Node.js frames no body of a DELETE.
      const length = options.body === undefined ? {} : { 'Content-Length': String(options.body.length) };
      const { status } = await call(port, `${target}${more}`, {
        method,
        ...options,
        headers: { ...options.headers, ...length },
      });
      if (operation.responses[String(status)] === undefined) undescribed.push(`${method} ${path} ${what}: ${status}`);
    };
    if (operation.requestBody === undefined) {
      await ask('plain');
      if (operation.parameters.some((one) => one.in === 'query')) await ask('unknown parameter', {}, '?nonsense=1');
      continue;
    }
    await ask('without a type');
    await ask('empty object', { headers: JSON_HEADER, body: '{}' });
    await ask('no JSON', { headers: JSON_HEADER, body: '{' });
    // A connection that closes after the answer would be reset under the rest of the body.
    await ask('too large', {
      headers: { ...JSON_HEADER, Connection: 'keep-alive' },
      body: `{"a":"${'x'.repeat(1_100_000)}"}`,
    });
    await ask('coding', { headers: { ...JSON_HEADER, 'Content-Encoding': 'nonsense' }, body: '{}' });
  }
  expect(undescribed).toEqual([]);
});

test('each query parameter that is described is known', async () => {
  const ofPath: Readonly<Record<string, string>> = {
    ...{ '/api/spool?state': 'dead', '/api/spool/export?state': 'dead' },
    '/api/worklist?after': Buffer.from('20260101.1.0a').toString('base64url'),
  };
  const ofName: Readonly<Record<string, string>> = {
    ...{ state: 'scheduled', service: 'mpps', uid: '1.2.3', phase: 'waiting', upstream: 'ris' },
    ...{ dateFrom: '20260101', dateTo: '20260101', after: '1' },
  };
  const ofType: Readonly<Record<string, string>> = { boolean: 'true', integer: '1' };
  const refused: string[] = [];
  for (const { path, method, operation } of operations()) {
    for (const { name, schema } of operation.parameters.filter((one) => one.in === 'query' && method === 'GET')) {
      const value = ofPath[`${path}?${name}`] ?? ofName[name] ?? ofType[schema.type] ?? 'x';
      const { status, body } = await call(port, `${targetOf(path)}?${name}=${value}`);
      if (status === 400) refused.push(`${path}?${name}: ${body.toString()}`);
    }
  }
  expect(refused).toEqual([]);
});

test('without a token nobody is asked, and the document says so', () => {
  expect(document.security).toBeUndefined();
});
