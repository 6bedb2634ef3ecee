import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { parseJsonDataSets, toJson } from '../../../src/dataset/json.ts';
import { decodeXml, toXml } from '../../../src/dataset/xml.ts';
import { DicomwebUpstream } from '../../../src/dicomweb/upstream.ts';
import type { DicomwebUpstreamOptions } from '../../../src/dicomweb/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { AttributeSelection, RequestContext } from '../../../src/services/port.ts';
import { MPPS, MPPS_UID } from '../../support/http-listener.ts';
import { collect, contextOf, keepingLogger, queryOf, WARD } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';
import { SELF_SIGNED } from '../../support/self-signed.ts';
import { StubOriginServer, jsonAnswer } from '../../support/stub-origin-server.ts';
import type { StubAnswer, StubRequest, StubScript } from '../../support/stub-origin-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const RESOURCE = `/dicomweb/modality-performed-procedure-steps/${MPPS_UID}`;
const IN_UTF_8 = dataSetOf({ ...MPPS, '00080005': attribute('CS', 'ISO_IR 192') });
const CREATED: StubAnswer = { status: 201 };
const FINAL = dataSetOf({ '00400252': attribute('CS', 'COMPLETED') });

interface Started {
  readonly stub: StubOriginServer;
  readonly upstream: DicomwebUpstream;
  readonly lines: LogLine[];
}

function upstreamAt(baseUrl: string, options: Partial<DicomwebUpstreamOptions> = {}): [DicomwebUpstream, LogLine[]] {
  const logger = keepingLogger();
  const upstream = new DicomwebUpstream({ name: 'ris', baseUrl, mediaType: 'json', ...options }, logger);
  closing.push(() => upstream.close());
  return [upstream, logger.lines];
}

async function start(script: StubScript, options: Partial<DicomwebUpstreamOptions> = {}): Promise<Started> {
  const stub = await StubOriginServer.start(script);
  const [upstream, lines] = upstreamAt(stub.baseUrl, options);
  closing.push(() => stub.close());
  return { stub, upstream, lines };
}

const create = (upstream: DicomwebUpstream, context: RequestContext = contextOf()): Promise<unknown> =>
  upstream.createMpps(MPPS_UID, MPPS, context);
const update = (upstream: DicomwebUpstream, context: RequestContext = contextOf()): Promise<unknown> =>
  upstream.updateMpps(MPPS_UID, MPPS, context);
const retrieve = (
  upstream: DicomwebUpstream,
  selection: AttributeSelection = 'all',
  context: RequestContext = contextOf(),
): Promise<DataSet> => upstream.retrieveMpps(MPPS_UID, selection, context);

async function failureOf(work: Promise<unknown>): Promise<ServiceFailure> {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (error instanceof ServiceFailure) return error;
  throw new Error(`no ServiceFailure: ${String(error)}`);
}

const lineOf = ({ method, path, query }: StubRequest): string =>
  `${method} ${path.replace(RESOURCE, '{uid}')}${query && '?'}${query}`;

/** An origin server that answers by the request line, where the UID is `{uid}`; 404 for what is not scripted. */
function answering(script: Readonly<Record<string, StubAnswer>>): StubScript {
  return (request) => script[lineOf(request)] ?? { status: 404 };
}

