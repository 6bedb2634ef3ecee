/** A classic SCP behind the port: worklist by C-FIND, MPPS by N-CREATE, N-SET and N-GET, verified by C-ECHO. */
import type { TransferSyntaxUid } from '../dataset/binary/transfer-syntax.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import { compareSteps, identifierFromQuery } from '../services/worklist/identifier.ts';
import { failureFromDimse } from '../services/worklist/outcomes.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import { DIMSE_STATUS, statusToText } from './command-set.ts';
import { MPPS_CLASSES, MppsClient } from './mpps-scu.ts';
import type { MppsScuOptions } from './mpps-scu.ts';
import { AssociationPool } from './pool.ts';
import type { PoolOptions } from './pool.ts';
import type { Budget, ScuOptions } from './scu.ts';
import { ScuError } from './scu-error.ts';
import { IMPLEMENTATION_VERSION_NAME, SOP_CLASSES } from './uids.ts';
import { failureOfSignal, toServiceFailure, toWriteFailure, writeFailureOfSignal } from './upstream-failure.ts';
import type { WorklistFindOptions } from './worklist-scu.ts';
import { WorklistFind } from './worklist-scu.ts';
import { agreedWorklist, proposeWorklist } from './worklist-negotiation.ts';
import type { WorklistNegotiation } from './worklist-negotiation.ts';

export interface DimseUpstreamOptions extends WorklistFindOptions, MppsScuOptions {
  /** Name of the upstream in the configuration. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Called AE title. */
  readonly aeTitle: string;
  /** `pass-through`: that of the peer who asks. */
  readonly callingAeTitle: string;
  /** With pass-through, where the one who asks has none. */
  readonly fallbackCallingAeTitle?: string;
  /** Proposed, the preferred one first. */
  readonly transferSyntaxes: readonly TransferSyntaxUid[];
  readonly maximumPduLength: number;
  readonly maximumMessageBytes: number;
  /** What the peer is known to do; the first two are negotiated besides. */
  readonly fuzzyMatching: boolean;
  readonly timezoneAdjustment: boolean;
  readonly emptyValueMatching: boolean;
  readonly multipleValueMatching: boolean;
  /** Attributes the peer cannot stand in an identifier. */
  readonly omitKeys: readonly AttributePath[];
  readonly pool: PoolOptions;
  /** DNS and TCP. */
  readonly connectTimeoutMs: number;
  /** The answer to A-ASSOCIATE-RQ. */
  readonly associationTimeoutMs: number;
  /** Each response. */
  readonly responseTimeoutMs: number;
  /** After C-CANCEL, the final response; default 5 s. */
  readonly drainTimeoutMs?: number;
  /** A-RELEASE-RP, and the peer to close (PS3.8 9.1.4); default 5 s. */
  readonly artimMs?: number;
}

const DRAIN_MS = 5_000;
const ARTIM_MS = 5_000;

export class DimseUpstream implements Upstream {
  readonly #options: DimseUpstreamOptions;
  readonly #logger: Logger;
  readonly #pool: AssociationPool;

  constructor(options: DimseUpstreamOptions, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#pool = new AssociationPool(options.pool);
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

  async verify(context: RequestContext): Promise<void> {
    const budget = budgetOf(context);
    try {
      const lease = await this.#pool.lease(this.#scuOptions([SOP_CLASSES.verification], context), budget);
      try {
        const { status, command } = await lease.association.echo(budget);
        if (status === DIMSE_STATUS.success) return;
        throw (
          failureFromDimse(status, { comment: command.errorComment }) ??
          new ServiceFailure('UPSTREAM_ERROR', { comment: `C-ECHO answered ${statusToText(status)}` })
        );
      } finally {
        this.#pool.giveBack(lease, false);
      }
    } catch (error) {
      throw context.signal.aborted ? failureOfSignal(context.signal) : toServiceFailure(error);
    }
  }

  close(): Promise<void> {
    return this.#pool.close();
  }

  async #write(context: RequestContext, work: (client: MppsClient) => Promise<Completion>): Promise<Completion> {
    const { signal } = context;
    let client: MppsClient | undefined;
    const watched = (current: MppsClient): Promise<Completion> => work((client = current));
    try {
      return await this.#onMppsAssociation(context, false, watched);
    } catch (error) {
      const wasSent = client?.wasSent === true;
      const isAnswer = error instanceof ServiceFailure && error !== signal.reason;
      if (signal.aborted && !isAnswer) throw writeFailureOfSignal(signal, wasSent);
      throw toWriteFailure(error, wasSent);
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

  #scuOptions(abstractSyntaxes: readonly string[], context: RequestContext): ScuOptions {
    const options = this.#options;
    const { host, port, aeTitle, transferSyntaxes, maximumPduLength, maximumMessageBytes } = options;
    return {
      host,
      port,
      calledAeTitle: aeTitle,
      callingAeTitle: this.#callingAeTitle(context),
      abstractSyntaxes,
      transferSyntaxes,
      extended: [],
      maximumPduLength,
      maximumMessageBytes,
      timers: {
        connectMs: options.connectTimeoutMs,
        associateMs: options.associationTimeoutMs,
        responseMs: options.responseTimeoutMs,
        artimMs: options.artimMs ?? ARTIM_MS,
        drainMs: options.drainTimeoutMs ?? DRAIN_MS,
      },
    };
  }

  #callingAeTitle({ requester }: RequestContext): string {
    const { callingAeTitle, fallbackCallingAeTitle } = this.#options;
    if (callingAeTitle !== 'pass-through') return callingAeTitle;
    return requester.callingAeTitle ?? fallbackCallingAeTitle ?? IMPLEMENTATION_VERSION_NAME;
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

function budgetOf(context: RequestContext): Budget {
  return { signal: context.signal, deadline: () => context.deadline };
}
