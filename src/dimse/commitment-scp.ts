/**
 * Storage Commitment Push Model towards peers that call: as SCP of N-ACTION (PS3.4 J.3.2) with the report on the same
 * association (J.3.3), and as SCU of the N-EVENT-REPORT of an SCP that reports to us on an association of its own.
 */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { CommitmentReporter, RequestContext, ServiceHandler } from '../services/port.ts';
import { commitmentFailureFromDimse } from '../services/storage-commitment/answers.ts';
import type { CommitmentResult } from '../services/storage-commitment/commitment.ts';
import { sopForm } from '../services/storage-commitment/modules.ts';
import { commitmentDimseOutcome } from '../services/storage-commitment/outcomes.ts';
import { DIMSE_STATUS } from './command-set.ts';
import { eventMessage, readAction, readEvent } from './commitment-message.ts';
import { requestContext, writeInTime } from './n-service-request.ts';
import type { OpenWrites } from './open-writes.ts';
import type { ScpExchange, ScpService } from './scp-exchange.ts';

export interface CommitmentScpHost {
  readonly handler: ServiceHandler;
  /** `requestTimeoutMs`: patience of the peer, and ours for the answer to a report. */
  readonly options: () => { readonly requestTimeoutMs: number };
  readonly writes: OpenWrites;
  readonly logger: Logger;
}

/** What a message asks for, and what is done about it. */
interface Transaction<Asked> {
  readonly operation: 'request' | 'report';
  /** @throws ServiceFailure */
  readonly read: () => Asked;
  /** @throws ServiceFailure */
  readonly perform: (asked: Asked, context: RequestContext) => Promise<unknown>;
}

/** N-ACTION: 0000H says that the request is on the disk, and nothing of the instances. */
export function commitmentRequestScp(host: CommitmentScpHost): ScpService {
  return async (exchange) => {
    const { message, context, facts } = exchange;
    const reporter = new AssociationReporter(exchange, host.options().requestTimeoutMs);
    try {
      const failure = await failureOf(exchange, host, {
        operation: 'request',
        read: () => {
          if (!facts.admission.isListed) throw new ServiceFailure('NOT_SUPPORTED', { comment: 'may only report' });
          return readAction(message, context);
        },
        perform: ({ transactionUid, references }, given) =>
          host.handler.requestCommitment(transactionUid, sopForm(references), { ...given, reporter }),
      });
      const sent = respond(exchange, 'request', failure);
      reporter.answered(failure === undefined);
      await sent;
    } finally {
      reporter.answered(false);
    }
  };
}

/** N-EVENT-REPORT: 0000H says that the report is on the disk. */
export function commitmentReportScp(host: CommitmentScpHost): ScpService {
  return async (exchange) => {
    const { message, context, facts } = exchange;
    const failure = await failureOf(exchange, host, {
      operation: 'report',
      read: () => {
        // The gateway knows upstreams by their AE titles only, which anybody can use.
        if (facts.admission.reporter === 'elsewhere') {
          throw new ServiceFailure('INVALID_VALUE', { comment: 'report from another host than that of its SCP' });
        }
        return readEvent(message, context);
      },
      perform: (event, given) => host.handler.reportCommitment(event, given),
    });
    await respond(exchange, 'report', failure);
  };
}

/** Why it was not done; undefined when it was. What says nothing usable leaves its line in the log all the same. */
async function failureOf<Asked>(
  exchange: ScpExchange,
  host: CommitmentScpHost,
  { operation, read, perform }: Transaction<Asked>,
): Promise<ServiceFailure | undefined> {
  const startedMs = performance.now();
  const { requestTimeoutMs } = host.options();
  const context = requestContext(exchange, requestTimeoutMs, () => undefined);
  try {
    const asked = understand(read, (failure) => host.handler.refused(operation, context, startedMs, failure));
    await writeInTime(host.writes, requestTimeoutMs, (signal) => perform(asked, { ...context, signal }));
    return undefined;
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    host.logger.error('storage commitment failed', { traceId: context.traceId, operation, ...errorFacts(error) });
    return new ServiceFailure('INTERNAL_ERROR', { cause: error });
  }
}

function understand<Asked>(read: () => Asked, refused: (failure: ServiceFailure) => void): Asked {
  try {
    return read();
  } catch (error) {
    if (error instanceof ServiceFailure) refused(error);
    throw error;
  }
}

function respond(
  exchange: ScpExchange,
  operation: Transaction<unknown>['operation'],
  failure: ServiceFailure | undefined,
): Promise<void> {
  if (failure === undefined) return exchange.respond(DIMSE_STATUS.success);
  const { status, comment, ...fields } = commitmentDimseOutcome(failure, operation);
  return exchange.respond(status, { ...fields, errorComment: comment });
}

/** Reports on the association of the request, once that has its positive answer. */
class AssociationReporter implements CommitmentReporter {
  readonly #exchange: ScpExchange;
  readonly #timeoutMs: number;
  readonly #answered = Promise.withResolvers<boolean>();
  #isRefused = false;
  #isAnswered = false;

  constructor(exchange: ScpExchange, timeoutMs: number) {
    this.#exchange = exchange;
    this.#timeoutMs = timeoutMs;
  }

  get isOpen(): boolean {
    return !this.#isRefused && this.#exchange.facts.reports.isOpen;
  }

  /** The answer is written; the first call counts. */
  answered(isPositive: boolean): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#isRefused = !isPositive;
    this.#answered.resolve(isPositive);
  }

  async report(transactionUid: string, result: CommitmentResult, retrieveAeTitle?: string): Promise<void> {
    const { context, facts } = this.#exchange;
    // To the SCU that was refused, the Transaction UID means nothing.
    if (!(await this.#answered.promise)) {
      throw new ServiceFailure('CONNECTION_LOST', { retry: 'safe', comment: 'the request was not answered 0000H' });
    }
    const message = eventMessage(context, transactionUid, result, retrieveAeTitle);
    const { status, command } = await facts.reports.send(context.id, message, this.#timeoutMs);
    const { errorComment: comment, errorId } = command;
    const failure = commitmentFailureFromDimse(status, 'report', { comment, errorId });
    if (failure !== undefined) throw failure;
  }
}
