import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { attribute, createDataSet, dataSetOf } from '../../../../src/dataset/model.ts';
import type { DataSet, Tag, Value, Vr } from '../../../../src/dataset/model.ts';
import { entryOf, workitemOf } from '../../../../src/services/ups/scheduled.ts';
import { workitemQueryOf, worklistIdentifierOf } from '../../../../src/services/ups/scheduled-search.ts';
import { matches } from '../../../../src/services/worklist/matching.ts';
import { codeOf } from '../../../support/workitem-mapping.ts';

const STATIONS = { stationScheme: '99AET' };
const OPTIONS = { ...STATIONS, states: ['SCHEDULED'] as const };

type Choices = readonly (readonly [Tag, Vr, readonly Value[], readonly Value[]])[];

/** Tag, VR, values of entries, values of keys. */
const TOP: Choices = [
  [
    '00100010',
    'PN',
    [{ Alphabetic: 'Okonkwo^Ada' }, { Alphabetic: 'Nemo' }],
    [{ Alphabetic: 'okonkwo*' }, { Alphabetic: 'Nemo' }],
  ],
  ['00100020', 'LO', ['P-1', 'P-2'], ['P-1', 'P-?', 'P-2']],
  ['00100040', 'CS', ['F', 'M'], ['F']],
  ['00080050', 'SH', ['A-1', 'A-2'], ['A-1', 'A*']],
  ['00401001', 'SH', ['R-1'], ['R-1', 'R-2']],
  ['00401003', 'SH', ['STAT', 'ROUTINE', 'LOW', 'HIGH'], ['STAT', 'HIGH', 'ROUTINE']],
  ['00401400', 'LT', ['left'], ['left', 'right']],
];
const STEP: Choices = [
  ['00400001', 'AE', ['CT_1', 'CT_2'], ['CT_1', 'CT_*']],
  ['00400002', 'DA', ['20250406', '20250407', '20250408'], ['20250407', '20250406-20250407', '20250407-', '-20250407']],
  ['00400003', 'TM', ['0905', '093000', '235959.5'], ['0900-1000', '-0930', '093000', '0905']],
  ['00080060', 'CS', ['CT', 'MR'], ['CT']],
  ['00400006', 'PN', [{ Alphabetic: 'Performer^Pia' }], [{ Alphabetic: 'performer^p*' }, { Alphabetic: 'X' }]],
  ['00400007', 'LO', ['Head', 'Chest'], ['Head', 'H*', 'Scheduled*']],
  ['00400011', 'SH', ['Room 1'], ['Room 1', 'Room 2']],
];

function chosen(choices: Choices, which: 2 | 3): fc.Arbitrary<DataSet> {
  const one = ([tag, vr, ...values]: Choices[number]): fc.Arbitrary<DataSet> =>
    // Entries say much, queries ask for little: otherwise they would hardly ever meet.
    fc.oneof(
      { weight: which === 2 ? 1 : 8, arbitrary: fc.constant(createDataSet()) },
      { weight: 1, arbitrary: fc.constant(dataSetOf({ [tag]: { vr } })) },
      {
        weight: which === 2 ? 6 : 3,
        arbitrary: fc
          .constantFrom(...(values[which - 2] as readonly Value[]))
          .map((value) => dataSetOf({ [tag]: attribute(vr, value) })),
      },
    );
  return fc.tuple(...choices.map(one)).map((parts) => dataSetOf(Object.assign(createDataSet(), ...parts) as DataSet));
}

function withStep(which: 2 | 3): fc.Arbitrary<DataSet> {
  return fc
    .tuple(chosen(TOP, which), chosen(STEP, which), fc.constantFrom('A', 'B', undefined, undefined, undefined))
    .map(([top, step, code]) => {
      const protocol = code === undefined ? {} : { '00400008': attribute('SQ', codeOf(code)) };
      return dataSetOf({ ...top, '00400100': attribute('SQ', dataSetOf({ ...step, ...protocol })) });
    });
}

function workitemFrom(entry: DataSet): DataSet {
  return workitemOf(entry, { ...STATIONS, uid: '2.25.9', nowMs: 0 });
}

