/**
 * N-CREATE at a UPS-RS server: find, claim, update (proxy flows 6.2, status mapping 11.1). Each lock is on the disk before it
 * is sent, since a claim cannot be taken back; a create that stopped anywhere goes on there when it comes again.
 */
import { createDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { digestOfDataSet } from '../services/mpps/digest.ts';
import { ServiceFailure } from '../services/port.ts';
import { createdWorkitem, performedUpdate } from '../services/ups/performed.ts';
import type { ClaimedWorkitem, ClaimRecord } from '../store/workitem-records.ts';
import { inPhase } from './claim-book.ts';
import { alreadyClaimed, claimTargetsOf, createdTarget } from './claim-targets.ts';
import type { ClaimTarget } from './claim-targets.ts';
import type { Call } from './client.ts';
import { isAmbiguous } from './owned-workitems.ts';
import { conflict, lostLock } from './performing-parts.ts';
import type { PerformingOptions, PerformingParts } from './performing-parts.ts';
import { failureOfRefusal, isAboutLock, isAboutState } from './refusals.ts';

/** Where a create stands with one of its items. */
interface Step {
  readonly record: ClaimRecord;
  readonly target: ClaimTarget;
}

const CONFLICT = 409;

export class Claiming {
  readonly #options: PerformingOptions;
  readonly #parts: PerformingParts;

  constructor(options: PerformingOptions, parts: PerformingParts) {
    this.#options = options;
    this.#parts = parts;
  }

  /**
   * @param picture attributes of the N-CREATE
   * @returns whether it went on with what an earlier attempt had begun
   * @throws ServiceFailure; DUPLICATE_INSTANCE for an MPPS that was created
   */
  async create(mppsUid: string, picture: DataSet, call: Call): Promise<{ readonly isContinued: boolean }> {
    const { book } = this.#parts;
    const before = await book.get(mppsUid);
    if (before?.isComplete === true) {
      throw new ServiceFailure('DUPLICATE_INSTANCE', { comment: 'this instance exists already' });
    }
    const kept = before?.workitems ?? [];
    const targets = await claimTargetsOf(mppsUid, picture, kept, this.#options, this.#parts, call);
    const claim = { workitems: targets.map(({ claimed }) => claimed), createDigest: digestOfDataSet(picture), picture };
    let record =
      before === undefined
        ? await book.add({ ...claim, mppsUid, isComplete: false })
        : await book.change(before, () => claim, 'disk');
    for (const work of [this.#claim, this.#start]) {
      for (const [index, each] of targets.entries()) {
        const step = await work.call(this, { record, target: each }, index, call);
        record = step.record;
        targets[index] = step.target;
      }
    }
    await book.change(record, () => ({ isComplete: true }), 'disk');
    return { isContinued: before !== undefined };
  }

  /** Change State to IN PROGRESS, of a workitem that is created first where there is none. */
  async #claim(given: Step, index: number, call: Call): Promise<Step> {
    if (claimOf(given, index).phase === 'claimed') return given;
    const step = given.target.workitem === undefined ? await this.#createWorkitem(given, index, call) : given;
    const { record, target } = step;
    const claimed = claimOf(step, index);
    const change = await this.#parts.owned.changeState(claimed, 'IN PROGRESS', call);
    if (change === 'done') return { record: await this.#nowIn('claimed', record, claimed), target };
    // By what is there it may be ours: whether our lock opens it, its update will tell.
    if (change === 'found') return step;
    const { refusal, state } = change;
    if (state === 'IN PROGRESS' && target.isKept && !isAboutLock(refusal)) return step;
    if (!isAboutState(refusal) || state === 'SCHEDULED' || state === 'unknown') {
      throw failureOfRefusal(refusal, 'create');
    }
    return this.#claim(await this.#afterRefusal(step, index), index, call);
  }

  /** The first update, which says whose the workitem is. */
  async #start(step: Step, index: number, call: Call): Promise<Step> {
    const { owned, now, logger } = this.#parts;
    const { record, target } = step;
    const claimed = claimOf(step, index);
    const { workitemUid } = claimed;
    if (record.workitems.findIndex((each) => each.workitemUid === workitemUid) < index) return step;
    const options = { ...this.#options, nowMs: now() };
    const update = performedUpdate(record.picture, target.workitem ?? createDataSet(), options);
    const refusal = await owned.update(claimed, update, call);
    if (refusal === undefined) {
      if (claimed.phase === 'claimed') return step;
      return { record: await this.#nowIn('claimed', record, claimed), target };
    }
    if (isAboutLock(refusal)) {
      if (claimed.phase === 'claimed') throw lostLock(record.mppsUid, workitemUid, logger);
      const other = await this.#claim(await this.#afterRefusal(step, index), index, call);
      return this.#start(other, index, call);
    }
    const state = isAboutState(refusal) ? await owned.stateOf(workitemUid, call) : 'unknown';
    if (state === 'COMPLETED' || state === 'CANCELED') throw conflict(`the claimed workitem is ${state}`);
    throw failureOfRefusal(refusal, 'create');
  }

  /** It is another's: a further workitem takes its place, or the create ends (0110H). */
  async #afterRefusal({ record, target }: Step, index: number): Promise<Step> {
    const { book } = this.#parts;
    const { workitemUid } = claimOf({ record }, index);
    const refused = await this.#nowIn('refused', record, { workitemUid });
    if (this.#options.append === 'create') return this.#inItsPlace(refused, createdTarget(target.item), index);
    // Whatever comes under this UID next begins anew, unless something is claimed for it.
    if (refused.workitems.every(({ phase }) => phase === 'refused')) await book.forget(refused);
    throw alreadyClaimed();
  }

  /** Its UID is on the disk before it is sent; one that exists (409) gives way to another, once. */
  async #createWorkitem(step: Step, index: number, call: Call): Promise<Step> {
    const { target } = step;
    const payload = createdWorkitem(step.record.picture, target.item, {
      ...this.#options,
      nowMs: this.#parts.now(),
    });
    const first = await this.#send(claimOf(step, index).workitemUid, payload, call);
    if (first === undefined) return { ...step, target: { ...target, workitem: payload } };
    if (first.status !== CONFLICT) throw failureOfRefusal(first, 'create');
    const other = await this.#inItsPlace(step.record, createdTarget(target.item), index);
    const second = await this.#send(other.target.claimed.workitemUid, payload, call);
    if (second !== undefined) throw failureOfRefusal(second, 'create');
    return { ...other, target: { ...other.target, workitem: payload } };
  }

  /** One without an answer is looked for before it is sent once more. */
  async #send(uid: string, payload: DataSet, call: Call): ReturnType<PerformingParts['client']['create']> {
    const { client, finder } = this.#parts;
    try {
      return await client.create(uid, payload, call);
    } catch (error) {
      if (!isAmbiguous(error) || call.signal.aborted) throw error;
      const there = await finder.retrieve(uid, call).catch(() => {
        throw error;
      });
      if (there !== undefined) return undefined;
      const second = await client.create(uid, payload, call);
      // The first may have arrived in between: nobody else has its UID.
      const isOurs = second?.status === CONFLICT && (await finder.retrieve(uid, call)) !== undefined;
      return isOurs ? undefined : second;
    }
  }

  async #inItsPlace(record: ClaimRecord, target: ClaimTarget, index: number): Promise<Step> {
    const changed = await this.#parts.book.change(
      record,
      ({ workitems }) => ({ workitems: workitems.with(index, target.claimed) }),
      'disk',
    );
    return { record: changed, target };
  }

  #nowIn(
    phase: ClaimedWorkitem['phase'],
    record: ClaimRecord,
    { workitemUid }: Pick<ClaimedWorkitem, 'workitemUid'>,
  ): Promise<ClaimRecord> {
    const changes = ({ workitems }: ClaimRecord) => ({ workitems: inPhase(workitems, workitemUid, phase) });
    return this.#parts.book.change(record, changes, 'process');
  }
}

function claimOf({ record }: Pick<Step, 'record'>, index: number): ClaimedWorkitem {
  return record.workitems[index] as ClaimedWorkitem;
}
