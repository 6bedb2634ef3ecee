/**
 * One request's life: when it began, what became of it, and the one log line it leaves. Also what the health page says
 * about each upstream: the last thing that went well and the last that did not.
 */
import type { ExchangeObserver } from '../audit/exchange-events.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { mppsDimseOutcome, mppsHttpOutcome } from '../services/mpps/outcomes.ts';
import { commitmentDimseOutcome, commitmentHttpOutcome } from '../services/storage-commitment/outcomes.ts';
import type { CommitmentOperation } from '../services/storage-commitment/outcomes.ts';
import { isWorkitemOperation, workitemHttpOutcome } from '../services/ups/outcomes.ts';
import { dimseOutcome, httpOutcome } from '../services/worklist/outcomes.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { FailureCode, Requester, RequestContext, ServiceFailure, Operation } from '../services/port.ts';

const SUCCESS: Readonly<Record<Exclude<Operation, 'search' | 'searchWorkitems'>, string>> = {
  create: '201',
  update: '200',
  retrieve: '200',
  notify: '200',
  request: '202',
  check: '202',
  report: '200',
  retrieveWorkitem: '200',
  createWorkitem: '201',
  updateWorkitem: '200',
  changeWorkitemState: '200',
  requestCancellation: '202',
  subscribe: '201',
  unsubscribe: '200',
  suspendSubscription: '200',
  openChannel: '101',
};

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
  /** SOP Instance UID of an MPPS, Transaction UID of a storage commitment. */
  readonly uid?: string;
  readonly warnings: readonly string[];
  /** The result of a storage commitment was there: 200 instead of 202. */
  readonly isDone?: boolean;
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
    return statusText(failure === undefined ? 0 : dimseStatusOf(failure, transaction));
  }
  if (abandoned === true) return 'closed';
  if (failure === undefined) {
    if (transaction === 'search' || transaction === 'searchWorkitems') return end.count === 0 ? '204' : '200';
    return end.isDone === true ? '200' : SUCCESS[transaction];
  }
  if (end.refused === true && failure.httpStatus !== undefined) return String(failure.httpStatus);
  return String(httpStatusOf(failure, transaction));
}

function dimseStatusOf(failure: ServiceFailure, transaction: Operation): number {
  if (transaction === 'search') return dimseOutcome(failure).status;
  // N-EVENT-REPORT fails alike, whatever it reports.
  if (transaction === 'notify' || isWorkitemOperation(transaction))
    return commitmentDimseOutcome(failure, 'report').status;
  return isCommitment(transaction)
    ? commitmentDimseOutcome(failure, transaction).status
    : mppsDimseOutcome(failure, transaction).status;
}

function httpStatusOf(failure: ServiceFailure, transaction: Operation): number {
  if (transaction === 'search') return httpOutcome(failure).status;
  if (isWorkitemOperation(transaction)) return workitemHttpOutcome(failure, transaction).status;
  if (transaction === 'notify') return commitmentHttpOutcome(failure, 'report').status;
  return isCommitment(transaction)
    ? commitmentHttpOutcome(failure, transaction).status
    : mppsHttpOutcome(failure, transaction).status;
}

function isCommitment(transaction: Operation): transaction is CommitmentOperation {
  return SERVICE_OF[transaction] === 'storageCommitment';
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

/** Whether a failure says something about the upstream, rather than about the request. */
export function isUpstreamTrouble({ code }: ServiceFailure): boolean {
  return code.startsWith('UPSTREAM_') || code === 'CONNECTION_LOST' || code === 'OUTCOME_UNKNOWN';
}

/** The same for who looks at what waits, with what the failure means. @param own the meaning of its code in its service */
export function problemTextOf(failure: ServiceFailure, own: string): string {
  const { reason, ...statuses } = reasonOf(failure);
  const said = reason === undefined || reason === failure.code || reason === own ? [] : [reason];
  const told = [
    ...said,
    ...Object.values(statuses).map((status) => `the far end answered ${status}`),
    ...(failure.attributes.length === 0 ? [] : [`attributes ${failure.attributes.join(', ')}`]),
  ];
  return [own, ...told].join('; ');
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

/** The log line of each exchange, and whoever else is to hear of it. */
export class ExchangeLog {
  readonly #logger: Logger;
  /** The audit trail; absent: there is none. */
  observer: ExchangeObserver | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** @param dataSet what was asked, sent or retrieved, for the audit trail alone */
  note(
    transaction: Operation,
    context: Pick<RequestContext, 'traceId' | 'requester'>,
    startedMs: number,
    end: ExchangeEnd,
    dataSet?: DataSet,
  ): void {
    logExchange(this.#logger, transaction, context, startedMs, end);
    const { traceId, requester } = context;
    const { route, upstream, uid, failure } = end;
    this.observer?.({ operation: transaction, requester, traceId, route, upstream, uid, failure, dataSet });
  }
}
