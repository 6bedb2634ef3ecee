import { afterEach, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { attribute, cloneDataSet, dataSetOf, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { toJson } from '../../../src/dataset/json.ts';
import { toXml } from '../../../src/dataset/xml.ts';
import { DicomwebUpstream } from '../../../src/dicomweb/upstream.ts';
import type { DicomwebUpstreamOptions } from '../../../src/dicomweb/upstream.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { WorklistQuery } from '../../../src/services/port.ts';
import { dimseOutcome } from '../../../src/services/worklist/outcomes.ts';
import { collect, contextOf, entryOf, keepingLogger, queryOf } from '../../support/requests.ts';
import { StubOriginServer, jsonAnswer, moreResults } from '../../support/stub-origin-server.ts';
import type { StubAnswer, StubScript } from '../../support/stub-origin-server.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const QUERY = queryOf(
  dataSetOf({
    '00100010': { vr: 'PN' },
    '00100020': attribute('LO', 'P1'),
    '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS', 'CT') })),
  }),
);

async function start(
  script: StubScript,
  options: Partial<DicomwebUpstreamOptions> = {},
): Promise<{ stub: StubOriginServer; upstream: DicomwebUpstream; lines: { message: string }[] }> {
  const stub = await StubOriginServer.start(script);
  const logger = keepingLogger();
  const upstream = new DicomwebUpstream({ name: 'ris', baseUrl: stub.baseUrl, mediaType: 'json', ...options }, logger);
  closing.push(async () => {
    await stub.close();
    await upstream.close();
  });
  return { stub, upstream, lines: logger.lines };
}

/** What a search gives, and what it says about itself. */
async function search(
  upstream: DicomwebUpstream,
  query: WorklistQuery = QUERY,
  context = contextOf(),
): Promise<{ results: DataSet[]; warnings: (string | number)[][]; failure: ServiceFailure | undefined }> {
  const results: DataSet[] = [];
  let failure: ServiceFailure | undefined;
  try {
    for await (const result of upstream.search(query, context)) results.push(result);
  } catch (error) {
    if (!(error instanceof ServiceFailure)) throw error;
    failure = error;
  }
  const warnings = context.warnings.map(({ code, remaining }) =>
    remaining === undefined ? [code] : [code, remaining],
  );
  return { results, warnings, failure };
}

/** The failure of a search that gives nothing else. */
async function failureOf(answer: StubAnswer, options: Partial<DicomwebUpstreamOptions> = {}): Promise<ServiceFailure> {
  const { upstream } = await start(() => answer, options);
  const { results, failure } = await search(upstream);
  expect(results).toEqual([]);
  if (failure === undefined) throw new Error('the search succeeded');
  return failure;
}

const entries = (count: number, from = 0): DataSet[] =>
  Array.from({ length: count }, (_, i) => entryOf(`P${from + i}`, `S${from + i}`));

/** An origin server that pages as PS3.18 8.3.4.4 says, with at most `maximum` results in an answer. */
function paging(all: readonly DataSet[], maximum: number): StubScript {
  return ({ parameters }) => {
    const offset = Number(parameters.get('offset') ?? 0);
    const limit = Number(parameters.get('limit') ?? Infinity);
    const count = Math.min(Math.max(0, all.length - offset), maximum, limit);
    const remaining = all.length - offset - count;
    if (count === 0) return { status: 204 };
    return jsonAnswer(all.slice(offset, offset + count), remaining > 0 ? moreResults('http://ris', remaining) : {});
  };
}

