import { afterEach, describe, expect, test } from '@jest/globals';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect as connectTcp } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer } from 'node:tls';
import type { ConnectionOptions, Server, TLSSocket } from 'node:tls';
import { once } from 'node:events';
import { peerCertificateOf } from '../../../src/tls/peer-certificate.ts';
import type { Handshakes, ServerTls } from '../../../src/tls/server-tls.ts';
import type { ClientTlsOptions, ServerTlsOptions } from '../../../src/tls/tls-options.ts';
import { certificateFile, clientTls, filesOf, keyFile, serverTls } from '../../support/tls.ts';
import type { LogLine } from '../../support/requests.ts';

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Listening {
  readonly port: number;
  readonly tls: ServerTls;
  readonly lines: LogLine[];
  readonly handshakes: Handshakes;
  /** Connections that were let in, by what `peerCertificateOf` says of them. */
  readonly seen: (string | undefined)[];
  /** The next line of the log. */
  readonly logged: () => Promise<LogLine>;
}

/** A server that says "hello" and closes. */
async function listen(
  options: Partial<ServerTlsOptions> = {},
  clock?: () => number,
  handshakeMs = 5_000,
): Promise<Listening> {
  const { tls, lines } = await serverTls(options, clock);
  const seen: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server: Server = createServer(tls.apply(handshakeMs), (socket) => {
    seen.push(peerCertificateOf(socket)?.subject);
    socket.on('error', () => undefined);
    socket.end('hello');
  });
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => undefined)));
  const handshakes = tls.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    tls.close();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const logged = async (): Promise<LogLine> => {
    for (const end = Date.now() + 5_000; Date.now() < end; await new Promise(setImmediate)) {
      const line = lines.shift();
      if (line !== undefined) return line;
    }
    throw new Error('nothing was logged');
  };
  return { port, tls, lines, handshakes, seen, logged };
}

/** What the server said, or the code of what went wrong. */
async function said(socket: TLSSocket): Promise<string> {
  let text = '';
  let code = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.on('error', (error: NodeJS.ErrnoException) => (code = error.code ?? error.message));
  await new Promise((resolve) => socket.once('close', resolve));
  return code === '' ? text : code;
}

async function call(
  port: number,
  options: Partial<ClientTlsOptions> = {},
  host = '127.0.0.1',
): Promise<{ said: string; lines: LogLine[] }> {
  const { tls, lines } = await clientTls(options);
  ends.push(() => tls.close());
  return { said: await said(tls.connect({ host, port })), lines };
}

function callPlainly(port: number, options: ConnectionOptions): Promise<string> {
  return said(connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }));
}

describe('a connection of TLS', () => {
  test.each(['127.0.0.1', 'localhost'])('is made to %s, whose name the certificate has (RFC 9525)', async (host) => {
    const { port } = await listen();
    expect(await call(port, {}, host)).toEqual({ said: 'hello', lines: [] });
  });

  test.each([
    ['expired', {}, 'CERT_HAS_EXPIRED', 'its certificate has expired', 'CN=expired,O=Hospital'],
    [
      'elsewhere',
      {},
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'its certificate is for another name',
      'CN=pacs.example,O=Hospital',
    ],
    [
      'server-ec',
      { authorities: [certificateFile('other-ca')] },
      'SELF_SIGNED_CERT_IN_CHAIN',
      'no authority of ours has signed its certificate',
      'CN=localhost,O=Hospital',
    ],
  ] as const)(
    'is refused to a server with %s and %j; the log names the certificate',
    async (name, options, code, why, certificate) => {
      const { port } = await listen(filesOf(name));
      const { said: answer, lines } = await call(port, options);
      expect(answer).toBe(code);
      expect(lines).toEqual([
        {
          level: 'warn',
          message: 'TLS connection to the far end failed',
          owner: 'upstreams.pacs',
          host: '127.0.0.1',
          code,
          certificate,
          why,
          fix: expect.any(String),
        },
      ]);
    },
  );

  test('is made to a server of another name where the configuration gives it', async () => {
    const { port } = await listen(filesOf('elsewhere'));
    expect(await call(port, { serverName: 'pacs.example' })).toEqual({ said: 'hello', lines: [] });
  });

  test.each([
    ['weak-rsa', 'bcp195-rfc9325'],
    ['weak-rsa', 'bcp195-rfc9325-modified'],
    ['weak-sha1', 'bcp195-rfc9325-modified'],
  ] as const)('is refused to a server with %s by %s (PS3.15 B.13)', async (name, profile) => {
    const { port } = await listen({ ...filesOf(name), profile: 'legacy' });
    const { said: answer, lines } = await call(port, { profile });
    expect(answer).not.toBe('hello');
    expect(lines).toEqual([expect.objectContaining({ why: 'its certificate is too weak for the profile' })]);
  });
});