describe('a search of the worklist as a search for workitems (proxy flows 6.1)', () => {
  test('what is asked of the server never holds back an entry that matches (PS3.4 C.2.2.2, CC.2.8.3)', () => {
    let found = 0;
    fc.assert(
      fc.property(withStep(2), withStep(3), (entry, query) => {
        const workitem = workitemFrom(entry);
        const { identifier, postFilter, unmatched } = workitemQueryOf(query, OPTIONS);
        expect(unmatched).toEqual([]);
        if (!entryOf(workitem, STATIONS).some(postFilter)) return;
        found++;
        expect(matches(workitem, { identifier, emptyValueMatching: false })).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(found).toBeGreaterThan(15);
  });

  const stepOf = (...attributes: (readonly [Tag, Vr, ...string[]])[]): DataSet => dataSetOf({
    '00400100': attribute('SQ', dataSetOf(Object.fromEntries(attributes.map(([tag, vr, ...values]) => [tag, attribute(vr, ...values)])))),
  }); // prettier-ignore

  test('keys go to where workitems have them; return keys are left to includefield', () => {
    const query = dataSetOf({
      '00080050': attribute('SH', 'A-1'),
      '00100010': attribute('PN'),
      '00100020': attribute('LO', 'P-1'),
      '00401003': attribute('SH', 'STAT'),
      ...stepOf(
        ['00080060', 'CS', 'CT'],
        ['00400001', 'AE', 'CT_1'],
        ['00400002', 'DA', '20250407'],
        ['00400009', 'SH', 'S'],
      ),
    });
    expect(workitemQueryOf(query, OPTIONS).identifier).toEqual({
      '00100020': attribute('LO', 'P-1'),
      '00404005': attribute('DT', '20250407000000-20250407235959.999999'),
      '00404025': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'CT_1') })),
      '00404026': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'CT') })),
      '0040A370': attribute('SQ', dataSetOf({ '00080050': attribute('SH', 'A-1') })),
      '00741000': attribute('CS', 'SCHEDULED'),
      '00741200': attribute('CS', 'HIGH'),
    });
  });

  test.each([
    [['20250407'], ['0900-1000'], '202504070900' + '00-202504071000' + '59.999999'],
    [['20250406-20250407'], ['0900-1000'], '20250406090000-20250407100059.999999'],
    [['20250406-20250407'], ['0900'], '20250406000000-20250407235959.999999'],
    [['20250406-'], ['-1000'], '20250406000000-'],
    [['-20250407'], ['22-235959.5'], '-20250407235959.5'],
    [['20250406', '20250407'], ['0900'], undefined],
    [[], ['0900-1000'], undefined],
  ])('date %p and time %p are asked for as %p (K.4.1.1.3.1)', (dates, times, expected) => {
    const { identifier } = workitemQueryOf(stepOf(['00400002', 'DA', ...dates], ['00400003', 'TM', ...times]), OPTIONS);
    expect(identifier['00404005']?.Value?.[0]).toBe(expected);
  });

  test('keys without a place are told, and do not hold back what matches otherwise (FF01)', () => {
    const query = dataSetOf({
      '00100020': attribute('LO', 'P-1'),
      '00101001': attribute('PN', { Alphabetic: 'Other' }),
      '00321065': attribute('SQ', dataSetOf({ '00080100': attribute('SH') })),
      '00401004': attribute('LO'),
      ...stepOf(['00321070', 'LO', 'Iodine'], ['00400012', 'LO', '*']),
    });
    const { postFilter, unmatched } = workitemQueryOf(query, OPTIONS);
    expect(unmatched).toEqual(['00101001', '00321070']);
    const [entry = createDataSet()] = entryOf(
      workitemFrom(dataSetOf({ '00100020': attribute('LO', 'P-1') })),
      STATIONS,
    );
    expect(postFilter(entry)).toBe(true);
  });

  const [CODES, PHYSICIANS, CONTEXT, TELEPHONE] = ['00400008', '0040000B', '00400440', '00401103'] as const;
  const personOf = (value: string): DataSet => dataSetOf({ '00401101': attribute('SQ', codeOf(value)) });
  const text = dataSetOf({ '0040A160': attribute('UT', 'supine') });

  test.each<[string, Tag, (value: string) => DataSet, DataSet, Tag[]]>([
    ['the context of a protocol code', CODES, codeOf, dataSetOf({ [CONTEXT]: attribute('SQ', text) }), [CONTEXT]],
    ['the context, for its values only', CODES, codeOf, dataSetOf({ [CONTEXT]: attribute('SQ') }), []],
    [
      'the telephone of a physician',
      PHYSICIANS,
      personOf,
      dataSetOf({ [TELEPHONE]: attribute('SH', '1') }),
      [TELEPHONE],
    ],
  ])(
    '%s is a key that workitems have no place for: what matches otherwise is found (FF01)',
    (_what, tag, of, more, told) => {
      const withItem = (item: DataSet): DataSet =>
        dataSetOf({
          '00400100': attribute('SQ', dataSetOf({ [tag]: attribute('SQ', dataSetOf({ ...item, ...more })) })),
        });
      const [entry = createDataSet()] = entryOf(workitemFrom(withItem(of('A'))), STATIONS);
      for (const [item, isFound] of [
        [of('A'), true],
        [createDataSet(), true],
        [of('B'), false],
      ] as const) {
        const { postFilter, unmatched } = workitemQueryOf(withItem(item), OPTIONS);
        expect([unmatched, postFilter(entry)]).toEqual([told, isFound]);
      }
    },
  );

  test('what a server cannot match is matched here: step id, place, wildcards in codes', () => {
    const step = dataSetOf({ '00400001': attribute('AE', 'CT_1'), '00400011': attribute('SH', 'Room 1') });
    const [entry = createDataSet()] = entryOf(workitemFrom(dataSetOf({ '00400100': attribute('SQ', step) })), STATIONS);
    const found = (...keys: (readonly [Tag, Vr, ...string[]])[]): boolean => {
      const { identifier, postFilter } = workitemQueryOf(stepOf(...keys), OPTIONS);
      expect(Object.keys(identifier)).toEqual(['00741000']);
      return postFilter(entry);
    };
    expect(found(['00400001', 'AE', 'CT_*'])).toBe(true);
    expect(found(['00400001', 'AE', 'MR_*'])).toBe(false);
    expect(found(['00400011', 'SH', 'Room 2'])).toBe(false);
    expect(found(['00400009', 'SH', 'SPS-1'])).toBe(false);
  });

  test('an urgent step is found by the priority that it had, though workitems have another word for it', () => {
    const urgent = dataSetOf({ '00401003': attribute('SH', 'STAT') });
    const [entry = createDataSet()] = entryOf(workitemFrom(urgent), STATIONS);
    expect(workitemQueryOf(urgent, OPTIONS).postFilter(entry)).toBe(true);
    expect(workitemQueryOf(dataSetOf({ '00401003': attribute('SH', 'LOW') }), OPTIONS).postFilter(entry)).toBe(false);
  });

  test('AE titles in Code Meaning are not asked for: it is no matching key (Table CC.2.5-2a)', () => {
    const query = stepOf(['00400001', 'AE', 'CT_1']);
    const { identifier } = workitemQueryOf(query, { ...OPTIONS, stationAeTitle: 'meaning' });
    expect(identifier['00404025']).toBeUndefined();
  });

  test('names that the server matches its own way are not looked at again', () => {
    const query = dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'Okonquo^Ada' }) });
    const [entry = createDataSet()] = entryOf(
      workitemFrom(dataSetOf({ '00100010': attribute('PN', { Alphabetic: 'Okonkwo^Ada' }) })),
      STATIONS,
    );
    expect(workitemQueryOf(query, OPTIONS).postFilter(entry)).toBe(false);
    expect(workitemQueryOf(query, { ...OPTIONS, fuzzyMatching: true }).postFilter(entry)).toBe(true);
  });

  test.each([
    [['SCHEDULED'], 'SCHEDULED', [true, false, true]],
    [['SCHEDULED', 'IN PROGRESS'], undefined, [true, true, false]],
    [[], undefined, [true, true, true]],
  ] as const)('states %p: asked for as %p, and looked at again', (states, asked, taken) => {
    const { identifier, takes } = workitemQueryOf(createDataSet(), { ...STATIONS, states });
    expect(identifier['00741000']?.Value?.[0]).toBe(asked);
    const workitems = ['SCHEDULED', 'IN PROGRESS', undefined].map((state) =>
      state === undefined ? createDataSet() : dataSetOf({ '00741000': attribute('CS', state) }),
    );
    expect(workitems.map(takes)).toEqual(taken);
  });
});

