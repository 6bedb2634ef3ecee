import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { exportSPKI, importJWK, SignJWT } from 'jose';
import type { CryptoKey } from 'jose';
import { JwtVerifier, SIGNATURE_ALGORITHMS } from '../../../src/identity/jwt-verifier.ts';
import type { JwtClocks, JwtOptions } from '../../../src/identity/jwt-verifier.ts';
import { AuthenticationError } from '../../../src/identity/principal.ts';
import { ProviderClient } from '../../../src/identity/provider-client.ts';
import { AUDIENCE, createKey, ISSUER, sign, TokenIssuer } from '../../support/token-issuer.ts';
import type { IssuedKey } from '../../support/token-issuer.ts';

const client = new ProviderClient({ timeoutMs: 2_000 });
let first: IssuedKey;
let second: IssuedKey;
let issuer: TokenIssuer;
let folder: string;

beforeAll(async () => {
  [first, second] = await Promise.all([createKey('first'), createKey('second')]);
  folder = await mkdtemp(join(tmpdir(), 'dimseway-keys-'));
});
beforeEach(async () => {
  issuer = await TokenIssuer.start(first);
});
afterEach(() => issuer.close());
afterAll(async () => {
  await client.close();
  await rm(folder, { recursive: true });
});

function verifier(options: Partial<JwtOptions> = {}, clocks?: JwtClocks): JwtVerifier {
  return new JwtVerifier({ issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl, ...options }, client, clocks);
}

async function keyFile(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

/** What a token is refused for. */
async function whyNot(token: Promise<string> | string, checked = verifier()): Promise<string> {
  const error: unknown = await checked.verify(await token).then(
    () => 'it was taken',
    (problem: unknown) => problem,
  );
  if (!(error instanceof AuthenticationError)) throw new Error(`No AuthenticationError: ${String(error)}`);
  return `${error.problem}: ${error.message}`;
}

const unsigned = (header: object, claims: object): string =>
  [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');

describe('a token that is taken (RFC 7519)', () => {
  test('says who it is of and what it allows', async () => {
    const exp = Math.floor(Date.now() / 1_000) + 100;
    const token = await sign(first, { sub: 'ward 3', scope: 'worklist mpps', exp });
    expect({ ...(await verifier({ clockToleranceMs: 7_000 }).verify(token)) }).toEqual({
      subject: 'ward 3',
      scopes: ['worklist', 'mpps'],
      means: 'jwt',
      expiresAtMs: 1_000 * exp + 7_000,
    });
  });

  test('may have subject and scopes in other claims, the scopes as a list', async () => {
    const token = await sign(first, { sub: undefined, azp: 'ct-bridge', roles: ['worklist', 7] });
    const principal = await verifier({ subjectClaim: 'azp', scopeClaim: 'roles' }).verify(token);
    expect([principal.subject, principal.scopes]).toEqual(['ct-bridge', ['worklist']]);
  });

  test('may be for several audiences, one of which is ours', async () => {
    const token = await sign(first, { aud: ['pacs', 'gateway'] });
    await expect(verifier({ audience: [AUDIENCE, 'gateway'] }).verify(token)).resolves.toBeDefined();
  });

  test.each(SIGNATURE_ALGORITHMS)('may be signed by %s', async (algorithm) => {
    issuer.keys = [await createKey('key', algorithm)];
    await expect(verifier().verify(await sign(issuer.keys[0]!))).resolves.toMatchObject({ subject: 'ris' });
  });

  test('is in no text made of its principal', async () => {
    const token = await sign(first);
    const principal = await verifier().verify(token);
    expect(principal.token).toBe(token);
    const texts = [JSON.stringify(principal), inspect(principal, { depth: 9, showHidden: true })];
    expect(texts.join('\n')).not.toContain(token.slice(-20));
  });
});

describe('a token that is refused (RFC 8725)', () => {
  const now = Math.floor(Date.now() / 1_000);

  test.each([
    ['of another issuer', { iss: 'https://elsewhere.example' }, 'the token is of another issuer'],
    ['of no issuer', { iss: undefined }, 'the token has no claim iss'],
    ['for another audience', { aud: 'pacs' }, 'the token is for another audience'],
    ['for no audience', { aud: undefined }, 'the token has no claim aud'],
    ['that has expired', { exp: now - 60 }, 'the token has expired'],
    ['without end', { exp: undefined }, 'the token has no claim exp'],
    ['that is not good yet', { nbf: now + 120 }, 'the token is not good yet'],
    ['without subject', { sub: undefined }, 'the token has no claim sub'],
    ['with an empty subject', { sub: ' ' }, 'the claim sub names nobody'],
    ['with a subject that would break a line of a log', { sub: 'ris\nroot' }, 'the claim sub names nobody'],
  ])('one %s', async (_what, claims, why) => {
    expect(await whyNot(sign(first, claims))).toBe(`invalid: ${why}`);
  });

  test('one without signature, whatever is configured (RFC 8725 3.1)', async () => {
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: 'ris', exp: now + 60 };
    expect(await whyNot(`${unsigned({ alg: 'none' }, claims)}.`)).toMatch(
      /^invalid: .*(?:algorithm|no JSON Web Token)/,
    );
    expect(() => verifier({ algorithms: ['none'] })).toThrow(/none cannot be taken/);
  });

  test('one signed by the public key as if it were a shared secret (RFC 8725 2.1)', async () => {
    const rsa = await createKey('rsa', 'RS256');
    issuer.keys = [rsa];
    const pem = await exportSPKI((await importJWK(rsa.publicJwk, 'RS256')) as CryptoKey);
    const forged = new SignJWT({ sub: 'root' }).setProtectedHeader({ alg: 'HS256', kid: 'rsa' });
    const token = forged.setIssuer(ISSUER).setAudience(AUDIENCE).setExpirationTime('5m').sign(Buffer.from(pem));
    expect(await whyNot(token)).toBe('invalid: the token is signed by an algorithm that is not taken');
    expect(() => verifier({ algorithms: ['HS256'] })).toThrow(/HS256 cannot be taken/);
  });

  test('one by an algorithm that is not on the list', async () => {
    expect(await whyNot(sign(first), verifier({ algorithms: ['RS256'] }))).toMatch(/algorithm that is not taken/);
  });

  test('one whose claims were changed', async () => {
    const [header, , signature] = (await sign(first)).split('.');
    const claims = unsigned({}, { iss: ISSUER, aud: AUDIENCE, sub: 'root', exp: now + 60 }).split('.')[1];
    expect(await whyNot(`${header}.${claims}.${signature}`)).toBe('invalid: the signature of the token is wrong');
  });

  test.each(['', 'a.b.c', 'x'.repeat(20_000), '{"alg":"none"}', '....'])('what is no token (%#)', async (text) => {
    expect(await whyNot(text)).toMatch(/^invalid: (?:this is no JSON Web Token|the token is too long)$/);
  });

  test('without a word of it in the error', async () => {
    const token = await sign(first, { aud: 'pacs', name: 'DOE^JANE' });
    const error: unknown = await verifier()
      .verify(token)
      .catch((problem: unknown) => problem);
    expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/DOE|pacs|eyJ/);
  });
});

