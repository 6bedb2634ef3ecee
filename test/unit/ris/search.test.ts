/** The worklist service of the embedded RIS: every kind of matching over the store (PS3.4 C.2.2.2, K.2.2.1). */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { matches } from '../../../src/services/worklist/matching.ts';
import type { WorklistQuery } from '../../../src/services/port.ts';
import { collect, contextOf, entryOf, queryOf } from '../../support/requests.ts';
import { risOf } from '../../support/ris.ts';
import type { RisBed, RisBedOptions } from '../../support/ris.ts';
import { multiset, plainWorklist, variedWorklist } from '../../support/worklists.ts';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function open(seed: readonly DataSet[], options?: RisBedOptions): Promise<RisBed> {
  const bed = await risOf(seed, options);
  closers.push(() => bed.close());
  return bed;
}

const PATIENT_ID = dataSetOf({ '00100020': attribute('LO') });

test('gives everything it has for includefield=all, private attributes included', async () => {
  const { ris } = await open(variedWorklist());
  const found = await collect(ris.search(queryOf(createDataSet(), { returnKeys: 'all' }), contextOf()));
  expect(multiset(found)).toEqual(multiset(variedWorklist()));
});

test('gives what was asked for, empty where an entry has no value and its type allows that, in items too (C.2.2.1.3)', async () => {
  const { ris } = await open([entryOf('P1')]);
  const keys = dataSetOf({
    '00100020': attribute('LO'),
    '00102000': attribute('LO'),
    '00091001': attribute('LO'),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00400004': attribute('DA'),
        '00400008': attribute('SQ', dataSetOf({ '00080100': attribute('SH') })),
        '00400009': attribute('SH'),
      }),
    ),
  });
  expect(await collect(ris.search(queryOf(keys), contextOf()))).toEqual([
    dataSetOf({
      '00100020': attribute('LO', 'P1'),
      '00102000': attribute('LO'),
      '00400100': attribute('SQ', dataSetOf({ '00400004': attribute('DA'), '00400009': attribute('SH', 'SPS1') })),
    }),
  ]);
});

test('gives a code with what it has and nothing empty, whatever of it was asked for (PS3.3 Table 8.8-1)', async () => {
  const code = dataSetOf({
    '00080100': attribute('SH', 'CTCHEST'),
    '00080102': attribute('SH', '99X'),
    '00080104': attribute('LO', 'CT chest'),
  });
  const { ris } = await open([dataSetOf({ ...entryOf('P1'), '00321064': attribute('SQ', code) })]);
  const asked = ['00080100', '00080102', '00080103', '00080104', '00080119'];
  const keys = dataSetOf({
    '00321064': attribute('SQ', dataSetOf(Object.fromEntries(asked.map((tag) => [tag, attribute('SH')])))),
  });
  expect(await collect(ris.search(queryOf(keys), contextOf()))).toEqual([
    dataSetOf({ '00321064': attribute('SQ', code) }),
  ]);
});

describe('the order and its pages (PS3.18 8.3.4.4)', () => {
  test('is start date, start time, patient, accession number: `0930` stands where `093000` does', async () => {
    const at = (patientId: string, date: string, time: string): DataSet => {
      const entry = entryOf(patientId);
      const step = dataSetOf({
        ...itemsOf(entry['00400100'])[0],
        '00400002': attribute('DA', date),
        '00400003': attribute('TM', time),
      });
      return dataSetOf({ ...entry, '00400100': attribute('SQ', step) });
    };
    const { ris } = await open([
      at('P5', '20260302', '08'),
      at('P3', '20260301', '093000'),
      at('P4', '20260301', '0931'),
      at('P1', '20260301', '0800'),
      at('P2', '20260301', '0930'),
    ]);
    const found = await collect(ris.search(queryOf(PATIENT_ID, { stableOrder: true }), contextOf()));
    expect(found.map((entry) => firstText(entry, '00100020'))).toEqual(['P1', 'P2', 'P3', 'P4', 'P5']);
  });

  test.each([
    [2, 0, 2, [{ code: 'MORE_RESULTS', remaining: 1 }]],
    [1, 1, 1, [{ code: 'MORE_RESULTS', remaining: 1 }]],
    [3, 0, 3, []],
    [2, 1, 2, []],
    [5, 2, 1, []],
    [5, 3, 0, []],
    [0, 0, 0, [{ code: 'MORE_RESULTS', remaining: 3 }]],
  ])('limit %i, offset %i of three: %i, and how many remain', async (limit, offset, count, warned) => {
    const { ris } = await open([entryOf('P1'), entryOf('P2'), entryOf('P3')]);
    const context = contextOf();
    const found = await collect(ris.search(queryOf(PATIENT_ID, { limit, offset, stableOrder: true }), context));
    expect(found).toHaveLength(count);
    expect(context.warnings).toMatchObject(warned);
    expect(context.warnings).toHaveLength(warned.length);
  });
});

