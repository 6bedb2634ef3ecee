/**
 * One request's life: when it began, what became of it, and the one log line it leaves. Also what the health page says
 * about each upstream: the last thing that went well and the last that did not.
 */
import type { Logger } from '../observe/log.ts';
import { dimseOutcome, httpOutcome } from '../services/worklist/outcomes.ts';
import type { FailureCode, Requester, RequestContext, ServiceFailure, ServiceName } from '../services/port.ts';

/** What is known of an upstream from the exchanges with it; times are ISO 8601. */
export interface UpstreamState {
  lastSuccess?: string;
  lastFailure?: string;
  lastFailureCode?: FailureCode;
}

export interface ExchangeEnd {
  readonly route?: string;
  readonly upstream?: string;
  /** Results delivered to the requester. */
  readonly count: number;
  readonly warnings: readonly string[];
  /** Absent: it went well. `abandoned`: the requester stopped listening. */
  readonly failure?: ServiceFailure;
  readonly abandoned?: boolean;
  /** The listener refused by itself: the HTTP status is the one it chose. */
  readonly refused?: boolean;
}

/** `0111H`, as the standard prints a DIMSE status. */
export function statusText(status: number): string {
  return `${status.toString(16).toUpperCase().padStart(4, '0')}H`;
}

/** The status the requester sees, in the notation of its own protocol. */
function statusFor(requester: Requester, end: ExchangeEnd): string {
  if (requester.protocol === 'dimse') {
    if (end.abandoned === true) return statusText(0xfe00);
    return statusText(end.failure === undefined ? 0 : dimseOutcome(end.failure).status);
  }
  if (end.abandoned === true) return 'closed';
  if (end.failure !== undefined) {
    return String((end.refused === true ? end.failure.httpStatus : undefined) ?? httpOutcome(end.failure).status);
  }
  return end.count === 0 ? '204' : '200';
}

/**
 * Why it failed, for the log. What a peer wrote about it may name a patient: of a failure that came with a status of the
 * far end only that status is told.
 */
export function reasonOf(failure: ServiceFailure, refused = false): Record<string, string> {
  const { dimseStatus, httpStatus, message } = failure;
  if (refused || (dimseStatus === undefined && httpStatus === undefined)) return { reason: message };
  return {
    ...(httpStatus === undefined ? {} : { upstreamHttpStatus: String(httpStatus) }),
    ...(dimseStatus === undefined ? {} : { upstreamDimseStatus: statusText(dimseStatus) }),
  };
}

/** Writes the line of an exchange: who, what, route, count, status, milliseconds. No patient values. */
export function logExchange(
  logger: Logger,
  service: ServiceName,
  context: Pick<RequestContext, 'traceId' | 'requester'>,
  startedMs: number,
  end: ExchangeEnd,
): void {
  const { requester } = context;
  const failed = end.failure !== undefined && end.failure.code !== 'CANCELED';
  logger[failed ? 'warn' : 'info']('exchange', {
    service,
    traceId: context.traceId,
    listener: requester.listener,
    protocol: requester.protocol,
    address: requester.address,
    ...(requester.callingAeTitle === undefined ? {} : { callingAeTitle: requester.callingAeTitle }),
    ...(requester.calledAeTitle === undefined ? {} : { calledAeTitle: requester.calledAeTitle }),
    ...(end.route === undefined ? {} : { route: end.route }),
    ...(end.upstream === undefined ? {} : { upstream: end.upstream }),
    count: end.count,
    status: statusFor(requester, end),
    ...(end.failure === undefined ? {} : { outcome: end.failure.code, ...reasonOf(end.failure, end.refused) }),
    ...(end.warnings.length === 0 ? {} : { warnings: end.warnings }),
    ms: Math.round((performance.now() - startedMs) * 10) / 10,
  });
}
