import { afterEach, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import { toJson } from '../../../src/dataset/json.ts';
import { attribute, createDataSet, dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { DicomwebListenerOptions } from '../../../src/dicomweb/origin-server.ts';
import { Authenticator } from '../../../src/identity/authenticator.ts';
import { hashSecret } from '../../../src/identity/secret-hash.ts';
import { FAILURE_CODES, ServiceFailure } from '../../../src/services/port.ts';
import type { FailureCode, ServiceName } from '../../../src/services/port.ts';
import { workitemHttpOutcome } from '../../../src/services/ups/outcomes.ts';
import { WORKITEM_WARNINGS } from '../../../src/services/ups/warnings.ts';
import { call } from '../../support/http-client.ts';
import type { HttpCall, HttpReply } from '../../support/http-client.ts';
import { acceptOf, bodyIn, MEDIA_TYPES, readBody } from '../../support/media-bodies.ts';
import { LOCK, startWorkitemListener, WORKITEM, WORKITEM_UID } from '../../support/workitem-listener.ts';
import type { WorkitemListener, WorkitemScript } from '../../support/workitem-listener.ts';

const closing: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const WORKLIST = '/dicomweb/workitems';
const RESOURCE = `${WORKLIST}/${WORKITEM_UID}`;
const GLOBAL = '1.2.840.10008.5.1.4.34.5';
const FILTERED = '1.2.840.10008.5.1.4.34.5.1';
const JSON_TYPE = 'application/dicom+json';
const GATEWAY = 'http://gw/dicomweb';

/** As it goes out: text that is not ASCII is UTF-8. */
const SENT = dataSetOf({ '00080005': attribute('CS', 'ISO_IR 192'), ...WORKITEM });

async function start(
  script?: WorkitemScript,
  options?: Partial<DicomwebListenerOptions>,
  services?: readonly ServiceName[],
): Promise<WorkitemListener> {
  const started = await startWorkitemListener(script, options, services);
  closing.push(started.close);
  return started;
}

/** With the workitem as payload, unless another is given. */
function send(port: number, method: string, target: string, body?: DataSet, more: HttpCall = {}): Promise<HttpReply> {
  const headers = { Host: 'gw', 'Content-Type': JSON_TYPE, ...more.headers };
  return call(port, target, { method, body: toJson(body ?? WORKITEM), ...more, headers });
}

/** Without a payload. */
const ask = (port: number, method: string, target: string): Promise<HttpReply> =>
  call(port, target, { method, headers: { Host: 'gw' } });

const state = (wanted: string, transactionUid?: string): DataSet =>
  dataSetOf({
    '00741000': attribute('CS', wanted),
    ...(transactionUid !== undefined && { '00081195': attribute('UI', transactionUid) }),
  });

const report = ({ body }: HttpReply): Record<string, unknown> => JSON.parse(body.toString()) as Record<string, unknown>;

/** An answer that is a status and nothing else. */
const bare = ({ status, headers, body }: HttpReply): unknown[] => [status, headers['content-type'], body.length];

/** Nothing reached the handler, and the listener has said so. */
function expectRefused({ calls, refusals }: WorkitemListener, code: string, operation: string): void {
  expect(calls).toEqual([]);
  expect(refusals.map((refusal) => [refusal.operation, refusal.failure.code])).toEqual([[operation, code]]);
}

describe('Search (PS3.18 11.9)', () => {
  test('200 with every workitem, keys in UPS attributes', async () => {
    const { port, calls } = await start({ workitems: [WORKITEM, WORKITEM] });
    const query = 'ProcedureStepState=SCHEDULED&00404018.CodeValue=24628-9&includefield=00100010&limit=5&offset=2&fuzzymatching=true'; // prettier-ignore
    const { status, headers, body } = await ask(port, 'GET', `${WORKLIST}?${query}`);
    expect([status, headers['content-type'], headers['cache-control'], headers.warning]).toEqual([
      ...[200, JSON_TYPE, 'no-store', undefined],
    ]);
    expect(body.toString()).toBe(`[${toJson(SENT)},${toJson(SENT)}]`);
    expect(calls).toEqual([
      {
        name: 'search',
        query: {
          identifier: dataSetOf({
            '00100010': attribute('PN'),
            '00404018': attribute('SQ', dataSetOf({ '00080100': attribute('SH', '24628-9') })),
            '00741000': attribute('CS', 'SCHEDULED'),
          }),
          returnKeys: 'default',
          fuzzyMatching: true,
          limit: 5,
          offset: 2,
        },
      },
    ]);
  });

  test('204 without payload when there is none; includefield=all asks for all that is known', async () => {
    const { port, calls } = await start();
    expect(bare(await ask(port, 'GET', `${WORKLIST}?includefield=all`))).toEqual([204, undefined, 0]);
    expect(calls).toEqual([
      { name: 'search', query: { identifier: createDataSet(), returnKeys: 'all', fuzzyMatching: false, offset: 0 } },
    ]);
  });

  test('Warnings for what is not performed (8.3.4), for what is not known, and of the handler', async () => {
    const { port } = await start({
      workitems: [WORKITEM],
      on: (_call, context) => context.warn({ code: 'MORE_RESULTS', text: 'There are 3 additional results that can be requested', remaining: 3 }),
    }); // prettier-ignore
    const { all } = await ask(port, 'GET', `${WORKLIST}?emptyvaluematching=true&multiplevaluematching=true&colour=red`);
    expect(all('warning')).toEqual([
      `299 ${GATEWAY}: Parameter number 3 is not supported and has been ignored.`,
      `299 ${GATEWAY}: The emptyvaluematching parameter is not supported. Empty Value Matching has not been performed.`,
      `299 ${GATEWAY}: The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed.`,
      `299 ${GATEWAY}: There are 3 additional results that can be requested`,
    ]);
  });

  test.each(MEDIA_TYPES)('answers in %s', async (mediaType) => {
    const { port } = await start({ workitems: [WORKITEM] });
    const reply = await call(port, WORKLIST, { headers: { Accept: acceptOf(mediaType) } });
    expect(readBody(reply.headers['content-type'] ?? '', reply.body)).toEqual({ mediaType, dataSet: SENT });
  });

  test('400 for a key that is no attribute, 406 for a media type that there is not', async () => {
    const listener = await start();
    expect((await ask(listener.port, 'GET', `${WORKLIST}?00741000.1=x`)).status).toBe(400);
    expectRefused(listener, 'BAD_REQUEST', 'searchWorkitems');
    const refused = await call(listener.port, WORKLIST, { headers: { Accept: 'text/csv' } });
    expect(refused.status).toBe(406);
  });
});

describe('Create (PS3.18 11.4)', () => {
  const withUid = (tag: string, uid = WORKITEM_UID): DataSet => dataSetOf({ ...WORKITEM, [tag]: attribute('UI', uid) });

  test.each<[string, string, DataSet]>([
    ['bare in the target, as the standard has it', `?${WORKITEM_UID}`, WORKITEM],
    ['as workitem= in the target', `?workitem=${WORKITEM_UID}`, WORKITEM],
    ['beside other parameters', `?accept=application/dicom%2Bjson&${WORKITEM_UID}`, WORKITEM],
    ['SOP Instance UID of the payload', '', withUid('00080018')],
    ['the same in target and payload', `?${WORKITEM_UID}`, withUid('00080018')],
  ])('201 with Location; the UID %s', async (_where, query, payload) => {
    const { port, calls } = await start();
    const reply = await send(port, 'POST', `${WORKLIST}${query}`, payload);
    expect([...bare(reply), reply.headers.location]).toEqual([201, undefined, 0, `http://gw${RESOURCE}`]);
    expect(calls).toEqual([{ name: 'create', uid: WORKITEM_UID, workitem: WORKITEM }]);
  });

  test('one is made where none is named', async () => {
    const { port, calls } = await start({ madeUid: '2.25.99' });
    const payload = dataSetOf({ ...WORKITEM, '00080016': attribute('UI', '1.2.840.10008.5.1.4.34.6.1') });
    expect((await send(port, 'POST', WORKLIST, payload)).headers.location).toBe('http://gw/dicomweb/workitems/2.25.99');
    expect(calls).toEqual([{ name: 'create', uid: undefined, workitem: WORKITEM }]);
  });

  test.each<[string, string, DataSet, string]>([
    ['two UIDs', `?${WORKITEM_UID}&workitem=1.2.3`, WORKITEM, 'BAD_REQUEST'],
    ['another in the payload', `?${WORKITEM_UID}`, withUid('00080018', '1.2.3'), 'BAD_REQUEST'],
    ['an element of a command (C12)', '', withUid('00001000'), 'BAD_REQUEST'],
    ['what is no UID', '?1.02.3', WORKITEM, 'INVALID_UID'],
    ['no UID in the payload', '', withUid('00080018', 'x'), 'INVALID_UID'],
    ['several UIDs in the payload', '', dataSetOf({ '00080018': attribute('UI', '1.2', '1.3') }), 'BAD_REQUEST'],
  ])('400 for %s', async (_what, query, payload, code) => {
    const listener = await start();
    expect((await send(listener.port, 'POST', `${WORKLIST}${query}`, payload)).status).toBe(400);
    expectRefused(listener, code, 'createWorkitem');
  });

  test('what was created otherwise is told in the words of 11.4.3.2', async () => {
    const { port } = await start({ on: (_call, context) => context.warn(WORKITEM_WARNINGS.createdWithModifications) });
    expect((await send(port, 'POST', WORKLIST)).all('warning')).toEqual([
      `299 ${GATEWAY}: The Workitem was created with modifications.`,
    ]);
  });

  describe.each(MEDIA_TYPES)('payload %s', (sent) => {
    test('is read', async () => {
      const { port, calls } = await start();
      const { contentType, body } = bodyIn(sent, WORKITEM);
      const reply = await send(port, 'POST', WORKLIST, WORKITEM, { body, headers: { 'Content-Type': contentType } });
      expect([reply.status, calls]).toEqual([201, [{ name: 'create', uid: undefined, workitem: WORKITEM }]]);
    });
  });
});

describe('Retrieve (PS3.18 11.5)', () => {
  test.each(MEDIA_TYPES)('200 with the workitem in %s', async (mediaType) => {
    const { port, calls } = await start({ workitems: [WORKITEM] });
    const reply = await call(port, RESOURCE, { headers: { Host: 'gw', Accept: acceptOf(mediaType) } });
    expect([reply.status, reply.headers['content-location'], reply.headers['cache-control']]).toEqual([
      ...[200, `http://gw${RESOURCE}`, 'no-store'],
    ]);
    expect(readBody(reply.headers['content-type'] ?? '', reply.body)).toEqual({ mediaType, dataSet: SENT });
    expect(calls).toEqual([{ name: 'retrieve', uid: WORKITEM_UID }]);
  });

  test('400 for a path that names no UID', async () => {
    const listener = await start();
    expect((await ask(listener.port, 'GET', `${WORKLIST}/x`)).status).toBe(400);
    expectRefused(listener, 'INVALID_UID', 'retrieveWorkitem');
  });
});

describe('Update (PS3.18 11.6)', () => {
  const MODIFIED = dataSetOf({ '00741204': attribute('LO', 'new') });

  test.each([
    ['bare, as the standard has it', `?${LOCK}`],
    ['transaction-uid=', `?transaction-uid=${LOCK}`],
    ['Transaction-uid=', `?Transaction-uid=${LOCK}`],
    ['transactionUID=', `?transactionUID=${LOCK}`],
  ])('200 without payload; the lock %s', async (_spelling, query) => {
    const { port, calls } = await start();
    expect(bare(await send(port, 'POST', `${RESOURCE}${query}`, MODIFIED))).toEqual([200, undefined, 0]);
    expect(calls).toEqual([{ name: 'update', uid: WORKITEM_UID, transactionUid: LOCK, modifications: MODIFIED }]);
  });

  test.each([
    ['in the payload', '', LOCK],
    ['in both', `?${LOCK}`, LOCK],
    ['nowhere: of a workitem that nobody has claimed', '', undefined],
  ])('the lock %s', async (_where, query, inPayload) => {
    const { port, calls } = await start();
    const uids = { '00080016': attribute('UI', '1.2.840.10008.5.1.4.34.6.1'), '00080018': attribute('UI', WORKITEM_UID) };
    const lock = inPayload === undefined ? {} : { '00081195': attribute('UI', inPayload) };
    const payload = dataSetOf({ ...MODIFIED, ...uids, ...lock });
    expect((await send(port, 'POST', `${RESOURCE}${query}`, payload)).status).toBe(200);
    const transactionUid = query === '' ? inPayload : LOCK;
    expect(calls).toEqual([{ name: 'update', uid: WORKITEM_UID, transactionUid, modifications: MODIFIED }]);
  }); // prettier-ignore

  test.each<[string, string, DataSet, string]>([
    ['two locks', `?${LOCK}`, dataSetOf({ '00081195': attribute('UI', '2.25.1') }), 'BAD_REQUEST'],
    ['a lock that is no UID', '?transaction-uid=abc', MODIFIED, 'INVALID_UID'],
    ['another workitem in the payload', '', dataSetOf({ '00080018': attribute('UI', '1.2') }), 'BAD_REQUEST'],
  ])('400 for %s', async (_what, query, payload, code) => {
    const listener = await start();
    expect((await send(listener.port, 'POST', `${RESOURCE}${query}`, payload)).status).toBe(400);
    expectRefused(listener, code, 'updateWorkitem');
  });

  test('Warnings of 11.6.3.2 word for word; what a far end did stands behind its status', async () => {
    const { port } = await start({
      on: (_call, context) => {
        context.warn(WORKITEM_WARNINGS.updatedWithModifications);
        context.warn(WORKITEM_WARNINGS.optionalAttributesNotSupported);
        context.warn({ code: 'ATTRIBUTES_IGNORED', text: 'left out: 00741204', dimseStatus: 0x0107 });
      },
    });
    expect((await send(port, 'POST', RESOURCE, MODIFIED)).all('warning')).toEqual([
      `299 ${GATEWAY}: The Workitem was updated with modifications.`,
      `299 ${GATEWAY}: Requested optional Attributes are not supported.`,
      `299 ${GATEWAY}: 0107: left out: 00741204`,
    ]);
  });

  test('the payload may be compressed; of another type it is 415', async () => {
    const listener = await start();
    const gzip = { body: gzipSync(toJson(MODIFIED)), headers: { 'Content-Encoding': 'gzip' } };
    expect((await send(listener.port, 'POST', RESOURCE, undefined, gzip)).status).toBe(200);
    const other = { headers: { 'Content-Type': 'text/plain' } };
    expect((await send(listener.port, 'POST', RESOURCE, MODIFIED, other)).status).toBe(415);
    expect(listener.calls).toHaveLength(1);
  });
});

describe('Change State (PS3.18 11.7)', () => {
  test.each([
    ['IN PROGRESS', 'IN PROGRESS'],
    ['COMPLETED', 'COMPLETED'],
    ['CANCELED', 'CANCELED'],
    ['CANCELLED', 'CANCELED'],
    ['SCHEDULED', 'SCHEDULED'],
    [' COMPLETED ', 'COMPLETED'],
  ] as const)('200 without payload (C17): %s', async (wanted, told) => {
    const { port, calls } = await start();
    expect(bare(await send(port, 'PUT', `${RESOURCE}/state`, state(wanted, LOCK)))).toEqual([200, undefined, 0]);
    expect(calls).toEqual([{ name: 'changeState', uid: WORKITEM_UID, state: told, transactionUid: LOCK }]);
  });

  test.each([
    ['no lock', '/state', undefined],
    ['the lock in the target', `/state?transaction-uid=${LOCK}`, LOCK],
    ['the requester in the path', `/state/CT%201?${LOCK}`, LOCK],
  ])('takes %s', async (_what, path, transactionUid) => {
    const { port, calls } = await start();
    expect((await send(port, 'PUT', `${RESOURCE}${path}`, state('IN PROGRESS'))).status).toBe(200);
    expect(calls).toEqual([{ name: 'changeState', uid: WORKITEM_UID, state: 'IN PROGRESS', transactionUid }]);
  });

  test.each<[string, DataSet, string]>([
    ['no state', dataSetOf({ '00081195': attribute('UI', LOCK) }), 'MISSING_ATTRIBUTE'],
    ['a state that there is not', state('DONE', LOCK), 'INVALID_VALUE'],
    ['two states', dataSetOf({ '00741000': attribute('CS', 'COMPLETED', 'CANCELED') }), 'INVALID_VALUE'],
    ['a lock that is no UID', state('COMPLETED', 'x'), 'INVALID_UID'],
  ])('400 for %s', async (_what, payload, code) => {
    const listener = await start();
    expect((await send(listener.port, 'PUT', `${RESOURCE}/state`, payload)).status).toBe(400);
    expectRefused(listener, code, 'changeWorkitemState');
  });

  test.each([
    ['CANCELED', WORKITEM_WARNINGS.alreadyCanceled],
    ['COMPLETED', WORKITEM_WARNINGS.alreadyCompleted],
  ])('200 with its Warning where it is in state %s already (11.7.3.2)', async (wanted, warning) => {
    const { port } = await start({ on: (_call, context) => context.warn(warning) });
    const { status, all } = await send(port, 'PUT', `${RESOURCE}/state`, state(wanted, LOCK));
    expect([status, all('warning')]).toEqual([
      200,
      [`299 ${GATEWAY}: The UPS is already in the requested state of ${wanted}.`],
    ]);
  });
});

describe('Request Cancellation (PS3.18 11.8)', () => {
  const REASON = dataSetOf({ '00741238': attribute('LT', 'dose') });

  test.each([
    ['a parameter', '?requester=WARD%201', 'WARD 1'],
    ['the path', '/WARD1', 'WARD1'],
    ['nothing', '', 'UNKNOWN'],
    ['an empty parameter', '?requester=', 'UNKNOWN'],
  ])('202, the requester named by %s', async (_where, named, requesterAeTitle) => {
    const { port, calls } = await start();
    expect(bare(await send(port, 'POST', `${RESOURCE}/cancelrequest${named}`, REASON))).toEqual([202, undefined, 0]);
    expect(calls).toEqual([
      { name: 'requestCancellation', uid: WORKITEM_UID, cancellation: { requesterAeTitle, attributes: REASON } },
    ]);
  });

  test('the requester named by its login, where that is a title', async () => {
    const hashes = [await hashSecret('long-enough-a-key', 'sha256'), await hashSecret('another-long-key', 'sha256')];
    const authenticator = Authenticator.create({
      required: true,
      certificates: false,
      apiKeys: ['WARD7', 'somebody with a long name'].map((subject, i) => ({
        ...{ subject, scopes: [] },
        hash: hashes[i] ?? '',
      })),
    });
    const { port, calls } = await start({}, { authenticator });
    for (const key of ['long-enough-a-key', 'another-long-key']) {
      await call(port, `${RESOURCE}/cancelrequest`, { method: 'POST', headers: { 'X-API-Key': key } });
    }
    expect(calls).toMatchObject([
      { cancellation: { requesterAeTitle: 'WARD7' } },
      { cancellation: { requesterAeTitle: 'UNKNOWN' } },
    ]);
  });

  test.each<[string, HttpCall]>([
    ['without payload', {}],
    ['with an empty one of a type', { headers: { 'Content-Type': JSON_TYPE } }],
    ['with an empty one in chunks', { headers: { 'Transfer-Encoding': 'chunked' }, body: '' }],
  ])('%s', async (_what, more) => {
    const { port, calls } = await start();
    expect((await call(port, `${RESOURCE}/cancelrequest`, { method: 'POST', ...more })).status).toBe(202);
    expect(calls).toMatchObject([{ cancellation: { attributes: createDataSet() } }]);
  });

  test.each<[string, string, HttpCall, number]>([
    ['a requester that is no title', '?requester=much-too-long-a-title', {}, 400],
    ['a path that is no title', '/A%5CB', {}, 400],
    ['a payload without type', '', { body: '{}' }, 415],
    ['a payload in chunks without type', '', { body: '{}', headers: { 'Transfer-Encoding': 'chunked' } }, 415],
    ['a payload that is none', '', { body: '{', headers: { 'Content-Type': JSON_TYPE } }, 400],
  ])('refuses %s', async (_what, named, more, status) => {
    const { port, calls, refusals } = await start();
    const reply = await call(port, `${RESOURCE}/cancelrequest${named}`, { method: 'POST', ...more });
    expect([reply.status, calls, refusals.map(({ operation }) => operation)]).toEqual([
      ...[status, [], ['requestCancellation']],
    ]);
  });

  test('202 with its Warning where it is CANCELED already (11.8.3.2)', async () => {
    const { port } = await start({ on: (_call, context) => context.warn(WORKITEM_WARNINGS.alreadyCanceled) });
    const { status, all } = await ask(port, 'POST', `${RESOURCE}/cancelrequest`);
    expect([status, all('warning')]).toEqual([
      202,
      [`299 ${GATEWAY}: The UPS is already in the requested state of CANCELED.`],
    ]);
  });
});

describe('Subscribe, Unsubscribe, Suspend (PS3.18 11.10 to 11.12)', () => {
  test.each([
    ['a workitem', WORKITEM_UID, '', { deletionLock: false }],
    ['the worklist with a lock', GLOBAL, '?deletionlock=true', { deletionLock: true }],
    ['the worklist without', GLOBAL, '?deletionlock=FALSE', { deletionLock: false }],
    ['a filter', FILTERED, '?filter=00741000%3DSCHEDULED,00404041=READY', { deletionLock: false, filter: '00741000=SCHEDULED,00404041=READY' }],
  ])('201 with the URL of the connection: %s', async (_what, resource, query, options) => {
    const { port, calls } = await start();
    const reply = await ask(port, 'POST', `${WORKLIST}/${resource}/subscribers/WARD%201${query}`);
    expect([...bare(reply), reply.headers['content-location']]).toEqual([
      ...[201, undefined, 0, 'ws://gw/dicomweb/ws/subscribers/WARD%201'],
    ]);
    expect(calls).toEqual([{ name: 'subscribe', resource, aeTitle: 'WARD 1', options }]);
  }); // prettier-ignore

  test('a lock that is not granted is told in the words of 11.10.3.2', async () => {
    const { port } = await start({ on: (_call, context) => context.warn(WORKITEM_WARNINGS.deletionLockNotGranted) });
    const { status, all } = await ask(port, 'POST', `${RESOURCE}/subscribers/W?deletionlock=true`);
    expect([status, all('warning')]).toEqual([201, [`299 ${GATEWAY}: Deletion Lock not granted.`]]);
  });

  test.each([
    ['DELETE', '', 'unsubscribe'],
    ['POST', '/suspend', 'suspend'],
  ])('200 without payload: %s %s', async (method, path, name) => {
    const { port, calls } = await start();
    const reply = await ask(port, method, `${WORKLIST}/${GLOBAL}/subscribers/WARD1${path}`);
    expect(bare(reply)).toEqual([200, undefined, 0]);
    expect(calls).toEqual([{ name, resource: GLOBAL, aeTitle: 'WARD1' }]);
  });

  test.each([
    ['a lock that is neither', 'POST', `${WORKITEM_UID}/subscribers/W?deletionlock=maybe`, 'subscribe'],
    ['a lock said twice', 'POST', `${WORKITEM_UID}/subscribers/W?deletionlock=true&deletionlock=true`, 'subscribe'],
    ['a title that is none', 'POST', `${WORKITEM_UID}/subscribers/much-too-long-a-title`, 'subscribe'],
    ['spaces as a title', 'DELETE', `${WORKITEM_UID}/subscribers/%20`, 'unsubscribe'],
    ['a resource that is no UID', 'POST', 'x/subscribers/W/suspend', 'suspendSubscription'],
  ])('400 for %s', async (_what, method, path, operation) => {
    const { port, calls, refusals } = await start();
    expect((await ask(port, method, `${WORKLIST}/${path}`)).status).toBe(400);
    expect([calls, refusals.map((refusal) => refusal.operation)]).toEqual([[], [operation]]);
  });
});

describe('what goes wrong', () => {
  const TRANSACTIONS = [
    ['searchWorkitems', 'GET', WORKLIST],
    ['retrieveWorkitem', 'GET', RESOURCE],
    ['createWorkitem', 'POST', WORKLIST],
    ['updateWorkitem', 'POST', RESOURCE],
    ['changeWorkitemState', 'PUT', `${RESOURCE}/state`],
    ['requestCancellation', 'POST', `${RESOURCE}/cancelrequest`],
    ['subscribe', 'POST', `${RESOURCE}/subscribers/W`],
    ['unsubscribe', 'DELETE', `${RESOURCE}/subscribers/W`],
    ['suspendSubscription', 'POST', `${WORKLIST}/${GLOBAL}/subscribers/W/suspend`],
  ] as const;

  test.each(TRANSACTIONS)('every failure of %s has the status of its table, and a Status Report', async (operation, method, target) => {
    let failure = new ServiceFailure('INTERNAL_ERROR');
    const { port } = await start({ on: () => { throw failure; } });
    for (const code of FAILURE_CODES) {
      failure = new ServiceFailure(code);
      const outcome = workitemHttpOutcome(failure, operation);
      const reply = method === 'GET' || method === 'DELETE' ? await ask(port, method, target) : await send(port, method, target, state('COMPLETED', LOCK));
      const { status, headers } = reply;
      expect([code, status, headers['retry-after'], headers.warning]).toEqual([
        code,
        outcome.status,
        outcome.retryAfter === undefined ? undefined : String(outcome.retryAfter),
        outcome.warning === undefined ? undefined : `299 ${GATEWAY}: ${outcome.warning}`,
      ]);
      expect(report(reply)).toMatchObject({ status, code, error: outcome.comment });
    }
  }); // prettier-ignore

  test.each<[string, string, string, FailureCode, number, string]>([
    ['an update without the lock', 'POST', RESOURCE, 'TRANSACTION_UID_MISSING', 400, 'The target URI did not reference a claimed Workitem.'],
    ['an update with another lock', 'POST', RESOURCE, 'TRANSACTION_UID_WRONG', 400, 'The target URI did not reference a claimed Workitem.'],
    ['an update of what is final (C15)', 'POST', RESOURCE, 'INSTANCE_FINAL', 400, 'The submitted request is inconsistent with the current state of the Workitem.'],
    ['a change without the lock', 'PUT', `${RESOURCE}/state`, 'TRANSACTION_UID_MISSING', 400, 'The Transaction UID is missing.'],
    ['a change with another lock', 'PUT', `${RESOURCE}/state`, 'TRANSACTION_UID_WRONG', 400, 'The Transaction UID is incorrect.'],
    ['a change of what is final', 'PUT', `${RESOURCE}/state`, 'INSTANCE_FINAL', 409, 'The submitted request is inconsistent with the state of the UPS Instance.'],
    ['a change that may not be', 'PUT', `${RESOURCE}/state`, 'STATE_CONFLICT', 409, 'The submitted request is inconsistent with the state of the UPS Instance.'],
    ['a filtered subscription', 'POST', `${WORKLIST}/${FILTERED}/subscribers/W?filter=a=b`, 'FILTER_NOT_SUPPORTED', 403, 'Filtered Worklist Subscriptions are not supported.'],
  ])('the Warning of %s (PS3.18 11.6.3.2, 11.7.3.2, 11.10.3.2)', async (_what, method, target, code, status, text) => {
    const { port } = await start({ on: () => { throw new ServiceFailure(code, { dimseStatus: 0xc300 }); } });
    const reply = await send(port, method, target, state('COMPLETED', LOCK));
    expect([reply.status, reply.all('warning'), report(reply).dimseStatus]).toEqual([status, [`299 ${GATEWAY}: ${text}`], 'C300']);
  }); // prettier-ignore

  test('501 where no route offers workitems, and OPTIONS does not describe them', async () => {
    const { port } = await start({}, {}, []);
    expect((await ask(port, 'GET', WORKLIST)).status).toBe(501);
    const described = (await ask(port, 'OPTIONS', '/dicomweb/')).body.toString();
    expect(described).not.toContain('workitems');
  });

  test('405 with Allow for another method', async () => {
    const { port } = await start();
    const allow = async (path: string): Promise<unknown[]> => {
      const { status, headers } = await ask(port, 'PATCH', path);
      return [status, headers.allow];
    };
    expect(await allow(WORKLIST)).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
    expect(await allow(RESOURCE)).toEqual([405, 'GET, HEAD, POST, OPTIONS']);
    expect(await allow(`${RESOURCE}/state`)).toEqual([405, 'PUT, OPTIONS']);
    expect(await allow(`${RESOURCE}/subscribers/W`)).toEqual([405, 'POST, DELETE, OPTIONS']);
  });

  test('OPTIONS describes every transaction of section 11 (PS3.18 8.9)', async () => {
    const { port } = await start();
    const { body } = await call(port, '/dicomweb/', { method: 'OPTIONS', headers: { Accept: 'application/json' } });
    const ids = [...body.toString().matchAll(/"@id": "(\w+)"/g)].map(([, id]) => id);
    expect(ids.sort()).toEqual([
      ...['changeWorkitemState', 'changeWorkitemStateByRequester', 'createWorkitem', 'openNotificationConnection'],
      ...['requestCancellation', 'requestCancellationByRequester', 'retrieveWorkitem', 'searchForWorkitems'],
      ...['subscribe', 'suspendGlobalSubscription', 'unsubscribe', 'updateWorkitem'],
    ]);
  });

  test('strict parameters: what is not known is 400', async () => {
    const listener = await start({}, { strictParameters: true });
    expect((await ask(listener.port, 'DELETE', `${RESOURCE}/subscribers/W?colour=red`)).status).toBe(400);
    expectRefused(listener, 'BAD_REQUEST', 'unsubscribe');
  });
});
