import { describe, expect, test } from '@jest/globals';

import { COMMON_FAILURE_CODES, INSTANCE_FAILURE_CODES, ServiceFailure } from '../../../../src/services/port.ts';
import type { HttpAnswer } from '../../../../src/services/answer.ts';
import {
  commitmentFailureFromDimse,
  commitmentFailureFromHttp,
  nextAfterCheck,
  nextAfterReport,
} from '../../../../src/services/storage-commitment/answers.ts';
import type { CommitmentDimseAnswer } from '../../../../src/services/storage-commitment/answers.ts';
import {
  COMMITMENT_OPERATIONS,
  COMMITMENT_OUTCOMES,
  commitmentDimseOutcome,
  commitmentHttpOutcome,
  commitmentOutcomeOf,
  isLegalFailure,
} from '../../../../src/services/storage-commitment/outcomes.ts';
import type { CommitmentFailureCode } from '../../../../src/services/storage-commitment/outcomes.ts';

/** Every failure: N-ACTION, N-EVENT-REPORT, and Request, Result Check. */
const TABLE: readonly [CommitmentFailureCode, readonly [number, number], readonly [number, number]][] = [
  ['BAD_REQUEST', [0x0110, 0x0110], [400, 400]],
  ['NOT_AUTHORIZED', [0x0124, 0x0110], [403, 403]],
  ['RESOURCE_NOT_FOUND', [0x0110, 0x0110], [502, 502]],
  ['UPSTREAM_TIMEOUT', [0x0110, 0x0110], [504, 504]],
  ['UPSTREAM_UNREACHABLE', [0x0213, 0x0213], [503, 503]],
  ['UPSTREAM_UNTRUSTED', [0x0110, 0x0110], [502, 502]],
  ['UPSTREAM_REJECTED', [0x0110, 0x0110], [502, 502]],
  ['UPSTREAM_ERROR', [0x0110, 0x0110], [502, 502]],
  ['UPSTREAM_PROTOCOL_ERROR', [0x0110, 0x0110], [502, 502]],
  ['CONNECTION_LOST', [0x0110, 0x0110], [502, 502]],
  ['ANSWER_TRUNCATED', [0x0110, 0x0110], [502, 502]],
  ['ANSWER_UNREADABLE', [0x0110, 0x0110], [502, 502]],
  ['NO_COMMON_MEDIA_TYPE', [0x0110, 0x0110], [502, 502]],
  ['CONVERSION_FAILED', [0x0115, 0x0110], [400, 502]],
  ['UNEXPECTED_STATUS', [0x0110, 0x0110], [502, 502]],
  ['OUT_OF_RESOURCES', [0x0213, 0x0213], [503, 503]],
  ['NOT_SUPPORTED', [0x0118, 0x0118], [501, 501]],
  ['CANCELED', [0x0110, 0x0110], [502, 502]],
  ['SHUTTING_DOWN', [0x0213, 0x0213], [503, 503]],
  ['LOOP_DETECTED', [0x0110, 0x0110], [508, 508]],
  ['INTERNAL_ERROR', [0x0110, 0x0110], [500, 500]],
  ['OPERATION_NOT_SUPPORTED', [0x0123, 0x0113], [501, 501]],
  ['DUPLICATE_INSTANCE', [0x0110, 0x0110], [409, 502]],
  ['NO_SUCH_INSTANCE', [0x0112, 0x0112], [501, 404]],
  ['INSTANCE_DELETED', [0x0110, 0x0115], [409, 410]],
  ['INSTANCE_CONFLICT', [0x0119, 0x0119], [501, 502]],
  ['MISSING_ATTRIBUTE', [0x0115, 0x0115], [400, 400]],
  ['MISSING_VALUE', [0x0115, 0x0115], [400, 400]],
  ['INVALID_VALUE', [0x0115, 0x0115], [400, 400]],
  ['INVALID_UID', [0x0117, 0x0117], [400, 404]],
  ['OUTCOME_UNKNOWN', [0x0110, 0x0110], [504, 504]],
];

