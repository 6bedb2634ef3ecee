import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Mask } from '../../../src/console/masking.ts';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';
import { worklistItem } from '../../support/data-sets.ts';

const MASKED: unknown = expect.stringMatching(/^•••[\w-]{4}$/);

const code = (meaning: string): DataSet =>
  dataSetOf({
    '00080100': attribute('SH', 'CTABD'),
    '00080102': attribute('SH', '99LOCAL'),
    '00080104': attribute('LO', meaning),
  });

test('UIDs, AE titles, states, modality and codes stay; everything else is masked, in items too', () => {
  const dataSet = dataSetOf({
    '00080005': attribute('CS', 'ISO_IR 192'),
    '00100010': attribute('PN', { Alphabetic: 'DOE^JANE', Ideographic: '山田' }),
    '00100030': attribute('DA', '19700101'),
    '00101030': attribute('DS', 70.5),
    '0020000D': attribute('UI', '1.2.3'),
    '00321064': attribute('SQ', code('CT of the abdomen')),
    '00400100': attribute(
      'SQ',
      dataSetOf({ '00080060': attribute('CS', 'CT'), '00400001': attribute('AE', 'CT1'), '00400006': attribute('PN') }),
    ),
    '00400252': attribute('CS', 'IN PROGRESS'),
  });
  expect({ ...new Mask().of(dataSet) }).toEqual({
    ...dataSet,
    '00100010': { vr: 'PN', Value: [{ Alphabetic: MASKED, Ideographic: MASKED }] },
    '00100030': { vr: 'DA', Value: [MASKED] },
    '00101030': { vr: 'DS', Value: [MASKED] },
  });
});

describe('codes that say who somebody is, or what is the matter with a patient', () => {
  test.each([
    ['Person Identification Code Sequence', '00401101'],
    ['Human Performer Code Sequence', '00404009'],
    ['Patient’s Insurance Plan Code Sequence', '00100050'],
    ['Admitting Diagnoses Code Sequence', '00081084'],
    ['Reason For Visit Code Sequence', '00321067'],
    ['Reason for Requested Procedure Code Sequence', '0040100A'],
    ['Reason for Performed Procedure Code Sequence', '00401012'],
    ['a private sequence', '00091002'],
  ])('%s', (_name, tag) => {
    const masked = new Mask().of(dataSetOf({ [tag]: attribute('SQ', code('JONES^MARY')) }));
    const item = (masked[tag] as { Value: Record<string, Attribute>[] }).Value[0];
    expect(Object.values(item ?? {}).map(({ Value }) => Value)).toEqual([[MASKED], [MASKED], [MASKED]]);
  });
});

test.each([
  ['a modality that is none', '00080060', attribute('CS', 'SMITH')],
  ['a state that is none', '00400252', attribute('CS', 'DOE^JANE')],
  ['a character set that is none', '00080005', attribute('CS', 'DOE^JANE')],
  ['a UI that is no UID', '0020000D', attribute('UI', 'DOE^JANE')],
  ['an AE that is longer than AE titles are', '00400001', attribute('AE', 'Jane Doe of Springfield')],
  ['a private attribute, whatever its VR', '00091001', attribute('UI', '1.2.3')],
  ['bytes', '00420011', { vr: 'OB', InlineBinary: 'SkFORQ==' } as const],
  ['an address of bytes', '00420011', { vr: 'OB', BulkDataURI: 'https://x.example/JANE' } as const],
])('%s is masked', (_what, tag, given) => {
  expect(new Mask().of(dataSetOf({ [tag]: given }))[tag]).toEqual({ vr: given.vr, Value: [MASKED] });
});

test('what is empty stays empty, and an empty value among others too', () => {
  const masked = new Mask().of(dataSetOf({ '00100010': attribute('PN'), '00101000': attribute('LO', 'A1', null) }));
  expect({ ...masked }).toEqual({ '00100010': { vr: 'PN' }, '00101000': { vr: 'LO', Value: [MASKED, null] } });
});

test('the same value of the same attribute looks the same by one mask, and by another mask not', () => {
  const [mask, other] = [new Mask(), new Mask()];
  const [jane, joan] = ['DOE^JANE', 'DOE^JOAN'].map((Alphabetic) =>
    worklistItem({ '00100010': attribute('PN', { Alphabetic }) }),
  );
  const name = (by: Mask, dataSet: DataSet | undefined): unknown => by.of(dataSet ?? {})['00100010'];
  expect(name(mask, jane)).toEqual(name(mask, jane));
  expect(name(mask, jane)).not.toEqual(name(mask, joan));
  expect(name(mask, jane)).not.toEqual(name(other, jane));
});

test('no text of an attribute of the patient is left, whatever it is', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[A-Z]{6,12}$/),
      fc.constantFrom('00100020', '00104000', '00380300', '00081030'),
      (text, tag) => {
        const dataSet = dataSetOf({
          '00321064': attribute('SQ', dataSetOf({ [tag]: attribute('LO', text) })),
          [tag]: attribute('LO', text),
        });
        expect(JSON.stringify(new Mask().of(dataSet))).not.toContain(text);
      },
    ),
    { numRuns: 50 },
  );
});