describe('the clocks of issuer and gateway', () => {
  test('may differ by the tolerance, no more', async () => {
    const tokenOf = (ageS: number): Promise<string> => sign(first, { exp: Math.floor(Date.now() / 1_000) - ageS });
    await expect(verifier({ clockToleranceMs: 10_000 }).verify(await tokenOf(5))).resolves.toBeDefined();
    expect(await whyNot(tokenOf(15), verifier({ clockToleranceMs: 10_000 }))).toBe('invalid: the token has expired');
  });
});

describe('keys by URL (RFC 7517)', () => {
  test('are asked for once, and again when a token names a key that is new: the issuer has rotated its keys', async () => {
    let nowMs = 0;
    const checked = verifier({}, { monotonic: () => nowMs });
    await checked.verify(await sign(first));
    await checked.verify(await sign(first));
    expect(issuer.keyRequests).toBe(1);
    issuer.keys = [second];
    nowMs += 30_000;
    await expect(checked.verify(await sign(second))).resolves.toBeDefined();
    expect(issuer.keyRequests).toBe(2);
    expect(await whyNot(sign(first), checked)).toBe('invalid: the token is signed by a key that is not known');
  });

  test('are not asked for more often than the cooldown allows, whatever tokens name', async () => {
    let nowMs = 0;
    const checked = verifier({}, { monotonic: () => nowMs });
    const stranger = await createKey('stranger');
    for (let times = 0; times < 10; times++) await whyNot(sign(stranger, {}, { kid: `k${times}` }), checked);
    expect(issuer.keyRequests).toBe(1);
    nowMs += 30_000;
    await whyNot(sign(stranger), checked);
    expect(issuer.keyRequests).toBe(2);
  });

  test('are asked for together by those who wait', async () => {
    const checked = verifier();
    const tokens = await Promise.all([1, 2, 3, 4].map(() => sign(first)));
    await Promise.all(tokens.map((token) => checked.verify(token)));
    expect(issuer.keyRequests).toBe(1);
  });

  test('are renewed when they are old: one that was withdrawn no longer signs', async () => {
    let nowMs = 0;
    const checked = verifier({}, { monotonic: () => nowMs });
    await checked.verify(await sign(first));
    issuer.keys = [second];
    nowMs += 600_001;
    expect(await whyNot(sign(first), checked)).toBe('invalid: the token is signed by a key that is not known');
  });

  test('go on for a day while the issuer is out of reach, and it is asked once in a cooldown', async () => {
    let nowMs = 0;
    const checked = verifier({}, { monotonic: () => nowMs });
    const token = await sign(first);
    await checked.verify(token);
    issuer.keyStatus = 500;
    nowMs = 86_400_000;
    await checked.verify(token);
    await checked.verify(token);
    expect(issuer.keyRequests).toBe(2);
    nowMs += 1;
    expect(await whyNot(token, checked)).toBe('unavailable: the keys of the token issuer cannot be had');
  });

  test('that were never had are no fault of the token, and are asked for again after the cooldown', async () => {
    let nowMs = 0;
    const checked = verifier({}, { monotonic: () => nowMs });
    issuer.keyStatus = 503;
    const token = await sign(first);
    expect(await whyNot(token, checked)).toMatch(/^unavailable:/);
    issuer.keyStatus = 200;
    expect(await whyNot(token, checked)).toMatch(/^unavailable:/);
    nowMs += 30_000;
    await expect(checked.verify(token)).resolves.toBeDefined();
  });

  test('are no reason not to start where they cannot be had now', async () => {
    expect(await verifier().load()).toBeUndefined();
    issuer.keyStatus = 503;
    expect(await verifier().load()).toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: expect.stringMatching(/HTTP 503$/),
    });
  });

  test('come by https, or from this machine', () => {
    for (const keys of [
      'http://idp.example/keys',
      'https://user:pass@idp.example/keys',
      'http://127.0.0.1.evil.example/',
    ])
      expect(() => verifier({ keys })).toThrow(/is not https/);
  });

  test('are tried one after another for a token that names none', async () => {
    issuer.keys = [second, first];
    await expect(verifier().verify(await sign(first, {}, {}))).resolves.toBeDefined();
    expect(await whyNot(sign(await createKey('third'), {}, {}))).toBe('invalid: the signature of the token is wrong');
  });
});

