/** What a search of the worklist finds, and in which order, over every store. */
import { describe, expect, test } from '@jest/globals';
import type { NewRisEntry, RisEntry, RisEntryFilter, RisEntryIndex } from '../../../src/store/ris-records.ts';
import { collect } from '../../support/requests.ts';
import { changeOf, entryOf, UPSTREAM } from '../../support/ris-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed } from './bed.ts';

/** The rule, entry by entry. */
function passes({ id, source, index }: NewRisEntry, state: string, filter: RisEntryFilter): boolean {
  const { startDateFrom, startDateTo } = filter;
  const isIn = (texts: readonly string[] | undefined, ...own: readonly string[]): boolean =>
    texts === undefined || own.some((text) => texts.includes(text));
  return (
    isIn(filter.states, state) &&
    (filter.id === undefined || filter.id === id) &&
    (filter.source === undefined || filter.source === source) &&
    (startDateFrom === undefined || (index.startDate !== '' && index.startDate >= startDateFrom)) &&
    (startDateTo === undefined || (index.startDate !== '' && index.startDate <= startDateTo)) &&
    isIn(filter.modalities, index.modality) &&
    isIn(filter.stations, ...index.stations) &&
    isIn(filter.patientIds, index.patientId) &&
    isIn(filter.accessionNumbers, index.accessionNumber) &&
    isIn(filter.studyInstanceUids, index.studyInstanceUid) &&
    isIn(filter.stepIds, index.stepId)
  );
}

const DAYS = ['', '20261119', '20261120', '20261121', '20261122'];
const MODALITIES = ['CT', 'MR', 'US', ''];
const STATIONS = ['CT1', 'CT_1', 'CT%', 'A\\B', 'A"B', "B'", '["CT1"]', 'ct1', 'Ä1'];

/** Every value often and in every company: the numbers have no common factor. */
function numberedEntry(i: number): NewRisEntry {
  const index: RisEntryIndex = {
    startDate: DAYS[i % 5] as string,
    modality: MODALITIES[i % 4] as string,
    stations: STATIONS.filter((_, n) => (i * 31 + n) % 7 === 0 || (i + n) % 11 === 0),
    patientId: `P${i % 13}`,
    accessionNumber: i % 3 === 0 ? '' : `A${i}`,
    studyInstanceUid: `1.2.${i % 600}`,
    stepId: i % 2 === 0 ? '1' : `S${i % 17}`,
    sortKey: `${(i * 7_919) % 2_500}`,
  };
  return entryOf(`e${i}`, { source: i % 6 === 0 ? 'seed' : 'api', index });
}

const FILTERS: readonly RisEntryFilter[] = [
  {},
  { id: 'e7' },
  { id: 'E7' },
  { id: 'e7', source: 'seed' },
  { source: 'seed' },
  { states: ['STARTED'] },
  { states: ['SCHEDULED', 'COMPLETED'] },
  { states: [] },
  { startDateFrom: '20261121' },
  { startDateTo: '20261120' },
  { startDateFrom: '20261120', startDateTo: '20261121' },
  { startDateFrom: '20261121', startDateTo: '20261121' },
  { startDateFrom: '20261122', startDateTo: '20261121' },
  { startDateFrom: '20200101', startDateTo: '20991231' },
  { startDateFrom: '20261121', startDateTo: '20261121', modalities: ['CT'], stations: ['CT1'] },
  { startDateFrom: '20261121', modalities: ['CT', 'US'], stations: ['CT_1', 'CT%'] },
  { modalities: ['CT'] },
  { modalities: [''] },
  { modalities: [] },
  { modalities: ['CT', 'CT', 'none'] },
  ...STATIONS.map((station) => ({ stations: [station] })),
  { stations: ['CT'] },
  { stations: ['%'] },
  { stations: ['B"'] },
  { stations: ['"'] },
  { stations: ['A\\\\B'] },
  { stations: [''] },
  { stations: [] },
  { stations: STATIONS },
  { patientIds: ['P1', 'P12'] },
  { patientIds: ['p1'] },
  { patientIds: ['P1'], stations: ['CT1'] },
  { accessionNumbers: ['A1', 'A3', 'A4'] },
  { accessionNumbers: [''] },
  { accessionNumbers: ['', 'A7'], modalities: ['MR'] },
  { studyInstanceUids: ['1.2.77'] },
  { studyInstanceUids: ['1.2.77', '1.2.78', '1.2.79'], stepIds: ['1', 'S4'] },
  { stepIds: ['1'] },
  { stepIds: ['1'], startDateFrom: '20261121', startDateTo: '20261121', patientIds: ['P2', 'P3'] },
  { stepIds: Array.from({ length: 100 }, (_, i) => `S${i}`) },
  { states: ['STARTED'], modalities: ['CT'], startDateTo: '20261121' },
];