describe('certificates of clients', () => {
  test('are not asked for unless the listener does', async () => {
    const { port, seen } = await listen();
    expect((await call(port, filesOf('client'))).said).toBe('hello');
    expect(seen).toEqual([undefined]);
  });

  test.each(['request', 'require'] as const)('%s: one that was checked tells who it is', async (clientCertificates) => {
    const { port, seen } = await listen({ clientCertificates });
    expect((await call(port, filesOf('client'))).said).toBe('hello');
    expect(seen).toEqual(['CN=ct1,O=Hospital,C=DE']);
  });

  test('request: none may be shown', async () => {
    const { port, seen } = await listen({ clientCertificates: 'request' });
    expect((await call(port)).said).toBe('hello');
    expect(seen).toEqual([undefined]);
  });

  test('require: without one nothing is heard', async () => {
    const { port, seen, logged } = await listen({ clientCertificates: 'require' });
    expect((await call(port)).said).not.toBe('hello');
    expect(await logged()).toEqual({
      level: 'warn',
      message: 'TLS connection of a peer refused',
      owner: 'listeners.ward',
      address: '127.0.0.1',
      code: 'NO_CERTIFICATE',
      why: 'it has shown no certificate',
      fix: expect.any(String),
    });
    expect(seen).toEqual([]);
  });

  test.each(['request', 'require'] as const)(
    '%s: one that is not good lets nobody in; the log names it',
    async (clientCertificates) => {
      const { port, seen, logged } = await listen({ clientCertificates });
      expect((await call(port, filesOf('expired'))).said).not.toBe('hello');
      expect(await logged()).toMatchObject({ code: 'CERT_HAS_EXPIRED', certificate: 'CN=expired,O=Hospital' });
      const other = { certificate: certificateFile('other-ca'), key: keyFile('other-ca') };
      expect((await call(port, { ...filesOf('client'), ...other })).said).not.toBe('hello');
      expect(await logged()).toMatchObject({
        why: 'no authority of ours has signed its certificate',
        certificate: 'CN=Other CA,O=Elsewhere',
      });
      expect(seen).toEqual([]);
    },
  );

  test('that are too weak are refused (PS3.15 B.13)', async () => {
    const { port, seen, logged } = await listen({ clientCertificates: 'require', profile: 'bcp195-rfc9325-modified' });
    expect((await call(port, { ...filesOf('weak-rsa'), profile: 'legacy' })).said).not.toBe('hello');
    expect(await logged()).toMatchObject({ certificate: 'CN=weak,O=Hospital' });
    expect(seen).toEqual([]);
  });
});

test('a connection ends when the authority of its certificate is trusted no more; others go on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-tls-'));
  ends.push(() => rm(folder, { recursive: true }));
  const file = join(folder, 'authorities.crt');
  const [own, other] = await Promise.all([readFile(certificateFile('ca')), readFile(certificateFile('other-ca'))]);
  await writeFile(file, Buffer.concat([own, other]));
  const { tls, lines } = await serverTls({ clientCertificates: 'request', authorities: [file] });
  const server = createServer(tls.apply(), (socket) => socket.on('error', () => undefined).write('hello'));
  tls.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => {
    tls.close();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  const elsewhere = { certificate: certificateFile('other-ca'), key: keyFile('other-ca') };
  const [leaving, staying, nobody] = await Promise.all(
    [filesOf('client'), { ...filesOf('client'), ...elsewhere }, {}].map(async (options) => {
      const client = await clientTls(options);
      ends.push(() => client.tls.close());
      const socket = client.tls.connect({ host: '127.0.0.1', port }).on('error', () => undefined);
      ends.push(() => socket.destroy());
      await once(socket, 'data');
      return socket;
    }),
  );
  const left = once(leaving as TLSSocket, 'close');
  await writeFile(file, other);
  await tls.reload();
  await left;
  expect([staying?.closed, nobody?.closed]).toEqual([false, false]);
  expect(lines).toContainEqual(
    expect.objectContaining({
      message: 'TLS connection of a peer ended',
      certificate: 'CN=ct1,O=Hospital,C=DE',
      why: 'no authority of ours has signed its certificate',
    }),
  );
});

