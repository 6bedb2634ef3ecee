/**
 * UPS-RS user agents in front of a classic RIS, over real sockets on both sides: HTTP and WebSocket here, MWL and MPPS there
 * (proxy flows 7, status mapping 11.2, PS3.18 11).
 */
import { afterEach, describe, expect, test } from '@jest/globals';
import { WebSocket } from 'ws';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import type { WorkitemOptions } from '../../../src/services/ups/workitem.ts';
import { workitemUidOf } from '../../../src/services/ups/step-id.ts';
import { bedOf } from '../../support/beds.ts';
import type { Bed } from '../../support/beds.ts';
import { call } from '../../support/http-client.ts';
import type { HttpReply } from '../../support/http-client.ts';
import { bodyIn, readBody } from '../../support/media-bodies.ts';
import type { MediaTypeName } from '../../support/media-bodies.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';
import { FacadeBed, webOf } from '../../support/ups/facade-bed.ts';
import { PERFORMED, REASON } from '../../support/ups/script.ts';
import { WORKLIST } from '../../support/ups/worklist.ts';

const MINE = '2.25.100001';
const OTHERS = '2.25.100002';

const entry = (number: number): DataSet =>
  dataSetOf({ ...entryOf(`PID-${number}`, `SPS${number}`), '00401001': attribute('SH', `RP${number}`) });
const [ONE, TWO] = [entry(1), entry(2)];
const UID = workitemUidOf(ONE);

let ris: Bed;
let bed: FacadeBed;
let web: Awaited<ReturnType<typeof webOf>>;
const sockets: WebSocket[] = [];

async function open(options: Partial<WorkitemOptions> = {}): Promise<void> {
  ris = await bedOf(['dimse'], [ONE, TWO]);
  bed = await FacadeBed.open(ris.upstream, options);
  web = await webOf(bed);
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  await web.close();
  await bed.close();
  await ris.close();
});

function send(method: string, path: string, payload?: DataSet, media: MediaTypeName = 'json'): Promise<HttpReply> {
  const accept = `application/dicom+${media === 'xml' ? 'xml' : 'json'}`;
  if (payload === undefined) return call(web.port, `/dicomweb${path}`, { method, headers: { accept } });
  const { contentType, body } = bodyIn(media, payload);
  return call(web.port, `/dicomweb${path}`, { method, body, headers: { accept, 'content-type': contentType } });
}

const changeState = (state: string, lock?: string, uid = UID): Promise<HttpReply> =>
  send(
    'PUT',
    `/workitems/${uid}/state`,
    dataSetOf({ '00741000': attribute('CS', state), ...(lock && { '00081195': attribute('UI', lock) }) }),
  );
const update = (changes: DataSet, lock = MINE): Promise<HttpReply> =>
  send('POST', `/workitems/${UID}?${lock}`, changes);

async function search(query = ''): Promise<string[]> {
  const { status, headers, body } = await call(web.port, `/dicomweb/workitems${query}`, {
    headers: { accept: 'application/dicom+json' },
  });
  if (status === 204) return [];
  expect([status, headers['content-type']]).toEqual([200, 'application/dicom+json']);
  return (JSON.parse(body.toString('utf8')) as DataSet[]).map((found) => firstText(found, '00080018') ?? '?').sort();
}

async function retrieve(): Promise<DataSet> {
  const { headers, body } = await send('GET', `/workitems/${UID}`);
  return readBody(headers['content-type'] ?? '', body).dataSet;
}

/** The MPPS of the workitem, as the RIS has it. */
async function mpps(): Promise<DataSet> {
  const record = await bed.store.workitems.get({ route: 'web', uid: UID });
  return ris.upstream.retrieveMpps(record?.mppsUid ?? '', 'all', contextOf());
}

/** What a subscriber is told: `event state`. */
interface Listening {
  readonly socket: WebSocket;
  readonly told: string[];
  /** Message IDs, as they came. */
  readonly ids: number[];
  until(told: string): Promise<void>;
}

