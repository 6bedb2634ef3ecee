/** Notification connections of a web listener over real sockets (PS3.18 8.10, RFC 6455). */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { Authenticator } from '../../../src/identity/authenticator.ts';
import { hashSecret } from '../../../src/identity/secret-hash.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RouteOptions } from '../../../src/services/port.ts';
import { call, exchangeBytes } from '../../support/http-client.ts';
import { LISTENER_OPTIONS } from '../../support/http-listener.ts';
import { serverTls } from '../../support/tls.ts';
import { AUDIENCE, createKey, ISSUER, sign, TokenIssuer } from '../../support/token-issuer.ts';
import { startWorkitemListener, stateReport, subscriberAt } from '../../support/workitem-listener.ts';
import type { Subscriber, WorkitemListener, WorkitemScript } from '../../support/workitem-listener.ts';

const PATH = '/dicomweb/ws/subscribers/WATCHER';
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const FIELDS = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': KEY,
};

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function start(
  options?: Partial<DicomwebListenerOptions>,
  script?: WorkitemScript,
  route?: Partial<RouteOptions>,
): Promise<WorkitemListener> {
  const started = await startWorkitemListener(script, options, ['workitems'], route);
  closing.push(started.close);
  return started;
}

async function subscribe(port: number, target = PATH, options: WebSocket.ClientOptions = {}): Promise<Subscriber> {
  const subscriber = await subscriberAt(port, target, options);
  closing.push(() => subscriber.socket.terminate());
  return subscriber;
}

type Opened = WorkitemListener['channels'][number];

async function opened(
  options?: Partial<DicomwebListenerOptions>,
  client?: WebSocket.ClientOptions,
): Promise<{ listener: WorkitemListener; subscriber: Subscriber; channel: Opened['channel']; entry: Opened }> {
  const listener = await start(options);
  const subscriber = await subscribe(listener.port, PATH, client);
  const entry = listener.channels[0] as Opened;
  return { listener, subscriber, channel: entry.channel, entry };
}

/** A request for WebSocket by node:http, which has no answer of 101 here. */
const handshake = (port: number, target: string, fields: Record<string, string> = {}): ReturnType<typeof call> =>
  call(port, target, { headers: { Host: 'gw', ...FIELDS, ...fields } });

/** The lines of a handshake on a bare socket that is never read from. */
async function deafSubscriber(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  closing.push(() => void socket.destroy());
  socket.on('error', () => undefined).pause();
  await once(socket, 'connect');
  const fields = Object.entries(FIELDS).map(([name, value]) => `${name}: ${value}`);
  socket.write([`GET ${PATH} HTTP/1.1`, 'Host: gw', ...fields, '', ''].join('\r\n'));
  return socket;
}

async function becomes(state: () => boolean): Promise<void> {
  const deadline = performance.now() + 3_000;
  while (!state() && performance.now() < deadline) await new Promise(setImmediate);
  expect(state()).toBe(true);
}

const LOST = { code: 'CONNECTION_LOST', retry: 'safe' };

