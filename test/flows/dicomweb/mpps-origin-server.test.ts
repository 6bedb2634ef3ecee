import { afterEach, describe, expect, test } from '@jest/globals';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import type { MppsOperation } from '../../../src/services/mpps/outcomes.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { parseJsonDataSets, toJson } from '../../../src/dataset/json.ts';
import { decodeXml, toXml } from '../../../src/dataset/xml.ts';
import { createBoundary, encodeMultipartEnd, encodePartHead } from '../../../src/dicomweb/multipart.ts';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { COMMON_FAILURE_CODES, INSTANCE_FAILURE_CODES, ServiceFailure } from '../../../src/services/port.ts';
import type { MppsContext, ServiceName } from '../../../src/services/port.ts';
import { mppsHttpOutcome } from '../../../src/services/mpps/outcomes.ts';
import { call, exchangeBytes } from '../../support/http-client.ts';
import type { HttpCall, HttpReply } from '../../support/http-client.ts';
import { LISTENER_OPTIONS, MPPS, MPPS_UID, startMppsListener } from '../../support/http-listener.ts';
import type { MppsScript, StartedListener } from '../../support/http-listener.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const RESOURCE = `/dicomweb/modality-performed-procedure-steps/${MPPS_UID}`;
const JSON_TYPE = 'application/dicom+json';
const XML_TYPE = 'application/dicom+xml';

async function start(
  script?: MppsScript,
  options?: Partial<DicomwebListenerOptions>,
  services?: readonly ServiceName[],
): Promise<StartedListener> {
  const started = await startMppsListener(script, options, services);
  closing.push(started.close);
  return started;
}

function post(port: number, target = RESOURCE, more: HttpCall = {}): Promise<HttpReply> {
  const { headers, ...rest } = more;
  const all = { 'Content-Type': JSON_TYPE, ...headers };
  return call(port, target, { method: 'POST', body: toJson(MPPS), ...rest, headers: all });
}

const report = ({ body }: HttpReply): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;

/** Nothing reached the far end, and the listener has said so. */
function expectRefused({ calls, refusals }: StartedListener, code: string, operation: MppsOperation = 'create'): void {
  expect(calls).toEqual([]);
  expect(refusals.map((refusal) => [refusal.operation, refusal.failure.code])).toEqual([[operation, code]]);
}

/** What is sent over a bare socket, and what came back; the socket stays open until it is closed by the far end. */
function dialog(port: number, bytes: string): { socket: Socket; text: Promise<string> } {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  socket.on('error', () => {});
  const text = new Promise<string>((resolve) => {
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
    socket.on('close', () => resolve(received));
  });
  return { socket, text };
}

