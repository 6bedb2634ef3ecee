/** An upstream as the gateway calls it, every call seen: how long it took, how it ended, what passed on the way. */
import type { DataSet } from '../dataset/model.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import { ServiceFailure, withChanges } from '../services/port.ts';
import type {
  AttributeSelection,
  CommitmentContext,
  CommitmentReportContext,
  Completion,
  RequestContext,
  TraceStep,
  Upstream,
  WorklistQuery,
} from '../services/port.ts';
import type { CommitmentResult, CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';

/** What an upstream is asked, by the name of the operation. */
export const CALLS = [
  'search',
  'create',
  'update',
  'retrieve',
  'request',
  'check',
  'report',
  'notify',
  'verify',
] as const;
export type CallName = (typeof CALLS)[number];

/** One call, ended. */
export interface SeenCall {
  readonly upstream: string;
  readonly transaction: CallName;
  readonly ms: number;
  /** Canonical failure code; absent: it went well, or nobody waited for more. */
  readonly failureCode?: string | undefined;
}

export interface UpstreamWatch {
  /** Told of each call at its end. It neither throws nor takes time. */
  called(call: SeenCall): void;
  /** Told of each step. */
  trace(upstream: string, traceId: string, step: TraceStep): void;
  /** Told of what is sent, after the rules, and of what comes back, before them. */
  passed(upstream: string, stage: 'sent' | 'result', traceId: string, dataSet: DataSet): void;
}

export class WatchedUpstream implements Upstream {
  readonly #name: string;
  readonly #upstream: Upstream;
  readonly #watch: UpstreamWatch;

  constructor(name: string, upstream: Upstream, watch: UpstreamWatch) {
    this.#name = name;
    this.#upstream = upstream;
    this.#watch = watch;
  }

  get commitmentResult(): Upstream['commitmentResult'] {
    return this.#upstream.commitmentResult;
  }

  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const startedMs = performance.now();
    let failure: unknown;
    try {
      yield* this.#upstream.search(query, this.#traced(context));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      this.#ended('search', startedMs, failure);
    }
  }

  createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion> {
    this.#watch.passed(this.#name, 'sent', context.traceId, attributes);
    return this.#called('create', context, (traced) => this.#upstream.createMpps(uid, attributes, traced));
  }

  updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion> {
    this.#watch.passed(this.#name, 'sent', context.traceId, modifications);
    return this.#called('update', context, (traced) => this.#upstream.updateMpps(uid, modifications, traced));
  }

  async retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    const retrieve = (traced: RequestContext): Promise<DataSet> => this.#upstream.retrieveMpps(uid, selection, traced);
    const found = await this.#called('retrieve', context, retrieve);
    this.#watch.passed(this.#name, 'result', context.traceId, found);
    return found;
  }

  requestCommitment(
    transactionUid: string,
    references: readonly SopReference[],
    context: CommitmentContext,
  ): Promise<CommitmentStatus> {
    const request = (traced: CommitmentContext): Promise<CommitmentStatus> =>
      this.#upstream.requestCommitment(transactionUid, references, traced);
    return this.#called('request', context, request);
  }

  checkCommitment(transactionUid: string, context: RequestContext): Promise<CommitmentStatus> {
    return this.#called('check', context, (traced) => this.#upstream.checkCommitment(transactionUid, traced));
  }

  reportCommitment(transactionUid: string, result: CommitmentResult, context: CommitmentReportContext): Promise<void> {
    const report = (traced: CommitmentReportContext): Promise<void> =>
      this.#upstream.reportCommitment(transactionUid, result, traced);
    return this.#called('report', context, report);
  }

  notifyMpps(event: MppsEvent, context: RequestContext): Promise<void> {
    return this.#called('notify', context, (traced) => this.#upstream.notifyMpps(event, traced));
  }

  verify(context: RequestContext): Promise<void> {
    return this.#called('verify', context, (traced) => this.#upstream.verify(traced));
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  async #called<Context extends RequestContext, Result>(
    transaction: CallName,
    context: Context,
    call: (traced: Context) => Promise<Result>,
  ): Promise<Result> {
    const startedMs = performance.now();
    let failure: unknown;
    try {
      return await call(this.#traced(context));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      this.#ended(transaction, startedMs, failure);
    }
  }

  #traced<Context extends RequestContext>(context: Context): Context {
    const { traceId, trace } = context;
    const told = (step: TraceStep): void => {
      trace?.(step);
      this.#watch.trace(this.#name, traceId, step);
    };
    return withChanges<Context>(context, { trace: told });
  }

  #ended(transaction: CallName, startedMs: number, failure: unknown): void {
    this.#watch.called({
      upstream: this.#name,
      transaction,
      ms: performance.now() - startedMs,
      failureCode: failure === undefined ? undefined : codeOf(failure),
    });
  }
}

function codeOf(failure: unknown): string {
  return failure instanceof ServiceFailure ? failure.code : 'INTERNAL_ERROR';
}
