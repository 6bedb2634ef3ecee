/** The entries of the embedded RIS: sent by an interface engine, or from the files of the configuration. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { entryIdOf } from '../../../src/ris/entry.ts';
import type { RisWorklist } from '../../../src/ris/worklist.ts';
import type { NewRisEntry, RisEntries } from '../../../src/store/ris-records.ts';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { collect, contextOf, entryOf } from '../../support/requests.ts';
import { createOf, RIS, risOf, statuses, wholeList } from '../../support/ris.ts';
import type { RisBed } from '../../support/ris.ts';
import { plainWorklist } from '../../support/worklists.ts';

const withStation = (entry: DataSet, station: string): DataSet =>
  dataSetOf({ ...entry, '00321060': attribute('LO', station) });

let store: Store;
/** Every write of entries, as it reached the store. */
let written: (readonly NewRisEntry[])[];

/** The RIS starts, again, with a file of these entries. */
function start(...seed: readonly DataSet[]): Promise<RisBed> {
  written = [];
  const { worklist } = store;
  const watched: RisEntries = {
    get: (key) => worklist.get(key),
    find: (upstream, filter) => worklist.find(upstream, filter),
    put: (entries, durability) => {
      written.push(entries);
      return worklist.put(entries, durability);
    },
    remove: (key, durability) => worklist.remove(key, durability),
    removeSeedExcept: (upstream, ids) => worklist.removeSeedExcept(upstream, ids),
    expire: (upstream, expiry) => worklist.expire(upstream, expiry),
  };
  const { steps, exceptions } = store;
  return risOf(seed, { store: { steps, exceptions, worklist: watched } });
}

const patients = async ({ ris }: RisBed): Promise<(string | undefined)[]> =>
  (await wholeList(ris)).map((entry) => firstText(entry, '00100020'));

beforeEach(async () => {
  store = await openMemoryStore();
});
afterEach(() => store.close());

describe('an entry of an interface engine', () => {
  let entries: RisWorklist;
  beforeEach(async () => {
    ({ entries } = (await start()).ris);
  });

  test('is created once, whole, under the id of its content', async () => {
    const created = await entries.create(entryOf('P1'));
    expect(created).toMatchObject({ upstream: RIS, id: entryIdOf(entryOf('P1')), source: 'api', state: 'SCHEDULED' });
    expect(created.scheduled).toEqual(entryOf('P1'));
    expect(await entries.get(created.id)).toEqual(created);
    await expect(entries.create(withStation(entryOf('P1'), 'other'))).rejects.toMatchObject({ code: 'ENTRY_EXISTS' });
    expect(await entries.get(created.id)).toEqual(created);
  });

  test('of two creates at once one wins', async () => {
    const both = [entries.create(entryOf('P1')), entries.create(withStation(entryOf('P1'), 'other'))];
    expect((await Promise.allSettled(both)).map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await collect(entries.find({}))).toHaveLength(1);
  });

  test('is replaced under its id, or made there', async () => {
    const id = entryIdOf(entryOf('P1'));
    expect(await entries.replace(id, entryOf('P1'))).toMatchObject({ entry: { id, source: 'api' }, isNew: true });
    const changed = withStation(entryOf('P1'), 'changed');
    expect(await entries.replace(id, changed)).toMatchObject({ entry: { id, scheduled: changed }, isNew: false });
    expect((await collect(entries.find({}))).map(({ scheduled }) => scheduled)).toEqual([changed]);
  });

  test('is not replaced by one that would have another id: that is another step', async () => {
    await entries.create(entryOf('P1'));
    await expect(entries.replace(entryIdOf(entryOf('P1')), entryOf('P2'))).rejects.toMatchObject({
      code: 'ENTRY_INVALID',
      message: expect.stringMatching(/0020000D.*00401001.*00400100\.00400009.*00080050/s),
    });
    expect(await collect(entries.find({}))).toHaveLength(1);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['create', () => entries.create(entryOf('P1', ''))],
    ['replace', () => entries.replace(entryIdOf(entryOf('P1', '')), entryOf('P1', ''))],
  ])('that lacks its step ID is ENTRY_INVALID and leaves nothing: %s', async (_title, act) => {
    await expect(act()).rejects.toMatchObject({
      code: 'ENTRY_INVALID',
      message: expect.stringContaining('ScheduledProcedureStepID'),
    });
    expect(await collect(entries.find({}))).toEqual([]);
  });

  test('leaves at once when it is cancelled, and may come again', async () => {
    const { id } = await entries.create(entryOf('P1'));
    expect([await entries.cancel(id), await entries.cancel(id)]).toEqual([true, false]);
    expect(await entries.get(id)).toBeUndefined();
    await expect(entries.create(entryOf('P1'))).resolves.toMatchObject({ id });
  });

  test('that was cancelled is not followed by a step that names it: it is unscheduled then', async () => {
    const bed = await start();
    const { id } = await bed.ris.entries.create(entryOf('P1'));
    await bed.ris.entries.cancel(id);
    await bed.ris.createMpps('1.2.9', createOf('P1', {}), contextOf());
    expect([await statuses(bed.ris), await store.exceptions.list()]).toEqual([{}, []]);
  });
});

