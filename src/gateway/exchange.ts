/** One request's life: when it began, what became of it, the one log line it leaves, and who else hears of it. */
import type { DataSet } from '../dataset/model.ts';
import { isFailed } from '../observe/exchanges.ts';
import type { ExchangeObserver, SeenExchange } from '../observe/exchanges.ts';
import type { Logger } from '../observe/log.ts';
import { statusText } from '../services/answer.ts';
import { mppsDimseOutcome, mppsHttpOutcome } from '../services/mpps/outcomes.ts';
import { commitmentDimseOutcome, commitmentHttpOutcome } from '../services/storage-commitment/outcomes.ts';
import type { CommitmentOperation } from '../services/storage-commitment/outcomes.ts';
import { isWorkitemOperation, workitemHttpOutcome } from '../services/ups/outcomes.ts';
import { dimseOutcome, httpOutcome } from '../services/worklist/outcomes.ts';
import { SERVICE_OF } from '../services/port.ts';
import type { Requester, RequestContext, ServiceFailure, Operation } from '../services/port.ts';

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

/** The same in words. */
function reasonTextsOf(failure: ServiceFailure, refused = false): string[] {
  const { reason, ...statuses } = reasonOf(failure, refused);
  const answers = Object.values(statuses).map((status) => `the far end answered ${status}`);
  return reason === undefined ? answers : [reason, ...answers];
}

/** The same for who looks at what waits, with what the failure means. @param own the meaning of its code in its service */
export function problemTextOf(failure: ServiceFailure, own: string): string {
  const reasons = reasonTextsOf(failure).filter((reason) => reason !== failure.code && reason !== own);
  const told = [
    ...reasons,
    ...(failure.attributes.length === 0 ? [] : [`attributes ${failure.attributes.join(', ')}`]),
  ];
  return [own, ...told].join('; ');
}

/** Writes the line of an exchange: who, what, route, count, status, milliseconds. No patient values. */
function logExchange(logger: Logger, exchange: SeenExchange, end: ExchangeEnd): void {
  const { requester, operation } = exchange;
  logger[isFailed(exchange) ? 'warn' : 'info']('exchange', {
    service: SERVICE_OF[operation],
    transaction: operation,
    traceId: exchange.traceId,
    listener: requester.listener,
    protocol: requester.protocol,
    address: requester.address,
    ...(requester.callingAeTitle === undefined ? {} : { callingAeTitle: requester.callingAeTitle }),
    ...(requester.calledAeTitle === undefined ? {} : { calledAeTitle: requester.calledAeTitle }),
    ...(end.route === undefined ? {} : { route: end.route }),
    ...(end.upstream === undefined ? {} : { upstream: end.upstream }),
    ...(end.uid === undefined ? {} : { uid: end.uid }),
    ...(end.count === undefined ? {} : { count: end.count }),
    status: exchange.status,
    ...(end.failure === undefined ? {} : { outcome: end.failure.code, ...reasonOf(end.failure, end.refused) }),
    ...(end.warnings.length === 0 ? {} : { warnings: end.warnings }),
    ms: exchange.ms,
  });
}

/** The log line of each exchange, and whoever else is to hear of it. */
export class ExchangeLog {
  readonly #logger: Logger;
  /** The audit trail, the metrics, the console. */
  observers: readonly ExchangeObserver[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /**
   * @param startedMs `performance.now()` at its begin
   * @param dataSet what was asked, sent or retrieved, for the audit trail alone
   */
  note(
    operation: Operation,
    { traceId, requester }: Pick<RequestContext, 'traceId' | 'requester'>,
    startedMs: number,
    end: ExchangeEnd,
    dataSet?: DataSet,
  ): void {
    const { route, upstream, uid, count, warnings, failure } = end;
    const exchange: SeenExchange = {
      operation,
      requester,
      traceId,
      route,
      upstream,
      uid,
      startedMs,
      ms: Math.round((performance.now() - startedMs) * 10) / 10,
      status: statusFor(requester, operation, end),
      count,
      warnings,
      failure,
      reason: failure && reasonTextsOf(failure, end.refused).join('; '),
      dataSet,
    };
    logExchange(this.#logger, exchange, end);
    for (const observe of this.observers) observe(exchange);
  }
}