describe('Create (PS3.18 15.4)', () => {
  test('is a POST of one object with the media types of the configuration; 00080005 fits the bytes', async () => {
    const { stub, upstream } = await start(() => CREATED, { headers: { authorization: 'Bearer t' } });
    expect(await create(upstream)).toEqual({ uid: MPPS_UID });
    expect(stub.requests.map(lineOf)).toEqual(['POST {uid}']);
    expect(stub.requests[0]?.headers).toMatchObject({
      'content-type': 'application/dicom+json',
      accept: 'application/dicom+json, application/json;q=0.9',
      authorization: 'Bearer t',
      'content-length': String(stub.requests[0]?.body.length),
    });
    expect(stub.requests[0]?.body.toString()).toBe(toJson(IN_UTF_8));
  });

  test('XML, where it is configured', async () => {
    const { stub, upstream } = await start(() => CREATED, { mediaType: 'xml' });
    await create(upstream);
    expect(stub.requests[0]?.headers['content-type']).toBe('application/dicom+xml');
    expect(decodeXml(stub.requests[0]?.body ?? Buffer.alloc(0))).toEqual(IN_UTF_8);
  });

  test.each([200, 201, 202, 203, 204, 205])('%i is success (C25)', async (status) => {
    const { upstream } = await start(() => ({ status }));
    expect(await create(upstream)).toEqual({ uid: MPPS_UID });
  });

  test('the status line decides, whatever becomes of the body (status-mapping 2.2)', async () => {
    const { upstream } = await start(() => ({
      raw: 'HTTP/1.1 201 Created\r\nContent-Length: 100\r\n\r\n<',
      then: 'reset',
    }));
    expect(await create(upstream)).toEqual({ uid: MPPS_UID });
  });

  test('Warning fields are handed on, with the attributes they name and without their words', async () => {
    const headers = { Warning: ['299 http://x: 0107: attributes ignored: 00400280', '299 x "something else"'] };
    const { upstream } = await start(() => ({ status: 201, headers }));
    const context = contextOf();
    await create(upstream, context);
    expect(context.warnings).toMatchObject([
      { code: 'ATTRIBUTES_IGNORED', dimseStatus: 0x0107, attributes: ['00400280'] },
      { code: 'UPSTREAM_WARNING', text: 'The far end warns', words: 'something else' },
    ]);
  });

  test.each([406, 415])('%i: the other media type, which is remembered', async (status) => {
    const { stub, upstream } = await start(({ headers }) =>
      headers['content-type'] === 'application/dicom+xml' ? CREATED : { status },
    );
    await create(upstream);
    await create(upstream);
    const types = stub.requests.map(({ headers }) => headers['content-type']?.slice(18));
    expect(types).toEqual(['json', 'xml', 'xml']);
  });

  test('415 for both media types is NO_COMMON_MEDIA_TYPE, and nothing is remembered', async () => {
    const { stub, upstream } = await start(() => ({ status: 415 }));
    expect((await failureOf(create(upstream))).code).toBe('NO_COMMON_MEDIA_TYPE');
    await failureOf(create(upstream));
    expect(stub.requests.map(({ headers }) => headers['content-type']?.slice(18))).toEqual([
      'json',
      'xml',
      'json',
      'xml',
    ]);
  });

  test.each<[number, string, string]>([
    [400, 'BAD_REQUEST', 'permanent'],
    [422, 'BAD_REQUEST', 'permanent'],
    [401, 'NOT_AUTHORIZED', 'permanent'],
    [403, 'NOT_AUTHORIZED', 'permanent'],
    [407, 'NOT_AUTHORIZED', 'permanent'],
    [404, 'RESOURCE_NOT_FOUND', 'permanent'],
    [410, 'RESOURCE_NOT_FOUND', 'permanent'],
    [405, 'OPERATION_NOT_SUPPORTED', 'permanent'],
    [408, 'UPSTREAM_TIMEOUT', 'ambiguous'],
    [409, 'DUPLICATE_INSTANCE', 'permanent'],
    [423, 'DUPLICATE_INSTANCE', 'permanent'],
    [413, 'OUT_OF_RESOURCES', 'permanent'],
    [429, 'OUT_OF_RESOURCES', 'safe'],
    [503, 'OUT_OF_RESOURCES', 'safe'],
    [507, 'OUT_OF_RESOURCES', 'safe'],
    [500, 'UPSTREAM_ERROR', 'permanent'],
    [501, 'NOT_SUPPORTED', 'permanent'],
    [502, 'UPSTREAM_ERROR', 'ambiguous'],
    [504, 'UPSTREAM_TIMEOUT', 'ambiguous'],
    [418, 'UNEXPECTED_STATUS', 'permanent'],
    [301, 'UNEXPECTED_STATUS', 'permanent'],
  ])('%i is %s, %s (status-mapping 4.2)', async (status, code, retry) => {
    const { stub, upstream } = await start(() => ({ status }));
    const failure = await failureOf(create(upstream));
    expect([failure.code, failure.retry, failure.httpStatus]).toEqual([code, retry, status]);
    expect(stub.requests).toHaveLength(1);
  });

  test('the report of another gateway says it all: two in a row are transparent', async () => {
    const report = {
      status: 400,
      error: 'missing',
      dimseStatus: '0120',
      attributes: ['00400270'],
      code: 'MISSING_ATTRIBUTE',
    };
    const { upstream } = await start(() => ({
      status: 400,
      headers: { 'Retry-After': '5' },
      body: JSON.stringify(report),
    }));
    expect(await failureOf(create(upstream))).toMatchObject({
      code: 'MISSING_ATTRIBUTE',
      dimseStatus: 0x0120,
      attributes: ['00400270'],
      retryAfter: 5,
      message: 'HTTP 400 Bad Request',
      words: 'missing',
    });
  });

  test('what XML cannot carry: CONVERSION_FAILED that names the attribute, nothing is sent', async () => {
    const { stub, upstream } = await start(() => CREATED, { mediaType: 'xml' });
    const bad = dataSetOf({ '00400254': attribute('LO', 'a\u0001b') });
    const failure = await failureOf(upstream.createMpps(MPPS_UID, bad, contextOf()));
    expect([failure.code, failure.attributes, stub.requests]).toEqual(['CONVERSION_FAILED', ['00400254'], []]);
  });

  test('PUT in the style of the drafts (C24)', async () => {
    const { stub, upstream } = await start(() => CREATED, { updateStyle: 'draft' });
    await create(upstream);
    await update(upstream);
    expect(stub.requests.map(lineOf)).toEqual(['PUT {uid}', 'PATCH {uid}']);
  });
});

