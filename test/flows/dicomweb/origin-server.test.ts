import { afterEach, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { parseJsonDataSets, toJson } from '../../../src/dataset/json.ts';
import { decodeXml, fromXml } from '../../../src/dataset/xml.ts';
import { decodeMultipart } from '../../../src/dicomweb/multipart.ts';
import { DicomwebListener } from '../../../src/dicomweb/origin-server.ts';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { FAILURE_CODES, ServiceFailure } from '../../../src/services/port.ts';
import type { RequestContext, RouteOptions, ServiceHandler, WorklistQuery } from '../../../src/services/port.ts';
import { httpOutcome } from '../../../src/services/worklist/outcomes.ts';
import { moreResults, WARNINGS } from '../../../src/services/worklist/warnings.ts';
import { call, exchangeBytes } from '../../support/http-client.ts';
import { LISTENER_OPTIONS, WORKLIST_ONLY } from '../../support/http-listener.ts';
import { collect, entryOf, keepingLogger } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const RESOURCE = '/dicomweb/modality-scheduled-procedure-steps';
const ROUTE: RouteOptions = {
  route: 'web',
  characterSets: [],
  unencodable: 'utf-8',
  fuzzyMatching: false,
  timezoneAdjustment: false,
};

type Search = (query: WorklistQuery, context: RequestContext) => AsyncIterable<DataSet>;

interface Started {
  readonly port: number;
  readonly listener: DicomwebListener;
  readonly queries: WorklistQuery[];
  readonly contexts: RequestContext[];
  readonly refusals: ServiceFailure[];
  readonly lines: LogLine[];
}

async function start(
  search: Search,
  options: Partial<DicomwebListenerOptions> = {},
  routeFor: ServiceHandler['routeFor'] = () => ROUTE,
): Promise<Started> {
  const queries: WorklistQuery[] = [];
  const contexts: RequestContext[] = [];
  const refusals: ServiceFailure[] = [];
  const logger = keepingLogger();
  const handler: ServiceHandler = {
    routeFor,
    search: (query, context) => {
      queries.push(query);
      contexts.push(context);
      return search(query, context);
    },
    refused: (_service, _context, _startedMs, failure) => void refusals.push(failure),
    ...WORKLIST_ONLY,
  };
  const listener = new DicomwebListener({ ...LISTENER_OPTIONS, ...options }, handler, logger);
  const { port } = await listener.listen();
  closing.push(() => listener.close(0));
  return { port, listener, queries, contexts, refusals, lines: logger.lines };
}

/** A far end with these results. */
function yielding(...results: DataSet[]): Search {
  return async function* () {
    yield* results;
  };
}

async function* failing(failure: Error): AsyncGenerator<DataSet> {
  throw failure;
}

/** A far end that answers only when it is told to stop. */
const silent: Search = async function* (_query, { signal }) {
  await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  yield entryOf('never');
};

const JAPANESE = dataSetOf({
  ...entryOf('P9'),
  '00080005': attribute('CS', '', 'ISO 2022 IR 87'),
  '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
});

const report = (body: Buffer): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;

describe('results (PS3.18 14.4.3)', () => {
  test('200: an array of JSON by default', async () => {
    const { port, contexts } = await start(yielding(entryOf('P1'), entryOf('P2')));
    const { status, headers, body } = await call(port, RESOURCE);
    expect([status, headers['content-type'], headers['content-length']]).toEqual([
      200,
      'application/dicom+json',
      String(body.length),
    ]);
    expect(parseJsonDataSets(body.toString())).toEqual([entryOf('P1'), entryOf('P2')]);
    expect(headers['x-powered-by']).toBeUndefined();
    expect(contexts[0]?.requester).toEqual({
      listener: 'web',
      protocol: 'dicomweb',
      address: '127.0.0.1',
      basePath: '/dicomweb',
    });
  });

  test('204 without body for none', async () => {
    const { port } = await start(yielding());
    const { status, headers, body } = await call(port, RESOURCE);
    expect([status, headers['content-type'], headers['content-length'], body.length]).toEqual([
      204,
      undefined,
      undefined,
      0,
    ]);
  });

  test('application/json and one result of XML have their own types', async () => {
    const { port } = await start(yielding(entryOf('P1')));
    const json = await call(port, RESOURCE, { headers: { Accept: 'application/json' } });
    expect([json.headers['content-type'], parseJsonDataSets(json.body.toString())]).toEqual([
      'application/json',
      [entryOf('P1')],
    ]);
    const xml = await call(port, RESOURCE, { headers: { Accept: 'application/dicom+xml' } });
    expect([xml.headers['content-type'], decodeXml(xml.body)]).toEqual([
      'application/dicom+xml; charset=utf-8',
      entryOf('P1'),
    ]);
  });

  test.each(['application/dicom+json', 'application/dicom+xml'])(
    'multipart of %s has a part for each result',
    async (type) => {
      const { port } = await start(yielding(entryOf('P1'), entryOf('P2')));
      const { status, headers, body } = await call(port, RESOURCE, {
        headers: { Accept: `multipart/related; type="${type}"` },
      });
      expect(status).toBe(200);
      const boundary = /^multipart\/related; type="(.+)"; boundary=(\S+)$/.exec(headers['content-type'] ?? '');
      expect(boundary?.[1]).toBe(type);
      async function* bytes(): AsyncGenerator<Uint8Array> {
        yield body;
      }
      const parts: DataSet[] = [];
      for await (const part of decodeMultipart(bytes(), boundary?.[2] ?? '')) {
        const text = Buffer.concat(await collect(part.body));
        expect(part.headers.get('content-length')).toBe(String(text.length));
        expect(part.headers.get('content-type')?.split(';')[0]).toBe(type);
        parts.push(...(type.endsWith('json') ? parseJsonDataSets(text.toString()) : [fromXml(text.toString())]));
      }
      expect(parts).toEqual([entryOf('P1'), entryOf('P2')]);
    },
  );

  test('several results where only a single part of XML is taken: 406; where multipart is taken too: that', async () => {
    const { port } = await start(yielding(entryOf('P1'), entryOf('P2')));
    expect((await call(port, RESOURCE, { headers: { Accept: 'application/dicom+xml' } })).status).toBe(406);
    const more = await call(port, RESOURCE, {
      headers: {
        Accept:
          'application/dicom+xml, application/dicom+json;q=0.5, multipart/related; type="application/dicom+xml";q=0.1',
      },
    });
    expect([more.status, more.headers['content-type']?.slice(0, 46)]).toEqual([
      200,
      'multipart/related; type="application/dicom+xml"'.slice(0, 46),
    ]);
    const json = await call(port, RESOURCE, {
      headers: { Accept: 'application/dicom+xml, application/dicom+json;q=0.5' },
    });
    expect(json.headers['content-type']).toBe('application/dicom+json');
  });

  test('00080005 is ISO_IR 192 where there is text outside ASCII, else left out, in items too', async () => {
    const ascii = dataSetOf({ ...entryOf('P1'), '00080005': attribute('CS', 'ISO_IR 100') });
    const nested = dataSetOf({
      '00400100': attribute(
        'SQ',
        dataSetOf({ '00080005': attribute('CS', 'ISO_IR 100'), '00400007': attribute('LO', 'Ä') }),
      ),
    });
    const { port } = await start(yielding(ascii, JAPANESE, nested));
    const { body } = await call(port, RESOURCE);
    const utf8 = { '00080005': attribute('CS', 'ISO_IR 192') };
    expect(parseJsonDataSets(body.toString())).toEqual([
      entryOf('P1'),
      dataSetOf({ ...JAPANESE, ...utf8 }),
      dataSetOf({ ...utf8, '00400100': attribute('SQ', dataSetOf({ '00400007': attribute('LO', 'Ä') })) }),
    ]);
  });

  test('tags are in ascending order (PS3.18 F.2.2)', async () => {
    const { port } = await start(
      yielding(dataSetOf({ '30020010': { vr: 'SH' }, '00080050': { vr: 'SH' }, '00400100': { vr: 'SQ' } })),
    );
    const { body } = await call(port, RESOURCE);
    expect(body.toString()).toBe('[{"00080050":{"vr":"SH"},"00400100":{"vr":"SQ"},"30020010":{"vr":"SH"}}]');
  });

  test.each([
    ['gb18030', 'GB18030'],
    ['iso-8859-1', 'ISO_IR 100'],
  ])('charset %s: the bytes, the type and 00080005 say so', async (charset, term) => {
    const german = dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'Müller' }) });
    const { port } = await start(yielding(german));
    const json = await call(port, `${RESOURCE}?charset=${charset}`);
    expect(json.headers['content-type']).toBe(`application/dicom+json; charset=${charset}`);
    expect(parseJsonDataSets(new TextDecoder(charset).decode(json.body))).toEqual([
      dataSetOf({ ...german, '00080005': attribute('CS', term) }),
    ]);
    const xml = await call(port, RESOURCE, { headers: { Accept: 'application/dicom+xml', 'Accept-Charset': charset } });
    expect(new TextDecoder(charset).decode(xml.body)).toContain(`encoding="${charset}"`);
    expect(fromXml(new TextDecoder(charset).decode(xml.body))['00100010']).toEqual(german['00100010']);
  });

  test('a character the only accepted charset lacks: 406; the next accepted charset is taken', async () => {
    const { port } = await start(yielding(entryOf('P1'), JAPANESE));
    expect((await call(port, `${RESOURCE}?charset=iso-8859-1`)).status).toBe(406);
    const { status, headers } = await call(port, `${RESOURCE}?charset=iso-8859-1,utf-8;q=0.1`);
    expect([status, headers['content-type']]).toEqual([200, 'application/dicom+json']);
  });

  test('warnings are Warning headers of the Base URI, more results in the words of PS3.18 8.3.4.4', async () => {
    const { port } = await start(async function* (_query, context) {
      context.warn(WARNINGS.optionalKeysNotSupported);
      yield entryOf('P1');
      context.warn(WARNINGS.optionalKeysNotSupported);
      context.warn(moreResults(12));
    });
    const { all } = await call(port, `${RESOURCE}?limit=1`, { headers: { Host: 'gateway.example:8080' } });
    expect(all('warning')).toEqual([
      '299 http://gateway.example:8080/dicomweb: FF01: optional keys not supported',
      '299 http://gateway.example:8080/dicomweb: There are 12 additional results that can be requested',
    ]);
  });

  test('a Host that is none does not get into a header', async () => {
    const { port } = await start(async function* (_query, context) {
      context.warn(moreResults(1));
      yield entryOf('P1');
    });
    const { all } = await call(port, RESOURCE, { headers: { Host: 'evil"<script>' } });
    expect(all('warning')).toEqual([
      `299 http://127.0.0.1:${port}/dicomweb: There are 1 additional results that can be requested`,
    ]);
  });

  test('gzip is used where the client takes it and there is something to win', async () => {
    const { port } = await start(yielding(...Array.from({ length: 50 }, (_, i) => entryOf(`P${i}`))));
    const zipped = await call(port, RESOURCE, { headers: { 'Accept-Encoding': 'br, gzip;q=0.5' } });
    const plain = await call(port, RESOURCE, { headers: { 'Accept-Encoding': 'gzip;q=0' } });
    expect([zipped.headers['content-encoding'], zipped.headers['content-length']]).toEqual(['gzip', undefined]);
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(gunzipSync(zipped.body)).toEqual(plain.body);
    expect(zipped.body.length).toBeLessThan(plain.body.length / 5);
  });

  test('HEAD has the headers of GET and no body', async () => {
    const { port } = await start(yielding(entryOf('P1')));
    const get = await call(port, RESOURCE);
    const head = await call(port, RESOURCE, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.headers['content-type'], head.body.length]).toEqual([
      200,
      get.headers['content-length'],
      get.headers['content-type'],
      0,
    ]);
  });

  test('the query reaches the handler', async () => {
    const { port, queries } = await start(yielding());
    await call(port, `${RESOURCE}/?&PatientID=P1&limit=5&offset=10&fuzzymatching=true`);
    expect(queries[0]).toMatchObject({
      identifier: { '00100020': attribute('LO', 'P1') },
      limit: 5,
      offset: 10,
      fuzzyMatching: true,
      stableOrder: true,
    });
  });

  test('one connection carries many requests', async () => {
    const { port, listener } = await start(yielding(entryOf('P1')));
    const one = `GET ${RESOURCE} HTTP/1.1\r\nHost: x\r\n\r\n`;
    const text = await exchangeBytes(port, `${one}${one}${one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}`);
    expect(text.match(/HTTP\/1.1 200 OK/g)).toHaveLength(3);
    expect(listener.counts).toMatchObject({ running: 0, requests: 3 });
  });
});

