import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { decodeDataSet } from '../../../src/dataset/binary/decode.ts';
import type { DataSetIssue, DecodeOptions } from '../../../src/dataset/binary/decode.ts';
import { TRANSFER_SYNTAXES } from '../../../src/dataset/binary/transfer-syntax.ts';
import { attribute as a } from '../../../src/dataset/model.ts';
import type { Attribute } from '../../../src/dataset/model.ts';

const { implicitVrLittleEndian: IMPLICIT, explicitVrLittleEndian: EXPLICIT, deflated: DEFLATED } = TRANSFER_SYNTAXES;
const UNDEFINED = 0xffffffff;
const LONG = new Set(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'SQ', 'SV', 'UC', 'UN', 'UR', 'UT', 'UV', 'ZZ']);

/** Little-endian numbers of so many bytes. */
const le = (size: 2 | 4, ...values: number[]) =>
  Buffer.concat(values.map((value) => Buffer.from(Array.from({ length: size }, (_, i) => (value / 256 ** i) & 0xff))));
const tagBytes = (tag: string) => le(2, parseInt(tag.slice(0, 4), 16), parseInt(tag.slice(4), 16));
const bytesOf = (value: Buffer | string) => (typeof value === 'string' ? Buffer.from(value, 'latin1') : value);

/** An element in Explicit VR, laid out by hand; `length` may lie. */
function element(tag: string, vr: string, value: Buffer | string = '', length = bytesOf(value).length): Buffer {
  const head = LONG.has(vr) ? [Buffer.from(vr), le(2, 0), le(4, length)] : [Buffer.from(vr), le(2, length)];
  return Buffer.concat([tagBytes(tag), ...head, bytesOf(value)]);
}

/** An element in Implicit VR. */
function implicit(tag: string, value: Buffer | string = '', length = bytesOf(value).length): Buffer {
  return Buffer.concat([tagBytes(tag), le(4, length), bytesOf(value)]);
}

const item = (content: Buffer | string = '', length?: number) => implicit('FFFEE000', content, length);
const ITEM_END = implicit('FFFEE00D');
const SEQUENCE_END = implicit('FFFEE0DD');
const join = (...parts: Buffer[]) => Buffer.concat(parts);

function decode(
  bytes: Buffer,
  syntax: (typeof TRANSFER_SYNTAXES)[keyof typeof TRANSFER_SYNTAXES] = EXPLICIT,
  options: DecodeOptions = {},
) {
  const issues: DataSetIssue[] = [];
  const dataSet = decodeDataSet(bytes, syntax, { ...options, report: (issue) => issues.push(issue) });
  return { dataSet, issues: issues.map(({ code, path }) => `${code} ${path}`) };
}

function expectDecoded(bytes: Buffer, expected: Record<string, Attribute>, issues: string[] = []): void {
  const result = decode(bytes);
  expect({ ...result.dataSet }).toEqual(expected);
  expect(result.issues).toEqual(issues);
}

const invalid = (text: string) =>
  expect.objectContaining({ code: 'DATA_SET_INVALID', message: expect.stringContaining(text) as unknown });

