import { afterEach, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { toXml } from '../../../src/dataset/xml.ts';
import { DicomwebUpstream } from '../../../src/dicomweb/upstream.ts';
import type { DicomwebUpstreamOptions } from '../../../src/dicomweb/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentContext, RequestContext } from '../../../src/services/port.ts';
import type { CommitmentStatus } from '../../../src/services/storage-commitment/commitment.ts';
import { responseModule, sopForm, toldIn } from '../../../src/services/storage-commitment/modules.ts';
import { failAll, settle } from '../../../src/services/storage-commitment/settle.ts';
import { goldenCommitments, manyReferences, TRANSACTION, treeForm } from '../../support/commitments.ts';
import { acceptOf, bodyIn, MEDIA_TYPES, readBody } from '../../support/media-bodies.ts';
import { contextOf, keepingLogger } from '../../support/requests.ts';
import { StubOriginServer } from '../../support/stub-origin-server.ts';
import type { StubAnswer, StubRequest, StubScript } from '../../support/stub-origin-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const RESOURCE = `/dicomweb/commitment-requests/${TRANSACTION}`;
const JSON_TYPE = 'application/dicom+json';
const REFERENCES = manyReferences(3);
const [FIRST, SECOND, THIRD] = REFERENCES as [(typeof REFERENCES)[0], (typeof REFERENCES)[0], (typeof REFERENCES)[0]];
/** The first is committed, the others failed. */
const MODULE = responseModule(sopForm(REFERENCES), {
  committed: [FIRST],
  failed: [
    { ...SECOND, reason: 0x0112 },
    { ...THIRD, reason: 0x0110 },
  ],
});
const PENDING: CommitmentStatus = { state: 'pending' };
const DONE: CommitmentStatus = { state: 'done', told: toldIn(MODULE) };

interface Started {
  readonly stub: StubOriginServer;
  readonly upstream: DicomwebUpstream;
}

async function start(script: StubScript, options: Partial<DicomwebUpstreamOptions> = {}): Promise<Started> {
  const stub = await StubOriginServer.start(script);
  return { stub, upstream: upstreamAt(stub, options) };
}

function upstreamAt(stub: StubOriginServer, options: Partial<DicomwebUpstreamOptions> = {}): DicomwebUpstream {
  const upstream = new DicomwebUpstream(
    { name: 'archive', baseUrl: stub.baseUrl, mediaType: 'json', ...options },
    keepingLogger(),
  );
  closing.push(
    () => stub.close(),
    () => upstream.close(),
  );
  return upstream;
}

function commitmentContext(context: RequestContext = contextOf()): CommitmentContext {
  return { ...context, holdMs: 0, reported: () => Promise.reject(new Error('the web has no reports')) };
}

const request = (upstream: DicomwebUpstream, context = contextOf()): Promise<CommitmentStatus> =>
  upstream.requestCommitment(TRANSACTION, REFERENCES, commitmentContext(context));
const check = (upstream: DicomwebUpstream, context = contextOf()): Promise<CommitmentStatus> =>
  upstream.checkCommitment(TRANSACTION, context);
/** Both transactions, and what `retry` means for an answer of each that cannot be trusted. */
const BOTH = [
  ['Request', request, 'ambiguous'],
  ['Result Check', check, 'safe'],
] as const;

async function failureOf(work: Promise<unknown>): Promise<ServiceFailure> {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (error instanceof ServiceFailure) return error;
  throw new Error(`no ServiceFailure: ${String(error)}`);
}

const lineOf = ({ method, path, query }: StubRequest): string => `${method} ${path}${query && '?'}${query}`;
const typesOf = (stub: StubOriginServer): string[] =>
  stub.requests.map(({ headers, body }) => readBody(headers['content-type'] ?? '', body).mediaType);

function answerIn(mediaType: (typeof MEDIA_TYPES)[number], module: DataSet): StubAnswer {
  const { contentType, body } = bodyIn(mediaType, module);
  return { status: 200, headers: { 'Content-Type': contentType }, body };
}

const jsonOf = (text: string): StubAnswer => ({ status: 200, headers: { 'Content-Type': JSON_TYPE }, body: text });

test('an origin server is asked for the result: it reports nothing, and takes no reports (PS3.18 13)', async () => {
  const { stub, upstream } = await start(() => ({ status: 202 }));
  expect(upstream.commitmentResult).toBe('checked');
  expect(await failureOf(upstream.reportCommitment())).toMatchObject({ code: 'NOT_SUPPORTED', retry: 'permanent' });
  expect(stub.requests).toEqual([]);
});

describe('Request (PS3.18 13.4)', () => {
  test('is a POST of the Referenced SOP Sequence alone: the Transaction UID stands in the path only', async () => {
    const { stub, upstream } = await start(() => ({ status: 202 }), { headers: { authorization: 'Bearer t' } });
    const hops = [{ instance: 'gw one', route: 'a' }];
    expect(await request(upstream, { ...contextOf(), hops })).toEqual(PENDING);
    expect(stub.requests.map(lineOf)).toEqual([`POST ${RESOURCE}`]);
    expect(stub.requests[0]?.headers).toMatchObject({
      'content-type': JSON_TYPE,
      accept: JSON_TYPE,
      authorization: 'Bearer t',
      'content-length': String(stub.requests[0]?.body.length),
      'dimseway-hop': 'gw%20one;a',
      'dimseway-calling-ae-title': 'CT1',
    });
    expect(stub.requests[0]?.body.toString()).toBe(toJson(sopForm(REFERENCES)));
  });

  describe.each(MEDIA_TYPES)('media type %s', (mediaType) => {
    test.each(MEDIA_TYPES)('is sent, and asked for first; an answer in %s is read', async (answered) => {
      const { stub, upstream } = await start(() => answerIn(answered, MODULE), { mediaType });
      expect(await request(upstream)).toEqual(DONE);
      expect(await check(upstream)).toEqual(DONE);
      const [posted, got] = stub.requests as [StubRequest, StubRequest];
      expect(readBody(posted.headers['content-type'] ?? '', posted.body)).toEqual({
        mediaType,
        dataSet: sopForm(REFERENCES),
      });
      for (const { headers } of [posted, got]) expect(headers.accept?.startsWith(acceptOf(mediaType))).toBe(true);
    });

    test.each([406, 415])('%i: the others are tried, and the one that is taken is remembered', async (status) => {
      const { stub, upstream } = await start(
        ({ headers, body }) => {
          const sent = readBody(headers['content-type'] ?? '', body).mediaType;
          return sent === taken ? { status: 202 } : { status };
        },
        { mediaType },
      );
      const taken = MEDIA_TYPES.findLast((type) => type !== mediaType);
      expect(await request(upstream)).toEqual(PENDING);
      const before = stub.requests.length;
      expect(await request(upstream)).toEqual(PENDING);
      expect(typesOf(stub).slice(before)).toEqual([taken]);
    });
  });

  test('406 may be about the answer: the same payload again, with every media type acceptable', async () => {
    const { stub, upstream } = await start(({ headers }) =>
      headers.accept?.includes('application/dicom+xml') === true ? answerIn('xml', MODULE) : { status: 406 },
    );
    expect(await request(upstream)).toEqual(DONE);
    expect(typesOf(stub)).toEqual(['json', 'json']);
    expect(await check(upstream)).toEqual(DONE);
  });

  test('415 for every media type is NO_COMMON_MEDIA_TYPE, and nothing is remembered', async () => {
    const { stub, upstream } = await start(() => ({ status: 415 }));
    for (const _ of [1, 2]) {
      expect(await failureOf(request(upstream))).toMatchObject({ code: 'NO_COMMON_MEDIA_TYPE', retry: 'permanent' });
    }
    expect(typesOf(stub)).toEqual([...MEDIA_TYPES, ...MEDIA_TYPES]);
  });

  test('a request that broke off after it was sent is ambiguous, and was sent once', async () => {
    const { stub, upstream } = await start(() => ({ raw: '', then: 'reset' }));
    expect(await failureOf(request(upstream))).toMatchObject({ code: 'CONNECTION_LOST', retry: 'ambiguous' });
    expect(stub.requests).toHaveLength(1);
  });

  test('nobody there: safe', async () => {
    const { stub, upstream } = await start(() => ({ status: 202 }));
    await stub.close();
    expect(await failureOf(request(upstream))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'safe' });
    expect(await failureOf(check(upstream))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'safe' });
  });

  test('no answer in time: ambiguous after sending, for a check safe', async () => {
    const { upstream } = await start(() => ({ raw: '', then: 'stay' }), { responseTimeoutMs: 100 });
    expect(await failureOf(request(upstream))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
    expect(await failureOf(check(upstream))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'safe' });
  });
});