describe('reports', () => {
  test('a text of one JSON data set each, in their order, to the AE title of the path (PS3.18 8.10.3, C9)', async () => {
    const { listener, subscriber, channel } = await opened();
    expect(listener.calls).toEqual([{ name: 'connect', aeTitle: 'WATCHER' }]);
    expect(listener.contexts[0]?.requester).toEqual({
      ...{ listener: 'web', protocol: 'dicomweb', address: '127.0.0.1', basePath: '/dicomweb' },
    });
    const texts: unknown[] = [];
    subscriber.socket.on('message', (data: Buffer, isBinary) => texts.push([isBinary, data.toString('utf8')]));
    const named = dataSetOf({ '0074100C': attribute('LO', '山田') });
    await Promise.all([channel.send(dataSetOf({ '00741000': attribute('CS', 'CANCELED') })), channel.send(named)]);
    expect(texts).toEqual([
      [false, '{"00741000":{"vr":"CS","Value":["CANCELED"]}}'],
      [false, '{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"0074100C":{"vr":"LO","Value":["山田"]}}'],
    ]);
    expect(listener.listener.counts).toMatchObject({ eventConnections: 1, connections: 1, running: 0, heldBytes: 0 });
  });

  test('one is sent when the one before has arrived, which the answer to a ping says', async () => {
    const { subscriber, channel } = await opened({}, { autoPong: false });
    const arrived: string[] = [];
    const first = channel.send(stateReport(1)).then(() => arrived.push('first'));
    const second = channel.send(stateReport(2)).then(() => arrived.push('second'));
    const [one] = (await once(subscriber.socket, 'ping')) as [Buffer];
    expect([subscriber.reports, arrived]).toEqual([[toJson(stateReport(1))], []]);
    subscriber.socket.pong('something else');
    subscriber.socket.pong(one);
    const [two] = (await once(subscriber.socket, 'ping')) as [Buffer];
    expect([subscriber.reports, arrived]).toEqual([[toJson(stateReport(1)), toJson(stateReport(2))], ['first']]);
    subscriber.socket.pong(two);
    await Promise.all([first, second]);
    expect(arrived).toEqual(['first', 'second']);
  });

  test('what has arrived holds no memory', async () => {
    const { listener, channel } = await opened();
    const large = dataSetOf({ '00741238': attribute('LT', 'x'.repeat(100_000)) });
    for (let i = 0; i < 3; i++) await channel.send(large);
    expect(listener.listener.counts.heldBytes).toBe(0);
  });

  test('one that is sent before the handshake is done goes out after it', async () => {
    const listener = await start();
    const sent = new Promise<void>((resolve) => {
      const poll = (): void => {
        const entry = listener.channels[0];
        if (entry === undefined) setImmediate(poll);
        else resolve(entry.channel.send(stateReport(7)));
      };
      poll();
    });
    const subscriber = await subscribe(listener.port);
    await sent;
    expect(subscriber.reports).toEqual([toJson(stateReport(7))]);
  });
});