describe('Create (PS3.18 15.4)', () => {
  test('201 with Location (C25, C27), no payload and no Content-Type (C26)', async () => {
    const { port, calls } = await start();
    const { status, headers, body } = await post(port, RESOURCE, { headers: { Host: 'gw:1' } });
    expect([status, headers.location, headers['content-length'], headers['content-type'], body.length]).toEqual([
      201,
      `http://gw:1${RESOURCE}`,
      '0',
      undefined,
      0,
    ]);
    expect(calls.map(({ operation, uid }) => [operation, uid])).toEqual([['create', MPPS_UID]]);
    expect(calls[0]).toMatchObject({ dataSet: MPPS });
    expect(calls[0]?.context.requester).toEqual({
      listener: 'web',
      protocol: 'dicomweb',
      address: '127.0.0.1',
      basePath: '/dicomweb',
    });
  });

  test('200 by option, as in example B.37 (C25)', async () => {
    const { port } = await start(undefined, { createStatus: 200 });
    const { status, headers } = await post(port);
    expect([status, headers.location]).toEqual([200, `http://127.0.0.1:${port}${RESOURCE}`]);
  });

  const boundary = createBoundary();
  const inMultipart = (part: Buffer, type: string): Buffer =>
    Buffer.concat([encodePartHead(boundary, type, part.length, true), part, encodeMultipartEnd(boundary)]);
  const json = Buffer.from(toJson(MPPS));
  const xml = Buffer.from(toXml(MPPS));

  test.each<[string, string, Buffer, string]>([
    ['an object', JSON_TYPE, json, ''],
    ['an array of one object (C28)', JSON_TYPE, Buffer.from(`[${toJson(MPPS)}]`), ''],
    ['application/json', 'application/json; charset=utf-8', json, ''],
    ['JSON with a byte order mark', JSON_TYPE, Buffer.concat([Buffer.from('\ufeff'), json]), ''],
    ['JSON in UTF-16', 'application/dicom+json; charset=utf-16le', Buffer.from(toJson(MPPS), 'utf16le'), ''],
    ['XML', XML_TYPE, xml, ''],
    [
      'XML in UTF-16',
      'application/dicom+xml; charset=utf-16le',
      Buffer.from(toXml(MPPS).replace(/^.*\n/, ''), 'utf16le'),
      '',
    ],
    [
      'multipart JSON (C5)',
      `multipart/related; type="${JSON_TYPE}"; boundary=${boundary}`,
      inMultipart(json, JSON_TYPE),
      '',
    ],
    ['multipart XML (C5)', `multipart/related; boundary=${boundary}`, inMultipart(xml, XML_TYPE), ''],
    ['gzip', JSON_TYPE, gzipSync(json), 'gzip'],
    ['deflate', JSON_TYPE, deflateSync(json), 'deflate'],
    ['raw deflate', XML_TYPE, deflateRawSync(xml), 'deflate'],
    ['no coding by name', JSON_TYPE, json, 'identity'],
  ])('takes %s', async (_what, type, body, coding) => {
    const { port, calls } = await start();
    const headers = { 'Content-Type': type, ...(coding !== '' && { 'Content-Encoding': coding }) };
    expect((await post(port, RESOURCE, { body, headers })).status).toBe(201);
    expect(calls[0]).toMatchObject({ dataSet: MPPS });
  });

  test('SOP Class and Instance UID of the payload are in the path: removed', async () => {
    const { port, calls } = await start();
    const uids = { '00080016': attribute('UI', '1.2.840.10008.3.1.2.3.3'), '00080018': attribute('UI', MPPS_UID) };
    expect((await post(port, RESOURCE, { body: toJson(dataSetOf({ ...MPPS, ...uids })) })).status).toBe(201);
    expect(calls[0]).toHaveProperty('dataSet', MPPS);
  });

  test('a step ID of 35 characters passes (C29), an end before the start too (C30): content is for the handler', async () => {
    const { port, calls } = await start();
    const slips = dataSetOf({
      ...MPPS,
      '00400244': attribute('DA', '20250101'),
      '00400250': attribute('DA', '20200101'),
      '00400253': attribute('SH', '1.2.276.0.7230010.3.1.4.8323329.123'),
    });
    expect((await post(port, RESOURCE, { body: toJson(slips) })).status).toBe(201);
    expect(calls[0]).toHaveProperty('dataSet', slips);
  });

  test('warnings of the handler are Warning fields, a DIMSE status in front of the text (status-mapping 1.1)', async () => {
    const { port } = await start(({ context }) => {
      context.warn({ code: 'VALUES_SUPPLIED', text: 'Supplied: 00400253', attributes: ['00400253'] });
      context.warn({ code: 'ATTRIBUTES_IGNORED', text: '0107: attributes ignored: 00400280', dimseStatus: 0x0107 });
      context.warn({ code: 'VALUES_CHANGED', text: 'done with modifications', dimseStatus: 0xb300 });
    });
    const { status, all, body } = await post(port, RESOURCE, { headers: { Host: 'gw' } });
    expect([status, body.length]).toEqual([201, 0]);
    expect(all('warning')).toEqual([
      '299 http://gw/dicomweb: Supplied: 00400253',
      '299 http://gw/dicomweb: 0107: attributes ignored: 00400280',
      '299 http://gw/dicomweb: B300: done with modifications',
    ]);
  });

  test('a UID in use: 409 as the handler says, with a report that names the attribute', async () => {
    const { port, refusals } = await start(() => {
      throw new ServiceFailure('DUPLICATE_INSTANCE', { dimseStatus: 0x0111, attributes: ['00080018'] });
    });
    const reply = await post(port, RESOURCE, { headers: { Host: 'gw' } });
    expect(report(reply)).toMatchObject({
      status: 409,
      code: 'DUPLICATE_INSTANCE',
      dimseStatus: '0111',
      attributes: ['00080018'],
    });
    expect(reply.all('warning')).toEqual(['299 http://gw/dicomweb: 0111: MPPS UID already in use']);
    expect(refusals).toEqual([]);
  });
});