describe('examples B.27 to B.29, and both forms at once', () => {
  test.each(goldenCommitments())('$name', async ({ transactionUid, response, text }) => {
    for (const mediaType of ['json', 'xml'] as const) {
      const body = text(`response.${mediaType}`);
      const answer = { headers: { 'Content-Type': `application/dicom+${mediaType}` }, body };
      const { upstream } = await start(() => answer);
      const told = await upstream.checkCommitment(transactionUid, contextOf());
      expect(told).toEqual({ state: 'done', told: toldIn(response) });
    }
  });

  test('the slips of B.28 and B.29 are read: capitals, a reason that is text, a part without headers', async () => {
    const [b28, b29] = ['b28', 'b29'].map((name) => goldenCommitments().find((one) => one.name.startsWith(name)));
    const xml = { 'Content-Type': 'application/dicom+xml' };
    const multipart = { 'Content-Type': 'multipart/related; type="application/dicom+xml"; boundary=MESSAGEBOUNDARY' };
    for (const [golden, file, headers] of [
      [b28, 'response.capitals.xml', xml],
      [b29, 'response.reason.xml', xml],
      [b29, 'response.multipart', multipart],
    ] as const) {
      const { upstream } = await start(() => ({ headers, body: golden?.text(file) ?? '' }));
      expect(await check(upstream)).toEqual({ state: 'done', told: toldIn(golden?.response ?? dataSetOf({})) });
    }
  });
});

