/** TLS, logins, credentials and the audit trail as the configuration makes them, over real sockets (PS3.15 A.5, B.12). */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { ConsoleClient } from '../../src/cli/console-client.ts';
import { loadConfig } from '../../src/config/load.ts';
import { upstream as upstreamSchema } from '../../src/config/upstream-schema.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import { SILENT } from '../../src/observe/log.ts';
import { createUpstream } from '../../src/parts.ts';
import type { Upstream } from '../../src/services/port.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../support/requests.ts';
import { filesOf } from '../support/tls.ts';
import { variedWorklist } from '../support/worklists.ts';

const KEY = 'a-key-of-an-interface-engine';
const HASH = `sha256:${createHash('sha256').update(KEY).digest('hex')}`;
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
  const file = join(folder, 'gateway.json');
  await writeFile(file, JSON.stringify(settings));
  app = new App({ ...keepingLogger(), setLevel() {} });
  const { listeners, console } = await app.start((await loadConfig(file, {})).config);
  return { ward: listeners['ward']?.port ?? 0, web: listeners['web']?.port ?? 0, console: console?.port ?? 0 };
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
