/** Generated worklist entries, MPPS and queries for the mapping to workitems: what each side may say, in few values so that they meet. */
import fc from 'fast-check';

import { vrOf } from '../../src/dataset/dictionary.ts';
import { attribute, createDataSet, dataSetOf } from '../../src/dataset/model.ts';
import type { Attribute, DataSet, Tag, Value, Vr } from '../../src/dataset/model.ts';

export function codeOf(value: string, scheme = '99HIS'): DataSet {
  return dataSetOf({
    '00080100': attribute('SH', value),
    '00080102': attribute('SH', scheme),
    '00080104': attribute('LO', `code ${value}`),
  });
}

const VALUES: Readonly<Partial<Record<Vr, readonly Value[]>>> = {
  AE: ['CT_1', 'CT_2'],
  AS: ['045Y'],
  CS: ['F', 'M'],
  DA: ['20250406', '20250407', '20250408'],
  DS: [61.5],
  LO: ['Alpha', 'Beta'],
  LT: ['a long text'],
  PN: [{ Alphabetic: 'Okonkwo^Ada' }, { Alphabetic: 'Nemo' }],
  SH: ['One', 'Two'],
  ST: ['a short text'],
  TM: ['0905', '093000', '235959.5'],
  UC: ['unlimited'],
  UI: ['2.25.31', '2.25.32'],
  US: [1],
  UT: ['a text'],
};

/** Absent, empty, or with a value. */
function valuesOf(tag: Tag): fc.Arbitrary<Attribute | undefined> {
  const vr = vrOf(tag);
  const values = VALUES[vr] ?? [codeOf('A'), codeOf('B')];
  const one = fc.constantFrom(...values).map((value) => attribute(vr, value));
  return fc.oneof(fc.constant(undefined), fc.constant({ vr }), one, one);
}

/** Some of these attributes. */
export function someOf(tags: readonly Tag[]): fc.Arbitrary<DataSet> {
  return fc.tuple(...tags.map(valuesOf)).map((values) => {
    const dataSet = createDataSet();
    tags.forEach((tag, i) => {
      const value = values[i];
      if (value !== undefined) dataSet[tag] = value;
    });
    return dataSet;
  });
}

const uids = fc.integer({ min: 1, max: 40 }).map((number) => `2.25.5${number}`);
const CLASSES = ['1.2.840.10008.5.1.4.1.1.2', '1.2.840.10008.5.1.4.1.1.88.67', '1.2.840.10008.5.1.4.1.1.4'] as const;

function references(sopClasses: readonly string[]): fc.Arbitrary<Attribute> {
  const one = fc.record({ sopClass: fc.constantFrom(...sopClasses), uid: uids });
  return fc
    .uniqueArray(one, { maxLength: 3, selector: ({ uid }) => uid })
    .map((items) =>
      attribute(
        'SQ',
        ...items.map(({ sopClass, uid }) =>
          dataSetOf({ '00081150': attribute('UI', sopClass), '00081155': attribute('UI', uid) }),
        ),
      ),
    );
}

const series: fc.Arbitrary<DataSet> = fc
  .tuple(
    someOf(['00081050', '00081070', '0008103E', '00080054']),
    references([CLASSES[0], CLASSES[2]]),
    references([CLASSES[1]]),
    fc.constantFrom('Head', 'Chest'),
  )
  .map(([more, images, others, protocol]) =>
    dataSetOf({
      '0008103E': attribute('LO'),
      '00080054': attribute('AE'),
      '00081050': attribute('PN'),
      '00081070': attribute('PN'),
      ...more,
      '00081140': images,
      '00181030': attribute('LO', protocol),
      '00400220': others,
    }),
  );

/** MPPS pictures as `fillType2` leaves them: in either of the three states. */
export const pictures: fc.Arbitrary<DataSet> = fc
  .record({
    more: someOf(['00081032', '00400242', '00400243', '00400254', '00400255', '00400260', '00400280', '00200010']),
    series: fc.array(series, { maxLength: 3 }),
    state: fc.constantFrom('IN PROGRESS', 'COMPLETED', 'DISCONTINUED'),
    reason: fc.boolean(),
  })
  .map(({ more, series: all, state, reason }) => {
    const isFinal = state !== 'IN PROGRESS';
    return dataSetOf({
      '00081032': attribute('SQ'),
      '00081120': attribute('SQ'),
      '00200010': attribute('SH'),
      '00400242': attribute('SH'),
      '00400243': attribute('SH'),
      '00400254': attribute('LO'),
      '00400255': attribute('LO'),
      '00400260': attribute('SQ'),
      ...more,
      '00080060': attribute('CS', 'CT'),
      '00100010': attribute('PN', { Alphabetic: 'Okonkwo^Ada' }),
      '00100020': attribute('LO', 'P-1'),
      '00100030': attribute('DA'),
      '00100040': attribute('CS'),
      '00400241': attribute('AE', 'CT_1'),
      '00400244': attribute('DA', '20250407'),
      '00400245': attribute('TM', '091500'),
      '00400250': isFinal ? attribute('DA', '20250407') : attribute('DA'),
      '00400251': isFinal ? attribute('TM', '0930') : attribute('TM'),
      '00400252': attribute('CS', state),
      '00400253': attribute('SH', 'PPS-1'),
      '00400270': attribute('SQ', scheduledStep),
      '00400281': state === 'DISCONTINUED' && reason ? attribute('SQ', codeOf('110514', 'DCM')) : attribute('SQ'),
      '00400340': attribute(
        'SQ',
        ...all.map((item, i) => dataSetOf({ ...item, '0020000E': attribute('UI', `2.25.4${i}`) })),
      ),
    });
  });

const scheduledStep = dataSetOf({
  '00080050': attribute('SH', 'A-1'),
  '00081110': attribute('SQ'),
  '0020000D': attribute('UI', '2.25.31'),
  '00321060': attribute('LO', 'Request'),
  '00400007': attribute('LO', 'Step'),
  '00400008': attribute('SQ', codeOf('A')),
  '00400009': attribute('SH', 'SPS-1'),
  '00401001': attribute('SH', 'One'),
});
