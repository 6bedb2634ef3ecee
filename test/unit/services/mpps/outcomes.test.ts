import { describe, expect, test } from '@jest/globals';

import { COMMON_FAILURE_CODES, INSTANCE_FAILURE_CODES, ServiceFailure } from '../../../../src/services/port.ts';
import {
  mppsFailureFromDimse,
  mppsFailureFromHttp,
  mppsWarningStatus,
  mppsWarningsFromDimse,
  mppsWarningsFromHttp,
} from '../../../../src/services/mpps/answers.ts';
import type { MppsDimseAnswer, MppsHttpAnswer } from '../../../../src/services/mpps/answers.ts';
import {
  MPPS_OUTCOMES,
  isLegalFailure,
  mppsDimseOutcome,
  mppsHttpOutcome,
  mppsOutcomeOf,
} from '../../../../src/services/mpps/outcomes.ts';
import type { MppsFailureCode, MppsOperation } from '../../../../src/services/mpps/outcomes.ts';

const OPERATIONS: readonly MppsOperation[] = ['create', 'update', 'retrieve'];
const FINAL_TEXT = 'Performed Procedure Step Object may no longer be updated';

/** Every failure: N-CREATE, N-SET, N-GET, and Create, Update, Retrieve. */
const TABLE: readonly [MppsFailureCode, readonly [number, number, number], readonly [number, number, number]][] = [
  ['BAD_REQUEST', [0x0110, 0x0110, 0x0110], [400, 400, 400]],
  ['NOT_AUTHORIZED', [0x0124, 0x0124, 0x0124], [403, 403, 403]],
  ['RESOURCE_NOT_FOUND', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['UPSTREAM_TIMEOUT', [0x0110, 0x0110, 0x0110], [504, 504, 504]],
  ['UPSTREAM_UNREACHABLE', [0x0213, 0x0213, 0x0213], [503, 503, 503]],
  ['UPSTREAM_UNTRUSTED', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['UPSTREAM_REJECTED', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['UPSTREAM_ERROR', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['UPSTREAM_PROTOCOL_ERROR', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['CONNECTION_LOST', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['ANSWER_TRUNCATED', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['ANSWER_UNREADABLE', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['NO_COMMON_MEDIA_TYPE', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['CONVERSION_FAILED', [0x0106, 0x0106, 0x0110], [400, 400, 502]],
  ['UNEXPECTED_STATUS', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['OUT_OF_RESOURCES', [0x0213, 0x0213, 0x0213], [503, 503, 503]],
  ['NOT_SUPPORTED', [0x0118, 0x0118, 0x0118], [501, 501, 501]],
  ['CANCELED', [0x0110, 0x0110, 0x0110], [502, 502, 502]],
  ['SHUTTING_DOWN', [0x0213, 0x0213, 0x0213], [503, 503, 503]],
  ['LOOP_DETECTED', [0x0110, 0x0110, 0x0110], [508, 508, 508]],
  ['INTERNAL_ERROR', [0x0110, 0x0110, 0x0110], [500, 500, 500]],
  ['OPERATION_NOT_SUPPORTED', [0x0211, 0x0211, 0x0211], [501, 501, 501]],
  ['DUPLICATE_INSTANCE', [0x0111, 0x0110, 0x0110], [409, 409, 409]],
  ['NO_SUCH_INSTANCE', [0x0110, 0x0112, 0x0112], [502, 404, 404]],
  ['INSTANCE_DELETED', [0x0111, 0x0112, 0x0112], [409, 410, 410]],
  ['INSTANCE_FINAL', [0x0110, 0x0110, 0x0110], [409, 409, 409]],
  ['INSTANCE_CONFLICT', [0x0110, 0x0110, 0x0110], [409, 409, 400]],
  ['NO_SUCH_ATTRIBUTE', [0x0105, 0x0105, 0x0110], [400, 409, 400]],
  ['MISSING_ATTRIBUTE', [0x0120, 0x0121, 0x0110], [400, 400, 400]],
  ['MISSING_VALUE', [0x0121, 0x0121, 0x0110], [400, 400, 400]],
  ['INVALID_VALUE', [0x0106, 0x0106, 0x0110], [400, 400, 400]],
  ['INVALID_UID', [0x0117, 0x0117, 0x0117], [400, 400, 400]],
  ['OUTCOME_UNKNOWN', [0x0110, 0x0110, 0x0110], [504, 504, 504]],
];

function failureOf(code: MppsFailureCode): ServiceFailure {
  return new ServiceFailure(code, { attributes: ['00400252'] });
}

describe('outcomes of MPPS in both protocols', () => {
  test('the table has every failure once', () => {
    expect(TABLE.map(([code]) => code).sort()).toEqual([...COMMON_FAILURE_CODES, ...INSTANCE_FAILURE_CODES].sort());
  });

  test.each(TABLE)('%s has its statuses per operation; 503 says when to try again', (code, dimse, http) => {
    const failure = failureOf(code);
    expect(OPERATIONS.map((operation) => mppsDimseOutcome(failure, operation).status)).toEqual(dimse);
    expect(OPERATIONS.map((operation) => mppsHttpOutcome(failure, operation).status)).toEqual(http);
    const again = OPERATIONS.map((operation) => mppsHttpOutcome(failure, operation).retryAfter !== undefined);
    expect(again).toEqual(http.map((status) => status === 503));
  });

  test.each(TABLE)('the statuses of %s are legal where they are sent (PS3.7 10.1)', (_code, dimse) => {
    expect(OPERATIONS.filter((operation, i) => !isLegalFailure(dimse[i] as number, operation))).toEqual([]);
  });

  test.each(TABLE)('the comment of %s fits Error Comment (0000,0902)', (code) => {
    expect(MPPS_OUTCOMES[code].comment).toMatch(/^[ -[\]-~]{1,64}$/);
    expect(mppsDimseOutcome(failureOf(code), 'create').comment).toBe(MPPS_OUTCOMES[code].comment);
  });

  test('a failure of a search has no place here: it reads as a fault of the gateway', () => {
    expect(mppsOutcomeOf('TOO_MANY_RESULTS')).toBe(MPPS_OUTCOMES.INTERNAL_ERROR);
    expect(mppsHttpOutcome(new ServiceFailure('PAGING_NOT_SUPPORTED'), 'create').status).toBe(500);
  });

  test.each<[MppsFailureCode, MppsOperation, object]>([
    ['NO_SUCH_ATTRIBUTE', 'update', { status: 0x0105, attributeIdentifierList: ['00100010', '00400252'] }],
    ['MISSING_ATTRIBUTE', 'create', { status: 0x0120, attributeIdentifierList: ['00100010', '00400252'] }],
    ['INVALID_VALUE', 'create', { status: 0x0106, badAttributes: ['00100010', '00400252'] }],
    ['MISSING_VALUE', 'update', { status: 0x0121, badAttributes: ['00100010', '00400252'] }],
    ['CONVERSION_FAILED', 'create', { status: 0x0106, badAttributes: ['00100010', '00400252'] }],
    ['DUPLICATE_INSTANCE', 'create', { status: 0x0111 }],
    ['NO_SUCH_INSTANCE', 'update', { status: 0x0112 }],
    ['UPSTREAM_ERROR', 'create', { status: 0x0110 }],
    ['NOT_AUTHORIZED', 'retrieve', { status: 0x0124 }],
    ['INVALID_VALUE', 'retrieve', { status: 0x0110 }],
  ])('%s in %s writes only the fields that its status allows (PS3.7 C.5)', (code, operation, fields) => {
    const failure = new ServiceFailure(code, { attributes: ['00400252', '00100010', '00400252'], comment: 'x' });
    expect(mppsDimseOutcome(failure, operation)).toEqual({ comment: 'x', ...fields });
  });

  test('a conversion that fails nowhere in particular is 0110H (SM 2.2)', () => {
    expect(mppsDimseOutcome(new ServiceFailure('CONVERSION_FAILED'), 'create').status).toBe(0x0110);
  });

  test('Error Comment is "HTTP code text", 64 ASCII characters, and Error ID the HTTP status (SM 1.1)', () => {
    const failure = mppsFailureFromHttp(500, 'create', { reason: `Größe\\\r\n${'y'.repeat(80)}` }) as ServiceFailure;
    const comment = `HTTP 500 Gr??e? ${'y'.repeat(48)}`;
    expect(mppsDimseOutcome(failure, 'create')).toEqual({ status: 0x0110, comment, errorId: 500 });
    expect(comment).toHaveLength(64);
  });

  test('Error ID is the errorId of the report where it has one', () => {
    const report = { error: 'no', errorId: 'B123' };
    const failure = mppsFailureFromHttp(500, 'update', { report }) as ServiceFailure;
    const { comment } = mppsOutcomeOf('UPSTREAM_ERROR');
    expect(mppsDimseOutcome(failure, 'update')).toEqual({
      status: 0x0110,
      comment: `HTTP 500 ${comment}`,
      errorId: 0xb123,
    });
  });

  test('a final instance is 0110H with A710H and the words of Table F.7.2-2, whatever was said', () => {
    const failures = [
      new ServiceFailure('INSTANCE_FINAL'),
      mppsFailureFromHttp(409, 'update', { report: { error: 'too late', errorId: 'A710' } }) as ServiceFailure,
      mppsFailureFromHttp(423, 'update', { isKnownFinal: true }) as ServiceFailure,
    ];
    for (const failure of failures) {
      const outcome = mppsDimseOutcome(failure, 'update');
      expect(outcome).toEqual({ status: 0x0110, comment: FINAL_TEXT, errorId: 0xa710 });
      expect(mppsHttpOutcome(failure, 'update')).toMatchObject({ status: 409, errorId: 'A710' });
    }
  });

  test('a status that is not passed on is kept as Error ID', () => {
    const failure = mppsFailureFromDimse(0xa777, 'create') as ServiceFailure;
    expect(mppsDimseOutcome(failure, 'create')).toEqual({ status: 0x0110, comment: 'far end failed', errorId: 0xa777 });
  });
});

type DimseRow = [MppsOperation, string, number, MppsDimseAnswer?];

/** Status-mapping 4.1, 5.1 and 6: status of the SCP, and what the user agent gets. */
const FROM_DIMSE: readonly DimseRow[] = [
  ['create', '0105', 400],
  ['create', '0106', 400],
  ['create', '0110', 502],
  ['create', '0110', 409, { comment: 'Duplicate UID' }],
  ['create', '0110', 409, { errorId: 0x0111 }],
  ['create', '0110', 503, { comment: 'Out of memory' }],
  ['create', '0110', 503, { errorId: 0x0213 }],
  ['create', '0111', 409],
  ['create', '0112', 502],
  ['create', '0117', 400],
  ['create', '0118', 501],
  ['create', '0211', 501],
  ['create', '0122', 501],
  ['create', '0119', 409],
  ['create', '0120', 400],
  ['create', '0121', 400],
  ['create', '0124', 403],
  ['create', '0210', 500],
  ['create', '0212', 500],
  ['create', '0213', 503],
  ['create', 'A700', 503],
  ['create', 'A777', 502],
  ['create', 'A900', 502],
  ['create', 'C001', 502],
  ['create', '01FF', 502],
  ['create', 'FE00', 502],
  ['create', 'FF00', 502],
  ['create', 'FF01', 502],
  ['update', '0105', 409],
  ['update', '0106', 400],
  ['update', '0120', 400],
  ['update', '0121', 400],
  ['update', '0117', 400],
  ['update', '0110', 409, { errorId: 0xa710 }],
  ['update', '0110', 409, { comment: FINAL_TEXT }],
  ['update', '0110', 502],
  ['update', '0110', 502, { comment: 'Duplicate UID' }],
  ['update', '0111', 502],
  ['update', '0112', 404],
  ['update', '0118', 501],
  ['update', '0211', 501],
  ['update', '0122', 501],
  ['update', '0119', 409],
  ['update', '0124', 403],
  ['update', '0210', 500],
  ['update', '0212', 500],
  ['update', '0213', 503],
  ['update', 'A700', 503],
  ['update', 'C123', 502],
  ['update', 'FE00', 502],
  ['retrieve', '0112', 404],
  ['retrieve', '0105', 400],
  ['retrieve', '0106', 400],
  ['retrieve', '0117', 400],
  ['retrieve', '0119', 400],
  ['retrieve', '0118', 501],
  ['retrieve', '0211', 501],
  ['retrieve', '0122', 501],
  ['retrieve', '0124', 403],
  ['retrieve', '0213', 503],
  ['retrieve', 'A700', 503],
  ['retrieve', '0210', 500],
  ['retrieve', '0212', 500],
  ['retrieve', '0110', 502],
  ['retrieve', '0111', 502],
  ['retrieve', '0120', 502],
  ['retrieve', '0121', 502],
  ['retrieve', 'C001', 502],
];

describe('DIMSE to HTTP (status-mapping 4.1, 5.1, 6)', () => {
  test.each(FROM_DIMSE)('%s: %sH is HTTP %i %j', (operation, status, http, answer = {}) => {
    const failure = mppsFailureFromDimse(Number.parseInt(status, 16), operation, answer) as ServiceFailure;
    const outcome = mppsHttpOutcome(failure, operation);
    expect(outcome).toMatchObject({ status: http, dimseStatus: status });
    expect(outcome.retryAfter !== undefined).toBe(http === 503);
    expect(failure.retry).toBe(http === 503 ? 'safe' : 'permanent');
  });

  test.each(OPERATIONS)('%s: success and warnings are no failures', (operation) => {
    for (const status of [0x0000, 0x0001, 0x0107, 0x0116, 0xb000, 0xbfff]) {
      expect(mppsFailureFromDimse(status, operation)).toBeUndefined();
    }
  });

  test('codes and attributes of the SCP come through, its comment stays apart: it may name a patient', () => {
    const answer = { comment: ' Bad step ', attributes: ['00400252'], errorId: 0x1234 };
    const failure = mppsFailureFromDimse(0x0106, 'create', answer) as ServiceFailure;
    expect(mppsHttpOutcome(failure, 'create')).toEqual({
      status: 400,
      comment: 'invalid attribute value',
      attributes: ['00400252'],
      dimseStatus: '0106',
      errorId: '1234',
    });
    expect(failure.words).toBe('Bad step');
  });

  test.each<[number, string, string]>([
    [0x0001, 'ATTRIBUTES_IGNORED', '0001: requested optional attributes are not supported: 00400280'],
    [0x0107, 'ATTRIBUTES_IGNORED', '0107: attributes ignored: 00400280'],
    [0x0116, 'VALUES_CHANGED', '0116: attribute values out of range: 00400280'],
    [0xb123, 'VALUES_CHANGED', 'B123: done with modifications: 00400280'],
  ])('warning %i names its tags', (status, code, text) => {
    const warning = { code, text, dimseStatus: status, attributes: ['00400280'] };
    expect(mppsWarningsFromDimse(status, ['00400280'])).toEqual([warning]);
    expect(mppsWarningsFromHttp([`299 http://ris/dicomweb: ${text}`])).toEqual([warning]);
  });

  test.each([0x0000, 0x0110, 0x0213, 0xc000, 0xfe00])('%i is no warning', (status) => {
    expect(mppsWarningsFromDimse(status)).toEqual([]);
  });
});

type HttpRow = [MppsOperation, number, string, MppsHttpAnswer?];

const ATTRIBUTES = ['00400252'];

/** Status-mapping 4.2, 5.2 and 6: status of the origin server, and what the SCU gets. */
const FROM_HTTP: readonly HttpRow[] = [
  ...(['create', 'update'] as const).flatMap((operation): HttpRow[] => [
    [operation, 400, '0110'],
    [operation, 422, '0110'],
    [
      operation,
      400,
      operation === 'create' ? '0120' : '0121',
      { report: { error: 'is missing', attributes: ATTRIBUTES } },
    ],
    [operation, 422, '0121', { report: { error: 'empty', attributes: ATTRIBUTES } }],
    [operation, 400, '0105', { report: { error: 'unknown attribute', attributes: ATTRIBUTES } }],
    [operation, 400, '0106', { report: { error: 'bad value', attributes: ATTRIBUTES } }],
    [operation, 400, '0106', { report: { code: 'INVALID_VALUE', attributes: ATTRIBUTES } }],
    [operation, 400, '0117', { report: { dimseStatus: '0117' } }],
    [operation, 400, '0110', { report: { error: 'bad value' } }],
    [operation, 401, '0124'],
    [operation, 403, '0124'],
    [operation, 407, '0124'],
    [operation, 405, '0211'],
    [operation, 406, '0110'],
    [operation, 415, '0110'],
    [operation, 408, '0110'],
    [operation, 500, '0110'],
    [operation, 502, '0110'],
    [operation, 504, '0110'],
    [operation, 599, '0110'],
    [operation, 413, '0213'],
    [operation, 429, '0213'],
    [operation, 503, '0213'],
    [operation, 507, '0213'],
    [operation, 501, '0118'],
    [operation, 418, '0110'],
    [operation, 302, '0110'],
  ]),
  ['create', 404, '0110'],
  ['create', 410, '0110'],
  ['create', 409, '0111'],
  ['create', 423, '0111'],
  ['update', 404, '0112'],
  ['update', 410, '0112'],
  ['update', 409, '0110'],
  ['update', 423, '0110'],
  ['update', 409, '0105', { report: { attributes: ATTRIBUTES } }],
  ['retrieve', 400, '0110'],
  ['retrieve', 401, '0124'],
  ['retrieve', 403, '0124'],
  ['retrieve', 407, '0124'],
  ['retrieve', 404, '0112'],
  ['retrieve', 410, '0112'],
  ['retrieve', 405, '0211'],
  ['retrieve', 501, '0118'],
  ['retrieve', 406, '0110'],
  ['retrieve', 415, '0110'],
  ['retrieve', 413, '0213'],
  ['retrieve', 429, '0213'],
  ['retrieve', 503, '0213'],
  ['retrieve', 507, '0213'],
  ['retrieve', 409, '0110'],
  ['retrieve', 500, '0110'],
  ['retrieve', 418, '0110'],
];

describe('HTTP to DIMSE (status-mapping 4.2, 5.2, 6)', () => {
  test.each(FROM_HTTP)('%s: HTTP %i is %sH %j', (operation, http, status, answer = {}) => {
    const failure = mppsFailureFromHttp(http, operation, answer) as ServiceFailure;
    const outcome = mppsDimseOutcome(failure, operation);
    expect(outcome.status).toBe(Number.parseInt(status, 16));
    expect(outcome.comment).toMatch(new RegExp(`^HTTP ${http} .{3,}`));
    expect(outcome.errorId).toBe(status === '0110' ? http : undefined);
    const listed = answer.report !== undefined && (status === '0105' || status === '0120') ? ATTRIBUTES : undefined;
    expect(outcome.attributeIdentifierList).toEqual(listed);
  });

  test.each(OPERATIONS)('%s: every 2xx is success', (operation) => {
    for (const status of [200, 201, 202, 203, 204, 205, 206]) {
      expect(mppsFailureFromHttp(status, operation)).toBeUndefined();
    }
  });

  test('410 says so (SM 5.2)', () => {
    const failure = mppsFailureFromHttp(410, 'update', { reason: 'Gone' }) as ServiceFailure;
    expect(mppsDimseOutcome(failure, 'update')).toEqual({ status: 0x0112, comment: 'HTTP 410 deleted' });
  });

  test.each<[number, MppsHttpAnswer, string]>([
    [429, {}, 'safe'],
    [503, {}, 'safe'],
    [413, {}, 'permanent'],
    [408, {}, 'ambiguous'],
    [502, {}, 'ambiguous'],
    [504, {}, 'ambiguous'],
    [500, {}, 'permanent'],
    [409, {}, 'permanent'],
    // The SCP behind the other gateway has answered: nothing is unknown.
    [502, { report: { dimseStatus: '0110' } }, 'permanent'],
  ])('after HTTP %i %j another try is %s', (status, answer, retry) => {
    expect(mppsFailureFromHttp(status, 'create', answer)?.retry).toBe(retry);
  });

  test('Retry-After comes through', () => {
    const failure = mppsFailureFromHttp(503, 'create', { retryAfter: 7 }) as ServiceFailure;
    expect(mppsHttpOutcome(failure, 'create').retryAfter).toBe(7);
  });

  test.each<[string, MppsHttpAnswer]>([
    ['the report', { report: { dimseStatus: '0121', attributes: ATTRIBUTES } }],
    ['a warning', { warnings: ['299 http://ris: 0121: missing value'] }],
    ['a warn-code', { warnings: ['0121 http://ris: missing value'] }],
  ])('the code of %s is passed on', (_where, answer) => {
    const failure = mppsFailureFromHttp(400, 'create', answer) as ServiceFailure;
    expect(failure).toMatchObject({ code: 'MISSING_VALUE', dimseStatus: 0x0121 });
    expect(mppsDimseOutcome(failure, 'create').status).toBe(0x0121);
  });

  test('a code that the operation does not know is not (SM 1.1)', () => {
    const failure = mppsFailureFromHttp(400, 'create', { report: { dimseStatus: '0112' } }) as ServiceFailure;
    expect(failure).toMatchObject({ code: 'BAD_REQUEST', dimseStatus: undefined });
  });

  test.each(OPERATIONS)('%s: two gateways in a row are transparent', (operation) => {
    const statuses = [
      0x0105, 0x0106, 0x0110, 0x0111, 0x0112, 0x0117, 0x0118, 0x0119, 0x0120, 0x0121, 0x0124, 0x0211, 0x0213,
    ].filter((status) => isLegalFailure(status, operation));
    for (const status of statuses) {
      const answer = { comment: 'no', attributes: ATTRIBUTES };
      const first = mppsHttpOutcome(mppsFailureFromDimse(status, operation, answer) as ServiceFailure, operation);
      const report = { ...first, error: first.comment };
      const second = mppsFailureFromHttp(first.status, operation, { report }) as ServiceFailure;
      expect(mppsDimseOutcome(second, operation).status).toBe(status);
      expect(mppsHttpOutcome(second, operation).status).toBe(first.status);
    }
  });

  test('a success with warnings: 0116H and 0107H only with attributes, N-GET has 0001H', () => {
    const ignored = mppsWarningsFromDimse(0x0107, ATTRIBUTES);
    const changed = mppsWarningsFromDimse(0x0116, ['00400253']);
    const plain = mppsWarningsFromHttp(['299 ris: something']);
    expect(mppsWarningStatus(plain, 'create')).toEqual({ status: 0x0000, attributes: [] });
    expect(mppsWarningStatus(mppsWarningsFromDimse(0x0107), 'create')).toEqual({ status: 0x0000, attributes: [] });
    expect(mppsWarningStatus(ignored, 'update')).toEqual({ status: 0x0107, attributes: ATTRIBUTES });
    expect(mppsWarningStatus([...ignored, ...changed], 'create')).toEqual({ status: 0x0116, attributes: ['00400253'] });
    expect(mppsWarningStatus(ignored, 'retrieve')).toEqual({ status: 0x0001, attributes: [] });
  });
});
