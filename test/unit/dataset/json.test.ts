import { describe, expect, test } from '@jest/globals';

import { fromJson, parseJsonDataSets, toJson } from '../../../src/dataset/json.ts';
import { dataSetOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { GatewayError } from '../../../src/errors.ts';

function refusal(read: () => unknown): GatewayError {
  try {
    read();
  } catch (error) {
    if (error instanceof GatewayError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('DICOM JSON model, strict form (PS3.18 F.2)', () => {
  const TEXT =
    '{"00080061":{"vr":"CS","Value":["CT",null,"PT"]},"00080090":{"vr":"PN"},' +
    '"00091001":{"vr":"UN","InlineBinary":"AAEC"},' +
    '"00100010":{"vr":"PN","Value":[{"Alphabetic":"Wang^XiaoDong","Ideographic":"王^小東"}]},' +
    '"00101030":{"vr":"DS","Value":[70.5]},"00101020":{"vr":"DS","Value":["1.50"]},' +
    '"00400008":{"vr":"SQ","Value":[{"00080100":{"vr":"SH","Value":["X1"]}},{}]},"00400100":{"vr":"SQ"}}';
  const DATA_SET: DataSet = dataSetOf({
    '00080061': { vr: 'CS', Value: ['CT', null, 'PT'] },
    '00080090': { vr: 'PN' },
    '00091001': { vr: 'UN', InlineBinary: 'AAEC' },
    '00100010': { vr: 'PN', Value: [{ Alphabetic: 'Wang^XiaoDong', Ideographic: '王^小東' }] },
    '00101020': { vr: 'DS', Value: ['1.50'] },
    '00101030': { vr: 'DS', Value: [70.5] },
    '00400008': { vr: 'SQ', Value: [dataSetOf({ '00080100': { vr: 'SH', Value: ['X1'] } }), dataSetOf({})] },
    '00400100': { vr: 'SQ' },
  });

  test('reads names, empty values, items and binary as they stand', () => {
    expect(parseJsonDataSets(TEXT)).toStrictEqual([DATA_SET]);
  });

  test('writes tags in ascending order whatever the order of properties (F.2.2)', () => {
    const written = toJson(dataSetOf({ '30020010': { vr: 'IS' }, '0040A390': { vr: 'SQ' }, '00080005': { vr: 'CS' } }));
    expect(written).toBe('{"00080005":{"vr":"CS"},"0040A390":{"vr":"SQ"},"30020010":{"vr":"IS"}}');
    expect(JSON.parse(toJson(DATA_SET))).toEqual(JSON.parse(TEXT));
  });

  test('keeps the text of a number whose notation is not the usual one, and only then', () => {
    const read = fromJson({ '00101030': { vr: 'DS', Value: ['+0012', '1.50', '70.5', 3] } });
    expect(read['00101030']).toEqual({ vr: 'DS', Value: ['+0012', '1.50', 70.5, 3] });
    expect(toJson(read)).toBe('{"00101030":{"vr":"DS","Value":["+0012","1.50",70.5,3]}}');
  });

  test('carries 64-bit integers beyond 2^53 exactly, as number or as text', () => {
    const [read] = parseJsonDataSets('{"00091001":{"vr":"UV","Value":[18446744073709551615,"9007199254740993",7]}}');
    expect(read?.['00091001']?.Value).toEqual(['18446744073709551615', '9007199254740993', 7]);
    expect(() => fromJson({ '00091001': { vr: 'UV', Value: [2 ** 60] } })).toThrow(GatewayError);
  });

  test('escapes what JSON must escape and nothing else', () => {
    const value = 'a"b\u0007\n é 日 😀';
    const text = toJson(dataSetOf({ '00104000': { vr: 'LT', Value: [value] } }));
    expect(JSON.parse(text)).toEqual({ '00104000': { vr: 'LT', Value: [value] } });
    expect(text).toContain('é 日 😀');
  });

  test('writes what JSON has no number for as text, and keeps a negative zero', () => {
    const dataSet = dataSetOf({ '00091001': { vr: 'FD', Value: ['NaN', '-Infinity', -0, 0.1] } });
    expect(toJson(dataSet)).toBe('{"00091001":{"vr":"FD","Value":["NaN","-Infinity",-0,0.1]}}');
    expect(parseJsonDataSets(toJson(dataSet))).toStrictEqual([dataSet]);
  });
});

describe('DICOM JSON model, lenient input (PS3.18 Annex F as sent in practice)', () => {
  test.each([
    ['an empty Value', { vr: 'CS', Value: [] }],
    ['a single null', { vr: 'CS', Value: [null] }],
    ['an empty string', { vr: 'CS', Value: [''] }],
    ['a null Value', { vr: 'CS', Value: null }],
  ])('reads %s as an empty attribute', (_title, attribute) => {
    expect(fromJson({ '00080060': attribute })).toStrictEqual(dataSetOf({ '00080060': { vr: 'CS' } }));
  });

  test('looks up a missing or unknown vr, and corrects a wrong one when the value fits', () => {
    const read = fromJson({
      '00080060': { Value: ['CT'] },
      '00100020': { vr: 'XX', Value: ['1'] },
      '00081197': { vr: 'UI', Value: ['272'] },
      '00404041': { vr: 'US' },
      '00091001': { vr: 'SH', Value: ['private'] },
      '00101002': { vr: 'UN', InlineBinary: 'AAA=' },
    });
    expect(read).toStrictEqual(
      dataSetOf({
        '00080060': { vr: 'CS', Value: ['CT'] },
        '00081197': { vr: 'US', Value: [272] },
        '00091001': { vr: 'SH', Value: ['private'] },
        '00100020': { vr: 'LO', Value: ['1'] },
        '00101002': { vr: 'UN', InlineBinary: 'AAA=' },
        '00404041': { vr: 'CS' },
      }),
    );
  });

  test('reads lower-case tags, person names as text, padded UIDs, and drops group lengths', () => {
    const read = fromJson({
      '0040a390': { vr: 'SQ', Value: [null] },
      '00100010': { vr: 'PN', Value: ['Yamada^Tarou=山田^太郎=やまだ^たろう', { Alphabetic: '' }] },
      '0020000d': { vr: 'UI', Value: ['1.2.3\0'] },
      '00100000': { vr: 'UL', Value: [4] },
    });
    expect(read).toStrictEqual(
      dataSetOf({
        '0040A390': { vr: 'SQ' },
        '00100010': {
          vr: 'PN',
          Value: [{ Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' }, null],
        },
        '0020000D': { vr: 'UI', Value: ['1.2.3'] },
      }),
    );
  });

  test('accepts an array, one object, and a byte order mark', () => {
    const one = dataSetOf({ '00080060': { vr: 'CS' } });
    expect(parseJsonDataSets('\ufeff[{"00080060":{"vr":"CS"}},{}]')).toStrictEqual([one, dataSetOf({})]);
    expect(parseJsonDataSets('{"00080060":{"vr":"CS"}}')).toStrictEqual([one]);
    expect(parseJsonDataSets('[]')).toStrictEqual([]);
  });
});

describe('DICOM JSON model, refused input', () => {
  test.each([
    ['a key that is no tag', '{"__proto__":{"vr":"CS"}}'],
    ['a command element', '{"00000002":{"vr":"UI"}}'],
    ['a file meta element', '{"00020010":{"vr":"UI"}}'],
    ['an item delimiter', '{"FFFEE000":{"vr":"UN"}}'],
    ['an attribute that is an array', '{"00080060":[]}'],
    ['a value of the wrong type', '{"00080060":{"vr":"CS","Value":[true]}}'],
    ['a number where text belongs', '{"00100020":{"vr":"LO","Value":[12]}}'],
    ['text in a dictionary VR that it does not fit', '{"00081197":{"vr":"UI","Value":["1.2.3"]}}'],
    ['a number that no double holds', '{"00091001":{"vr":"FD","Value":[1e999]}}'],
    ['an integer out of range', '{"00081197":{"vr":"US","Value":[65536]}}'],
    ['a backslash inside a value', '{"00081040":{"vr":"LO","Value":["a\\\\b"]}}'],
    ['a group delimiter inside a component group', '{"00100010":{"vr":"PN","Value":[{"Alphabetic":"a=b"}]}}'],
    ['two values of LT', '{"00104000":{"vr":"LT","Value":["a","b"]}}'],
    ['base64 that is none', '{"00091001":{"vr":"OB","InlineBinary":"A?=="}}'],
    ['InlineBinary with a text VR', '{"00091001":{"vr":"LO","InlineBinary":"AAA="}}'],
    ['Value and InlineBinary together', '{"00091001":{"vr":"OB","Value":[],"InlineBinary":"AAA="}}'],
    ['bulk data', '{"00091001":{"vr":"OB","BulkDataURI":"http://127.0.0.1/x"}}'],
    ['an item that is a string', '{"00400100":{"vr":"SQ","Value":["CT"]}}'],
    ['a property given twice', '{"00080060":{"vr":"CS"},"00080060":{"vr":"CS"}}'],
    ['a property given twice through an escape', '{"00080060":{"vr":"CS","\\u0076r":"CS"}}'],
    ['a tag given in both cases', '{"0040A390":{"vr":"SQ"},"0040a390":{"vr":"SQ"}}'],
    ['text that is not JSON', '{"00080060":'],
    ['a number', '1'],
  ])('refuses %s', (_title, text) => {
    expect(refusal(() => parseJsonDataSets(text)).code).toBe('DATA_SET_INVALID');
  });

  test('allows one name in sibling objects: only the same object may not repeat it', () => {
    const item = '{"00080100":{"vr":"SH"}}';
    expect(parseJsonDataSets(`{"00400008":{"vr":"SQ","Value":[${item},${item}]}}`)).toHaveLength(1);
  });

  test('caps nesting', () => {
    const deep = '{"00400008":{"vr":"SQ","Value":['.repeat(100) + '{}' + ']}}'.repeat(100);
    expect(refusal(() => parseJsonDataSets(deep)).code).toBe('DATA_SET_TOO_LARGE');
  });

  test.each<[string, string, string]>([
    ['digits', 'US', `${'1'.repeat(200_000)}x`],
    ['decimals', 'FD', `1.${'1'.repeat(200_000)}x`],
    ['NUL characters', 'LO', `${'\0'.repeat(200_000)}x\0`],
  ])('a value of many %s takes no time that grows with its square', (_title, vr, value) => {
    const started = performance.now();
    try {
      fromJson({ '00091001': { vr, Value: [value] } });
    } catch (error) {
      expect((error as GatewayError).code).toBe('DATA_SET_INVALID');
    }
    expect(performance.now() - started).toBeLessThan(1000);
  });

  test('names the attribute by path and never repeats a value', () => {
    const error = refusal(() =>
      fromJson({ '00400100': { vr: 'SQ', Value: [{ '00400006': { vr: 'PN', Value: ['Secret\\Name'] } }] } }),
    );
    expect(error.message).toMatch(/^00400100\.00400006: /);
    expect(error.message).not.toContain('Secret');
    expect(refusal(() => parseJsonDataSets('{"00100010": Secret')).message).not.toContain('Secret');
  });
});
