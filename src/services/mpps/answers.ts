/**
 * What a far end's answer to an MPPS transaction means: DIMSE statuses of N-CREATE, N-SET and N-GET, HTTP statuses of
 * Create, Update and Retrieve, and the warnings of both.
 */
import type { Tag } from '../../dataset/model.ts';
import { isSuccessOrWarning, readAnswer, statusToHex } from '../answer.ts';
import type { AnswerContent, HttpAnswer } from '../answer.ts';
import { ServiceFailure } from '../port.ts';
import type { RetryClass, ServiceFailureOptions, ServiceWarning } from '../port.ts';
import { attributesNamedIn, farEndWarning, parseWarningHeader, statusInWarning } from '../worklist/warnings.ts';
import { FINAL_ERROR_ID, MPPS_OUTCOMES, isLegalFailure } from './outcomes.ts';
import type { MppsFailureCode, MppsOperation } from './outcomes.ts';

/** What an N-service response tells besides its status. */
export interface MppsDimseAnswer {
  /** Error Comment (0000,0902). */
  readonly comment?: string | undefined;
  /** Error ID (0000,0903). */
  readonly errorId?: number | undefined;
  /** Of (0000,1005), (0000,0901) and of the data set. */
  readonly attributes?: readonly Tag[];
}

export interface MppsHttpAnswer extends HttpAnswer {
  /** A Retrieve shows COMPLETED or DISCONTINUED. */
  readonly isKnownFinal?: boolean;
}

/** The words of PS3.4 Table F.7.2-2. */
const NO_MORE_UPDATES = /no longer be updated/i;

const CODES_BY_DIMSE_STATUS: Readonly<Record<number, MppsFailureCode>> = {
  0x0105: 'NO_SUCH_ATTRIBUTE',
  0x0106: 'INVALID_VALUE',
  0x0111: 'DUPLICATE_INSTANCE',
  0x0112: 'NO_SUCH_INSTANCE',
  0x0117: 'INVALID_UID',
  0x0118: 'NOT_SUPPORTED',
  0x0119: 'INSTANCE_CONFLICT',
  0x0120: 'MISSING_ATTRIBUTE',
  0x0121: 'MISSING_VALUE',
  0x0122: 'NOT_SUPPORTED',
  0x0124: 'NOT_AUTHORIZED',
  0x0210: 'INTERNAL_ERROR',
  0x0211: 'OPERATION_NOT_SUPPORTED',
  0x0212: 'INTERNAL_ERROR',
  0x0213: 'OUT_OF_RESOURCES',
  0xa700: 'OUT_OF_RESOURCES',
  0xfe00: 'UPSTREAM_PROTOCOL_ERROR',
};

/** Statuses whose meaning makes no sense in an operation: nobody is told that an update found a duplicate. */
const STRANGE_STATUSES: Readonly<Record<MppsOperation, ReadonlySet<number>>> = {
  create: new Set([0x0112]),
  update: new Set([0x0111]),
  retrieve: new Set([0x0111, 0x0120, 0x0121]),
};

/** The failure an N-service status stands for; undefined for success and warnings. */
export function mppsFailureFromDimse(
  status: number,
  operation: MppsOperation,
  answer: MppsDimseAnswer = {},
): ServiceFailure | undefined {
  if (isSuccessOrWarning(status)) return undefined;
  const code = codeOfDimse(status, operation, answer);
  return new ServiceFailure(code, {
    retry: code === 'OUT_OF_RESOURCES' ? 'safe' : 'permanent',
    comment: MPPS_OUTCOMES[code].comment,
    words: answer.comment?.trim(),
    dimseStatus: status,
    attributes: answer.attributes ?? [],
    ...(answer.errorId !== undefined && { errorId: answer.errorId }),
  });
}

function codeOfDimse(status: number, operation: MppsOperation, answer: MppsDimseAnswer): MppsFailureCode {
  // FFxxH is Pending, which no N-service knows.
  if (status >= 0xff00) return 'UPSTREAM_PROTOCOL_ERROR';
  if (status === 0x0110) return codeOfProcessingFailure(operation, answer);
  if (STRANGE_STATUSES[operation].has(status)) return 'UPSTREAM_ERROR';
  return CODES_BY_DIMSE_STATUS[status] ?? 'UPSTREAM_ERROR';
}

