import { afterEach, describe, expect, test } from '@jest/globals';
import { deflateSync, gzipSync } from 'node:zlib';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { toXml } from '../../../src/dataset/xml.ts';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { COMMON_FAILURE_CODES, INSTANCE_FAILURE_CODES, ServiceFailure } from '../../../src/services/port.ts';
import type { CommitmentAnswer, ServiceName } from '../../../src/services/port.ts';
import { responseModule, sopForm } from '../../../src/services/storage-commitment/modules.ts';
import { commitmentHttpOutcome } from '../../../src/services/storage-commitment/outcomes.ts';
import { failAll } from '../../../src/services/storage-commitment/settle.ts';
import { CT_IMAGE, goldenCommitments, manyReferences, treeForm, TRANSACTION } from '../../support/commitments.ts';
import { call } from '../../support/http-client.ts';
import type { HttpCall, HttpReply } from '../../support/http-client.ts';
import { startCommitmentListener } from '../../support/http-listener.ts';
import type { CommitmentCall, CommitmentScript, StartedListener } from '../../support/http-listener.ts';
import { acceptOf, bodyIn, MEDIA_TYPES, readBody } from '../../support/media-bodies.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const RESOURCE = `/dicomweb/commitment-requests/${TRANSACTION}`;
const JSON_TYPE = 'application/dicom+json';
const XML_TYPE = 'application/dicom+xml';
const REFERENCES = manyReferences(3);
const FLAT = sopForm(REFERENCES);
const TREE = treeForm(REFERENCES);
const FAILED = responseModule(FLAT, failAll(REFERENCES, 0x0112));
const DONE: CommitmentAnswer = { state: 'done', module: FAILED };

async function start(
  script?: CommitmentScript,
  options?: Partial<DicomwebListenerOptions>,
  services?: readonly ServiceName[],
): Promise<StartedListener<CommitmentCall>> {
  const started = await startCommitmentListener(script, options, services);
  closing.push(started.close);
  return started;
}

function post(port: number, target = RESOURCE, more: HttpCall = {}): Promise<HttpReply> {
  const { headers, ...rest } = more;
  const all = { 'Content-Type': JSON_TYPE, ...headers };
  return call(port, target, { method: 'POST', body: toJson(FLAT), ...rest, headers: all });
}

const report = ({ body }: HttpReply): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;

/** Nothing reached the handler, and the listener has said so. */
function expectRefused(
  { calls, refusals }: StartedListener<CommitmentCall>,
  code: string,
  operation = 'request',
): void {
  expect(calls).toEqual([]);
  expect(refusals.map((refusal) => [refusal.operation, refusal.failure.code])).toEqual([[operation, code]]);
}

/** Of a 202: nothing but that it is still to come. */
const pendingParts = ({ status, headers, body }: HttpReply): unknown[] => [
  status,
  headers['retry-after'],
  headers['content-length'],
  headers['content-type'],
  body.length,
];

