/**
 * How a storage commitment transaction fails, in both protocols: each canonical failure with its status in N-ACTION and
 * N-EVENT-REPORT (PS3.4 J.3.2, J.3.3, PS3.7 10.1.1 and 10.1.4), in Request and Result Check (PS3.18 13.4 and 13.5), and
 * what a person reads. What fails here is the exchange; instances that are not committed are a result.
 */
import { errorComment } from '../answer.ts';
import { dimseCommentOf, errorIdOf, nServiceHttpOutcome, PROCESSING_FAILURE, statusIn } from '../n-service-outcome.ts';
import type { NServiceHttpOutcome, NServiceOutcome } from '../n-service-outcome.ts';
import type { CommonFailureCode, FailureCode, InstanceFailureCode, ServiceFailure } from '../port.ts';
import { DUPLICATE_TRANSACTION_UID } from './commitment.ts';

/**
 * `request`: N-ACTION and Request; `check`: Result Check, which DIMSE does not have; `report`: N-EVENT-REPORT, which the
 * web does not have. The missing side is written as the general failure.
 */
export const COMMITMENT_OPERATIONS = ['request', 'check', 'report'] as const;
export type CommitmentOperation = (typeof COMMITMENT_OPERATIONS)[number];
export type CommitmentFailureCode =
  CommonFailureCode | Exclude<InstanceFailureCode, 'INSTANCE_FINAL' | 'NO_SUCH_ATTRIBUTE'>;

const TRY_AGAIN_SECONDS = 10;
const FAILED = PROCESSING_FAILURE;
const BUSY = { dimseStatus: 0x0213, httpStatus: 503, retryAfter: TRY_AGAIN_SECONDS } as const;
const UPSTREAM_FAILED = { dimseStatus: FAILED, httpStatus: 502 } as const;
const INVALID_ARGUMENT = { dimseStatus: [0x0115, FAILED, 0x0115], httpStatus: 400 } as const;

export const COMMITMENT_OUTCOMES: Readonly<Record<CommitmentFailureCode, NServiceOutcome>> = {
  BAD_REQUEST: { dimseStatus: FAILED, httpStatus: 400, comment: 'request not understood' },
  // 0124H exists in N-ACTION, not in N-EVENT-REPORT.
  NOT_AUTHORIZED: { dimseStatus: [0x0124, FAILED, FAILED], httpStatus: 403, comment: 'not authorized' },
  RESOURCE_NOT_FOUND: { ...UPSTREAM_FAILED, comment: 'commitment service not found' },
  UPSTREAM_TIMEOUT: { dimseStatus: FAILED, httpStatus: 504, comment: 'no answer in time' },
  UPSTREAM_UNREACHABLE: { ...BUSY, comment: 'far end not reachable' },
  UPSTREAM_UNTRUSTED: { ...UPSTREAM_FAILED, comment: 'far end not trusted' },
  UPSTREAM_REJECTED: { ...UPSTREAM_FAILED, comment: 'association rejected by SCP' },
  UPSTREAM_ERROR: { ...UPSTREAM_FAILED, comment: 'far end failed' },
  UPSTREAM_PROTOCOL_ERROR: { ...UPSTREAM_FAILED, comment: 'protocol broken by the far end' },
  CONNECTION_LOST: { ...UPSTREAM_FAILED, comment: 'connection lost' },
  ANSWER_TRUNCATED: { ...UPSTREAM_FAILED, comment: 'answer truncated' },
  ANSWER_UNREADABLE: { ...UPSTREAM_FAILED, comment: 'unreadable answer' },
  NO_COMMON_MEDIA_TYPE: { ...UPSTREAM_FAILED, comment: 'no common media type' },
  // What cannot be converted is the request, or else the answer.
  CONVERSION_FAILED: { dimseStatus: FAILED, httpStatus: [400, 502, 502], comment: 'conversion failed' },
  UNEXPECTED_STATUS: { ...UPSTREAM_FAILED, comment: 'unexpected status' },
  OUT_OF_RESOURCES: { ...BUSY, comment: 'out of resources: try again later' },
  NOT_SUPPORTED: { dimseStatus: 0x0118, httpStatus: 501, comment: 'storage commitment not supported' },
  CANCELED: { ...UPSTREAM_FAILED, comment: 'canceled' },
  SHUTTING_DOWN: { ...BUSY, comment: 'gateway is shutting down' },
  LOOP_DETECTED: { dimseStatus: FAILED, httpStatus: 508, comment: 'loop: the message came by this route before' },
  INTERNAL_ERROR: { dimseStatus: FAILED, httpStatus: 500, comment: 'internal error' },
  OPERATION_NOT_SUPPORTED: {
    dimseStatus: [0x0123, FAILED, 0x0113],
    httpStatus: 501,
    comment: 'no such action or event type',
  },
  DUPLICATE_INSTANCE: { dimseStatus: FAILED, httpStatus: [409, 502, 502], comment: 'Transaction UID in use' },
  // Of the command: the well-known instance. A wrong one means that the service is missing.
  NO_SUCH_INSTANCE: {
    dimseStatus: [0x0112, FAILED, 0x0112],
    httpStatus: [501, 404, 501],
    comment: 'no such instance or Transaction UID',
  },
  INSTANCE_DELETED: {
    dimseStatus: [FAILED, FAILED, 0x0115],
    httpStatus: [409, 410, 410],
    comment: 'the result is no longer kept',
  },
  INSTANCE_CONFLICT: { dimseStatus: [0x0119, FAILED, 0x0119], httpStatus: [501, 502, 501], comment: 'class conflict' },
  MISSING_ATTRIBUTE: { ...INVALID_ARGUMENT, comment: 'missing attribute' },
  MISSING_VALUE: { ...INVALID_ARGUMENT, comment: 'missing attribute value' },
  INVALID_VALUE: { ...INVALID_ARGUMENT, comment: 'invalid attribute value' },
  // In the path: Result Check has no 400 (PS3.18 13.5), nothing can be there under what is no UID.
  INVALID_UID: { dimseStatus: 0x0117, httpStatus: [400, 404, 400], comment: 'invalid Transaction UID' },
  OUTCOME_UNKNOWN: { dimseStatus: FAILED, httpStatus: 504, comment: 'outcome unknown' },
};

