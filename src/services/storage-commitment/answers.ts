/**
 * What a far end's answer to a storage commitment transaction means: DIMSE statuses of N-ACTION and N-EVENT-REPORT, HTTP
 * statuses of Request and Result Check, and what is to be done next.
 */
import { isSuccessOrWarning, readAnswer } from '../answer.ts';
import type { AnswerContent, HttpAnswer } from '../answer.ts';
import { ServiceFailure } from '../port.ts';
import type { RetryClass } from '../port.ts';
import { DUPLICATE_TRANSACTION_UID } from './commitment.ts';
import { COMMITMENT_OUTCOMES, isLegalFailure } from './outcomes.ts';
import type { CommitmentFailureCode, CommitmentOperation } from './outcomes.ts';

/** What an N-service response tells besides its status. */
export interface CommitmentDimseAnswer {
  /** Error Comment (0000,0902). */
  readonly comment?: string | undefined;
  /** Error ID (0000,0903). */
  readonly errorId?: number | undefined;
}

const CODES_BY_DIMSE_STATUS: Readonly<Record<number, CommitmentFailureCode>> = {
  0x0105: 'INVALID_VALUE',
  0x0106: 'INVALID_VALUE',
  0x0111: 'DUPLICATE_INSTANCE',
  0x0112: 'NO_SUCH_INSTANCE',
  0x0113: 'OPERATION_NOT_SUPPORTED',
  0x0114: 'INVALID_VALUE',
  0x0115: 'INVALID_VALUE',
  0x0117: 'INVALID_UID',
  0x0118: 'NOT_SUPPORTED',
  0x0119: 'INSTANCE_CONFLICT',
  0x0120: 'MISSING_ATTRIBUTE',
  0x0121: 'MISSING_VALUE',
  0x0122: 'NOT_SUPPORTED',
  0x0123: 'OPERATION_NOT_SUPPORTED',
  0x0124: 'NOT_AUTHORIZED',
  0x0131: 'DUPLICATE_INSTANCE',
  0x0210: 'INTERNAL_ERROR',
  0x0211: 'OPERATION_NOT_SUPPORTED',
  0x0212: 'INTERNAL_ERROR',
  0x0213: 'OUT_OF_RESOURCES',
  0xa700: 'OUT_OF_RESOURCES',
  0xfe00: 'UPSTREAM_PROTOCOL_ERROR',
};

/** The failure an N-ACTION-RSP or N-EVENT-REPORT-RSP stands for; undefined for success and warnings. */
export function commitmentFailureFromDimse(
  status: number,
  operation: CommitmentOperation,
  answer: CommitmentDimseAnswer = {},
): ServiceFailure | undefined {
  if (isSuccessOrWarning(status)) return undefined;
  const code = codeOfDimse(status, operation, answer);
  return new ServiceFailure(code, {
    retry: code === 'OUT_OF_RESOURCES' ? 'safe' : 'permanent',
    comment: COMMITMENT_OUTCOMES[code].comment,
    words: answer.comment?.trim(),
    dimseStatus: status,
    ...(answer.errorId !== undefined && { errorId: answer.errorId }),
  });
}

function codeOfDimse(
  status: number,
  operation: CommitmentOperation,
  { comment = '', errorId }: CommitmentDimseAnswer,
): CommitmentFailureCode {
  // FFxxH is Pending, which no N-service knows.
  if (status >= 0xff00) return 'UPSTREAM_PROTOCOL_ERROR';
  if (status !== 0x0110 || operation !== 'request') return CODES_BY_DIMSE_STATUS[status] ?? 'UPSTREAM_ERROR';
  // 0110H says nothing by itself; Error ID and Error Comment may.
  if (errorId === DUPLICATE_TRANSACTION_UID || DUPLICATE.test(comment)) return 'DUPLICATE_INSTANCE';
  return errorId === 0x0213 || errorId === 0xa700 ? 'OUT_OF_RESOURCES' : 'UPSTREAM_ERROR';
}

const DUPLICATE = /duplicate transaction|transaction uid (?:is )?(?:already )?in use/i;

const CODES_BY_HTTP_STATUS: Readonly<Record<number, CommitmentFailureCode>> = {
  401: 'NOT_AUTHORIZED',
  403: 'NOT_AUTHORIZED',
  407: 'NOT_AUTHORIZED',
  405: 'NOT_SUPPORTED',
  406: 'NO_COMMON_MEDIA_TYPE',
  415: 'NO_COMMON_MEDIA_TYPE',
  408: 'UPSTREAM_TIMEOUT',
  504: 'UPSTREAM_TIMEOUT',
  413: 'OUT_OF_RESOURCES',
  429: 'OUT_OF_RESOURCES',
  503: 'OUT_OF_RESOURCES',
  507: 'OUT_OF_RESOURCES',
  501: 'NOT_SUPPORTED',
  508: 'LOOP_DETECTED',
};