describe('a success that is not 200 means: still working (status-mapping 7.3)', () => {
  test.each([201, 202, 203, 204, 205, 206])('%i, whatever its payload', async (status) => {
    const answer = { ...answerIn('json', MODULE), status };
    const { upstream } = await start(() => (status === 204 || status === 205 ? { status } : answer));
    expect(await request(upstream)).toEqual(PENDING);
    expect(await check(upstream)).toEqual(PENDING);
  });

  test('202 with a payload that breaks off', async () => {
    const { upstream } = await start(() => ({
      raw: 'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"0008',
      then: 'reset',
    }));
    expect(await request(upstream)).toEqual(PENDING);
    expect(await check(upstream)).toEqual(PENDING);
  });

  const inAMinute = 'Thu, 12 Jun 2025 08:01:00 GMT';
  const date = 'Thu, 12 Jun 2025 08:00:00 GMT';
  test.each<[string, number | undefined]>([
    ['30', 30_000],
    ['0', 0],
    [' 7 ', 7_000],
    ['99999999999999999999', 999_999_999_000],
    [inAMinute, 60_000],
    ['Thursday, 12-Jun-25 08:01:00 GMT', 60_000],
    ['Thu Jun 12 08:01:00 2025', 60_000],
    ['Thu, 12 Jun 2025 07:00:00 GMT', 0],
    ['Thu, 99 Jun 2025 08:01:00 GMT', undefined],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon 5', undefined],
    ['2025-06-12T08:01:00Z', undefined],
    ['', undefined],
  ])('Retry-After: %s (RFC 9110 10.2.3), a date by the clock of the server', async (text, retryAfterMs) => {
    const { upstream } = await start(() => ({ status: 202, headers: { 'Retry-After': text, Date: date } }));
    const expected = { state: 'pending', ...(retryAfterMs !== undefined && { retryAfterMs }) };
    expect([await request(upstream), await check(upstream)]).toEqual([expected, expected]);
  });

  test('Retry-After as a date of a server that tells no time: by our clock', async () => {
    const later = new Date(Date.now() + 3_600_000).toUTCString();
    const { upstream } = await start(() => ({
      raw: `HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nRetry-After: ${later}\r\n\r\n`,
    }));
    const { retryAfterMs = 0 } = (await check(upstream)) as { retryAfterMs?: number };
    expect(retryAfterMs).toBeGreaterThan(3_590_000);
    expect(retryAfterMs).toBeLessThanOrEqual(3_600_000);
  });
});

