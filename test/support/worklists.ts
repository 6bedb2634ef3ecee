/** Worklist entries for contract and flow tests: every kind of content that has been lost somewhere before. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet, PersonName } from '../../src/dataset/model.ts';

interface Step {
  readonly id: string;
  readonly name: PersonName;
  readonly modality: string;
  readonly station: string;
  readonly date: string;
  readonly time: string;
  readonly more?: DataSet;
}

const STEPS: readonly Step[] = [
  { id: 'A1', name: { Alphabetic: 'Müller^Jörg' }, modality: 'CT', station: 'CT1', date: '20260301', time: '0800' },
  {
    id: 'A2',
    name: { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
    modality: 'MR',
    station: 'MR1',
    date: '20260301',
    time: '0930',
  },
  {
    id: 'A3',
    name: { Alphabetic: 'Hong^Gildong', Ideographic: '洪^吉洞', Phonetic: '홍^길동' },
    modality: 'CT',
    station: 'CT2',
    date: '20260302',
    time: '071500.5',
  },
  { id: 'A4', name: { Alphabetic: 'Люксембург^Роза' }, modality: 'US', station: 'US1', date: '20260302', time: '10' },
  { id: 'A5', name: { Alphabetic: 'Διονυσιος' }, modality: 'CT', station: 'CT1', date: '20260303', time: '2230' },
  {
    id: 'A6',
    name: { Alphabetic: 'DOE^JANE' },
    modality: 'CR',
    station: 'CR1',
    date: '20260304',
    time: '0001',
    more: dataSetOf({
      '00090010': attribute('LO', 'DIMSEWAY TEST'),
      '00091001': attribute('LO', 'private', 'two values'),
      '00101030': attribute('DS', '070.50'),
      '00081110': attribute('SQ'),
      '00102000': attribute('LO'),
      '00321064': attribute(
        'SQ',
        dataSetOf({
          '00080100': attribute('SH', 'X-1'),
          '00080102': attribute('SH', '99TEST'),
          '00080104': attribute('LO', 'Thorax, ap & lateral'),
        }),
      ),
    }),
  },
];

function entry({ id, name, modality, station, date, time, more }: Step, index: number): DataSet {
  return dataSetOf({
    '00080050': attribute('SH', `ACC${index}`),
    '00080090': attribute('PN'),
    '00100010': attribute('PN', name),
    '00100020': attribute('LO', `PID-${id}`),
    '00100030': attribute('DA', '19700102'),
    '00100040': attribute('CS', 'O'),
    '0020000D': attribute('UI', `1.2.276.0.7230010.3.2.${100 + index}`),
    '00321060': attribute('LO', `Examination ${id}`),
    '00401001': attribute('SH', `RP${index}`),
    '00401003': attribute('SH', 'MEDIUM'),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00080060': attribute('CS', modality),
        '00400001': attribute('AE', station),
        '00400002': attribute('DA', date),
        '00400003': attribute('TM', time),
        '00400006': attribute('PN', { Alphabetic: 'Strauß^Änne' }),
        '00400007': attribute('LO', `Step ${id}`),
        '00400009': attribute('SH', id),
        '00400010': attribute('SH', `${station} room`),
      }),
    ),
    ...more,
  });
}

/** Six entries in six scripts, the last with private attributes, empty sequences, codes and a lexical DS. */
export function variedWorklist(): DataSet[] {
  return STEPS.map(entry);
}

/** So many plain entries, one minute apart. */
export function plainWorklist(count: number): DataSet[] {
  return Array.from({ length: count }, (_, i) => {
    const minutes = String(i % 1440);
    const time = `${String(Math.floor(Number(minutes) / 60)).padStart(2, '0')}${String(i % 60).padStart(2, '0')}`;
    const date = `202603${String(1 + (Math.floor(i / 1440) % 28)).padStart(2, '0')}`;
    const id = `P${String(i).padStart(6, '0')}`;
    return entry({ id, name: { Alphabetic: `LOAD^${id}` }, modality: 'CT', station: 'CT1', date, time }, i);
  });
}

/**
 * Text of each data set with its attributes in order and without Specific Character Set, sorted: two lists of results
 * are the same multiset when these are equal.
 */
export function multiset(dataSets: readonly DataSet[]): string[] {
  return dataSets.map((dataSet) => canonical(dataSet)).sort();
}

function canonical(dataSet: DataSet): string {
  const attributes = Object.keys(dataSet)
    .filter((tag) => tag !== '00080005')
    .sort()
    .map((tag) => {
      const { vr, Value: values, ...rest } = dataSet[tag] ?? { vr: 'UN' };
      const content = vr === 'SQ' ? (values ?? []).map((item) => canonical(item as DataSet)) : (values ?? []);
      return `${tag}:${JSON.stringify([vr, content, rest])}`;
    });
  return `{${attributes.join()}}`;
}
