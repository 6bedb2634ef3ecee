/** What an origin server sees of our credentials, for every transaction, over real sockets. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { dataSetOf } from '../../../src/dataset/model.ts';
import { DicomwebUpstream } from '../../../src/dicomweb/upstream.ts';
import type { CredentialsOptions } from '../../../src/identity/credentials.ts';
import { createCredentials } from '../../../src/identity/outbound-credentials.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext } from '../../../src/services/port.ts';
import { MPPS } from '../../support/http-listener.ts';
import { collect, contextOf, keepingLogger, queryOf } from '../../support/requests.ts';
import { jsonAnswer, StubOriginServer } from '../../support/stub-origin-server.ts';
import type { StubScript } from '../../support/stub-origin-server.ts';
import { TokenIssuer } from '../../support/token-issuer.ts';

let issuer: TokenIssuer;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  issuer = await TokenIssuer.start();
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  await issuer.close();
});

async function start(
  options: CredentialsOptions,
  script: StubScript = ({ method }) => (method === 'GET' ? jsonAnswer([]) : {}),
  redirectHosts: readonly string[] = [],
): Promise<{ stub: StubOriginServer; upstream: DicomwebUpstream }> {
  const stub = await StubOriginServer.start(script);
  const credentials = createCredentials(options);
  const upstream = new DicomwebUpstream(
    { name: 'ris', baseUrl: stub.baseUrl, mediaType: 'json', credentials, redirectHosts },
    keepingLogger(),
  );
  closing.push(
    () => stub.close(),
    () => upstream.close(),
  );
  return { stub, upstream };
}

const oauth2 = (): CredentialsOptions => ({
  oauth2: { tokenUrl: issuer.tokenUrl, clientId: 'gateway', clientSecret: 'hush' },
});

const shown = ({ requests }: StubOriginServer): unknown[] => requests.map(({ headers }) => headers.authorization);

async function failureOf(work: Promise<unknown>): Promise<ServiceFailure> {
  const error: unknown = await work.catch((problem: unknown) => problem);
  if (error instanceof ServiceFailure) return error;
  throw new Error(`No ServiceFailure: ${String(error)}`);
}

/** Every transaction once; what the answers are worth is of no interest here. */
async function everything(upstream: DicomwebUpstream, context: RequestContext): Promise<void> {
  await collect(upstream.search(queryOf(dataSetOf({})), context)).catch(() => undefined);
  await upstream.createMpps('1.2.3', MPPS, context).catch(() => undefined);
  await upstream.updateMpps('1.2.3', MPPS, context).catch(() => undefined);
  await upstream.retrieveMpps('1.2.3', 'all', context).catch(() => undefined);
  await upstream
    .requestCommitment('1.2.4', [{ sopClassUid: '1.2', sopInstanceUid: '1.2.5' }], context)
    .catch(() => undefined);
  await upstream.checkCommitment('1.2.4', context).catch(() => undefined);
  await upstream.verify(context).catch(() => undefined);
}

describe('every transaction', () => {
  test('shows our token, which is asked for once', async () => {
    const { stub, upstream } = await start(oauth2());
    await everything(upstream, contextOf());
    expect(new Set(stub.requests.map(({ method }) => method))).toEqual(new Set(['GET', 'POST', 'OPTIONS']));
    expect(stub.requests.length).toBeGreaterThanOrEqual(7);
    expect(new Set(shown(stub))).toEqual(new Set(['Bearer token-0']));
    expect(issuer.tokenRequests).toHaveLength(1);
  });

  test('passes the token of the requester on, or shows none', async () => {
    const { stub, upstream } = await start({ passOn: true });
    await everything(upstream, { ...contextOf(), bearer: 'of-the-portal' });
    expect(new Set(shown(stub))).toEqual(new Set(['Bearer of-the-portal']));
    const before = stub.requests.length;
    await everything(upstream, contextOf());
    expect(new Set(shown(stub).slice(before))).toEqual(new Set([undefined]));
  });

  test('never shows the token of the requester where that is not asked for', async () => {
    const { stub, upstream } = await start({ basic: { user: 'gate', password: 'way' } });
    await everything(upstream, { ...contextOf(), bearer: 'of-the-portal' });
    expect(new Set(shown(stub))).toEqual(new Set(['Basic Z2F0ZTp3YXk=']));
  });
});

describe('401 of the origin server', () => {
  test('has the token renewed and the request sent again, once, also a write: it was not done', async () => {
    const { stub, upstream } = await start(oauth2(), ({ headers }) =>
      headers.authorization === 'Bearer token-0' ? { status: 401 } : { status: 201 },
    );
    await expect(upstream.createMpps('1.2.3', MPPS, contextOf())).resolves.toMatchObject({ uid: '1.2.3' });
    expect(shown(stub)).toEqual(['Bearer token-0', 'Bearer token-1']);
    expect(stub.requests[1]?.body.equals(stub.requests[0]!.body)).toBe(true);
  });

  test('is NOT_AUTHORIZED where it comes again, and the provider is left in peace', async () => {
    const { stub, upstream } = await start(oauth2(), () => ({ status: 401 }));
    for (let times = 0; times < 3; times++) {
      expect((await failureOf(upstream.createMpps('1.2.3', MPPS, contextOf()))).code).toBe('NOT_AUTHORIZED');
    }
    expect([stub.requests.length, issuer.tokenRequests.length]).toEqual([4, 2]);
  });

  test('to a static token is NOT_AUTHORIZED at once', async () => {
    const { stub, upstream } = await start({ bearer: 'static' }, () => ({ status: 401 }));
    expect((await failureOf(upstream.createMpps('1.2.3', MPPS, contextOf()))).code).toBe('NOT_AUTHORIZED');
    expect(stub.requests).toHaveLength(1);
  });
});

describe('without a token', () => {
  test('nothing is sent, and a write is safe to repeat', async () => {
    issuer.answerToken = () => ({ status: 503, body: {} });
    const { stub, upstream } = await start(oauth2());
    const { code, retry } = await failureOf(upstream.createMpps('1.2.3', MPPS, contextOf()));
    expect([code, retry, stub.requests.length]).toEqual(['UPSTREAM_UNREACHABLE', 'safe', 0]);
  });

  test('the requester waits no longer than it wants', async () => {
    const asked = Promise.withResolvers<void>();
    const end = Promise.withResolvers<{ body: object }>();
    issuer.answerToken = () => {
      asked.resolve();
      return end.promise;
    };
    const { stub, upstream } = await start(oauth2());
    const controller = new AbortController();
    const work = failureOf(upstream.createMpps('1.2.3', MPPS, contextOf(undefined, controller.signal)));
    await asked.promise;
    controller.abort(new ServiceFailure('CANCELED'));
    const { code, retry } = await work;
    expect([code, retry, stub.requests.length]).toEqual(['CANCELED', 'safe', 0]);
    end.resolve({ body: {} });
  });
});

test('a redirect to another origin takes no credentials along', async () => {
  const other = await StubOriginServer.start(() => jsonAnswer([]));
  closing.push(() => other.close());
  const target = `${other.baseUrl}/modality-scheduled-procedure-steps`;
  const { stub, upstream } = await start(oauth2(), () => ({ status: 307, headers: { Location: target } }), [
    '127.0.0.1',
  ]);
  await collect(upstream.search(queryOf(dataSetOf({})), contextOf()));
  expect([shown(stub), shown(other)]).toEqual([['Bearer token-0'], [undefined]]);
});