describe('a 200 that cannot be read whole and once is no result: no instance is committed by it', () => {
  const whole = toJson(MODULE);
  const xml = toXml(MODULE);
  const head = (type: string, length: number): string =>
    `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nContent-Length: ${length}\r\nConnection: close\r\n\r\n`;
  const headOpen = (type: string): string => `HTTP/1.1 200 OK\r\nContent-Type: ${type}\r\nConnection: close\r\n\r\n`;
  const XML_TYPE = 'application/dicom+xml';
  const MULTIPART = `multipart/related; type="${JSON_TYPE}"; boundary=b`;
  const part = `--b\r\nContent-Type: ${JSON_TYPE}\r\n\r\n${whole}\r\n`;
  const twice = `${whole.slice(0, -1)},"00081198":{"vr":"SQ"}}`;
  const inTwoCases = `${whole.slice(0, -1)},"0008119B":{"vr":"SQ"},"0008119b":{"vr":"SQ"}}`;
  const otherUid = toJson(dataSetOf({ ...MODULE, '00081195': attribute('UI', '1.2.3') }));

  const cases: readonly [string, StubAnswer, string][] = [
    ['cut before its length', { raw: head(JSON_TYPE, whole.length) + whole.slice(0, -20) }, 'ANSWER_TRUNCATED'],
    ['cut by a reset', { raw: head(JSON_TYPE, whole.length) + whole.slice(0, 20), then: 'reset' }, 'ANSWER_TRUNCATED'],
    ['cut where no length is told', { raw: headOpen(JSON_TYPE) + whole.slice(0, -1) }, 'ANSWER_UNREADABLE'],
    ['XML cut where no length is told', { raw: headOpen(XML_TYPE) + xml.slice(0, -5) }, 'ANSWER_UNREADABLE'],
    ['multipart without end', { raw: headOpen(MULTIPART) + part }, 'ANSWER_TRUNCATED'],
    ['a chunk cut', { raw: 'HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"000' }, 'ANSWER_TRUNCATED'],
    ['gzip cut', { headers: { 'Content-Type': JSON_TYPE, 'Content-Encoding': 'gzip' }, body: gzipSync(whole).subarray(0, -9) }, 'ANSWER_TRUNCATED'],
    ['no body', { status: 200, headers: { 'Content-Type': JSON_TYPE } }, 'ANSWER_UNREADABLE'],
    ['no body and no length', { raw: headOpen(JSON_TYPE) }, 'ANSWER_TRUNCATED'],
    ['an empty array', jsonOf('[]'), 'ANSWER_UNREADABLE'],
    ['null', jsonOf('null'), 'ANSWER_UNREADABLE'],
    ['a page in HTML', { headers: { 'Content-Type': 'text/html' }, body: '<html>committed</html>' }, 'ANSWER_UNREADABLE'],
    ['another type', { headers: { 'Content-Type': 'application/dicom' }, body: whole }, 'ANSWER_UNREADABLE'],
    ['JSON that is said to be XML', { headers: { 'Content-Type': XML_TYPE }, body: whole }, 'ANSWER_UNREADABLE'],
    ['JSON that is no data set', jsonOf('{"status":"committed"}'), 'ANSWER_UNREADABLE'],
    ['two modules', jsonOf(`[${whole},${whole}]`), 'ANSWER_UNREADABLE'],
    ['two parts', { headers: { 'Content-Type': MULTIPART }, body: `${part}${part}--b--` }, 'ANSWER_UNREADABLE'],
    ['something behind it', jsonOf(`${whole}x`), 'ANSWER_UNREADABLE'],
    ['a list given twice, the second time without the failures', jsonOf(twice), 'ANSWER_UNREADABLE'],
    ['a list given twice in two cases', jsonOf(inTwoCases), 'ANSWER_UNREADABLE'],
    ['XML with a list given twice', { headers: { 'Content-Type': XML_TYPE }, body: xml.replace('</NativeDicomModel>', '<DicomAttribute tag="00081198" vr="SQ"/></NativeDicomModel>') }, 'ANSWER_UNREADABLE'],
    ['the result of another transaction', jsonOf(otherUid), 'ANSWER_UNREADABLE'],
  ]; // prettier-ignore

  describe.each(BOTH)('%s', (_name, ask, retry) => {
    test.each(cases)('%s', async (_what, answer, code) => {
      const { upstream } = await start(() => answer);
      const failure = await failureOf(ask(upstream));
      expect([failure.code, failure.retry]).toEqual([code, retry]);
    });

    test('larger than allowed', async () => {
      const { upstream } = await start(() => answerIn('xml', MODULE), { maximumCommitmentBytes: 500 });
      expect(await failureOf(ask(upstream))).toMatchObject({ code: 'ANSWER_UNREADABLE', retry });
      const json = await start(() => answerIn('json', MODULE), { maximumCommitmentBytes: 500 });
      expect(await failureOf(ask(json.upstream))).toMatchObject({ code: 'ANSWER_UNREADABLE', retry });
      const all = await start(() => answerIn('json', MODULE), { maximumAnswerBytes: 500 });
      expect(await failureOf(ask(all.upstream))).toMatchObject({ code: 'ANSWER_UNREADABLE', retry });
    });

    test('its end does not come before the deadline', async () => {
      const { upstream } = await start(() => ({ raw: head(JSON_TYPE, whole.length) + whole.slice(0, 50), then: 'stay' }));
      const context = { ...contextOf(), deadline: performance.now() + 150 };
      expect(await failureOf(ask(upstream, context))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry });
    }); // prettier-ignore
  });

  test('its own Transaction UID in the module is tolerated', async () => {
    const module = dataSetOf({ ...MODULE, '00081195': attribute('UI', TRANSACTION) });
    const { upstream } = await start(() => answerIn('json', module));
    expect(await check(upstream)).toEqual(DONE);
  });
});

