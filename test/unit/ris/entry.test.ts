import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { attribute, dataSetOf, itemsOf } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { checkEntry, entryIdOf, indexOf, refuseInvalid } from '../../../src/ris/entry.ts';
import { compareSteps } from '../../../src/services/worklist/identifier.ts';
import { entryOf } from '../../support/requests.ts';
import { variedWorklist } from '../../support/worklists.ts';

const COMPLETE = dataSetOf({ ...entryOf('P1'), '00401001': attribute('SH', 'RP1') });

/** The entry with other attributes at the top level, or in its step; an absent one is left out. */
function having(top: Record<string, Attribute | undefined>, step: Record<string, Attribute | undefined> = {}): DataSet {
  const known = (attributes: Record<string, Attribute | undefined>): Record<string, Attribute> =>
    Object.fromEntries(Object.entries(attributes).filter(([, each]) => each !== undefined)) as Record<
      string,
      Attribute
    >;
  const item = dataSetOf(known({ ...itemsOf(COMPLETE['00400100'])[0], ...step }));
  return dataSetOf(known({ ...COMPLETE, '00400100': attribute('SQ', item), ...top }));
}

describe('the id of an entry', () => {
  test('is the same for the same study, requested procedure, step and accession number, whatever else it holds', () => {
    const other = having(
      { '00100010': attribute('PN', { Alphabetic: 'Other' }) },
      { '00080060': attribute('CS', 'MR') },
    );
    expect(entryIdOf(other)).toBe(entryIdOf(COMPLETE));
    expect(entryIdOf(having({ '00080050': attribute('SH', ' ACC-P1 ') }))).toBe(entryIdOf(COMPLETE));
  });

  test('is another one where one of the four differs, and none of them can stand for another', () => {
    const others = [
      having({ '0020000D': attribute('UI', '1.2.3.5') }),
      having({ '00401001': attribute('SH', 'RP2') }),
      having({ '00080050': attribute('SH') }),
      having({}, { '00400009': attribute('SH', 'SPS2') }),
      having({ '00401001': attribute('SH', 'SPS1') }, { '00400009': attribute('SH', 'RP1') }),
    ];
    expect(new Set([COMPLETE, ...others].map(entryIdOf)).size).toBe(6);
  });

  test('can stand in a URL and tells nothing of the patient', () => {
    for (const entry of variedWorklist()) expect(entryIdOf(entry)).toMatch(/^[0-9a-f]{24}$/);
  });
});