describe('keys from a file, for sites without a way to the issuer', () => {
  test('stand in a JSON Web Key Set', async () => {
    const keys = await keyFile('set.json', JSON.stringify({ keys: [first.publicJwk] }));
    await expect(verifier({ keys }).verify(await sign(first))).resolves.toBeDefined();
    expect(issuer.keyRequests).toBe(0);
  });

  test('or in PEM form, where tokens may name them as they like', async () => {
    const pem = await exportSPKI((await importJWK(first.publicJwk, 'ES256')) as CryptoKey);
    const keys = await keyFile('keys.pem', `first\n${pem}\n`);
    await expect(verifier({ keys }).verify(await sign(first, {}, {}))).resolves.toBeDefined();
  });

  test('are read again when they are replaced', async () => {
    let nowMs = 0;
    const keys = await keyFile('changing.json', JSON.stringify({ keys: [first.publicJwk] }));
    const checked = verifier({ keys }, { monotonic: () => nowMs });
    await checked.verify(await sign(first));
    await keyFile('changing.json', JSON.stringify({ keys: [second.publicJwk] }));
    nowMs += 1_000;
    await expect(checked.verify(await sign(second))).resolves.toBeDefined();
    expect(await whyNot(sign(first), checked)).toMatch(/key that is not known/);
  });

  test('may be a shared secret, when its algorithm is named', async () => {
    const secret = Buffer.alloc(32, 7);
    const set = { keys: [{ kty: 'oct', kid: 'shared', k: secret.toString('base64url') }, first.publicJwk] };
    const keys = await keyFile('secret.json', JSON.stringify(set));
    const unsignedYet = new SignJWT({ sub: 'ris' }).setProtectedHeader({ alg: 'HS256', kid: 'shared' });
    const token = await unsignedYet.setIssuer(ISSUER).setAudience(AUDIENCE).setExpirationTime('5m').sign(secret);
    await expect(verifier({ keys, algorithms: ['HS256'] }).verify(token)).resolves.toBeDefined();
    expect(await whyNot(token, verifier({ keys }))).toMatch(/algorithm that is not taken/);
    const other = await unsignedYet.sign(Buffer.alloc(32, 8));
    expect(await whyNot(other, verifier({ keys, algorithms: ['HS256'] }))).toMatch(/signature of the token is wrong/);
  });

  test.each([
    ['missing.json', undefined, /cannot be read \(ENOENT\)/],
    ['empty.json', '', /no JSON Web Key Set/],
    ['array.json', '[]', /no JSON Web Key Set/],
    ['many.json', JSON.stringify({ keys: Array(101).fill({ kty: 'EC' }) }), /no JSON Web Key Set/],
    ['bad.pem', '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----', /something else than public keys/],
  ])('%s is named when it cannot be used', async (name, text, message) => {
    const keys = text === undefined ? join(folder, name) : await keyFile(name, text);
    await expect(verifier({ keys }).load()).rejects.toMatchObject({
      code: 'KEYS_UNREADABLE',
      message: expect.stringMatching(message),
    });
  });
});