/** 0110H says nothing by itself; Error ID and Error Comment may. */
function codeOfProcessingFailure(operation: MppsOperation, answer: MppsDimseAnswer): MppsFailureCode {
  const { comment = '', errorId } = answer;
  if (operation === 'update') {
    const isFinal = errorId === FINAL_ERROR_ID || NO_MORE_UPDATES.test(comment);
    return isFinal ? 'INSTANCE_FINAL' : 'UPSTREAM_ERROR';
  }
  if (operation === 'create') {
    if (errorId === 0x0111 || /duplicate|already (?:exists|in use)/i.test(comment)) return 'DUPLICATE_INSTANCE';
    if (errorId === 0x0213 || errorId === 0xa700 || /resource|out of memory/i.test(comment)) return 'OUT_OF_RESOURCES';
  }
  return 'UPSTREAM_ERROR';
}

/** What a success with a warning status tells: 0001H, 0107H, 0116H, Bxxx; nothing for 0000H and failures. */
export function mppsWarningsFromDimse(status: number, attributes: readonly Tag[] = []): ServiceWarning[] {
  if (status === 0 || !isSuccessOrWarning(status)) return [];
  const code = status === 0x0001 || status === 0x0107 ? 'ATTRIBUTES_IGNORED' : 'VALUES_CHANGED';
  const says = MEANINGS[status] ?? 'done with modifications';
  const tags = attributes.length > 0 ? `: ${attributes.join(', ')}` : '';
  return [{ code, text: `${statusToHex(status)}: ${says}${tags}`, dimseStatus: status, attributes }];
}

const MEANINGS: Readonly<Record<number, string>> = {
  0x0001: 'requested optional attributes are not supported',
  0x0107: 'attributes ignored',
  0x0116: 'attribute values out of range',
};

/** What the Warning header fields of a 2xx answer tell. */
export function mppsWarningsFromHttp(headers: readonly string[]): ServiceWarning[] {
  return headers.flatMap(parseWarningHeader).map((header): ServiceWarning => {
    const { text: words } = header;
    const status = statusInWarning(header);
    const attributes = attributesNamedIn(words);
    const [known] = status === undefined ? [] : mppsWarningsFromDimse(status, attributes);
    if (known === undefined) return farEndWarning(words);
    return known.text === words ? known : { ...known, words };
  });
}

/**
 * The status of a response that succeeded with warnings, when the route passes them on to the SCU: one that names
 * attributes, else plain success (many modalities take a warning for a failure).
 */
export function mppsWarningStatus(
  warnings: readonly ServiceWarning[],
  operation: MppsOperation,
): { status: number; attributes: Tag[] } {
  const tags = (code: ServiceWarning['code']): Tag[] => [
    ...new Set(warnings.filter((each) => each.code === code).flatMap(({ attributes = [] }) => attributes)),
  ];
  const changed = operation === 'retrieve' ? [] : tags('VALUES_CHANGED');
  if (changed.length > 0) return { status: 0x0116, attributes: changed };
  if (operation === 'retrieve' && warnings.some(({ code }) => code === 'ATTRIBUTES_IGNORED')) {
    return { status: 0x0001, attributes: [] };
  }
  const ignored = tags('ATTRIBUTES_IGNORED');
  return { status: ignored.length > 0 ? 0x0107 : 0x0000, attributes: ignored };
}