describe('the request (PS3.18 14.4)', () => {
  test('is a GET of the resource with the keys as parameters and the configured Accept', async () => {
    const { stub, upstream } = await start(() => ({ status: 204 }), { headers: { authorization: 'Bearer t' } });
    await search(upstream);
    expect(stub.requests).toHaveLength(1);
    expect(stub.requests[0]).toMatchObject({
      method: 'GET',
      path: '/dicomweb/modality-scheduled-procedure-steps',
      query: '00100020=P1&00400100.00080060=CT&includefield=00100010',
      headers: { accept: 'application/dicom+json', authorization: 'Bearer t', 'user-agent': 'dimseway' },
    });
  });

  test('names attributes as the options say, with a base URL that ends in a slash', async () => {
    const { stub, upstream } = await start(() => ({ status: 204 }), { names: 'keyword' });
    const slashed = new DicomwebUpstream(
      { name: 'ris', baseUrl: `${stub.baseUrl}/`, mediaType: 'xml', names: 'keyword' },
      keepingLogger(),
    );
    await search(upstream);
    await search(slashed);
    await slashed.close();
    expect(stub.requests.map(({ path, query }) => [path, query])).toEqual(
      Array(2).fill([
        '/dicomweb/modality-scheduled-procedure-steps',
        'PatientID=P1&ScheduledProcedureStepSequence.Modality=CT&includefield=PatientName',
      ]),
    );
  });

  test('leaves out what the origin server cannot do, and says so', async () => {
    const { stub, upstream } = await start(() => ({ status: 204 }));
    const identifier = { ...QUERY.identifier, '00080201': attribute('SH', '+0100') };
    const query = { ...QUERY, identifier, fuzzyMatching: true, timezoneAdjustment: true };
    const { warnings } = await search(upstream, query);
    expect(warnings).toEqual([['FUZZY_MATCHING_NOT_SUPPORTED'], ['TIMEZONE_NOT_SUPPORTED']]);
    expect(stub.requests[0]?.query).not.toMatch(/fuzzy|00080201/);
    expect(identifier['00080201']).toBeDefined();
  });

  test('asks for what the origin server can do', async () => {
    const { stub, upstream } = await start(() => ({ status: 204 }), { fuzzyMatching: true, timezoneAdjustment: true });
    const identifier = { ...QUERY.identifier, '00080201': attribute('SH', '+0100') };
    const { warnings } = await search(upstream, {
      ...QUERY,
      identifier,
      fuzzyMatching: true,
      timezoneAdjustment: true,
    });
    expect(warnings).toEqual([]);
    expect(stub.requests[0]?.parameters.get('fuzzymatching')).toBe('true');
    expect(stub.requests[0]?.parameters.get('00080201')).toBe('+0100');
  });
});

describe('the answer (PS3.18 8.6, 8.7)', () => {
  const three = entries(3);
  const multipart = (parts: string[], type: string, partHeader = `Content-Type: ${type}\r\n`): StubAnswer => ({
    headers: { 'Content-Type': `multipart/related; type="${type}"; boundary="b 1"` },
    body: `${parts.map((part) => `--b 1\r\n${partHeader}\r\n${part}\r\n`).join('')}--b 1--`,
  });

  test.each<[string, StubAnswer]>([
    ['a JSON array', jsonAnswer(three)],
    [
      'a JSON array in chunks, compressed',
      {
        headers: {
          'Content-Type': 'application/dicom+json',
          'Content-Encoding': 'gzip',
          'Transfer-Encoding': 'chunked',
        },
        body: gzipSync(`[${three.map(toJson).join(',')}]`),
      },
    ],
    [
      'application/json',
      { headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: `[${three.map(toJson).join(',')}]` },
    ],
    ['no Content-Type', { body: ` \n[${three.map(toJson).join(',')}]` }],
    ['status 203', { ...jsonAnswer(three), status: 203 }],
    ['status 206', { ...jsonAnswer(three), status: 206 }],
    ['multipart JSON, an object in each part', multipart(three.map(toJson), 'application/dicom+json')],
    [
      'multipart JSON, an object and an array',
      multipart([toJson(three[0] as DataSet), `[${three.slice(1).map(toJson).join(',')}]`], 'application/dicom+json'),
    ],
    [
      'multipart XML',
      multipart(
        three.map((one) => toXml(one)),
        'application/dicom+xml',
      ),
    ],
    [
      'multipart, parts without headers',
      multipart(
        three.map((one) => toXml(one)),
        'application/dicom+xml',
        '',
      ),
    ],
  ])('is read as %s', async (_what, answer) => {
    const { upstream } = await start(() => answer);
    expect((await search(upstream)).results).toEqual(three);
  });

  test.each<[string, StubAnswer]>([
    [
      'a bare JSON object',
      { headers: { 'Content-Type': 'application/dicom+json' }, body: toJson(three[0] as DataSet) },
    ],
    ['one XML document', { headers: { 'Content-Type': 'application/dicom+xml' }, body: toXml(three[0] as DataSet) }],
    [
      'one XML document in another charset',
      {
        headers: { 'Content-Type': 'application/dicom+xml; charset=utf-16le' },
        body: Buffer.from(toXml(three[0] as DataSet).replace(/^.*\n/, ''), 'utf16le'),
      },
    ],
    [
      'JSON in another charset',
      {
        headers: { 'Content-Type': 'application/dicom+json; charset=iso-8859-1' },
        body: Buffer.from(toJson(three[0] as DataSet), 'latin1'),
      },
    ],
  ])('is read as %s', async (_what, answer) => {
    const { upstream } = await start(() => answer);
    expect((await search(upstream)).results).toEqual([three[0]]);
  });

  test.each<[string, StubAnswer]>([
    ['204', { status: 204 }],
    ['an empty array', jsonAnswer([])],
    ['200 without body', { headers: { 'Content-Type': 'application/dicom+json', 'Content-Length': '0' } }],
    ['404 where the server is known to mean it', { status: 404, body: 'none' }],
  ])('%s is no results, and no failure', async (_what, answer) => {
    const { upstream } = await start(() => answer, { treat404AsEmpty: true });
    expect(await search(upstream)).toEqual({ results: [], warnings: [], failure: undefined });
  });

  test('a result of several steps becomes one result for each (C22)', async () => {
    const both = cloneDataSet(three[0] as DataSet);
    both['00400100']?.Value?.push(itemsOf(three[1]?.['00400100'])[0] as DataSet);
    const { upstream } = await start(() => jsonAnswer([both]));
    const { results } = await search(upstream);
    expect(results.map((one) => itemsOf(one['00400100']))).toEqual([
      itemsOf(three[0]?.['00400100']),
      itemsOf(three[1]?.['00400100']),
    ]);
  });

  test('its warnings are handed on before its results', async () => {
    const { upstream } = await start(() =>
      jsonAnswer(three, {
        Warning: ['299 http://ris: FF01: optional keys not supported', '299 ris "something else"'],
      }),
    );
    const context = contextOf();
    const iterator = upstream.search(QUERY, context)[Symbol.asyncIterator]();
    await iterator.next();
    expect(context.warnings.map(({ code, text }) => [code, text])).toEqual([
      ['OPTIONAL_KEYS_NOT_SUPPORTED', 'FF01: optional keys not supported'],
      ['UPSTREAM_WARNING', 'The far end warns'],
    ]);
    await iterator.return?.(undefined);
  });
});

