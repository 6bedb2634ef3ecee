/** Our SCU against our SCP by DICOM TLS (PS3.15 B.12, B.13). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { DimseListenerOptions } from '../../../src/dimse/scp.ts';
import type { ClientTls } from '../../../src/tls/client-tls.ts';
import type { ClientTlsOptions, ServerTlsOptions } from '../../../src/tls/tls-options.ts';
import { TLS_PROFILES } from '../../../src/tls/tls-options.ts';
import { entry, results, ScriptedHandler, startListener } from '../../support/dimse-listener.ts';
import type { RunningListener } from '../../support/dimse-listener.ts';
import { collect, createContext, createUpstream, QUERY } from '../../support/dimse-upstream.ts';
import type { LogLine } from '../../support/requests.ts';
import { certificateFile, clientTls, filesOf, serverTls } from '../../support/tls.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function listen(
  tlsOptions: Partial<ServerTlsOptions> = {},
  options: Partial<DimseListenerOptions> = {},
): Promise<RunningListener & { readonly lines: LogLine[] }> {
  const { tls, lines } = await serverTls(tlsOptions);
  const running = await startListener(new ScriptedHandler(() => results(500)), { tls, ...options });
  closers.push(
    () => tls.close(),
    () => running.listener.close(0),
  );
  return { ...running, lines };
}

async function call(
  port: number,
  options: Partial<ClientTlsOptions> | 'plain' = {},
): Promise<ReturnType<typeof createUpstream>> {
  const tls: ClientTls | undefined = options === 'plain' ? undefined : (await clientTls(options)).tls;
  const upstream = createUpstream(port, tls && { tls });
  closers.push(
    () => tls?.close(),
    () => upstream.close(),
  );
  return upstream;
}

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    return { code: error.code, retry: error.retry, comment: error.message };
  }
  return 'done';
}

describe('an association by TLS', () => {
  test.each(TLS_PROFILES)('carries a search whole, with the profile %s', async (profile) => {
    const { port } = await listen({ profile });
    const upstream = await call(port, { profile });
    const expected = Array.from({ length: 500 }, (_value, index) => entry(index));
    expect(await collect(upstream.search(QUERY, createContext()))).toEqual(expected);
  });

  test('tells who has asked by its certificate, where one was shown and checked', async () => {
    const { port, handler } = await listen({ clientCertificates: 'request' });
    await collect((await call(port, filesOf('client'))).search(QUERY, createContext()));
    await collect((await call(port)).search(QUERY, createContext()));
    const [known, unknown] = [handler.requesters[0], handler.requesters.at(-1)];
    expect(known).toMatchObject({
      certificate: 'CN=ct1,O=Hospital,C=DE',
      certificateFingerprint: expect.stringMatching(/^(?:[0-9A-F]{2}:){31}/),
    });
    expect(unknown).not.toHaveProperty('certificate');
  });

  test('is rejected where the listener admits other certificates only (1/1/1)', async () => {
    const { port } = await listen({ clientCertificates: 'request' }, { certificates: ['CN=ct1'] });
    expect(await failureOf((await call(port, filesOf('client'))).verify(createContext()))).toBe('done');
    for (const options of [filesOf('client-2'), {}]) {
      expect(await failureOf((await call(port, options)).verify(createContext()))).toMatchObject({
        code: 'UPSTREAM_REJECTED',
        comment: 'association rejected (1/1/1): no reason given',
      });
    }
  });
});

describe('an SCP that is not trusted, or does not trust us, is UPSTREAM_UNTRUSTED (status mapping 2.1)', () => {
  test.each([
    ['expired', {}, 'TLS: its certificate has expired'],
    ['elsewhere', {}, 'TLS: its certificate is for another name'],
    [
      'server-ec',
      { authorities: [certificateFile('other-ca')] },
      'TLS: no authority of ours has signed its certificate',
    ],
  ] as const)('%s, with %j', async (name, options, comment) => {
    const { port, handler } = await listen(filesOf(name));
    const failure = await failureOf((await call(port, options)).verify(createContext()));
    expect(failure).toEqual({ code: 'UPSTREAM_UNTRUSTED', retry: 'permanent', comment });
    expect(handler.requesters).toEqual([]);
  });

  test('it speaks older versions only (RFC 8996)', async () => {
    const { tls } = await serverTls({ profile: 'legacy' });
    const server = createServer({ ...tls.apply(), maxVersion: 'TLSv1.1' }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(
      () => tls.close(),
      () => void server.close(),
    );
    const { port } = server.address() as AddressInfo;
    expect(await failureOf((await call(port)).verify(createContext()))).toMatchObject({
      code: 'UPSTREAM_UNTRUSTED',
      comment: 'TLS: it speaks no version of TLS that the profile allows',
    });
  });

  test('it does not speak TLS', async () => {
    const running = await startListener();
    closers.push(() => running.listener.close(0));
    expect(await failureOf((await call(running.port)).verify(createContext()))).toMatchObject({
      code: 'UPSTREAM_UNTRUSTED',
      comment: 'TLS: it does not speak TLS',
    });
  });
});

describe('a listener by TLS', () => {
  test('does not hear an SCU without TLS, nor one without the certificate it must have', async () => {
    const { port, handler, lines } = await listen({ clientCertificates: 'require' });
    for (const options of ['plain', {}, filesOf('expired')] as const) {
      expect(await failureOf((await call(port, options)).verify(createContext()))).toMatchObject({
        code: 'UPSTREAM_UNREACHABLE',
      });
    }
    expect(lines.map(({ why }) => why)).toEqual([
      'it does not speak TLS',
      'it has shown no certificate',
      'its certificate has expired',
    ]);
    expect(handler.requesters).toEqual([]);
  });

  test('counts handshakes as half open, refuses more at once, and does not wait for them when it closes', async () => {
    const { port, listener } = await listen({}, { maximumHalfOpenConnections: 2 });
    const open = async (): Promise<{ closed: Promise<unknown> }> => {
      const socket = connect(port, '127.0.0.1').on('error', () => undefined);
      await once(socket, 'connect');
      socket.resume();
      return { closed: new Promise((resolve) => socket.once('close', resolve)) };
    };
    const kept = [await open(), await open()];
    await (
      await open()
    ).closed;
    expect(listener.counts).toMatchObject({ halfOpenConnections: 2, refusedConnections: 1 });
    await listener.close(60_000);
    await Promise.all(kept.map(({ closed }) => closed));
    expect(listener.counts).toMatchObject({ halfOpenConnections: 0 });
  });

  test('ends a handshake that takes longer than ARTIM', async () => {
    const { port, lines } = await listen({}, { artimMs: 30 });
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
    expect(lines).toEqual([expect.objectContaining({ why: 'it has not finished the handshake in time' })]);
  });
});