describe('Update (PS3.18 15.5)', () => {
  test.each(['?update', '?update=', '?update=true', '?x=1&update', '/update'])(
    '200 without payload: POST {uid}%s (C24)',
    async (suffix) => {
      const { port, calls } = await start();
      const { status, headers, body } = await post(port, RESOURCE + suffix);
      expect([status, headers['content-length'], headers['content-type'], headers.location, body.length]).toEqual([
        200,
        '0',
        undefined,
        undefined,
        0,
      ]);
      expect(calls.map(({ operation, uid }) => [operation, uid])).toEqual([['update', MPPS_UID]]);
      expect(calls[0]).toHaveProperty('dataSet', MPPS);
    },
  );

  test('names are case sensitive: ?Update is no update', async () => {
    const { port, calls } = await start();
    expect((await post(port, `${RESOURCE}?Update`)).status).toBe(201);
    expect(calls.map(({ operation }) => operation)).toEqual(['create']);
    expect((await post(port, `${RESOURCE}/Update`)).status).toBe(404);
  });

  test('update takes no other value: 400', async () => {
    const started = await start();
    expect((await post(started.port, `${RESOURCE}?update=false`)).status).toBe(400);
    expectRefused(started, 'BAD_REQUEST', 'update');
  });

  test('PUT creates and PATCH updates by option (drafts before July 2025, C24), else 405 with Allow', async () => {
    const plain = await start();
    for (const method of ['PUT', 'PATCH']) {
      const { status, headers } = await post(plain.port, RESOURCE, { method });
      expect([status, headers.allow]).toEqual([405, 'POST, GET, HEAD, OPTIONS']);
    }
    expect((await post(plain.port, `${RESOURCE}/update`, { method: 'PUT' })).headers.allow).toBe('POST, OPTIONS');
    const drafts = await start(undefined, { draftMethods: true });
    expect((await post(drafts.port, RESOURCE, { method: 'PUT' })).status).toBe(201);
    expect((await post(drafts.port, RESOURCE, { method: 'PATCH' })).status).toBe(200);
    expect(drafts.calls.map(({ operation }) => operation)).toEqual(['create', 'update']);
    expect((await call(drafts.port, RESOURCE, { method: 'DELETE' })).headers.allow).toBe(
      'POST, GET, HEAD, PUT, PATCH, OPTIONS',
    );
  });

  test('a sequence that shrank is a Warning, no failure (example B.38)', async () => {
    const { port } = await start(({ context }) =>
      context.warn({ code: 'SEQUENCE_SHRANK', text: 'A sequence has fewer items: 00400340', attributes: ['00400340'] }),
    );
    const { status, all } = await post(port, `${RESOURCE}?update`, { headers: { Host: 'gw' } });
    expect([status, all('warning')]).toEqual([200, ['299 http://gw/dicomweb: A sequence has fewer items: 00400340']]);
  });

  test('after the final state: 409 with Error ID A710', async () => {
    const { port } = await start(() => {
      throw new ServiceFailure('INSTANCE_FINAL', { dimseStatus: 0x0110 });
    });
    const reply = await post(port, `${RESOURCE}?update`);
    expect(report(reply)).toMatchObject({
      status: 409,
      code: 'INSTANCE_FINAL',
      errorId: 'A710',
      dimseStatus: '0110',
      error: 'Performed Procedure Step Object may no longer be updated',
    });
    const text = await post(port, `${RESOURCE}?update`, { headers: { Accept: XML_TYPE } });
    expect(text.body.toString()).toMatch(/Error ID: A710/);
  });
});