describe('Request (PS3.18 13.4)', () => {
  test('202 with Retry-After, and no payload (C35)', async () => {
    const { port, calls } = await start();
    expect(pendingParts(await post(port))).toEqual([202, '10', '0', undefined, 0]);
    expect(calls.map(({ operation, transactionUid, module }) => [operation, transactionUid, module])).toEqual([
      ['request', TRANSACTION, FLAT],
    ]);
    expect(calls[0]?.context.requester).toEqual({
      listener: 'web',
      protocol: 'dicomweb',
      address: '127.0.0.1',
      basePath: '/dicomweb',
    });
  });

  test.each([
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [3_600_000, '3600'],
  ])('Retry-After in whole seconds, rounded up and never 0: %i ms', async (retryAfterMs, seconds) => {
    const { port } = await start(() => ({ state: 'pending', retryAfterMs }));
    expect((await post(port)).headers['retry-after']).toBe(seconds);
    expect((await call(port, RESOURCE)).headers['retry-after']).toBe(seconds);
  });

  test('200 with the response module, though every instance has failed', async () => {
    const { port } = await start(() => DONE);
    const { status, headers, body } = await post(port, RESOURCE, { headers: { Host: 'gw' } });
    expect([status, headers['content-type'], headers['cache-control'], headers['content-location']]).toEqual([
      200,
      JSON_TYPE,
      'no-store',
      `http://gw${RESOURCE}`,
    ]);
    expect(body.toString()).toBe(`[${toJson(FAILED)}]`);
  });

  describe.each(MEDIA_TYPES)('payload %s', (sent) => {
    test.each(MEDIA_TYPES)('answered in %s', async (accepted) => {
      const { port, calls } = await start(() => DONE);
      const { contentType, body } = bodyIn(sent, FLAT);
      const reply = await post(port, RESOURCE, {
        body,
        headers: { 'Content-Type': contentType, Accept: acceptOf(accepted) },
      });
      expect([reply.status, calls.map(({ module }) => module)]).toEqual([200, [FLAT]]);
      expect(readBody(reply.headers['content-type'] ?? '', reply.body)).toEqual({
        mediaType: accepted,
        dataSet: FAILED,
      });
    });
  });

  const json = Buffer.from(toJson(FLAT));
  test.each<[string, string, Buffer, string]>([
    ['an array of one object', JSON_TYPE, Buffer.from(`[${toJson(FLAT)}]`), ''],
    ['application/json', 'application/json; charset=utf-8', json, ''],
    ['JSON in UTF-16', `${JSON_TYPE}; charset=utf-16le`, Buffer.from(toJson(FLAT), 'utf16le'), ''],
    ['XML with attribute names in capitals (C7)', XML_TYPE, Buffer.from(toXml(FLAT).replaceAll(' tag=', ' Tag=').replaceAll(' vr=', ' VR=')), ''],
    ['gzip', JSON_TYPE, gzipSync(json), 'gzip'],
    ['deflate', JSON_TYPE, deflateSync(json), 'deflate'],
    ['no coding by name', JSON_TYPE, json, 'identity'],
  ])('takes %s', async (_what, type, body, coding) => {
    const { port, calls } = await start();
    const headers = { 'Content-Type': type, ...(coding !== '' && { 'Content-Encoding': coding }) };
    expect((await post(port, RESOURCE, { body, headers })).status).toBe(202);
    expect(calls[0]?.module).toEqual(FLAT);
  }); // prettier-ignore

  test.each([
    ['the Referenced SOP Sequence', FLAT],
    ['the tree of studies', TREE],
    ['both', dataSetOf({ ...sopForm(manyReferences(5).slice(3)), ...TREE })],
  ])('both forms of J.1: %s', async (_what, module) => {
    const { port, calls } = await start();
    expect((await post(port, RESOURCE, { body: toJson(module) })).status).toBe(202);
    expect(calls[0]?.module).toEqual(module);
  });

  test('what is not of the module goes no further: neither a name nor the UIDs of the path', async () => {
    const { port, calls } = await start();
    const more = {
      '00080005': attribute('CS', 'ISO_IR 192'),
      '00081195': attribute('UI', TRANSACTION),
      '00100010': attribute('PN', { Alphabetic: 'DOE^JOHN' }),
    };
    expect((await post(port, RESOURCE, { body: toJson(dataSetOf({ ...FLAT, ...more })) })).status).toBe(202);
    expect(calls[0]?.module).toEqual(FLAT);
  });

  test('hops of gateways before this one are told, so that a loop is seen', async () => {
    const { port, calls } = await start();
    await post(port, RESOURCE, { headers: { 'Dimseway-Hop': 'one;a, two;b%20c' } });
    await call(port, RESOURCE, { headers: { 'Dimseway-Hop': 'one;a' } });
    expect(calls.map(({ context }) => context.hops)).toEqual([
      [
        { instance: 'one', route: 'a' },
        { instance: 'two', route: 'b c' },
      ],
      [{ instance: 'one', route: 'a' }],
    ]);
  });

  test('a client that goes away does not stop it: the request is finished', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<CommitmentAnswer>();
    const { port, calls, listener } = await start(() => {
      arrived.resolve();
      return go.promise;
    });
    const controller = new AbortController();
    const reply = post(port, RESOURCE, { signal: controller.signal }).catch(() => 'gone');
    await arrived.promise;
    controller.abort();
    expect(await reply).toBe('gone');
    while (listener.counts.connections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect([calls[0]?.context.signal.aborted, listener.counts.running]).toEqual([false, 1]);
    go.resolve(DONE);
    while (listener.counts.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  });

  test('its deadline lies before the end of the patience: who waits for a result still answers 202', async () => {
    const { port } = await start(
      async ({ context }) => {
        await new Promise((resolve) => setTimeout(resolve, context.deadline - performance.now()));
        return { state: 'pending', retryAfterMs: 5_000 };
      },
      { requestTimeoutMs: 1_000 },
    );
    expect(pendingParts(await post(port))).toEqual([202, '5', '0', undefined, 0]);
  });
});

describe('Result Check (PS3.18 13.5)', () => {
  test('202 with Retry-After, and no payload (C35)', async () => {
    const { port, calls } = await start();
    expect(pendingParts(await call(port, RESOURCE))).toEqual([202, '10', '0', undefined, 0]);
    expect(calls.map(({ operation, transactionUid }) => [operation, transactionUid])).toEqual([['check', TRANSACTION]]);
  });

  test.each(MEDIA_TYPES)(
    '200 in %s; Accept is meant, not the Content-Type of example B.28 (C34)',
    async (mediaType) => {
      const { port } = await start(() => DONE);
      const headers = { Accept: acceptOf(mediaType), 'Content-Type': JSON_TYPE };
      const reply = await call(port, RESOURCE, { headers });
      expect([reply.status, reply.headers['cache-control']]).toEqual([200, 'no-store']);
      expect(readBody(reply.headers['content-type'] ?? '', reply.body)).toEqual({ mediaType, dataSet: FAILED });
    },
  );

  test('HEAD has the headers of GET and no body', async () => {
    const { port } = await start(() => DONE);
    const get = await call(port, RESOURCE);
    const head = await call(port, RESOURCE, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      get.headers['content-length'],
      0,
    ]);
  });

  test.each(['1.2.', 'x', `1.${'2'.repeat(64)}`])('404: what is no UID has no result: %s (status-mapping 7.2)', async (uid) => {
    const started = await start(() => DONE);
    const reply = await call(started.port, RESOURCE.replace(TRANSACTION, uid));
    expect(report(reply)).toMatchObject({ status: 404, code: 'INVALID_UID' });
    expectRefused(started, 'INVALID_UID', 'check');
  }); // prettier-ignore

  test('406: no media type in common', async () => {
    const started = await start(() => DONE);
    expect((await call(started.port, RESOURCE, { headers: { Accept: 'image/png' } })).status).toBe(406);
    expectRefused(started, 'NO_COMMON_MEDIA_TYPE', 'check');
  });

  test('404 and 410 are told apart, as the handler says', async () => {
    for (const [code, status] of [
      ['NO_SUCH_INSTANCE', 404],
      ['INSTANCE_DELETED', 410],
    ] as const) {
      const { port, refusals } = await start(() => {
        throw new ServiceFailure(code);
      });
      expect(report(await call(port, RESOURCE))).toMatchObject({ status, code });
      expect(refusals).toEqual([]);
    }
  });

  test('a client that goes away stops it', async () => {
    const stopped = Promise.withResolvers<unknown>();
    const arrived = Promise.withResolvers<void>();
    const { port } = await start(({ context: { signal } }) => {
      arrived.resolve();
      signal.addEventListener('abort', () => stopped.resolve((signal.reason as ServiceFailure).code));
      return stopped.promise.then(() => DONE);
    });
    const controller = new AbortController();
    const reply = call(port, RESOURCE, { signal: controller.signal }).catch(() => 'gone');
    await arrived.promise;
    controller.abort();
    expect([await stopped.promise, await reply]).toEqual(['CANCELED', 'gone']);
  });
});

