/** Who may ask a web listener, how much one peer may, and how much it holds for all of them, over real sockets. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { attribute, createDataSet, dataSetOf } from '../../../src/dataset/model.ts';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { Authenticator } from '../../../src/identity/authenticator.ts';
import { hashSecret } from '../../../src/identity/secret-hash.ts';
import { call } from '../../support/http-client.ts';
import type { HttpReply } from '../../support/http-client.ts';
import { LISTENER_OPTIONS, MPPS_UID, startMppsListener } from '../../support/http-listener.ts';
import type { MppsScript, StartedListener } from '../../support/http-listener.ts';

const RESOURCE = `/dicomweb/modality-performed-procedure-steps/${MPPS_UID}`;
const JSON_TYPE = { 'Content-Type': 'application/dicom+json' };
/** No token comes back while a test runs. */
const SLOW = 1e-6;

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(
  options: Partial<DicomwebListenerOptions>,
  script: MppsScript = () => createDataSet(),
): Promise<StartedListener> {
  const listener = await startMppsListener(script, options);
  closers.push(listener.close);
  return listener;
}

const get = (port: number, headers: Record<string, string> = {}): Promise<HttpReply> =>
  call(port, RESOURCE, { headers });

async function becomes(state: () => boolean): Promise<void> {
  const deadline = performance.now() + 3_000;
  while (!state() && performance.now() < deadline) await new Promise(setImmediate);
  expect(state()).toBe(true);
}

describe('who may ask', () => {
  test.each([
    ['an address outside of the list', { addresses: ['192.0.2.0/24'] }, 403],
    ['an address outside, where nobody shall learn what there is', { addresses: ['::1'], refusal: 404 as const }, 404],
    ['a client without certificate, where a list wants one', { certificates: ['CN=ct1'] }, 403],
    ['an address in the list', { addresses: ['127.0.0.0/8'] }, 200],
  ])('%s', async (_who, options, status) => {
    const { port, calls } = await start(options);
    expect((await get(port)).status).toBe(status);
    expect((await call(port, '/nothing/here')).status).toBe(status === 200 ? 404 : status);
    expect(calls).toHaveLength(status === 200 ? 1 : 0);
  });

  test('is told in the log once a minute, however often somebody asks', async () => {
    const { port, lines } = await start({ addresses: ['192.0.2.0/24'] });
    for (let i = 0; i < 20; i++) await get(port);
    expect(lines.filter(({ message }) => message === 'request refused')).toHaveLength(1);
  });

  test('a bad list changes nothing at a reload', async () => {
    const { port, listener } = await start({});
    expect(() => listener.update({ ...LISTENER_OPTIONS, addresses: ['ward'] })).toThrow();
    expect((await get(port)).status).toBe(200);
  });
});