/** The failure an HTTP status stands for; undefined for success (2xx): 200 is a result, every other one is pending. */
export function commitmentFailureFromHttp(
  status: number,
  operation: CommitmentOperation,
  answer: HttpAnswer = {},
): ServiceFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const content = readAnswer(answer);
  const { given } = content;
  const isGivenLegal = status >= 400 && given !== undefined && isLegalFailure(given, operation);
  const code = codeOfHttp(status, operation, content, isGivenLegal);
  const hasOwnText = content.reason === '' || code === 'RESOURCE_NOT_FOUND' || code === 'DUPLICATE_INSTANCE';
  return new ServiceFailure(code, {
    retry: operation === 'check' ? retryOfCheck(status) : retryOfRequest(status, isGivenLegal),
    comment: `HTTP ${status} ${hasOwnText ? COMMITMENT_OUTCOMES[code].comment : content.reason}`,
    words: content.words,
    httpStatus: status,
    attributes: content.attributes,
    ...(isGivenLegal && { dimseStatus: given }),
    ...(content.errorId !== undefined && { errorId: content.errorId }),
    ...(answer.retryAfter !== undefined && { retryAfter: answer.retryAfter }),
  });
}

/** A DIMSE status that another gateway hands on says more than the HTTP status, unless it is the general 0110H. */
function codeOfHttp(
  status: number,
  operation: CommitmentOperation,
  content: AnswerContent,
  isGivenLegal: boolean,
): CommitmentFailureCode {
  if (isGivenLegal && content.given !== undefined && content.given !== 0x0110) {
    return codeOfDimse(content.given, operation, {});
  }
  switch (status) {
    case 400:
    case 422:
      return codeOfBadRequest(content);
    case 404:
      return operation === 'check' ? 'NO_SUCH_INSTANCE' : 'RESOURCE_NOT_FOUND';
    case 410:
      return operation === 'check' ? 'INSTANCE_DELETED' : 'RESOURCE_NOT_FOUND';
    case 409:
      return operation === 'request' ? 'DUPLICATE_INSTANCE' : 'UNEXPECTED_STATUS';
    default:
      return CODES_BY_HTTP_STATUS[status] ?? (status >= 500 ? 'UPSTREAM_ERROR' : 'UNEXPECTED_STATUS');
  }
}

const CODES_OF_BAD_REQUESTS: ReadonlySet<string> = new Set([
  'MISSING_ATTRIBUTE',
  'MISSING_VALUE',
  'INVALID_VALUE',
  'INVALID_UID',
]);

/** An invalid argument only where the report gives evidence. */
function codeOfBadRequest({ code, attributes }: AnswerContent): CommitmentFailureCode {
  if (code !== undefined && CODES_OF_BAD_REQUESTS.has(code)) return code as CommitmentFailureCode;
  return attributes.length > 0 ? 'INVALID_VALUE' : 'BAD_REQUEST';
}

/** A server in between that gave up leaves open what the one behind it did; every other answer means: nothing done. */
function retryOfRequest(status: number, isGivenLegal: boolean): RetryClass {
  if (status === 429 || status === 503 || status === 507) return 'safe';
  return !isGivenLegal && (status === 408 || status === 502 || status === 504) ? 'ambiguous' : 'permanent';
}

/** A Result Check changes nothing, so it can be repeated until the server says that there is no result to come. */
function retryOfCheck(status: number): RetryClass {
  return status === 408 || status === 429 || status >= 500 ? 'safe' : 'permanent';
}

/**
 * What a failed Result Check leads to. `again`: by Retry-After or back-off until the deadline; `slowly`: the same, and
 * somebody has to mend the credentials; `never`: no result will come, every instance has failed.
 */
export function nextAfterCheck({ code }: ServiceFailure): 'again' | 'slowly' | 'never' {
  if (code === 'NOT_AUTHORIZED' || code === 'UPSTREAM_UNTRUSTED') return 'slowly';
  return FINAL_CHECK_CODES.has(code) ? 'never' : 'again';
}

/** Answers about the result, not about the way to it. */
const FINAL_CHECK_CODES: ReadonlySet<string> = new Set<CommitmentFailureCode>([
  'NO_SUCH_INSTANCE',
  'INSTANCE_DELETED',
  'BAD_REQUEST',
  'INVALID_VALUE',
  'INVALID_UID',
  'MISSING_ATTRIBUTE',
  'MISSING_VALUE',
  'NO_COMMON_MEDIA_TYPE',
]);

/**
 * What a failed N-EVENT-REPORT leads to. `again`: until retention ends; `few-times`: the SCU took it and could not use
 * it; `never`: the SCU has answered for good, the report counts as delivered.
 */
export function nextAfterReport({ code, dimseStatus }: ServiceFailure): 'again' | 'few-times' | 'never' {
  if (dimseStatus === undefined || code === 'OUT_OF_RESOURCES') return 'again';
  return dimseStatus === 0x0110 || dimseStatus === 0x0115 ? 'few-times' : 'never';
}