describe('HTTP statuses (status-mapping 3.2)', () => {
  test.each([
    [400, 0xa900],
    [422, 0xa900],
    [401, 0xc002],
    [403, 0xc002],
    [407, 0xc002],
    [404, 0xc003],
    [405, 0xc003],
    [410, 0xc003],
    [406, 0xc008],
    [415, 0xc008],
    [408, 0xc004],
    [504, 0xc004],
    [413, 0xa700],
    [414, 0xc00b],
    [431, 0xc00b],
    [429, 0xa700],
    [503, 0xa700],
    [507, 0xa700],
    [501, 0x0122],
    [500, 0xc006],
    [502, 0xc006],
    [599, 0xc006],
    [418, 0xc00c],
    [302, 0xc00c],
  ])('%i ends a C-FIND with %i', async (status, dimseStatus) => {
    const failure = await failureOf({ status });
    expect([dimseOutcome(failure).status, failure.httpStatus]).toEqual([dimseStatus, status]);
  });

  test('the Status Report of another gateway is believed', async () => {
    const failure = await failureOf({
      status: 502,
      headers: { 'Content-Type': 'application/json' },
      body: '{"status":502,"error":"no","dimseStatus":"C123","attributes":["00100020"]}',
    });
    expect([failure.dimseStatus, failure.attributes]).toEqual([0xc123, ['00100020']]);
  });

  test('a DIMSE status in the Warning is believed', async () => {
    const failure = await failureOf({ status: 503, headers: { Warning: '299 http://gw: A700: out of memory' } });
    expect(failure.dimseStatus).toBe(0xa700);
  });
});

