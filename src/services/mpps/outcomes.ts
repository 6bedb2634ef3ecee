/**
 * How an MPPS transaction fails, in both protocols: each canonical failure with its status in N-CREATE, N-SET and N-GET
 * (PS3.4 F.7.2, F.8.2, PS3.7 C.5), in Create, Update and Retrieve (PS3.18 15.4 to 15.6), and what a person reads.
 */
import type { Tag } from '../../dataset/model.ts';
import { errorComment } from '../answer.ts';
import { dimseCommentOf, errorIdOf, nServiceHttpOutcome, PROCESSING_FAILURE, statusIn } from '../n-service-outcome.ts';
import type { NServiceHttpOutcome, NServiceOutcome } from '../n-service-outcome.ts';
import type { CommonFailureCode, FailureCode, InstanceFailureCode, ServiceFailure } from '../port.ts';

export type MppsOperation = 'create' | 'update' | 'retrieve';
export type MppsFailureCode = CommonFailureCode | InstanceFailureCode;

/** Error ID (0000,0903) of an update that comes after the final state (PS3.4 Table F.7.2-2). */
export const FINAL_ERROR_ID = 0xa710;

const TRY_AGAIN_SECONDS = 10;
const FAILED = PROCESSING_FAILURE;
const BUSY = { dimseStatus: 0x0213, httpStatus: 503, retryAfter: TRY_AGAIN_SECONDS } as const;
const UPSTREAM_FAILED = { dimseStatus: FAILED, httpStatus: 502 } as const;

/** A status that an operation does not know gives way to the general 0110H there. */
export const MPPS_OUTCOMES: Readonly<Record<MppsFailureCode, NServiceOutcome>> = {
  BAD_REQUEST: { dimseStatus: FAILED, httpStatus: 400, comment: 'request not understood' },
  NOT_AUTHORIZED: { dimseStatus: 0x0124, httpStatus: 403, comment: 'not authorized' },
  RESOURCE_NOT_FOUND: { ...UPSTREAM_FAILED, comment: 'MPPS resource not found' },
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
  // What cannot be converted is the request in the writing operations, the answer in the reading one.
  CONVERSION_FAILED: {
    dimseStatus: [0x0106, 0x0106, FAILED],
    httpStatus: [400, 400, 502],
    comment: 'conversion failed',
  },
  UNEXPECTED_STATUS: { ...UPSTREAM_FAILED, comment: 'unexpected status' },
  OUT_OF_RESOURCES: { ...BUSY, comment: 'out of resources: try again later' },
  NOT_SUPPORTED: { dimseStatus: 0x0118, httpStatus: 501, comment: 'MPPS service not supported' },
  CANCELED: { ...UPSTREAM_FAILED, comment: 'canceled' },
  SHUTTING_DOWN: { ...BUSY, comment: 'gateway is shutting down' },
  LOOP_DETECTED: { dimseStatus: FAILED, httpStatus: 508, comment: 'loop: the message came by this route before' },
  INTERNAL_ERROR: { dimseStatus: FAILED, httpStatus: 500, comment: 'internal error' },
  OPERATION_NOT_SUPPORTED: { dimseStatus: 0x0211, httpStatus: 501, comment: 'operation not supported' },
  DUPLICATE_INSTANCE: { dimseStatus: [0x0111, FAILED, FAILED], httpStatus: 409, comment: 'MPPS UID already in use' },
  NO_SUCH_INSTANCE: { dimseStatus: [FAILED, 0x0112, 0x0112], httpStatus: [502, 404, 404], comment: 'no such MPPS' },
  INSTANCE_DELETED: { dimseStatus: [0x0111, 0x0112, 0x0112], httpStatus: [409, 410, 410], comment: 'deleted' },
  INSTANCE_FINAL: {
    dimseStatus: FAILED,
    httpStatus: 409,
    comment: 'Performed Procedure Step Object may no longer be updated',
  },
  INSTANCE_CONFLICT: { dimseStatus: FAILED, httpStatus: [409, 409, 400], comment: 'in conflict with the stored MPPS' },
  NO_SUCH_ATTRIBUTE: {
    dimseStatus: [0x0105, 0x0105, FAILED],
    httpStatus: [400, 409, 400],
    comment: 'no such attribute',
  },
  // PS3.7 knows "missing attribute" in N-CREATE only; in N-SET what is missing is a value.
  MISSING_ATTRIBUTE: { dimseStatus: [0x0120, 0x0121, FAILED], httpStatus: 400, comment: 'missing attribute' },
  MISSING_VALUE: { dimseStatus: [0x0121, 0x0121, FAILED], httpStatus: 400, comment: 'missing attribute value' },
  INVALID_VALUE: { dimseStatus: [0x0106, 0x0106, FAILED], httpStatus: 400, comment: 'invalid attribute value' },
  INVALID_UID: { dimseStatus: 0x0117, httpStatus: 400, comment: 'invalid MPPS UID' },
  OUTCOME_UNKNOWN: { dimseStatus: FAILED, httpStatus: 504, comment: 'outcome unknown' },
};

