/** Data sets for tests and benchmarks: fixed ones that look like real worklist items, and generated ones. */
import fc from 'fast-check';
import { encodeDataSet } from '../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../src/dataset/binary/transfer-syntax.ts';
import { attribute as a, createDataSet, dataSetOf, VRS } from '../../src/dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from '../../src/dataset/model.ts';

const code = (value: string, meaning: string): DataSet =>
  dataSetOf({ '00080100': a('SH', value), '00080102': a('SH', '99LOCAL'), '00080104': a('LO', meaning) });

/** One entry of a worklist with the usual attributes, about 800 bytes in Explicit VR Little Endian. */
export function worklistItem(changes: Record<Tag, Attribute> = {}): DataSet {
  return dataSetOf({
    '00080050': a('SH', 'A20261120001'),
    '00080080': a('LO', 'General Hospital'),
    '00080090': a('PN', { Alphabetic: 'Referrer^Rita' }),
    '00081110': a('SQ'),
    '00081120': a('SQ'),
    '00100010': a('PN', { Alphabetic: 'Doe^Jane^Maria' }),
    '00100020': a('LO', 'PID-000123'),
    '00100030': a('DA', '19700215'),
    '00100040': a('CS', 'F'),
    '00101000': a('LO', 'OLD-1', 'OLD-2'),
    '00101030': a('DS', 70.5),
    '00102000': a('LO'),
    '00102110': a('LO', 'Iodine'),
    '001021C0': a('US', 4),
    '0020000D': a('UI', '1.2.826.0.1.3680043.2.1125.20261120.1'),
    '00321032': a('PN', { Alphabetic: 'Physician^Peter' }),
    '00321060': a('LO', 'CT of the chest with contrast'),
    '00321064': a('SQ', code('CTCHEST', 'CT chest')),
    '00380010': a('LO', 'ADM-2026-77'),
    '00380050': a('LO'),
    '00380300': a('LO', 'Ward 7'),
    '00380500': a('LO'),
    '00400100': a(
      'SQ',
      dataSetOf({
        '00080060': a('CS', 'CT'),
        '00321070': a('LO', 'Iohexol'),
        '00400001': a('AE', 'CT1'),
        '00400002': a('DA', '20261120'),
        '00400003': a('TM', '101500'),
        '00400006': a('PN', { Alphabetic: 'Radiologist^Rob' }),
        '00400007': a('LO', 'CT chest, contrast enhanced'),
        '00400008': a('SQ', code('P-CTCHEST', 'CT chest protocol')),
        '00400009': a('SH', 'SPS-4711'),
        '00400010': a('SH', 'CT-ROOM-1'),
        '00400011': a('SH', 'Radiology'),
        '00400012': a('LO'),
        '00400020': a('CS', 'SCHEDULED'),
      }),
    ),
    '00401001': a('SH', 'RP-4711'),
    '00401003': a('SH', 'ROUTINE'),
    '00401004': a('LO'),
    '00403001': a('LO'),
    ...changes,
  });
}

/** A worklist entry with nested sequences that encodes to at least `bytes` (a little more). */
export function largeWorklistItem(bytes: number): DataSet {
  const item = (index: number): DataSet =>
    dataSetOf({
      '00400002': a('DA', '20261120'),
      '00400007': a('LO', `Step ${index} of a long procedure`),
      '00400008': a(
        'SQ',
        ...[1, 2, 3].map((n) =>
          dataSetOf({
            ...code(`P-${index}-${n}`, `Protocol ${index}, part ${n}`),
            '00400440': a('SQ', dataSetOf({ '0040A040': a('CS', 'TEXT'), '0040A160': a('UT', `Context of ${n}`) })),
          }),
        ),
      ),
      '00400009': a('SH', `SPS-${index}`),
    });
  const perItem = encodeDataSet(item(10), TRANSFER_SYNTAXES.explicitVrLittleEndian).length + 8;
  const items = Array.from({ length: Math.ceil(bytes / perItem) }, (_, index) => item(index));
  return worklistItem({ '00400100': a('SQ', ...items) });
}

