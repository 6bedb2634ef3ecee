/** The server the other tests rely on: an origin server by PS3.4 CC.1.1 and PS3.18 11, tested from the outside. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { attribute, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { call } from '../../support/http-client.ts';
import type { HttpReply } from '../../support/http-client.ts';
import { bodyIn, readBody } from '../../support/media-bodies.ts';
import type { MediaTypeName } from '../../support/media-bodies.ts';
import { UpsServer } from '../../support/ups-server.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';
import { WORKLIST } from '../../support/ups/worklist.ts';

const MINE = '2.25.1';
const OTHERS = '2.25.2';

const PERFORMED = dataSetOf({
  '00741216': attribute(
    'SQ',
    dataSetOf({
      '00404019': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'CTTHORAX') })),
      '00404028': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'CT1') })),
      '00404033': attribute('SQ'),
      '00404050': attribute('DT', '20260301081500'),
      '00404051': attribute('DT', '20260301083000'),
    }),
  ),
});
const DISCONTINUED = dataSetOf({
  '00741002': attribute(
    'SQ',
    dataSetOf({ '0074100E': attribute('SQ', dataSetOf({ '00080100': attribute('SH', '110513') })) }),
  ),
});

let server: UpsServer;
let count = 0;
beforeAll(async () => {
  server = await UpsServer.start();
});
afterAll(() => server.close());

function send(method: string, path: string, payload?: DataSet, media: MediaTypeName = 'json'): Promise<HttpReply> {
  if (payload === undefined) return call(server.port, `/ups${path}`, { method });
  const { contentType, body } = bodyIn(media, payload);
  return call(server.port, `/ups${path}`, { method, body, headers: { 'content-type': contentType } });
}

const changeOf = (state: string, lock?: string): DataSet =>
  dataSetOf({ '00741000': attribute('CS', state), ...(lock && { '00081195': attribute('UI', lock) }) });
const put = (uid: string, state: string, lock?: string): Promise<HttpReply> =>
  send('PUT', `/workitems/${uid}/state`, changeOf(state, lock));

/** A new workitem that has come to this state, locked by MINE unless it is SCHEDULED. */
async function workitemIn(state: string): Promise<string> {
  const uid = `1.2.3.${++count}`;
  server.schedule(uid, scheduledWorkitem());
  if (state !== 'SCHEDULED') {
    server.worklist.changeState(uid, MINE, 'IN PROGRESS');
    server.worklist.update(uid, MINE, dataSetOf({ ...PERFORMED, ...DISCONTINUED }));
    if (state !== 'IN PROGRESS') server.worklist.changeState(uid, MINE, state);
  }
  expect(server.worklist.stateOf(uid)).toBe(state);
  return uid;
}

describe('Change State by Table CC.1.1-2', () => {
  const WRONG = 400;
  test.each<[string, string, string | undefined, number, number, number, number]>([
    ['to SCHEDULED', 'SCHEDULED', MINE, 409, 409, 409, 409],
    ['to IN PROGRESS, right UID', 'IN PROGRESS', MINE, 200, 409, 409, 409],
    ['to IN PROGRESS, other UID', 'IN PROGRESS', OTHERS, 200, WRONG, WRONG, WRONG],
    ['to IN PROGRESS, no UID', 'IN PROGRESS', undefined, WRONG, WRONG, WRONG, WRONG],
    ['to COMPLETED, right UID', 'COMPLETED', MINE, 409, 200, 200, 409],
    ['to COMPLETED, other UID', 'COMPLETED', OTHERS, 409, WRONG, WRONG, WRONG],
    ['to CANCELED, right UID', 'CANCELED', MINE, 409, 200, 409, 200],
    ['to CANCELED, no UID', 'CANCELED', undefined, WRONG, WRONG, WRONG, WRONG],
  ])('%s', async (_title, wanted, lock, ...expected) => {
    const statuses: number[] = [];
    for (const state of ['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED']) {
      statuses.push((await put(await workitemIn(state), wanted, lock)).status);
    }
    expect(statuses).toEqual(expected);
  });

  test('a final state needs what Table CC.2.5-3 marks P and X', async () => {
    const uid = await workitemIn('SCHEDULED');
    await put(uid, 'IN PROGRESS', MINE);
    expect((await put(uid, 'COMPLETED', MINE)).status).toBe(409);
    expect((await put(uid, 'CANCELED', MINE)).status).toBe(409);
    expect((await send('POST', `/workitems/${uid}?${MINE}`, PERFORMED)).status).toBe(200);
    expect((await put(uid, 'COMPLETED', MINE)).status).toBe(200);
    expect((await put('1.2.99', 'COMPLETED', MINE)).status).toBe(404);
  });
});