describe('Retrieve (PS3.18 15.6)', () => {
  const stored = dataSetOf({ ...MPPS, '300A0002': attribute('SH', 'x') });
  const answered = dataSetOf({ ...stored, '00080005': attribute('CS', 'ISO_IR 192') });

  test('200 with an array of one object, tags ascending (C28)', async () => {
    const { port, calls } = await start(() => stored);
    const { status, headers, body } = await call(port, RESOURCE, { headers: { Accept: JSON_TYPE, Host: 'gw' } });
    expect([status, headers['content-type'], headers['content-location']]).toEqual([
      200,
      JSON_TYPE,
      `http://gw${RESOURCE}`,
    ]);
    expect(body.toString()).toBe(`[${toJson(answered)}]`);
    expect(calls[0]).toMatchObject({ operation: 'retrieve', uid: MPPS_UID, selection: 'all' });
  });

  test('XML, and multipart where it is asked for (C5); Accept is meant, not Content-Type (C34)', async () => {
    const { port } = await start(() => stored);
    const xml = await call(port, RESOURCE, { headers: { Accept: XML_TYPE, 'Content-Type': JSON_TYPE } });
    expect([xml.headers['content-type'], decodeXml(xml.body)]).toEqual([`${XML_TYPE}; charset=utf-8`, answered]);
    const multipart = await call(port, RESOURCE, { headers: { Accept: `multipart/related; type="${XML_TYPE}"` } });
    expect(multipart.headers['content-type']).toMatch(/^multipart\/related; type="application\/dicom\+xml"; boundary=/);
    expect(multipart.body.toString().match(/<NativeDicomModel/g)).toHaveLength(1);
  });

  test.each([
    ['?includefield=all', 'all'],
    ['?includefield=00400252,Modality', [['00400252'], ['00080060']]],
    ['?includefield=00400252&includefield=00100010', [['00400252'], ['00100010']]],
    [
      '?includefield=ScheduledStepAttributesSequence.StudyInstanceUID,0040a30a',
      [['00400270', '0020000D'], ['0040A30A']],
    ],
  ])('%s selects', async (query, selection) => {
    const { port, calls } = await start(() => stored);
    expect((await call(port, RESOURCE + query)).status).toBe(200);
    expect(calls[0]).toHaveProperty('selection', selection);
  });

  test('Content-Location says what was selected', async () => {
    const { port } = await start(() => stored);
    const { headers } = await call(port, `${RESOURCE}?includefield=Modality,00400270.0020000d`, {
      headers: { Host: 'gw' },
    });
    expect(headers['content-location']).toBe(`http://gw${RESOURCE}?includefield=00080060,00400270.0020000D`);
  });

  test.each(['Nonsense', '0040', 'all,00400252', '', '00400252.00080060', '%FF'])(
    '400: includefield=%s',
    async (value) => {
      const started = await start(() => stored);
      const reply = await call(started.port, `${RESOURCE}?includefield=${value}`);
      expect(report(reply)).toMatchObject({ status: 400, error: expect.stringContaining('includefield') as unknown });
      expectRefused(started, 'BAD_REQUEST', 'retrieve');
    },
  );

  test('HEAD has the headers of GET and no body', async () => {
    const { port } = await start(() => stored);
    const get = await call(port, RESOURCE);
    const head = await call(port, RESOURCE, { method: 'HEAD' });
    expect([head.status, head.headers['content-length'], head.body.length]).toEqual([
      200,
      get.headers['content-length'],
      0,
    ]);
  });

  test('a charset that is asked for, and one that lacks a character: 406', async () => {
    const { port } = await start(() => stored);
    const { status, headers } = await call(port, `${RESOURCE}?charset=gb18030`);
    expect([status, headers['content-type']]).toEqual([200, `${JSON_TYPE}; charset=gb18030`]);
    expect((await call(port, `${RESOURCE}?charset=iso-8859-1`)).status).toBe(406);
  });

  test('a warning of the far end is a Warning: 200', async () => {
    const { port } = await start(({ context }) => {
      context.warn({ code: 'ATTRIBUTES_IGNORED', text: '0001: not supported', dimseStatus: 0x0001 });
      return stored;
    });
    const { status, all } = await call(port, RESOURCE);
    expect([status, all('warning').join()]).toEqual([200, expect.stringContaining(': 0001: not supported')]);
  });

  test('what XML cannot hold: 502', async () => {
    const { port } = await start(() => dataSetOf({ '00400254': attribute('LO', 'a\u0001b') }));
    expect((await call(port, RESOURCE, { headers: { Accept: XML_TYPE } })).status).toBe(502);
  });

  test('a client that goes away stops it', async () => {
    const stopped = Promise.withResolvers<unknown>();
    const arrived = Promise.withResolvers<void>();
    const { port } = await start(({ context: { signal } }) => {
      arrived.resolve();
      signal.addEventListener('abort', () => stopped.resolve((signal.reason as ServiceFailure).code));
      return stopped.promise.then(() => stored);
    });
    const controller = new AbortController();
    const reply = call(port, RESOURCE, { signal: controller.signal }).catch(() => 'gone');
    await arrived.promise;
    controller.abort();
    expect([await stopped.promise, await reply]).toEqual(['CANCELED', 'gone']);
  });
});

