import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ClientCredentials } from '../../../src/identity/client-credentials.ts';
import type { ClientCredentialsOptions } from '../../../src/identity/credentials.ts';
import { createCredentials } from '../../../src/identity/outbound-credentials.ts';
import { ProviderClient } from '../../../src/identity/provider-client.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { TokenIssuer } from '../../support/token-issuer.ts';

const SECRET = 's3cret+/&%';

describe('static credentials', () => {
  test('are a bearer token (RFC 6750 2.1) or a password in UTF-8 (RFC 7617)', async () => {
    const bearer = createCredentials({ bearer: 'abc.def' });
    const basic = createCredentials({ basic: { user: 'gate', password: 'pässwort:1' } });
    expect(await bearer.authorization(undefined)).toBe('Bearer abc.def');
    const shown = await basic.authorization(undefined);
    expect(Buffer.from(shown?.slice(6) ?? '', 'base64').toString()).toBe('gate:pässwort:1');
    expect(bearer.refused('Bearer abc.def')).toBe(false);
  });

  test.each([
    { bearer: 'abc\r\nHost: elsewhere' },
    { bearer: '' },
    { basic: { user: 'a:b', password: 'c' } },
    { oauth2: { tokenUrl: 'http://idp.example/token', clientId: 'a', clientSecret: 'b' } },
  ])('that could do harm are refused (%#)', (options) => {
    expect(() => createCredentials(options)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('the token of the requester', () => {
  test('is passed on, and nothing is sent without one', async () => {
    const credentials = createCredentials({ passOn: true });
    expect(await credentials.authorization('of-the-portal')).toBe('Bearer of-the-portal');
    expect(await credentials.authorization(undefined)).toBeUndefined();
    expect(credentials.refused('Bearer of-the-portal')).toBe(false);
  });

  test('is replaced by one of our own where there is none', async () => {
    const credentials = createCredentials({ passOn: true, else: { bearer: 'own' } });
    expect(await credentials.authorization('theirs')).toBe('Bearer theirs');
    expect(await credentials.authorization(undefined)).toBe('Bearer own');
  });
});

describe('client credentials (RFC 6749 4.4)', () => {
  let issuer: TokenIssuer;
  let client: ProviderClient;
  let nowMs: number;

  beforeEach(async () => {
    issuer = await TokenIssuer.start();
    client = new ProviderClient({ timeoutMs: 2_000 });
    nowMs = 0;
  });
  afterEach(async () => {
    await client.close();
    await issuer.close();
  });

  function credentialsOf(options: Partial<ClientCredentialsOptions> = {}): ClientCredentials {
    const all = { tokenUrl: issuer.tokenUrl, clientId: 'gate way', clientSecret: SECRET, ...options };
    return new ClientCredentials(all, client, () => nowMs);
  }

  async function failureOf(credentials: ClientCredentials): Promise<ServiceFailure> {
    const error: unknown = await credentials.authorization().catch((problem: unknown) => problem);
    if (error instanceof ServiceFailure) return error;
    throw new Error(`No ServiceFailure: ${String(error)}`);
  }

  test('ask for a token with id and secret, encoded as a form does (RFC 6749 2.3.1), and the scopes', async () => {
    expect(await credentialsOf({ scopes: ['worklist', 'mpps'] }).authorization()).toBe('Bearer token-0');
    const { headers, form } = issuer.tokenRequests[0]!;
    expect(Object.fromEntries(form)).toEqual({ grant_type: 'client_credentials', scope: 'worklist mpps' });
    const shown = Buffer.from(headers.authorization?.slice(6) ?? '', 'base64').toString();
    expect(shown).toBe('gate+way:s3cret%2B%2F%26%25');
  });

  test('or in the form, for providers that want it there', async () => {
    await credentialsOf({ clientAuthentication: 'post', audience: 'ris' }).authorization();
    const { headers, form } = issuer.tokenRequests[0]!;
    expect(headers.authorization).toBeUndefined();
    expect([form.get('client_id'), form.get('client_secret'), form.get('audience')]).toEqual([
      'gate way',
      SECRET,
      'ris',
    ]);
  });

  test('are asked for once for all who wait, and kept', async () => {
    const credentials = credentialsOf();
    expect(new Set(await Promise.all([1, 2, 3].map(() => credentials.authorization())))).toEqual(
      new Set(['Bearer token-0']),
    );
    nowMs = 239_999;
    expect(await credentials.authorization()).toBe('Bearer token-0');
    expect(issuer.tokenRequests).toHaveLength(1);
  });

  test('are renewed ahead of their end, while the old ones go on', async () => {
    const credentials = credentialsOf();
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const answer = issuer.answerToken;
    await credentials.authorization();
    issuer.answerToken = async (request, index) => {
      asked.resolve();
      await go.promise;
      return answer(request, index);
    };
    nowMs = 240_000;
    expect(await credentials.authorization()).toBe('Bearer token-0');
    await asked.promise;
    nowMs = 300_000;
    const renewed = credentials.authorization();
    go.resolve();
    expect(await renewed).toBe('Bearer token-1');
  });

  test('that are renewed in vain go on until their end', async () => {
    const credentials = credentialsOf();
    await credentials.authorization();
    issuer.answerToken = () => ({ status: 500, body: {} });
    nowMs = 250_000;
    expect(await credentials.authorization()).toBe('Bearer token-0');
    nowMs = 300_000;
    expect((await failureOf(credentials)).code).toBe('UPSTREAM_UNREACHABLE');
  });

  test('that are refused are renewed once, for all who had them, and not again for a while', async () => {
    const credentials = credentialsOf();
    const first = await credentials.authorization();
    expect([credentials.refused(first), credentials.refused(first)]).toEqual([true, true]);
    const second = await credentials.authorization();
    expect(second).toBe('Bearer token-1');
    expect(credentials.refused(second)).toBe(false);
    nowMs += 30_000;
    expect(credentials.refused(second)).toBe(true);
    expect(credentials.refused('Bearer of somebody else')).toBe(false);
  });

  test.each([
    [401, { error: 'invalid_client' }, 'NOT_AUTHORIZED', 'permanent', 'HTTP 401 invalid_client'],
    [400, { error: 'DOE^JANE <b>' }, 'NOT_AUTHORIZED', 'permanent', 'HTTP 400'],
    [429, {}, 'UPSTREAM_UNREACHABLE', 'safe', 'HTTP 429'],
    [503, 'down', 'UPSTREAM_UNREACHABLE', 'safe', 'HTTP 503'],
    [200, 'no JSON', 'UPSTREAM_PROTOCOL_ERROR', 'safe', 'no bearer token'],
    [200, { access_token: 'a b', token_type: 'Bearer' }, 'UPSTREAM_PROTOCOL_ERROR', 'safe', 'no bearer token'],
    [200, { access_token: 'x', token_type: 'mac' }, 'UPSTREAM_PROTOCOL_ERROR', 'safe', 'no bearer token'],
  ] as const)('an answer %i %j is %s, %s', async (status, body, code, retry, text) => {
    issuer.answerToken = () => ({ status, body });
    const failure = await failureOf(credentialsOf());
    expect([failure.code, failure.retry]).toEqual([code, retry]);
    expect(failure.message.endsWith(text)).toBe(true);
  });

  test('are asked for again no sooner than a second after a failure', async () => {
    const credentials = credentialsOf();
    issuer.answerToken = () => ({ status: 503, body: {} });
    await failureOf(credentials);
    await failureOf(credentials);
    expect(issuer.tokenRequests).toHaveLength(1);
    nowMs = 1_000;
    await failureOf(credentials);
    expect(issuer.tokenRequests).toHaveLength(2);
  });

  test('that nobody gives are UPSTREAM_UNREACHABLE, without a secret', async () => {
    const credentials = credentialsOf();
    await issuer.close();
    const failure = await failureOf(credentials);
    expect([failure.code, failure.retry]).toEqual(['UPSTREAM_UNREACHABLE', 'safe']);
    expect(inspect([failure, credentials], { depth: 9, showHidden: true })).not.toMatch(/s3cret|czNjc/);
    issuer = await TokenIssuer.start();
  });
});
