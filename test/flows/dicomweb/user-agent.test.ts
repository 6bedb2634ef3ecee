import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { USER_AGENT_DEFAULTS, UserAgent } from '../../../src/dicomweb/user-agent.ts';
import type { HttpAnswer, UserAgentOptions } from '../../../src/dicomweb/user-agent.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { SELF_SIGNED } from '../../support/self-signed.ts';
import { StubOriginServer } from '../../support/stub-origin-server.ts';
import type { StubScript } from '../../support/stub-origin-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function stubWith(script: StubScript): Promise<StubOriginServer> {
  const stub = await StubOriginServer.start(script);
  closing.push(() => stub.close());
  return stub;
}

function agentWith(options: Partial<UserAgentOptions> = {}): UserAgent {
  const agent = new UserAgent({ ...USER_AGENT_DEFAULTS, ...options });
  closing.push(() => agent.close());
  return agent;
}

const never = (): AbortSignal => new AbortController().signal;

async function get(agent: UserAgent, url: string, signal = never()): Promise<HttpAnswer> {
  return agent.send({ method: 'GET', url: new URL(url), signal });
}

async function read(answer: HttpAnswer): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of answer.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** The failure of getting and reading a resource. */
async function failureOf(agent: UserAgent, url: string, signal = never()): Promise<ServiceFailure> {
  const error: unknown = await get(agent, url, signal)
    .then(read)
    .catch((reason: unknown) => reason);
  if (error instanceof ServiceFailure) return error;
  throw new Error(`no ServiceFailure: ${String(error)}`);
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

describe('network failures (status-mapping 2.2)', () => {
  test('a refused connection is UPSTREAM_UNREACHABLE and safe to repeat', async () => {
    const failure = await failureOf(agentWith(), `http://127.0.0.1:${await freePort()}/`);
    expect([failure.code, failure.retry]).toEqual(['UPSTREAM_UNREACHABLE', 'safe']);
  });

  test('a name that does not resolve is UPSTREAM_UNREACHABLE', async () => {
    const failure = await failureOf(agentWith(), 'http://origin-server.invalid/');
    expect([failure.code, failure.retry]).toEqual(['UPSTREAM_UNREACHABLE', 'safe']);
  });

  test('an untrusted certificate is UPSTREAM_UNTRUSTED and not worth repeating', async () => {
    const stub = await StubOriginServer.start(() => ({ status: 204 }), SELF_SIGNED);
    closing.push(() => stub.close());
    const failure = await failureOf(agentWith(), `https://127.0.0.1:${stub.port}/`);
    expect([failure.code, failure.retry]).toEqual(['UPSTREAM_UNTRUSTED', 'permanent']);
  });

  test('no head of the answer in time is UPSTREAM_TIMEOUT', async () => {
    const stub = await stubWith(() => ({ raw: '', then: 'stay' }));
    expect((await failureOf(agentWith({ responseTimeoutMs: 60 }), stub.baseUrl)).code).toBe('UPSTREAM_TIMEOUT');
  });

  test('a body that stops coming is UPSTREAM_TIMEOUT', async () => {
    const stub = await stubWith(() => ({ raw: 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[{', then: 'stay' }));
    expect((await failureOf(agentWith({ bodyTimeoutMs: 60 }), stub.baseUrl)).code).toBe('UPSTREAM_TIMEOUT');
  });

  test.each([
    ['closed before any answer', '', 'end'],
    ['reset before any answer', '', 'reset'],
    ['closed inside the head of the answer', 'HTTP/1.1 200 OK\r\nContent-', 'end'],
  ] as const)('a connection %s is CONNECTION_LOST', async (_how, raw, then) => {
    const stub = await stubWith(() => ({ raw, then }));
    expect((await failureOf(agentWith(), stub.baseUrl)).code).toBe('CONNECTION_LOST');
  });

  test.each([
    ['a body shorter than Content-Length', 'Content-Length: 100\r\n\r\n[]', 'end'],
    ['a connection reset inside the body', 'Content-Length: 100\r\n\r\n[]', 'reset'],
    ['chunks without their end', 'Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n', 'end'],
    ['a chunk size that is none', 'Transfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n', 'end'],
  ] as const)('%s is ANSWER_TRUNCATED', async (_what, rest, then) => {
    const stub = await stubWith(() => ({ raw: `HTTP/1.1 200 OK\r\n${rest}`, then }));
    expect((await failureOf(agentWith(), stub.baseUrl)).code).toBe('ANSWER_TRUNCATED');
  });

  test('what is no HTTP is UPSTREAM_PROTOCOL_ERROR', async () => {
    const stub = await stubWith(() => ({ raw: 'SSH-2.0-OpenSSH_9.2\r\n' }));
    expect((await failureOf(agentWith(), stub.baseUrl)).code).toBe('UPSTREAM_PROTOCOL_ERROR');
  });

  test('the reason of the caller wins over what it causes on the socket', async () => {
    const stub = await stubWith(() => ({ raw: '', then: 'stay' }));
    const controller = new AbortController();
    const failure = failureOf(agentWith(), stub.baseUrl, controller.signal);
    controller.abort(new ServiceFailure('SHUTTING_DOWN'));
    expect((await failure).code).toBe('SHUTTING_DOWN');
  });

  test('a request given up by its caller is CANCELED and its connection closed', async () => {
    let asked = (): void => {};
    const arrived = new Promise<void>((resolve) => (asked = resolve));
    const stub = await stubWith(() => {
      asked();
      return { raw: 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[', then: 'stay' };
    });
    const controller = new AbortController();
    const failure = failureOf(agentWith(), stub.baseUrl, controller.signal);
    await arrived;
    controller.abort();
    expect((await failure).code).toBe('CANCELED');
  });

  test('a request that waits for a connection ends with its caller too, and is never sent', async () => {
    const stub = await stubWith(() => ({ raw: '', then: 'stay' }));
    const agent = agentWith({ maximumConnections: 1 });
    const [busy, waiting] = [new AbortController(), new AbortController()];
    const first = failureOf(agent, stub.baseUrl, busy.signal);
    const second = failureOf(agent, stub.baseUrl, waiting.signal);
    waiting.abort();
    expect((await second).code).toBe('CANCELED');
    busy.abort();
    await first;
    expect([agent.running, stub.requests.length <= 1]).toEqual([0, true]);
  });

  test('more waiting requests than allowed fail at once with OUT_OF_RESOURCES', async () => {
    const stub = await stubWith(() => ({ raw: '', then: 'stay' }));
    const agent = agentWith({ maximumConnections: 1, maximumWaiting: 0 });
    const controller = new AbortController();
    const first = failureOf(agent, stub.baseUrl, controller.signal);
    expect((await failureOf(agent, stub.baseUrl)).code).toBe('OUT_OF_RESOURCES');
    controller.abort();
    await first;
    expect(agent.running).toBe(0);
  });

  test('a kept connection that the far end closed meanwhile costs one fresh try, no failure', async () => {
    const stub = await stubWith((_request, index) =>
      index === 1 ? { raw: '', then: 'end' } : { headers: { 'Content-Type': 'text/plain' }, body: String(index) },
    );
    const agent = agentWith();
    expect(await read(await get(agent, stub.baseUrl))).toBe('0');
    expect(await read(await get(agent, stub.baseUrl))).toBe('2');
  });
});

describe('content codings', () => {
  const text = 'worklist '.repeat(5_000);

  test.each([
    ['gzip', gzipSync(text)],
    ['x-gzip', gzipSync(text)],
    ['deflate', deflateSync(text)],
    ['deflate', deflateRawSync(text)],
    ['br', brotliCompressSync(text)],
    ['identity', Buffer.from(text)],
    ['gzip, br', brotliCompressSync(gzipSync(text))],
  ])('%s is undone', async (coding, body) => {
    const stub = await stubWith(() => ({ headers: { 'Content-Encoding': coding }, body }));
    expect(await read(await get(agentWith(), stub.baseUrl))).toBe(text);
  });

  test('an answer without body needs no content coding', async () => {
    const stub = await stubWith(() => ({ status: 204, headers: { 'Content-Encoding': 'gzip' } }));
    expect(await read(await get(agentWith(), stub.baseUrl))).toBe('');
  });

  test.each([
    ['cut short', gzipSync(text).subarray(0, 60), 'gzip', 'ANSWER_TRUNCATED'],
    ['cut short', brotliCompressSync(text).subarray(0, 12), 'br', 'ANSWER_TRUNCATED'],
    ['garbage', Buffer.from('no gzip at all'), 'gzip', 'ANSWER_UNREADABLE'],
    ['garbage', Buffer.from('\u00ff\u00ff no brotli at all', 'latin1'), 'br', 'ANSWER_UNREADABLE'],
    ['unknown', Buffer.from('x'), 'compress', 'ANSWER_UNREADABLE'],
  ])('a body that is %s (%#)', async (_what, body, coding, code) => {
    const stub = await stubWith(() => ({ headers: { 'Content-Encoding': coding }, body }));
    expect((await failureOf(agentWith(), stub.baseUrl)).code).toBe(code);
  });

  test('a broken connection below a content coding is ANSWER_TRUNCATED', async () => {
    const body = gzipSync(text);
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`;
    const stub = await stubWith(() => ({
      raw: Buffer.concat([Buffer.from(head), body.subarray(0, -20)]),
      then: 'reset',
    }));
    expect((await failureOf(agentWith(), stub.baseUrl)).code).toBe('ANSWER_TRUNCATED');
  });

  test('a decompression bomb ends at the size limit', async () => {
    const stub = await stubWith(() => ({
      headers: { 'Content-Encoding': 'gzip' },
      body: gzipSync(Buffer.alloc(20_000_000)),
    }));
    const failure = await failureOf(agentWith({ maximumAnswerBytes: 1_000_000 }), stub.baseUrl);
    expect([failure.code, failure.retry]).toEqual(['TOO_MANY_RESULTS', 'permanent']);
  });

  test('an answer larger than the size limit is TOO_MANY_RESULTS', async () => {
    const stub = await stubWith(() => ({ body: Buffer.alloc(200_000) }));
    expect((await failureOf(agentWith({ maximumAnswerBytes: 100_000 }), stub.baseUrl)).code).toBe('TOO_MANY_RESULTS');
  });
});

describe('redirects (status-mapping 2.2)', () => {
  test.each([301, 302, 303, 307, 308])('%i within the origin is followed, with our headers', async (status) => {
    const stub = await stubWith((request) =>
      request.path === '/dicomweb' ? { status, headers: { Location: '/moved?x=1' } } : { body: 'here' },
    );
    const answer = await get(agentWith({ headers: { authorization: 'Bearer t' } }), stub.baseUrl);
    expect(await read(answer)).toBe('here');
    expect(stub.requests[1]).toMatchObject({ path: '/moved', query: 'x=1', headers: { authorization: 'Bearer t' } });
  });

  test('another origin is followed only when it is listed, and never gets our headers', async () => {
    const target = await stubWith(() => ({ body: 'there' }));
    const stub = await stubWith(() => ({ status: 302, headers: { Location: target.baseUrl } }));
    const headers = { authorization: 'Bearer t' };
    expect((await get(agentWith({ headers }), stub.baseUrl)).status).toBe(302);
    expect(target.requests).toHaveLength(0);
    const listed = agentWith({ headers, redirectHosts: [`127.0.0.1:${target.port}`] });
    expect(await read(await get(listed, stub.baseUrl))).toBe('there');
    expect(target.requests[0]?.headers.authorization).toBeUndefined();
  });

  test('a circle ends after five redirects', async () => {
    const stub = await stubWith(() => ({ status: 302, headers: { Location: '/again' } }));
    expect((await get(agentWith(), stub.baseUrl)).status).toBe(302);
    expect(stub.requests).toHaveLength(6);
  });

  test('a redirect to no address is an answer like any other', async () => {
    const stub = await stubWith(() => ({ status: 302, headers: { Location: 'http://[' } }));
    expect((await get(agentWith(), stub.baseUrl)).status).toBe(302);
  });
});

describe('back-pressure', () => {
  test('a reader that stops stops the socket', async () => {
    const total = 64 * 1024 * 1024;
    const piece = Buffer.alloc(64 * 1024, 'x');
    async function* pieces(): AsyncGenerator<string | Buffer> {
      yield `HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`;
      for (let sent = 0; sent < total; sent += piece.length) yield piece;
    }
    const stub = await stubWith(() => ({ raw: pieces() }));
    const answer = await get(agentWith(), stub.baseUrl);
    const reader = answer.body[Symbol.asyncIterator]();
    await reader.next();
    // The socket buffers of the system fill up; then the number stands still.
    let before = -1;
    for (let same = 0; same < 5;) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      same = stub.bytesSent === before ? same + 1 : 0;
      before = stub.bytesSent;
    }
    expect(before).toBeLessThan(16 * 1024 * 1024);
    let bytes = 0;
    for (let next = await reader.next(); next.done !== true; next = await reader.next()) bytes += next.value.length;
    expect(bytes).toBeGreaterThan(total - 1024 * 1024);
  });
});
