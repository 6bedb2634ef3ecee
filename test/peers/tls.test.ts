/** TLS as other programs see it: openssl on either side, DCMTK as SCU and SCP, curl. */
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { createServer } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { echoWithDcmtk, findWithDcmtk } from '../../scripts/peers/dcmtk.ts';
import { handshakeWith, startServer, suitesOf } from '../../scripts/peers/openssl.ts';
import { Cleanup, findFreePort, runProgram, startProgram } from '../../scripts/peers/process.ts';
import { PROFILES } from '../../src/tls/profiles.ts';
import { TLS_PROFILES } from '../../src/tls/tls-options.ts';
import type { ServerTlsOptions, TlsProfile } from '../../src/tls/tls-options.ts';
import { results, ScriptedHandler, startListener } from '../support/dimse-listener.ts';
import { createContext, createUpstream } from '../support/dimse-upstream.ts';
import { MPPS, startMppsListener } from '../support/http-listener.ts';
import { certificateFile, clientTls, filesOf, keyFile, serverTls } from '../support/tls.ts';
import type { CertificateName } from '../support/tls.ts';

jest.setTimeout(120_000);

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** A server that says nothing. */
async function listen(options: Partial<ServerTlsOptions>): Promise<number> {
  const { tls } = await serverTls(options);
  const server = createServer(tls.apply(), (socket) => socket.on('error', () => undefined).end());
  tls.attach(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanup.add(async () => {
    tls.close();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const KINDS = [
  ['server-ec', 'ECDSA'],
  ['server-rsa', 'RSA'],
] as const;

/** Suites of TLS 1.2 that go with a kind of key. */
function suitesFor(profile: TlsProfile, kind: 'ECDSA' | 'RSA'): readonly string[] {
  return PROFILES[profile].tls12Suites.filter((suite) => (kind === 'ECDSA') === suite.includes('ECDSA'));
}

describe('a listener, tried with everything openssl s_client has (PS3.15 B.12, B.13)', () => {
  test.each(TLS_PROFILES.flatMap((profile) => KINDS.map(([name, kind]) => [profile, name, kind] as const)))(
    '%s takes the suites of the profile with %s, in its own order, and no others',
    async (profile, name, kind) => {
      const port = await listen({ ...filesOf(name), profile });
      expect(await suitesOf(port, '-tls1_2')).toEqual(suitesFor(profile, kind));
      expect(await suitesOf(port, '-tls1_3')).toEqual(PROFILES[profile].tls13Suites);
    },
  );

  test.each(TLS_PROFILES)('%s: TLS 1.0 and 1.1 are for legacy only (RFC 8996)', async (profile) => {
    const port = await listen({ ...filesOf('server-rsa'), profile });
    for (const version of ['-tls1', '-tls1_1'] as const) {
      const suite = await handshakeWith(port, version, 'ALL:@SECLEVEL=0');
      expect([version, suite]).toEqual([version, profile === 'legacy' ? 'ECDHE-RSA-AES256-SHA' : undefined]);
    }
  });

  test.each([
    ['bcp195-rfc9325', ['-groups', 'X25519'], true],
    ['bcp195-rfc9325', ['-groups', 'P-256'], true],
    ['bcp195-rfc9325-modified', ['-groups', 'P-256'], true],
    ['bcp195-rfc9325-modified', ['-groups', 'P-384'], true],
    ['bcp195-rfc9325', ['-groups', 'P-224'], false],
    ['bcp195-rfc9325-modified', ['-groups', 'P-224'], false],
    ['bcp195-rfc9325', ['-sigalgs', 'RSA+SHA1'], false],
    ['bcp195-rfc9325-modified', ['-sigalgs', 'RSA+SHA1'], false],
    ['bcp195-rfc9325-modified', ['-sigalgs', 'RSA+SHA256'], true],
  ] as const)('%s with a client that has %j only: %p', async (profile, more, isTaken) => {
    const port = await listen({ ...filesOf('server-rsa'), profile });
    const suite = await handshakeWith(port, '-tls1_2', 'ALL:@SECLEVEL=0', more);
    expect(suite !== undefined).toBe(isTaken);
  });
});

describe('our side as client, against openssl s_server', () => {
  const inEachKind = TLS_PROFILES.filter((profile) => profile !== 'legacy').flatMap((profile) => [
    ...KINDS.flatMap(([name, kind]) =>
      suitesFor(profile, kind).map((suite) => [profile, '-tls1_2', suite, name] as const),
    ),
    ...PROFILES[profile].tls13Suites.map((suite) => [profile, '-tls1_3', suite, 'server-ec'] as const),
  ]);

  async function agreedSuite(
    profile: TlsProfile,
    version: '-tls1_1' | '-tls1_2' | '-tls1_3',
    suite: string,
    name: CertificateName,
  ): Promise<string> {
    const { running, port } = await startServer(filesOf(name), version, suite);
    cleanup.add(() => running.stop());
    const { tls } = await clientTls({ profile });
    cleanup.add(async () => tls.close());
    const socket = tls.connect({ host: '127.0.0.1', port });
    try {
      await once(socket, 'secureConnect');
      const { name: ofOpenssl, standardName } = socket.getCipher();
      return version === '-tls1_3' ? standardName : ofOpenssl;
    } catch (error) {
      return String((error as NodeJS.ErrnoException).code);
    } finally {
      socket.destroy();
    }
  }

  test.each(inEachKind)('%s, %s: %s with %s', async (profile, version, suite, name) => {
    expect(await agreedSuite(profile, version, suite, name)).toBe(suite);
  });

  test.each([
    ['bcp195-rfc9325', '-tls1_2', 'AES128-SHA'],
    ['bcp195-rfc9325', '-tls1_2', 'ECDHE-RSA-CHACHA20-POLY1305'],
    ['bcp195-rfc9325-modified', '-tls1_2', 'ECDHE-RSA-AES128-SHA256'],
    ['bcp195-rfc9325-modified', '-tls1_2', 'DHE-RSA-AES128-GCM-SHA256'],
    ['bcp195-rfc9325', '-tls1_1', 'ECDHE-RSA-AES128-SHA'],
  ] as const)('%s does not agree to %s %s', async (profile, version, suite) => {
    expect(await agreedSuite(profile, version, suite, 'server-rsa')).toMatch(/^ERR_SSL_/);
  });
});

/** How DCMTK's programs are given a certificate. */
function dcmtkTls(name: CertificateName, ...more: string[]): string[] {
  return ['+tls', keyFile(name), certificateFile(name), '+cf', certificateFile('ca'), ...more];
}

describe('DCMTK', () => {
  test.each(['bcp195-rfc9325', 'legacy'] as const)(
    'as SCU finds and echoes by mutual TLS, with %s',
    async (profile) => {
      const { tls } = await serverTls({ ...filesOf('server-rsa'), clientCertificates: 'require', profile });
      const handler = new ScriptedHandler(() => results(3));
      const { listener, port } = await startListener(handler, { tls, aeTitles: ['DIMSEWAY'] });
      cleanup.add(async () => {
        await listener.close(0);
        tls.close();
      });
      expect(await echoWithDcmtk(port, 'DIMSEWAY', dcmtkTls('client'))).toMatchObject({ code: 0 });
      const found = await findWithDcmtk({ port, aeTitle: 'DIMSEWAY', keys: ['PatientName'], args: dcmtkTls('client') });
      expect(found.log).toMatch(/Number of (?:pending|Pending)|Find Response: 3/);
      expect(handler.requesters.at(-1)).toMatchObject({ certificate: 'CN=ct1,O=Hospital,C=DE' });
      // +pa: the retired AES profile has no suite with forward secrecy.
      const retired = await echoWithDcmtk(port, 'DIMSEWAY', dcmtkTls('client', '+pa'));
      expect(retired.code === 0).toBe(profile === 'legacy');
    },
  );

  test('as SCU with a certificate that is not good is refused', async () => {
    const { tls, lines } = await serverTls({ clientCertificates: 'require' });
    const { listener, port } = await startListener(undefined, { tls });
    cleanup.add(async () => {
      await listener.close(0);
      tls.close();
    });
    expect((await echoWithDcmtk(port, 'DIMSEWAY', dcmtkTls('expired'))).code).not.toBe(0);
    expect(lines).toContainEqual(expect.objectContaining({ certificate: 'CN=expired,O=Hospital' }));
    expect((await echoWithDcmtk(port, 'DIMSEWAY')).code).not.toBe(0);
    expect(lines).toContainEqual(expect.objectContaining({ why: 'it does not speak TLS' }));
  });

  test('as SCP is verified by mutual TLS, and asks for our certificate', async () => {
    const port = await findFreePort();
    const scp = await startProgram('storescp', [...dcmtkTls('server-rsa'), '--ignore', String(port)], { port });
    cleanup.add(() => scp.stop());
    const { tls } = await clientTls(filesOf('client'));
    const { tls: anonymous } = await clientTls();
    const upstream = createUpstream(port, { tls });
    const stranger = createUpstream(port, { tls: anonymous });
    cleanup.add(async () => {
      await Promise.all([upstream.close(), stranger.close()]);
      tls.close();
      anonymous.close();
    });
    await upstream.verify(createContext());
    await expect(stranger.verify(createContext())).rejects.toMatchObject({ code: 'UPSTREAM_UNTRUSTED' });
  });
});

describe('curl', () => {
  test('gets a resource with a certificate, and nothing without', async () => {
    const { tls } = await serverTls({ clientCertificates: 'require' });
    const { port, calls, close } = await startMppsListener(() => MPPS, { tls });
    cleanup.add(async () => {
      await close();
      tls.close();
    });
    const url = `https://localhost:${port}/dicomweb/modality-performed-procedure-steps/1.2.3`;
    const get = (...more: string[]): ReturnType<typeof runProgram> =>
      runProgram('curl', [
        '-sS',
        '-o',
        '/dev/null',
        '-w',
        '%{http_code}',
        '--cacert',
        certificateFile('ca'),
        ...more,
        url,
      ]);
    const shown = await get('--cert', certificateFile('client'), '--key', keyFile('client'));
    expect([shown.code, shown.stdout]).toEqual([0, '200']);
    expect(calls.map(({ context }) => context.requester.certificate)).toEqual(['CN=ct1,O=Hospital,C=DE']);
    expect((await get()).code).not.toBe(0);
    expect((await get('--cert', certificateFile('expired'), '--key', keyFile('expired'))).code).not.toBe(0);
    expect(calls).toHaveLength(1);
  });
});
