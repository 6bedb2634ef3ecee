/** A console that stays where it is through a reload: whom it lets in and what it captures change, its port does not. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../../src/app.ts';
import { loadConfig } from '../../../src/config/load.ts';
import type { Me } from '../../../src/console/api-types.ts';
import { SILENT } from '../../../src/observe/log.ts';
import { findFreePort } from '../../../scripts/peers/process.ts';

let folder: string;
let file: string;
let app: App;
let port: number;

const write = (console: string): Promise<void> =>
  writeFile(
    file,
    `listeners: { ward: { protocol: dimse, aeTitle: FAREND, port: 0 } }
upstreams: {}
routes: []
timers: { shutdown: 200ms }
console: { port: ${port}, ${console} }
`,
  );

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-console-'));
  file = join(folder, 'gateway.yaml');
  app = new App({ ...SILENT, setLevel() {} }, () => loadConfig(file, {}));
  port = await findFreePort();
});
afterEach(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

const token = (name: string, role: string): string =>
  `{ name: ${name}, token: token-of-${name}-0123456789, role: ${role} }`;

async function ask(name: string, path = '/api/me', method = 'GET'): Promise<{ status: number; body: Partial<Me> }> {
  const headers = { authorization: `Bearer token-of-${name}-0123456789`, 'content-type': 'application/json' };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers });
  return { status: response.status, body: (await response.json()) as Partial<Me> };
}

test('roles, tokens and capture are those of the configuration that was read last, on the port there was', async () => {
  await write(`tokens: [${token('ann', 'operator')}, ${token('bob', 'viewer')}]`);
  await app.start((await loadConfig(file, {})).config);
  await write(
    `tokens: [${token('ann', 'viewer')}, ${token('eve', 'operator')}], capture: { until: 2099-01-01T00:00:00Z }`,
  );
  expect((await ask('ann', '/api/reload', 'POST')).status).toBe(200);
  expect(await ask('ann')).toMatchObject({ body: { role: 'viewer', capture: { until: '2099-01-01T00:00:00.000Z' } } });
  expect([(await ask('bob')).status, (await ask('eve')).body.role]).toEqual([401, 'operator']);
  expect((await ask('ann', '/api/reload', 'POST')).status).toBe(403);
});

test('the OpenAPI document asks for a token as long as the console does', async () => {
  await write(`tokens: [${token('ann', 'operator')}]`);
  await app.start((await loadConfig(file, {})).config);
  const security = async (): Promise<unknown> =>
    ((await ask('ann', '/api/openapi.json')).body as { security?: unknown }).security;
  expect(await security()).toEqual([{ bearer: [] }]);
  await write('exchanges: 10');
  expect((await ask('ann', '/api/reload', 'POST')).status).toBe(200);
  expect(await security()).toBeUndefined();
});

test('a configuration that is refused lets in whom the running one does', async () => {
  await write(`tokens: [${token('ann', 'operator')}]`);
  await app.start((await loadConfig(file, {})).config);
  await write(`tokens: [${token('eve', 'operator')}], capturd: {}`);
  expect((await ask('ann', '/api/reload', 'POST')).status).toBe(422);
  expect([(await ask('ann')).status, (await ask('eve')).status]).toEqual([200, 401]);
});
