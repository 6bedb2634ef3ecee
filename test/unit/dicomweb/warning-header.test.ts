import { describe, expect, test } from '@jest/globals';
import { encodeWarning, parseWarnings } from '../../../src/dicomweb/warning-header.ts';

const BASE = 'http://ris.example:8080/dicomweb';
const MORE = 'There are 12 additional results that can be requested';

describe('the Warning header (PS3.18 8.3.4.4, RFC 7234 5.5)', () => {
  test('is written in the form of DICOM, without quotes', () => {
    expect(encodeWarning(BASE, MORE)).toBe(`299 ${BASE}: ${MORE}`);
  });

  test('keeps line ends and other than ASCII out of the header', () => {
    expect(encodeWarning(BASE, 'a\r\nSet-Cookie: b=é\u0000')).toBe(`299 ${BASE}: a Set-Cookie: b=??`);
  });

  test.each([
    ['the form of DICOM', `299 ${BASE}: ${MORE}`, '299', BASE, MORE],
    ['the form of RFC 7234', `299 ris "${MORE}"`, '299', 'ris', MORE],
    ['quotes and a date', `299 ris:80 "say \\"hi\\"" "Sat, 25 Aug 2012 23:34:45 GMT"`, '299', 'ris:80', 'say "hi"'],
    ['no agent', '299 - something', '299', '-', 'something'],
    ['a DIMSE status as its code', `A700 ${BASE}: Out of memory`, 'A700', BASE, 'Out of memory'],
    ['a text with a comma', `299 ${BASE}: one, two and 300 more`, '299', BASE, 'one, two and 300 more'],
    ['no service at all', '299 Fuzzy', '299', '', 'Fuzzy'],
  ])('is read in %s', (_what, field, code, agent, text) => {
    expect(parseWarnings(field)).toEqual([{ code, agent, text }]);
  });

  test('several come in one field or in several', () => {
    expect(parseWarnings([`299 a "x", 299 b "y"`, `299 ${BASE}: z, 299 ${BASE}: w`]).map(({ text }) => text)).toEqual([
      'x',
      'y',
      'z',
      'w',
    ]);
  });

  test('what is none is left out', () => {
    expect(parseWarnings(['', 'nonsense', '29 x'])).toEqual([]);
    expect(parseWarnings(undefined)).toEqual([]);
  });

  test('what is written is read again', () => {
    expect(parseWarnings(encodeWarning(BASE, MORE))).toEqual([{ code: '299', agent: BASE, text: MORE }]);
  });
});