/** How the texts of generated data sets are drawn: every character must exist in the set under test. */
export interface DataSetTexts {
  /** Characters for the VRs that Specific Character Set governs. */
  characters: readonly string[];
}

const ASCII_CHARACTERS = [...'ABCxyz019 .,;:-_+()/'];

/** Text without spaces at its ends, which padding would swallow. */
function texts(characters: readonly string[], maxLength: number): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...characters), minLength: 1, maxLength }).map((text) => text.trim() || 'x');
}

const even = (bytes: Uint8Array, size: number) =>
  Buffer.from(bytes.subarray(0, bytes.length - (bytes.length % Math.max(size, 2))));

function binary(vr: Vr, size: number): fc.Arbitrary<Attribute> {
  return fc.uint8Array({ maxLength: 48 }).map((bytes) => {
    const whole = even(bytes, size);
    return whole.length === 0 ? { vr } : { vr, InlineBinary: whole.toString('base64') };
  });
}

function several(vr: Vr, value: fc.Arbitrary<Value>, empty = true): fc.Arbitrary<Attribute> {
  const one = empty ? fc.option(value, { freq: 8 }) : value;
  return fc.array(one, { maxLength: 4 }).map((values) => {
    // A single empty value is an empty attribute.
    return values.length === 0 || (values.length === 1 && values[0] === null) ? { vr } : { vr, Value: values };
  });
}

function personNames(characters: readonly string[]): fc.Arbitrary<PersonName> {
  const group = texts([...characters.filter((character) => character !== '='), '^'], 16);
  return fc
    .record({ Alphabetic: group, Ideographic: group, Phonetic: group }, { requiredKeys: [] })
    .map((name) => (Object.keys(name).length === 0 ? { Alphabetic: 'X' } : { ...name }));
}

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
const notFinite = fc.constantFrom('NaN', 'Infinity', '-Infinity');
const bigText = (smallest: bigint, largest: bigint) =>
  fc.bigInt(smallest, largest).map((big): Value => (String(Number(big)) === String(big) ? Number(big) : String(big)));

/** Attributes of each VR but SQ, values as the codecs make them. */
function attributesOf(vr: Exclude<Vr, 'SQ'>, { characters }: DataSetTexts): fc.Arbitrary<Attribute> {
  const ascii = (maxLength: number) => several(vr, texts(ASCII_CHARACTERS, maxLength));
  const one = (value: fc.Arbitrary<string>) => value.map((text) => a(vr, text));
  switch (vr) {
    case 'AE':
    case 'CS':
      return ascii(16);
    case 'AS':
      return several(vr, fc.constantFrom('042Y', '003M'));
    case 'DA':
      return several(vr, fc.constantFrom('20261120', '19700101', '20260101-20261231'));
    case 'TM':
    case 'DT':
      return several(vr, fc.constantFrom('101500.25', '20261120101500+0100', '0800-'));
    case 'DS':
      return several(vr, fc.constantFrom<Value>(70.5, 12, '1.50', '+3', '1e+2', 'not a number', -0.25));
    case 'IS':
      return several(vr, fc.oneof(fc.integer(), fc.constantFrom<Value>('+0012', '007', '1.0')));
    case 'UI':
      return several(vr, fc.constantFrom('1.2.840.10008.1.1', '1.2.3', '2.25.12345'));
    case 'UR':
      return one(texts([...'abc:/?&=.\\%20'], 40));
    case 'SH':
    case 'LO':
    case 'UC':
      return several(vr, texts(characters, 24));
    case 'ST':
    case 'LT':
    case 'UT':
      return one(texts([...characters, '\\', '\r\n', '\t'], 60));
    case 'PN':
      return several(vr, personNames(characters));
    case 'AT':
      return several(vr, fc.integer({ min: 0, max: 0xffffffff }).map((n) => n.toString(16).toUpperCase().padStart(8, '0')), false); // prettier-ignore
    case 'US':
      return several(vr, fc.integer({ min: 0, max: 0xffff }), false);
    case 'SS':
      return several(vr, fc.integer({ min: -0x8000, max: 0x7fff }), false);
    case 'UL':
      return several(vr, fc.integer({ min: 0, max: 0xffffffff }), false);
    case 'SL':
      return several(vr, fc.integer(), false);
    case 'FL':
      return several(vr, fc.oneof(float32, notFinite), false);
    case 'FD':
      return several(vr, fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), notFinite), false);
    case 'SV':
      return several(vr, bigText(-(2n ** 63n), 2n ** 63n - 1n), false);
    case 'UV':
      return several(vr, bigText(0n, 2n ** 64n - 1n), false);
    case 'OB':
    case 'UN':
      return binary(vr, 1);
    case 'OW':
      return binary(vr, 2);
    case 'OF':
    case 'OL':
      return binary(vr, 4);
    case 'OD':
    case 'OV':
      return binary(vr, 8);
  }
}

