import { describe, expect, test } from '@jest/globals';

import {
  COMMON_FAILURE_CODES,
  INSTANCE_FAILURE_CODES,
  SEARCH_FAILURE_CODES,
  ServiceFailure,
} from '../../../../src/services/port.ts';
import type { RetryClass } from '../../../../src/services/port.ts';
import {
  OUTCOMES,
  dimseOutcome,
  failureFromDimse,
  failureFromHttp,
  httpOutcome,
  isFindFailure,
  isPending,
} from '../../../../src/services/worklist/outcomes.ts';
import type { WorklistFailureCode } from '../../../../src/services/worklist/outcomes.ts';

function hex(status: number): string {
  return status.toString(16).toUpperCase().padStart(4, '0');
}

/** Every failure, what an SCU gets and what a user agent gets. */
const TABLE: readonly [WorklistFailureCode, string, number, boolean][] = [
  ['BAD_REQUEST', 'A900', 400, false],
  ['NOT_AUTHORIZED', 'C002', 403, false],
  ['RESOURCE_NOT_FOUND', 'C003', 502, false],
  ['UPSTREAM_TIMEOUT', 'C004', 504, false],
  ['UPSTREAM_UNREACHABLE', 'C005', 503, true],
  ['UPSTREAM_UNTRUSTED', 'C005', 502, false],
  ['UPSTREAM_REJECTED', 'C005', 502, false],
  ['UPSTREAM_ERROR', 'C006', 502, false],
  ['UPSTREAM_PROTOCOL_ERROR', 'C007', 502, false],
  ['CONNECTION_LOST', 'C00A', 502, false],
  ['ANSWER_TRUNCATED', 'C00A', 502, false],
  ['ANSWER_UNREADABLE', 'C007', 502, false],
  ['NO_COMMON_MEDIA_TYPE', 'C008', 502, false],
  ['CONVERSION_FAILED', 'C009', 502, false],
  ['QUERY_TOO_LONG', 'C00B', 414, false],
  ['UNEXPECTED_STATUS', 'C00C', 502, false],
  ['PAGING_NOT_SUPPORTED', 'C00D', 502, false],
  ['TOO_MANY_RESULTS', 'A700', 413, false],
  ['OUT_OF_RESOURCES', 'A700', 503, true],
  ['NOT_SUPPORTED', '0122', 501, false],
  ['CANCELED', 'FE00', 502, false],
  ['SHUTTING_DOWN', 'A700', 503, true],
  ['LOOP_DETECTED', 'C00E', 508, false],
  ['INTERNAL_ERROR', 'C001', 500, false],
];

describe('outcomes of a search in both protocols', () => {
  test('the table has every failure once', () => {
    expect(TABLE.map(([code]) => code).sort()).toEqual([...COMMON_FAILURE_CODES, ...SEARCH_FAILURE_CODES].sort());
  });

  test.each(INSTANCE_FAILURE_CODES)('%s has no place in a search: it reads as a fault of the gateway', (code) => {
    const failure = new ServiceFailure(code);
    expect(dimseOutcome(failure)).toEqual({ status: 0xc001, comment: 'internal error', offendingElements: [] });
    expect(httpOutcome(failure)).toEqual({ status: 500, comment: 'internal error', attributes: [] });
  });

  test.each(TABLE)('%s is %sH and HTTP %i; 503 says when to try again', (code, dimse, http, again) => {
    const failure = new ServiceFailure(code);
    expect(hex(dimseOutcome(failure).status)).toBe(dimse);
    expect(httpOutcome(failure).status).toBe(http);
    expect(httpOutcome(failure).retryAfter !== undefined).toBe(again);
    expect(again).toBe(http === 503);
  });

  test.each(TABLE)('the comment of %s fits Error Comment (0000,0902)', (code) => {
    expect(OUTCOMES[code].comment).toMatch(/^[ -[\]-~]{1,64}$/);
    expect(dimseOutcome(new ServiceFailure(code)).comment).toBe(OUTCOMES[code].comment);
  });

  test('Error Comment is one line of 64 ASCII characters without backslash', () => {
    const comment = `Größe\\x\r\n\u001b${'y'.repeat(100)}`;
    const written = dimseOutcome(new ServiceFailure('INTERNAL_ERROR', { comment })).comment;
    expect(written).toBe(`Gr??e?x ?${'y'.repeat(55)}`);
  });

  test('Error Comment begins with the HTTP status where there was one (SM 1.1)', () => {
    const failure = new ServiceFailure('UPSTREAM_ERROR', { httpStatus: 500, comment: 'disk full' });
    expect(dimseOutcome(failure).comment).toBe('HTTP 500 disk full');
  });

  test('Offending Element goes with A900H and CxxxH only (PS3.4 Table K.4-2)', () => {
    const attributes = ['00100020'];
    const elements = (code: WorklistFailureCode): string[] =>
      dimseOutcome(new ServiceFailure(code, { attributes })).offendingElements;
    expect(elements('BAD_REQUEST')).toEqual(attributes);
    expect(elements('CONVERSION_FAILED')).toEqual(attributes);
    expect(elements('OUT_OF_RESOURCES')).toEqual([]);
    expect(elements('NOT_SUPPORTED')).toEqual([]);
  });

  test('an upstream that says when to come back is believed', () => {
    expect(httpOutcome(new ServiceFailure('OUT_OF_RESOURCES', { retryAfter: 90 })).retryAfter).toBe(90);
    expect(httpOutcome(new ServiceFailure('UPSTREAM_ERROR', { retryAfter: 90 })).retryAfter).toBeUndefined();
  });

  test('a legal status of the far end is passed on, another is not', () => {
    const given = (code: WorklistFailureCode, dimseStatus: number): string =>
      hex(dimseOutcome(new ServiceFailure(code, { dimseStatus })).status);
    expect(given('UPSTREAM_ERROR', 0xc123)).toBe('C123');
    expect(given('NOT_AUTHORIZED', 0x0124)).toBe('C002');
    expect(given('UPSTREAM_ERROR', 0xfe00)).toBe('C006');
    expect(given('CANCELED', 0xc001)).toBe('FE00');
    expect(httpOutcome(new ServiceFailure('NOT_AUTHORIZED', { dimseStatus: 0x0124 })).dimseStatus).toBe('0124');
  });
});