describe('Update (PS3.18 15.5)', () => {
  test.each([
    ['query', 'POST {uid}?update'],
    ['path', 'POST {uid}/update'],
    ['draft', 'PATCH {uid}'],
  ] as const)('style %s is %s (C24)', async (updateStyle, line) => {
    const { stub, upstream } = await start(() => ({ status: 200 }), { updateStyle });
    expect(await update(upstream)).toEqual({ uid: MPPS_UID });
    expect(stub.requests.map(lineOf)).toEqual([line]);
    expect(parseJsonDataSets(stub.requests[0]?.body.toString() ?? '')).toEqual([IN_UTF_8]);
  });

  test.each([404, 405])('%i of ?update: /update is tried once and remembered for every later one', async (status) => {
    const { stub, upstream, lines } = await start(
      answering({ 'POST {uid}': CREATED, 'POST {uid}?update': { status }, 'POST {uid}/update': { status: 200 } }),
    );
    await create(upstream);
    await update(upstream);
    await update(upstream);
    expect(stub.requests.map(lineOf)).toEqual([
      'POST {uid}',
      'POST {uid}?update',
      'POST {uid}/update',
      'POST {uid}/update',
    ]);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });

  test.each([404, 405])(
    '%i of /update: ?update is tried once and remembered, for an MPPS that is there',
    async (status) => {
      const { stub, upstream } = await start(
        answering({ 'POST {uid}': CREATED, 'POST {uid}/update': { status }, 'POST {uid}?update': { status: 200 } }),
        { updateStyle: 'path' },
      );
      await create(upstream);
      await update(upstream);
      await update(upstream);
      expect(stub.requests.map(lineOf).slice(1)).toEqual([
        'POST {uid}/update',
        'POST {uid}?update',
        'POST {uid}?update',
      ]);
    },
  );

  test('an MPPS that is not there is never updated by ?update on trial: a server could take it for a Create', async () => {
    const { stub, upstream } = await start(answering({ 'POST {uid}?update': CREATED }), { updateStyle: 'path' });
    expect(await failureOf(update(upstream))).toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    expect(stub.requests.map(lineOf)).toEqual(['POST {uid}/update', 'GET {uid}?includefield=00400252']);
  });

  test('404 that is about the MPPS, by its report: no other style is tried', async () => {
    const body = JSON.stringify({ status: 404, code: 'NO_SUCH_INSTANCE', error: 'no such MPPS' });
    const { stub, upstream } = await start(() => ({ status: 404, body }));
    expect(await failureOf(update(upstream))).toMatchObject({ code: 'NO_SUCH_INSTANCE', httpStatus: 404 });
    expect(stub.requests).toHaveLength(1);
  });

  test('404 once the style is certain: no such MPPS, no other style is tried', async () => {
    let answer: StubAnswer = { status: 200 };
    const { stub, upstream } = await start(() => answer);
    await update(upstream);
    answer = { status: 404 };
    expect((await failureOf(update(upstream))).code).toBe('NO_SUCH_INSTANCE');
    expect(stub.requests).toHaveLength(2);
  });

  test.each<[string, Readonly<Record<string, StubAnswer>>, string]>([
    ['both 404, a GET too', {}, 'NO_SUCH_INSTANCE'],
    ['both 404, the server has no GET', { 'GET {uid}?includefield=00400252': { status: 501 } }, 'RESOURCE_NOT_FOUND'],
    ['both 404, the MPPS is there', { 'GET {uid}?includefield=00400252': jsonAnswer([FINAL]) }, 'RESOURCE_NOT_FOUND'],
    ['404 and 405', { 'POST {uid}/update': { status: 405 }, 'GET {uid}?includefield=00400252': { status: 501 } }, 'OPERATION_NOT_SUPPORTED'],
    ['both 405', { 'POST {uid}?update': { status: 405 }, 'POST {uid}/update': { status: 405 } }, 'OPERATION_NOT_SUPPORTED'],
  ])('%s (status-mapping 5.2)', async (_what, script, code) => {
    const { upstream } = await start(answering(script));
    expect((await failureOf(update(upstream))).code).toBe(code);
  }); // prettier-ignore

  test('both 404 where a Create worked before: no such MPPS', async () => {
    const { upstream } = await start(answering({ 'POST {uid}': CREATED }));
    await create(upstream);
    expect((await failureOf(upstream.updateMpps(MPPS_UID, MPPS, contextOf()))).code).toBe('NO_SUCH_INSTANCE');
  });

  test.each<[string, StubAnswer, StubAnswer, string, number | undefined]>([
    ['a report with Error ID A710', { status: 409, body: '{"errorId":"A710"}' }, { status: 501 }, 'INSTANCE_FINAL', 0xa710],
    ['the words of PS3.4', { status: 409, headers: { Warning: '299 x: Performed Procedure Step Object may no longer be updated' } }, { status: 501 }, 'INSTANCE_FINAL', undefined],
    ['a GET that shows COMPLETED', { status: 409 }, jsonAnswer([FINAL]), 'INSTANCE_FINAL', undefined],
    ['a GET that shows IN PROGRESS', { status: 409 }, jsonAnswer([MPPS]), 'INSTANCE_CONFLICT', undefined],
    ['nothing', { status: 423 }, { status: 404 }, 'INSTANCE_CONFLICT', undefined],
    ['attributes', { status: 409, body: '{"attributes":["00400270"]}' }, { status: 501 }, 'NO_SUCH_ATTRIBUTE', undefined],
  ])('409 with %s (status-mapping 5.2)', async (_what, refusal, shown, code, errorId) => {
    const { upstream } = await start(({ method }) => (method === 'GET' ? shown : refusal));
    expect(await failureOf(update(upstream))).toMatchObject({ code, errorId });
  }); // prettier-ignore

  test.each<[number, string]>([
    [400, 'BAD_REQUEST'],
    [403, 'NOT_AUTHORIZED'],
    [410, 'INSTANCE_DELETED'],
    [413, 'OUT_OF_RESOURCES'],
    [500, 'UPSTREAM_ERROR'],
    [501, 'NOT_SUPPORTED'],
    [503, 'OUT_OF_RESOURCES'],
    [504, 'UPSTREAM_TIMEOUT'],
  ])('%i is %s, asked once', async (status, code) => {
    const { stub, upstream } = await start(() => ({ status }));
    expect((await failureOf(update(upstream))).code).toBe(code);
    expect(stub.requests).toHaveLength(1);
  });
});