describe('a handshake that fails', () => {
  test('is told once per peer and minute', async () => {
    let now = 0;
    const { port, lines, logged } = await listen({}, () => now);
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await callPlainly(port, old);
    expect(await logged()).toMatchObject({
      level: 'warn',
      why: 'it speaks no version of TLS that the profile allows',
      address: '127.0.0.1',
    });
    await callPlainly(port, old);
    now = 60_000;
    await callPlainly(port, old);
    expect(await logged()).toMatchObject({ more: 1 });
    expect(lines).toEqual([]);
  });

  test('because a peer does not speak TLS is told as that', async () => {
    const { port, logged } = await listen();
    // The beginning of an A-ASSOCIATE-RQ (PS3.8 9.3.2).
    connectTcp(port, '127.0.0.1')
      .on('error', () => undefined)
      .end(Buffer.from('0100000000d0000100004449', 'hex'));
    expect(await logged()).toMatchObject({ why: 'it does not speak TLS' });
  });

  test('because a peer goes away is nothing to warn of', async () => {
    const { port, logged } = await listen();
    connectTcp(port, '127.0.0.1').end();
    expect(await logged()).toMatchObject({ level: 'debug' });
  });

  test('because it takes too long ends with the connection', async () => {
    const { port, logged } = await listen({}, undefined, 20);
    const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    expect(await logged()).toMatchObject({ why: 'it has not finished the handshake in time' });
    await closed;
  });

  test('is counted while it lasts, and ended with the others', async () => {
    const { port, handshakes, logged } = await listen();
    const socket = connectTcp(port, '127.0.0.1').on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.resume().write(Buffer.from('160301', 'hex'));
    for (const end = Date.now() + 5_000; handshakes.count === 0 && Date.now() < end;) await new Promise(setImmediate);
    expect(handshakes.count).toBe(1);
    handshakes.destroyAll();
    await closed;
    await logged();
    expect(handshakes.count).toBe(0);
    expect((await call(port)).said).toBe('hello');
    expect(handshakes.count).toBe(0);
  });
});

describe('certificates that are exchanged while a server runs', () => {
  test('are shown to those who connect from then on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dimseway-tls-'));
    ends.push(() => rm(folder, { recursive: true }));
    const own = { certificate: join(folder, 'own.crt'), key: join(folder, 'own.key') };
    const put = (name: 'expired' | 'server-ec'): Promise<unknown> =>
      Promise.all([copyFile(certificateFile(name), own.certificate), copyFile(keyFile(name), own.key)]);
    await put('expired');
    const { port, tls } = await listen(own);
    expect((await call(port)).said).toBe('CERT_HAS_EXPIRED');
    await put('server-ec');
    expect(await tls.reload()).toBe(true);
    expect((await call(port)).said).toBe('hello');
  });

  test('an authority that is trusted no more lets nobody in, resumed sessions neither (RFC 8446 4.6.1)', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dimseway-tls-'));
    ends.push(() => rm(folder, { recursive: true }));
    const authority = join(folder, 'ca.crt');
    await copyFile(certificateFile('ca'), authority);
    const { port, tls, seen, logged } = await listen({ clientCertificates: 'require', authorities: [authority] });
    const { tls: client } = await clientTls(filesOf('client'));
    ends.push(() => client.close());
    const first = client.connect({ host: '127.0.0.1', port });
    const session = once(first, 'session') as Promise<[Buffer]>;
    expect(await said(first)).toBe('hello');
    const again = { ...client.connectOptions('127.0.0.1'), host: '127.0.0.1', port, session: (await session)[0] };
    const resumed = connect(again);
    const isReused = once(resumed, 'secureConnect').then(() => resumed.isSessionReused());
    expect(await said(resumed)).toBe('hello');
    expect(await isReused).toBe(true);
    await copyFile(certificateFile('other-ca'), authority);
    expect(await tls.reload()).toBe(true);
    expect(await said(connect(again))).not.toBe('hello');
    expect(await logged()).toMatchObject({ message: 'certificates reloaded' });
    expect(await logged()).toMatchObject({ why: 'no authority of ours has signed its certificate' });
    expect(seen).toEqual(['CN=ct1,O=Hospital,C=DE', 'CN=ct1,O=Hospital,C=DE']);
  });
});