async function listen(aeTitle: string, told: string[] = [], ids: number[] = []): Promise<Listening> {
  const socket = new WebSocket(`ws://127.0.0.1:${web.port}/dicomweb/ws/subscribers/${aeTitle}`);
  sockets.push(socket);
  const watchers = new Set<() => void>();
  socket.on('message', (data: Buffer) => {
    const report = JSON.parse(data.toString('utf8')) as DataSet;
    ids.push(Number(firstText(report, '00000110')));
    told.push([firstText(report, '00001002'), firstText(report, '00741000')].filter(Boolean).join(' '));
    for (const look of [...watchers]) look();
  });
  await new Promise((resolve, reject) => void socket.once('open', resolve).once('error', reject));
  const until = (wanted: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (told.includes(wanted)) resolve();
      };
      watchers.add(look);
      look();
    });
  return { socket, told, ids, until };
}

describe('a workitem from the search to its end', () => {
  test.each(['json', 'xml'] as const)(
    'is claimed, performed and completed in %s: the RIS has its MPPS (7.1 to 7.5)',
    async (media) => {
      await open();
      expect(await search('?PatientID=PID-1&ProcedureStepState=SCHEDULED')).toEqual([UID]);
      expect(await search()).toEqual([UID, workitemUidOf(TWO)].sort());
      expect((await changeState('IN PROGRESS', MINE)).status).toBe(200);
      const begun = await mpps();
      const [step] = itemsOf(begun['00400270']);
      const taken = ['0020000D', '00080050', '00401001', '00400009'].map((tag) => firstText(step as DataSet, tag));
      expect(taken).toEqual(['1.2.3.4', 'ACC-PID-1', 'RP1', 'SPS1']);
      expect(['00400252', '00400241', '00080060', '00100020'].map((tag) => firstText(begun, tag))).toEqual([
        'IN PROGRESS',
        'STATION1',
        'CT',
        'PID-1',
      ]);
      expect(await search('?ProcedureStepState=SCHEDULED')).toEqual([workitemUidOf(TWO)]);
      expect(await search('?ProcedureStepState=IN%20PROGRESS')).toEqual([UID]);

      expect((await send('POST', `/workitems/${UID}?${MINE}`, PERFORMED, media)).status).toBe(200);
      expect((await changeState('COMPLETED', MINE)).status).toBe(200);
      const ended = await mpps();
      expect(['00400252', '00400250', '00400251'].map((tag) => firstText(ended, tag))).toEqual([
        'COMPLETED',
        '20260301',
        '083000',
      ]);
      const [series, ...others] = itemsOf(ended['00400340']);
      expect([others, firstText(series as DataSet, '00181030') === undefined]).toEqual([[], false]);
      const shown = await retrieve();
      expect([firstText(shown, '00741000'), shown['00081195']]).toEqual(['COMPLETED', undefined]);
      const again = await changeState('COMPLETED', MINE);
      expect([again.status, again.headers['warning']]).toEqual([
        200,
        expect.stringContaining('The UPS is already in the requested state of COMPLETED.'),
      ]);
    },
  );

  test('is canceled by its owner: its MPPS is discontinued with the reason (7.6)', async () => {
    await open();
    await search();
    await changeState('IN PROGRESS', MINE);
    expect((await changeState('CANCELED', MINE)).status).toBe(409);
    expect((await update(REASON)).status).toBe(200);
    expect((await changeState('CANCELED', MINE)).status).toBe(200);
    const ended = await mpps();
    const [reason] = itemsOf(ended['00400281']);
    expect([firstText(ended, '00400252'), firstText(reason as DataSet, '00080100')]).toEqual([
      'DISCONTINUED',
      '110513',
    ]);
  });

  test('asked to be canceled by another: its performer is told, and decides (7.6, PS3.4 CC.2.2)', async () => {
    await open();
    await search();
    const cancel = (): Promise<HttpReply> =>
      send(
        'POST',
        `/workitems/${UID}/cancelrequest?requester=WARD`,
        dataSetOf({ '00741238': attribute('LT', 'patient went home') }),
      );
    expect((await cancel()).status).toBe(409);
    await changeState('IN PROGRESS', MINE);
    expect((await cancel()).status).toBe(409);
    const performer = await listen('PERFORMER');
    expect((await send('POST', `/workitems/${UID}/subscribers/PERFORMER`)).status).toBe(201);
    expect((await cancel()).status).toBe(202);
    await performer.until('2');
    expect(firstText(await mpps(), '00400252')).toBe('IN PROGRESS');
    await update(REASON);
    await changeState('CANCELED', MINE);
    await performer.until('1 CANCELED');
    expect(performer.told).toEqual(['1 IN PROGRESS', '2', '3', '1 CANCELED']);
    expect((await cancel()).status).toBe(202);
  });

  test('its MPPS is discontinued at once where a request to cancel acts (7.6, cancelActsDirectly)', async () => {
    await open({ cancelRequest: 'act' });
    await search();
    await changeState('IN PROGRESS', MINE);
    expect((await send('POST', `/workitems/${UID}/cancelrequest`)).status).toBe(202);
    expect(firstText(await mpps(), '00400252')).toBe('DISCONTINUED');
    const late = await update(PERFORMED);
    expect([late.status, late.headers['warning']]).toEqual([
      400,
      expect.stringContaining('The submitted request is inconsistent with the current state of the Workitem.'),
    ]);
  });
});

