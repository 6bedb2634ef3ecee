import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Authenticator, bearerOf } from '../../../src/identity/authenticator.ts';
import type { AuthenticationOptions, ShownCredentials } from '../../../src/identity/authenticator.ts';
import { challengeOf, scopeChallenge } from '../../../src/identity/challenge.ts';
import { AuthenticationError, missingScopes } from '../../../src/identity/principal.ts';
import { hashSecret } from '../../../src/identity/secret-hash.ts';
import { AUDIENCE, createKey, ISSUER, sign, TokenIssuer } from '../../support/token-issuer.ts';
import type { IssuedKey } from '../../support/token-issuer.ts';

const KEY = 'k-3f9b2c7e51d84a60';
const PHRASE = 'not so random';
const CERTIFICATE = 'CN=ct1,O=Hospital';

let issuer: TokenIssuer;
let key: IssuedKey;
let options: AuthenticationOptions;

beforeAll(async () => {
  key = await createKey('key');
  issuer = await TokenIssuer.start(key);
  const [cheap, costly] = await Promise.all([hashSecret(KEY, 'sha256'), hashSecret(PHRASE)]);
  options = {
    required: true,
    certificates: true,
    jwt: { issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl },
    apiKeys: [
      { subject: 'hl7 engine', hash: costly, scopes: ['worklist'] },
      { subject: 'ris', hash: cheap },
    ],
  };
});
afterAll(() => issuer.close());

async function authenticate(shown: ShownCredentials, changes: Partial<AuthenticationOptions> = {}): Promise<unknown> {
  const authenticator = Authenticator.create({ ...options, ...changes });
  try {
    const principal = await authenticator.authenticate(shown);
    return principal && [principal.means, principal.subject, principal.scopes.join(' ')];
  } catch (error) {
    if (!(error instanceof AuthenticationError)) throw error;
    return error.problem;
  } finally {
    await authenticator.close();
  }
}

describe('who a request is of', () => {
  test('is told by its bearer token (RFC 6750 2.1)', async () => {
    const token = await sign(key, { sub: 'portal', scope: 'mpps' });
    expect(await authenticate({ authorization: `Bearer ${token}` })).toEqual(['jwt', 'portal', 'mpps']);
    expect(await authenticate({ authorization: `bearer  ${token} ` })).toEqual(['jwt', 'portal', 'mpps']);
  });

  test('is told by an API key, in a field of its own or as bearer token', async () => {
    expect(await authenticate({ apiKey: KEY })).toEqual(['apiKey', 'ris', '']);
    expect(await authenticate({ authorization: `Bearer ${KEY}` })).toEqual(['apiKey', 'ris', '']);
    expect(await authenticate({ apiKey: PHRASE })).toEqual(['apiKey', 'hl7 engine', 'worklist']);
  });

  test('is told by the certificate of the connection, unless the request says more', async () => {
    expect(await authenticate({ certificate: CERTIFICATE })).toEqual(['certificate', CERTIFICATE, '']);
    expect(await authenticate({ certificate: CERTIFICATE, apiKey: KEY })).toEqual(['apiKey', 'ris', '']);
  });

  test('is not told by a certificate where that does not do', async () => {
    expect(await authenticate({ certificate: CERTIFICATE }, { certificates: false })).toBe('missing');
  });

  test('may be left open where nothing is required', async () => {
    expect(await authenticate({})).toBe('missing');
    expect(await authenticate({}, { required: false })).toBeUndefined();
  });
});

describe('what is shown must be right, required or not', () => {
  test.each([
    ['a key that is unknown', { apiKey: `${KEY}x` }, 'invalid'],
    ['an empty key', { apiKey: '' }, 'invalid'],
    ['an endless key', { apiKey: 'x'.repeat(5_000) }, 'invalid'],
    ['a token that is none', { authorization: 'Bearer a.b.c' }, 'invalid'],
    ['a bad key beside a good certificate', { apiKey: 'x', certificate: CERTIFICATE }, 'invalid'],
    ['a scheme that is not taken', { authorization: 'Basic cmlzOnJpcw==' }, 'missing'],
    ['two ways at once (RFC 6750 2)', { authorization: `Bearer ${KEY}`, apiKey: KEY }, 'ambiguous'],
  ] as const)('%s', async (_what, shown, problem) => {
    expect(await authenticate(shown)).toBe(problem);
    expect(await authenticate(shown, { required: false })).toBe(problem);
  });

  test('a token where only keys are taken', async () => {
    expect(await authenticate({ authorization: `Bearer ${await sign(key)}` }, { jwt: undefined })).toBe('invalid');
  });
});

describe('the challenge of a 401 (RFC 6750 3)', () => {
  test('has no error where nothing was shown, else says what is wrong', () => {
    const of = (problem: AuthenticationError['problem']): string =>
      challengeOf(new AuthenticationError(problem, 'why "é"'));
    expect(of('missing')).toBe('Bearer realm="dimseway"');
    expect(of('invalid')).toBe('Bearer realm="dimseway", error="invalid_token", error_description="why ???"');
    expect(of('ambiguous')).toContain('error="invalid_request"');
  });

  test('of a 403 names the scopes (RFC 6750 3.1)', () => {
    const needed = missingScopes(['worklist', 'mpps'], { scopes: ['mpps'] });
    expect(scopeChallenge(needed)).toBe('Bearer realm="dimseway", error="insufficient_scope", scope="worklist"');
    expect(missingScopes(['mpps'], {})).toEqual(['mpps']);
  });
});

test.each(['Bearer', 'Bearer ', 'Bearer a b', 'Bearer a\u00e9', 'Basic abc', '', 'Bearerabc'])(
  '%j bears nothing',
  (text) => {
    expect(bearerOf(text)).toBeUndefined();
  },
);