describe('what a 200 tells is handed on as it stands: only settle makes a result of it', () => {
  test('a module without any list tells nothing: every instance fails (status-mapping 7.3)', async () => {
    const { upstream } = await start(() => jsonOf('{}'));
    for (const status of [await request(upstream), await check(upstream)]) {
      expect(status).toEqual({ state: 'done', told: { committed: [], failed: [] } });
      if (status.state === 'done') expect(settle(REFERENCES, status.told).result).toEqual(failAll(REFERENCES));
    }
  });

  test('an answer as a tree, to a request in the flat form', async () => {
    const told = responseModule(treeForm(REFERENCES), { committed: [FIRST, SECOND], failed: [] });
    const { upstream } = await start(() => answerIn('multipart-xml', told));
    const status = await check(upstream);
    if (status.state !== 'done') throw new Error('not done');
    expect(settle(REFERENCES, status.told).result).toEqual({
      committed: [FIRST, SECOND],
      failed: [{ ...THIRD, reason: 0x0110 }],
    });
  });

  test('an instance in both lists, one twice, one of another class, one that was not asked for', async () => {
    const stranger = { sopClassUid: FIRST.sopClassUid, sopInstanceUid: '1.2.3' };
    const committed = sopForm([FIRST, SECOND, SECOND, { ...THIRD, sopClassUid: '1.2.840.10008.5.1.4.1.1.4' }, stranger]);
    const failed = responseModule(sopForm([FIRST]), failAll([FIRST], 0x0112));
    const { upstream } = await start(() => answerIn('json', dataSetOf({ ...committed, ...failed })));
    const status = await check(upstream);
    if (status.state !== 'done') throw new Error('not done');
    expect(settle(REFERENCES, status.told)).toEqual({
      result: { committed: [SECOND], failed: [{ ...FIRST, reason: 0x0112 }, { ...THIRD, reason: 0x0119 }] },
      unrequested: 1,
      doublyListed: 2,
      unlisted: 0,
    });
  }); // prettier-ignore

  test('Warning fields of a success are handed on', async () => {
    const headers = { Warning: '299 archive: "slow today"' };
    const { upstream } = await start(() => ({ status: 202, headers }));
    const context = contextOf();
    await request(upstream, context);
    await check(upstream, context);
    expect(context.warnings).toMatchObject([{ code: 'UPSTREAM_WARNING' }, { code: 'UPSTREAM_WARNING' }]);
  });
});

