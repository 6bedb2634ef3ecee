/** A DICOMweb listener by TLS. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { request as requestByHttps } from 'node:https';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectByTls } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { USER_AGENT_DEFAULTS, UserAgent } from '../../../src/dicomweb/user-agent.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { ClientTlsOptions, ServerTlsOptions } from '../../../src/tls/tls-options.ts';
import { TLS_PROFILES } from '../../../src/tls/tls-options.ts';
import { exchangeBytes } from '../../support/http-client.ts';
import { MPPS, startMppsListener } from '../../support/http-listener.ts';
import type { MppsCall, StartedListener } from '../../support/http-listener.ts';
import { collect } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';
import { clientTls, filesOf, serverTls } from '../../support/tls.ts';

const closing: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function listen(
  tlsOptions: Partial<ServerTlsOptions> = {},
  options: Partial<DicomwebListenerOptions> = {},
): Promise<StartedListener<MppsCall> & { readonly refused: LogLine[] }> {
  const { tls, lines } = await serverTls(tlsOptions);
  const started = await startMppsListener(() => MPPS, { tls, ...options });
  closing.push(
    () => tls.close(),
    () => started.close(),
  );
  return { ...started, refused: lines };
}

async function get(port: number, options: Partial<ClientTlsOptions> = {}): Promise<string> {
  const { tls } = await clientTls(options);
  const agent = new UserAgent({ ...USER_AGENT_DEFAULTS, tls });
  closing.push(
    () => tls.close(),
    () => agent.close(),
  );
  const url = new URL(`https://127.0.0.1:${port}/dicomweb/modality-performed-procedure-steps/1.2.3`);
  try {
    const { status } = await agent.send({ method: 'GET', url, signal: new AbortController().signal });
    return String(status);
  } catch (error) {
    if (error instanceof ServiceFailure) return error.code;
    throw error;
  }
}

describe('an origin server by TLS', () => {
  test.each(TLS_PROFILES)('answers, with the profile %s', async (profile) => {
    const { port, calls } = await listen({ profile });
    expect(await get(port, { profile })).toBe('200');
    expect(calls).toHaveLength(1);
  });

  test('names itself by https in what it tells of itself (PS3.18 8.9)', async () => {
    const { port } = await listen();
    const { tls } = await clientTls();
    closing.push(() => tls.close());
    const outgoing = requestByHttps({
      ...{
        ...tls.connectOptions('localhost'),
        host: '127.0.0.1',
        port,
        path: '/dicomweb/',
        method: 'OPTIONS',
        agent: false,
      },
      headers: { accept: 'application/vnd.sun.wadl+xml' },
    }).end();
    const [answer] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>];
    const text = Buffer.concat(await collect(answer)).toString();
    expect(text).toContain(`base="https://127.0.0.1:${port}/dicomweb`);
  });

  test('tells who has asked by its certificate, where one was shown and checked', async () => {
    const { port, calls } = await listen({ clientCertificates: 'request' });
    await get(port, filesOf('client'));
    await get(port);
    const [known, unknown] = calls.map(({ context }) => context.requester);
    expect(known).toMatchObject({
      certificate: 'CN=ct1,O=Hospital,C=DE',
      certificateFingerprint: expect.stringMatching(/^(?:[0-9A-F]{2}:){31}/),
    });
    expect(unknown).not.toHaveProperty('certificate');
  });

  test('hears no client whose certificate is missing or not good, and goes on', async () => {
    const { port, calls, refused, lines } = await listen({ clientCertificates: 'require' });
    expect(await get(port)).toBe('CONNECTION_LOST');
    expect(await get(port, filesOf('expired'))).toBe('CONNECTION_LOST');
    expect(refused.map(({ why }) => why)).toEqual(['it has shown no certificate', 'its certificate has expired']);
    expect(await get(port, filesOf('client'))).toBe('200');
    expect(calls).toHaveLength(1);
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('closes what does not speak TLS without a word', async () => {
    const { port, refused } = await listen();
    const answer = await exchangeBytes(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(answer).not.toContain('HTTP/1.1');
    expect(refused).toEqual([expect.objectContaining({ why: 'it does not speak TLS' })]);
  });

  test('ends a handshake that takes longer than the header may', async () => {
    const { port, refused } = await listen({}, { headersTimeoutMs: 30 });
    expect(await exchangeBytes(port, '\x16')).toBe('');
    expect(refused).toEqual([expect.objectContaining({ why: 'it has not finished the handshake in time' })]);
  });

  test('closes none of an address that is worked for while there is another, when the place is needed', async () => {
    const { tls } = await serverTls();
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<typeof MPPS>();
    const { port, close } = await startMppsListener(
      () => {
        asked.resolve();
        return answer.promise;
      },
      { tls, maximumConnections: 3 },
    );
    closing.push(
      () => tls.close(),
      () => close(),
    );
    const connectFrom = async (localAddress: string): Promise<TLSSocket> => {
      const { tls: client } = await clientTls();
      const below = connect({ host: '127.0.0.1', port, localAddress });
      const socket = connectByTls({ ...client.connectOptions('127.0.0.1'), socket: below, host: '127.0.0.1' });
      closing.push(
        () => client.close(),
        () => void socket.destroy(),
      );
      await once(socket, 'secureConnect');
      return socket.on('error', () => undefined);
    };
    const busy = await connectFrom('127.0.0.2');
    const answered = once(busy, 'data') as Promise<Buffer[]>;
    busy.write('GET /dicomweb/modality-performed-procedure-steps/1.2.3 HTTP/1.1\r\nHost: x\r\n\r\n');
    await asked.promise;
    const idle = [await connectFrom('127.0.0.2'), await connectFrom('127.0.0.2')];
    const gone = Promise.race([busy, ...idle].map((socket) => once(socket.resume(), 'close').then(() => socket)));
    await connectFrom('127.0.0.3');
    expect((await gone) === busy).toBe(false);
    answer.resolve(MPPS);
    expect(String((await answered)[0])).toContain('HTTP/1.1 200');
  });

  test('does not wait for handshakes when it closes', async () => {
    const { port, listener } = await listen();
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.resume();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    await once(socket, 'connect');
    // The server has seen it when it has answered another.
    await get(port);
    await listener.close(60_000);
    await closed;
  });
});