describe('the end of a connection', () => {
  test('by the subscriber: the handler is told once, and what was not acknowledged has not arrived', async () => {
    const { listener, subscriber, channel, entry } = await opened({}, { autoPong: false });
    const sent = expect(channel.send(stateReport(1))).rejects.toMatchObject(LOST);
    const queued = expect(channel.send(stateReport(2))).rejects.toMatchObject(LOST);
    await once(subscriber.socket, 'ping');
    subscriber.socket.terminate();
    await Promise.all([sent, queued, entry.ended]);
    await expect(channel.send(stateReport(3))).rejects.toMatchObject(LOST);
    channel.close();
    expect([entry.ends, listener.listener.counts.eventConnections]).toEqual([1, 0]);
    expect(subscriber.reports).toEqual([toJson(stateReport(1))]);
    expect(listener.lines.filter(({ message }) => message === 'event connection ended')).toEqual([
      { level: 'info', message: 'event connection ended', subscriber: 'WATCHER', why: 'the far end closed it' },
    ]);
  });

  test('by the handler: 1000', async () => {
    const { subscriber, channel, entry } = await opened();
    channel.close();
    expect([await subscriber.closed, entry.ends]).toEqual([1000, 1]);
  });

  test('by a reload: 1012, so that every gate is passed anew', async () => {
    const { listener, subscriber, entry } = await opened();
    listener.listener.update({ ...LISTENER_OPTIONS, addresses: ['192.0.2.0/24'] });
    expect([await subscriber.closed, entry.ends]).toEqual([1012, 1]);
    await expect(subscribe(listener.port)).rejects.toThrow('403');
  });

  test('by the end of the listener: 1001; one that does not agree is not waited for', async () => {
    const { listener, subscriber } = await opened();
    await deafSubscriber(listener.port);
    await becomes(() => listener.listener.counts.eventConnections === 2);
    await listener.listener.close(5_000);
    expect(await subscriber.closed).toBe(1001);
    expect(listener.channels.map(({ ends }) => ends)).toEqual([1, 1]);
  });

  test('one that is silent is asked whether it is there, and stays while it answers', async () => {
    const { subscriber, entry } = await opened({ idleTimeoutMs: 10 });
    for (let i = 0; i < 5; i++) await once(subscriber.socket, 'ping');
    expect([subscriber.socket.readyState, entry.ends]).toEqual([subscriber.socket.OPEN, 0]);
  });

  test('one that does not answer is gone after the idle time', async () => {
    const { subscriber, entry, listener } = await opened({ idleTimeoutMs: 20 }, { autoPong: false });
    expect(await subscriber.closed).toBe(1006);
    expect(entry.ends).toBe(1);
    expect(listener.lines).toContainEqual(expect.objectContaining({ why: 'the far end does not read' }));
  });

  test('one that answers only the first of two pings is gone as well', async () => {
    const { subscriber, channel } = await opened({ idleTimeoutMs: 20 }, { autoPong: false });
    const [first] = (await once(subscriber.socket, 'ping')) as [Buffer];
    const sent = expect(channel.send(stateReport(1))).rejects.toMatchObject(LOST);
    await once(subscriber.socket, 'ping');
    subscriber.socket.pong(first);
    expect(await subscriber.closed).toBe(1006);
    await sent;
  });

  test('one that never reads is ended with a report under way, and its memory comes back', async () => {
    const listener = await start({ idleTimeoutMs: 50 });
    await deafSubscriber(listener.port);
    await becomes(() => listener.channels.length === 1);
    const { channel, ended } = listener.channels[0] as Opened;
    const large = dataSetOf({ '00741238': attribute('LT', 'x'.repeat(8_000_000)) });
    const sent = expect(channel.send(large)).rejects.toMatchObject(LOST);
    await becomes(() => listener.listener.counts.heldBytes > 7_000_000);
    await Promise.all([sent, ended]);
    expect(listener.listener.counts).toMatchObject({ heldBytes: 0, eventConnections: 0 });
    await becomes(() => listener.listener.counts.connections === 0);
  });

  test('where others hold the memory: 1013, and the report is kept by who sends it', async () => {
    const { subscriber, channel } = await opened({ maximumHeldBytes: 100_000 });
    const large = dataSetOf({ '00741238': attribute('LT', 'x'.repeat(200_000)) });
    await expect(channel.send(large)).rejects.toMatchObject(LOST);
    expect([await subscriber.closed, subscriber.reports]).toEqual([1013, []]);
  });

  test('one that says what nobody asked for: some signs of life are passed over, many are 1008, long ones 1009', async () => {
    const { subscriber, listener } = await opened();
    for (let i = 0; i < 25; i++) {
      subscriber.socket.send('alive');
      subscriber.socket.ping();
    }
    await listener.channels[0]?.channel.send(stateReport(1));
    for (let i = 0; i < 50; i++) subscriber.socket.send('alive');
    await listener.channels[0]?.channel.send(stateReport(2));
    expect(subscriber.socket.readyState).toBe(subscriber.socket.OPEN);
    for (let i = 0; i <= 50; i++) subscriber.socket.ping();
    expect(await subscriber.closed).toBe(1008);

    const other = await subscribe(listener.port);
    other.socket.send(Buffer.alloc(5_000));
    expect(await other.closed).toBe(1009);
    await listener.channels[1]?.ended;
    expect(listener.channels.map(({ ends }) => ends)).toEqual([1, 1]);
  });
});