const OPERATIONS: readonly MppsOperation[] = ['create', 'update', 'retrieve'];

/** Failure statuses an SCP may answer with (PS3.7 10.1.2, 10.1.3, 10.1.5); 0210H and 0212H concern our own message. */
const LEGAL_STATUSES: Readonly<Record<MppsOperation, ReadonlySet<number>>> = {
  create: new Set([0x0105, 0x0106, FAILED, 0x0111, 0x0117, 0x0118, 0x0120, 0x0121, 0x0124, 0x0211, 0x0213]),
  update: new Set([0x0105, 0x0106, FAILED, 0x0112, 0x0117, 0x0118, 0x0119, 0x0121, 0x0124, 0x0211, 0x0213]),
  retrieve: new Set([FAILED, 0x0112, 0x0117, 0x0118, 0x0119, 0x0124, 0x0211, 0x0213]),
};

/** Statuses that come with Attribute Identifier List (0000,1005), and those with a data set of the bad attributes. */
const LISTING_STATUSES: ReadonlySet<number> = new Set([0x0105, 0x0107, 0x0120]);
const DATA_SET_STATUSES: ReadonlySet<number> = new Set([0x0106, 0x0116, 0x0121]);

export interface MppsDimseOutcome {
  readonly status: number;
  /** Error Comment (0000,0902): at most 64 characters, ASCII, no backslash. */
  readonly comment: string;
  /** Error ID (0000,0903), with 0110H. */
  readonly errorId?: number;
  /** Attribute Identifier List (0000,1005), with 0105H and 0120H. */
  readonly attributeIdentifierList?: Tag[];
  /** What the data set of the response holds, with 0106H and 0121H: as in the request, empty where it was absent. */
  readonly badAttributes?: Tag[];
}

/** The row of a failure; a code of another service has no business here and reads as a fault of the gateway. */
export function mppsOutcomeOf(code: FailureCode): NServiceOutcome {
  return MPPS_OUTCOMES[code as MppsFailureCode] ?? MPPS_OUTCOMES.INTERNAL_ERROR;
}

/** The response to a failed N-CREATE, N-SET or N-GET, with the fields that its status allows (PS3.7 C.5). */
export function mppsDimseOutcome(failure: ServiceFailure, operation: MppsOperation): MppsDimseOutcome {
  const own = statusIn(mppsOutcomeOf(failure.code).dimseStatus, OPERATIONS.indexOf(operation));
  const given = failure.dimseStatus;
  const status = given !== undefined && isLegalFailure(given, operation) ? given : withAttributes(own, failure);
  const errorId = status === FAILED ? errorIdOf(failure, ownErrorIdOf(failure)) : undefined;
  const attributes = topLevel(failure.attributes);
  return {
    status,
    comment: errorComment(dimseComment(failure)),
    ...(errorId !== undefined && { errorId }),
    ...(LISTING_STATUSES.has(status) && attributes.length > 0 && { attributeIdentifierList: attributes }),
    ...(DATA_SET_STATUSES.has(status) && attributes.length > 0 && { badAttributes: attributes }),
  };
}

/** The HTTP answer to a failed Create, Update or Retrieve. */
export function mppsHttpOutcome(failure: ServiceFailure, operation: MppsOperation): NServiceHttpOutcome {
  const place = OPERATIONS.indexOf(operation);
  return nServiceHttpOutcome(failure, mppsOutcomeOf(failure.code), place, ownErrorIdOf(failure));
}

/** A failure status that the service of an operation knows. */
export function isLegalFailure(status: number, operation: MppsOperation): boolean {
  return LEGAL_STATUSES[operation].has(status);
}

/** A conversion that failed without saying where leaves nothing to list: the general status says as much. */
function withAttributes(status: number, failure: ServiceFailure): number {
  return failure.code === 'CONVERSION_FAILED' && failure.attributes.length === 0 ? FAILED : status;
}

function ownErrorIdOf({ code }: ServiceFailure): number | undefined {
  return code === 'INSTANCE_FINAL' ? FINAL_ERROR_ID : undefined;
}

/** The standard has words of its own for the final state. */
function dimseComment(failure: ServiceFailure): string {
  if (failure.code === 'INSTANCE_FINAL') return MPPS_OUTCOMES.INSTANCE_FINAL.comment;
  return dimseCommentOf(failure, mppsOutcomeOf(failure.code));
}

function topLevel(attributes: readonly Tag[]): Tag[] {
  return [...new Set(attributes)].sort();
}
