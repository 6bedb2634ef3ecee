/**
 * How a worklist search ends, in both protocols: each canonical failure with its C-FIND status (PS3.4 K.4.1.1.4, codes
 * C001H to C00EH are our own), its HTTP status (PS3.18 14.4.3) and what a person reads. A status that a far end gave
 * travels with the failure and is passed on where it is legal, so that two gateways in a row are transparent.
 */
import type { Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import type { CommonFailureCode, FailureCode, RetryClass, SearchFailureCode, ServiceFailureOptions } from '../port.ts';
import { errorComment, isSuccessOrWarning, readAnswer, statusToHex } from '../answer.ts';
import type { HttpAnswer } from '../answer.ts';

export interface Outcome {
  readonly dimseStatus: number;
  readonly httpStatus: number;
  /** At most 64 characters of the default repertoire: it goes into Error Comment (0000,0902). */
  readonly comment: string;
  /** Seconds after which another try makes sense. */
  readonly retryAfter?: number;
}

const TRY_AGAIN_SECONDS = 10;

/** The failures a search ends with. */
export type WorklistFailureCode = CommonFailureCode | SearchFailureCode;

export const OUTCOMES: Readonly<Record<WorklistFailureCode, Outcome>> = {
  BAD_REQUEST: { dimseStatus: 0xa900, httpStatus: 400, comment: 'query not understood' },
  NOT_AUTHORIZED: { dimseStatus: 0xc002, httpStatus: 403, comment: 'not authorized at origin server' },
  RESOURCE_NOT_FOUND: { dimseStatus: 0xc003, httpStatus: 502, comment: 'search resource not found or not allowed' },
  UPSTREAM_TIMEOUT: { dimseStatus: 0xc004, httpStatus: 504, comment: 'origin server timeout' },
  UPSTREAM_UNREACHABLE: {
    dimseStatus: 0xc005,
    httpStatus: 503,
    comment: 'origin server not reachable',
    retryAfter: TRY_AGAIN_SECONDS,
  },
  UPSTREAM_UNTRUSTED: { dimseStatus: 0xc005, httpStatus: 502, comment: 'origin server not trusted' },
  UPSTREAM_REJECTED: { dimseStatus: 0xc005, httpStatus: 502, comment: 'association rejected by SCP' },
  UPSTREAM_ERROR: { dimseStatus: 0xc006, httpStatus: 502, comment: 'origin server error' },
  UPSTREAM_PROTOCOL_ERROR: { dimseStatus: 0xc007, httpStatus: 502, comment: 'protocol broken by the far end' },
  CONNECTION_LOST: { dimseStatus: 0xc00a, httpStatus: 502, comment: 'connection lost' },
  ANSWER_TRUNCATED: { dimseStatus: 0xc00a, httpStatus: 502, comment: 'answer truncated' },
  ANSWER_UNREADABLE: { dimseStatus: 0xc007, httpStatus: 502, comment: 'unreadable answer' },
  NO_COMMON_MEDIA_TYPE: { dimseStatus: 0xc008, httpStatus: 502, comment: 'no common media type' },
  CONVERSION_FAILED: { dimseStatus: 0xc009, httpStatus: 502, comment: 'conversion failed' },
  QUERY_TOO_LONG: { dimseStatus: 0xc00b, httpStatus: 414, comment: 'query too long' },
  UNEXPECTED_STATUS: { dimseStatus: 0xc00c, httpStatus: 502, comment: 'unexpected HTTP status' },
  PAGING_NOT_SUPPORTED: { dimseStatus: 0xc00d, httpStatus: 502, comment: 'paging not supported by origin server' },
  TOO_MANY_RESULTS: { dimseStatus: 0xa700, httpStatus: 413, comment: 'too many results: narrow the query' },
  OUT_OF_RESOURCES: {
    dimseStatus: 0xa700,
    httpStatus: 503,
    comment: 'out of resources: try again later',
    retryAfter: TRY_AGAIN_SECONDS,
  },
  NOT_SUPPORTED: { dimseStatus: 0x0122, httpStatus: 501, comment: 'worklist search not supported' },
  CANCELED: { dimseStatus: 0xfe00, httpStatus: 502, comment: 'canceled' },
  SHUTTING_DOWN: {
    dimseStatus: 0xa700,
    httpStatus: 503,
    comment: 'gateway is shutting down',
    retryAfter: TRY_AGAIN_SECONDS,
  },
  LOOP_DETECTED: { dimseStatus: 0xc00e, httpStatus: 508, comment: 'loop: the query came by this route before' },
  INTERNAL_ERROR: { dimseStatus: 0xc001, httpStatus: 500, comment: 'internal error' },
};

export interface DimseOutcome {
  readonly status: number;
  /** Error Comment (0000,0902): at most 64 characters, ASCII, no backslash. */
  readonly comment: string;
  /** Offending Element (0000,0901), for the statuses that allow it (PS3.4 Table K.4-2). */
  readonly offendingElements: Tag[];
}

export interface HttpOutcome {
  readonly status: number;
  readonly comment: string;
  /** Four hex digits of the status that the SCP or another gateway gave, for the Status Report. */
  readonly dimseStatus?: string;
  /** Attributes at fault. */
  readonly attributes: readonly Tag[];
  /** Seconds. */
  readonly retryAfter?: number;
}

/** The row of a failure; a code of another service has no business here and reads as a fault of the gateway. */
export function outcomeOf(code: FailureCode): Outcome {
  return OUTCOMES[code as WorklistFailureCode] ?? OUTCOMES.INTERNAL_ERROR;
}

/** The final C-FIND response of a failure. */
export function dimseOutcome(failure: ServiceFailure): DimseOutcome {
  const own = outcomeOf(failure.code);
  const given = failure.dimseStatus;
  // A cancel is our own SCU's doing, whatever the far end called it.
  const status = given !== undefined && failure.code !== 'CANCELED' && isFindFailure(given) ? given : own.dimseStatus;
  const text = commentOf(failure);
  const http = failure.httpStatus === undefined || text.startsWith('HTTP ') ? '' : `HTTP ${failure.httpStatus} `;
  return {
    status,
    comment: errorComment(`${http}${text}`),
    offendingElements: status === 0xa900 || isUnableToProcess(status) ? [...failure.attributes] : [],
  };
}

/** The HTTP answer to a failure. */
export function httpOutcome(failure: ServiceFailure): HttpOutcome {
  const own = outcomeOf(failure.code);
  const retryAfter = own.retryAfter === undefined ? undefined : (failure.retryAfter ?? own.retryAfter);
  return {
    status: own.httpStatus,
    comment: commentOf(failure),
    attributes: failure.attributes,
    ...(failure.dimseStatus !== undefined && { dimseStatus: statusToHex(failure.dimseStatus) }),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}

/** The failure an HTTP status of a search stands for, undefined for success (2xx). */
export function failureFromHttp(status: number, answer: HttpAnswer = {}): ServiceFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const { code, retry } = classOfHttpStatus(status);
  const { given, words, reason, attributes } = readAnswer(answer);
  return new ServiceFailure(code, {
    retry,
    comment: `HTTP ${status} ${reason === '' ? OUTCOMES[code].comment : reason}`,
    words,
    httpStatus: status,
    attributes,
    ...(given !== undefined && isFindFailure(given) && { dimseStatus: given }),
    ...(answer.retryAfter !== undefined && { retryAfter: answer.retryAfter }),
  });
}

/** What is known besides the status of a final C-FIND response. */
export interface DimseAnswer {
  /** Pending responses came before. */
  readonly hadResults?: boolean;
  /** Error Comment (0000,0902). */
  readonly comment?: string | undefined;
  /** Offending Element (0000,0901). */
  readonly attributes?: readonly Tag[];
}

/** The failure a final C-FIND status stands for; undefined for success, Pending and warnings such as B001H. */
export function failureFromDimse(status: number, answer: DimseAnswer = {}): ServiceFailure | undefined {
  if (isPending(status) || isSuccessOrWarning(status)) return undefined;
  const [code, retry] = classOfDimseStatus(status, answer);
  const options: ServiceFailureOptions = { retry, dimseStatus: status, attributes: answer.attributes ?? [] };
  return new ServiceFailure(code, { ...options, comment: OUTCOMES[code].comment, words: answer.comment?.trim() });
}

/** FF00H and FF01H are the same list of results. */
export function isPending(status: number): boolean {
  return status === 0xff00 || status === 0xff01;
}

/** A failure an SCP of the worklist may end a C-FIND with (PS3.4 Table K.4-2). */
export function isFindFailure(status: number): boolean {
  return status === 0xa700 || status === 0xa900 || status === 0x0122 || isUnableToProcess(status);
}

function isUnableToProcess(status: number): boolean {
  return status >= 0xc000 && status <= 0xcfff;
}

function classOfDimseStatus(status: number, answer: DimseAnswer): [WorklistFailureCode, RetryClass] {
  switch (status) {
    case 0xa700:
      return answer.hadResults === true ? ['TOO_MANY_RESULTS', 'permanent'] : ['OUT_OF_RESOURCES', 'safe'];
    case 0xa900:
      return ['BAD_REQUEST', 'permanent'];
    case 0x0122:
    case 0x0118:
      return ['NOT_SUPPORTED', 'permanent'];
    case 0x0124:
      return ['NOT_AUTHORIZED', 'permanent'];
    // FE00H too: nobody has asked for it, since what still comes after a C-CANCEL of ours is dropped.
    default:
      return ['UPSTREAM_ERROR', 'safe'];
  }
}

const HTTP_CLASSES: Readonly<Record<number, WorklistFailureCode>> = {
  400: 'BAD_REQUEST',
  422: 'BAD_REQUEST',
  401: 'NOT_AUTHORIZED',
  403: 'NOT_AUTHORIZED',
  407: 'NOT_AUTHORIZED',
  404: 'RESOURCE_NOT_FOUND',
  405: 'RESOURCE_NOT_FOUND',
  410: 'RESOURCE_NOT_FOUND',
  406: 'NO_COMMON_MEDIA_TYPE',
  415: 'NO_COMMON_MEDIA_TYPE',
  408: 'UPSTREAM_TIMEOUT',
  504: 'UPSTREAM_TIMEOUT',
  413: 'TOO_MANY_RESULTS',
  414: 'QUERY_TOO_LONG',
  431: 'QUERY_TOO_LONG',
  429: 'OUT_OF_RESOURCES',
  503: 'OUT_OF_RESOURCES',
  507: 'OUT_OF_RESOURCES',
  501: 'NOT_SUPPORTED',
  508: 'LOOP_DETECTED',
};

const RETRY_CLASSES: Readonly<Partial<Record<WorklistFailureCode, RetryClass>>> = {
  OUT_OF_RESOURCES: 'safe',
  // A search changes nothing: it may be repeated, or asked of another upstream, whatever became of it.
  UPSTREAM_TIMEOUT: 'safe',
  UPSTREAM_ERROR: 'safe',
};

function classOfHttpStatus(status: number): { code: WorklistFailureCode; retry: RetryClass } {
  const code = HTTP_CLASSES[status] ?? (status >= 500 && status < 600 ? 'UPSTREAM_ERROR' : 'UNEXPECTED_STATUS');
  return { code, retry: RETRY_CLASSES[code] ?? 'permanent' };
}

function commentOf(failure: ServiceFailure): string {
  return failure.message === failure.code || failure.message === '' ? outcomeOf(failure.code).comment : failure.message;
}