describe('the entries of the files', () => {
  const [P1, P2, P3] = [entryOf('P1'), entryOf('P2'), entryOf('P3')] as const;

  test('are there after a start, and those that are unchanged are not written again', async () => {
    expect(await patients(await start(P1, P2))).toEqual(['P1', 'P2']);
    const { ris } = await start(P2, P1);
    expect(written).toEqual([]);
    expect(await wholeList(ris)).toEqual([P1, P2]);
  });

  test('follow the files: what is new comes, what is changed is replaced, what is gone is removed', async () => {
    await start(P1, P2);
    const bed = await start(withStation(P2, 'changed'), P3);
    expect(written.map((batch) => batch.map(({ id }) => id))).toEqual([[entryIdOf(P2), entryIdOf(P3)]]);
    expect(await wholeList(bed.ris)).toEqual([withStation(P2, 'changed'), P3]);
    expect(bed.lines).toMatchObject([
      { level: 'info', added: 1, changed: 1, unchanged: 0, removed: 1, overruled: 0 },
      { level: 'warn', attributes: ['RequestedProcedureID'] },
    ]);
  });

  test('never go before an entry of the API, which also outlives them', async () => {
    const first = await start(P1);
    const engine = withStation(P1, 'by the engine');
    await first.ris.entries.replace(entryIdOf(P1), engine);
    await first.ris.entries.create(P3);
    const second = await start(withStation(P1, 'by the file'), P2);
    expect(await wholeList(second.ris)).toEqual([engine, P2, P3]);
    expect(second.lines).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('API'), count: 1 }),
    );
    expect(await patients(await start())).toEqual(['P1', 'P3']);
  });

  test('that stand there twice: the last counts, and the log says so', async () => {
    const { ris, lines } = await start(P1, P2, withStation(P1, 'later'));
    expect(await wholeList(ris)).toEqual([withStation(P1, 'later'), P2]);
    expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', count: 1 }));
  });

  test('go in batches', async () => {
    await start(...plainWorklist(1_200));
    expect(written.map((batch) => batch.length)).toEqual([500, 500, 200]);
  });

  test('are refused whole for the sake of one that cannot be taken, before anything is written', async () => {
    await start(P1);
    await expect(start(P2, entryOf('P3', ''))).rejects.toMatchObject({
      code: 'ENTRY_INVALID',
      message: expect.stringMatching(/^entry 2 cannot be taken: /),
    });
    expect(await patients(await start(P1))).toEqual(['P1']);
  });

  test('of one RIS are not those of another', async () => {
    await start(P1);
    await store.worklist.put([{ ...newEntry(P2), upstream: 'other' }], 'process');
    await start();
    expect(await store.worklist.get({ upstream: 'other', id: 'x' })).toMatchObject({ scheduled: P2 });
  });

  test('keep what became of them while the file says the same or something else of them', async () => {
    const first = await start(P1);
    await first.ris.createMpps('1.2.9', createOf('P1', {}), contextOf());
    expect(await statuses((await start(P1)).ris)).toEqual({ 'P1 SPS1': 'STARTED' });
    expect(await statuses((await start(withStation(P1, 'changed'))).ris)).toEqual({ 'P1 SPS1': 'STARTED' });
  });
});

function newEntry(scheduled: DataSet): NewRisEntry {
  const index = {
    startDate: '',
    modality: '',
    stations: [],
    patientId: '',
    accessionNumber: '',
    studyInstanceUid: '',
    stepId: '',
    sortKey: '',
  };
  return { upstream: RIS, id: 'x', source: 'seed', scheduled, index };
}