describe('the gates are those of every request', () => {
  const KEYED = async (): Promise<Partial<DicomwebListenerOptions>> => ({
    authenticator: Authenticator.create({
      ...{ required: true, certificates: false },
      apiKeys: [{ subject: 'ward', hash: await hashSecret('a-key-of-the-ward', 'sha256'), scopes: ['watch'] }],
    }),
  });
  const WITH_KEY = { headers: { 'X-API-Key': 'a-key-of-the-ward' } };

  async function withToken(): Promise<{ authenticator: Authenticator; client: WebSocket.ClientOptions }> {
    const key = await createKey('key');
    const issuer = await TokenIssuer.start(key);
    const jwt = { issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl };
    const authenticator = Authenticator.create({ required: true, certificates: false, jwt });
    closing.push(
      () => issuer.close(),
      () => authenticator.close(),
    );
    const client = { headers: { Authorization: `Bearer ${await sign(key)}` } };
    return { authenticator, client };
  }

  test('an address that is not in the list: 403', async () => {
    const { port, calls } = await start({ addresses: ['192.0.2.0/24'] });
    await expect(subscribe(port)).rejects.toThrow('403');
    expect(calls).toEqual([]);
  });

  test('who does not say who it is: 401 with a challenge; who does is known to the handler', async () => {
    const { port, calls, contexts } = await start(await KEYED());
    const { status, headers } = await handshake(port, PATH);
    expect([status, headers['www-authenticate'], headers.connection, calls]).toEqual([
      ...[401, expect.any(String), 'close', []],
    ]);
    await subscribe(port, PATH, WITH_KEY);
    expect(contexts[0]?.requester).toMatchObject({ subject: 'ward', scopes: ['watch'] });
  });

  test('a token that expires ends the connection with 1008, and what it is not told is kept', async () => {
    const { authenticator, client } = await withToken();
    const { subscriber, channel, entry } = await opened({ authenticator }, client);
    await channel.send(stateReport(1));
    const clock = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + 331_000);
    try {
      await expect(channel.send(stateReport(2))).rejects.toMatchObject(LOST);
      expect([await subscriber.closed, subscriber.reports, entry.ends]).toEqual([1008, [toJson(stateReport(1))], 1]);
    } finally {
      clock.mockRestore();
    }
  });

  test('a token that expires while nothing happens ends the connection at the next sign of life', async () => {
    const expired = Date.now() + 331_000;
    const { authenticator, client } = await withToken();
    const { subscriber } = await opened({ authenticator, idleTimeoutMs: 50 }, client);
    const clock = jest.spyOn(Date, 'now').mockReturnValue(expired);
    try {
      expect(await subscriber.closed).toBe(1008);
    } finally {
      clock.mockRestore();
    }
  });

  test('a scope that is missing: 403', async () => {
    const { port, refusals } = await start(await KEYED(), {}, { scopes: ['workitems'] });
    await expect(subscribe(port, PATH, WITH_KEY)).rejects.toThrow('403');
    expect(refusals.map(({ operation, failure }) => [operation, failure.code])).toEqual([
      ['openChannel', 'NOT_AUTHORIZED'],
    ]);
  });

  test('too many requests of one peer: 429', async () => {
    const { port } = await start({ limits: { requestsPerSecond: 1e-6, burst: 1 } });
    await subscribe(port);
    await expect(subscribe(port)).rejects.toThrow('429');
  });

  test('a connection is no request that runs: requests of its peer go on', async () => {
    const { port } = await start({ limits: { concurrentRequests: 1 }, maximumRequests: 1 });
    await subscribe(port);
    await subscribe(port);
    expect((await call(port, '/dicomweb/workitems')).status).toBe(204);
  });

  test('more connections than may be: one that listens counts as busy, and an idle one of its address goes', async () => {
    const { listener, subscriber, entry } = await opened({ maximumConnections: 2 });
    const idle = connect(listener.port, '127.0.0.1').on('error', () => undefined);
    const isClosed = once(idle, 'close');
    await becomes(() => listener.listener.counts.connections === 2);
    const reply = await call(listener.port, '/dicomweb/workitems', { localAddress: '127.0.0.2' });
    await isClosed;
    expect([reply.status, subscriber.socket.readyState, entry.ends]).toEqual([204, subscriber.socket.OPEN, 0]);
  });

  test('no route offers workitems: 501; the handler refuses: the status of its failure, and nothing is left', async () => {
    const { port, listener } = await start({}, { on: () => { throw new ServiceFailure('NOT_SUPPORTED'); } });
    const { status, body } = await handshake(port, PATH);
    expect([status, JSON.parse(body.toString())]).toMatchObject([501, { code: 'NOT_SUPPORTED' }]);
    expect(listener.counts.eventConnections).toBe(0);
    const none = await startWorkitemListener({}, {}, []);
    closing.push(none.close);
    await expect(subscribe(none.port)).rejects.toThrow('501');
  }); // prettier-ignore

  test.each([
    ['none', undefined, undefined, 101],
    ['of our own host', 'http://gw', undefined, 101],
    ['of our own host behind TLS of a proxy', 'https://gw', undefined, 101],
    ['of another host', 'https://elsewhere.example', undefined, 403],
    ['of another port', 'http://gw:8443', undefined, 403],
    ['hidden', 'null', undefined, 403],
    ['that is allowed', 'https://viewer.example', ['https://viewer.example'], 101],
    ['that looks like one that is', 'https://viewer.example.elsewhere', ['https://viewer.example'], 403],
    ['of any kind', 'https://elsewhere.example', ['*'], 101],
  ])('an origin %s (RFC 6455 10.2)', async (_what, origin, origins, status) => {
    const { port, calls } = await start({ ...(origins !== undefined && { origins }) });
    const headers = { Host: 'gw', ...(origin !== undefined && { Origin: origin }) };
    if (status === 101) await subscribe(port, PATH, { headers });
    else await expect(subscribe(port, PATH, { headers })).rejects.toThrow(String(status));
    expect(calls).toHaveLength(status === 101 ? 1 : 0);
  });
});