describe('a search for workitems as a search of the worklist (proxy flows 7.1)', () => {
  const KEYS: Choices = [
    ...TOP.slice(0, 3),
    [
      '00404005',
      'DT',
      [],
      [
        '20250407',
        '20250406-20250407',
        '202504070900-202504070930',
        '20250407093000',
        '-20250407',
        '20250407000000+0100-20250408000000+0100',
      ],
    ],
    ['00741204', 'LO', [], ['Head', 'Scheduled*']],
    ['00741200', 'CS', [], ['HIGH', 'MEDIUM']],
    ['00741000', 'CS', [], ['SCHEDULED']],
  ];
  const searches = fc
    .tuple(
      chosen(KEYS, 3),
      chosen(TOP.slice(3, 5), 3),
      fc.constantFrom('CT_1', undefined, undefined),
      fc.constantFrom('CT', undefined, undefined),
    )
    .map(([top, request, title, modality]) => {
      const code = (tag: Tag, value: string | undefined): DataSet => value === undefined ? createDataSet() : dataSetOf({ [tag]: attribute('SQ', dataSetOf({ '00080100': attribute('SH', value) })) }); // prettier-ignore
      return dataSetOf({
        ...top,
        ...code('00404025', title),
        ...code('00404026', modality),
        '0040A370': attribute('SQ', request),
      });
    });

  test('the context of a protocol code, which no workitem has, is told and does not hold back what matches otherwise', () => {
    const context = attribute('SQ', dataSetOf({ '0040A160': attribute('UT', 'supine') }));
    const code = dataSetOf({ ...codeOf('A'), '00400440': context });
    const step = attribute('SQ', dataSetOf({ '00400008': attribute('SQ', code) }));
    const workitem = workitemFrom(dataSetOf({ '00400100': step }));
    const search = (item: DataSet): [Tag[], boolean] => {
      const { unmatched, postFilter } = worklistIdentifierOf(
        dataSetOf({ '00404018': attribute('SQ', item) }),
        STATIONS,
      );
      return [unmatched, postFilter(workitem)];
    };
    expect(search(code)).toEqual([['00400440'], true]);
    expect(search(dataSetOf({ ...codeOf('B'), '00400440': context }))).toEqual([['00400440'], false]);
    expect(search(dataSetOf({ ...codeOf('A'), '00400440': attribute('SQ') }))).toEqual([[], true]);
  });

  test('what is asked of the worklist never holds back a workitem that matches', () => {
    let found = 0;
    fc.assert(
      fc.property(withStep(2), searches, (entry, search) => {
        const { identifier, postFilter } = worklistIdentifierOf(search, STATIONS);
        if (!postFilter(workitemFrom(entry))) return;
        found++;
        expect(matches(entry, { identifier, emptyValueMatching: false })).toBe(true);
      }),
      { numRuns: 1000 },
    );
    expect(found).toBeGreaterThan(15);
  });

  test.each([
    ['20250407', '20250407'],
    ['202504070900-202504080930', '20250407-20250408'],
    ['20250407093000+0100', '20250406-20250408'],
    ['-20250407', '-20250407'],
    ['202504', '20250401-20250430'],
    ['', undefined],
  ])('start %p is days %p', (key, days) => {
    const value = key === '' ? attribute('DT') : attribute('DT', key);
    const { identifier } = worklistIdentifierOf(dataSetOf({ '00404005': value }), STATIONS);
    const step = identifier['00400100']?.Value?.[0] as DataSet | undefined;
    expect(step?.['00400002']?.Value?.[0]).toBe(days);
  });

  test.each([
    [attribute('CS', 'SCHEDULED'), ['SCHEDULED']],
    [attribute('CS', 'C*'), ['COMPLETED', 'CANCELED']],
    [attribute('CS', 'SCHEDULED', 'IN PROGRESS'), ['SCHEDULED', 'IN PROGRESS']],
    [attribute('CS', 'STARTED'), []],
    [attribute('CS'), undefined],
    [attribute('CS', '*'), undefined],
  ])('state %p asks for %p', (key, states) => {
    expect(worklistIdentifierOf(dataSetOf({ '00741000': key }), STATIONS).states).toEqual(states);
  });
});
