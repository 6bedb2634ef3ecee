/**
 * From what undici, the socket, TLS and zlib throw to canonical failures (status-mapping 2.2). Comments name the kind of
 * trouble and its code, never an address or a value.
 */
import { errors } from 'undici';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode, RetryClass } from '../services/port.ts';
import { explainTlsFailure, isTlsFailure } from '../tls/tls-failure.ts';

/** How far the exchange had come: no byte of an answer yet, or its head was there. */
export type ExchangeStage = 'request' | 'body';

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'EAI_FAIL',
  'EAI_NODATA',
  'EAI_NONAME',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'EADDRNOTAVAIL',
  'EACCES',
  'EPERM',
  'ENOENT',
  'UND_ERR_CONNECT_TIMEOUT',
]);
const TIMEOUT: ReadonlySet<string> = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);
const LOST: ReadonlySet<string> = new Set([
  'HPE_INVALID_EOF_STATE',
  'UND_ERR_SOCKET',
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'UND_ERR_INFO',
]);
const LOCAL_LIMIT: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);
/**
 * @param idempotent the method changes nothing at the far end, so it may be sent again whatever happened
 * @param signal what ends the exchange from our side; its reason wins when it fired
 */
export function failureFromNetwork(
  error: unknown,
  stage: ExchangeStage,
  idempotent: boolean,
  signal?: AbortSignal,
): ServiceFailure {
  if (signal?.aborted === true) return failureFromAbort(signal);
  if (error instanceof ServiceFailure) return error;
  const code = codeOf(error);
  const [failure, comment] = classify(code, stage);
  // Before a connection stands nothing can have happened; later only a method without effect is safe.
  const beforeRequest = failure === 'UPSTREAM_UNREACHABLE' || failure === 'OUT_OF_RESOURCES';
  const retry: RetryClass =
    failure === 'UPSTREAM_UNTRUSTED' ? 'permanent' : beforeRequest || idempotent ? 'safe' : 'ambiguous';
  return new ServiceFailure(failure, {
    retry,
    comment: code === '' ? comment : `${comment} (${code})`,
    cause: error,
  });
}

/** Why work was stopped: a `ServiceFailure` given as the reason, else the caller went away. */
export function failureFromAbort(signal: AbortSignal): ServiceFailure {
  return signal.reason instanceof ServiceFailure
    ? signal.reason
    : new ServiceFailure('CANCELED', { comment: 'The request was canceled' });
}

function classify(code: string, stage: ExchangeStage): [FailureCode, string] {
  if (isTlsFailure(code)) {
    return ['UPSTREAM_UNTRUSTED', `TLS to the origin server failed: ${explainTlsFailure(code).why}`];
  }
  if (TIMEOUT.has(code)) return ['UPSTREAM_TIMEOUT', 'Timeout of the origin server'];
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
    return ['TOO_MANY_RESULTS', 'The answer of the origin server is larger than allowed'];
  }
  if (LOCAL_LIMIT.has(code)) return ['OUT_OF_RESOURCES', 'No local resources for a connection'];
  if (stage === 'body') {
    if (code.startsWith('Z_') && code !== 'Z_BUF_ERROR') {
      return ['ANSWER_UNREADABLE', 'The content coding of the answer is broken'];
    }
    if (code.startsWith('ERR__') || code.startsWith('ERR_BROTLI') || code.startsWith('ERR_PADDING')) {
      return ['ANSWER_UNREADABLE', 'The content coding of the answer is broken'];
    }
    return ['ANSWER_TRUNCATED', 'The answer of the origin server broke off'];
  }
  if (UNREACHABLE.has(code)) return ['UPSTREAM_UNREACHABLE', 'No connection to the origin server'];
  if (LOST.has(code)) return ['CONNECTION_LOST', 'The connection to the origin server was lost'];
  if (code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return ['UPSTREAM_PROTOCOL_ERROR', 'The origin server does not speak HTTP'];
  }
  if (code === 'UND_ERR_DESTROYED' || code === 'UND_ERR_CLOSED')
    return ['SHUTTING_DOWN', 'The upstream is being closed'];
  return ['CONNECTION_LOST', 'The exchange with the origin server failed'];
}

/** The code of an error, or of the first one inside: connecting to several addresses fails with all of their errors. */
function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, errors: several, cause } = error as { code?: unknown; errors?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  if (error instanceof errors.HTTPParserError) return 'HPE_INVALID';
  if (Array.isArray(several) && several.length > 0) return codeOf(several[0]);
  return cause === undefined ? '' : codeOf(cause);
}