describe('the network (status-mapping 2.2)', () => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\n';
  const item = toJson(entryOf('P1'));

  test.each<[string, StubAnswer, number]>([
    ['the body is shorter than Content-Length', { raw: `${head}Content-Length: 9999\r\n\r\n[` }, 0xc00a],
    ['chunks end without the last', { raw: `${head}Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n` }, 0xc00a],
    ['a chunk is none', { raw: `${head}Transfer-Encoding: chunked\r\n\r\nx\r\n` }, 0xc00a],
    ['a body without known length is empty', { raw: `${head}\r\n` }, 0xc00a],
    [
      'the multipart end is missing',
      { headers: { 'Content-Type': 'multipart/related; boundary=b' }, body: `--b\r\n\r\n${item.slice(0, 9)}` },
      0xc00a,
    ],
    ['nothing is answered', { raw: '' }, 0xc00a],
    ['the connection is reset', { raw: '', then: 'reset' }, 0xc00a],
    [
      'the JSON is cut',
      { headers: { 'Content-Type': 'application/dicom+json' }, body: '[{"00100020":{"vr":"LO"' },
      0xc007,
    ],
    ['the JSON is none', { headers: { 'Content-Type': 'application/dicom+json' }, body: 'sorry' }, 0xc007],
    ['the XML is none', { headers: { 'Content-Type': 'application/dicom+xml' }, body: '<html/>' }, 0xc007],
    ['the type is not ours', { headers: { 'Content-Type': 'text/html' }, body: '[]' }, 0xc007],
    ['the type is none', { headers: { 'Content-Type': '?' }, body: '[]' }, 0xc007],
    [
      'the charset is unknown',
      { headers: { 'Content-Type': 'application/dicom+json; charset=x-none' }, body: '[]' },
      0xc007,
    ],
    ['the boundary is missing', { headers: { 'Content-Type': 'multipart/related' }, body: '--b--' }, 0xc007],
    ['the answer is no HTTP', { raw: 'hello\r\n' }, 0xc007],
  ])('%s', async (_what, answer, dimseStatus) => {
    expect(dimseOutcome(await failureOf(answer)).status).toBe(dimseStatus);
  });

  test.each(['request', 'body'] as const)(
    'an origin server that is silent in its %s times out: C004H',
    async (stage) => {
      const raw = stage === 'request' ? '' : `${head}Content-Length: 99\r\n\r\n[`;
      const failure = await failureOf({ raw, then: 'stay' }, { responseTimeoutMs: 50, bodyTimeoutMs: 50 });
      expect(dimseOutcome(failure).status).toBe(0xc004);
    },
  );

  test('a body that drips does not outlive the deadline of the caller', async () => {
    async function* drops(): AsyncGenerator<string> {
      yield `${head}Content-Length: 100000\r\n\r\n[`;
      for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        yield ' ';
      }
    }
    const { upstream } = await start(() => ({ raw: drops() }));
    const context = { ...contextOf(), deadline: performance.now() + 80 };
    const { failure } = await search(upstream, QUERY, context);
    expect([failure?.code, failure?.retry]).toEqual(['UPSTREAM_TIMEOUT', 'safe']);
  });

  test('what fails before the first result may be asked elsewhere', async () => {
    expect((await failureOf({ raw: '' })).retry).toBe('safe');
    expect((await failureOf({ status: 503 })).retry).toBe('safe');
    expect((await failureOf({ status: 400 })).retry).toBe('permanent');
  });

  test('results that came before the cut stay delivered, then the failure', async () => {
    const { upstream } = await start(() => ({ raw: `${head}Content-Length: 9999\r\n\r\n[${item},${item},{` }));
    const { results, failure } = await search(upstream);
    expect(results).toEqual([entryOf('P1'), entryOf('P1')]);
    expect(failure?.code).toBe('ANSWER_TRUNCATED');
  });

  test('after any failure the next search works', async () => {
    const bad: StubAnswer[] = [
      { raw: '' },
      { raw: `${head}Content-Length: 99\r\n\r\n[` },
      { status: 500 },
      { body: 'x' },
    ];
    const { upstream } = await start((_request, index) =>
      index % 2 === 0 ? (bad[index / 2] ?? { status: 500 }) : jsonAnswer(entries(1)),
    );
    for (const _ of bad) {
      expect((await search(upstream)).failure).toBeDefined();
      expect((await search(upstream)).results).toEqual(entries(1));
    }
  });

  test('an item larger than allowed is refused before it is complete', async () => {
    const failure = await failureOf(jsonAnswer([entryOf('P'.repeat(10_000))]), { maximumItemBytes: 5_000 });
    expect(failure.code).toBe('ANSWER_UNREADABLE');
  });

  test('an answer larger than allowed ends as too many results', async () => {
    const { upstream } = await start(() => jsonAnswer(entries(500)), { maximumAnswerBytes: 50_000 });
    expect((await search(upstream)).failure?.code).toBe('TOO_MANY_RESULTS');
  });
});