describe('what an entry is looked up by', () => {
  test('texts without padding, the date in one form, every station once', () => {
    const entry = having(
      { '00100020': attribute('LO', ' P1 ') },
      { '00400001': attribute('AE', 'CT1 ', 'CT2', null, 'CT1'), '00400002': attribute('DA', '2026.03.01') },
    );
    const { sortKey, ...index } = indexOf(entry);
    expect(index).toEqual({
      startDate: '20260301',
      modality: 'CT',
      stations: ['CT1', 'CT2'],
      patientId: 'P1',
      accessionNumber: 'ACC-P1',
      studyInstanceUid: '1.2.3.4',
      stepId: 'SPS1',
    });
    expect(sortKey).toBe(indexOf(having({ '00100020': attribute('LO', 'P1') })).sortKey);
  });

  test('empty texts where nothing is known', () => {
    const entry = having(
      { '00080050': undefined },
      { '00080060': undefined, '00400001': undefined, '00400002': undefined },
    );
    expect(indexOf(entry)).toMatchObject({ startDate: '', modality: '', stations: [], accessionNumber: '' });
  });

  test('neither control characters nor a text without end, which data bases refuse', () => {
    const { patientId, sortKey } = indexOf(having({ '00100020': attribute('LO', `a\0\u0001${'x'.repeat(10_000)}`) }));
    expect([patientId, sortKey.length]).toEqual([`a${'x'.repeat(63)}`, expect.any(Number)]);
    expect(sortKey.length).toBeLessThan(500);
    expect(sortKey).not.toContain('\0');
  });

  test('the order by code points of the sort key is the order of the steps', () => {
    const text = fc.oneof(
      fc.constantFrom('', 'A', 'A1', 'a', '\ufa11', '\u{20bb7}', '\ue000', 'A\uff21', 'A\u{1f600}'),
      fc.string({ unit: 'binary', maxLength: 3 }),
    );
    const plain = text.map((each) => each.replaceAll(/[\0-\x1f\s\ufeff]/g, ''));
    const arbitrary = fc.record({
      date: fc.constantFrom('20260301', '20260302', ''),
      time: fc.constantFrom('08', '0800', '080000', '080000.5', '0801', ''),
      patientId: plain,
      accession: plain,
      stepId: plain,
      study: fc.constantFrom('1.2', '1.10', '1.2.3', ''),
    });
    type Step = typeof arbitrary extends fc.Arbitrary<infer T> ? T : never;
    const entry = ({ date, time, patientId, accession, stepId, study }: Step): DataSet =>
      having(
        {
          '00100020': attribute('LO', patientId),
          '00080050': attribute('SH', accession),
          '0020000D': attribute('UI', study),
        },
        { '00400002': attribute('DA', date), '00400003': attribute('TM', time), '00400009': attribute('SH', stepId) },
      );
    fc.assert(
      fc.property(arbitrary, arbitrary, (a, b) => {
        const [one, other] = [indexOf(entry(a)).sortKey, indexOf(entry(b)).sortKey];
        // UTF-8 has the order of code points.
        const order = Buffer.compare(Buffer.from(one), Buffer.from(other));
        expect(order).toBe(compareSteps(entry(a), entry(b)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('what an entry must hold (PS3.4 Table K.6-1, return key type 1)', () => {
  const found = (entry: DataSet): string[] =>
    checkEntry(entry).map(({ severity, path }) => `${severity} ${path.join('.')}`);

  test('a complete one has no issue', () => {
    expect(found(COMPLETE)).toEqual([]);
    for (const entry of variedWorklist()) expect(found(entry)).toEqual([]);
  });

  test.each<[string, DataSet, string[]]>([
    ['no step', having({ '00400100': attribute('SQ') }), ['error 00400100']],
    ['no sequence', having({ '00400100': undefined }), ['error 00400100']],
    [
      'two steps',
      having({ '00400100': attribute('SQ', ...itemsOf(COMPLETE['00400100']), ...itemsOf(COMPLETE['00400100'])) }),
      ['error 00400100'],
    ],
    ['no study', having({ '0020000D': undefined }), ['error 0020000D']],
    [
      'no patient',
      having({ '00100010': attribute('PN'), '00100020': undefined }),
      ['error 00100010', 'error 00100020'],
    ],
    ['no step ID', having({}, { '00400009': attribute('SH', ' ') }), ['error 00400100.00400009']],
    ['what some searches miss', having({ '00401001': undefined }), ['warning 00401001']],
    [
      'a step without place and time',
      having({}, { '00080060': undefined, '00400001': undefined, '00400002': undefined, '00400003': undefined }),
      [
        'warning 00400100.00400001',
        'warning 00400100.00400002',
        'warning 00400100.00400003',
        'warning 00400100.00080060',
      ],
    ],
    ['two modalities', having({}, { '00080060': attribute('CS', 'CT', 'MR') }), ['error 00400100.00080060']],
    ['no UID', having({ '0020000D': attribute('UI', '1.2.03') }), ['error 0020000D']],
    [
      'neither date nor time',
      having({}, { '00400002': attribute('DA', '20260231'), '00400003': attribute('TM', '2500') }),
      ['error 00400100.00400002', 'error 00400100.00400003'],
    ],
  ])('%s', (_title, entry, expected) => {
    expect(found(entry)).toEqual(expected);
  });

  test('ENTRY_INVALID names what cannot be done without, by keyword and tag, and no value', () => {
    const entry = having({ '00401001': undefined, '0020000D': attribute('UI', '1.2.03') }, { '00400009': undefined });
    expect(() => refuseInvalid(entry, 'entry 7')).toThrow(
      expect.objectContaining({
        code: 'ENTRY_INVALID',
        message:
          'entry 7 cannot be taken: StudyInstanceUID (0020000D) is no UID; ' +
          'ScheduledProcedureStepSequence.ScheduledProcedureStepID (00400100.00400009) has no value',
      }),
    );
    expect(() => refuseInvalid(having({ '00401001': undefined }))).not.toThrow();
  });
});