describe('values (PS3.5 6.2)', () => {
  test.each<[string, string, Buffer | string, Attribute]>([
    ['00080060', 'CS', 'CT\\ \\PT ', a('CS', 'CT', null, 'PT')],
    ['00080060', 'CS', ' CT ', a('CS', 'CT')],
    ['00080060', 'CS', '\\ ', a('CS', null, null)],
    ['00100020', 'LO', ' padded ', a('LO', ' padded')],
    ['00100020', 'LO', '  ', a('LO')],
    ['00104000', 'LT', ' a\\b  ', a('LT', ' a\\b')],
    ['00081190', 'UR', 'http://x/?a\\b ', a('UR', 'http://x/?a\\b')],
    ['0020000D', 'UI', '1.2.3\0', a('UI', '1.2.3')],
    ['0020000D', 'UI', '1.2\\1.3\0', a('UI', '1.2', '1.3')],
    ['00101030', 'DS', '70.5\\1.50\\+3\\x', a('DS', 70.5, '1.50', '+3', 'x')],
    ['00200013', 'IS', ' 12\\+0012 ', a('IS', 12, '+0012')],
    ['00100010', 'PN', 'A^B=C=  ', a('PN', { Alphabetic: 'A^B', Ideographic: 'C' })],
    ['00100010', 'PN', '=C\\\\B=', a('PN', { Ideographic: 'C' }, null, { Alphabetic: 'B' })],
    ['00280009', 'AT', le(2, 0x18, 0x1063), a('AT', '00181063')],
    ['00280009', 'AT', le(2, 0x18, 0x1063, 0xfffe, 0xe000), a('AT', '00181063', 'FFFEE000')],
    ['001021C0', 'US', le(2, 4, 65535), a('US', 4, 65535)],
    ['00189219', 'SS', le(2, 65535), a('SS', -1)],
    ['00081161', 'UL', le(4, UNDEFINED), a('UL', 4294967295)],
    ['00186020', 'SL', le(4, UNDEFINED), a('SL', -1)],
    ['00180013', 'FL', Buffer.from('0000c03f0000c07f', 'hex'), a('FL', 1.5, 'NaN')],
    ['00081163', 'FD', Buffer.from('000000000000f83f000000000000f0ff', 'hex'), a('FD', 1.5, '-Infinity')],
    ['00720082', 'SV', Buffer.from('ffffffffffffff7f', 'hex'), a('SV', '9223372036854775807')],
    ['00080428', 'UV', Buffer.from('0500000000000000', 'hex'), a('UV', 5)],
    ['00420011', 'OB', 'ab', { vr: 'OB', InlineBinary: 'YWI=' }],
    ['00091001', 'UN', 'ab', { vr: 'UN', InlineBinary: 'YWI=' }],
  ])('%s %s', (tag, vr, value, expected) => {
    expectDecoded(element(tag, vr, value), { [tag]: expected });
  });

  test('a name of empty groups is empty, one of four groups is not cut silently', () => {
    expectDecoded(element('00100010', 'PN', '==  '), { '00100010': a('PN') });
    expect(decode(element('00100010', 'PN', 'A=B=C=D=EF')).issues).toEqual(['NAME_GROUPS 00100010']);
  });

  test.each(['AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FD', 'FL', 'IS', 'LO', 'LT', 'OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'PN', 'SH', 'SL', 'SQ', 'SS', 'ST', 'SV', 'TM', 'UC', 'UI', 'UL', 'UN', 'UR', 'US', 'UT', 'UV'])(
    'an empty %s stays empty',
    (vr) => {
      expectDecoded(element('00091001', vr), { '00091001': { vr } as Attribute });
    },
  ); // prettier-ignore

  test.each([
    ['US', 3, 'has 3 bytes, which is no multiple of 2 (US)'],
    ['FD', 4, 'has 4 bytes, which is no multiple of 8 (FD)'],
    ['AT', 2, 'has 2 bytes, which is no multiple of 4 (AT)'],
    ['OV', 10, 'has 10 bytes, which is no multiple of 8 (OV)'],
  ])('a value that is no whole number of %s is an error', (vr, length, message) => {
    expect(() => decode(element('00091001', vr, Buffer.alloc(length)))).toThrow(invalid(message));
  });

  test('an odd length is tolerated and reported (PS3.5 7.1.1)', () => {
    expectDecoded(element('00080060', 'CS', 'MR1'), { '00080060': a('CS', 'MR1') }, ['ODD_LENGTH 00080060']);
  });

  test('text beyond ASCII in a VR that has none is kept and reported', () => {
    expectDecoded(element('00080060', 'CS', '\xdc '), { '00080060': a('CS', 'Ü') }, ['CHARACTER_SET_MISSING 00080060']);
  });
});

describe('transfer syntaxes (PS3.5 A)', () => {
  test('Implicit VR takes the VR from the dictionary, LO for private creators, UN for the unknown', () => {
    const bytes = join(
      implicit('00080060', 'CT'),
      implicit('00090010', 'ACME'),
      implicit('00091001', 'ab'),
      implicit('00180FFE', 'ab'),
      implicit('60020010', le(2, 512)),
    );
    expect({ ...decode(bytes, IMPLICIT).dataSet }).toEqual({
      '00080060': a('CS', 'CT'),
      '00090010': a('LO', 'ACME'),
      '00091001': { vr: 'UN', InlineBinary: 'YWI=' },
      '00180FFE': { vr: 'UN', InlineBinary: 'YWI=' },
      '60020010': a('US', 512),
    });
  });

  test('Implicit VR: US or SS as Pixel Representation says, US without it (PS3.5 A.1)', () => {
    const smallest = implicit('00280106', le(2, 65535));
    expect(decode(smallest, IMPLICIT).dataSet['00280106']).toEqual(a('US', 65535));
    expect(decode(join(implicit('00280103', le(2, 0)), smallest), IMPLICIT).dataSet['00280106']).toEqual(
      a('US', 65535),
    );
    expect(decode(join(implicit('00280103', le(2, 1)), smallest), IMPLICIT).dataSet['00280106']).toEqual(a('SS', -1));
  });

  test('Deflated is inflated first, a padding byte after it is ignored (PS3.5 A.5)', () => {
    const deflated = deflateRawSync(element('00080060', 'CS', 'CT'));
    expect({ ...decode(deflated, DEFLATED).dataSet }).toEqual({ '00080060': a('CS', 'CT') });
    expect({ ...decode(join(deflated, Buffer.of(0)), DEFLATED).dataSet }).toEqual({ '00080060': a('CS', 'CT') });
  });

  test('a deflated bomb is refused before it is unpacked, a damaged or cut one is an error', () => {
    const bomb = deflateRawSync(element('00420011', 'OB', Buffer.alloc(20_000_000)));
    const options = { maximumInflatedBytes: 1_000_000 };
    expect(() => decode(bomb, DEFLATED, options)).toThrow(expect.objectContaining({ code: 'DATA_SET_TOO_LARGE' }));
    // Whatever is allowed: no data set comes down to a two-hundredth.
    const small = deflateRawSync(element('00420011', 'OB', Buffer.alloc(500_000)));
    expect(() => decode(small, DEFLATED)).toThrow(expect.objectContaining({ code: 'DATA_SET_TOO_LARGE' }));
    const honest = deflateRawSync(
      element('00420011', 'OB', Buffer.from(Array.from({ length: 20_000 }, (_value, i) => (i * i) % 256))),
    );
    expect(() => decode(honest.subarray(0, 100), DEFLATED)).toThrow(invalid('damaged or cut off'));
    expect(() => decode(Buffer.from('not deflated'), DEFLATED)).toThrow(invalid('damaged or cut off'));
  });

  test('an unknown VR has a length of four bytes and is read as UN (PS3.5 6.2)', () => {
    expectDecoded(element('00091001', 'ZZ', 'ab'), { '00091001': { vr: 'UN', InlineBinary: 'YWI=' } }, ['UNKNOWN_VR 00091001']); // prettier-ignore
  });

  test('no VR where one must be is an error', () => {
    expect(() => decode(implicit('00080060', 'CT'))).toThrow(
      invalid('00080060 at byte 0: has no value representation'),
    );
  });

  test('UN of a known attribute is read by the dictionary, as bytes where it does not fit (PS3.5 6.2.2)', () => {
    expectDecoded(element('00100020', 'UN', 'PID '), { '00100020': a('LO', 'PID') });
    expectDecoded(element('00280010', 'UN', 'abc', 3), { '00280010': { vr: 'UN', InlineBinary: 'YWJj' } }, ['ODD_LENGTH 00280010']); // prettier-ignore
    const sequence = item(implicit('00080100', 'C1'));
    const expected = a('SQ', { '00080100': a('SH', 'C1') });
    expect(decode(element('00321064', 'UN', sequence)).dataSet['00321064']).toMatchObject(expected);
    const cut = sequence.subarray(0, -1);
    expect(decode(element('00321064', 'UN', cut)).dataSet['00321064']).toEqual({ vr: 'UN', InlineBinary: cut.toString('base64') }); // prettier-ignore
  });
});

describe('sequences (PS3.5 7.5)', () => {
  const content = element('00080060', 'CS', 'CT');
  const expected = { '00400100': a('SQ', { '00080060': a('CS', 'CT') }, {}) };
  const plainItems = (dataSet: unknown) => JSON.parse(JSON.stringify(dataSet)) as unknown;

  test.each([
    ['defined lengths', element('00400100', 'SQ', join(item(content), item()))],
    ['undefined lengths', element('00400100', 'SQ', join(item(join(content, ITEM_END), UNDEFINED), item(ITEM_END, UNDEFINED), SEQUENCE_END), UNDEFINED)],
    ['an undefined sequence of defined items', element('00400100', 'SQ', join(item(content), item(), SEQUENCE_END), UNDEFINED)],
    ['a defined sequence of undefined items', element('00400100', 'SQ', join(item(join(content, ITEM_END), UNDEFINED), item()))],
  ])('%s', (_name, bytes) => {
    const { dataSet, issues } = decode(join(bytes, element('00401001', 'SH', 'RP')));
    expect(plainItems(dataSet)).toEqual({ ...expected, '00401001': a('SH', 'RP') });
    expect(issues).toEqual([]);
  }); // prettier-ignore

  test('empty sequences of both kinds have no items', () => {
    expectDecoded(element('00400100', 'SQ', SEQUENCE_END, UNDEFINED), { '00400100': a('SQ') });
    expectDecoded(element('00400100', 'SQ'), { '00400100': a('SQ') });
  });

  test('UN of undefined length is a sequence in Implicit VR, in either syntax (PS3.5 6.2.2)', () => {
    const inner = join(item(implicit('00080060', 'CT')), SEQUENCE_END);
    const privateSequence = { '00091001': a('SQ', { '00080060': a('CS', 'CT') }) };
    expect(plainItems(decode(element('00091001', 'UN', inner, UNDEFINED)).dataSet)).toEqual(privateSequence);
    expect(plainItems(decode(implicit('00091001', inner, UNDEFINED), IMPLICIT).dataSet)).toEqual(privateSequence);
  });

  test.each([
    ['a value longer than the data set', element('00100020', 'LO', 'ab', 200), '00100020 at byte 8: has 200 bytes, of which 2 are there'],
    ['a value longer than its item', element('00400100', 'SQ', item(element('00400007', 'LO', 'ab', 4))), '00400100[0].00400007 at byte 28: has 4 bytes, of which 2 are there'],
    ['an item longer than its sequence', element('00400100', 'SQ', item(content, 200)), '00400100[0] at byte 20: has 200 bytes'],
    ['a second item that lies', element('00400100', 'SQ', join(item(), item(content, 11))), '00400100[1] at byte'],
    ['a header that is cut', join(content, Buffer.alloc(3)), 'ends after 3 more bytes, too few for a header'],
    ['a long header that is cut', element('00420011', 'OB').subarray(0, 10), '00420011'],
    ['a sequence without its end', element('00400100', 'SQ', item(content), UNDEFINED), '00400100[0]'],
    ['an item without its end', element('00400100', 'SQ', item(content, UNDEFINED)), 'the item ends without its delimiter'],
    ['something else than items', element('00400100', 'SQ', content), 'has something else than an item'],
    ['an item outside a sequence', item(), 'an item stands where an attribute should'],
    ['undefined length of a value', element('00420011', 'OB', 'ab', UNDEFINED), 'has undefined length, which OB cannot have'],
    ['an attribute that stands there twice', join(content, content), '00080060 at byte 20: the attribute stands there twice'],
  ])('%s is an error that says where', (_name, bytes, message) => {
    expect(() => decode(bytes)).toThrow(invalid(message));
  }); // prettier-ignore

  test('nesting is capped, and never overflows the stack', () => {
    const nested = (depth: number) => {
      const head = join(tagBytes('00400100'), Buffer.from('SQ'), le(2, 0), le(4, UNDEFINED), item('', UNDEFINED));
      return Buffer.concat(Array.from({ length: depth }, () => head));
    };
    const tooDeep = expect.objectContaining({ code: 'DATA_SET_TOO_LARGE' });
    expect(() => decode(nested(100_000))).toThrow(tooDeep);
    expect(() => decode(element('00400100', 'SQ', item(element('00400100', 'SQ', item()))), EXPLICIT, { maximumDepth: 1 })).toThrow(tooDeep); // prettier-ignore
    expect(decode(element('00400100', 'SQ', item()), EXPLICIT, { maximumDepth: 1 }).issues).toEqual([]);
  });

  test('the number of attributes and items is capped: each costs far more memory than bytes', () => {
    const items = element('00400100', 'SQ', Buffer.concat(Array.from({ length: 100 }, () => item())));
    expect(() => decode(items, EXPLICIT, { maximumElements: 100 })).toThrow(expect.objectContaining({ code: 'DATA_SET_TOO_LARGE' })); // prettier-ignore
    expect(decode(items, EXPLICIT, { maximumElements: 101 }).issues).toEqual([]);
  });
});

describe('what does not belong into a data set', () => {
  test('group lengths and trailing padding are dropped (PS3.5 7.2, 7.1)', () => {
    const bytes = join(
      element('00080000', 'UL', le(4, 10)),
      element('00080060', 'CS', 'CT'),
      element('FFFCFFFC', 'OB', Buffer.alloc(20)),
    );
    expectDecoded(bytes, { '00080060': a('CS', 'CT') });
  });

  test('groups 0000 and 0002 and stray delimiters are dropped and reported', () => {
    const bytes = join(
      element('00000100', 'US', le(2, 1)),
      element('00020010', 'UI', '1.2.840.10008.1.2\0'),
      ITEM_END,
      element('00080060', 'CS', 'CT'),
      SEQUENCE_END,
    );
    const { dataSet, issues } = decode(bytes);
    expect({ ...dataSet }).toEqual({ '00080060': a('CS', 'CT') });
    expect(issues.map((issue) => issue.split(' ')[0])).toEqual(Array(4).fill('ATTRIBUTE_DROPPED'));
  });

  test('tags out of order are tolerated and reported', () => {
    expectDecoded(
      join(element('00100020', 'LO', 'ID'), element('00080060', 'CS', 'CT')),
      { '00100020': a('LO', 'ID'), '00080060': a('CS', 'CT') },
      ['ATTRIBUTE_ORDER 00080060'],
    );
  });

  test('a peer cannot make us report without end', () => {
    const odd = Array.from({ length: 500 }, (_, i) =>
      element((0x00090100 + i).toString(16).padStart(8, '0'), 'LO', 'x'),
    );
    expect(decode(Buffer.concat(odd)).issues).toHaveLength(100);
  });
});

describe('character sets (PS3.5 6.1, PS3.3 C.12.1.1.2)', () => {
  const set = (terms: string) => element('00080005', 'CS', terms);
  const name = (text: Buffer | string) => element('00100010', 'PN', text);

  test('00080005 governs what follows and is kept as it came', () => {
    const { dataSet, issues } = decode(join(set('ISO_IR 100'), name('M\xfcller')));
    expect({ ...dataSet }).toEqual({
      '00080005': a('CS', 'ISO_IR 100'),
      '00100010': a('PN', { Alphabetic: 'Müller' }),
    });
    expect(issues).toEqual([]);
  });

  test('items inherit the set, and may have their own, which ends with them', () => {
    const bytes = join(
      set('ISO_IR 144'),
      element('00400100', 'SQ', join(
        item(element('00400007', 'LO', '\xbb\xee')),
        item(join(set('ISO_IR 100'), element('00400007', 'LO', '\xe9'), element('00400008', 'SQ', item(element('00080104', 'LO', '\xe9'))))),
        item(element('00400007', 'LO', '\xbb\xee')),
      )),
      element('00401004', 'LO', '\xbb\xee'),
    ); // prettier-ignore
    const { dataSet } = decode(bytes);
    expect(JSON.parse(JSON.stringify(dataSet))).toEqual({
      '00080005': a('CS', 'ISO_IR 144'),
      '00400100': a(
        'SQ',
        { '00400007': a('LO', 'Лю') },
        {
          '00080005': a('CS', 'ISO_IR 100'),
          '00400007': a('LO', 'é'),
          '00400008': a('SQ', { '00080104': a('LO', 'é') }),
        },
        { '00400007': a('LO', 'Лю') },
      ),
      '00401004': a('LO', 'Лю'),
    });
  });

  test('an empty first value is ASCII', () => {
    const bytes = join(set('\\ISO 2022 IR 87'), name('Y=\x1b$B;3\x1b(B '));
    expect(decode(bytes).dataSet['00100010']).toEqual(a('PN', { Alphabetic: 'Y', Ideographic: '山' }));
    expect(decode(bytes).dataSet['00080005']).toEqual(a('CS', null, 'ISO 2022 IR 87'));
  });

  test('a backslash inside a multi-byte character separates nothing', () => {
    const gbk = element('00100020', 'LO', '\xd4\x5c\\A');
    expect(decode(join(set('GB18030'), gbk)).dataSet['00100020']).toEqual(a('LO', '診', 'A'));
    const jis = element('00100020', 'LO', '\x1b$B?\\\\\\\x1b(B\\A');
    expect(decode(join(set('\\ISO 2022 IR 87'), jis)).dataSet['00100020']).toEqual(a('LO', '須樛', 'A'));
  });

  test('an unknown set is reported; ASCII needs none, other text is read as UTF-8 or Latin-1', () => {
    expect(decode(join(set('ISO_IR 999'), name('Doe ')))).toEqual({
      dataSet: expect.objectContaining({ '00100010': a('PN', { Alphabetic: 'Doe' }) }) as unknown,
      issues: ['CHARACTER_SET_UNKNOWN 00080005'],
    });
    expect(decode(join(set('ISO_IR 999'), name('M\xfcller'))).issues).toEqual([
      'CHARACTER_SET_UNKNOWN 00080005',
      'CHARACTER_SET_MISSING 00100010',
    ]);
  });

  test('a misspelt set is used and reported', () => {
    const { dataSet, issues } = decode(join(set('ISO_IR192 '), name(Buffer.from('Mü '))));
    expect(dataSet['00100010']).toEqual(a('PN', { Alphabetic: 'Mü' }));
    expect(issues).toEqual(['CHARACTER_SET_SPELLING 00080005']);
  });

  test('without 00080005 the default of the caller holds, which must be known', () => {
    const options = { defaultCharacterSet: ['ISO_IR 144'] };
    expect(decode(name('\xbb\xee'), EXPLICIT, options).dataSet['00100010']).toEqual(a('PN', { Alphabetic: 'Лю' }));
    expect(() => decode(name('a '), EXPLICIT, { defaultCharacterSet: ['x'] })).toThrow(
      expect.objectContaining({ code: 'CHARACTER_SET_UNSUPPORTED' }),
    );
  });

  test.each([
    ['SQ', item()],
    ['PN', 'ISO_IR 100'],
  ])('00080005 of VR %s is an error: nobody can tell what governs the text', (vr, value) => {
    expect(() => decode(join(element('00080005', vr, value), name('M\xfc')))).toThrow(
      invalid(`00080005 at byte ${vr === 'SQ' ? 20 : 18}: has VR ${vr}`),
    );
  });

  test('00080005 after text it governs is an error: that text was read in another set', () => {
    expect(() => decode(join(name('M\xfc'), set('ISO_IR 100')))).toThrow(invalid('stands after text it governs'));
    expect(decode(join(name('Mu'), set('ISO_IR 100'))).issues).toEqual(['ATTRIBUTE_ORDER 00080005']);
  });
});