describe('requests of one peer', () => {
  test('beyond the rate are 429 with Retry-After (RFC 6585 4), and reach nobody; another address is served', async () => {
    const { port, calls } = await start({ limits: { requestsPerSecond: 0.5, burst: 2 } });
    expect((await get(port)).status).toBe(200);
    expect((await get(port)).status).toBe(200);
    const refused = await get(port, { Accept: 'application/json' });
    expect([refused.status, Number(refused.headers['retry-after'])]).toEqual([429, expect.any(Number)]);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(JSON.parse(refused.body.toString())).toMatchObject({ code: 'OUT_OF_RESOURCES', error: 'Too many requests' });
    expect((await call(port, RESOURCE, { localAddress: '127.0.0.2' })).status).toBe(200);
    expect(calls).toHaveLength(3);
  });

  test('count whatever they ask for, paths that lead nowhere too', async () => {
    const { port } = await start({ limits: { requestsPerSecond: SLOW, burst: 1 } });
    expect((await call(port, '/nothing/here')).status).toBe(404);
    expect((await get(port)).status).toBe(429);
  });

  test('at a time as many are worked on as allowed; one that ends makes room', async () => {
    const go = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { port } = await start({ limits: { concurrentRequests: 1 } }, async () => {
      begun.resolve();
      await go.promise;
      return createDataSet();
    });
    const first = get(port);
    await begun.promise;
    expect((await get(port)).status).toBe(429);
    go.resolve();
    expect((await first).status).toBe(200);
    expect((await get(port)).status).toBe(200);
  });

  test('who has proved who he is has his own, whatever his address; one who has not spends what the address has', async () => {
    const secrets = ['key-of-ct1-9d27f1c0', 'key-of-ct2-5b8e3a64'];
    const [one, two] = await Promise.all(secrets.map((secret) => hashSecret(secret, 'sha256')));
    const authenticator = Authenticator.create({
      required: true,
      certificates: false,
      apiKeys: [
        { subject: 'ct1', hash: one as string, scopes: [] },
        { subject: 'ct2', hash: two as string, scopes: [] },
      ],
    });
    closers.push(() => authenticator.close());
    const { port } = await start({ authenticator, limits: { requestsPerSecond: SLOW, burst: 2 } });
    const as = (key: string): Promise<HttpReply> => get(port, { 'X-API-Key': key });
    const statuses = [];
    for (const key of [secrets[0], secrets[0], secrets[0], secrets[1]]) statuses.push((await as(key as string)).status);
    expect(statuses).toEqual([200, 200, 429, 200]);
    const guesses = [];
    for (let i = 0; i < 4; i++) guesses.push((await as(`guess-number-${i}-of-many`)).status);
    expect([guesses.slice(0, 2).includes(429), guesses.slice(2)]).toEqual([false, [429, 429]]);
  });
});

test('a login that is called like an address takes nothing of what that address has', async () => {
  const secret = 'key-of-an-odd-one-1c9d';
  const apiKeys = [{ subject: '127.0.0.1', hash: await hashSecret(secret, 'sha256'), scopes: [] }];
  const authenticator = Authenticator.create({ required: false, certificates: false, apiKeys });
  closers.push(() => authenticator.close());
  const { port } = await start({ authenticator, limits: { requestsPerSecond: SLOW, burst: 1 } });
  expect((await get(port, { 'X-API-Key': secret })).status).toBe(200);
  expect((await get(port)).status).toBe(200);
  expect((await get(port)).status).toBe(429);
});

describe('connections', () => {
  async function idle(port: number, localAddress: string, bytes = ''): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', localAddress });
    closers.push(() => void socket.destroy());
    socket.on('error', () => undefined).resume();
    await once(socket, 'connect');
    socket.write(bytes);
    return socket;
  }

  test('those of an address that says nothing do not shut out another', async () => {
    const { port, listener, lines } = await start({ maximumConnections: 10 });
    for (let i = 0; i < 10; i++) await idle(port, '127.0.0.2');
    const eleventh = await idle(port, '127.0.0.2');
    await once(eleventh, 'close');
    expect((await get(port)).status).toBe(200);
    expect(listener.counts.connections).toBeLessThanOrEqual(10);
    expect(lines.filter(({ message }) => message.startsWith('connection refused'))).toHaveLength(1);
  });

  test('an address that sends what is no HTTP is not heard for a while; others are', async () => {
    const { port } = await start({ limits: { requestsPerSecond: SLOW, burst: 3 } });
    for (let i = 0; i < 3; i++) await once(await idle(port, '127.0.0.2', 'no HTTP\r\n\r\n'), 'close');
    await expect(call(port, RESOURCE, { localAddress: '127.0.0.2' })).rejects.toThrow();
    expect((await get(port)).status).toBe(200);
  });
});