describe('asking again in another way (status-mapping 3.2)', () => {
  test('406: the other media types', async () => {
    const { stub, upstream } = await start(({ headers }) =>
      headers.accept === 'application/dicom+json'
        ? { status: 406 }
        : { headers: { 'Content-Type': 'application/dicom+xml' }, body: toXml(entryOf('P1')) },
    );
    expect((await search(upstream)).results).toEqual([entryOf('P1')]);
    expect(stub.requests[1]?.headers.accept).toBe(
      'application/dicom+xml, multipart/related; type="application/dicom+xml";q=0.9, ' +
        'multipart/related; type="application/dicom+json", multipart/related; type="application/dicom+xml"',
    );
  });

  test('406 for everything: two requests, then C008H', async () => {
    const { stub, upstream } = await start(() => ({ status: 406 }));
    expect((await search(upstream)).failure?.code).toBe('NO_COMMON_MEDIA_TYPE');
    expect(stub.requests).toHaveLength(2);
  });

  test.each([414, 431])('%i: includefield=all, once', async (status) => {
    const { stub, upstream } = await start((_request, index) => (index === 0 ? { status } : jsonAnswer(entries(1))));
    expect((await search(upstream)).results).toEqual(entries(1));
    expect(stub.requests[1]?.query).toBe('00100020=P1&00400100.00080060=CT&includefield=all');
  });

  test('413: pages of 100, then halved down to one, and what came stays', async () => {
    const all = entries(5);
    const { stub, upstream } = await start((request, index) => {
      const limit = Number(request.parameters.get('limit') ?? Infinity);
      return limit > 3 ? { status: 413 } : paging(all, Infinity)(request, index);
    });
    expect(await search(upstream)).toEqual({ results: all, warnings: [], failure: undefined });
    expect(stub.requests.map(({ parameters }) => [parameters.get('limit'), parameters.get('offset')])).toEqual([
      [null, null],
      ['100', null],
      ['50', null],
      ['25', null],
      ['12', null],
      ['6', null],
      ['3', null],
      ['3', '3'],
    ]);
  });

  test('413 for a single result: too many results', async () => {
    const { stub, upstream } = await start(() => ({ status: 413 }));
    expect((await search(upstream)).failure?.code).toBe('TOO_MANY_RESULTS');
    expect(stub.requests.at(-1)?.parameters.get('limit')).toBe('1');
  });

  test.each([429, 503, 507])('%i: a Retry-After that the caller has time for is waited for', async (status) => {
    const { stub, upstream } = await start((_request, index) =>
      index === 0 ? { status, headers: { 'Retry-After': '0' } } : jsonAnswer(entries(1)),
    );
    expect((await search(upstream)).results).toEqual(entries(1));
    expect(stub.requests).toHaveLength(2);
  });

  test.each(['3600', new Date(Date.now() + 3_600_000).toUTCString()])(
    '503: a Retry-After beyond the deadline (%s) is the failure at once',
    async (after) => {
      const failure = await failureOf({ status: 503, headers: { 'Retry-After': after } });
      expect(failure.code).toBe('OUT_OF_RESOURCES');
      expect(failure.retryAfter).toBeGreaterThan(3_500);
    },
  );

  test('503: a caller that goes away does not wait', async () => {
    const { upstream } = await start(() => {
      setImmediate(() => controller.abort());
      return { status: 503, headers: { 'Retry-After': '10' } };
    });
    const controller = new AbortController();
    const { failure } = await search(upstream, QUERY, contextOf(undefined, controller.signal));
    expect(failure?.code).toBe('CANCELED');
  });
});

