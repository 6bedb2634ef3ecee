/**
 * One request's life: when it began, what became of it, and the one log line it leaves. Also what the health page says
 * about each upstream: the last thing that went well and the last that did not.
 */
import type { Logger } from '../observe/log.ts';
import { mppsDimseOutcome, mppsHttpOutcome } from '../services/mpps/outcomes.ts';
import { dimseOutcome, httpOutcome } from '../services/worklist/outcomes.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { FailureCode, Requester, RequestContext, ServiceFailure, Operation } from '../services/port.ts';

const SUCCESS = { create: '201', update: '200', retrieve: '200' } as const;

/** What is known of an upstream from the exchanges with it; times are ISO 8601. */
export interface UpstreamState {
  lastSuccess?: string;
  lastFailure?: string;
  lastFailureCode?: FailureCode;
}

export interface ExchangeEnd {
  readonly route?: string;
  readonly upstream?: string;
  /** Results delivered to the requester; of a search only. */
  readonly count?: number;
  /** SOP Instance UID; of an MPPS only. */
  readonly uid?: string;
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
function statusFor(requester: Requester, transaction: Operation, end: ExchangeEnd): string {
  const { failure, abandoned } = end;
  if (requester.protocol === 'dimse') {
    if (abandoned === true) return statusText(0xfe00);
    if (failure === undefined) return statusText(0);
    const outcome = transaction === 'search' ? dimseOutcome(failure) : mppsDimseOutcome(failure, transaction);
    return statusText(outcome.status);
  }
  if (abandoned === true) return 'closed';
  if (failure === undefined) return transaction === 'search' ? (end.count === 0 ? '204' : '200') : SUCCESS[transaction];
  if (end.refused === true && failure.httpStatus !== undefined) return String(failure.httpStatus);
  const outcome = transaction === 'search' ? httpOutcome(failure) : mppsHttpOutcome(failure, transaction);
  return String(outcome.status);
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
  transaction: Operation,
  context: Pick<RequestContext, 'traceId' | 'requester'>,
  startedMs: number,
  end: ExchangeEnd,
): void {
  const { requester } = context;
  const failed = end.failure !== undefined && end.failure.code !== 'CANCELED';
  logger[failed ? 'warn' : 'info']('exchange', {
    service: SERVICE_OF[transaction],
    transaction,
    traceId: context.traceId,
    listener: requester.listener,
    protocol: requester.protocol,
    address: requester.address,
    ...(requester.callingAeTitle === undefined ? {} : { callingAeTitle: requester.callingAeTitle }),
    ...(requester.calledAeTitle === undefined ? {} : { calledAeTitle: requester.calledAeTitle }),
    ...(end.route === undefined ? {} : { route: end.route }),
    ...(end.upstream === undefined ? {} : { upstream: end.upstream }),
    ...(end.uid === undefined ? {} : { uid: end.uid }),
    ...(end.count === undefined ? {} : { count: end.count }),
    status: statusFor(requester, transaction, end),
    ...(end.failure === undefined ? {} : { outcome: end.failure.code, ...reasonOf(end.failure, end.refused) }),
    ...(end.warnings.length === 0 ? {} : { warnings: end.warnings }),
    ms: Math.round((performance.now() - startedMs) * 10) / 10,
  });
}
