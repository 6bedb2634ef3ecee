/** TLS, logins, credentials and the audit trail as the configuration makes them, over real sockets (PS3.15 A.5, B.12). */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { ConsoleClient } from '../../src/cli/console-client.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/schema.ts';
import { upstream as upstreamSchema } from '../../src/config/upstream-schema.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import { SILENT } from '../../src/observe/log.ts';
import { createUpstream } from '../../src/upstream-parts.ts';
import { closeSecurity, loadListenerSecurity } from '../../src/security-parts.ts';
import type { Upstream } from '../../src/services/port.ts';
import { ServerTls } from '../../src/tls/server-tls.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../support/requests.ts';
import { filesOf } from '../support/tls.ts';
import { createKey, sign } from '../support/token-issuer.ts';
import { variedWorklist } from '../support/worklists.ts';

const KEY = 'a-key-of-an-interface-engine';
const hashOf = (secret: string): string => `sha256:${createHash('sha256').update(secret).digest('hex')}`;
const HASH = hashOf(KEY);
const QUERY = queryOf(dataSetOf({ '00100020': attribute('LO'), '00100010': attribute('PN') }));

let folder: string;
let app: App;
let clients: Upstream[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-security-'));
  await writeFile(join(folder, 'worklist.json'), JSON.stringify(variedWorklist()));
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await app.close();
  await rm(folder, { recursive: true });
});

interface Ports {
  readonly ward: number;
  readonly web: number;
  readonly console: number;
}

async function start(more: object = {}): Promise<Ports> {
  const tls = { ...filesOf('server-ec'), clientCertificates: 'request' };
  const settings = {
    listeners: {
      ward: {
        ...{ protocol: 'dimse', aeTitle: 'WARD', port: 0, tls: { ...tls, clientCertificates: 'require' } },
        userIdentity: { users: [{ name: 'ct1', passcodeHash: HASH }] },
      },
      web: {
        ...{ protocol: 'dicomweb', port: 0, tls },
        authentication: { certificates: true, apiKeys: [{ subject: 'engine', hash: HASH, scopes: ['mwl'] }] },
      },
    },
    upstreams: { ris: { protocol: 'ris', entries: 'worklist.json' } },
    routes: [
      { name: 'ward', from: { listener: 'ward' }, worklist: { to: 'ris' } },
      { name: 'engine', from: { listener: 'web' }, scopes: ['mwl'], worklist: { to: 'ris' } },
    ],
    audit: { source: 'TEST', to: [{ file: 'audit.json' }], spool: { path: 'spool' } },
    console: { port: 0, tls: filesOf('server-ec') },
    timers: { shutdown: '200ms' },
    store: { path: 'dimseway.db' },
    ...more,
  };
  app = new App({ ...keepingLogger(), setLevel() {} });
  const { listeners, console } = await app.start(await parsed('gateway.json', settings));
  return { ward: listeners['ward']?.port ?? 0, web: listeners['web']?.port ?? 0, console: console?.port ?? 0 };
}

async function parsed(name: string, settings: object): Promise<Config> {
  const file = join(folder, name);
  await writeFile(file, JSON.stringify(settings));
  return (await loadConfig(file, {})).config;
}

async function client(options: object): Promise<Upstream> {
  const upstream = await createUpstream('modality', upstreamSchema.parse(options), SILENT);
  clients.push(upstream);
  return upstream;
}

const modality = (port: number, more: object): Promise<Upstream> =>
  client({ protocol: 'dimse', host: 'localhost', port, aeTitle: 'WARD', callingAeTitle: 'CT1', ...more });
const engine = (port: number, more: object): Promise<Upstream> =>
  client({ protocol: 'dicomweb', baseUrl: `https://localhost:${port}`, ...more });

const found = async (upstream: Upstream): Promise<number> =>
  (await collect(upstream.search(QUERY, contextOf()))).length;

async function audited(): Promise<{ id: string; outcome: string; users: string[] }[]> {
  const text = await readFile(join(folder, 'audit.json'), 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { AuditMessage: Audited }).AuditMessage)
    .map(({ EventIdentification: event, ActiveParticipant: users }) => ({
      id: event.EventID['originalText'] ?? '',
      outcome: event.EventOutcomeIndicator,
      users: users.map(({ UserID }) => UserID),
    }));
}