/** One attribute of the standard for each VR: Implicit VR reads them back by the dictionary. */
export const TAG_OF_VR: Readonly<Record<Vr, readonly Tag[]>> = {
  AE: ['00400001', '00080054'], AS: ['00101010'], AT: ['00280009', '00140202'], CS: ['00080060', '00100040'],
  DA: ['00100030'], DS: ['00101030', '30020011'], DT: ['0040A120'], FD: ['00081163'], FL: ['00180013'],
  IS: ['00200013'], LO: ['00100020', '00321060'], LT: ['00104000'], OB: ['00420011'], OD: ['00660022'],
  OF: ['00640009'], OL: ['00660040'], OV: ['7FE00001'], OW: ['00281201'], PN: ['00100010', '00321032'],
  SH: ['00080050'], SL: ['00186020'], SQ: ['00400100', '00081110', '0040A390'], SS: ['00189219'],
  ST: ['00080081'], SV: ['00720082'], TM: ['00400003'], UC: ['00080119'], UI: ['0020000D'], UL: ['00081161'],
  UN: ['00091010', '00091011'], UR: ['00081190'], US: ['00280010'], UT: ['0040A160'], UV: ['00080428'],
}; // prettier-ignore

export interface GeneratedDataSets extends DataSetTexts {
  /** Sequences inside sequences. */
  depth?: number;
  /** Also VRs the dictionary does not give for the tag: only Explicit VR carries them. */
  foreignVrs?: boolean;
}

/** Data sets that every codec must give back unchanged. */
export function dataSets(options: GeneratedDataSets): fc.Arbitrary<DataSet> {
  const { depth = 2, foreignVrs = false } = options;
  const vrs = VRS.filter((vr) => vr !== 'SQ');
  const plain = fc.constantFrom(...vrs).chain((vr) => {
    const tags = foreignVrs
      ? fc.constantFrom('00091010', '00091011', '00311020', '00311021')
      : fc.constantFrom(...TAG_OF_VR[vr]);
    return fc.tuple(tags, attributesOf(vr, options));
  });
  const entry =
    depth === 0
      ? plain
      : fc.oneof(
          { weight: 5, arbitrary: plain },
          {
            weight: 1,
            arbitrary: fc.tuple(
              fc.constantFrom(...TAG_OF_VR.SQ),
              fc
                .array(dataSets({ ...options, depth: depth - 1 }), { maxLength: 3 })
                .map((items): Attribute => (items.length === 0 ? { vr: 'SQ' } : { vr: 'SQ', Value: items })),
            ),
          },
        );
  return fc.array(entry, { maxLength: 12 }).map((entries) => {
    const dataSet = createDataSet();
    for (const [tag, attribute] of entries) dataSet[tag] = attribute;
    return dataSet;
  });
}