describe('two claims', () => {
  test('at once: exactly one wins, the other is told of the state, and the RIS has one MPPS (PS3.4 CC.1.1)', async () => {
    await open();
    await search();
    const locks = Array.from({ length: 6 }, (_, i) => `2.25.70${i}`);
    const replies = await Promise.all(locks.map((lock) => changeState('IN PROGRESS', lock)));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409, 409]);
    const winner = locks[replies.findIndex(({ status }) => status === 200)];
    expect((await update(PERFORMED, winner)).status).toBe(200);
    for (const lock of locks.filter((each) => each !== winner)) {
      const { status, headers } = await update(PERFORMED, lock);
      expect(status).toBe(400);
      expect(headers['warning']).toContain('The target URI did not reference a claimed Workitem.');
    }
    const wanted = queryOf(dataSetOf({ '00100020': attribute('LO', 'PID-1'), '00400100': attribute('SQ') }));
    const [entryNow] = await collect(ris.upstream.search(wanted, contextOf()));
    expect(entryNow === undefined ? 'STARTED' : stepStatus(entryNow)).toBe('STARTED');
  });

  test('one after the other: the later one is refused, and so is who has no lock or another (status mapping 11.2)', async () => {
    await open();
    await search();
    expect((await changeState('IN PROGRESS', MINE)).status).toBe(200);
    expect((await changeState('IN PROGRESS', OTHERS)).status).toBe(409);
    expect((await changeState('COMPLETED', OTHERS)).status).toBe(400);
    expect((await changeState('IN PROGRESS', undefined, workitemUidOf(TWO))).status).toBe(400);
    expect((await changeState('IN PROGRESS', MINE, '1.2.3.99')).status).toBe(404);
  });
});

describe('a subscriber', () => {
  test('sees each event once, in order, across connections that break and a restart of the gateway (7.7)', async () => {
    await open();
    await search();
    expect((await send('POST', `/workitems/${WORKLIST}/subscribers/WATCHER`)).status).toBe(201);
    const told: string[] = [];
    const ids: number[] = [];
    const first = await listen('WATCHER', told, ids);
    await changeState('IN PROGRESS', MINE);
    await first.until('1 IN PROGRESS');
    first.socket.terminate();
    await update(dataSetOf({ '00741002': attribute('SQ', dataSetOf({ '00741004': attribute('DS', 50) })) }));
    await web.close();
    await bed.restart();
    web = await webOf(bed);
    const second = await listen('WATCHER', told, ids);
    await second.until('3');
    second.socket.terminate();
    await update(PERFORMED);
    await changeState('COMPLETED', MINE);
    const third = await listen('WATCHER', told, ids);
    await third.until('1 COMPLETED');
    // A report whose receipt was lost comes again under its Message ID.
    const once = told.filter((_event, i) => ids.indexOf(ids[i] as number) === i);
    expect(once).toEqual(['1 IN PROGRESS', '3', '1 COMPLETED']);
    expect([...new Set(ids)]).toEqual([...new Set(ids)].sort((a, b) => a - b));
  });
});

function stepStatus(found: DataSet): string | undefined {
  return firstText(itemsOf(found['00400100'])[0] as DataSet, '00400020');
}