interface Audited {
  readonly EventIdentification: { EventID: Record<string, string>; EventOutcomeIndicator: string };
  readonly ActiveParticipant: { UserID: string }[];
}

test('a modality comes in by DICOM TLS with a certificate of the hospital and its passcode, and by nothing else', async () => {
  const { ward } = await start();
  const own = filesOf('client');
  const identity = { username: 'ct1', passcode: KEY, acknowledged: true };
  expect(await found(await modality(ward, { tls: own, userIdentity: identity }))).toBeGreaterThan(0);
  expect(await found(await modality(ward, { tls: own }))).toBeGreaterThan(0);
  const wrong = { ...identity, passcode: 'wrong' };
  await expect(found(await modality(ward, { tls: own, userIdentity: wrong }))).rejects.toMatchObject({
    code: 'UPSTREAM_REJECTED',
  });
  await expect(found(await modality(ward, { tls: { authorities: own.authorities } }))).rejects.toThrow();
  await expect(found(await modality(ward, {}))).rejects.toThrow();
});

test('an interface engine shows its key; who shows none is 401, a certificate without the scope 403', async () => {
  const { web } = await start();
  const { authorities, ...certificate } = filesOf('client');
  const trusting = { tls: { authorities } };
  expect(await found(await engine(web, { ...trusting, credentials: { bearer: KEY } }))).toBeGreaterThan(0);
  await expect(found(await engine(web, trusting))).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', httpStatus: 401 });
  const known = { tls: { authorities, ...certificate } };
  await expect(found(await engine(web, known))).rejects.toMatchObject({ code: 'NOT_AUTHORIZED', httpStatus: 403 });
  await expect(found(await engine(web, { credentials: { bearer: KEY } }))).rejects.toMatchObject({
    code: 'UPSTREAM_UNTRUSTED',
  });
});

test('the audit trail has start and stop, each query, login and refused handshake of a modality (PS3.15 A.5.3)', async () => {
  const { ward } = await start();
  const own = filesOf('client');
  await found(await modality(ward, { tls: own, userIdentity: { username: 'ct1', passcode: KEY } }));
  const wrong = await modality(ward, { tls: own, userIdentity: { username: 'ct1', passcode: 'wrong' } });
  await expect(found(wrong)).rejects.toThrow();
  await expect(found(await modality(ward, { tls: { authorities: own.authorities } }))).rejects.toThrow();
  await app.close();
  const trail = await audited();
  expect(trail.map(({ id, outcome }) => `${id} ${outcome}`)).toEqual([
    ...[
      'Application Activity 0',
      'User Authentication 0',
      'Query 0',
      'User Authentication 8',
      'Security Alert 4',
      'Application Activity 0',
    ],
  ]);
  expect(trail[1]?.users[0]).toBe('ct1');
});

test('who guesses keys without end does not fill the audit trail: some attempts are told, all are counted', async () => {
  const { console } = await start({ console: { port: 0, token: 'the-token-of-the-console' } });
  const headers = { authorization: 'Bearer a-guess-of-somebody' };
  for (let i = 0; i < 100; i++) await (await fetch(`http://127.0.0.1:${console}/metrics`, { headers })).text();
  await app.close();
  const text = await readFile(join(folder, 'audit.json'), 'utf8');
  const told = text.match(/wrong token at the console/g)?.length ?? 0;
  const details = [...text.matchAll(/"value":"([^"]+)"/g)].map(([, value]) =>
    Buffer.from(value ?? '', 'base64').toString(),
  );
  const more = [text, ...details].flatMap((each) => [...each.matchAll(/(\d+) more failed logins/g)]);
  expect(told).toBeLessThan(50);
  expect(more.reduce((sum, [, count]) => sum + Number(count), told)).toBe(100);
});