const DIMSE = ['request', 'report'] as const;
const HTTP = ['request', 'check'] as const;
const NOT_HERE = ['INSTANCE_FINAL', 'NO_SUCH_ATTRIBUTE'] as const;

function failureOf(code: CommitmentFailureCode): ServiceFailure {
  return new ServiceFailure(code, { attributes: ['00081199'] });
}

describe('outcomes of storage commitment in both protocols', () => {
  test('the table has every failure once, but those that need a state or an attribute list', () => {
    const codes = [...COMMON_FAILURE_CODES, ...INSTANCE_FAILURE_CODES];
    expect([...TABLE.map(([code]) => code), ...NOT_HERE].sort()).toEqual(codes.sort());
  });

  test.each(TABLE)('%s has its statuses per operation; 503 says when to try again', (code, dimse, http) => {
    const failure = failureOf(code);
    expect(DIMSE.map((operation) => commitmentDimseOutcome(failure, operation).status)).toEqual(dimse);
    expect(HTTP.map((operation) => commitmentHttpOutcome(failure, operation).status)).toEqual(http);
    const again = HTTP.map((operation) => commitmentHttpOutcome(failure, operation).retryAfter !== undefined);
    expect(again).toEqual(http.map((status) => status === 503));
  });

  test.each(TABLE)('the statuses of %s are legal where they are sent (PS3.7 10.1.1, 10.1.4)', (_code, dimse) => {
    expect(DIMSE.filter((operation, i) => !isLegalFailure(dimse[i] as number, operation))).toEqual([]);
  });

  test.each(TABLE)('the comment of %s fits Error Comment (0000,0902)', (code) => {
    expect(COMMITMENT_OUTCOMES[code].comment).toMatch(/^[ -[\]-~]{1,64}$/);
    expect(commitmentDimseOutcome(failureOf(code), 'request').comment).toBe(COMMITMENT_OUTCOMES[code].comment);
  });

  test.each(NOT_HERE)('%s has no place here: it reads as a fault of the gateway', (code) => {
    expect(commitmentOutcomeOf(code)).toBe(COMMITMENT_OUTCOMES.INTERNAL_ERROR);
  });

  test('a Transaction UID in use carries 0131H as Error ID, so that the next gateway knows it again', () => {
    const failure = new ServiceFailure('DUPLICATE_INSTANCE');
    const outcome = commitmentDimseOutcome(failure, 'request');
    expect(outcome).toEqual({ status: 0x0110, comment: 'Transaction UID in use', errorId: 0x0131 });
    expect(commitmentFailureFromDimse(outcome.status, 'request', outcome)?.code).toBe('DUPLICATE_INSTANCE');
    expect(commitmentHttpOutcome(failure, 'request')).toMatchObject({ status: 409, errorId: '0131' });
  });

  test('a conversion that fails nowhere in particular is 0110H', () => {
    expect(commitmentDimseOutcome(new ServiceFailure('CONVERSION_FAILED'), 'request').status).toBe(0x0110);
  });

  test('Error Comment is "HTTP code text", 64 ASCII characters, and Error ID the HTTP status (SM 1.1)', () => {
    const failure = commitmentFailureFromHttp(500, 'request', { reason: `Größe\\${'y'.repeat(80)}` });
    const comment = `HTTP 500 Gr??e?${'y'.repeat(49)}`;
    expect(commitmentDimseOutcome(failure as ServiceFailure, 'request')).toEqual({
      status: 0x0110,
      comment,
      errorId: 500,
    });
    expect(comment).toHaveLength(64);
  });
});