describe('failures (status-mapping 3.1)', () => {
  test.each(FAILURE_CODES.filter((code) => code !== 'CANCELED'))('%s has the status of the table', async (code) => {
    const failure = new ServiceFailure(code, { comment: 'because', attributes: ['00100020'] });
    const { status: expected, retryAfter } = httpOutcome(failure);
    const { port } = await start(() => failing(failure));
    const { status, headers, body } = await call(port, RESOURCE);
    expect([status, headers['retry-after']]).toEqual([
      expected,
      retryAfter === undefined ? undefined : String(retryAfter),
    ]);
    expect(report(body)).toMatchObject({ status, code, error: 'because', attributes: ['00100020'] });
  });

  test('503 always says when to try again', async () => {
    const { port } = await start(() => failing(new ServiceFailure('OUT_OF_RESOURCES', { retryAfter: 77 })));
    expect((await call(port, RESOURCE)).headers['retry-after']).toBe('77');
  });

  test('the DIMSE status stands in the report and in a Warning', async () => {
    const { port } = await start(() =>
      failing(new ServiceFailure('OUT_OF_RESOURCES', { dimseStatus: 0xa700, comment: 'full' })),
    );
    const { body, all } = await call(port, RESOURCE, { headers: { Host: 'gw' } });
    expect(report(body)['dimseStatus']).toBe('A700');
    expect(all('warning')).toEqual(['299 http://gw/dicomweb: A700: full']);
  });

  test('a failure after results: the failure, no results', async () => {
    const { port } = await start(async function* () {
      yield entryOf('P1');
      throw new ServiceFailure('CONNECTION_LOST');
    });
    const { status, body } = await call(port, RESOURCE);
    expect(status).toBe(502);
    expect(body.toString()).not.toContain('P1');
  });

  test('what nobody expected: 500 with a code and no stack; the log has it, without its message', async () => {
    const { port, lines } = await start(() => failing(new Error('DOE^JOHN is not a function')));
    const { status, body } = await call(port, RESOURCE);
    expect([status, report(body)['code']]).toEqual([500, 'INTERNAL_ERROR']);
    expect(body.toString()).not.toMatch(/DOE|at |\.ts/);
    expect(JSON.stringify(lines)).not.toContain('DOE');
    expect(lines.filter(({ level }) => level === 'error')).toHaveLength(1);
  });

  test('the report is text where JSON is not taken', async () => {
    const { port } = await start(() => failing(new ServiceFailure('UPSTREAM_ERROR')));
    const { headers, body } = await call(port, RESOURCE, { headers: { Accept: 'application/dicom+xml' } });
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(body.toString()).toMatch(/^502 UPSTREAM_ERROR: /);
  });

  test('a result XML cannot hold: 502, JSON can', async () => {
    const { port } = await start(yielding(dataSetOf({ '00400007': attribute('LO', 'a\u0001b') })));
    expect((await call(port, RESOURCE, { headers: { Accept: 'application/dicom+xml' } })).status).toBe(502);
    expect((await call(port, RESOURCE)).status).toBe(200);
  });

  test('an answer larger than allowed: 413', async () => {
    const { port } = await start(yielding(entryOf('P1'), entryOf('P2')), { maximumAnswerBytes: 600 });
    expect((await call(port, RESOURCE)).status).toBe(413);
  });

  test('no route offers the worklist: 501, and the exchange is reported', async () => {
    const { port, refusals, queries } = await start(yielding(), {}, () => undefined);
    expect((await call(port, RESOURCE)).status).toBe(501);
    expect([refusals.map(({ code }) => code), queries]).toEqual([['NOT_SUPPORTED'], []]);
  });

  test('a far end that does not answer in time: 504, and it is told to stop', async () => {
    const { port, contexts } = await start(silent, { requestTimeoutMs: 60 });
    expect((await call(port, RESOURCE)).status).toBe(504);
    expect(contexts[0]?.signal.aborted).toBe(true);
  });

  test('a far end that does not even stop when told: 504 all the same', async () => {
    const { port } = await start(
      async function* () {
        await new Promise(() => {});
        yield entryOf('never');
      },
      { requestTimeoutMs: 60 },
    );
    expect((await call(port, RESOURCE)).status).toBe(504);
  });

  test('a client that goes away stops the search', async () => {
    const arrived = Promise.withResolvers<AbortSignal>();
    const { port, listener } = await start(async function* (query, context) {
      arrived.resolve(context.signal);
      yield* silent(query, context);
    });
    const controller = new AbortController();
    const reply = call(port, RESOURCE, { signal: controller.signal }).catch(() => 'gone');
    const signal = await arrived.promise;
    const stopped = new Promise((resolve) => signal.addEventListener('abort', resolve));
    controller.abort();
    await stopped;
    expect([await reply, (signal.reason as ServiceFailure).code]).toEqual(['gone', 'CANCELED']);
    while (listener.counts.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  });

  test('more requests at a time than allowed: 503', async () => {
    const { port } = await start(silent, { maximumRequests: 1, requestTimeoutMs: 500 });
    const first = call(port, RESOURCE);
    const second = call(port, RESOURCE);
    expect([(await first).status, (await second).status].sort()).toEqual([503, 504]);
  });
});

describe('checks of the request (status-mapping 12)', () => {
  test.each([
    ['limit=x', 'limit'],
    ['offset=-1', 'offset'],
    ['fuzzymatching=maybe', 'fuzzymatching'],
    ['includefield=Nonsense', 'includefield'],
    ['PatientID=1&00100020=2', '00100020'],
    ['0040,0100.x=1', 'number 1'],
    ['accept=*/*', 'accept'],
    ['PatientID=%FF', 'PatientID'],
  ])('400 that names the parameter: %s', async (query, name) => {
    const { port, refusals, queries } = await start(yielding());
    const { status, body } = await call(port, `${RESOURCE}?${query}`);
    expect(status).toBe(400);
    expect(report(body)['error']).toContain(name);
    expect([refusals.length, queries]).toEqual([1, []]);
  });

  test('an unknown parameter is ignored with a Warning, or 400 under strictParameters', async () => {
    const lenient = await start(yielding());
    const { status, all } = await call(lenient.port, `${RESOURCE}?verbose=1`);
    expect([status, all('warning').join()]).toEqual([
      204,
      expect.stringContaining('Parameter number 1 is not supported'),
    ]);
    const strict = await start(yielding(), { strictParameters: true });
    expect((await call(strict.port, `${RESOURCE}?verbose=1`)).status).toBe(400);
  });

  test('406 lists the available types and goes before a bad parameter', async () => {
    const { port, refusals } = await start(yielding());
    const { status, body } = await call(port, `${RESOURCE}?limit=x`, { headers: { Accept: 'image/png' } });
    expect(status).toBe(406);
    expect(body.toString()).toContain('multipart/related; type="application/dicom+xml"');
    expect(refusals).toHaveLength(1);
  });

  test('a request without Accept is 406 under strictAccept only', async () => {
    const { port } = await start(yielding(), { strictAccept: true });
    expect((await call(port, RESOURCE)).status).toBe(406);
    expect((await call(port, RESOURCE, { headers: { Accept: '*/*' } })).status).toBe(204);
  });

  test.each([
    '/',
    '/dicomweb/x',
    '/DICOMWEB/modality-scheduled-procedure-steps',
    `${RESOURCE}/x`,
    '/modality-scheduled-procedure-steps',
  ])('404: %s', async (path) => {
    const { port } = await start(yielding());
    expect((await call(port, path)).status).toBe(404);
  });

  test.each(['POST', 'PUT', 'DELETE', 'PATCH'])('405 with Allow: %s', async (method) => {
    const { port } = await start(yielding());
    const { status, headers } = await call(port, RESOURCE, { method, body: '{}', headers: { 'Content-Length': '2' } });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD, OPTIONS']);
    expect((await call(port, '/dicomweb/', { method })).headers.allow).toBe('OPTIONS');
  });

  test('OPTIONS of the resource says what is possible', async () => {
    const { port } = await start(yielding());
    const { status, headers } = await call(port, RESOURCE, { method: 'OPTIONS' });
    expect([status, headers.allow]).toEqual([204, 'GET, HEAD, OPTIONS']);
  });

  test('414: an over-long URI, before anything else is looked at', async () => {
    const { port } = await start(yielding());
    expect((await call(port, `/nowhere?x=${'x'.repeat(3_000)}`)).status).toBe(414);
    expect(await exchangeBytes(port, `GET /${'x'.repeat(300_000)}`)).toMatch(/^HTTP\/1.1 414 /);
  });

  test('431: header fields that are too long', async () => {
    const { port } = await start(yielding(), { maximumHeaderBytes: 4_000 });
    expect((await call(port, RESOURCE, { headers: { 'X-Long': 'x'.repeat(5_000) } })).status).toBe(431);
    expect(await exchangeBytes(port, `GET / HTTP/1.1\r\nHost: x\r\nCookie: ${'a=b; '.repeat(60_000)}`)).toMatch(
      /^HTTP\/1.1 431 /,
    );
  });

  test('413: a body nobody asked for', async () => {
    const { port } = await start(yielding(), { maximumBodyBytes: 100 });
    const text = await exchangeBytes(port, `GET ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(text).toMatch(/connection: close/i);
  });

  test.each(['Content-Length: 9\r\n\r\nabc', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n'])(
    'the answer does not wait for the rest of a body nobody asked for: the connection ends with it',
    async (body) => {
      const { port } = await start(yielding(), {});
      const text = await exchangeBytes(port, `GET ${RESOURCE} HTTP/1.1\r\nHost: x\r\n${body}`);
      expect(text).toMatch(/^HTTP\/1.1 204 /);
      expect(text).toMatch(/connection: close/i);
      expect(text.match(/HTTP\/1.1/g)).toHaveLength(1);
    },
  );

  test.each([
    ['what is no HTTP', 'hello\r\n\r\n', 400],
    ['an unknown method', 'FLY / HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['a header without name', 'GET / HTTP/1.1\r\n: x\r\n\r\n', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two lengths', 'GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n', 400],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      400,
    ],
    ['a path that is not encoded', 'GET /dicomweb/%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['HTTP/2 without upgrade', `GET ${RESOURCE} HTTP/2.0\r\nHost: x\r\nConnection: close\r\n\r\n`, 505],
    ['HTTP/9', `GET ${RESOURCE} HTTP/9.9\r\nHost: x\r\n\r\n`, 505],
  ])('%s is refused', async (_what, bytes, status) => {
    const { port } = await start(yielding());
    expect(Number((await exchangeBytes(port, bytes)).split(' ')[1])).toBe(status);
  });

  test('HTTP/1.0 is served', async () => {
    const { port } = await start(yielding(entryOf('P1')));
    expect(await exchangeBytes(port, `GET ${RESOURCE} HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1.1 200 OK/);
  });

  test('408: header fields that drip', async () => {
    const { port, listener } = await start(yielding(), { headersTimeoutMs: 100 });
    const text = await new Promise<string>((resolve) => {
      const socket: Socket = connect(port, '127.0.0.1');
      let received = '';
      const drip = setInterval(() => socket.write('x'), 10);
      socket.write(`GET ${RESOURCE} HTTP/1.1\r\nA: `);
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
      socket.on('close', () => {
        clearInterval(drip);
        resolve(received);
      });
    });
    expect(text).toMatch(/^HTTP\/1.1 408 /);
    expect(listener.counts.running).toBe(0);
  });

  test('garbage behind a request that is still worked on does not get into its answer', async () => {
    const { port } = await start(silent, { requestTimeoutMs: 100 });
    const text = await exchangeBytes(port, `GET ${RESOURCE} HTTP/1.1\r\nHost: x\r\n\r\n garbage \r\n\r\n`);
    expect(text).not.toMatch(/400/);
  });

  test('after every bad request the next one works', async () => {
    const { port } = await start(yielding(entryOf('P1')));
    for (const bytes of ['\u0000', 'GET', 'hello\r\n\r\n']) {
      const socket = connect(port, '127.0.0.1', () => socket.end(Buffer.from(bytes)));
      await new Promise((resolve) =>
        socket
          .on('close', resolve)
          .on('error', () => {})
          .resume(),
      );
      expect((await call(port, RESOURCE)).status).toBe(200);
    }
  });
});

describe('several base paths', () => {
  test('each is told to the route, the empty one included', async () => {
    const { port, contexts } = await start(yielding(), { basePaths: ['/a', '/b/c', ''] });
    for (const base of ['/a', '/b/c', '']) {
      expect((await call(port, `${base}/modality-scheduled-procedure-steps`)).status).toBe(204);
    }
    expect(contexts.map(({ requester }) => requester.basePath)).toEqual(['/a', '/b/c', '']);
  });
});

describe('Retrieve Capabilities (PS3.18 8.9)', () => {
  const options = (port: number, path: string, headers: Record<string, string> = {}): ReturnType<typeof call> =>
    call(port, path, { method: 'OPTIONS', headers });

  test.each(['/dicomweb', '/dicomweb/'])('OPTIONS %s describes the search as WADL', async (path) => {
    const { port } = await start(yielding());
    const { status, headers, body } = await options(port, path, { Host: 'gw:1' });
    expect([status, headers['content-type']]).toEqual([200, 'application/vnd.sun.wadl+xml']);
    const text = body.toString();
    expect(text).toContain('<resources base="http://gw:1/dicomweb">');
    expect(text).toContain('<resource path="modality-scheduled-procedure-steps">');
    expect(text).toContain('<method name="GET" id="searchForModalityScheduledProcedureSteps">');
  });

  interface Wadl {
    application: {
      resources: {
        '@base': string;
        resource: {
          '@path': string;
          method: {
            '@name': string;
            request: { param: { '@name': string; '@style': string; doc: { '@title': string; value: string }[] }[] };
            response: { '@status': string; representation?: { '@mediaType': string }[] }[];
          }[];
        }[];
      };
    };
  }

  test('the JSON form lists every parameter by tag and keyword, every type and status', async () => {
    const { port } = await start(yielding());
    const { headers, body } = await options(port, '/dicomweb/', { Accept: 'application/json' });
    expect(headers['content-type']).toBe('application/json');
    const { resources } = (JSON.parse(body.toString()) as Wadl).application;
    expect(resources['@base']).toBe(`http://127.0.0.1:${port}/dicomweb`);
    const method = resources.resource[0]?.method[0];
    const names = method?.request.param.map((one) => one['@name']) ?? [];
    for (const name of [
      'accept',
      'charset',
      'includefield',
      'fuzzymatching',
      'emptyvaluematching',
      'multiplevaluematching',
      'limit',
      'offset',
      'Accept',
      '00100020',
      'PatientID',
      '00400100.00400001',
      'ScheduledProcedureStepSequence.ScheduledStationAETitle',
    ]) {
      expect(names).toContain(name);
    }
    expect(new Set(names).size).toBe(names.length);
    const answers = Object.fromEntries(
      method?.response.map((one) => [one['@status'], one.representation?.map((type) => type['@mediaType'])]) ?? [],
    );
    expect(answers).toMatchObject({
      200: [
        'application/dicom+json',
        'application/dicom+xml',
        'multipart/related; type="application/dicom+json"',
        'multipart/related; type="application/dicom+xml"',
      ],
    });
    expect(Object.keys(answers)).toEqual(
      expect.arrayContaining(['204', '400', '406', '413', '414', '500', '501', '502', '503', '504']),
    );
  });

  test('describes what the route of the requester offers, nothing else', async () => {
    const { port } = await start(yielding(), {}, () => undefined);
    const { status, body } = await options(port, '/dicomweb/');
    expect(status).toBe(200);
    expect(body.toString()).not.toContain('<resource ');
  });

  test('304 when the client has it already', async () => {
    const { port } = await start(yielding());
    const etag = (await options(port, '/dicomweb/')).headers.etag ?? '';
    const again = await options(port, '/dicomweb/', { 'If-None-Match': `"x", W/${etag}` });
    expect([again.status, again.body.length]).toEqual([304, 0]);
    expect((await options(port, '/dicomweb/', { 'If-None-Match': '"x"' })).status).toBe(200);
  });

  test('406 for other types', async () => {
    const { port } = await start(yielding());
    expect((await options(port, '/dicomweb/', { Accept: 'text/css' })).status).toBe(406);
  });
});

describe('the life of the listener', () => {
  test('update changes what the next request meets, on the same port', async () => {
    const { port, listener } = await start(yielding());
    listener.update({ ...LISTENER_OPTIONS, name: 'other', basePaths: ['/new'], strictParameters: true });
    expect((await call(port, RESOURCE)).status).toBe(404);
    expect((await call(port, '/new/modality-scheduled-procedure-steps?verbose=1')).status).toBe(400);
  });

  test('close lets a request under way finish, and takes no new one', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const { port, listener } = await start(async function* () {
      arrived.resolve();
      await go.promise;
      yield entryOf('P1');
    });
    const reply = call(port, RESOURCE);
    await arrived.promise;
    const closed = listener.close(5_000);
    expect(listener.listening).toBe(false);
    await expect(call(port, RESOURCE)).rejects.toThrow('ECONNREFUSED');
    go.resolve();
    const { status, headers } = await reply;
    expect([status, headers.connection]).toEqual([200, 'close']);
    await closed;
  });

  test('close ends with 503 what does not finish in time', async () => {
    const arrived = Promise.withResolvers<void>();
    const { port, listener } = await start(async function* (query, context) {
      arrived.resolve();
      yield* silent(query, context);
    });
    const reply = call(port, RESOURCE);
    await arrived.promise;
    await listener.close(20);
    const { status, headers } = await reply;
    expect([status, headers['retry-after'] !== undefined]).toEqual([503, true]);
  });

  test('close does not wait for a connection that only drips', async () => {
    const { port, listener } = await start(yielding());
    const socket = connect(port, '127.0.0.1', () => socket.write('GET / HT'));
    const gone = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
    while (listener.counts.connections === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await listener.close(10);
    await gone;
  });

  test('more connections than allowed are closed at once', async () => {
    const { port, lines } = await start(silent, { maximumConnections: 1, requestTimeoutMs: 200 });
    const first = call(port, RESOURCE);
    const second = await call(port, RESOURCE).catch(() => 'closed');
    expect([(await first).status, second]).toEqual([504, 'closed']);
    expect(lines.some(({ level, message }) => level === 'warn' && message.includes('too many'))).toBe(true);
  });

  test('a client that does not take its answer is let go', async () => {
    const large = entryOf('P'.repeat(100_000));
    const { port, listener } = await start(yielding(...Array.from({ length: 300 }, () => large)), {
      idleTimeoutMs: 100,
    });
    const socket = connect(port, '127.0.0.1', () => socket.write(`GET ${RESOURCE} HTTP/1.1\r\nHost: x\r\n\r\n`));
    socket.pause();
    socket.on('error', () => {});
    while (listener.counts.requests === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    while (listener.counts.connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(listener.counts.running).toBe(0);
    socket.destroy();
  });

  test('a port that is taken is the error of the system', async () => {
    const { port } = await start(yielding());
    await expect(start(yielding(), { port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});

test('ten thousand results are collected without their objects', async () => {
  const one = entryOf('P1');
  const { port } = await start(async function* () {
    for (let i = 0; i < 10_000; i++) yield one;
  });
  const { body } = await call(port, RESOURCE);
  expect(body.length).toBe(10_000 * (toJson(one).length + 1) + 1);
});