test('a wrong token at the console is in the audit trail, without the token (PS3.15 A.5.3.12)', async () => {
  const { console } = await start({ console: { port: 0, token: 'the-token-of-the-console' } });
  const headers = { authorization: 'Bearer a-guess-of-somebody' };
  expect((await fetch(`http://127.0.0.1:${console}/metrics`, { headers })).status).toBe(401);
  await app.close();
  const trail = await audited();
  expect(trail.map(({ id, outcome }) => `${id} ${outcome}`)).toContain('User Authentication 8');
  expect(await readFile(join(folder, 'audit.json'), 'utf8')).not.toContain('guess');
});

test('a reload keeps the keys of a token issuer that cannot be reached now', async () => {
  const text = `{ protocol: dicomweb, authentication: { jwt: { issuer: i, audience: a, keys: 'https://127.0.0.1:1/keys' } } }`;
  const config = async (required: boolean): Promise<Config['listeners'][string]> => {
    const source = text.replace('jwt:', `required: ${required}, jwt:`);
    const file = join(folder, 'web.yaml');
    await writeFile(
      file,
      `listeners: { web: ${source.replace('dicomweb,', 'dicomweb, port: 0,')} }\nupstreams: { ris: { protocol: ris } }\nroutes: [{ name: a, worklist: { to: ris } }]\n`,
    );
    return (await loadConfig(file, {})).config.listeners['web'] as Config['listeners'][string];
  };
  app = new App({ ...SILENT, setLevel() {} });
  const before = {
    config: await config(true),
    security: await loadListenerSecurity('web', await config(true), SILENT),
  };
  const same = await loadListenerSecurity('web', await config(true), SILENT, before);
  expect(same.authenticator).toBe(before.security.authenticator);
  const changed = await loadListenerSecurity('web', await config(false), SILENT, before);
  expect(changed.authenticator).not.toBe(before.security.authenticator);
  await closeSecurity(changed, undefined);
  await closeSecurity(before.security, undefined);
});

test('the console speaks TLS, and the commands of the operator trust its very certificate, by whatever name they call it', async () => {
  const { console } = await start();
  const origin = `https://127.0.0.1:${console}`;
  const answers = await Promise.all(
    (['server-ec', 'server-rsa', 'ca'] as const).map(async (name) => {
      const client = new ConsoleClient({ origin, certificate: await readFile(filesOf(name).certificate) });
      const isThere = await client.isThere();
      await client.close();
      return isThere;
    }),
  );
  expect(answers).toEqual([true, false, false]);
});

test('metrics tell until when each certificate is good', async () => {
  const { console } = await start();
  const client = new ConsoleClient({
    origin: `https://127.0.0.1:${console}`,
    certificate: await readFile(filesOf('server-ec').certificate),
  });
  const text = await client.text('/metrics');
  await client.close();
  const told = [...text.matchAll(/^dimseway_certificate_not_after_seconds\{(.*)\} (\d+)$/gm)];
  expect(
    told.map(([, labels]) =>
      /owner="([^"]*)",role="([^"]*)"/
        .exec(labels ?? '')
        ?.slice(1)
        .join(' '),
    ),
  ).toEqual([
    ...[
      'listeners.ward own',
      'listeners.ward authority',
      'listeners.web own',
      'listeners.web authority',
      'console own',
    ],
    ...['console authority'],
  ]);
  expect(new Set(told.map(([, , seconds]) => seconds))).toEqual(
    new Set([String(Date.parse('2126-01-01T00:00:00Z') / 1_000)]),
  );
});

test('a console that goes, by a reload or with the gateway, lets go of its certificates', async () => {
  const consoleTls = { console: { port: 0, tls: filesOf('server-ec') } };
  const base = {
    listeners: { web: { protocol: 'dicomweb', port: 0 } },
    upstreams: { ris: { protocol: 'ris', entries: 'worklist.json' } },
    routes: [{ name: 'all', worklist: { to: 'ris' } }],
    store: { path: 'dimseway.db' },
  };
  let next: object = base;
  const source = async () => ({ config: await parsed('next.json', next), warnings: [] });
  app = new App({ ...SILENT, setLevel() {} }, source);
  await app.start(await parsed('gateway.json', { ...base, ...consoleTls }));
  const close = jest.spyOn(ServerTls.prototype, 'close');
  try {
    await app.reload();
    next = { ...base, ...consoleTls };
    await app.reload();
    await app.close();
    expect(close).toHaveBeenCalledTimes(2);
  } finally {
    close.mockRestore();
  }
});