describe('C-FIND status to failure (status table 3.1)', () => {
  test.each([0x0000, 0xff00, 0xff01, 0xb001, 0x0001, 0x0107, 0x0116])('%i is no failure', (status) => {
    expect(failureFromDimse(status)).toBeUndefined();
  });

  test.each<[string, number, Parameters<typeof failureFromDimse>[1], WorklistFailureCode, RetryClass, number]>([
    ['A700, nothing received', 0xa700, {}, 'OUT_OF_RESOURCES', 'safe', 503],
    ['A700 after Pending', 0xa700, { hadResults: true }, 'TOO_MANY_RESULTS', 'permanent', 413],
    ['A900', 0xa900, {}, 'BAD_REQUEST', 'permanent', 400],
    ['0122', 0x0122, {}, 'NOT_SUPPORTED', 'permanent', 501],
    ['0118', 0x0118, {}, 'NOT_SUPPORTED', 'permanent', 501],
    ['0124', 0x0124, {}, 'NOT_AUTHORIZED', 'permanent', 403],
    ['C000', 0xc000, {}, 'UPSTREAM_ERROR', 'safe', 502],
    ['CFFF', 0xcfff, {}, 'UPSTREAM_ERROR', 'safe', 502],
    ['FE00 without our cancel', 0xfe00, {}, 'UPSTREAM_ERROR', 'safe', 502],
    ['0110', 0x0110, {}, 'UPSTREAM_ERROR', 'safe', 502],
    ['0213', 0x0213, {}, 'UPSTREAM_ERROR', 'safe', 502],
    ['unknown', 0x1234, {}, 'UPSTREAM_ERROR', 'safe', 502],
  ])('%s', (_title, status, answer, code, retry, http) => {
    const failure = failureFromDimse(status, answer) as ServiceFailure;
    expect(failure).toMatchObject({ code, retry, dimseStatus: status });
    expect(httpOutcome(failure)).toMatchObject({ status: http, dimseStatus: hex(status) });
  });

  test('Offending Element is passed on; Error Comment may name a patient, and is kept apart', () => {
    const failure = failureFromDimse(0xa900, { comment: 'no such key ', attributes: ['00100020'] }) as ServiceFailure;
    expect(httpOutcome(failure)).toEqual({
      status: 400,
      comment: OUTCOMES.BAD_REQUEST.comment,
      dimseStatus: 'A900',
      attributes: ['00100020'],
    });
    expect(failure.words).toBe('no such key');
  });
});