describe('pages (PS3.18 8.3.4.4, proxy flow Search D2W step 7)', () => {
  const all = entries(7);
  const offsets = (stub: StubOriginServer): (string | null)[] =>
    stub.requests.map(({ parameters }) => parameters.get('offset'));

  test('a Warning of additional results leads to the next page', async () => {
    const { stub, upstream } = await start(paging(all, 3));
    expect(await search(upstream)).toEqual({ results: all, warnings: [], failure: undefined });
    expect(offsets(stub)).toEqual([null, '3', '6']);
  });

  test('pages of our own size are asked for until one is short', async () => {
    const { stub, upstream } = await start(
      ({ parameters }) => {
        const offset = Number(parameters.get('offset') ?? 0);
        const page = all.slice(offset, offset + Number(parameters.get('limit')));
        return page.length === 0 ? { status: 204 } : jsonAnswer(page);
      },
      { pageSize: 3 },
    );
    expect((await search(upstream)).results).toEqual(all);
    expect(offsets(stub)).toEqual([null, '3', '6']);
  });

  test('a result that comes again behind a border is dropped, one that changed is delivered and logged', async () => {
    const changed = cloneDataSet(all[2] as DataSet);
    changed['00080050'] = attribute('SH', 'OTHER');
    const pages = [[all[0], all[1], all[2]], [all[1], changed, all[3]], [all[4]]] as DataSet[][];
    const { upstream, lines } = await start((_request, index) =>
      jsonAnswer(pages[index] ?? [], index < 2 ? moreResults('http://ris', 9) : {}),
    );
    const { results } = await search(upstream);
    expect(results).toEqual([all[0], all[1], all[2], changed, all[3], all[4]]);
    expect(lines.filter(({ message }) => message.includes('other content'))).toHaveLength(1);
  });

  test('equal results within one page are all delivered', async () => {
    const same = [all[0], all[0], all[1]] as DataSet[];
    const { upstream } = await start((_request, index) =>
      index === 0 ? jsonAnswer(same, moreResults('http://ris', 1)) : jsonAnswer([all[2] as DataSet]),
    );
    expect((await search(upstream)).results).toEqual([...same, all[2]]);
  });

  test('equal results without step ID are never dropped: they may be two patients', async () => {
    const nameless = cloneDataSet(all[0] as DataSet);
    for (const step of itemsOf(nameless['00400100'])) step['00400009'] = { vr: 'SH' };
    const { upstream } = await start((_request, index) =>
      index === 0 ? jsonAnswer([nameless], moreResults('http://ris', 2)) : jsonAnswer([nameless, all[1] as DataSet]),
    );
    expect((await search(upstream)).results).toEqual([nameless, nameless, all[1]]);
  });

  test.each<[string, StubAnswer, Partial<DicomwebUpstreamOptions>]>([
    ['the same page, and more', jsonAnswer(all, moreResults('http://ris', 5)), {}],
    ['the same full page', jsonAnswer(all.slice(0, 3)), { pageSize: 3 }],
    ['the same page without step IDs, and more', jsonAnswer([entryOf('P', '')], moreResults('http://ris', 5)), {}],
  ])('an origin server that gives %s, again and again: C00DH, never Success', async (_what, answer, options) => {
    const { stub, upstream } = await start(() => answer, options);
    const { failure } = await search(upstream);
    expect(failure === undefined ? undefined : dimseOutcome(failure).status).toBe(0xc00d);
    expect(stub.requests).toHaveLength(2);
  });

  test('more results announced without any: C00DH', async () => {
    const { upstream } = await start(() => ({ status: 204, headers: moreResults('http://ris', 3) }));
    expect((await search(upstream)).failure?.code).toBe('PAGING_NOT_SUPPORTED');
  });

  test('a failure on a later page ends the search with that failure', async () => {
    const { upstream } = await start((request, index) =>
      index === 0 ? paging(all, 3)(request, index) : { status: 500 },
    );
    const { results, failure } = await search(upstream);
    expect(results).toEqual(all.slice(0, 3));
    expect(failure?.code).toBe('UPSTREAM_ERROR');
  });

  test("the caller's page is passed on, and what remains is told", async () => {
    const { stub, upstream } = await start(paging(all, 100));
    expect(await search(upstream, { ...QUERY, limit: 2, offset: 3, stableOrder: true })).toEqual({
      results: all.slice(3, 5),
      warnings: [['MORE_RESULTS', 2]],
      failure: undefined,
    });
    expect(stub.requests.map(({ parameters }) => [parameters.get('limit'), parameters.get('offset')])).toEqual([
      ['2', '3'],
    ]);
  });

  test("the caller's page may take several of the origin server's", async () => {
    const { upstream } = await start(paging(all, 2));
    const { results, warnings } = await search(upstream, { ...QUERY, limit: 5, stableOrder: true });
    expect([results, warnings]).toEqual([all.slice(0, 5), [['MORE_RESULTS', 2]]]);
  });

  test('the last page says nothing of more', async () => {
    const { upstream } = await start(paging(all, 100));
    const { results, warnings } = await search(upstream, { ...QUERY, limit: 5, offset: 4, stableOrder: true });
    expect([results, warnings]).toEqual([all.slice(4), []]);
  });

  test('results of several steps do not shift the pages of the caller', async () => {
    const pairs = [0, 2, 4].map((i) => {
      const both = cloneDataSet(all[i] as DataSet);
      both['00400100']?.Value?.push(itemsOf(all[i + 1]?.['00400100'])[0] as DataSet);
      return both;
    });
    const stepIds = (results: DataSet[]): unknown[] =>
      results.map((one) => itemsOf(one['00400100'])[0]?.['00400009']?.Value?.[0]);
    const { upstream } = await start(paging(pairs, 100));
    const first = await search(upstream, { ...QUERY, limit: 3, stableOrder: true });
    const second = await search(upstream, { ...QUERY, limit: 3, offset: 3, stableOrder: true });
    expect([stepIds(first.results), stepIds(second.results)]).toEqual([
      ['S0', 'S1', 'S2'],
      ['S3', 'S4', 'S5'],
    ]);
    expect(first.warnings).toEqual([['MORE_RESULTS', 3]]);
    expect(second.warnings).toEqual([]);
  });
});

