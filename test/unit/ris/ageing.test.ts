/** Entries that leave the list by themselves when nobody began or ended them, or some time after; and their performed steps. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { entryOf } from '../../support/requests.ts';
import { begin, createOf, end, RIS, risOf, statuses } from '../../support/ris.ts';
import type { RisBed } from '../../support/ris.ts';
import { collect } from '../../support/requests.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Noon of the day for which `entryOf` schedules, at the place the tests run. */
const NOON = new Date(2026, 2, 1, 12).getTime();

const OPTIONS = {
  ageing: { scheduledMs: 2 * DAY, doneMs: HOUR },
  entryWhen: { completed: 'keep', discontinued: 'keep' },
} as const;

let nowMs: number;
let store: Store;
const start = (...seed: readonly DataSet[]): Promise<RisBed> => risOf(seed, { ...OPTIONS, store, now: () => nowMs });
const ids = async ({ ris }: RisBed): Promise<string[]> => Object.keys(await statuses(ris));

beforeEach(async () => {
  nowMs = NOON;
  store = await openMemoryStore({ now: () => nowMs });
});
afterEach(() => store.close());

const undated = (patientId: string): DataSet => {
  const entry = entryOf(patientId);
  const step = dataSetOf({ ...itemsOf(entry['00400100'])[0], '00400002': attribute('DA') });
  return dataSetOf({ ...entry, '00400100': attribute('SQ', step) });
};

describe('an entry that nobody began', () => {
  test('is found until the day it was scheduled for is too far back, then housekeeping erases it', async () => {
    const bed = await start();
    await bed.ris.entries.create(entryOf('P1'));
    nowMs = NOON + 2 * DAY;
    expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([['P1 SPS1'], { agedOut: 0, stepsErased: 0 }]);
    nowMs = NOON + 3 * DAY;
    expect(await ids(bed)).toEqual([]);
    expect(await collect(bed.ris.entries.find({}))).toHaveLength(1);
    expect(await bed.ris.housekeep(nowMs)).toEqual({ agedOut: 1, stepsErased: 0 });
    expect(await collect(bed.ris.entries.find({}))).toEqual([]);
  });

  test('and has no date is as old as the day it came', async () => {
    const bed = await start();
    await bed.ris.entries.create(undated('P1'));
    nowMs = NOON + 2 * DAY;
    expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([['P1 SPS1'], { agedOut: 0, stepsErased: 0 }]);
    nowMs = NOON + 3 * DAY;
    expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([[], { agedOut: 1, stepsErased: 0 }]);
  });
});

test('one that is under way does not age by that, however long it takes', async () => {
  const bed = await start();
  await bed.ris.entries.create(entryOf('P1'));
  await begin(bed.ris, '1.1', createOf('P1', {}));
  nowMs = NOON + 365 * DAY;
  expect(await bed.ris.housekeep(nowMs)).toEqual({ agedOut: 0, stepsErased: 0 });
  expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': 'STARTED' });
});

test.each(['COMPLETED', 'DISCONTINUED'] as const)('one that is %s ages from its end', async (state) => {
  const bed = await start();
  await bed.ris.entries.create(entryOf('P1'));
  await begin(bed.ris, '1.1', createOf('P1', {}));
  nowMs = NOON + 10 * DAY;
  await end(bed.ris, '1.1', state);
  nowMs += HOUR;
  expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([['P1 SPS1'], { agedOut: 0, stepsErased: 0 }]);
  nowMs += 1;
  expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([[], { agedOut: 1, stepsErased: 0 }]);
});

test('entries of the files are not found either, but stay: the next start would bring them back as new', async () => {
  const bed = await start(entryOf('P1', 'SPS1'), entryOf('P1', 'SPS2'));
  await begin(bed.ris, '1.1', createOf('P1', {}));
  await end(bed.ris, '1.1', 'COMPLETED');
  nowMs = NOON + 3 * DAY;
  expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([[], { agedOut: 0, stepsErased: 0 }]);
  const again = await start(entryOf('P1', 'SPS1'), entryOf('P1', 'SPS2'));
  expect(await ids(again)).toEqual([]);
  expect((await collect(again.ris.entries.find({}))).map(({ state }) => state)).toEqual(['COMPLETED', 'SCHEDULED']);
});

test('more than one write holds age out in one round', async () => {
  const bed = await start();
  for (let i = 0; i < 1_050; i++) await bed.ris.entries.create(entryOf('P1', `SPS${i}`));
  nowMs = NOON + 3 * DAY;
  expect(await bed.ris.housekeep(nowMs)).toEqual({ agedOut: 1_050, stepsErased: 0 });
});

test('without the option nothing ages', async () => {
  const bed = await risOf([], { store, now: () => nowMs });
  await bed.ris.entries.create(entryOf('P1'));
  nowMs = NOON + 10_000 * DAY;
  expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([['P1 SPS1'], { agedOut: 0, stepsErased: 0 }]);
});

test('one that was begun and never ended is not found after `started`, and leaves; a file keeps its own', async () => {
  const bed = await risOf([entryOf('P1', 'SPS2')], { ageing: { startedMs: DAY }, store, now: () => nowMs });
  await bed.ris.entries.create(entryOf('P1', 'SPS1'));
  await begin(bed.ris, '1.1', createOf('P1', { id: 'SPS1' }, { id: 'SPS2' }));
  nowMs = NOON + DAY;
  expect(await statuses(bed.ris)).toEqual({ 'P1 SPS1': 'STARTED', 'P1 SPS2': 'STARTED' });
  nowMs += 1;
  expect([await ids(bed), await bed.ris.housekeep(nowMs)]).toEqual([[], { agedOut: 1, stepsErased: 0 }]);
});

test('performed steps are erased after `steps` once their entries are gone, unscheduled ones by themselves', async () => {
  const ageing = { doneMs: DAY, stepsMs: 2 * DAY };
  const bed = await risOf([entryOf('P2', 'SPS2')], { ageing, store, now: () => nowMs });
  await bed.ris.entries.create(entryOf('P1'));
  await begin(bed.ris, '1.1', createOf('P1', {}));
  await end(bed.ris, '1.1', 'COMPLETED');
  await begin(bed.ris, '1.2', createOf('P2', { id: 'SPS2' }));
  await begin(bed.ris, '1.3', createOf('P3', { id: '' }));
  nowMs = NOON + 2 * DAY;
  expect(await bed.ris.housekeep(nowMs)).toEqual({ agedOut: 1, stepsErased: 0 });
  nowMs += 1;
  expect(await bed.ris.housekeep(nowMs)).toEqual({ agedOut: 0, stepsErased: 2 });
  const there = await Promise.all(['1.1', '1.2', '1.3'].map((uid) => store.steps.get({ upstream: RIS, uid })));
  expect(there.map((step) => step !== undefined)).toEqual([false, true, false]);
});
