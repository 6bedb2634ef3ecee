/**
 * N-SET at a UPS-RS server: the workitems of the MPPS are updated, and at its end their state is changed (proxy flows 6.3 to
 * 6.5, status mapping 11.1). Whole sequences are built from the MPPS as it stands, since UPS replaces them.
 */
import type { Refusal } from '../dicomweb/mpps-refusal.ts';
import { createDataSet, dataSetOf, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { hasValue } from '../services/mpps/conditions.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import { MPPS, performedUpdate } from '../services/ups/performed.ts';
import { workitemStateOfMpps } from '../services/ups/state.ts';
import type { WorkitemState } from '../services/ups/workitem.ts';
import type { ClaimedWorkitem, ClaimRecord } from '../store/workitem-records.ts';
import { distinct, inPhase, isFinished } from './claim-book.ts';
import type { Call } from './client.ts';
import type { StateThere } from './owned-workitems.ts';
import { lostLock } from './performing-parts.ts';
import type { PerformingOptions, PerformingParts } from './performing-parts.ts';
import { failureOfRefusal, isAboutLock, isAboutState } from './refusals.ts';

type FinalState = Extract<WorkitemState, 'COMPLETED' | 'CANCELED'>;

export class Performing {
  readonly #options: PerformingOptions;
  readonly #parts: PerformingParts;

  constructor(options: PerformingOptions, parts: PerformingParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * A final update that got only to some of the workitems goes on with the others when it comes again.
   * @throws ServiceFailure; NO_SUCH_INSTANCE (0112H) for an MPPS that was not created here
   */
  async update(mppsUid: string, modifications: DataSet, call: Call): Promise<void> {
    const { book } = this.#parts;
    let record = await book.get(mppsUid);
    // A modality that goes on after a create that stopped halfway: everything is claimed, and the update brings the rest.
    if (record === undefined || record.workitems.some(({ phase }) => phase === 'claiming' || phase === 'refused')) {
      throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'this instance was not created here' });
    }
    if (isFinal(stateOf(record.picture))) throw new ServiceFailure('INSTANCE_FINAL');
    const picture = dataSetOf({ ...record.picture, ...modifications });
    const state = stateOf(picture);
    const final = state !== undefined && isFinal(state) ? (workitemStateOfMpps(state) as FinalState) : undefined;
    if (isFinished(record.workitems)) record = await this.#lookedAtAgain(record, final, call);
    for (const workitem of distinct(record.workitems)) {
      if (workitem.phase === 'final') continue;
      const isEnded = await this.#updateOne(record, workitem, picture, final, call);
      if (isEnded) record = await this.#ended(record, workitem);
    }
    await book.change(record, () => ({ picture, isComplete: true }), 'disk');
  }

  /**
   * That all has ended is known from events and from looks behind a connection that was lost. Those may be ahead of the answer to
   * our own end, which then comes again: what has ended as it was to end is no conflict. And a server that is just coming up
   * may have said of a workitem that it is gone: what is IN PROGRESS goes on.
   * @throws ServiceFailure INSTANCE_FINAL where all has ended otherwise, NO_SUCH_INSTANCE where it is gone
   */
  async #lookedAtAgain(record: ClaimRecord, final: FinalState | undefined, call: Call): Promise<ClaimRecord> {
    const states = new Map<string, StateThere>();
    for (const { workitemUid } of distinct(record.workitems)) {
      states.set(workitemUid, await this.#parts.owned.stateOf(workitemUid, call));
    }
    const found = [...states.values()];
    if (found.includes('unknown')) {
      const comment = 'it cannot be learned how the workitem has ended';
      throw new ServiceFailure('UPSTREAM_ERROR', { retry: 'safe', comment });
    }
    if (found.includes('IN PROGRESS')) {
      const changes = ({ workitems }: ClaimRecord) => ({
        workitems: workitems.map((each) =>
          states.get(each.workitemUid) === 'IN PROGRESS' ? { ...each, phase: 'claimed' as const } : each,
        ),
      });
      return this.#parts.book.change(record, changes, 'process');
    }
    if (final !== undefined && found.every((state) => state === final)) return record;
    const isGone = found.every((state) => state === 'missing');
    throw isGone
      ? new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'workitem not found' })
      : new ServiceFailure('INSTANCE_FINAL');
  }

  /** @returns whether the workitem is known to be in the final state that is wanted */
  async #updateOne(
    record: ClaimRecord,
    claimed: ClaimedWorkitem,
    picture: DataSet,
    final: FinalState | undefined,
    call: Call,
  ): Promise<boolean> {
    const { owned, now } = this.#parts;
    const workitem = needsWorkitem(picture) ? await this.#workitemOf(claimed, call) : createDataSet();
    const update = performedUpdate(picture, workitem, { ...this.#options, nowMs: now() });
    const refusal = await owned.update(claimed, update, call);
    if (refusal !== undefined) return this.#afterRefusal(record, claimed, refusal, final, call);
    if (final === undefined) return false;
    if (final === 'CANCELED' && this.#options.cancel === 'request') {
      await this.#requestCancellation(claimed, update, call);
      return false;
    }
    return this.#changeState(record, claimed, final, call);
  }

  async #changeState(record: ClaimRecord, claimed: ClaimedWorkitem, final: FinalState, call: Call): Promise<boolean> {
    const change = await this.#parts.owned.changeState(claimed, final, call);
    if (typeof change === 'string' || change.state === final) return true;
    const { refusal, state } = change;
    if (state === 'COMPLETED' || state === 'CANCELED') return this.#refuseFinal(record, claimed);
    if (isAboutLock(refusal)) throw lostLock(record.mppsUid, claimed.workitemUid, this.#parts.logger);
    const failure = failureOfRefusal(refusal, 'update');
    if (!isAboutState(refusal)) throw failure;
    // C304H: something is missing. The step stays open, and its end may come again.
    const { workitemUid } = claimed;
    const { mppsUid: uid } = record;
    this.#parts.logger.warn('a workitem was updated and not ended: its final state was refused', { uid, workitemUid });
    const comment = `final state refused: ${workitemUid}`;
    throw new ServiceFailure('INSTANCE_CONFLICT', { comment, words: failure.words, httpStatus: refusal.status });
  }

  /** Drafts had it: the server decides, and an event or a Retrieve shows what became of it. */
  async #requestCancellation({ workitemUid }: ClaimedWorkitem, update: DataSet, call: Call): Promise<void> {
    const [progress] = itemsOf(update[UPS.progress]);
    const reasons = progress?.[UPS.discontinuationReason];
    const request = dataSetOf(reasons === undefined ? {} : { [UPS.discontinuationReason]: reasons });
    const refusal = await this.#parts.client.requestCancellation(workitemUid, request, call);
    if (refusal !== undefined) throw failureOfRefusal(refusal, 'update');
  }

  /** @returns true: it is in the final state that is wanted, by an earlier request of ours whose answer was lost */
  async #afterRefusal(
    record: ClaimRecord,
    claimed: ClaimedWorkitem,
    refusal: Refusal,
    final: FinalState | undefined,
    call: Call,
  ): Promise<boolean> {
    const failure = failureOfRefusal(refusal, 'update');
    if (!isAboutState(refusal)) throw failure;
    const state = await this.#parts.owned.stateOf(claimed.workitemUid, call);
    if (state === final) return true;
    if (state === 'COMPLETED' || state === 'CANCELED') return this.#refuseFinal(record, claimed);
    if (isAboutLock(refusal)) throw lostLock(record.mppsUid, claimed.workitemUid, this.#parts.logger);
    throw failure;
  }

  /** Somebody else has ended it. */
  async #refuseFinal(record: ClaimRecord, claimed: ClaimedWorkitem): Promise<never> {
    await this.#ended(record, claimed);
    throw new ServiceFailure('INSTANCE_FINAL');
  }

  #ended(record: ClaimRecord, { workitemUid }: ClaimedWorkitem): Promise<ClaimRecord> {
    const changes = ({ workitems }: ClaimRecord) => ({ workitems: inPhase(workitems, workitemUid, 'final') });
    return this.#parts.book.change(record, changes, 'process');
  }

  async #workitemOf({ workitemUid }: ClaimedWorkitem, call: Call): Promise<DataSet> {
    const answer = await this.#parts.client.retrieve(workitemUid, call);
    if ('workitem' in answer) return answer.workitem;
    throw failureOfRefusal(answer.refusal, 'update');
  }
}

const CODES: readonly Tag[] = [MPPS.protocolCode, MPPS.procedureCode];

/** What the MPPS does not say is taken from the workitem: its codes, and what was told of the progress. */
function needsWorkitem(picture: DataSet): boolean {
  const hasCode = CODES.some((tag) => {
    const codes = picture[tag];
    return codes !== undefined && hasValue(codes);
  });
  return !hasCode || stateOf(picture) === 'DISCONTINUED';
}
