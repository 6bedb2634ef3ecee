/**
 * Our UPS-RS upstream against our facade: a modality, a gateway, a UPS-RS hop, another gateway, a classic RIS (proxy flows 6 in
 * front of 7). What the modality does arrives at the RIS, and what the RIS has arrives at the modality.
 */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { SILENT } from '../../../src/observe/log.ts';
import type { MppsEvent } from '../../../src/services/mpps/notification.ts';
import { openStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { UpsUpstream } from '../../../src/ups/upstream.ts';
import { bedOf } from '../../support/beds.ts';
import type { Bed } from '../../support/beds.ts';
import { createMessage, finalMessage, mppsContextOf, progressMessage, seriesMessage } from '../../support/mpps.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';
import { FacadeBed, webOf } from '../../support/ups/facade-bed.ts';
import { UPS_OPTIONS } from '../../support/ups/upstream-bed.ts';

const MPPS_UID = '1.2.276.0.7230010.3.9.1';
const ENTRY = dataSetOf({ ...entryOf('PID-1'), '00401001': attribute('SH', 'RP1') });

let ris: Bed;
let facade: FacadeBed;
let web: Awaited<ReturnType<typeof webOf>>;
let folder: string;
let store: Store;
let upstream: UpsUpstream;
const heard: MppsEvent[] = [];
let look = (): void => {};

beforeEach(async () => {
  ris = await bedOf([], [ENTRY]);
  facade = await FacadeBed.open(ris.upstream);
  web = await webOf(facade);
  folder = await mkdtemp(join(tmpdir(), 'dimseway-both-'));
  store = await openStore({ path: join(folder, 'near.db') });
  const subscription = { aeTitle: 'GATEWAY', deletionLock: false, others: 'ignore', reopenMs: 10 } as const;
  upstream = new UpsUpstream({ ...UPS_OPTIONS, baseUrl: web.baseUrl, subscription }, store.claims, SILENT);
  heard.length = 0;
  upstream.listen(async (event) => {
    heard.push(event);
    look();
  });
});

afterEach(async () => {
  await upstream.close();
  await store.close();
  await web.close();
  await facade.close();
  await ris.close();
  await rm(folder, { recursive: true });
});

const until = (type: number): Promise<void> =>
  new Promise((resolve) => {
    look = () => {
      if (heard.some((event) => event.type === type)) resolve();
    };
    look();
  });

const step = (more: DataSet = {}): DataSet =>
  dataSetOf({
    '00100020': attribute('LO'),
    '0020000D': attribute('UI'),
    '00080050': attribute('SH'),
    '00401001': attribute('SH'),
    '00400100': attribute('SQ', dataSetOf({ '00400009': attribute('SH'), '00400002': attribute('DA'), ...more })),
  });

const worklist = (): Promise<DataSet[]> => collect(upstream.search(queryOf(step()), contextOf()));

function createOf(entry: DataSet): DataSet {
  const item = dataSetOf({ ...entry });
  delete item['00400100'];
  delete item['00100020'];
  const id = itemsOf(entry['00400100'])[0]?.['00400009'];
  return dataSetOf({
    ...createMessage(),
    '00400281': attribute('SQ'),
    '00400270': attribute('SQ', dataSetOf({ ...item, ...(id && { '00400009': id }) })),
  });
}

/** The one MPPS of the RIS: the one the facade has made of the claim. */
async function atTheRis(): Promise<DataSet> {
  const [record] = await facade.store.workitems.list({ route: 'web' });
  return ris.upstream.retrieveMpps(record?.mppsUid ?? '', 'all', contextOf());
}

test.each(['COMPLETED', 'DISCONTINUED'] as const)(
  'a step lives from the worklist of the RIS to %s there',
  async (state) => {
    const [entry, ...others] = await worklist();
    expect(others).toEqual([]);
    const { '00100020': patient, '0020000D': study, '00401001': requested } = entry as DataSet;
    expect([patient, study, requested]).toEqual([ENTRY['00100020'], ENTRY['0020000D'], ENTRY['00401001']]);
    expect(firstText(itemsOf((entry as DataSet)['00400100'])[0] as DataSet, '00400002')).toBe('20260301');

    await upstream.createMpps(MPPS_UID, createOf(entry as DataSet), mppsContextOf());
    expect(await worklist()).toEqual([]);
    const begun = await atTheRis();
    const [scheduled] = itemsOf(begun['00400270']);
    expect([firstText(begun, '00400252'), firstText(scheduled as DataSet, '00400009')]).toEqual([
      'IN PROGRESS',
      'SPS1',
    ]);

    await upstream.updateMpps(MPPS_UID, progressMessage('胸部 going on'), mppsContextOf());
    await upstream.updateMpps(MPPS_UID, seriesMessage(2), mppsContextOf());
    await upstream.updateMpps(MPPS_UID, finalMessage(state, 3), mppsContextOf());
    const ended = await atTheRis();
    expect(['00400252', '00400254', '00400250', '00400241'].map((tag) => firstText(ended, tag))).toEqual([
      state,
      '胸部 going on',
      '20260301',
      // A performer's station is its own; the facade asked for the step in the name of the scheduled one.
      'STATION1',
    ]);
    const series = itemsOf(ended['00400340']).map((each) => [
      firstText(each, '0020000E'),
      itemsOf(each['00081140']).length + itemsOf(each['00400220']).length,
    ]);
    expect(series).toEqual([['1.2.3.4.1', 3]]);

    const read = await upstream.retrieveMpps(MPPS_UID, 'all', contextOf());
    expect(['00400252', '00400253', '00400254'].map((tag) => firstText(read, tag))).toEqual([
      state,
      'PPS1',
      '胸部 going on',
    ]);
    await until(state === 'COMPLETED' ? 2 : 3);
    expect(heard.map(({ uid, type }) => `${uid} ${type}`).filter((each) => !each.endsWith(' 4'))).toEqual([
      `${MPPS_UID} 1`,
      `${MPPS_UID} ${state === 'COMPLETED' ? 2 : 3}`,
    ]);
  },
);

test('two modalities claim one step at once: exactly one has it, and the RIS has one MPPS', async () => {
  const [entry] = await worklist();
  const made = createOf(entry as DataSet);
  const outcomes = await Promise.allSettled(
    [1, 2, 3].map((number) => upstream.createMpps(`${MPPS_UID}.${number}`, made, mppsContextOf())),
  );
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  expect(firstText(await atTheRis(), '00400252')).toBe('IN PROGRESS');
  expect(await worklist()).toEqual([]);
});

test('a facade that is restarted in between is the same server: the lock holds (PS3.4 CC.1.1)', async () => {
  const [entry] = await worklist();
  await upstream.createMpps(MPPS_UID, createOf(entry as DataSet), mppsContextOf());
  const { port } = web;
  await web.close();
  await facade.restart();
  web = await webOf(facade, port);
  await upstream.updateMpps(MPPS_UID, finalMessage('COMPLETED', 1), mppsContextOf());
  expect(firstText(await atTheRis(), '00400252')).toBe('COMPLETED');
  await until(2);
});
