/** Storage commitment on associations of ours: N-ACTION as SCU (PS3.4 J.3.2), N-EVENT-REPORT as SCP (J.3.3). */
import type { Logger } from '../observe/log.ts';
import { statusText } from '../services/answer.ts';
import type { CommitmentContext, CommitmentReportContext, RequestContext } from '../services/port.ts';
import { commitmentFailureFromDimse } from '../services/storage-commitment/answers.ts';
import { STORAGE_COMMITMENT_PUSH_MODEL } from '../services/storage-commitment/attributes.ts';
import type { CommitmentResult, CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';
import { actionMessage, eventMessage } from './commitment-message.ts';
import { CommitmentReports } from './commitment-reports.ts';
import { DIMSE_STATUS } from './command-set.ts';
import type { AcceptedContext } from './message-channel.ts';
import type { AssociationPool, Lease } from './pool.ts';
import { checkRole, proposedRoles } from './report-role.ts';
import type { ScuAssociation, ScuOptions } from './scu.ts';
import { exchangeOnce } from './single-exchange.ts';
import type { SingleExchange } from './single-exchange.ts';
import { callingAeTitleFor, scuOptions } from './upstream-options.ts';
import type { DimseUpstreamOptions } from './upstream-options.ts';

const CLASSES: readonly string[] = [STORAGE_COMMITMENT_PUSH_MODEL];

/** Each request and each report has an association of its own, with a place in the pool. */
export class CommitmentScu {
  readonly #options: DimseUpstreamOptions;
  readonly #pool: AssociationPool;
  readonly #logger: Logger;
  /** Ends the hold of each association that waits for its report. */
  readonly #holds = new Set<() => void>();
  #isClosing = false;

  constructor(options: DimseUpstreamOptions, pool: AssociationPool, logger: Logger) {
    this.#options = options;
    this.#pool = pool;
    this.#logger = logger;
  }

  /**
   * Asks, and keeps the association for the report until `context.holdMs` after the answer or until the report has come,
   * here or elsewhere; the signal and the deadline of the context end the asking only.
   * @throws ServiceFailure
   */
  async request(
    transactionUid: string,
    references: readonly SopReference[],
    context: CommitmentContext,
  ): Promise<CommitmentStatus> {
    // Not that of the one who asks, even where titles pass through: the report would go there (decision 7).
    const callingAeTitle = callingAeTitleFor(this.#options);
    const reports = new CommitmentReports(transactionUid, context, this.#logger);
    const options: ScuOptions = {
      ...scuOptions(this.#options, CLASSES, callingAeTitle, context.bearer),
      servePeer: (message, agreed) => reports.take(message, agreed),
    };
    await this.#exchange('request', options, context, {
      compose: (association) => {
        const agreed = agreedIn(association);
        return { agreed, ...actionMessage(agreed, transactionUid, references) };
      },
      finish: (lease, isDone) => this.#hold(lease, reports, isDone ? context : { holdMs: 0 }),
    });
    return { state: 'pending' };
  }

  /** @throws ServiceFailure */
  async report(transactionUid: string, result: CommitmentResult, context: CommitmentReportContext): Promise<void> {
    const { reportRoleSelection = 'require' } = this.#options;
    const callingAeTitle = context.callingAeTitle ?? callingAeTitleFor(this.#options);
    const options: ScuOptions = {
      ...scuOptions(this.#options, CLASSES, callingAeTitle, context.bearer),
      roles: proposedRoles(STORAGE_COMMITMENT_PUSH_MODEL, reportRoleSelection),
    };
    await this.#exchange('report', options, context, {
      compose: (association) => {
        checkRole(association, STORAGE_COMMITMENT_PUSH_MODEL, reportRoleSelection);
        const agreed = agreedIn(association);
        return { agreed, ...eventMessage(agreed, transactionUid, result, context.retrieveAeTitle) };
      },
      finish: (lease) => this.#pool.giveBack(lease, false),
    });
  }

  /** Nothing is held any more; a report that has begun to come is still answered. */
  close(): void {
    this.#isClosing = true;
    for (const end of this.#holds) end();
  }

  async #exchange(
    operation: 'request' | 'report',
    options: ScuOptions,
    context: RequestContext,
    exchange: Pick<SingleExchange, 'compose' | 'finish'>,
  ): Promise<void> {
    const status = await exchangeOnce(this.#pool, options, context, {
      ...exchange,
      failureOf: (code, { errorComment: comment, errorId }) =>
        commitmentFailureFromDimse(code, operation, { comment, errorId }),
    });
    if (status !== DIMSE_STATUS.success) this.#tellWarning(operation, status, context);
  }

  /** Whatever ends the hold, the release waits for the answer to a report that has begun to come. */
  #hold(
    lease: Lease,
    reports: CommitmentReports,
    { holdMs, onResult }: Pick<CommitmentContext, 'holdMs' | 'onResult'>,
  ): void {
    if (holdMs <= 0 || this.#isClosing) return this.#pool.giveBack(lease, false);
    const causes: (() => void)[] = [];
    const end = (): void => {
      if (!this.#holds.delete(end)) return;
      for (const forget of causes) forget();
      this.#pool.giveBack(lease, false);
    };
    const timer = setTimeout(end, holdMs);
    causes.push(() => clearTimeout(timer));
    this.#holds.add(end);
    // Those it waits for are few, and an SCP that reports elsewhere may serve one association at a time.
    if (onResult !== undefined) causes.push(onResult(end));
    void reports.own.then(end);
    void lease.association.closed.then(end);
  }

  #tellWarning(operation: string, status: number, { traceId }: RequestContext): void {
    this.#logger.warn('storage commitment was answered with a warning', {
      operation,
      status: statusText(status),
      traceId,
    });
  }
}

function agreedIn(association: ScuAssociation): AcceptedContext {
  return association.context(STORAGE_COMMITMENT_PUSH_MODEL);
}