describe('examples B.27 to B.29, and both forms at once', () => {
  describe.each(goldenCommitments())('$name', ({ transactionUid, request, response, text }) => {
    const resource = RESOURCE.replace(TRANSACTION, transactionUid);

    test.each(MEDIA_TYPES)('requested, checked too early, checked again: %s', async (mediaType) => {
      const { contentType } = bodyIn(mediaType, request);
      const file = text(`request.${mediaType.endsWith('xml') ? 'xml' : 'json'}`);
      const part = `--MESSAGEBOUNDARY\r\n\r\n${file}\r\n--MESSAGEBOUNDARY--`;
      const answers: CommitmentAnswer[] = [
        { state: 'pending', retryAfterMs: 1 },
        { state: 'pending', retryAfterMs: 1 },
        { state: 'done', module: response },
      ];
      const { port, calls } = await start(() => answers.shift() as CommitmentAnswer);
      const headers = { 'Content-Type': contentType, Accept: acceptOf(mediaType) };
      const body = mediaType.startsWith('multipart') ? part : file;
      expect((await post(port, resource, { headers, body })).status).toBe(202);
      expect((await call(port, resource, { headers })).status).toBe(202);
      const reply = await call(port, resource, { headers });
      expect(readBody(reply.headers['content-type'] ?? '', reply.body)).toEqual({ mediaType, dataSet: response });
      expect(calls.map(({ operation, module }) => [operation, module])).toEqual([
        ['request', request],
        ['check', undefined],
        ['check', undefined],
      ]);
    });
  });
});