describe('every failure has the status of the table (status-mapping 4.1, 5.1, 6)', () => {
  const codes = [...COMMON_FAILURE_CODES, ...INSTANCE_FAILURE_CODES];
  test.each(codes)('%s', async (code) => {
    const failure = new ServiceFailure(code, { comment: 'because', attributes: ['00400270'] });
    const { port } = await start(() => {
      throw failure;
    });
    for (const operation of ['create', 'update', 'retrieve'] as const) {
      const { status, retryAfter } = mppsHttpOutcome(failure, operation);
      const suffix = operation === 'update' ? '?update' : '';
      const reply = operation === 'retrieve' ? await call(port, RESOURCE) : await post(port, RESOURCE + suffix);
      expect([reply.status, reply.headers['retry-after']]).toEqual([
        status,
        retryAfter === undefined ? undefined : String(retryAfter),
      ]);
      expect(report(reply)).toMatchObject({ status, code, error: 'because', attributes: ['00400270'] });
    }
  });

  test('503 of an update says when to try again, never that it concerned a creation (C33)', async () => {
    const { port } = await start(() => {
      throw new ServiceFailure('UPSTREAM_UNREACHABLE', { retryAfter: 7 });
    });
    const reply = await post(port, `${RESOURCE}?update`);
    expect([reply.status, reply.headers['retry-after']]).toEqual([503, '7']);
    expect(reply.body.toString()).not.toMatch(/creat/i);
  });

  test('no route offers MPPS: 501, before anything of the request is looked at', async () => {
    const started = await start(undefined, {}, ['worklist']);
    const reply = await post(started.port, RESOURCE, { body: 'x', headers: { 'Content-Type': 'image/png' } });
    expect(reply.status).toBe(501);
    expectRefused(started, 'NOT_SUPPORTED');
  });
});