/** Status-mapping 7.1: status of the N-ACTION-RSP, and what the user agent of a Request gets. */
const REQUEST_FROM_DIMSE: readonly [string, number, CommitmentDimseAnswer?][] = [
  ['0112', 501],
  ['0119', 501],
  ['0123', 501],
  ['0118', 501],
  ['0211', 501],
  ['0122', 501],
  ['0114', 400],
  ['0115', 400],
  ['0106', 400],
  ['0117', 400],
  ['0120', 400],
  ['0124', 403],
  ['0213', 503],
  ['A700', 503],
  ['0110', 503, { errorId: 0x0213 }],
  ['0110', 502],
  ['0110', 409, { errorId: 0x0131 }],
  ['0110', 409, { comment: 'Duplicate Transaction UID' }],
  ['0110', 409, { comment: 'HTTP 409 Transaction UID in use' }],
  ['0111', 409],
  ['0131', 409],
  ['0210', 500],
  ['0212', 500],
  ['C001', 502],
  ['01FF', 502],
  ['FE00', 502],
  ['FF00', 502],
];

describe('DIMSE to HTTP (status-mapping 7.1)', () => {
  test.each(REQUEST_FROM_DIMSE)('N-ACTION-RSP %sH is HTTP %i %j', (status, http, answer = {}) => {
    const failure = commitmentFailureFromDimse(Number.parseInt(status, 16), 'request', answer) as ServiceFailure;
    const outcome = commitmentHttpOutcome(failure, 'request');
    expect(outcome).toMatchObject({ status: http, dimseStatus: status });
    expect(outcome.retryAfter !== undefined).toBe(http === 503);
    expect(failure.retry).toBe(http === 503 ? 'safe' : 'permanent');
  });

  test.each(COMMITMENT_OPERATIONS)('%s: success and warnings are no failures', (operation) => {
    for (const status of [0x0000, 0x0001, 0x0107, 0x0116, 0xb000, 0xbfff]) {
      expect(commitmentFailureFromDimse(status, operation)).toBeUndefined();
    }
  });

  test('a status of one SCP passes to the SCU of another where N-ACTION knows it', () => {
    const statuses = [0x0114, 0x0211, 0x0122, 0x0131, 0xc001].map((status) => {
      return commitmentDimseOutcome(commitmentFailureFromDimse(status, 'request') as ServiceFailure, 'request').status;
    });
    expect(statuses).toEqual([0x0114, 0x0211, 0x0118, 0x0110, 0x0110]);
  });
});

/** Status-mapping 7.3: status of the origin server to a POST, and what the SCU gets. */
const REQUEST_FROM_HTTP: readonly [number, string, string, HttpAnswer?][] = [
  [400, '0110', 'permanent'],
  [422, '0110', 'permanent'],
  [400, '0115', 'permanent', { report: { error: 'bad', attributes: ['00081199'] } }],
  [400, '0115', 'permanent', { report: { code: 'INVALID_VALUE' } }],
  [422, '0115', 'permanent', { report: { code: 'MISSING_ATTRIBUTE' } }],
  [400, '0117', 'permanent', { report: { code: 'INVALID_UID' } }],
  [400, '0114', 'permanent', { report: { dimseStatus: '0114' } }],
  [401, '0124', 'permanent'],
  [403, '0124', 'permanent'],
  [407, '0124', 'permanent'],
  [405, '0118', 'permanent'],
  [501, '0118', 'permanent'],
  [501, '0123', 'permanent', { report: { dimseStatus: '0123' } }],
  [404, '0110', 'permanent'],
  [410, '0110', 'permanent'],
  [406, '0110', 'permanent'],
  [415, '0110', 'permanent'],
  [409, '0110', 'permanent'],
  [413, '0213', 'permanent'],
  [429, '0213', 'safe'],
  [503, '0213', 'safe'],
  [507, '0213', 'safe'],
  [408, '0110', 'ambiguous'],
  [502, '0110', 'ambiguous'],
  [504, '0110', 'ambiguous'],
  [502, '0112', 'permanent', { report: { dimseStatus: '0112' } }],
  [502, '0110', 'ambiguous', { report: { dimseStatus: 'C001' } }],
  [500, '0110', 'permanent'],
  [599, '0110', 'permanent'],
  [508, '0110', 'permanent'],
  [302, '0110', 'permanent'],
  [418, '0110', 'permanent'],
];

