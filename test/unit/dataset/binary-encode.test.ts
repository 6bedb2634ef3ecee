import { describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import { encodeDataSet } from '../../../src/dataset/binary/encode.ts';
import type { EncodeOptions } from '../../../src/dataset/binary/encode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { attribute as a, dataSetOf, VRS } from '../../../src/dataset/model.ts';
import type { Attribute, DataSet } from '../../../src/dataset/model.ts';

const { implicitVrLittleEndian: IMPLICIT, explicitVrLittleEndian: EXPLICIT, deflated: DEFLATED } = TRANSFER_SYNTAXES;

/** Explicit VR bytes as text: tags and lengths as hex, values as Latin-1. */
const explicit = (attributes: Record<string, Attribute>, options?: EncodeOptions) =>
  encodeDataSet(dataSetOf(attributes), EXPLICIT, options).toString('latin1');
const one = (vr: Attribute['vr'], ...values: NonNullable<Attribute['Value']>) =>
  explicit({ '00091001': a(vr, ...values) });
const invalid = (text: string) =>
  expect.objectContaining({ code: 'DATA_SET_INVALID', message: expect.stringContaining(text) as unknown });

describe('layout (PS3.5 7)', () => {
  test('Explicit VR: short and long headers, even lengths, tags ascending', () => {
    const bytes = explicit({ '30020011': a('DS', 1), '00080060': a('CS', 'CT'), '0040A160': a('UT', 'abc') });
    expect(bytes).toBe('\x08\0\x60\0CS\x02\0CT' + '\x40\0\x60\xa1UT\0\0\x04\0\0\0abc ' + '\x02\x30\x11\0DS\x02\x001 ');
  });

  test('Implicit VR: lengths of four bytes, no VR', () => {
    const bytes = encodeDataSet(dataSetOf({ '00080060': a('CS', 'CT') }), IMPLICIT).toString('latin1');
    expect(bytes).toBe('\x08\0\x60\0\x02\0\0\0CT');
  });

  test('text is padded with a space, UIDs and bytes with NUL (PS3.5 6.2)', () => {
    expect(one('LO', 'a').slice(8)).toBe('a ');
    expect(one('UI', '1').slice(8)).toBe('1\0');
    expect(explicit({ '00091001': { vr: 'OB', InlineBinary: 'YQ==' } }).slice(12)).toBe('a\0');
  });

  test.each(VRS)('an empty %s has length zero', (vr) => {
    expect(one(vr)).toMatch(/^\x09\0\x01\x10[A-Z]{2}\0\0(\0\0\0\0)?$/);
    if (vr !== 'SQ' && vr.charAt(0) !== 'O' && vr !== 'UN') expect(one(vr, null)).toBe(one(vr));
  });

  test('sequences and items have their lengths, or delimiters by option (PS3.5 7.5)', () => {
    const sequence = { '00400100': a('SQ', dataSetOf({ '00080060': a('CS', 'CT') }), dataSetOf({})) };
    const modality = '\x08\0\x60\0CS\x02\0CT';
    expect(explicit(sequence)).toBe(
      `\x40\0\0\x01SQ\0\0\x1a\0\0\0\xfe\xff\0\xe0\x0a\0\0\0${modality}\xfe\xff\0\xe0\0\0\0\0`,
    );
    const end = '\xfe\xff\x0d\xe0\0\0\0\0';
    expect(explicit(sequence, { undefinedLengths: true })).toBe(
      `\x40\0\0\x01SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff${modality}${end}` +
        `\xfe\xff\0\xe0\xff\xff\xff\xff${end}\xfe\xff\xdd\xe0\0\0\0\0`,
    );
  });

  test('a private sequence in Implicit VR is delimited, so that a reader sees what it is', () => {
    const dataSet = dataSetOf({ '00091001': a('SQ', dataSetOf({ '00080060': a('CS', 'CT') })) });
    expect(JSON.stringify(decodeDataSet(encodeDataSet(dataSet, IMPLICIT), IMPLICIT))).toBe(JSON.stringify(dataSet));
  });

  test('a value too long for its VR is written as UN, and read back by the dictionary (PS3.5 6.2.2)', () => {
    const fits = dataSetOf({ '00104000': a('LT', 'x'.repeat(65534)) });
    const tooLong = dataSetOf({ '00104000': a('LT', 'x'.repeat(65535)), '00400100': a('SQ') });
    expect(encodeDataSet(fits, EXPLICIT).toString('latin1', 4, 8)).toBe('LT\xfe\xff');
    expect(encodeDataSet(tooLong, EXPLICIT).toString('latin1', 4, 12)).toBe('UN\0\0\0\0\x01\0');
    expect({ ...decodeDataSet(encodeDataSet(tooLong, EXPLICIT), EXPLICIT) }).toEqual({ ...tooLong });
  });

  test('Deflated is even (PS3.5 A.5)', () => {
    for (let length = 1; length < 40; length++) {
      expect(encodeDataSet(dataSetOf({ '00104000': a('LT', 'x'.repeat(length)) }), DEFLATED).length % 2).toBe(0);
    }
  });

  test('group lengths are left out; groups 0000, 0002, FFFE and what is no tag are refused', () => {
    expect(explicit({ '00080000': a('UL', 10) })).toBe('');
    for (const tag of ['00000100', '00020010', 'FFFEE000', '0008006', '0040a160', '__proto__', 'PatientName']) {
      const dataSet = Object.defineProperty(dataSetOf({}), tag, { value: a('CS', 'CT'), enumerable: true });
      expect(() => encodeDataSet(dataSet, EXPLICIT)).toThrow(invalid('is no tag of a data set'));
    }
  });

  test('nesting is capped instead of overflowing the stack', () => {
    let dataSet: DataSet = dataSetOf({});
    for (let depth = 0; depth < 10_000; depth++) dataSet = dataSetOf({ '00400100': a('SQ', dataSet) });
    expect(() => encodeDataSet(dataSet, EXPLICIT)).toThrow(expect.objectContaining({ code: 'DATA_SET_TOO_LARGE' }));
  });

  test('large data sets do not disturb each other: each result is its own memory', () => {
    const large = dataSetOf({ '00420011': { vr: 'OB', InlineBinary: Buffer.alloc(3_000_000, 7).toString('base64') } });
    const small = encodeDataSet(dataSetOf({ '00080060': a('CS', 'CT') }), EXPLICIT);
    const bytes = encodeDataSet(large, EXPLICIT);
    encodeDataSet(dataSetOf({ '00080060': a('CS', 'MR') }), EXPLICIT);
    expect(small.toString('latin1', 8)).toBe('CT');
    expect(bytes.length).toBe(3_000_012);
    expect(bytes.subarray(12).every((byte) => byte === 7)).toBe(true);
  });
});

describe('values (PS3.5 6.2)', () => {
  test.each<[Attribute['vr'], NonNullable<Attribute['Value']>, string]>([
    ['CS', ['CT', null, 'PT'], 'CT\\\\PT'],
    ['CS', ['CT', ''], 'CT\\'],
    ['CS', [null, null], '\\'],
    ['DS', [70.5, '1.50', -0.000001234567890123], '70.5\\1.50\\-1.2345678901e-6'],
    ['DS', [0.1 + 0.2, 1 / 3], '0.3\\0.33333333333333'],
    ['IS', [12, '+0012'], '12\\+0012'],
    ['PN', [{ Alphabetic: 'A^B', Phonetic: 'C' }, null, { Ideographic: 'D' }], 'A^B==C\\\\=D'],
    ['PN', ['A^B=C'], 'A^B=C'],
    ['LT', ['a\\b'], 'a\\b'],
    ['AT', ['00181063', 'fffee000'], '\x18\0\x63\x10\xfe\xff\0\xe0'],
    ['US', [1, 65535], '\x01\0\xff\xff'],
    ['SS', [-1], '\xff\xff'],
    ['UL', [4294967295], '\xff\xff\xff\xff'],
    ['SL', [-2], '\xfe\xff\xff\xff'],
    ['FL', [1.5, 'NaN'], '\0\0\xc0\x3f\0\0\xc0\x7f'],
    ['FD', ['-Infinity'], '\0\0\0\0\0\0\xf0\xff'],
    ['SV', ['-1', 1], '\xff\xff\xff\xff\xff\xff\xff\xff\x01\0\0\0\0\0\0\0'],
    ['UV', ['18446744073709551615'], '\xff\xff\xff\xff\xff\xff\xff\xff'],
  ])('%s %j', (vr, values, text) => {
    const bytes = encodeDataSet(dataSetOf({ '00091001': a(vr, ...values) }), IMPLICIT).toString('latin1', 8);
    expect(bytes.trimEnd()).toBe(text);
    expect(bytes.length % 2).toBe(0);
  });

  test('DS never has more than 16 characters (PS3.5 6.2)', () => {
    for (const value of [Math.PI * 1e-200, -1.7e308 / 3, -123456.7890123456, 1e21 / 3, -5e-324]) {
      const text = one('DS', value).slice(8).trimEnd();
      expect(text.length).toBeLessThanOrEqual(16);
      expect(Math.abs(Number(text) / value - 1)).toBeLessThan(1e-7);
    }
  });

  test.each<[string, Attribute, string]>([
    ['US out of range', a('US', 70000), 'no US (0 to 65535)'],
    ['US with a fraction', a('US', 1.5), 'no US'],
    ['US as text', a('US', '1'), 'no US'],
    ['US with an empty value among others', a('US', 1, null), 'no US'],
    ['SS out of range', a('SS', -32769), 'no SS'],
    ['IS out of range', a('IS', 2 ** 31), 'no IS'],
    ['IS with a fraction', a('IS', 1.5), 'no IS'],
    ['DS that is not finite', a('DS', NaN), 'no DS'],
    ['DS that 16 characters round to infinity', a('DS', -Number.MAX_VALUE), 'no DS'],
    ['FL out of range', a('FL', 1e300), 'no FL'],
    ['FL as other text', a('FL', 'x'), 'no FL'],
    ['SV out of range', a('SV', '9223372036854775808'), 'no SV'],
    ['UV negative', a('UV', -1), 'no UV'],
    ['UV with a fraction', a('UV', 0.5), 'no UV'],
    ['AT that is no tag', a('AT', 'PatientName'), 'no tag'],
    ['SH with a backslash', a('SH', 'a\\b'), 'backslash, which separates values of SH'],
    ['LO with a backslash beyond ASCII', a('LO', 'ü\\b'), 'backslash, which separates values of LO'],
    ['PN with a backslash', a('PN', { Alphabetic: 'a\\b' }), 'backslash, which separates values of PN'],
    ['UI with a backslash', a('UI', '1\\2'), 'backslash, which separates values of UI'],
    ['PN with = in a group', a('PN', { Alphabetic: 'a=b' }), '"=", which separates groups'],
    ['PN that is a data set', a('PN', { Alphabetic: {} } as unknown as string), 'name group that is no text'],
    ['LO that is a number', a('LO', 5), 'has a number, which LO cannot have'],
    ['LO that is an object', a('LO', { Alphabetic: 'x' }), 'has an object, which LO cannot have'],
    ['LT with two values', a('LT', 'a', 'b'), 'has 2 values, LT has one'],
    ['OB with Value', a('OB', 1), 'has Value, which OB cannot have'],
    ['LO with InlineBinary', { vr: 'LO', InlineBinary: 'YQ==' }, 'has InlineBinary, which LO cannot have'],
    ['OB that is not base64', { vr: 'OB', InlineBinary: 'no!' }, 'not base64'],
    ['bulk data', { vr: 'OB', BulkDataURI: 'http://x' }, 'has bulk data, which DIMSE cannot carry'],
    ['an item that is null', a('SQ', null), 'no data set'],
    ['a VR that is none', { vr: 'ZZ' } as unknown as Attribute, 'has no value representation'],
  ])('%s is an error that names the attribute, not the value', (_name, attribute, problem) => {
    const dataSet = dataSetOf({ '00400100': a('SQ', dataSetOf({}), dataSetOf({ '00091001': attribute })) });
    expect(() => encodeDataSet(dataSet, EXPLICIT)).toThrow(invalid('00400100[1].00091001'));
    expect(() => encodeDataSet(dataSet, EXPLICIT)).toThrow(invalid(problem));
  });
});

describe('Specific Character Set (PS3.5 6.1)', () => {
  const name = (text: string) => ({ '00100010': a('PN', { Alphabetic: text }) });
  const setOf = (dataSet: Record<string, Attribute>, options?: EncodeOptions) =>
    decodeDataSet(encodeDataSet(dataSetOf(dataSet), EXPLICIT, options), EXPLICIT)['00080005'];
  const old = { '00080005': a('CS', 'ISO_IR 101') };

  test('by default none for ASCII, ISO_IR 192 for anything else, whatever the data set said', () => {
    expect(setOf({ ...old, ...name('Doe') })).toBeUndefined();
    expect(setOf({ ...old, ...name('Müller') })).toEqual(a('CS', 'ISO_IR 192'));
  });

  test('the set asked for is written and used, in its legal spelling', () => {
    expect(explicit({ ...old, ...name('Müller') }, { characterSet: ['ISO_IR 100'] })).toBe(
      '\x08\0\x05\0CS\x0a\0ISO_IR 100\x10\0\x10\0PN\x06\0M\xfcller',
    );
    expect(setOf(name('山'), { characterSet: ['ISO 2022 IR 87'] })).toEqual(a('CS', null, 'ISO 2022 IR 87'));
    expect(setOf({}, { characterSet: ['ISO_IR 100'] })).toEqual(a('CS', 'ISO_IR 100'));
    expect(setOf(name('Doe'), { characterSet: ['ISO_IR 6'] })).toBeUndefined();
  });

  test('it stands in its place among the tags', () => {
    const attributes = { '00080001': a('UL', 1), '00080008': a('CS', 'X') };
    const dataSet = decodeDataSet(encodeDataSet(dataSetOf(attributes), EXPLICIT, { characterSet: ['ISO_IR 100'] }), EXPLICIT); // prettier-ignore
    expect(Object.keys(dataSet)).toEqual(['00080001', '00080005', '00080008']);
  });

  test('items inherit it: their own is left out, since all is written in one set', () => {
    const item = dataSetOf({ ...old, '00400007': a('LO', 'é') });
    const bytes = encodeDataSet(dataSetOf({ '00400100': a('SQ', item) }), EXPLICIT, { characterSet: ['ISO_IR 100'] });
    expect(JSON.parse(JSON.stringify(decodeDataSet(bytes, EXPLICIT)))).toEqual({
      '00080005': a('CS', 'ISO_IR 100'),
      '00400100': a('SQ', { '00400007': a('LO', 'é') }),
    });
  });

  test('a character that is missing: UTF-8 by default, "?" or an error by option', () => {
    const characterSet = ['ISO_IR 100'];
    expect(setOf(name('山'), { characterSet })).toEqual(a('CS', 'ISO_IR 192'));
    expect(explicit(name('é山'), { characterSet, unencodable: 'replace' })).toMatch(/\xe9\?$/);
    expect(() => explicit(name('山'), { characterSet, unencodable: 'fail' })).toThrow(
      expect.objectContaining({
        code: 'CHARACTER_UNENCODABLE',
        message: '00100010 has a character that ISO_IR 100 lacks',
      }),
    );
  });

  test('each value starts anew in the first set', () => {
    const bytes = explicit({ '00100020': a('LO', '山', '山') }, { characterSet: ['', 'ISO 2022 IR 87'] });
    expect(bytes).toContain('\x1b$B;3\x1b(B\\\x1b$B;3\x1b(B');
  });

  test('VRs that are always ASCII keep other text as UTF-8, "?" or an error by option', () => {
    const station = { '00400001': a('AE', 'Ä') };
    expect(decodeDataSet(encodeDataSet(dataSetOf(station), EXPLICIT), EXPLICIT)['00400001']).toEqual(a('AE', 'Ä'));
    expect(explicit(station, { unencodable: 'replace', characterSet: [] })).toMatch(/\? $/);
    expect(() => explicit(station, { unencodable: 'fail', characterSet: [] })).toThrow(
      expect.objectContaining({ code: 'CHARACTER_UNENCODABLE' }),
    );
  });

  test('an unknown set is refused', () => {
    expect(() => explicit({}, { characterSet: ['ISO_IR 999'] })).toThrow(
      expect.objectContaining({ code: 'CHARACTER_SET_UNSUPPORTED' }),
    );
  });
});