describe('bad requests: nothing stored, nothing forwarded (status-mapping 12)', () => {
  const nested = (depth: number): string =>
    depth === 0 ? '{}' : `{"00400270":{"vr":"SQ","Value":[${nested(depth - 1)}]}}`;
  const doctype = `<!DOCTYPE x [<!ENTITY e "v">]>${toXml(MPPS).replace(/^.*\n/, '')}`;

  test.each<[string, string, string | Buffer, readonly string[]]>([
    ['empty', JSON_TYPE, '', []],
    ['no JSON', JSON_TYPE, '{"00400252":', []],
    ['no object', JSON_TYPE, '"DOE^JOHN"', []],
    ['an empty array', JSON_TYPE, '[]', []],
    ['two data sets (C28)', JSON_TYPE, '[{},{}]', []],
    ['a duplicate key', JSON_TYPE, '{"00400252":{"vr":"CS"},"00400252":{"vr":"CS"}}', []],
    ['a duplicate tag in two cases', JSON_TYPE, '{"0040A30A":{"vr":"DS"},"0040a30a":{"vr":"DS"}}', ['0040A30A']],
    ['a value its VR cannot have', JSON_TYPE, '{"00400270":{"vr":"SQ","Value":["DOE^JOHN"]}}', []],
    ['bulk data', JSON_TYPE, '{"00400254":{"vr":"LO","BulkDataURI":"http://x/DOE^JOHN"}}', ['00400254']],
    ['no attribute', JSON_TYPE, '{"DOE^JOHN":{"vr":"LO"}}', []],
    ['nested too deep', JSON_TYPE, nested(70), []],
    ['not UTF-8', JSON_TYPE, Buffer.from('{"00400254":{"vr":"LO","Value":["\u00e4"]}}', 'latin1'), []],
    ['no XML', XML_TYPE, '<NativeDicomModel>', []],
    ['another root', XML_TYPE, '<x/>', []],
    ['XML with DOCTYPE', XML_TYPE, doctype, []],
    ['XML with an unknown entity', XML_TYPE, '<NativeDicomModel>&xxe;</NativeDicomModel>', []],
    ['XML with a tag twice', XML_TYPE, `<NativeDicomModel>${'<DicomAttribute tag="00400252" vr="CS"/>'.repeat(2)}</NativeDicomModel>`, ['00400252']],
    ['a UID that differs from the path', JSON_TYPE, '{"00080018":{"vr":"UI","Value":["1.2.3"]}}', ['00080018']],
    ['two UIDs', JSON_TYPE, `{"00080018":{"vr":"UI","Value":["${MPPS_UID}","1.2"]}}`, ['00080018']],
    ['multipart without boundary', `multipart/related; type="${JSON_TYPE}"`, '{}', []],
    ['multipart without end', 'multipart/related; boundary=b', '--b\r\nContent-Type: application/dicom+json\r\n\r\n{}', []],
    ['multipart with two parts', 'multipart/related; boundary=b', `${'--b\r\nContent-Type: application/json\r\n\r\n{}\r\n'.repeat(2)}--b--`, []],
  ])('400 that names what is wrong, without values: %s', async (_what, type, body, attributes) => {
    for (const suffix of ['', '?update']) {
      const started = await start();
      const reply = await post(started.port, RESOURCE + suffix, { body, headers: { 'Content-Type': type } });
      expect(report(reply)).toMatchObject({ status: 400, code: 'BAD_REQUEST' });
      expect(report(reply)['attributes'] ?? []).toEqual(attributes);
      expect(reply.body.toString()).not.toMatch(/DOE|http:/);
      expectRefused(started, 'BAD_REQUEST', suffix === '' ? 'create' : 'update');
    }
  }); // prettier-ignore

  test.each([
    ['no gzip', Buffer.from('{}')],
    ['gzip that is cut', gzipSync(toJson(MPPS)).subarray(0, 40)],
  ])('400: a content coding that is broken: %s', async (_what, body) => {
    const started = await start();
    const headers = { 'Content-Encoding': 'gzip' };
    expect((await post(started.port, RESOURCE, { body, headers })).status).toBe(400);
    expectRefused(started, 'BAD_REQUEST');
  });

  test.each(['1.2.', '01.2', 'x', '1..2', `1.${'2'.repeat(64)}`, '1.2%0A'])(
    '400: the path names no UID: %s',
    async (uid) => {
      const started = await start();
      const resource = RESOURCE.replace(MPPS_UID, uid);
      expect(report(await post(started.port, resource))).toMatchObject({ status: 400, code: 'INVALID_UID' });
      expectRefused(started, 'INVALID_UID');
      expect((await call(started.port, resource)).status).toBe(400);
    },
  );

  test.each([undefined, 'text/plain', 'nonsense', 'application/dicom+json; charset=klingon', 'multipart/related; type="image/jpeg"; boundary=b', 'application/dicom'])(
    '415 that lists what there is: Content-Type %s',
    async (type) => {
      const started = await start();
      const headers: Record<string, string> = type === undefined ? {} : { 'Content-Type': type };
      const reply = await call(started.port, RESOURCE, { method: 'POST', body: toJson(MPPS), headers });
      expect([reply.status, report(reply)['error']]).toEqual([415, expect.stringContaining(XML_TYPE)]);
      expectRefused(started, 'NO_COMMON_MEDIA_TYPE');
    },
  ); // prettier-ignore

  test('415: a part of another type', async () => {
    const { port } = await start();
    const body = '--b\r\nContent-Type: image/jpeg\r\n\r\n{}\r\n--b--';
    const headers = { 'Content-Type': 'multipart/related; boundary=b' };
    expect((await post(port, RESOURCE, { body, headers })).status).toBe(415);
  });

  test('415 with Accept-Encoding: an unknown Content-Encoding', async () => {
    const started = await start();
    const { status, headers } = await post(started.port, RESOURCE, { headers: { 'Content-Encoding': 'compress' } });
    expect([status, headers['accept-encoding']]).toEqual([415, 'gzip, deflate, br']);
    expectRefused(started, 'NO_COMMON_MEDIA_TYPE');
  });

  test('Content-Type goes before Accept, Accept before parameters, parameters before the body', async () => {
    const { port } = await start(undefined, { strictParameters: true });
    const bad = { body: 'x', headers: { 'Content-Type': 'text/plain', Accept: 'image/png' } };
    expect((await post(port, `${RESOURCE}?x=1`, bad)).status).toBe(415);
    const accept = { body: 'x', headers: { Accept: 'image/png' } };
    expect((await post(port, `${RESOURCE}?x=1`, accept)).status).toBe(406);
    const parameters = await post(port, `${RESOURCE}?x=1`, { body: 'x' });
    expect([parameters.status, report(parameters)['error']]).toEqual([400, 'Parameter number 1 is not known']);
    expect(report(await post(port, RESOURCE, { body: 'x' }))['error']).toMatch(/JSON/);
  });

  test('an unknown parameter is ignored with a Warning', async () => {
    const { port } = await start();
    const { status, all } = await post(port, `${RESOURCE}?verbose=1`);
    expect([status, all('warning').join()]).toEqual([
      201,
      expect.stringContaining('Parameter number 1 is not supported'),
    ]);
  });

  test('a request without Accept is 406 under strictAccept only (C4)', async () => {
    const { port } = await start(undefined, { strictAccept: true });
    expect((await post(port)).status).toBe(406);
    expect((await post(port, RESOURCE, { headers: { Accept: JSON_TYPE } })).status).toBe(201);
  });

  test('404: the collection, and what is below an MPPS', async () => {
    const { port } = await start();
    expect((await post(port, RESOURCE.replace(`/${MPPS_UID}`, ''))).status).toBe(404);
    expect((await post(port, `${RESOURCE}/x`)).status).toBe(404);
  });
});