export function describeRisSearch(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);
  const put = (...entries: NewRisEntry[]): Promise<number> => bed.store.worklist.put(entries, 'process');
  const find = (filter: RisEntryFilter = {}): AsyncIterable<RisEntry> => bed.store.worklist.find(UPSTREAM, filter);
  const ids = async (filter: RisEntryFilter = {}): Promise<string[]> =>
    (await collect(find(filter))).map(({ id }) => id);

  test('is in the order of the sort keys by code point, whatever the letters, then of the ids', async () => {
    // As UTF-16, 😀 would come before ～; by the rules of a language, a before Z.
    const sortKeys = [
      '',
      '\u0001',
      ' ',
      'Z',
      'a',
      'a\u0001',
      'a b',
      'ab',
      'z',
      'É',
      'é',
      '山',
      '\ue000',
      '～',
      '😀',
      '😁',
    ];
    const entries = sortKeys.map((sortKey, i) => entryOf(`e${99 - i}`, { index: { sortKey } }));
    const same = ['B', 'a', '～', '😀'].map((id) => entryOf(id, { index: { sortKey: '~' } }));
    await put(...[...same, ...entries].reverse());
    const expected = [...entries.slice(0, 9), ...same, ...entries.slice(9)].map(({ id }) => id);
    expect(await ids()).toEqual(expected);
    expect(await ids({ patientIds: ['P1'] })).toEqual(expected);
    await bed.reopen();
    expect(await ids()).toEqual(expected);
  });

  test('finds what passes the filter and nothing else, in order, few or many', async () => {
    const entries = Array.from({ length: 2_500 }, (_, i) => numberedEntry(i));
    await put(...entries);
    await put(entryOf('e7', { upstream: 'other' }));
    const started = entries.filter((_, i) => i % 10 === 0).map(({ id }) => id);
    await bed.store.steps.save(changeOf({ performs: started }), 'process');
    const inOrder = entries.toSorted((a, b) => (a.index.sortKey < b.index.sortKey ? -1 : 1));
    const stateOf = ({ id }: NewRisEntry): string => (started.includes(id) ? 'STARTED' : 'SCHEDULED');
    for (const filter of FILTERS) {
      const expected = inOrder.filter((entry) => passes(entry, stateOf(entry), filter)).map(({ id }) => id);
      expect({ filter, found: await ids(filter) }).toEqual({ filter, found: expected });
    }
  });

  describe('while entries change', () => {
    const numbered = Array.from({ length: 500 }, (_, i) => entryOf(`e${String(i).padStart(3, '0')}`));
    const idsOf = (from: number, to?: number): string[] => numbered.slice(from, to).map(({ id }) => id);

    test.each<[string, RisEntryFilter]>([
      ['in their order', {}],
      ['by an index', { patientIds: ['P1'] }],
    ])('finds each that stays as it is once, in order (%s)', async (_name, filter) => {
      await put(...numbered);
      const found: string[] = [];
      for await (const { id } of find(filter)) {
        found.push(id);
        if (found.length !== 10) continue;
        for (const key of [...idsOf(0, 10), ...idsOf(490)]) {
          await bed.store.worklist.remove({ upstream: UPSTREAM, id: key }, 'process');
        }
        await put(entryOf('a'), entryOf('e005a'), ...numbered.slice(300, 320), entryOf('f'));
      }
      expect(found).toEqual(found.toSorted());
      expect(new Set(found).size).toBe(found.length);
      expect(found).toEqual(expect.arrayContaining(idsOf(0, 490)));
      expect(await ids(filter)).toEqual(['a', 'e005a', ...idsOf(10, 490), 'f']);
    });

    test('ends when nobody asks for more, and holds up no write', async () => {
      await put(...numbered);
      for await (const { id } of find()) if (id === 'e003') break;
      const search = find()[Symbol.asyncIterator]();
      expect((await search.next()).value).toMatchObject({ id: 'e000' });
      expect(await put(entryOf('g'))).toBe(1);
      await search.return?.();
    });
  });
}
