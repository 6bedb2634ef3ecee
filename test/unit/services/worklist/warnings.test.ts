import { describe, expect, test } from '@jest/globals';

import {
  WARNINGS,
  moreResults,
  parameterIgnored,
  parseWarningHeader,
  toWarningHeader,
  warningFromHeader,
} from '../../../../src/services/worklist/warnings.ts';

const BASE = 'http://127.0.0.1:8080/dicomweb';

describe('Warning header fields (PS3.18 8.3.4, verbatim texts)', () => {
  test('are written as DICOM has them: 299, service, text without quotes (C10)', () => {
    expect(toWarningHeader(BASE, WARNINGS.fuzzyMatchingNotSupported)).toBe(
      `299 ${BASE}: The fuzzymatching parameter is not supported. Only literal matching has been performed.`,
    );
    expect(toWarningHeader(BASE, moreResults(17))).toBe(
      `299 ${BASE}: There are 17 additional results that can be requested`,
    );
  });

  test('cannot be broken out of', () => {
    const header = toWarningHeader(BASE, { code: 'UPSTREAM_WARNING', text: 'a\r\nSet-Cookie: b\u00e9' });
    expect(header).toBe(`299 ${BASE}: a??Set-Cookie: b?`);
  });

  test.each([...Object.values(WARNINGS), moreResults(3)])('mean the same when read again: $code', (warning) => {
    const [header] = parseWarningHeader(toWarningHeader(BASE, warning));
    expect(header && warningFromHeader(header)).toEqual(warning);
  });

  test('are read quoted too, with a date, and several in one field', () => {
    const field =
      '299 - "There are 5 additional results that can be requested" "Wed, 21 Oct 2015 07:28:00 GMT", ' +
      '199 proxy:80 "quote \\" inside", A700 http://h/b: Out of memory, really';
    expect(parseWarningHeader(field)).toEqual([
      { code: '299', text: 'There are 5 additional results that can be requested' },
      { code: '199', text: 'quote " inside' },
      { code: 'A700', text: 'Out of memory, really' },
    ]);
  });

  test('another text is kept apart, with its DIMSE status when it begins with one', () => {
    expect(warningFromHeader({ code: '299', text: 'slow today' })).toEqual({
      code: 'UPSTREAM_WARNING',
      text: 'The far end warns',
      words: 'slow today',
    });
    expect(warningFromHeader({ code: '299', text: 'FF01: keys ignored' })).toEqual({
      code: 'OPTIONAL_KEYS_NOT_SUPPORTED',
      text: 'FF01: optional keys not supported',
      words: 'FF01: keys ignored',
      dimseStatus: 0xff01,
    });
    expect(warningFromHeader({ code: 'B001', text: 'limit' })).toMatchObject({ code: 'RESULTS_MAY_BE_INCOMPLETE' });
    expect(parseWarningHeader('nonsense')).toEqual([]);
  });

  test('a parameter that is ignored is told by its label', () => {
    expect(parameterIgnored('number 1').text).toBe('Parameter number 1 is not supported and has been ignored.');
  });
});