describe('every other status (status-mapping 7.3)', () => {
  test.each<[number, string, string, string, string]>([
    [400, 'BAD_REQUEST', 'permanent', 'BAD_REQUEST', 'permanent'],
    [422, 'BAD_REQUEST', 'permanent', 'BAD_REQUEST', 'permanent'],
    [401, 'NOT_AUTHORIZED', 'permanent', 'NOT_AUTHORIZED', 'permanent'],
    [403, 'NOT_AUTHORIZED', 'permanent', 'NOT_AUTHORIZED', 'permanent'],
    [407, 'NOT_AUTHORIZED', 'permanent', 'NOT_AUTHORIZED', 'permanent'],
    [404, 'RESOURCE_NOT_FOUND', 'permanent', 'NO_SUCH_INSTANCE', 'permanent'],
    [405, 'NOT_SUPPORTED', 'permanent', 'NOT_SUPPORTED', 'permanent'],
    [408, 'UPSTREAM_TIMEOUT', 'ambiguous', 'UPSTREAM_TIMEOUT', 'safe'],
    [409, 'DUPLICATE_INSTANCE', 'permanent', 'UNEXPECTED_STATUS', 'permanent'],
    [410, 'RESOURCE_NOT_FOUND', 'permanent', 'INSTANCE_DELETED', 'permanent'],
    [413, 'OUT_OF_RESOURCES', 'permanent', 'OUT_OF_RESOURCES', 'permanent'],
    [418, 'UNEXPECTED_STATUS', 'permanent', 'UNEXPECTED_STATUS', 'permanent'],
    [429, 'OUT_OF_RESOURCES', 'safe', 'OUT_OF_RESOURCES', 'safe'],
    [500, 'UPSTREAM_ERROR', 'permanent', 'UPSTREAM_ERROR', 'safe'],
    [501, 'NOT_SUPPORTED', 'permanent', 'NOT_SUPPORTED', 'safe'],
    [502, 'UPSTREAM_ERROR', 'ambiguous', 'UPSTREAM_ERROR', 'safe'],
    [503, 'OUT_OF_RESOURCES', 'safe', 'OUT_OF_RESOURCES', 'safe'],
    [504, 'UPSTREAM_TIMEOUT', 'ambiguous', 'UPSTREAM_TIMEOUT', 'safe'],
    [507, 'OUT_OF_RESOURCES', 'safe', 'OUT_OF_RESOURCES', 'safe'],
    [508, 'LOOP_DETECTED', 'permanent', 'LOOP_DETECTED', 'safe'],
    [304, 'UNEXPECTED_STATUS', 'permanent', 'UNEXPECTED_STATUS', 'permanent'],
  ])('%i: Request %s, %s; Result Check %s, %s', async (status, code, retry, checkCode, checkRetry) => {
    const headers = { 'Retry-After': '17' };
    const { stub, upstream } = await start(() => ({ status, headers, ...(status !== 304 && { body: 'committed' }) }));
    const failures = [await failureOf(request(upstream)), await failureOf(check(upstream))];
    expect(failures.map((failure) => [failure.code, failure.retry, failure.httpStatus, failure.retryAfter])).toEqual([
      [code, retry, status, 17],
      [checkCode, checkRetry, status, 17],
    ]);
    expect(stub.requests).toHaveLength(2);
  });

  test('the report of another gateway says it all: two in a row are transparent', async () => {
    const report = { status: 400, error: 'missing', attributes: ['00081199'], code: 'MISSING_ATTRIBUTE' };
    const { upstream } = await start(() => ({ status: 400, body: JSON.stringify(report) }));
    expect(await failureOf(request(upstream))).toMatchObject({
      code: 'MISSING_ATTRIBUTE',
      attributes: ['00081199'],
      message: 'HTTP 400 Bad Request',
      words: 'missing',
    });
  });

  test('307 and 308 of a Request, every redirect of a check: followed within the same origin', async () => {
    for (const status of [307, 308]) {
      const { stub, upstream } = await start(({ path }) =>
        path === RESOURCE ? { status, headers: { Location: '/moved' } } : { status: 202 },
      );
      expect([await request(upstream), await check(upstream)]).toEqual([PENDING, PENDING]);
      expect(stub.requests.map(lineOf)).toEqual([`POST ${RESOURCE}`, 'POST /moved', `GET ${RESOURCE}`, 'GET /moved']);
      expect(stub.requests[1]?.body.toString()).toBe(toJson(sopForm(REFERENCES)));
    }
  });

  test.each([301, 302, 303])('%i of a Request would make it a GET: not followed, nothing is taken for done', async (status) => {
    const { stub, upstream } = await start(() => ({ status, headers: { Location: '/moved' } }));
    expect(await failureOf(request(upstream))).toMatchObject({ code: 'UNEXPECTED_STATUS', httpStatus: status });
    expect(stub.requests).toHaveLength(1);
  }); // prettier-ignore

  test('a redirect to another origin is not followed', async () => {
    const other = await StubOriginServer.start(() => answerIn('json', MODULE));
    closing.push(() => other.close());
    const { upstream } = await start(() => ({ status: 307, headers: { Location: `${other.baseUrl}/x` } }));
    expect(await failureOf(request(upstream))).toMatchObject({ code: 'UNEXPECTED_STATUS' });
    expect(await failureOf(check(upstream))).toMatchObject({ code: 'UNEXPECTED_STATUS' });
    expect(other.requests).toEqual([]);
  });
});
