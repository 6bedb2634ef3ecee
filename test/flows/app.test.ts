/** The whole product in one process over real sockets: start, reload, health, stop. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { toJson } from '../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../support/requests.ts';
import type { LogLine } from '../support/requests.ts';
import { upstreamTo } from '../support/beds.ts';
import { variedWorklist } from '../support/worklists.ts';
import { openStore } from '../../src/store/sqlite.ts';
import { createMessage } from '../support/mpps.ts';
import { messageOf } from '../support/spool-bed.ts';

let folder: string;
let file: string;
let app: App;
let lines: LogLine[];
const farEnds: Server[] = [];

const load = (): ReturnType<typeof loadConfig> => loadConfig(file, {});

async function configure(text: string): Promise<void> {
  await writeFile(file, text);
}

interface Variation {
  readonly title?: string;
  readonly route?: string;
  readonly more?: string;
  readonly webPort?: number;
}

function yaml({ title = 'FAREND', route = 'all', more = '', webPort = 0 }: Variation = {}): string {
  return `
listeners:
  ward: { protocol: dimse, aeTitle: ${title}, port: 0 }
  web: { protocol: dicomweb, basePath: /far, port: ${webPort} }
upstreams:
  ris: { protocol: ris, entries: worklist.json }
routes:
  - { name: ${route}, worklist: { to: ris } }
console: { port: 0 }
timers: { shutdown: 500ms }
${more}`;
}

async function start(): Promise<{ ward: number; web: number; console: number }> {
  const { config } = await load();
  const { listeners, console } = await app.start(config);
  return { ward: listeners['ward']?.port ?? 0, web: listeners['web']?.port ?? 0, console: console?.port ?? 0 };
}

async function countBy(protocol: 'dimse' | 'dicomweb', port: number, more: object = {}): Promise<number> {
  const upstream = await upstreamTo(protocol, port, more);
  try {
    const query = queryOf(dataSetOf({ '00100020': attribute('LO') }));
    return (await collect(upstream.search(query, contextOf()))).length;
  } finally {
    await upstream.close();
  }
}

const reload = (port: number): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}/api/reload`, { method: 'POST', headers: { 'content-type': 'application/json' } });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  file = join(folder, 'gateway.yaml');
  await writeFile(join(folder, 'worklist.json'), `[${variedWorklist().map(toJson).join()}]`);
  const logger = keepingLogger();
  lines = logger.lines;
  app = new App({ ...logger, setLevel: () => undefined }, load);
});

afterEach(async () => {
  for (const server of farEnds.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await app.close();
  await rm(folder, { recursive: true });
});

test('serves the same worklist by both protocols, and one log line tells of each exchange', async () => {
  await configure(yaml());
  const { ward, web } = await start();
  expect(await countBy('dimse', ward)).toBe(6);
  expect(await countBy('dicomweb', web)).toBe(6);
  expect(lines.filter((line) => line.message === 'exchange')).toMatchObject([
    { protocol: 'dimse', route: 'all', upstream: 'ris', count: 6, status: '0000H', callingAeTitle: 'NEAREND' },
    { protocol: 'dicomweb', route: 'all', upstream: 'ris', count: 6, status: '200' },
  ]);
});

test('a request that the listener refuses by itself leaves its line too, with the status it got', async () => {
  await configure(yaml());
  const { web } = await start();
  const url = `http://127.0.0.1:${web}/far/modality-scheduled-procedure-steps`;
  const statuses = [
    (await fetch(`${url}?limit=many`)).status,
    (await fetch(url, { headers: { accept: 'text/plain' } })).status,
  ];
  expect(statuses).toEqual([400, 406]);
  expect(lines.filter((line) => line.message === 'exchange').map((line) => line['status'])).toEqual(['400', '406']);
});

test('messages that wait for a route that is gone are seen, also when no route needs a store any more', async () => {
  const store = await openStore({ path: join(folder, 'data/dimseway.db') });
  await store.mpps.accept(undefined, [messageOf('create', createMessage(), { route: 'gone', upstream: 'gone' })]);
  await store.close();
  await configure(`
listeners: { web: { protocol: dicomweb, port: 0 } }
upstreams: {}
routes: [{ name: none }]
console: { port: 0 }
`);
  const { console } = await start();
  const health = (await (await fetch(`http://127.0.0.1:${console}/health/ready`)).json()) as { spool: unknown[] };
  expect(health.spool).toEqual([
    expect.objectContaining({ route: 'gone', upstream: 'gone', served: false, queued: 1 }),
  ]);
  const told = lines.filter((line) => line.message === 'messages wait for a destination of no route');
  expect(told).toEqual([
    expect.objectContaining({ level: 'warn', route: 'gone', upstream: 'gone', queued: 1, dead: 0 }),
  ]);
});

test('a port that is taken is LISTENER_FAILED, and nothing stays bound', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  const { port } = blocker.address() as AddressInfo;
  try {
    await configure(yaml({ webPort: port }));
    await expect(start()).rejects.toMatchObject({
      code: 'LISTENER_FAILED',
      message: `web cannot listen on 127.0.0.1:${port}: EADDRINUSE`,
    });
    expect(app.ports()).toEqual({ listeners: {} });
  } finally {
    await new Promise((resolve) => blocker.close(resolve));
  }
});

describe('a reload', () => {
  /** Replaces an upstream that has an N-CREATE by web and does not answer it until the connection is lost. */
  async function replacedUnderWay() {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const methods: string[] = [];
    const origin = createHttpServer((request, response) => {
      methods.push(request.method ?? '');
      request.resume();
      if (methods.length > 1)
        return void response.writeHead(200, { 'content-type': 'application/dicom+json' }).end('[{}]');
      arrived.resolve();
      void go.promise.then(() => request.socket.destroy());
    });
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    farEnds.push(origin);
    const { port } = origin.address() as AddressInfo;
    const mpps = (response: string): string => `
listeners: { web: { protocol: dicomweb, port: 0 } }
upstreams: { far: { protocol: dicomweb, baseUrl: 'http://127.0.0.1:${port}', timers: { response: ${response} } } }
routes: [{ name: all, mpps: { to: far, validation: off } }]
store: { path: ./mpps.db }
console: { port: 0 }
timers: { shutdown: 500ms }`;
    await configure(mpps('5s'));
    const ports = await start();
    const answer = fetch(`http://127.0.0.1:${ports.web}/modality-performed-procedure-steps/1.2.3`, {
      method: 'POST',
      headers: { 'content-type': 'application/dicom+json' },
      body: toJson(dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') })),
    });
    await arrived.promise;
    await configure(mpps('6s'));
    expect((await reload(ports.console)).status).toBe(200);
    return { methods, answer, lose: go.resolve };
  }

  test('that replaces an upstream leaves it to the MPPS under way, which asks it again for a lost answer', async () => {
    const { methods, answer, lose } = await replacedUnderWay();
    lose();
    expect((await answer).status).toBe(201);
    expect(methods).toEqual(['POST', 'GET']);
  });

  test('that replaced an upstream which does not answer delays no end beyond `timers.shutdown`', async () => {
    const { answer } = await replacedUnderWay();
    const startedMs = performance.now();
    await app.close();
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect((await answer).status).toBe(504);
  });

  test('puts new routes and AE titles in place without closing the sockets', async () => {
    await configure(yaml());
    const ports = await start();
    await configure(yaml({ title: 'RENAMED', route: 'second' }));
    expect((await reload(ports.console)).status).toBe(200);
    expect(app.ports().listeners['ward']?.port).toBe(ports.ward);
    expect(await countBy('dimse', ports.ward, { aeTitle: 'RENAMED' })).toBe(6);
    await expect(countBy('dimse', ports.ward)).rejects.toMatchObject({ code: 'UPSTREAM_REJECTED' });
    expect(lines.filter((line) => line.message === 'exchange').at(-1)).toMatchObject({ route: 'second' });
  });

  test('opens listeners that are new and closes those that are gone', async () => {
    await configure(yaml());
    const ports = await start();
    await configure(yaml().replace('ward: {', 'second: {'));
    expect((await reload(ports.console)).status).toBe(200);
    const second = app.ports().listeners['second']?.port ?? 0;
    expect(await countBy('dimse', second)).toBe(6);
    await expect(countBy('dimse', ports.ward)).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
  });

  const writeEntries = (entries: DataSet[]): Promise<void> =>
    writeFile(join(folder, 'worklist.json'), `[${entries.map(toJson).join()}]`);

  test('imports the worklist files anew, also where the configuration is as before', async () => {
    await configure(yaml());
    const ports = await start();
    await writeEntries(variedWorklist().slice(0, 2));
    expect((await reload(ports.console)).status).toBe(200);
    expect(await countBy('dimse', ports.ward)).toBe(2);
  });

  test('with a bad worklist file changes nothing and names file, entry and attribute', async () => {
    await configure(yaml());
    const ports = await start();
    const [first, second] = variedWorklist() as [DataSet, DataSet];
    await writeEntries([first, dataSetOf({ ...second, '00100020': attribute('LO') })]);
    await configure(yaml({ route: 'second' }));
    const answer = await reload(ports.console);
    expect([answer.status, await answer.json()]).toMatchObject([
      422,
      {
        code: 'SEED_INVALID',
        message: expect.stringMatching(/worklist\.json: entry 2: PatientID \(00100020\) has no value$/),
      },
    ]);
    expect(await countBy('dimse', ports.ward)).toBe(6);
    expect(lines.filter((line) => line.message === 'exchange').at(-1)).toMatchObject({ route: 'all' });
  });

  test('that fails has imported nothing', async () => {
    await configure(yaml());
    const ports = await start();
    await writeEntries(variedWorklist().slice(0, 2));
    await configure(yaml({ webPort: ports.console }));
    expect((await reload(ports.console)).status).toBe(500);
    expect(await countBy('dimse', ports.ward)).toBe(6);
  });

  test('with a bad file changes nothing and names every problem', async () => {
    await configure(yaml());
    const ports = await start();
    await configure(yaml({ more: 'nonsense: 1\n' }).replace('to: ris', 'to: rsi'));
    const answer = await reload(ports.console);
    expect(answer.status).toBe(422);
    const { code, message } = (await answer.json()) as { code: string; message: string };
    expect(code).toBe('CONFIG_INVALID');
    expect(message).toContain('nonsense');
    expect(message).toContain('rsi');
    expect(await countBy('dimse', ports.ward)).toBe(6);
  });

  test('whose new port is taken changes nothing, and says so when the gateway has the port itself', async () => {
    await configure(yaml());
    const ports = await start();
    await configure(yaml({ route: 'second', webPort: ports.console }));
    const answer = await reload(ports.console);
    expect(answer.status).toBe(500);
    const { fix } = (await answer.json()) as { fix: string };
    expect(fix).toMatch(/^The running gateway has this port itself: restart it/);
    expect(await countBy('dicomweb', ports.web)).toBe(6);
    expect(lines.filter((line) => line.message === 'exchange').at(-1)).toMatchObject({ route: 'all' });
  });
});