describe('HTTP status to failure (status table 3.2)', () => {
  test.each([200, 203, 204, 206, 299])('%i is no failure', (status) => {
    expect(failureFromHttp(status)).toBeUndefined();
  });

  test.each<[number, WorklistFailureCode, string, RetryClass]>([
    [400, 'BAD_REQUEST', 'A900', 'permanent'],
    [422, 'BAD_REQUEST', 'A900', 'permanent'],
    [401, 'NOT_AUTHORIZED', 'C002', 'permanent'],
    [403, 'NOT_AUTHORIZED', 'C002', 'permanent'],
    [407, 'NOT_AUTHORIZED', 'C002', 'permanent'],
    [404, 'RESOURCE_NOT_FOUND', 'C003', 'permanent'],
    [405, 'RESOURCE_NOT_FOUND', 'C003', 'permanent'],
    [410, 'RESOURCE_NOT_FOUND', 'C003', 'permanent'],
    [406, 'NO_COMMON_MEDIA_TYPE', 'C008', 'permanent'],
    [415, 'NO_COMMON_MEDIA_TYPE', 'C008', 'permanent'],
    [408, 'UPSTREAM_TIMEOUT', 'C004', 'safe'],
    [504, 'UPSTREAM_TIMEOUT', 'C004', 'safe'],
    [413, 'TOO_MANY_RESULTS', 'A700', 'permanent'],
    [414, 'QUERY_TOO_LONG', 'C00B', 'permanent'],
    [431, 'QUERY_TOO_LONG', 'C00B', 'permanent'],
    [429, 'OUT_OF_RESOURCES', 'A700', 'safe'],
    [503, 'OUT_OF_RESOURCES', 'A700', 'safe'],
    [507, 'OUT_OF_RESOURCES', 'A700', 'safe'],
    [501, 'NOT_SUPPORTED', '0122', 'permanent'],
    [500, 'UPSTREAM_ERROR', 'C006', 'safe'],
    [502, 'UPSTREAM_ERROR', 'C006', 'safe'],
    [599, 'UPSTREAM_ERROR', 'C006', 'safe'],
    [409, 'UNEXPECTED_STATUS', 'C00C', 'permanent'],
    [418, 'UNEXPECTED_STATUS', 'C00C', 'permanent'],
    [302, 'UNEXPECTED_STATUS', 'C00C', 'permanent'],
    [101, 'UNEXPECTED_STATUS', 'C00C', 'permanent'],
  ])('%i', (status, code, dimse, retry) => {
    const failure = failureFromHttp(status) as ServiceFailure;
    expect(failure).toMatchObject({ code, retry, httpStatus: status });
    expect(hex(dimseOutcome(failure).status)).toBe(dimse);
    expect(dimseOutcome(failure).comment).toBe(`HTTP ${status} ${OUTCOMES[code].comment}`.slice(0, 64));
  });

  test('words come from the Status Report, else the Warning, and are kept apart from the comment', () => {
    const warnings = ['299 http://ris.example/dicomweb: disk full'];
    const told = (answer: Parameters<typeof failureFromHttp>[1]): (string | undefined)[] => {
      const { message, words } = failureFromHttp(500, answer) as ServiceFailure;
      return [message, words];
    };
    const report = { error: 'no space', errorComment: 'x' };
    expect(told({ report, warnings, reason: 'Oops' })).toEqual(['HTTP 500 Oops', 'no space']);
    expect(told({ report: { errorComment: 'x' }, warnings })).toEqual(['HTTP 500 origin server error', 'x']);
    expect(told({ report: 'text', warnings, reason: 'Oops' })).toEqual(['HTTP 500 Oops', 'disk full']);
    expect(told({ reason: 'Oops' })).toEqual(['HTTP 500 Oops', undefined]);
  });

  test.each<[string, Parameters<typeof failureFromHttp>[1], string]>([
    ['the Status Report', { report: { dimseStatus: 'C123' }, warnings: ['299 a: A700: x'] }, 'C123'],
    ['a Warning text', { warnings: ['299 http://h/b: A700: Out of memory'] }, 'A700'],
    ['a quoted Warning text', { warnings: ['299 - "a900: bad key"'] }, 'A900'],
    ['a warn-code, as PS3.18 section 13 has it (C11)', { warnings: ['A700 http://h/b: Out of memory'] }, 'A700'],
    ['none that is legal here', { report: { dimseStatus: '0213' } }, 'C006'],
    ['none of a failure', { report: { dimseStatus: 'FF00' }, warnings: ['299 a: 0000: fine'] }, 'C006'],
    ['none that is a code', { report: { dimseStatus: 'C12' } }, 'C006'],
  ])('the DIMSE status is read from %s (SM 1.1)', (_title, answer, expected) => {
    expect(hex(dimseOutcome(failureFromHttp(502, answer) as ServiceFailure).status)).toBe(expected);
  });

  test('attributes are read from the Status Report, if they are tags', () => {
    const report = { attributes: ['0040a390', 'PatientName', 5], dimseStatus: 'A900' };
    expect(dimseOutcome(failureFromHttp(400, { report }) as ServiceFailure)).toEqual({
      status: 0xa900,
      comment: 'HTTP 400 query not understood',
      offendingElements: ['0040A390'],
    });
  });

  test('two gateways in a row are transparent: SCP status to HTTP and back', () => {
    for (const status of [0xa700, 0xa900, 0x0122, 0xc000, 0xc123, 0xcfff]) {
      const first = httpOutcome(failureFromDimse(status, { hadResults: true }) as ServiceFailure);
      const report = { dimseStatus: first.dimseStatus, attributes: first.attributes };
      const second = failureFromHttp(first.status, { report }) as ServiceFailure;
      expect(hex(dimseOutcome(second).status)).toBe(hex(status));
      expect(httpOutcome(second).status).toBe(first.status);
    }
  });

  test('FF00H and FF01H are Pending, A7xxH other than A700H is no worklist status', () => {
    expect([0xff00, 0xff01, 0xff02].map(isPending)).toEqual([true, true, false]);
    expect([0xa700, 0xa701, 0xa900, 0xb001, 0xc000].map(isFindFailure)).toEqual([true, false, true, false, true]);
  });
});