/** Failure statuses of the responses (PS3.7 10.1.1.1.8, 10.1.4.1.10); 0210H and 0212H concern our own message. */
const LEGAL_STATUSES: Readonly<Record<CommitmentOperation, ReadonlySet<number>>> = {
  request: new Set([FAILED, 0x0112, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0123, 0x0124, 0x0211, 0x0213]),
  check: new Set(),
  report: new Set([FAILED, 0x0112, 0x0113, 0x0114, 0x0115, 0x0117, 0x0118, 0x0119, 0x0211, 0x0213]),
};

export interface CommitmentDimseOutcome {
  readonly status: number;
  /** Error Comment (0000,0902): at most 64 characters, ASCII, no backslash. */
  readonly comment: string;
  /** Error ID (0000,0903), with 0110H. */
  readonly errorId?: number;
}

/** The row of a failure; a code of another service has no business here and reads as a fault of the gateway. */
export function commitmentOutcomeOf(code: FailureCode): NServiceOutcome {
  return COMMITMENT_OUTCOMES[code as CommitmentFailureCode] ?? COMMITMENT_OUTCOMES.INTERNAL_ERROR;
}

/** The response to a failed N-ACTION or N-EVENT-REPORT, with the fields that its status allows (PS3.7 C.5). */
export function commitmentDimseOutcome(
  failure: ServiceFailure,
  operation: CommitmentOperation,
): CommitmentDimseOutcome {
  const given = failure.dimseStatus;
  const isGivenLegal = given !== undefined && isLegalFailure(given, operation);
  const status = isGivenLegal ? given : ownStatus(failure, operation);
  const errorId = status === FAILED ? errorIdOf(failure, ownErrorIdOf(failure)) : undefined;
  return {
    status,
    comment: errorComment(dimseCommentOf(failure, commitmentOutcomeOf(failure.code))),
    ...(errorId !== undefined && { errorId }),
  };
}

/** The HTTP answer to a failed Request or Result Check. */
export function commitmentHttpOutcome(failure: ServiceFailure, operation: CommitmentOperation): NServiceHttpOutcome {
  const place = COMMITMENT_OPERATIONS.indexOf(operation);
  return nServiceHttpOutcome(failure, commitmentOutcomeOf(failure.code), place, ownErrorIdOf(failure));
}

/** A failure status that the response of an operation knows. */
export function isLegalFailure(status: number, operation: CommitmentOperation): boolean {
  return LEGAL_STATUSES[operation].has(status);
}

/** A conversion that failed at an attribute of the request is an invalid argument. */
function ownStatus(failure: ServiceFailure, operation: CommitmentOperation): number {
  const isArgument = failure.code === 'CONVERSION_FAILED' && operation === 'request' && failure.attributes.length > 0;
  if (isArgument) return 0x0115;
  return statusIn(commitmentOutcomeOf(failure.code).dimseStatus, COMMITMENT_OPERATIONS.indexOf(operation));
}

function ownErrorIdOf({ code }: ServiceFailure): number | undefined {
  return code === 'DUPLICATE_INSTANCE' ? DUPLICATE_TRANSACTION_UID : undefined;
}
