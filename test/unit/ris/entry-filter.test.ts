import { describe, expect, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { filterOf } from '../../../src/ris/entry-filter.ts';

const inStep = (keys: Record<string, Attribute>): DataSet =>
  dataSetOf({ '00400100': attribute('SQ', dataSetOf(keys)) });
const filter = (keys: DataSet, emptyValueMatching = false): object => filterOf(keys, { emptyValueMatching });

describe('what of a query the store looks up', () => {
  test.each<[string, DataSet, object]>([
    [
      'single values, without padding',
      dataSetOf({
        ...inStep({
          '00080060': attribute('CS', 'CT '),
          '00400001': attribute('AE', 'CT1'),
          '00400009': attribute('SH', 'S1'),
        }),
        '00100020': attribute('LO', ' P1'),
        '00080050': attribute('SH', 'A1'),
      }),
      { modalities: ['CT'], stations: ['CT1'], stepIds: ['S1'], patientIds: ['P1'], accessionNumbers: ['A1'] },
    ],
    [
      'several values, and a list of UIDs',
      dataSetOf({
        ...inStep({ '00080060': attribute('CS', 'CT', 'MR') }),
        '0020000D': attribute('UI', '1.2', '1.3'),
      }),
      { modalities: ['CT', 'MR'], studyInstanceUids: ['1.2', '1.3'] },
    ],
    [
      'a date',
      inStep({ '00400002': attribute('DA', '2026.03.01') }),
      { startDateFrom: '20260301', startDateTo: '20260301' },
    ],
    ['a range without end', inStep({ '00400002': attribute('DA', '20260301-') }), { startDateFrom: '20260301' }],
    ['a range without begin', inStep({ '00400002': attribute('DA', '-20260301') }), { startDateTo: '20260301' }],
    [
      'what lies around several dates',
      inStep({ '00400002': attribute('DA', '20260303', '20260301-20260302') }),
      { startDateFrom: '20260301', startDateTo: '20260303' },
    ],
    [
      'a day more on each side where the time may be part of the interval (K.2.2.1.2)',
      inStep({ '00400002': attribute('DA', '20260301-99991231'), '00400003': attribute('TM', '0800-') }),
      { startDateFrom: '20260228', startDateTo: '99991231' },
    ],
  ])('%s', (_title, keys, expected) => {
    expect(filter(keys)).toEqual(expected);
  });

  test.each<[string, DataSet]>([
    ['nothing', createDataSet()],
    ['return keys', dataSetOf({ ...inStep({ '00080060': attribute('CS') }), '00100020': attribute('LO') })],
    ['* and wild cards', dataSetOf({ '00100020': attribute('LO', '*'), '00080050': attribute('SH', 'A?') })],
    ['one wild card among several values', inStep({ '00080060': attribute('CS', 'CT', 'M*') })],
    ['the same attributes elsewhere', dataSetOf({ '00080060': attribute('CS', 'CT') })],
    ['a sequence without item', dataSetOf({ '00400100': attribute('SQ') })],
    ['what is no date', inStep({ '00400002': attribute('DA', 'today') })],
    ['a date among others that are none', inStep({ '00400002': attribute('DA', '20260301', 'today') })],
    ['bytes', dataSetOf({ '00100020': { vr: 'UN', InlineBinary: 'UDE=' } })],
    [
      'more values than a data base takes',
      dataSetOf({ '0020000D': attribute('UI', ...Array.from({ length: 101 }, (_, i) => `1.2.${i}`)) }),
    ],
  ])('leaves to the exact match: %s', (_title, keys) => {
    expect(filter(keys)).toEqual({});
  });

  test('two quotes are looked up as they are, or ask for what is empty, which no index tells', () => {
    const keys = dataSetOf({ '00080050': attribute('SH', '""') });
    expect(filter(keys, true)).toEqual({});
    expect(filter(keys, false)).toEqual({ accessionNumbers: ['""'] });
  });
});
