import { describe, expect, test } from '@jest/globals';
import {
  chooseEncoding,
  parseMediaRanges,
  parseMediaType,
  parseWeightedNames,
} from '../../../src/dicomweb/media-type.ts';

const plain = (text: string): unknown => {
  const parsed = parseMediaType(text);
  return parsed === undefined ? undefined : [parsed.type, Object.fromEntries(parsed.parameters)];
};

describe('media types (RFC 9110 8.3.1)', () => {
  test.each([
    ['application/dicom+json', 'application/dicom+json', {}],
    ['Application/DICOM+json ; Charset="UTF-8"', 'application/dicom+json', { charset: 'UTF-8' }],
    [
      'multipart/related; type="application/dicom+xml"; boundary="a;b,c"',
      'multipart/related',
      { type: 'application/dicom+xml', boundary: 'a;b,c' },
    ],
    [
      'multipart/related;type=application/dicom+xml;boundary=x',
      'multipart/related',
      { type: 'application/dicom+xml', boundary: 'x' },
    ],
    ['a/b; c="say \\"hi\\""', 'a/b', { c: 'say "hi"' }],
    ['a/b;;c=1;', 'a/b', { c: '1' }],
  ])('%s', (text, type, parameters) => {
    expect(plain(text)).toEqual([type, parameters]);
  });

  test.each(['', 'json', 'a/', '/b', 'a/b/c', 'a b/c', '*/json', 'a/b; c', 'a/b; =1'])('%s is none', (text) => {
    expect(plain(text)).toBeUndefined();
  });
});

describe('lists with weights (RFC 9110 12.4.2)', () => {
  test('commas inside quotes do not split, malformed elements are told apart', () => {
    const { ranges, malformed } = parseMediaRanges('a/b;x="1,2";q=0.5, nonsense, */*;q=0, c/d;q=2');
    expect(ranges.map(({ type, quality }) => [type, quality])).toEqual([
      ['a/b', 0.5],
      ['*/*', 0],
    ]);
    expect(ranges[0]?.parameters.get('q')).toBeUndefined();
    expect(malformed).toEqual(['nonsense', 'c/d;q=2']);
  });

  test('names of Accept-Charset and Accept-Encoding', () => {
    expect(parseWeightedNames('UTF-8, "ISO_IR 100";q=0.8, *;q=0, x;q=9')).toEqual([
      { name: 'utf-8', quality: 1 },
      { name: 'iso_ir 100', quality: 0.8 },
      { name: '*', quality: 0 },
    ]);
  });
});

describe('content coding (RFC 9110 12.5.3)', () => {
  test.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['br, gzip;q=0.1', 'gzip'],
    ['x-gzip', 'gzip'],
    ['*', 'gzip'],
    ['gzip;q=0, *', 'identity'],
    ['identity', 'identity'],
    ['gzip;q=0.5, identity', 'identity'],
    ['deflate', 'identity'],
  ] as const)('%s gives %s', (header, coding) => {
    expect(chooseEncoding(header)).toBe(coding);
  });
});