describe('limits of the body', () => {
  test('413: 5 MB against a limit of 1 MB, whether its length is told or not', async () => {
    const body = Buffer.alloc(5_000_000, ' ');
    for (const headers of [{}, { 'Transfer-Encoding': 'chunked' }]) {
      const started = await start();
      const reply = await post(started.port, RESOURCE, { body, headers });
      expect([reply.status, reply.headers.connection]).toEqual([413, 'close']);
      expect(started.calls).toEqual([]);
    }
  });

  test('413: what a content coding hides', async () => {
    const started = await start();
    const body = gzipSync(Buffer.alloc(50_000_000, ' '));
    expect((await post(started.port, RESOURCE, { body, headers: { 'Content-Encoding': 'gzip' } })).status).toBe(413);
    expectRefused(started, 'BAD_REQUEST');
  });

  test.each([{ bodyTimeoutMs: 60 }, { bodyTimeoutMs: 10_000, requestTimeoutMs: 60 }])(
    '408: a body that drips, %j',
    async (options) => {
      const started = await start(undefined, options);
      const head = `POST ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 100\r\n\r\n{`;
      const { text } = dialog(started.port, head);
      expect(await text).toMatch(/^HTTP\/1.1 408 [^]*connection: close/i);
      expectRefused(started, 'BAD_REQUEST');
    },
  );

  test('a client that goes away inside the body: nothing is forwarded', async () => {
    const started = await start();
    const head = `POST ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 100\r\n\r\n{`;
    const { socket, text } = dialog(started.port, head);
    while (started.listener.counts.running === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    socket.resetAndDestroy();
    await text;
    while (started.listener.counts.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expectRefused(started, 'CANCELED');
  });

  test('a body that was refused is over with its request: the next request on the connection works', async () => {
    const { port, calls } = await start();
    const bad = `POST ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 2\r\n\r\n[]`;
    const good = `POST ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`;
    const text = await exchangeBytes(port, bad + good);
    expect(text.match(/HTTP\/1.1 \d+/g)).toEqual(['HTTP/1.1 400', 'HTTP/1.1 201']);
    expect(calls).toHaveLength(1);
  });
});

describe('a write is finished whether its client waits or not (status-mapping 2.1)', () => {
  test('the answer has left: answerDelivered is true', async () => {
    const { port, calls } = await start();
    await post(port);
    await post(port, `${RESOURCE}?update`);
    const delivered = calls.map(({ context }) => (context as MppsContext).answerDelivered);
    expect(await Promise.all(delivered)).toEqual([true, true]);
  });

  test('a 504 has left while the write goes on: that is not its answer, answerDelivered is false', async () => {
    const { port, calls } = await start(() => new Promise(() => {}), { requestTimeoutMs: 50 });
    expect(await post(port)).toMatchObject({ status: 504 });
    const [context] = calls.map((one) => one.context as MppsContext);
    expect(await context?.answerDelivered).toBe(false);
  });

  test('its deadline lies before the end of the patience, so that the outcome is answered, not a bare timeout', async () => {
    const { port } = await start(
      async ({ context }) => {
        await new Promise((resolve) => setTimeout(resolve, context.deadline - performance.now()));
        throw new ServiceFailure('OUTCOME_UNKNOWN', { retry: 'ambiguous' });
      },
      { requestTimeoutMs: 1_000 },
    );
    expect(report(await post(port))).toMatchObject({ status: 504, code: 'OUTCOME_UNKNOWN' });
  });

  test('one that a shutdown cuts off is 504, not 503: it may have been done', async () => {
    const arrived = Promise.withResolvers<void>();
    const { port, listener } = await start(() => {
      arrived.resolve();
      return new Promise(() => {});
    });
    const reply = post(port);
    await arrived.promise;
    await listener.close(10);
    expect(report(await reply)).toMatchObject({ status: 504, code: 'OUTCOME_UNKNOWN' });
  });

  test('a client that goes away does not stop it: answerDelivered is false', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    const { port, calls, listener, refusals } = await start(async () => {
      arrived.resolve();
      await go.promise;
    });
    const controller = new AbortController();
    const reply = post(port, RESOURCE, { signal: controller.signal }).catch(() => 'gone');
    await arrived.promise;
    controller.abort();
    expect(await reply).toBe('gone');
    while (listener.counts.connections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const [context] = calls.map((one) => one.context as MppsContext);
    expect([context?.signal.aborted, listener.counts.running]).toEqual([false, 1]);
    go.resolve();
    expect(await context?.answerDelivered).toBe(false);
    while (listener.counts.running > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    expect(refusals).toEqual([]);
  });

  test('close waits for it, though its connection is gone', async () => {
    const arrived = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    let done = false;
    const { port, listener } = await start(async () => {
      arrived.resolve();
      await go.promise;
      done = true;
    });
    const { socket, text } = dialog(
      port,
      `POST ${RESOURCE} HTTP/1.1\r\nHost: x\r\nContent-Type: ${JSON_TYPE}\r\nContent-Length: 2\r\n\r\n{}`,
    );
    await arrived.promise;
    socket.resetAndDestroy();
    await text;
    while (listener.counts.connections > 0) await new Promise((resolve) => setTimeout(resolve, 1));
    const closed = listener.close(5_000);
    go.resolve();
    await closed;
    expect(done).toBe(true);
  });

  test('the deadline passes: 504, and the work is told', async () => {
    const { port, calls } = await start(() => new Promise(() => {}), { requestTimeoutMs: 60 });
    const reply = await post(port);
    expect(report(reply)).toMatchObject({ status: 504, code: 'UPSTREAM_TIMEOUT' });
    expect(calls[0]?.context.signal.aborted).toBe(true);
  });
});

describe('Retrieve Capabilities (PS3.18 8.9)', () => {
  const describeIt = async (port: number): Promise<string> =>
    (await call(port, '/dicomweb/', { method: 'OPTIONS', headers: { Host: 'gw' } })).body.toString();

  test('lists Create, Update and Retrieve under a base URI without the resource path (C32)', async () => {
    const { port } = await start(undefined, { createStatus: 200 });
    const text = await describeIt(port);
    expect(text).toContain('<resources base="http://gw/dicomweb">');
    expect(text).toMatch(
      /<resource path="modality-performed-procedure-steps">\s*<resource path="\{mppsUID\}">\s*<param name="mppsUID" style="template"/,
    );
    expect(text.match(/<method name="\w+" id="\w+"/g)).toEqual([
      '<method name="POST" id="create"',
      '<method name="POST" id="update"',
      '<method name="GET" id="retrieve"',
      '<method name="POST" id="updateByPath"',
    ]);
    expect(text).toMatch(
      /<method name="POST" id="update">[^]*?<param name="update" style="query"[^>]* required="true"/,
    );
    expect(text).toMatch(/<resource path="update">\s*<method name="POST" id="updateByPath"/);
    expect(text).toMatch(/<method name="GET" id="retrieve">[^]*?<param name="includefield" style="query"/);
    const create = text.slice(text.indexOf('id="create"'), text.indexOf('id="update"'));
    expect(create.match(/<representation mediaType="[^"]*"/g)?.slice(0, 2)).toEqual([
      `<representation mediaType="${JSON_TYPE}"`,
      `<representation mediaType="${XML_TYPE}"`,
    ]);
    expect(create.match(/status="\d+"/g)).toEqual(
      [200, 400, 403, 406, 408, 409, 413, 415, 500, 501, 502, 503, 504, 508].map((status) => `status="${status}"`),
    );
  });

  test('lists the methods of the drafts where they are served', async () => {
    const { port } = await start(undefined, { draftMethods: true });
    expect(await describeIt(port)).toMatch(
      /<method name="PUT" id="createByPut"[^]*<method name="PATCH" id="updateByPatch"/,
    );
  });

  test('lists nothing where no route offers MPPS', async () => {
    const { port } = await start(undefined, {}, []);
    expect(await describeIt(port)).not.toContain('<resource ');
  });

  test('a reload changes what is served', async () => {
    const { port, listener } = await start();
    listener.update({ ...LISTENER_OPTIONS, createStatus: 200 });
    expect((await post(port)).status).toBe(200);
  });
});

test('an answer is read back as what was stored, every attribute (PS3.18 15.6)', async () => {
  const { port } = await start(() => MPPS);
  const { body } = await call(port, RESOURCE);
  expect(parseJsonDataSets(body.toString())).toEqual([
    dataSetOf({ ...MPPS, '00080005': attribute('CS', 'ISO_IR 192') }),
  ]);
});
