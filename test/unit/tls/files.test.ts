import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GatewayError } from '../../../src/errors.ts';
import type { ServerTls } from '../../../src/tls/server-tls.ts';
import type { ServerTlsOptions } from '../../../src/tls/tls-options.ts';
import { certificateFile, clientTls, filesOf, keyFile, serverTls } from '../../support/tls.ts';

let folder: string;
let loaded: ServerTls | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-tls-'));
});

afterEach(async () => {
  loaded?.close();
  loaded = undefined;
  await rm(folder, { recursive: true });
});

async function failureOf(options: Partial<ServerTlsOptions>): Promise<Pick<GatewayError, 'code' | 'message'>> {
  try {
    ({ tls: loaded } = await serverTls(options));
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    expect(error.fix).toMatch(/\.$/);
    return { code: error.code, message: error.message };
  }
  throw new Error('was loaded');
}

describe('files of TLS', () => {
  test('tell owner and file when they cannot be read', async () => {
    const certificate = join(folder, 'absent.crt');
    expect(await failureOf({ certificate })).toEqual({
      code: 'TLS_FILE_UNREADABLE',
      message: `listeners.ward: ${certificate} cannot be read (ENOENT)`,
    });
  });

  test('are refused without a certificate, or with a damaged one', async () => {
    const certificate = join(folder, 'bad.crt');
    await writeFile(certificate, await readFile(keyFile('client')));
    expect(await failureOf({ certificate })).toEqual({
      code: 'TLS_FILE_INVALID',
      message: `listeners.ward: ${certificate} has no certificate in PEM form`,
    });
    await writeFile(certificate, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(await failureOf({ certificate })).toMatchObject({ code: 'TLS_FILE_INVALID' });
  });

  test('are refused while the last certificate is being written: the others alone would shut peers out', async () => {
    const bundle = join(folder, 'bundle.crt');
    const text =
      (await readFile(certificateFile('other-ca'), 'utf8')) + (await readFile(certificateFile('ca'), 'utf8'));
    await writeFile(bundle, text.slice(0, -60));
    expect(await failureOf({ authorities: [bundle] })).toEqual({
      code: 'TLS_FILE_INVALID',
      message: `listeners.ward: ${bundle} has a certificate that is damaged`,
    });
  });

  test('name the certificate a key does not belong to', async () => {
    const { certificate } = filesOf('server-ec');
    const key = keyFile('client');
    expect(await failureOf({ certificate, key })).toEqual({
      code: 'TLS_KEY_INVALID',
      message: `listeners.ward: the key ${key} does not belong to the first certificate of ${certificate}, CN=localhost,O=Hospital`,
    });
  });

  test('need the passphrase of a key, which no error repeats', async () => {
    const key = keyFile('server-ec.locked');
    for (const passphrase of [undefined, 'abracadabra']) {
      const failure = await failureOf({ key, passphrase });
      expect(failure).toEqual({ code: 'TLS_KEY_INVALID', message: `listeners.ward: ${key} cannot be decrypted` });
    }
    ({ tls: loaded } = await serverTls({ key, passphrase: 'open-sesame' }));
  });

  test.each(['weak-rsa', 'weak-sha1'] as const)('%s is refused by every profile but legacy', async (name) => {
    for (const profile of ['bcp195-rfc9325', 'bcp195-rfc9325-modified'] as const) {
      expect(await failureOf({ ...filesOf(name), profile })).toMatchObject({ code: 'TLS_CERTIFICATE_WEAK' });
    }
    const { tls, lines } = await serverTls({ ...filesOf(name), profile: 'legacy' });
    loaded = tls;
    expect(lines).toEqual([expect.objectContaining({ level: 'warn', owner: 'listeners.ward' })]);
  });

  test('must name authorities where clients are asked for certificates: those of the system let anybody in', async () => {
    for (const authorities of [undefined, []]) {
      expect(await failureOf({ authorities, clientCertificates: 'require' })).toMatchObject({
        code: 'TLS_AUTHORITIES_NEEDED',
      });
    }
  });

  test('tell of an own certificate that has expired, and serve it all the same', async () => {
    const { tls, lines } = await serverTls(filesOf('expired'));
    loaded = tls;
    expect(lines).toEqual([
      {
        level: 'error',
        message: 'certificate has expired: peers will not accept it',
        owner: 'listeners.ward',
        role: 'own',
        certificate: 'CN=expired,O=Hospital',
        expires: '2021-01-01T00:00:00.000Z',
      },
    ]);
  });

  test('give the facts of every certificate, the own one first', async () => {
    ({ tls: loaded } = await serverTls());
    expect(loaded.certificates().map(({ owner, role, subject }) => ({ owner, role, subject }))).toEqual([
      { owner: 'listeners.ward', role: 'own', subject: 'CN=localhost,O=Hospital' },
      { owner: 'listeners.ward', role: 'authority', subject: 'CN=Test CA,O=Hospital' },
    ]);
  });

  test('of a client may be none: then the authorities of the system are trusted', async () => {
    const { tls } = await clientTls({ authorities: undefined });
    expect(tls.certificates()).toEqual([]);
    tls.close();
  });
});

describe('a change of files', () => {
  const put = (name: 'server-ec' | 'server-rsa'): Promise<unknown> =>
    Promise.all([
      copyFile(certificateFile(name), join(folder, 'own.crt')),
      copyFile(keyFile(name), join(folder, 'own.key')),
    ]);
  const own = (): { certificate: string; key: string } => ({
    certificate: join(folder, 'own.crt'),
    key: join(folder, 'own.key'),
  });

  test('is put to work by a reload, which says whether there was one', async () => {
    await put('server-ec');
    const { tls, lines } = await serverTls(own());
    loaded = tls;
    const before = tls.certificates()[0]?.fingerprint;
    expect(await tls.reload()).toBe(false);
    await put('server-rsa');
    expect(await tls.reload()).toBe(true);
    expect(tls.certificates()[0]?.fingerprint).not.toBe(before);
    expect(lines.map(({ level, message, certificate }) => ({ level, message, certificate }))).toEqual([
      { level: 'info', message: 'certificates reloaded', certificate: 'CN=localhost,O=Hospital' },
    ]);
  });

  test('to a pair that does not fit leaves what is in use, and is tried again when the other half has come', async () => {
    await put('server-ec');
    const { tls } = await serverTls(own());
    loaded = tls;
    const before = tls.certificates()[0]?.fingerprint;
    await copyFile(certificateFile('server-rsa'), join(folder, 'own.crt'));
    await expect(tls.reload()).rejects.toMatchObject({ code: 'TLS_KEY_INVALID' });
    expect(tls.certificates()[0]?.fingerprint).toBe(before);
    await copyFile(keyFile('server-rsa'), join(folder, 'own.key'));
    expect(await tls.reload()).toBe(true);
  });

  test('is found by looking at the files now and then; a bad one is told once', async () => {
    await put('server-ec');
    const { tls, lines } = await serverTls({ ...own(), checkEveryMs: 5 });
    loaded = tls;
    const until = async (isThere: () => boolean): Promise<void> => {
      for (const end = Date.now() + 5_000; !isThere(); await new Promise(setImmediate)) {
        if (Date.now() > end) throw new Error(JSON.stringify(lines));
      }
    };
    await copyFile(certificateFile('server-rsa'), join(folder, 'own.crt'));
    await until(() => lines.length > 0);
    expect(lines[0]).toMatchObject({ level: 'error', code: 'TLS_KEY_INVALID' });
    await copyFile(keyFile('server-rsa'), join(folder, 'own.key'));
    await until(() => lines.some(({ message }) => message === 'certificates reloaded'));
    expect(lines.map(({ level }) => level)).toEqual(['error', 'info']);
  });
});