describe('every failure has the status of the table (status-mapping 7.1, 7.2)', () => {
  test.each([...COMMON_FAILURE_CODES, ...INSTANCE_FAILURE_CODES])('%s', async (code) => {
    const failure = new ServiceFailure(code, { comment: 'because', attributes: ['00081199'] });
    const { port } = await start(() => {
      throw failure;
    });
    for (const operation of ['request', 'check'] as const) {
      const { status, retryAfter } = commitmentHttpOutcome(failure, operation);
      const reply = operation === 'check' ? await call(port, RESOURCE) : await post(port);
      expect([reply.status, reply.headers['retry-after']]).toEqual([
        status,
        retryAfter === undefined ? undefined : String(retryAfter),
      ]);
      expect(report(reply)).toMatchObject({ status, code, error: 'because', attributes: ['00081199'] });
    }
  });

  test('409 has the Error ID of a Transaction UID in use', async () => {
    const { port } = await start(() => {
      throw new ServiceFailure('DUPLICATE_INSTANCE');
    });
    expect(report(await post(port))).toMatchObject({ status: 409, code: 'DUPLICATE_INSTANCE', errorId: '0131' });
  });

  test('no route offers storage commitment: 501, before anything of the request is looked at', async () => {
    const started = await start(undefined, {}, ['worklist', 'mpps']);
    const reply = await post(started.port, RESOURCE, { body: 'x', headers: { 'Content-Type': 'image/png' } });
    expect(reply.status).toBe(501);
    expectRefused(started, 'NOT_SUPPORTED');
    expect((await call(started.port, RESOURCE)).status).toBe(501);
  });
});

