/** Who may ask a DICOMweb listener, over real sockets, with an identity provider on loopback. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createDataSet } from '../../../src/dataset/model.ts';
import { USER_AGENT_DEFAULTS, UserAgent } from '../../../src/dicomweb/user-agent.ts';
import { tellingSeldom } from '../../../src/dicomweb/authentication.ts';
import { Authenticator } from '../../../src/identity/authenticator.ts';
import type { AuthenticationOptions } from '../../../src/identity/authenticator.ts';
import type { AuthenticationEvent } from '../../../src/identity/principal.ts';
import { hashSecret } from '../../../src/identity/secret-hash.ts';
import type { ServerTls } from '../../../src/tls/server-tls.ts';
import { call } from '../../support/http-client.ts';
import type { HttpReply } from '../../support/http-client.ts';
import { MPPS_UID, startMppsListener } from '../../support/http-listener.ts';
import type { StartedListener } from '../../support/http-listener.ts';
import { certificateFile, clientTls, filesOf, serverTls } from '../../support/tls.ts';
import { keepingLogger } from '../../support/requests.ts';
import { AUDIENCE, createKey, ISSUER, sign, TokenIssuer } from '../../support/token-issuer.ts';
import type { IssuedKey } from '../../support/token-issuer.ts';

const KEY = 'k-3f9b2c7e51d84a60';
const RESOURCE = `/dicomweb/modality-performed-procedure-steps/${MPPS_UID}`;
const REALM = 'Bearer realm="dimseway"';

let issuer: TokenIssuer;
let key: IssuedKey;
let keyHash: string;
let events: AuthenticationEvent[];
const started: StartedListener[] = [];
const authenticators: Authenticator[] = [];

beforeAll(async () => {
  key = await createKey('key');
  issuer = await TokenIssuer.start(key);
  keyHash = await hashSecret(KEY, 'sha256');
});
afterEach(async () => {
  await Promise.all(started.splice(0).map(({ close }) => close()));
  await Promise.all(authenticators.splice(0).map((one) => one.close()));
});
afterAll(() => issuer.close());

interface Changes extends Partial<AuthenticationOptions> {
  readonly tls?: ServerTls;
  readonly refusal?: 403 | 404;
  readonly scopes?: readonly string[];
}

async function start({ refusal, scopes, tls, ...changes }: Changes = {}): Promise<StartedListener> {
  events = [];
  const authenticator = Authenticator.create({
    required: true,
    certificates: false,
    jwt: { issuer: ISSUER, audience: AUDIENCE, keys: issuer.keysUrl },
    apiKeys: [{ subject: 'ris', hash: keyHash, scopes: ['mpps'] }],
    ...changes,
  });
  authenticators.push(authenticator);
  const identity = { authenticator, authenticated: (event: AuthenticationEvent) => void events.push(event) };
  const listener = await startMppsListener(
    () => createDataSet(),
    { ...identity, ...(refusal !== undefined && { refusal }), ...(tls && { tls }) },
    ['mpps'],
    scopes && { scopes },
  );
  started.push(listener);
  return listener;
}

function ask(
  port: number,
  headers: Record<string, string> = {},
  target = RESOURCE,
  method = 'GET',
): Promise<HttpReply> {
  return call(port, target, { method, headers });
}

const bearer = async (claims = {}): Promise<Record<string, string>> => ({
  Authorization: `Bearer ${await sign(key, claims)}`,
});

describe('a request without credentials', () => {
  test.each([
    ['a resource', RESOURCE, 'GET'],
    ['a path that leads nowhere', '/dicomweb/studies', 'GET'],
    ['a method that is not possible', RESOURCE, 'DELETE'],
    ['the capabilities', '/dicomweb/', 'OPTIONS'],
    ['the methods of a resource', RESOURCE, 'OPTIONS'],
  ])('is challenged (RFC 9110 15.5.2), be it for %s', async (_what, target, method) => {
    const { port, calls } = await start();
    const { status, headers, body } = await ask(port, { Accept: 'application/json' }, target, method);
    expect([status, headers['www-authenticate'], calls.length]).toEqual([401, REALM, 0]);
    expect(JSON.parse(body.toString())).toMatchObject({ code: 'NOT_AUTHORIZED', error: 'Credentials are needed' });
    expect(events).toEqual([
      { listener: 'web', address: '127.0.0.1', outcome: 'failure', why: 'the request says not who it is of' },
    ]);
  });

  test('leaves one line a minute for each address, with the number of those between', async () => {
    const logger = keepingLogger();
    let nowMs = 0;
    const tell = tellingSeldom(logger, () => nowMs);
    for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2', '10.0.0.1']) tell(address, 'no token');
    nowMs = 60_000;
    tell('10.0.0.1', 'no token');
    const line = { level: 'warn', message: 'request refused: not authenticated', why: 'no token' };
    expect(logger.lines).toEqual([
      { ...line, address: '10.0.0.1' },
      { ...line, address: '10.0.0.2' },
      { ...line, address: '10.0.0.1', more: 2 },
    ]);
  });

  test('is told of once, and counted, though everyone is refused', async () => {
    const { port, lines } = await start();
    for (let i = 0; i < 3; i++) expect((await ask(port)).status).toBe(401);
    expect(lines.filter(({ message }) => message.startsWith('request refused'))).toHaveLength(1);
    expect(events).toHaveLength(3);
  });

  test('is served where they are not required, with no subject', async () => {
    const { port, calls } = await start({ required: false });
    expect((await ask(port)).status).toBe(200);
    expect(calls[0]?.context.requester).not.toHaveProperty('subject');
  });
});

describe('a request with credentials', () => {
  test('is served, and its subject and scopes go with it; its token does not show', async () => {
    const { port, calls, lines } = await start();
    const headers = await bearer({ sub: 'portal', scope: 'worklist mpps' });
    expect((await ask(port, headers)).status).toBe(200);
    const { requester, bearer: passedOn } = calls[0]!.context;
    expect(requester).toMatchObject({ subject: 'portal', scopes: ['worklist', 'mpps'] });
    expect(`Bearer ${passedOn}`).toBe(headers.Authorization);
    expect(JSON.stringify([requester, lines, events])).not.toContain('eyJ');
    expect(events).toEqual([
      { listener: 'web', address: '127.0.0.1', outcome: 'success', subject: 'portal', means: 'jwt' },
    ]);
  });

  test('by API key is served; the key is not passed on: it is for this gateway', async () => {
    const { port, calls } = await start();
    expect((await ask(port, { 'X-API-Key': KEY })).status).toBe(200);
    expect((await ask(port, { Authorization: `Bearer ${KEY}` })).status).toBe(200);
    expect(calls.map(({ context }) => [context.requester.subject, 'bearer' in context])).toEqual([
      ['ris', false],
      ['ris', false],
    ]);
  });

  test('that are wrong is refused with the reason, required or not (RFC 6750 3.1)', async () => {
    const { port, calls, lines } = await start({ required: false });
    const expired = await ask(port, await bearer({ exp: 1_000_000_000 }));
    expect(expired.status).toBe(401);
    expect(expired.headers['www-authenticate']).toBe(
      `${REALM}, error="invalid_token", error_description="the token has expired"`,
    );
    expect((await ask(port, { 'X-API-Key': 'guess-4711' })).status).toBe(401);
    expect(calls).toEqual([]);
    expect(lines.filter(({ level }) => level === 'warn')).toMatchObject([{ why: 'the token has expired' }]);
    expect(events.map(({ why }) => why)).toEqual(['the token has expired', 'the token or key is not known']);
    expect(JSON.stringify(lines)).not.toMatch(/eyJ|4711/);
  });

  test('in two ways is a bad request (RFC 6750 2)', async () => {
    const { port } = await start();
    const { status, headers } = await ask(port, { ...(await bearer()), 'X-API-Key': KEY });
    expect([status, headers['www-authenticate']]).toEqual([400, expect.stringContaining('invalid_request')]);
  });

  test('that cannot be checked may come again later', async () => {
    const { port } = await start({ jwt: { issuer: ISSUER, audience: AUDIENCE, keys: `${issuer.url}/nothing-here` } });
    const { status, headers } = await ask(port, await bearer());
    expect([status, headers['retry-after']]).toEqual([503, '10']);
  });
});

describe('a route that needs scopes', () => {
  const scopes = ['mpps', 'ward 3'];

  test('serves who has them all', async () => {
    const { port } = await start({ scopes: ['mpps'] });
    expect((await ask(port, { 'X-API-Key': KEY })).status).toBe(200);
  });

  test('refuses who lacks one, and names it (RFC 6750 3.1)', async () => {
    const { port, refusals, calls } = await start({ scopes });
    const { status, headers } = await ask(port, { 'X-API-Key': KEY });
    expect([status, headers['www-authenticate'], calls.length]).toEqual([
      403,
      `${REALM}, error="insufficient_scope", scope="ward 3"`,
      0,
    ]);
    expect(refusals.map(({ failure }) => failure.code)).toEqual(['NOT_AUTHORIZED']);
  });

  test('looks like nothing at all where the policy is 404', async () => {
    const { port } = await start({ scopes, refusal: 404 });
    const refused = await ask(port, { 'X-API-Key': KEY });
    const missing = await ask(port, { 'X-API-Key': KEY }, '/dicomweb/studies');
    const told = ({ status, headers, body }: HttpReply): unknown => [
      status,
      Object.keys(headers).sort(),
      body.toString().replace(/[0-9a-f-]{36}/, ''),
    ];
    expect(refused.status).toBe(404);
    expect(told(refused)).toEqual(told(missing));
  });

  test('challenges who may still say who it is', async () => {
    const { port } = await start({ scopes, required: false });
    const { status, headers } = await ask(port);
    expect([status, headers['www-authenticate']]).toEqual([401, REALM]);
  });

  test('is not among the capabilities of who lacks one (PS3.18 8.9)', async () => {
    const { port } = await start({ scopes });
    const { status, body } = await ask(port, { 'X-API-Key': KEY }, '/dicomweb/', 'OPTIONS');
    expect(status).toBe(200);
    expect(body.toString()).not.toContain('modality-performed-procedure-steps');
  });
});

test.each([
  ['client', [200, 'CN=ct1,O=Hospital,C=DE']],
  [undefined, [403, undefined]],
] as const)('a client certificate that was checked says who asks: %s', async (name, expected) => {
  const { tls } = await serverTls({ clientCertificates: 'request', authorities: [certificateFile('ca')] });
  const client = await clientTls(name && filesOf(name));
  const { port, calls } = await start({ jwt: undefined, apiKeys: undefined, certificates: true, tls });
  const agent = new UserAgent({ ...USER_AGENT_DEFAULTS, tls: client.tls });
  const url = new URL(`https://127.0.0.1:${port}${RESOURCE}`);
  const { status } = await agent.send({ method: 'GET', url, signal: new AbortController().signal });
  expect([status, calls[0]?.context.requester.subject]).toEqual(expected);
  await agent.close();
  client.tls.close();
  tls.close();
});

test('only a certificate would help where no token is taken: 403, as a challenge has to name what helps', async () => {
  const { port } = await start({ jwt: undefined, apiKeys: undefined, certificates: true });
  const { status, headers } = await ask(port);
  expect([status, headers['www-authenticate']]).toEqual([403, undefined]);
});

test('a listener that asks nobody hands a bearer token on as it came', async () => {
  const listener = await startMppsListener(() => createDataSet());
  started.push(listener);
  await ask(listener.port, { Authorization: 'Bearer opaque-token' });
  await ask(listener.port, { Authorization: 'Basic cmlzOnJpcw==' });
  expect(listener.calls.map(({ context }) => context.bearer)).toEqual(['opaque-token', undefined]);
});
