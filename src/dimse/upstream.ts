/**
 * A classic SCP behind the port: worklist by C-FIND, MPPS by N-CREATE, N-SET and N-GET, storage commitment by N-ACTION
 * (and an SCU to report to and to notify, by N-EVENT-REPORT), verified by C-ECHO.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { statusText } from '../services/answer.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import { ServiceFailure } from '../services/port.ts';
import type {
  AttributeSelection,
  CommitmentContext,
  CommitmentReportContext,
  Completion,
  RequestContext,
  Upstream,
  WorklistQuery,
} from '../services/port.ts';
import type { CommitmentResult, CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';
import { compareSteps, identifierFromQuery } from '../services/worklist/identifier.ts';
import { failureFromDimse } from '../services/worklist/outcomes.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import { DIMSE_STATUS } from './command-set.ts';
import { CommitmentScu } from './commitment-scu.ts';
import { MPPS_CLASSES, MppsClient } from './mpps-scu.ts';
import { notifyScu } from './notification-scu.ts';
import { AssociationPool } from './pool.ts';
import type { PoolCounts } from './pool.ts';
import type { ScuOptions } from './scu.ts';
import { ScuError } from './scu-error.ts';
import { SOP_CLASSES } from './uids.ts';
import { failureOfSignal, failureOfWrite, toServiceFailure } from './upstream-failure.ts';
import { budgetOf, callingAeTitleFor, scuOptions } from './upstream-options.ts';
import type { DimseUpstreamOptions } from './upstream-options.ts';
import { WorklistFind } from './worklist-scu.ts';
import { agreedWorklist, proposeWorklist } from './worklist-negotiation.ts';
import type { WorklistNegotiation } from './worklist-negotiation.ts';

export type { DimseUpstreamOptions } from './upstream-options.ts';

export class DimseUpstream implements Upstream {
  readonly #options: DimseUpstreamOptions;
  readonly #logger: Logger;
  readonly #pool: AssociationPool;
  readonly #commitment: CommitmentScu;
  /** A classic SCP sends N-EVENT-REPORT, be it to a listener. */
  readonly commitmentResult = 'reported';

  constructor(options: DimseUpstreamOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#pool = new AssociationPool(options.pool);
    this.#commitment = new CommitmentScu(options, this.#pool, logger);
  }

  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    try {
      yield* query.stableOrder ? this.#sortedPage(query, context) : this.#stream(query, context);
    } catch (error) {
      throw context.signal.aborted ? failureOfSignal(context.signal) : toServiceFailure(error);
    }
  }

  createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion> {
    return this.#write(context, (client) => client.create(uid, attributes));
  }

  updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion> {
    return this.#write(context, (client) => client.update(uid, modifications));
  }

  async retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    try {
      return await this.#onMppsAssociation(context, true, (client) => client.retrieve(uid, selection));
    } catch (error) {
      throw context.signal.aborted ? failureOfSignal(context.signal) : toServiceFailure(error);
    }
  }

  requestCommitment(
    transactionUid: string,
    references: readonly SopReference[],
    context: CommitmentContext,
  ): Promise<CommitmentStatus> {
    return this.#commitment.request(transactionUid, references, context);
  }

  async checkCommitment(): Promise<CommitmentStatus> {
    throw new ServiceFailure('NOT_SUPPORTED', { comment: 'DIMSE has no query for the result of storage commitment' });
  }

  reportCommitment(transactionUid: string, result: CommitmentResult, context: CommitmentReportContext): Promise<void> {
    return this.#commitment.report(transactionUid, result, context);
  }

  notifyMpps(event: MppsEvent, context: RequestContext): Promise<void> {
    return notifyScu(event, this.#options, this.#pool, context, this.#logger);
  }

  async verify(context: RequestContext): Promise<void> {
    const budget = budgetOf(context);
    try {
      const lease = await this.#pool.lease(this.#scuOptions([SOP_CLASSES.verification], context), budget);
      try {
        const { status, command } = await lease.association.echo(budget);
        if (status === DIMSE_STATUS.success) return;
        throw (
          failureFromDimse(status, { comment: command.errorComment }) ??
          new ServiceFailure('UPSTREAM_ERROR', { comment: `C-ECHO answered ${statusText(status)}` })
        );
      } finally {
        this.#pool.giveBack(lease, false);
      }
    } catch (error) {
      throw context.signal.aborted ? failureOfSignal(context.signal) : toServiceFailure(error);
    }
  }

  /** Those of TLS. */
  certificates(): readonly CertificateFacts[] {
    return this.#options.tls?.certificates() ?? [];
  }

  /** Of its associations. */
  get counts(): PoolCounts {
    return this.#pool.counts;
  }

  async close(): Promise<void> {
    this.#commitment.close();
    await this.#pool.close();
    this.#options.tls?.close();
  }

  async #write(context: RequestContext, work: (client: MppsClient) => Promise<Completion>): Promise<Completion> {
    let client: MppsClient | undefined;
    const watched = (current: MppsClient): Promise<Completion> => work((client = current));
    try {
      return await this.#onMppsAssociation(context, false, watched);
    } catch (error) {
      throw failureOfWrite(error, context.signal, client?.wasSent === true);
    }
  }

  /**
   * A kept association that turns out to be gone is replaced by a fresh one, once.
   * @param isRepeatable also when the request was sent already
   */
  async #onMppsAssociation<T>(
    context: RequestContext,
    isRepeatable: boolean,
    work: (client: MppsClient) => Promise<T>,
  ): Promise<T> {
    const options = this.#scuOptions(MPPS_CLASSES, context);
    const budget = budgetOf(context);
    for (let isRetry = false; ; isRetry = true) {
      const lease = await this.#pool.lease(options, budget, isRetry);
      const client = new MppsClient(lease.association, this.#options, context, budget, this.#logger);
      try {
        return await work(client);
      } catch (error) {
        const mayRepeat = lease.isReused && !isRetry && (isRepeatable || !client.wasSent);
        if (!mayRepeat || !isLost(error) || context.signal.aborted) throw error;
        this.#logger.debug('a kept association was gone, a fresh one is tried', { traceId: context.traceId });
      } finally {
        client.finish(() => this.#pool.giveBack(lease));
      }
    }
  }

  /** A page is cut from the whole list in order: only so is it the same page next time. */
  async *#sortedPage(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const all: DataSet[] = [];
    for await (const result of this.#results(query, context)) all.push(result);
    all.sort(compareSteps);
    const end = Math.min(all.length, query.offset + (query.limit ?? Infinity));
    if (end < all.length) context.warn(moreResults(all.length - end));
    yield* all.slice(query.offset, end);
  }

  async *#stream(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const end = query.offset + (query.limit ?? Infinity);
    let count = 0;
    for await (const result of this.#results(query, context)) {
      if (count === end) {
        context.warn(moreResults(1));
        return;
      }
      if (count++ >= query.offset) yield result;
    }
  }

  /** Everything the SCP finds; a kept association that turns out to be gone is replaced by a fresh one, once. */
  async *#results(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const { options, extended, identifier } = this.#ask(query, context);
    const budget = budgetOf(context);
    for (let isRetry = false; ; isRetry = true) {
      const lease = await this.#pool.lease(options, budget, isRetry);
      const find = new WorklistFind(lease.association, identifier, this.#options, context, this.#logger);
      try {
        if (!isRetry) warnOfWhatWasNotAgreed(extended, agreedWorklist(lease.association.answer), context);
        yield* find.results(budget);
        return;
      } catch (error) {
        if (!lease.isReused || isRetry || find.hasAnswer || !isLost(error) || context.signal.aborted) throw error;
        this.#logger.debug('a kept association was gone, a fresh one is tried', { traceId: context.traceId });
      } finally {
        find.finish(() => this.#pool.giveBack(lease));
      }
    }
  }

  /** What is asked of the SCP, and in which association. */
  #ask(
    query: WorklistQuery,
    context: RequestContext,
  ): { options: ScuOptions; extended: WorklistNegotiation; identifier: DataSet } {
    const { omitKeys, emptyValueMatching, multipleValueMatching, fuzzyMatching, timezoneAdjustment } = this.#options;
    const asked = identifierFromQuery(query, { omit: omitKeys, emptyValueMatching, multipleValueMatching });
    for (const warning of asked.warnings) context.warn(warning);
    const extended = { fuzzyMatching: asked.fuzzyMatching, timezoneAdjustment: asked.timezoneAdjustment };
    const proposed = proposeWorklist({
      fuzzyMatching: extended.fuzzyMatching && fuzzyMatching,
      timezoneAdjustment: extended.timezoneAdjustment && timezoneAdjustment,
    });
    const options = { ...this.#scuOptions([SOP_CLASSES.modalityWorklist], context), extended: proposed };
    return { options, extended, identifier: asked.identifier };
  }

  #scuOptions(abstractSyntaxes: readonly string[], { requester, bearer }: RequestContext): ScuOptions {
    return scuOptions(this.#options, abstractSyntaxes, callingAeTitleFor(this.#options, requester), bearer);
  }
}

function warnOfWhatWasNotAgreed(
  wanted: WorklistNegotiation,
  agreed: WorklistNegotiation,
  context: RequestContext,
): void {
  if (wanted.fuzzyMatching && !agreed.fuzzyMatching) context.warn(WARNINGS.fuzzyMatchingNotSupported);
  if (wanted.timezoneAdjustment && !agreed.timezoneAdjustment) context.warn(WARNINGS.timezoneNotSupported);
}

function isLost(error: unknown): boolean {
  return error instanceof ScuError && error.code === 'ASSOCIATION_ABORTED';
}