describe('bad requests: nothing goes further (status-mapping 7.1, 12)', () => {
  const sop = (items: readonly object[]): string => JSON.stringify({ '00081199': { vr: 'SQ', Value: items } });
  const item = (classUid: unknown, instanceUid: unknown): object => ({
    '00081150': { vr: 'UI', Value: [classUid] },
    '00081155': { vr: 'UI', Value: [instanceUid] },
  });
  const twice = item(CT_IMAGE, '1.2.3');
  const withUid = (...uids: string[]): string => toJson(dataSetOf({ ...FLAT, '00081195': attribute('UI', ...uids) }));
  const withoutSeries = dataSetOf({
    '00081110': attribute('SQ', dataSetOf({ '0020000D': attribute('UI', '1.2') })),
  });

  test.each<[string, string, string, readonly string[]]>([
    ['neither form', '{}', 'MISSING_ATTRIBUTE', ['00081199']],
    ['another data set', '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"DOE^JOHN"}]}}', 'MISSING_ATTRIBUTE', ['00081199']],
    ['an empty Referenced SOP Sequence', '{"00081199":{"vr":"SQ"}}', 'MISSING_VALUE', ['00081199']],
    ['an empty Referenced Study Sequence', '{"00081110":{"vr":"SQ"}}', 'MISSING_VALUE', ['00081110']],
    ['an instance without class', sop([{ '00081155': { vr: 'UI', Value: ['1.2.3'] } }]), 'MISSING_ATTRIBUTE', ['00081199']],
    ['no UID', sop([item(CT_IMAGE, 'DOE^JOHN')]), 'INVALID_VALUE', ['00081199']],
    ['an instance twice', sop([twice, twice]), 'INVALID_VALUE', ['00081199']],
    ['an instance once in each form', toJson(dataSetOf({ ...FLAT, ...TREE })), 'INVALID_VALUE', ['00081110']],
    ['a study without series', toJson(withoutSeries), 'MISSING_ATTRIBUTE', ['00081110']],
    ['another Transaction UID than in the path', withUid('1.2.3'), 'INVALID_VALUE', ['00081195']],
    ['two Transaction UIDs', withUid(TRANSACTION, '1.2.3'), 'INVALID_VALUE', ['00081195']],
    ['an empty body', '', 'BAD_REQUEST', []],
    ['no JSON', '{"00081199":', 'BAD_REQUEST', []],
    ['two data sets', `[${toJson(FLAT)},${toJson(FLAT)}]`, 'BAD_REQUEST', []],
    ['a sequence given twice', `${sop([twice]).slice(0, -1)},${sop([twice]).slice(1)}`, 'BAD_REQUEST', []],
    ['items that are none', '{"00081199":{"vr":"SQ","Value":["DOE^JOHN"]}}', 'BAD_REQUEST', []],
  ])('400 that names what is wrong, without values: %s', async (_what, body, code, attributes) => {
    const started = await start();
    const reply = await post(started.port, RESOURCE, { body });
    expect(report(reply)).toMatchObject({ status: 400, code });
    expect(report(reply)['attributes'] ?? []).toEqual(attributes);
    expect(reply.body.toString()).not.toMatch(/DOE/);
    expectRefused(started, code);
  }); // prettier-ignore

  test.each(['1.2.', '01.2', 'x', '1..2', `1.${'2'.repeat(64)}`, '1.2%0A'])(
    '400: the path names no UID: %s',
    async (uid) => {
      const started = await start();
      const reply = await post(started.port, RESOURCE.replace(TRANSACTION, uid));
      expect(report(reply)).toMatchObject({ status: 400, code: 'INVALID_UID' });
      expectRefused(started, 'INVALID_UID');
    },
  );

  test.each([undefined, 'text/plain', `${JSON_TYPE}; charset=klingon`, 'application/dicom'])(
    '415 that lists what there is: Content-Type %s',
    async (type) => {
      const started = await start();
      const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
      const reply = await call(started.port, RESOURCE, { method: 'POST', body: toJson(FLAT), headers });
      expect([reply.status, report(reply)['error']]).toEqual([415, expect.stringContaining(XML_TYPE)]);
      expectRefused(started, 'NO_COMMON_MEDIA_TYPE');
    },
  );

  test('path, Content-Type, Accept, parameters, body: in this order', async () => {
    const { port } = await start(undefined, { strictParameters: true });
    const type = { body: 'x', headers: { 'Content-Type': 'text/plain', Accept: 'image/png' } };
    const accept = { body: 'x', headers: { Accept: 'image/png' } };
    expect((await post(port, `${RESOURCE}x?x=1`, type)).status).toBe(400);
    expect((await post(port, `${RESOURCE}?x=1`, type)).status).toBe(415);
    expect((await post(port, `${RESOURCE}?x=1`, accept)).status).toBe(406);
    expect(report(await post(port, `${RESOURCE}?x=1`, { body: 'x' }))['error']).toBe('Parameter number 1 is not known');
    expect(report(await post(port, RESOURCE, { body: 'x' }))['error']).toMatch(/JSON/);
  });

  test('an unknown parameter is ignored with a Warning, on 202 and 200', async () => {
    const answers: CommitmentAnswer[] = [{ state: 'pending', retryAfterMs: 1 }, DONE];
    const { port } = await start(() => answers.shift() as CommitmentAnswer);
    for (const status of [202, 200]) {
      const reply = await post(port, `${RESOURCE}?verbose=1`);
      expect([reply.status, reply.all('warning').join()]).toEqual([
        status,
        expect.stringContaining('Parameter number 1 is not supported'),
      ]);
    }
  });

  test('a request without Accept is 406 under strictAccept only (C4)', async () => {
    const strict = await start(() => DONE, { strictAccept: true });
    expect((await post(strict.port)).status).toBe(406);
    expect((await call(strict.port, RESOURCE)).status).toBe(406);
    expect((await post(strict.port, RESOURCE, { headers: { Accept: JSON_TYPE } })).status).toBe(200);
    const plain = await start(() => DONE);
    expect((await call(plain.port, RESOURCE)).status).toBe(200);
  });

  test('404: the collection, and what is below a request; 405 with Allow: other methods', async () => {
    const { port } = await start();
    expect((await post(port, RESOURCE.replace(`/${TRANSACTION}`, ''))).status).toBe(404);
    expect((await post(port, `${RESOURCE}/x`)).status).toBe(404);
    for (const method of ['PUT', 'DELETE', 'PATCH']) {
      const { status, headers } = await call(port, RESOURCE, { method });
      expect([status, headers.allow]).toEqual([405, 'POST, GET, HEAD, OPTIONS']);
    }
  });
});