test('config/examples/secured.yaml: certificates, keys, scopes and a token of its own, as it says', async () => {
  const { certificate, key, authorities } = filesOf('server-ec');
  for (const [name, file] of [
    ['gateway.crt', certificate],
    ['gateway.key', key],
    ['ca.crt', authorities[0] ?? ''],
  ] as const) {
    await copyFile(file, join(folder, name));
  }
  const { publicJwk, ...loginKey } = await createKey('login');
  await writeFile(join(folder, 'login-keys.json'), JSON.stringify({ keys: [publicJwk] }));
  const token = 'the-token-of-the-gateway';
  const env = { DIMSEWAY_TLS: folder, ENGINE_KEY_HASH: HASH, RIS_TOKEN: token };
  const { config } = await loadConfig(join(import.meta.dirname, '../../config/examples/secured.yaml'), env);

  const farEnd = new App({ ...SILENT, setLevel() {} });
  const far = await farEnd.start(
    await parsed('far.json', {
      listeners: {
        far: {
          ...{ protocol: 'dicomweb', basePath: '/dicomweb', port: 0, tls: { certificate, key } },
          authentication: { apiKeys: [{ subject: 'gateway', hash: hashOf(token), scopes: [] }] },
        },
      },
      upstreams: { ris: { protocol: 'ris', entries: 'worklist.json' } },
      routes: [{ name: 'all', worklist: { to: 'ris' } }],
      store: { path: 'far.db' },
    }),
  );
  try {
    const { ward: wardConfig, web: webConfig } = config.listeners;
    const { ris } = config.upstreams;
    if (wardConfig?.protocol !== 'dimse' || webConfig?.protocol !== 'dicomweb' || ris?.protocol !== 'dicomweb')
      throw new Error();
    const [own, unknown] = [filesOf('client'), { authorities }];
    app = new App({ ...SILENT, setLevel() {} });
    const ports = await app.start({
      ...config,
      listeners: {
        ward: {
          ...wardConfig,
          host: '127.0.0.1',
          port: 0,
          access: { ...wardConfig.access, addresses: ['127.0.0.0/8'] },
        },
        web: { ...webConfig, host: '127.0.0.1', port: 0 },
      },
      upstreams: { ris: { ...ris, baseUrl: `https://localhost:${far.listeners['far']?.port}/dicomweb` } },
      store: { ...config.store, path: join(folder, 'secured.db') },
      audit: {
        source: 'DIMSEWAY-1',
        patients: false,
        to: [{ file: join(folder, 'audit.json'), form: 'json', maximumSize: 1_000_000 }],
        spool: { path: join(folder, 'spool'), maximumSize: 1_000_000 },
      },
      console: { exchanges: 1_000, host: '127.0.0.1', port: 0 },
    });
    const ward = ports.listeners['ward']?.port ?? 0;
    const dimse = { protocol: 'dimse', host: 'localhost', port: ward, aeTitle: 'DIMSEWAY', callingAeTitle: 'CT1' };
    expect(await found(await client({ ...dimse, tls: own }))).toBeGreaterThan(0);
    await expect(found(await client({ ...dimse, tls: unknown }))).rejects.toThrow();
    const web = (credentials: object): Promise<Upstream> =>
      client({
        ...{ protocol: 'dicomweb', baseUrl: `https://localhost:${ports.listeners['web']?.port}/dicomweb` },
        ...{ tls: { authorities }, credentials },
      });
    expect(await found(await web({ bearer: KEY }))).toBeGreaterThan(0);
    const issued = { ...loginKey, publicJwk };
    const allowed = await sign(issued, { iss: 'https://login.example', scope: 'worklist' });
    expect(await found(await web({ bearer: allowed }))).toBeGreaterThan(0);
    const narrow = await sign(issued, { iss: 'https://login.example', scope: 'other' });
    await expect(found(await web({ bearer: narrow }))).rejects.toMatchObject({ httpStatus: 403 });
    await expect(found(await web({ bearer: 'b'.repeat(20) }))).rejects.toMatchObject({ httpStatus: 401 });
  } finally {
    await app.close();
    await farEnd.close();
  }
});