describe('what is told besides the results', () => {
  test('that it matches literally when fuzzy matching or a time zone is asked for (PS3.18 8.3.4)', async () => {
    const { ris } = await open([]);
    const context = contextOf();
    await collect(ris.search(queryOf(PATIENT_ID, { fuzzyMatching: true, timezoneAdjustment: true }), context));
    expect(context.warnings.map((warning) => warning.code)).toEqual([
      'FUZZY_MATCHING_NOT_SUPPORTED',
      'TIMEZONE_NOT_SUPPORTED',
    ]);
  });

  test.each<[string, DataSet, string[]]>([
    ['of return type 3', dataSetOf({ '00102000': attribute('LO', 'none') }), []],
    [
      'in a code',
      dataSetOf({ '00321064': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'X-1') })) }),
      ['PID-A6'],
    ],
    ['of number', dataSetOf({ '00101030': attribute('DS', 70.5) }), ['PID-A6']],
    [
      'private',
      dataSetOf({ '00090010': attribute('LO', 'DIMSEWAY TEST'), '00091001': attribute('LO', 'private') }),
      ['PID-A6'],
    ],
    [
      'of the step',
      dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00400010': attribute('SH', 'CT1 room') })) }),
      ['PID-A1', 'PID-A5'],
    ],
  ])('nothing, FF00, where optional keys are matched: %s (K.4.1.1.4)', async (_title, keys, expected) => {
    const { ris } = await open(variedWorklist());
    const context = contextOf();
    const found = await collect(ris.search(queryOf(dataSetOf({ ...PATIENT_ID, ...keys })), context));
    expect(found.map((entry) => firstText(entry, '00100020'))).toEqual(expected);
    expect(context.warnings).toEqual([]);
  });

  test.each<[string, DataSet]>([
    ['bytes of an unknown VR', dataSetOf({ '00100040': { vr: 'UN', InlineBinary: 'AAE=' } })],
    ['a private key without the name of its creator', dataSetOf({ '00091001': attribute('LO', 'private') })],
    [
      'one in an item',
      dataSetOf({ '00400100': attribute('SQ', dataSetOf({ '00091001': attribute('LO', 'private') })) }),
    ],
  ])('FF01 where a key cannot be matched, which then asks for the value only: %s', async (_title, keys) => {
    const { ris } = await open(variedWorklist());
    const context = contextOf();
    const found = await collect(ris.search(queryOf(dataSetOf({ ...PATIENT_ID, ...keys })), context));
    expect(found).toHaveLength(variedWorklist().length);
    expect(context.warnings).toMatchObject([{ code: 'OPTIONAL_KEYS_NOT_SUPPORTED', dimseStatus: 0xff01 }]);
  });
});

describe('a search that ends early', () => {
  test('stops when it is aborted, before and while it reads', async () => {
    const { ris } = await open(plainWorklist(300));
    const gone = contextOf(undefined, AbortSignal.abort());
    await expect(collect(ris.search(queryOf(PATIENT_ID), gone))).rejects.toMatchObject({ code: 'CANCELED' });
    const aborter = new AbortController();
    const nobody = dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'NOBODY*' }) });
    // Nothing is found on the way, so that only a look at the signal between two pieces can end it.
    const search = collect(ris.search(queryOf(nobody), contextOf(undefined, aborter.signal)));
    setImmediate(() => aborter.abort());
    await expect(search).rejects.toMatchObject({ code: 'CANCELED' });
  });

  test('does not keep the store from closing when its reader went away', async () => {
    const { ris, close } = await open(plainWorklist(300));
    for await (const _entry of ris.search(queryOf(PATIENT_ID), contextOf())) break;
    await close();
    await expect(collect(ris.search(queryOf(PATIENT_ID), contextOf()))).rejects.toMatchObject({ code: 'STORE_FAILED' });
  });
});

test('entries of one RIS are not those of another', async () => {
  const { ris, store } = await open([entryOf('P1')]);
  await store.worklist.put(
    [
      {
        upstream: 'other',
        id: 'x',
        source: 'api',
        scheduled: entryOf('P2'),
        index: {
          startDate: '20260301',
          modality: 'CT',
          stations: [],
          patientId: 'P2',
          accessionNumber: '',
          studyInstanceUid: '',
          stepId: '',
          sortKey: '',
        },
      },
    ],
    'process',
  );
  expect(await collect(ris.search(queryOf(PATIENT_ID), contextOf()))).toEqual([
    dataSetOf({ '00100020': attribute('LO', 'P1') }),
  ]);
});