describe('streaming', () => {
  const item = Buffer.from(`${toJson(entryOf('P1'))},`);
  const block = Buffer.concat(Array.from({ length: 200 }, () => item));

  async function* endless(): AsyncGenerator<string | Buffer> {
    yield 'HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: 1000000000000\r\n\r\n[';
    for (;;) yield block;
  }

  test('results are handed on while the answer is still coming', async () => {
    const { upstream } = await start(() => ({ raw: endless() }));
    let count = 0;
    for await (const result of upstream.search(QUERY, contextOf())) {
      expect(result).toEqual(entryOf('P1'));
      if (++count === 1_000) break;
    }
  });

  test('a consumer that stops pulling stops the socket', async () => {
    const { stub, upstream } = await start(() => ({ raw: endless() }));
    const iterator = upstream.search(QUERY, contextOf())[Symbol.asyncIterator]();
    await iterator.next();
    // Buffers of the system and of the streams fill up; then the number stands still.
    let before = -1;
    for (let same = 0; same < 5;) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      same = stub.bytesSent === before ? same + 1 : 0;
      before = stub.bytesSent;
    }
    expect(before).toBeLessThan(16 * 1024 * 1024);
    await iterator.return?.(undefined);
  });

  test('a consumer that leaves early ends the exchange', async () => {
    const { stub, upstream } = await start(() => ({ raw: endless() }));
    for await (const _ of upstream.search(QUERY, contextOf())) break;
    while (stub.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(stub.openConnections).toBe(0);
  });

  test('a caller that cancels ends the exchange with CANCELED', async () => {
    const { stub, upstream } = await start(() => ({ raw: endless() }));
    const controller = new AbortController();
    const consume = async (): Promise<void> => {
      for await (const _ of upstream.search(QUERY, contextOf(undefined, controller.signal))) controller.abort();
    };
    await expect(consume()).rejects.toMatchObject({ code: 'CANCELED' });
    while (stub.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });
});

describe('verify', () => {
  test('asks for the capabilities of the base', async () => {
    const { stub, upstream } = await start(() => ({ status: 200, body: '<application/>' }));
    await upstream.verify(contextOf());
    expect(stub.requests[0]).toMatchObject({ method: 'OPTIONS', path: '/dicomweb/' });
  });

  test.each([200, 204, 400, 404, 405, 406, 501])('%i proves that a server is there', async (status) => {
    const { upstream } = await start(() => ({ status }));
    await expect(upstream.verify(contextOf())).resolves.toBeUndefined();
  });

  test.each([
    [302, 'UNEXPECTED_STATUS'],
    [401, 'NOT_AUTHORIZED'],
    [403, 'NOT_AUTHORIZED'],
    [500, 'UPSTREAM_ERROR'],
    [503, 'OUT_OF_RESOURCES'],
  ])('%i is a failure', async (status, code) => {
    const { upstream } = await start(() => ({ status }));
    await expect(upstream.verify(contextOf())).rejects.toMatchObject({ code });
  });
});

test('close ends idle connections', async () => {
  const { stub, upstream } = await start(() => ({ status: 204 }));
  expect(await collect(upstream.search(QUERY, contextOf()))).toEqual([]);
  expect(stub.openConnections).toBe(1);
  await upstream.close();
  while (stub.openConnections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
});