describe('HTTP to DIMSE (status-mapping 7.3)', () => {
  test.each(REQUEST_FROM_HTTP)('Request %i is N-ACTION-RSP %sH, %s %j', (status, dimse, retry, answer = {}) => {
    const failure = commitmentFailureFromHttp(status, 'request', answer) as ServiceFailure;
    const outcome = commitmentDimseOutcome(failure, 'request');
    expect(outcome.status.toString(16).padStart(4, '0').toUpperCase()).toBe(dimse);
    expect(outcome.comment.startsWith(`HTTP ${status} `)).toBe(true);
    expect([failure.httpStatus, failure.retry]).toEqual([status, retry]);
  });

  test.each([
    [404, 'HTTP 404 commitment service not found'],
    [409, 'HTTP 409 Transaction UID in use'],
  ])('%i says in Error Comment what it means here, not its reason phrase', (status, comment) => {
    const failure = commitmentFailureFromHttp(status, 'request', { reason: 'Reason Phrase' }) as ServiceFailure;
    expect(commitmentDimseOutcome(failure, 'request').comment).toBe(comment);
  });

  test.each(COMMITMENT_OPERATIONS)('%s: 2xx is no failure', (operation) => {
    for (const status of [200, 201, 202, 204]) expect(commitmentFailureFromHttp(status, operation)).toBeUndefined();
  });

  test('Retry-After and the Error ID of the report travel with the failure', () => {
    const answer = { retryAfter: 77, report: { errorId: '0131' } };
    expect(commitmentFailureFromHttp(503, 'check', answer)).toMatchObject({ retryAfter: 77, errorId: 0x0131 });
  });
});

describe('what comes next (status-mapping 7.3)', () => {
  test.each<[number, string, string]>([
    [404, 'NO_SUCH_INSTANCE', 'never'],
    [410, 'INSTANCE_DELETED', 'never'],
    [400, 'BAD_REQUEST', 'never'],
    [406, 'NO_COMMON_MEDIA_TYPE', 'never'],
    [401, 'NOT_AUTHORIZED', 'slowly'],
    [403, 'NOT_AUTHORIZED', 'slowly'],
    [408, 'UPSTREAM_TIMEOUT', 'again'],
    [429, 'OUT_OF_RESOURCES', 'again'],
    [503, 'OUT_OF_RESOURCES', 'again'],
    [500, 'UPSTREAM_ERROR', 'again'],
    [501, 'NOT_SUPPORTED', 'again'],
    [502, 'UPSTREAM_ERROR', 'again'],
    [504, 'UPSTREAM_TIMEOUT', 'again'],
    [409, 'UNEXPECTED_STATUS', 'again'],
    [302, 'UNEXPECTED_STATUS', 'again'],
  ])('Result Check %i is %s: %s', (status, code, next) => {
    const failure = commitmentFailureFromHttp(status, 'check') as ServiceFailure;
    expect([failure.code, nextAfterCheck(failure)]).toEqual([code, next]);
  });

  test.each(['UPSTREAM_UNREACHABLE', 'CONNECTION_LOST', 'ANSWER_UNREADABLE', 'ANSWER_TRUNCATED'] as const)(
    'a Result Check that ends in %s is repeated: it says nothing about the instances',
    (code) => {
      expect(nextAfterCheck(new ServiceFailure(code))).toBe('again');
    },
  );

  test.each<[number, string]>([
    [0x0213, 'again'],
    [0xa700, 'again'],
    [0x0110, 'few-times'],
    [0x0115, 'few-times'],
    [0x0112, 'never'],
    [0x0113, 'never'],
    [0x0118, 'never'],
    [0x0211, 'never'],
  ])('N-EVENT-REPORT-RSP %i: %s', (status, next) => {
    expect(nextAfterReport(commitmentFailureFromDimse(status, 'report') as ServiceFailure)).toBe(next);
  });

  test.each(['UPSTREAM_TIMEOUT', 'UPSTREAM_REJECTED', 'CONNECTION_LOST', 'UPSTREAM_UNREACHABLE'] as const)(
    'an N-EVENT-REPORT that ends in %s without an answer is repeated',
    (code) => {
      expect(nextAfterReport(new ServiceFailure(code))).toBe('again');
    },
  );
});