describe('what the store holds back cannot match (PS3.4 C.2.2.2)', () => {
  const pick = <T>(values: readonly T[], i: number): T => values[i % values.length] as T;
  const present = (attributes: Record<string, Attribute | undefined>): DataSet =>
    dataSetOf(
      Object.fromEntries(Object.entries(attributes).filter(([, each]) => each !== undefined)) as Record<
        string,
        Attribute
      >,
    );
  const text = (vr: Attribute['vr'], value: string | undefined): Attribute | undefined =>
    value === undefined
      ? undefined
      : value === ''
        ? { vr }
        : attribute(vr, ...value.split('\\').map((each) => each || null));

  const ENTRIES = Array.from({ length: 120 }, (_, i) =>
    present({
      '00080050': text('SH', pick(['A1', 'A2 ', undefined, '', 'a1'], i * 3)),
      '00090010': attribute('LO', 'ACME'),
      '00091001': text('LO', pick(['x', 'y', undefined], i)),
      '00100010': attribute('PN', pick([{ Alphabetic: 'Doe^Jane' }, { Alphabetic: 'ROE', Phonetic: 'doe^x' }], i)),
      '00100020': attribute('LO', pick(['P1', 'p1', ' P1', 'P2', 'P*', '""'], i * 5)),
      '0020000D': attribute('UI', pick(['1.2.3', '1.2.4', '1.2.30'], i)),
      '00401001': attribute('SH', `RP${i}`),
      '00400100': attribute(
        'SQ',
        present({
          '00080060': text('CS', pick(['CT', 'MR', 'ct', undefined, 'CT '], i)),
          '00400001': text('AE', pick(['CT1', 'CT1\\CT2', 'MR1 ', undefined, 'CT2\\\\CT1', ''], i * 7)),
          '00400002': text('DA', pick(['20260301', '2026.03.01', '20260302', undefined, '20260303', '99991231'], i)),
          '00400003': text('TM', pick(['0800', '080000', '08:00', '235960', '2359', '10', '000000', undefined], i)),
          '00400009': attribute('SH', pick(['S1', 'S2', 's1'], i)),
        }),
      ),
    }),
  );

  let bed: RisBed;
  beforeAll(async () => {
    bed = await risOf(ENTRIES);
  });
  afterAll(() => bed.close());

  const key = (vr: Attribute['vr'], ...values: string[]): fc.Arbitrary<Attribute | undefined> =>
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom('', '*', '""', ' ').map((value) => text(vr, value)) },
      { weight: 4, arbitrary: fc.constantFrom(...values).map((value) => text(vr, value)) },
      {
        weight: 1,
        arbitrary: fc
          .array(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
          .map((all) => attribute(vr, ...all)),
      },
    );
  const name = fc.constantFrom(
    undefined,
    attribute('PN', { Alphabetic: 'doe*' }),
    attribute('PN', { Alphabetic: '*' }),
  );
  const step = fc.record({
    '00080060': key('CS', 'CT', ' CT', 'ct', 'M?', '*T', 'MR'),
    '00400001': key('AE', 'CT1', 'CT2 ', 'CT*', 'MR1'),
    '00400002': key(
      'DA',
      '20260301',
      '20260301-20260302',
      '-20260302',
      '20260302-',
      '2026.03.01',
      'no date',
      '20260303-20260301',
    ),
    '00400003': key('TM', '0800', '08', '0800-1000', '0000-', '-2359', '2200-235960', '0000-0001', 'no time'),
    '00400009': key('SH', 'S1', 's1 ', 'S?'),
    '00400020': key('CS', 'STARTED'),
  });
  const keys = fc.record({
    '00080050': key('SH', 'A1', 'A2', 'A?', 'a1 '),
    '00090010': fc.constantFrom(attribute('LO', 'ACME'), attribute('LO', 'OTHER')),
    '00091001': key('LO', 'x', 'y'),
    '00100010': name,
    '00100020': key('LO', 'P1', 'p1', 'P1 ', 'P*', 'P2'),
    '0020000D': key('UI', '1.2.3', '1.2.4', '1.2.3 '),
    '00400100': fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom(undefined, attribute('SQ'), attribute('SQ', createDataSet())) },
      { weight: 6, arbitrary: step.map((item) => attribute('SQ', present(item))) },
    ),
  });

  test('a search finds exactly what matches of the whole list', async () => {
    const sizes = new Set<number>();
    await fc.assert(
      fc.asyncProperty(keys, fc.boolean(), async (identifier, emptyValueMatching) => {
        const query: WorklistQuery = queryOf(present(identifier), { emptyValueMatching, multipleValueMatching: true });
        const found = await collect(bed.ris.search(query, contextOf()));
        const whole = await collect(bed.ris.search({ ...query, returnKeys: 'all' }, contextOf()));
        const expected = ENTRIES.filter((entry) => matches(entry, query));
        expect(multiset(whole)).toEqual(multiset(expected));
        expect(found).toHaveLength(expected.length);
        sizes.add(expected.length);
      }),
      { numRuns: 300 },
    );
    expect([sizes.has(0), sizes.size > 3]).toEqual([true, true]);
  });

  test('the leap second at the end of a day is in an interval that begins with the next (K.2.2.1.2)', async () => {
    const range = dataSetOf({
      '00400002': attribute('DA', '20260302-20260303'),
      '00400003': attribute('TM', '0000-0001'),
    });
    const query = queryOf(dataSetOf({ '00400100': attribute('SQ', range) }), { returnKeys: 'all' });
    const expected = ENTRIES.filter((entry) => matches(entry, query));
    expect(
      expected.filter((entry) => itemsOf(entry['00400100'])[0]?.['00400003']?.Value?.[0] === '235960'),
    ).not.toEqual([]);
    expect(multiset(await collect(bed.ris.search(query, contextOf())))).toEqual(multiset(expected));
  });
});