describe('Retrieve (PS3.18 15.6)', () => {
  test('everything: no includefield', async () => {
    const { stub, upstream } = await start(() => jsonAnswer([MPPS]));
    expect(await retrieve(upstream)).toEqual(MPPS);
    expect([stub.requests.map(lineOf), stub.requests[0]?.headers.accept]).toEqual([
      ['GET {uid}'],
      'application/dicom+json',
    ]);
  });

  test.each([
    [{}, '00400252,00400270.0020000D'],
    [{ names: 'keyword' }, 'PerformedProcedureStepStatus,ScheduledStepAttributesSequence.StudyInstanceUID'],
    [{ includefield: 'repeated' }, '00400252&includefield=00400270.0020000D'],
  ] as const)('a selection is a list of paths, and the answer is pruned to it: %j', async (options, list) => {
    const { stub, upstream } = await start(() => jsonAnswer([MPPS]), options);
    expect(await retrieve(upstream, [['00400252'], ['00400270', '0020000D']])).toEqual(
      dataSetOf({
        '00400252': attribute('CS', 'IN PROGRESS'),
        '00400270': attribute('SQ', dataSetOf({ '0020000D': attribute('UI', '1.2.3') }), dataSetOf({})),
      }),
    );
    expect(stub.requests.map(lineOf)).toEqual([`GET {uid}?includefield=${list}`]);
  });

  test.each<[string, StubAnswer]>([
    ['a bare object (C28)', { headers: { 'Content-Type': 'application/dicom+json' }, body: toJson(MPPS) }],
    ['XML', { headers: { 'Content-Type': 'application/dicom+xml' }, body: toXml(MPPS) }],
    [
      'multipart of one part (C5)',
      {
        headers: { 'Content-Type': 'multipart/related; type="application/dicom+xml"; boundary=b' },
        body: `--b\r\nContent-Type: application/dicom+xml\r\n\r\n${toXml(MPPS)}\r\n--b--`,
      },
    ],
    ['203', { ...jsonAnswer([MPPS]), status: 203 }],
    ['206', { ...jsonAnswer([MPPS]), status: 206 }],
  ])('reads %s', async (_what, answer) => {
    const { upstream } = await start(() =>
      'body' in answer && typeof answer.body === 'string' ? { ...answer, body: Buffer.from(answer.body) } : answer,
    );
    expect(await retrieve(upstream)).toEqual(MPPS);
  });

  test('SOP Class and Instance UID do not belong to the attributes', async () => {
    const uids = { '00080016': attribute('UI', '1.2'), '00080018': attribute('UI', MPPS_UID) };
    const { upstream } = await start(() => jsonAnswer([dataSetOf({ ...MPPS, ...uids })]));
    expect(await retrieve(upstream)).toEqual(MPPS);
  });

  test.each<[string, StubAnswer, string]>([
    ['an empty array', jsonAnswer([]), 'NO_SUCH_INSTANCE'],
    ['204', { status: 204 }, 'NO_SUCH_INSTANCE'],
    ['200 without body', { headers: { 'Content-Length': '0' } }, 'NO_SUCH_INSTANCE'],
    ['several data sets', jsonAnswer([MPPS, MPPS]), 'ANSWER_UNREADABLE'],
    ['no data set', { headers: { 'Content-Type': 'text/html' }, body: '<html>' }, 'ANSWER_UNREADABLE'],
    ['a cut body', { raw: 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n[{' }, 'ANSWER_TRUNCATED'],
    ['400', { status: 400 }, 'BAD_REQUEST'],
    ['401', { status: 401 }, 'NOT_AUTHORIZED'],
    ['404', { status: 404 }, 'NO_SUCH_INSTANCE'],
    ['405', { status: 405 }, 'OPERATION_NOT_SUPPORTED'],
    ['406', { status: 406 }, 'NO_COMMON_MEDIA_TYPE'],
    ['410', { status: 410 }, 'INSTANCE_DELETED'],
    ['501', { status: 501 }, 'NOT_SUPPORTED'],
    ['503', { status: 503 }, 'OUT_OF_RESOURCES'],
    ['500', { status: 500 }, 'UPSTREAM_ERROR'],
  ])('%s (status-mapping 6)', async (_what, answer, code) => {
    const { upstream } = await start(() => answer);
    expect((await failureOf(retrieve(upstream))).code).toBe(code);
  }); // prettier-ignore

  test('an answer larger than allowed is ANSWER_UNREADABLE', async () => {
    const { upstream } = await start(() => jsonAnswer([MPPS]), { maximumAnswerBytes: 50 });
    expect((await failureOf(retrieve(upstream))).code).toBe('ANSWER_UNREADABLE');
  });

  test.each([400, 414])('%i with includefield: asked again without, and pruned', async (status) => {
    const { stub, upstream } = await start(({ query }) => (query === '' ? jsonAnswer([MPPS]) : { status }));
    expect(await retrieve(upstream, [['00400252']])).toEqual(dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS') }));
    expect(stub.requests).toHaveLength(2);
  });

  test('a list that makes the URI too long asks for everything', async () => {
    const { stub, upstream } = await start(() => jsonAnswer([MPPS]), { maximumUriLength: 30 });
    const selection = [['00400252'], ['00400253'], ['00400254']];
    expect(Object.keys(await retrieve(upstream, selection))).toEqual(['00400252', '00400253']);
    expect(stub.requests.map(lineOf)).toEqual(['GET {uid}']);
  });

  test('406: all other media types', async () => {
    const { stub, upstream } = await start((_request, index) => (index === 0 ? { status: 406 } : jsonAnswer([MPPS])));
    expect(await retrieve(upstream)).toEqual(MPPS);
    expect(stub.requests[1]?.headers.accept).toMatch(/^application\/dicom\+xml, .*multipart\/related/);
  });
});

describe('a write whose answer is missing (status-mapping 8)', () => {
  const silent: StubScript = () => ({ raw: '', then: 'stay' });
  const writes = { create, update };

  describe.each(['create', 'update'] as const)('%s', (operation) => {
    const write = writes[operation];

    test.each([
      ['cut after the request was sent', '', 'end', 'CONNECTION_LOST'],
      ['reset after the request was sent', '', 'reset', 'CONNECTION_LOST'],
      ['cut inside the head of the answer', 'HTTP/1.1 201 Cre', 'end', 'CONNECTION_LOST'],
      ['answered with what is no HTTP', 'SSH-2.0\r\n', 'end', 'UPSTREAM_PROTOCOL_ERROR'],
    ] as const)('%s: ambiguous, sent once', async (_how, raw, then, code) => {
      const { stub, upstream } = await start(() => ({ raw, then }));
      const failure = await failureOf(write(upstream));
      expect([failure.code, failure.retry, stub.requests.length]).toEqual([code, 'ambiguous', 1]);
    });

    test('a kept connection that is cut meanwhile: ambiguous, and not sent again by itself', async () => {
      const { stub, upstream } = await start((_request, index) => (index === 0 ? CREATED : { raw: '', then: 'end' }));
      await write(upstream);
      const failure = await failureOf(write(upstream));
      expect([failure.code, failure.retry, stub.requests.length]).toEqual(['CONNECTION_LOST', 'ambiguous', 2]);
    });

    test('no answer in time: ambiguous', async () => {
      const { upstream } = await start(silent, { responseTimeoutMs: 60 });
      expect(await failureOf(write(upstream))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
    });

    test('the deadline of the caller: ambiguous', async () => {
      const { upstream } = await start(silent);
      const context = { ...contextOf(), deadline: performance.now() + 60 };
      expect(await failureOf(write(upstream, context))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'ambiguous' });
    });

    test('the caller gives up: ambiguous, for its own reason', async () => {
      const controller = new AbortController();
      const { upstream } = await start(() => {
        controller.abort(new ServiceFailure('SHUTTING_DOWN'));
        return { raw: '', then: 'stay' };
      });
      const failure = await failureOf(write(upstream, contextOf(WARD, controller.signal)));
      expect([failure.code, failure.retry]).toEqual(['SHUTTING_DOWN', 'ambiguous']);
    });

    test('the deadline has passed before: safe, nothing is sent', async () => {
      const { stub, upstream } = await start(() => CREATED, { maximumConnections: 1 });
      const context = { ...contextOf(), deadline: performance.now() - 1 };
      expect(await failureOf(write(upstream, context))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'safe' });
      expect(stub.requests).toEqual([]);
    });

    test('no connection is free before the deadline: safe, never sent', async () => {
      const { stub, upstream } = await start(silent, { maximumConnections: 1 });
      const busy = new AbortController();
      const first = failureOf(write(upstream, contextOf(WARD, busy.signal)));
      const context = { ...contextOf(), deadline: performance.now() + 60 };
      expect(await failureOf(write(upstream, context))).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'safe' });
      busy.abort();
      expect((await first).retry).toBe('ambiguous');
      expect(stub.requests).toHaveLength(1);
    });

    test('a refused connection: safe', async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      await new Promise<void>((resolve) => server.close(() => resolve()));
      const [upstream] = upstreamAt(`http://127.0.0.1:${port}`);
      expect(await failureOf(write(upstream))).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', retry: 'safe' });
    });

    test('a certificate nobody trusts: permanent, nothing is sent', async () => {
      const stub = await StubOriginServer.start(() => CREATED, SELF_SIGNED);
      closing.push(() => stub.close());
      const [upstream] = upstreamAt(`https://127.0.0.1:${stub.port}`);
      expect(await failureOf(write(upstream))).toMatchObject({ code: 'UPSTREAM_UNTRUSTED', retry: 'permanent' });
      expect(stub.requests).toEqual([]);
    });
  });

  test('a retrieve may always be repeated, and is, once, on a fresh connection', async () => {
    const { stub, upstream } = await start((_request, index) =>
      index === 1 ? { raw: '', then: 'end' } : jsonAnswer([MPPS]),
    );
    await retrieve(upstream);
    expect(await retrieve(upstream)).toEqual(MPPS);
    expect(stub.requests).toHaveLength(3);
  });
});

describe('redirects of a write (status-mapping 2.2)', () => {
  test.each([307, 308])('%i is followed with method and payload', async (status) => {
    const { stub, upstream } = await start(({ path }) =>
      path.startsWith('/moved') ? CREATED : { status, headers: { Location: `/moved${path}` } },
    );
    await create(upstream);
    expect(stub.requests.map(({ method, path }) => [method, path])).toEqual([
      ['POST', RESOURCE],
      ['POST', `/moved${RESOURCE}`],
    ]);
    expect(stub.requests[1]?.body).toEqual(stub.requests[0]?.body);
  });

  test.each([301, 302, 303])('%i is not followed', async (status) => {
    const { stub, upstream } = await start(() => ({ status, headers: { Location: '/moved' } }));
    expect((await failureOf(create(upstream))).code).toBe('UNEXPECTED_STATUS');
    expect(stub.requests).toHaveLength(1);
  });
});

describe('the calling AE title goes along, for the audit trail (proxy-flows 1.1)', () => {
  test('in every transaction', async () => {
    const { stub, upstream } = await start(({ path, method }) =>
      path === RESOURCE && method === 'GET' ? jsonAnswer([MPPS]) : { status: 200 },
    );
    await create(upstream);
    await update(upstream);
    await retrieve(upstream);
    await upstream.verify(contextOf());
    await collect(upstream.search(queryOf(dataSetOf({})), contextOf())).catch(() => {});
    expect(stub.requests.map(({ headers }) => headers['dimseway-calling-ae-title'])).toEqual(Array(5).fill('CT1'));
  });

  test('not where there is none, and nothing in it that a header field cannot hold', async () => {
    const { stub, upstream } = await start(() => CREATED);
    const { callingAeTitle: _, ...nameless } = WARD;
    await create(upstream, contextOf(nameless));
    await create(upstream, contextOf({ ...WARD, callingAeTitle: ' A\r\nX: 1\u00e9 ' }));
    expect(stub.requests.map(({ headers }) => headers['dimseway-calling-ae-title'])).toEqual([undefined, 'A??X: 1?']);
  });
});