const CODES_BY_HTTP_STATUS: Readonly<Record<number, MppsFailureCode>> = {
  400: 'BAD_REQUEST',
  422: 'BAD_REQUEST',
  401: 'NOT_AUTHORIZED',
  403: 'NOT_AUTHORIZED',
  407: 'NOT_AUTHORIZED',
  405: 'OPERATION_NOT_SUPPORTED',
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

/**
 * The failure an HTTP status stands for; undefined for success (2xx). 404 of an update is taken to be about the
 * instance: a user agent that tries the other update style first makes RESOURCE_NOT_FOUND of its own.
 */
export function mppsFailureFromHttp(
  status: number,
  operation: MppsOperation,
  answer: MppsHttpAnswer = {},
): ServiceFailure | undefined {
  if (status >= 200 && status < 300) return undefined;
  const content = readAnswer(answer);
  const given = status >= 400 && content.given !== undefined && isLegalFailure(content.given, operation);
  const code = codeOfHttp(status, operation, content, answer.isKnownFinal === true);
  const text = code === 'INSTANCE_DELETED' || content.reason === '' ? MPPS_OUTCOMES[code].comment : content.reason;
  const options: ServiceFailureOptions = {
    retry: retryClassOf(status, given),
    comment: `HTTP ${status} ${text}`,
    words: content.words,
    httpStatus: status,
    attributes: content.attributes,
  };
  return new ServiceFailure(code, {
    ...options,
    ...(given && content.given !== undefined && { dimseStatus: content.given }),
    ...(content.errorId !== undefined && { errorId: content.errorId }),
    ...(answer.retryAfter !== undefined && { retryAfter: answer.retryAfter }),
  });
}

/** A DIMSE status that another gateway hands on says more than the HTTP status, unless it is the general 0110H. */
function codeOfHttp(
  status: number,
  operation: MppsOperation,
  content: AnswerContent,
  isKnownFinal: boolean,
): MppsFailureCode {
  const { given, code, errorId, words, attributes } = content;
  if (status === 410 && operation !== 'create') return 'INSTANCE_DELETED';
  if (status >= 400 && given !== undefined && given !== 0x0110 && isLegalFailure(given, operation)) {
    return codeOfDimse(given, operation, {});
  }
  switch (status) {
    case 400:
    case 422:
      return codeOfBadRequest(content);
    case 404:
    case 410:
      return operation === 'create' ? 'RESOURCE_NOT_FOUND' : 'NO_SUCH_INSTANCE';
    case 409:
    case 423:
      if (operation === 'create') return 'DUPLICATE_INSTANCE';
      if (operation === 'retrieve') return 'UNEXPECTED_STATUS';
      if (isKnownFinal || code === 'INSTANCE_FINAL' || errorId === FINAL_ERROR_ID || NO_MORE_UPDATES.test(words)) {
        return 'INSTANCE_FINAL';
      }
      return attributes.length > 0 ? 'NO_SUCH_ATTRIBUTE' : 'INSTANCE_CONFLICT';
    default:
      return CODES_BY_HTTP_STATUS[status] ?? (status >= 500 ? 'UPSTREAM_ERROR' : 'UNEXPECTED_STATUS');
  }
}

const CODES_OF_BAD_REQUESTS: ReadonlySet<string> = new Set([
  'NO_SUCH_ATTRIBUTE',
  'MISSING_ATTRIBUTE',
  'MISSING_VALUE',
  'INVALID_VALUE',
  'INVALID_UID',
]);

/** Which of the attribute errors a 400 means: only where the report gives evidence, by code or by tags and words. */
function codeOfBadRequest({ code, words, attributes }: AnswerContent): MppsFailureCode {
  if (code !== undefined && CODES_OF_BAD_REQUESTS.has(code)) return code as MppsFailureCode;
  if (attributes.length === 0) return 'BAD_REQUEST';
  if (/empty|no value|without (?:a )?value|missing (?:attribute )?value/i.test(words)) return 'MISSING_VALUE';
  if (/missing|required|absent/i.test(words)) return 'MISSING_ATTRIBUTE';
  if (/unknown|no such|not recogni[sz]ed|unsupported|not supported/i.test(words)) return 'NO_SUCH_ATTRIBUTE';
  return /invalid|bad|not allowed|illegal|wrong|value/i.test(words) ? 'INVALID_VALUE' : 'BAD_REQUEST';
}

/**
 * An answer means that nothing was done, with two exceptions: a server in between gave up, or says that the one behind
 * it failed in a way it does not know more about.
 */
function retryClassOf(status: number, given: boolean): RetryClass {
  if (status === 429 || status === 503 || status === 507) return 'safe';
  return !given && (status === 408 || status === 502 || status === 504) ? 'ambiguous' : 'permanent';
}