test.each(['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'])('Request Cancellation, %s (CC.2.2)', async (state) => {
  const uid = await workitemIn(state);
  const { status, headers } = await send('POST', `/workitems/${uid}/cancelrequest`);
  expect([status, server.worklist.stateOf(uid)]).toEqual([
    state === 'COMPLETED' ? 409 : 202,
    state === 'SCHEDULED' ? 'CANCELED' : state,
  ]);
  expect(headers['warning'] ?? '').toMatch(state === 'CANCELED' ? /already in the requested state/ : /^$/);
});

test('Update wants the lock of what is in progress, none before, and nothing is updated after the end (11.6)', async () => {
  const asked: number[] = [];
  for (const state of ['SCHEDULED', 'IN PROGRESS', 'COMPLETED']) {
    const uid = await workitemIn(state);
    for (const query of ['', `?${MINE}`, `?transaction-uid=${MINE}`, `?transactionUID=${OTHERS}`]) {
      asked.push((await send('POST', `/workitems/${uid}${query}`, PERFORMED)).status);
    }
  }
  expect(asked).toEqual([200, 409, 409, 409, 400, 200, 200, 400, 400, 400, 400, 400]);
});

test.each(['json', 'xml'] as const)('Create, Search and Retrieve in %s (11.4, 11.5, 11.9)', async (media) => {
  const uid = `1.2.3.${++count}`;
  const patientId = `PID-${media}`;
  expect((await send('POST', `/workitems?${uid}`, scheduledWorkitem(patientId), media)).status).toBe(201);
  expect((await send('POST', `/workitems?workitem=${uid}`, scheduledWorkitem(patientId), media)).status).toBe(409);
  const accept = `application/dicom+${media}`;
  const headers = { accept: media === 'xml' ? `multipart/related; type="${accept}"` : accept };
  const keys = `PatientID=${patientId}&00404026.CodeValue=CT&00404005=20260301-20260302&PatientName=yamada*`;
  const found = await call(server.port, `/ups/workitems?${keys}`, { headers });
  expect(firstText(readBody(found.headers['content-type'] ?? '', found.body).dataSet, '00080018')).toBe(uid);
  expect((await call(server.port, `/ups/workitems?${keys}&ProcedureStepState=COMPLETED`)).status).toBe(204);
  const one = await call(server.port, `/ups/workitems/${uid}`, { headers: { accept } });
  const { mediaType, dataSet } = readBody(one.headers['content-type'] ?? '', one.body);
  expect([mediaType, firstText(dataSet, '00741000')]).toEqual([media, 'SCHEDULED']);
});

test('event reports reach who listens, and are gone for who does not (11.13)', async () => {
  const subscribed = await send('POST', `/workitems/${WORKLIST}/subscribers/WATCHER`);
  expect(subscribed.status).toBe(201);
  const seen: string[] = [];
  const listen = async (): Promise<WebSocket> => {
    const socket = new WebSocket(String(subscribed.headers['content-location']));
    socket.on('message', (data: Buffer) => {
      const report = JSON.parse(data.toString('utf8')) as DataSet;
      seen.push(`${firstText(report, '00001000')} ${firstText(report, '00001002')} ${firstText(report, '00741000')}`);
    });
    await server.until(() => server.listening.includes('WATCHER'));
    return socket;
  };
  const nextMessage = (socket: WebSocket): Promise<void> =>
    new Promise((resolve) => void socket.once('message', () => resolve()));
  const first = await listen();
  const told = nextMessage(first);
  const uid = await workitemIn('SCHEDULED');
  await told;
  server.dropChannels();
  await server.until(() => server.listening.length === 0);
  await put(uid, 'IN PROGRESS', MINE);
  const second = await listen();
  const toldAgain = nextMessage(second);
  await send('POST', `/workitems/${uid}/cancelrequest`);
  await toldAgain;
  expect(seen).toEqual([`${uid} 1 SCHEDULED`, `${uid} 2 undefined`]);
  expect(server.reports.map(({ wasSent }) => wasSent).slice(-3)).toEqual([true, false, true]);
  expect((await send('DELETE', `/workitems/${WORKLIST}/subscribers/WATCHER`)).status).toBe(200);
  first.terminate();
  second.terminate();
});

test('it can lose an answer, fail, and be restarted with what it had', async () => {
  const uid = await workitemIn('SCHEDULED');
  server.faults.changeState = ['lost', { status: 503 }, 'drop'];
  await expect(put(uid, 'IN PROGRESS', MINE)).rejects.toThrow();
  expect((await put(uid, 'IN PROGRESS', MINE)).status).toBe(503);
  await expect(put(uid, 'IN PROGRESS', MINE)).rejects.toThrow();
  expect(server.account.slice(-3)).toEqual(['changeState -', 'changeState 503', 'changeState -']);
  await server.goAway();
  await expect(put(uid, 'IN PROGRESS', MINE)).rejects.toThrow();
  await server.comeBack();
  expect((await put(uid, 'IN PROGRESS', MINE)).status).toBe(409);
  expect(server.worklist.transactionUidOf(uid)).toBe(MINE);
});