describe('the handshake (RFC 6455 4.2)', () => {
  test('a request that is none: 426 with Upgrade', async () => {
    const { port } = await start();
    const { status, headers } = await call(port, PATH);
    expect([status, headers.upgrade, headers.connection]).toEqual([426, 'websocket', 'Upgrade']);
  });

  test.each([
    ['another version', { 'Sec-WebSocket-Version': '12' }, 426],
    ['no key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a key that is none', { 'Sec-WebSocket-Key': 'short' }, 400],
    ['subprotocols that are none', { 'Sec-WebSocket-Protocol': 'a b' }, 400],
  ])('refuses %s, and closes', async (_what, fields, status) => {
    const { port, calls } = await start();
    const reply = await handshake(port, PATH, fields);
    expect([reply.status, reply.headers.connection, calls]).toEqual([status, 'close', []]);
    if (_what === 'another version') expect(reply.headers['sec-websocket-version']).toBe('13');
  });

  test('a title that is none: 400; another path: 404; another resource: its answer', async () => {
    const { port } = await start();
    expect((await handshake(port, '/dicomweb/ws/subscribers/much-too-long-a-title')).status).toBe(400);
    expect((await handshake(port, '/dicomweb/ws')).status).toBe(404);
    expect((await handshake(port, '/dicomweb/workitems')).status).toBe(204);
  });

  test('another protocol to go on with is not taken, and the request is answered (RFC 9110 7.8)', async () => {
    const { port } = await start();
    const fields = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' };
    const { status, headers } = await call(port, '/dicomweb/workitems', { headers: fields });
    expect([status, headers.upgrade]).toEqual([204, undefined]);
    const typed = { ...fields, 'Content-Type': 'application/dicom+json' };
    expect((await call(port, '/dicomweb/workitems?1.2.3', { method: 'POST', headers: typed, body: '{}' })).status).toBe(
      201,
    );
  });

  test('a subprotocol that is asked for is confirmed, compression is not', async () => {
    const { port } = await start();
    const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}`, ['dicom', 'other'], { perMessageDeflate: true });
    closing.push(() => socket.terminate());
    await once(socket, 'open');
    expect([socket.protocol, socket.extensions]).toEqual(['dicom', '']);
  });

  test('by TLS', async () => {
    const { tls } = await serverTls();
    closing.push(() => tls.close());
    const { port, channels } = await start({ tls });
    const socket = new WebSocket(`wss://127.0.0.1:${port}${PATH}`, { rejectUnauthorized: false });
    closing.push(() => socket.terminate());
    const report = once(socket, 'message') as Promise<[Buffer]>;
    await once(socket, 'open');
    await channels[0]?.channel.send(stateReport(1));
    expect(String((await report)[0])).toBe(toJson(stateReport(1)));
  });

  test('behind a request whose answer is under way the connection is closed', async () => {
    const release = Promise.withResolvers<void>();
    const { port, calls } = await start({}, { on: () => release.promise });
    const fields = Object.entries(FIELDS).map(([name, value]) => `${name}: ${value}\r\n`);
    const answer = exchangeBytes(
      port,
      `GET /dicomweb/workitems HTTP/1.1\r\nHost: gw\r\n\r\nGET ${PATH} HTTP/1.1\r\nHost: gw\r\n${fields.join('')}\r\n`,
    );
    expect(await answer).toBe('');
    release.resolve();
    expect(calls).toEqual([expect.objectContaining({ name: 'search' })]);
  });
});
