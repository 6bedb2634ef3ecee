/** Keys and tokens from an identity provider whose certificate an authority of the hospital has signed. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listener } from '../../src/config/listener-schema.ts';
import { upstream } from '../../src/config/upstream-schema.ts';
import { SILENT } from '../../src/observe/log.ts';
import {
  certificatesOfSecurity,
  closeSecurity,
  loadCredentials,
  loadListenerSecurity,
} from '../../src/security-parts.ts';
import type { RunningSecurity } from '../../src/security-parts.ts';
import type { Credentials } from '../../src/identity/credentials.ts';
import { ServerTls } from '../../src/tls/server-tls.ts';
import { certificatesOf, createUpstream } from '../../src/upstream-parts.ts';
import { keepingLogger } from '../support/requests.ts';
import { certificateFile, filesOf } from '../support/tls.ts';
import { AUDIENCE, createKey, ISSUER, sign, TokenIssuer } from '../support/token-issuer.ts';
import type { IssuedKey } from '../support/token-issuer.ts';

const closers: (() => unknown)[] = [];
let folder: string;
let key: IssuedKey;
let issuer: TokenIssuer;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-provider-'));
  key = await createKey('login');
  issuer = await TokenIssuer.startSafely(filesOf('server-ec'), key);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await issuer.close();
  await rm(folder, { recursive: true });
});

interface Listening extends RunningSecurity {
  readonly lines: readonly object[];
}

/** A web listener that takes tokens of the issuer. */
async function listening(tls: object | undefined, running?: RunningSecurity): Promise<Listening> {
  const jwt = { issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl, ...(tls && { tls }) };
  const config = listener.parse({ protocol: 'dicomweb', port: 0, authentication: { jwt } });
  const logger = keepingLogger();
  const security = await loadListenerSecurity('listeners.web', config, logger, running);
  closers.push(() => closeSecurity(security, undefined));
  return { config, security, lines: logger.lines };
}

async function subjectOf({ security }: Listening): Promise<string | undefined> {
  const principal = await security.authenticator?.authenticate({ authorization: `Bearer ${await sign(key)}` });
  return principal?.subject;
}

test('keys are had from it where the authority is named, and not else', async () => {
  const trusting = await listening({ authorities: [certificateFile('ca')] });
  expect(await subjectOf(trusting)).toBe('ris');
  expect(certificatesOfSecurity(trusting.security)).toMatchObject([
    { owner: 'listeners.web.authentication.jwt', role: 'authority', subject: 'CN=Test CA,O=Hospital' },
  ]);
  const other = await listening(undefined);
  await expect(subjectOf(other)).rejects.toMatchObject({ problem: 'unavailable' });
  expect(other.lines).toMatchObject([{ level: 'warn', code: 'KEYS_UNREADABLE' }]);
});

test('the same for the user identity of a DIMSE listener (PS3.7 D.3.3.7)', async () => {
  const tls = { authorities: [certificateFile('ca')] };
  const jwt = { issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl, tls };
  const config = listener.parse({ protocol: 'dimse', aeTitle: 'WARD', port: 0, userIdentity: { jwt } });
  const security = await loadListenerSecurity('listeners.ward', config, SILENT);
  closers.push(() => closeSecurity(security, undefined));
  const identity = {
    type: 5,
    primary: Buffer.from(await sign(key)),
    secondary: Buffer.alloc(0),
    responseRequested: false,
  };
  expect(await security.userIdentity?.check(identity)).toMatchObject({ kind: 'known', principal: { subject: 'ris' } });
  expect(certificatesOfSecurity(security)).toMatchObject([{ owner: 'listeners.ward.userIdentity.jwt' }]);
});

test('a reload reads the authorities again where the file has changed', async () => {
  const authorities = join(folder, 'authorities.crt');
  await copyFile(certificateFile('other-ca'), authorities);
  const before = await listening({ authorities: [authorities] });
  await expect(subjectOf(before)).rejects.toMatchObject({ problem: 'unavailable' });
  await copyFile(certificateFile('ca'), authorities);
  const after = await listening({ authorities: [authorities] }, before);
  expect(after.security.authenticator).toBe(before.security.authenticator);
  expect(await subjectOf(after)).toBe('ris');
});

test('a listener whose keys cannot be read leaves nothing open', async () => {
  const close = jest.spyOn(ServerTls.prototype, 'close');
  const jwt = { issuer: ISSUER, audience: AUDIENCE, keys: join(folder, 'missing.json') };
  const { certificate, key: file } = filesOf('server-ec');
  const secured = { tls: { certificate, key: file }, authentication: { jwt } };
  const config = listener.parse({ protocol: 'dicomweb', port: 0, ...secured });
  await expect(loadListenerSecurity('listeners.web', config, SILENT)).rejects.toMatchObject({
    code: 'KEYS_UNREADABLE',
  });
  expect(close).toHaveBeenCalledTimes(1);
  close.mockRestore();
});

async function credentials(tls: object | undefined): Promise<Credentials | undefined> {
  const oauth2 = { tokenUrl: issuer.tokenUrl, clientId: 'gateway', clientSecret: 'secret', ...(tls && { tls }) };
  const config = upstream.parse({ protocol: 'dicomweb', baseUrl: 'https://ris.example', credentials: { oauth2 } });
  if (config.protocol !== 'dicomweb') throw new Error('no web server');
  const loaded = await loadCredentials('upstreams.ris', config, SILENT);
  closers.push(() => loaded?.close());
  return loaded;
}

test('tokens of our own are had from it likewise (RFC 6749 4.4)', async () => {
  const trusting = await credentials({ authorities: [certificateFile('ca')] });
  expect(await trusting?.authorization(undefined)).toBe('Bearer token-0');
  expect(trusting?.certificates()).toMatchObject([{ owner: 'upstreams.ris.credentials.oauth2', role: 'authority' }]);
  const other = await credentials(undefined);
  await expect(other?.authorization(undefined)).rejects.toMatchObject({ code: 'UPSTREAM_UNTRUSTED' });
});

test.each(['dicomweb', 'ups-rs'])(
  'an upstream %s tells of the certificates it checks the identity provider by (PS3.15 B.12)',
  async (protocol) => {
    const oauth2 = { tokenUrl: issuer.tokenUrl, clientId: 'gateway', clientSecret: 'secret' };
    const tls = { authorities: [certificateFile('ca')] };
    const config = { protocol, baseUrl: 'https://ris.example', credentials: { oauth2: { ...oauth2, tls } } };
    const made = await createUpstream('ris', upstream.parse(config), SILENT);
    closers.push(() => made.close());
    expect(certificatesOf(made)).toMatchObject([{ owner: 'upstreams.ris.credentials.oauth2', role: 'authority' }]);
  },
);