describe('size of a request', () => {
  const tooLarge = Buffer.alloc(3_000, ' ');
  const small = { maximumCommitmentBytes: 2_000 };

  test('413 with a Status Report beyond its own limit, whether its length is told or not', async () => {
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const started = await start(undefined, small);
      const reply = await post(started.port, RESOURCE, { body: tooLarge, headers });
      expect([reply.headers.connection, report(reply)]).toEqual([
        'close',
        expect.objectContaining({ status: 413, code: 'BAD_REQUEST', error: 'The body is longer than 2000 bytes' }),
      ]);
      expectRefused(started, 'BAD_REQUEST');
    }
  });

  test('413: what a content coding hides', async () => {
    const started = await start();
    const body = gzipSync(Buffer.alloc(40_000_000, ' '));
    const reply = await post(started.port, RESOURCE, { body, headers: { 'Content-Encoding': 'gzip' } });
    expect(reply.status).toBe(413);
    expectRefused(started, 'BAD_REQUEST');
  });

  test('the limit of other requests is not that of a request for commitment, nor the other way round', async () => {
    const { port } = await start(undefined, { maximumBodyBytes: 100 });
    expect((await post(port)).status).toBe(202);
    const check = await call(port, RESOURCE, { method: 'GET', body: tooLarge, headers: { 'Content-Length': '3000' } });
    expect(check.status).toBe(413);
  });

  test('an answer larger than allowed is no result', async () => {
    const { port } = await start(() => DONE, { maximumAnswerBytes: 100 });
    expect((await call(port, RESOURCE)).status).toBe(500);
  });
});

describe('Retrieve Capabilities (PS3.18 8.9)', () => {
  const describeIt = async (port: number): Promise<string> =>
    (await call(port, '/dicomweb/', { method: 'OPTIONS', headers: { Host: 'gw' } })).body.toString();

  test('lists Request and Result Check with their media types and statuses', async () => {
    const { port } = await start();
    const text = await describeIt(port);
    expect(text).toMatch(
      /<resource path="commitment-requests">\s*<resource path="\{transactionUID\}">\s*<param name="transactionUID" style="template"/,
    );
    const [, request = '', check = ''] = text.split('<method ');
    expect(request).toMatch(/^name="POST" id="requestStorageCommitment"/);
    expect(check).toMatch(/^name="GET" id="checkStorageCommitmentResult"/);
    const statuses = (part: string): number[] => [...part.matchAll(/status="(\d+)"/g)].map(([, status]) => Number(status));
    expect(statuses(request)).toEqual([200, 202, 400, 403, 406, 408, 409, 413, 415, 500, 501, 502, 503, 504, 508]);
    expect(statuses(check)).toEqual([200, 202, 400, 403, 404, 406, 410, 500, 501, 502, 503, 504, 508]);
    const types = MEDIA_TYPES.map((mediaType) => acceptOf(mediaType).replaceAll('"', '&#34;'));
    const written = [...request.matchAll(/<representation mediaType="([^"]*)"/g)].map(([, type]) => type);
    expect(written).toEqual([...types, ...types]);
  }); // prettier-ignore

  test('lists nothing where no route offers storage commitment', async () => {
    const { port } = await start(undefined, {}, ['mpps']);
    expect(await describeIt(port)).not.toContain('commitment');
  });
});