describe('bytes of all requests', () => {
  const LARGE = 400_000;
  /** Room for one large body and its data set, or three such bodies. */
  const OPTIONS = { maximumBodyBytes: LARGE, maximumHeldBytes: 1_100_000, bodyTimeoutMs: 4_000 };
  const mpps = (filler: number): string =>
    JSON.stringify({
      '00400252': { vr: 'CS', Value: ['IN PROGRESS'] },
      '00400280': { vr: 'ST', Value: ['x'.repeat(filler)] },
    });

  /** Bodies that are there but for their last byte. */
  async function holdBodies(started: StartedListener, count: number): Promise<Socket[]> {
    const sockets: Socket[] = [];
    for (let i = 1; i <= count; i++) sockets.push(await holdBody(started, i));
    return sockets;
  }

  async function holdBody({ port, listener }: StartedListener, nth: number): Promise<Socket> {
    const socket = connect(port, '127.0.0.1');
    closers.push(() => void socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const head = `POST ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Type: application/dicom+json\r\nContent-Length: ${LARGE}\r\n\r\n`;
    socket.write(head + ' '.repeat(LARGE - 1));
    await becomes(() => listener.counts.heldBytes > (nth - 0.5) * (LARGE - 65_536));
    return socket;
  }

  const post = (port: number, body: string | Buffer, headers: Record<string, string> = {}): Promise<HttpReply> =>
    call(port, RESOURCE, { method: 'POST', body, headers: { ...JSON_TYPE, ...headers } });

  test('a body for which others hold the memory is 503 with Retry-After, a small one is served; every byte comes back', async () => {
    const listener = await start(OPTIONS, () => undefined);
    const { port } = listener;
    const [holder] = await holdBodies(listener, 1);
    const refused = await post(port, mpps(LARGE - 1_000));
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '10']);
    expect((await post(port, mpps(10_000))).status).toBe(201);
    holder?.destroy();
    await becomes(() => listener.listener.counts.heldBytes === 0);
    expect((await post(port, mpps(LARGE - 1_000))).status).toBe(201);
    expect(listener.listener.counts.heldBytes).toBe(0);
  });

  const varied = Array.from({ length: 50_000 }, (_value, i) => i % 1_500).join(' ');

  test('what a content coding makes of a body counts too', async () => {
    const listener = await start(OPTIONS, () => undefined);
    const holders = await holdBodies(listener, 2);
    const bytes = gzipSync(mpps(0).replace('""', JSON.stringify(varied)));
    expect(bytes.length).toBeLessThan(60_000);
    expect((await post(listener.port, bytes, { 'Content-Encoding': 'gzip' })).status).toBe(503);
    for (const holder of holders) holder.destroy();
    await becomes(() => listener.listener.counts.heldBytes === 0);
    expect((await post(listener.port, bytes, { 'Content-Encoding': 'gzip' })).status).toBe(201);
  });

  test.each([
    ['gzip', gzipSync],
    ['br', brotliCompressSync],
  ])('a body that grows more by %s than any honest one is 413, within its limit too', async (coding, compress) => {
    const { port, calls } = await start(OPTIONS, () => undefined);
    expect((await post(port, compress(mpps(300_000)), { 'Content-Encoding': coding })).status).toBe(413);
    expect((await post(port, compress(mpps(60_000)), { 'Content-Encoding': coding })).status).toBe(201);
    expect(calls).toHaveLength(1);
  });

  test('a data set counts as what it takes, not as its text: many small items are much', async () => {
    const { port } = await start({ ...OPTIONS, maximumHeldBytes: 5_000_000 }, () => undefined);
    const sequence = (count: number): string =>
      `{"00400270":{"vr":"SQ","Value":[${Array(count).fill('{}').join(',')}]}}`;
    expect((await post(port, mpps(120_000))).status).toBe(201);
    expect((await post(port, sequence(40_000))).status).toBe(503);
    expect((await post(port, sequence(4_000))).status).toBe(201);
  });

  test('an answer counts until its client has taken it', async () => {
    const answer = dataSetOf({ '00400280': attribute('ST', 'x'.repeat(300_000)) });
    const listener = await start(OPTIONS, () => answer);
    const holders = await holdBodies(listener, 3);
    expect((await get(listener.port)).status).toBe(503);
    for (const holder of holders) holder.destroy();
    await becomes(() => listener.listener.counts.heldBytes === 0);
    expect((await get(listener.port)).status).toBe(200);
    await becomes(() => listener.listener.counts.heldBytes === 0);
  });
});
