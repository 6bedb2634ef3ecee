/**
 * Takes requests for storage commitment in: remembered on the disk, then asked for while the requestor waits, as long as it
 * has patience. What the upstream refuses in that time is refused, and nothing is kept; later it is a result.
 */
import { generateUid } from '../../dataset/uid.ts';
import type { DataSet } from '../../dataset/model.ts';
import { digestOfDataSet } from '../../services/mpps/digest.ts';
import { ServiceFailure } from '../../services/port.ts';
import type { CommitmentAnswer, CommitmentRequestContext, Requester } from '../../services/port.ts';
import { referencesOf, responseModule } from '../../services/storage-commitment/modules.ts';
import type { CommitmentKey, CommitmentRecord, Commitments } from '../../store/commitment-records.ts';
import type { CommitmentAttendances } from './attendances.ts';
import { patienceAskedMs } from './delays.ts';
import type { Applied } from './ledger.ts';
import { leaseMsOf } from './steps.ts';
import type { CommitmentSteps, WaitingRequestor } from './steps.ts';
import type { CommitmentOptions, CommitmentTarget } from './route.ts';

export interface IntakeHost {
  readonly store: Pick<Commitments, 'add' | 'get'>;
  readonly steps: CommitmentSteps;
  readonly attendances: CommitmentAttendances;
  /** Goes on with what is held. */
  run(record: CommitmentRecord): void;
  /** The store has failed. */
  noteStore(failure: unknown): void;
  /** Counts as under way until it resolves, and may leave something to do. */
  watch(work: Promise<unknown>): void;
}

/** What is left of the patience of a requestor for its answer to be written, at most, in ms and as a part. */
const ANSWER_RESERVE_MS = 1_000;
const ANSWER_RESERVE_PART = 0.1;

export class CommitmentIntake {
  readonly #host: IntakeHost;

  constructor(host: IntakeHost) {
    this.#host = host;
  }

  /** @throws ServiceFailure: then nothing is kept; GatewayError STORE_* */
  async take(
    target: CommitmentTarget,
    transactionUid: string,
    module: DataSet,
    context: CommitmentRequestContext,
  ): Promise<CommitmentAnswer> {
    referencesOf(module, transactionUid);
    const { store, attendances } = this.#host;
    const { traceId, requester, hops = [], reporter } = context;
    const { route, upstream, options } = target;
    const key = keyOf(requester, transactionUid);
    const { isNew, record } = await store.add(
      {
        ...key,
        route,
        upstream: upstream.name,
        upstreamUid: options.transactionUids === 'own' ? generateUid() : transactionUid,
        requester,
        traceId,
        hops,
        module,
        patienceMs: options.deadlineMs,
      },
      leaseMsOf(target),
    );
    if (!isNew) return repeated(record, key, module, options);
    const answered = attendances.begin(record.id, reporter);
    try {
      return await this.#answer(record, target, context);
    } finally {
      answered();
    }
  }

  async #answer(
    record: CommitmentRecord,
    target: CommitmentTarget,
    context: CommitmentRequestContext,
  ): Promise<CommitmentAnswer> {
    const { attendances } = this.#host;
    const { id, requester } = record;
    const requestor: WaitingRequestor = { isWaiting: true, hasAnswer: false, warn: (warning) => context.warn(warning) };
    const began = this.#begin(record, target, requestor);
    this.#host.watch(began);
    // A result may come before the answer to the request.
    const noLonger = attendances.untilResult(id, patienceMs(context)).then(() => {
      if (requestor.hasAnswer) return began;
      requestor.isWaiting = false;
      return undefined;
    });
    const applied = await Promise.race([began, noLonger]);
    requestor.isWaiting = false;
    if (applied?.refusal !== undefined) throw applied.refusal;
    if (requester.protocol === 'dicomweb' && applied?.record !== undefined && applied.record.result === undefined) {
      await attendances.untilResult(id, Math.min(target.options.holdMs, patienceMs(context)));
    }
    return commitmentAnswer(await this.#latest(record), target.options, requestor.retryAfterMs);
  }

  /** Never rejects: what is on the disk is asked for sooner or later, whatever happens now. */
  async #begin(record: CommitmentRecord, target: CommitmentTarget, requestor: WaitingRequestor): Promise<Applied> {
    try {
      const applied = await this.#host.steps.askFirst(record, target, requestor);
      if (applied.isHeld && applied.record !== undefined) this.#host.run(applied.record);
      return applied;
    } catch (error) {
      this.#host.noteStore(error);
      return { record, isHeld: false };
    }
  }

  async #latest(record: CommitmentRecord): Promise<CommitmentRecord> {
    try {
      return (await this.#host.store.get(record.id)) ?? record;
    } catch (error) {
      this.#host.noteStore(error);
      return record;
    }
  }
}

/** Who asked, as other requests of the same requestor are known: several may use one Transaction UID. */
export function keyOf(
  { listener, protocol, callingAeTitle, subject }: Requester,
  transactionUid: string,
): CommitmentKey {
  const requestor = protocol === 'dimse' ? callingAeTitle?.trim() : subject;
  return { listener, requestor: requestor ?? '', transactionUid };
}

/** What a requestor is told; an SCU gets its result by a report only. */
export function commitmentAnswer(
  record: CommitmentRecord,
  options: CommitmentOptions,
  retryAfterMs?: number,
): CommitmentAnswer {
  const { requester, result, module } = record;
  if (result !== undefined && requester.protocol === 'dicomweb') {
    return { state: 'done', module: responseModule(module, result) };
  }
  return { state: 'pending', retryAfterMs: patienceAskedMs(record, options, retryAfterMs) };
}

/** @throws ServiceFailure DUPLICATE_INSTANCE */
function repeated(
  record: CommitmentRecord,
  { listener, requestor, transactionUid }: CommitmentKey,
  module: DataSet,
  options: CommitmentOptions,
): CommitmentAnswer {
  const isOwn =
    record.listener === listener && record.requestor === requestor && record.transactionUid === transactionUid;
  const isAnswered =
    isOwn &&
    options.repeatedRequest === 'answer' &&
    record.requester.protocol === 'dicomweb' &&
    record.phase !== 'forgotten' &&
    digestOfDataSet(record.module) === digestOfDataSet(module);
  if (!isAnswered) throw new ServiceFailure('DUPLICATE_INSTANCE');
  return commitmentAnswer(record, options);
}

function patienceMs({ deadline }: CommitmentRequestContext): number {
  const leftMs = Math.max(0, deadline - performance.now());
  return leftMs - Math.min(ANSWER_RESERVE_MS, leftMs * ANSWER_RESERVE_PART);
}