test('health names listeners and upstreams with what was seen of them', async () => {
  await configure(
    yaml()
      .replace('upstreams:', 'upstreams:\n  dead: { protocol: dicomweb, baseUrl: "http://127.0.0.1:1/x" }')
      .replace('routes:', 'routes:\n  - { name: dead, from: { listener: web }, worklist: { to: dead } }'),
  );
  const { ward, web, console } = await start();
  await countBy('dimse', ward);
  const refused = await fetch(`http://127.0.0.1:${web}/far/modality-scheduled-procedure-steps`);
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '10']);
  const answer = await fetch(`http://127.0.0.1:${console}/health/ready`);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    status: 'ready',
    listeners: { ward: { port: ward, listening: true }, web: { port: web, listening: true } },
    upstreams: {
      ris: { state: 'ok' },
      dead: { state: 'failing', lastFailureCode: 'UPSTREAM_UNREACHABLE' },
    },
  });
});

test('a connection that the system does not hand over, as for want of memory (accept), ends no listener', async () => {
  await configure(yaml());
  const { ward, web, console } = await start();
  const live = async (): Promise<boolean> => (await fetch(`http://127.0.0.1:${console}/health/live`)).ok;
  const servers: Server[] = [];
  const onSocket = (message: unknown): unknown =>
    servers.push((message as { socket: { server: Server } }).socket.server);
  subscribe('net.server.socket', onSocket);
  try {
    expect([await countBy('dimse', ward), await countBy('dicomweb', web), await live()]).toEqual([6, 6, true]);
  } finally {
    unsubscribe('net.server.socket', onSocket);
  }
  const error = Object.assign(new Error('accept ENOBUFS'), { code: 'ENOBUFS' });
  for (const server of new Set(servers)) server.emit('error', error);
  expect(lines.filter(({ message }) => message === 'listener error')).toMatchObject([
    { listener: 'ward', code: 'ENOBUFS' },
    { listener: 'web', code: 'ENOBUFS' },
    { listener: 'console', code: 'ENOBUFS' },
  ]);
  expect([await countBy('dimse', ward), await countBy('dicomweb', web), await live()]).toEqual([6, 6, true]);
});
