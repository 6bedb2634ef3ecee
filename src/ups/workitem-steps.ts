/**
 * What is done to the MPPS of a workitem (proxy flows 7.3 to 7.6). Each step is on the disk before anything is sent, with
 * what is to be sent: whoever comes next, be it after a restart, goes on with it, and the far end sees it once in effect. All
 * of it happens in the workitem's turn.
 */
import type { DataSet } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { mergeWorkitem, workitemStateOf } from '../services/ups/attributes.ts';
import { stateReport } from '../services/ups/event-attributes.ts';
import { missingForFinal } from '../services/ups/final-state.ts';
import { mppsCreateOf, mppsFinalOf, mppsUpdateOf, refreshedWorkitem } from '../services/ups/performing.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import type { WorkitemRoute } from '../services/ups/workitem.ts';
import type { Workitem, WorkitemRecord } from '../store/workitem-records.ts';
import { isFailure, mayHaveArrived } from './facade-parts.ts';
import type { FacadeParts } from './facade-parts.ts';
import { mppsUidOf, WorkitemMpps } from './workitem-mpps.ts';
import { claimedWorkitem, isFinalState, isPending, releasedWorkitem, settledWorkitem } from './workitem-record.ts';
import type { PendingWorkitem } from './workitem-record.ts';

type FinalState = 'COMPLETED' | 'CANCELED';

export interface NewClaim {
  /** Absent: nobody performs it, it is canceled at once. */
  readonly transactionUid?: string;
  readonly workitem: DataSet;
  readonly entry: DataSet;
}

export class WorkitemSteps {
  readonly #parts: FacadeParts;
  readonly #mpps: WorkitemMpps;

  constructor(parts: FacadeParts) {
    this.#parts = parts;
    this.#mpps = new WorkitemMpps(parts.farEnd);
  }

  /** N-CREATE. @throws ServiceFailure; the workitem is then free again, unless the outcome is unknown */
  async claim(
    route: WorkitemRoute,
    record: WorkitemRecord,
    claim: NewClaim,
    context: RequestContext,
  ): Promise<WorkitemRecord> {
    let begun = await this.#beginClaim(route, record, claim, context);
    try {
      return await this.#create(route, begun, context);
    } catch (error) {
      if (!isFailure(error, 'DUPLICATE_INSTANCE')) throw await this.#refusedClaim(route, begun, error, context);
    }
    // Somebody has used the UID: another one, once (status mapping 11.2).
    begun = await this.#beginClaim(route, begun, claim, context);
    try {
      return await this.#create(route, begun, context);
    } catch (error) {
      throw await this.#refusedClaim(route, begun, error, context);
    }
  }

  /** An N-CREATE of what nobody has claimed, and its end. @throws ServiceFailure */
  async cancelUnclaimed(
    route: WorkitemRoute,
    record: WorkitemRecord,
    claim: Omit<NewClaim, 'transactionUid'>,
    context: RequestContext,
  ): Promise<void> {
    const begun = await this.claim(route, record, claim, context);
    if (isPending(begun)) await this.#finish(route, begun, begun.workitem, 'CANCELED', context);
  }

  /** N-SET of what an MPPS can hold of it; the rest is kept. @throws ServiceFailure */
  async update(
    route: WorkitemRoute,
    record: WorkitemRecord,
    modifications: DataSet,
    context: RequestContext,
  ): Promise<void> {
    const begun = await this.#begin(record, { ...record, pending: 'update', intended: modifications });
    try {
      await this.#set(route, begun, context);
    } catch (error) {
      if (!mayHaveArrived(error)) await this.#refused(route, begun, error, context);
      throw goneOr(error);
    }
  }

  /**
   * The last N-SET. @param workitem as it is to be at its end
   * @throws ServiceFailure STATE_CONFLICT with what is missing for that state (C304H)
   */
  async end(
    route: WorkitemRoute,
    record: WorkitemRecord,
    workitem: DataSet,
    state: FinalState,
    context: RequestContext,
  ): Promise<void> {
    const attributes = missingForFinal(workitem, state);
    if (attributes.length > 0) {
      const comment = `attributes are missing for the state ${state}: ${attributes.join(', ')}`;
      throw new ServiceFailure('STATE_CONFLICT', { comment, attributes, dimseStatus: 0xc304 });
    }
    await this.discontinue(route, record, workitem, state, context);
  }

  /** The same, whatever is missing: the cancellation of one who does not perform it. @throws ServiceFailure */
  async discontinue(
    route: WorkitemRoute,
    record: WorkitemRecord,
    workitem: DataSet,
    state: FinalState,
    context: RequestContext,
  ): Promise<void> {
    const begun = await this.#begin(record, this.#ending(route, record, workitem, state));
    await this.#finish(route, begun, record.workitem, state, context);
  }

  /** Goes on with what was begun and has no outcome yet. @throws ServiceFailure when that is still so */
  async settle(route: WorkitemRoute, record: WorkitemRecord, context: RequestContext): Promise<WorkitemRecord> {
    let current = record;
    while (isPending(current)) {
      const { uid, pending } = current;
      const facts = { traceId: context.traceId, route: route.route, uid, pending };
      this.#parts.logger.info('what was begun of a workitem goes on', facts);
      current = await this.#goOn(route, current, context);
    }
    return current;
  }

  /** The MPPS as the far end has it; undefined: it does not tell. @throws ServiceFailure INSTANCE_DELETED */
  retrieve(mppsUid: string, context: RequestContext): Promise<DataSet | undefined> {
    return this.#mpps.retrieve(mppsUid, context);
  }

  async #goOn(route: WorkitemRoute, record: PendingWorkitem, context: RequestContext): Promise<WorkitemRecord> {
    try {
      if (record.pending === 'claim') return await this.#create(route, record, context);
      if (record.pending === 'update') return await this.#set(route, record, context);
      return await this.#final(route, record, context);
    } catch (error) {
      if (mayHaveArrived(error)) throw error;
      // The UID is ours alone: who has it has it from us.
      if (record.pending === 'claim' && isFailure(error, 'DUPLICATE_INSTANCE')) return this.#claimed(route, record);
      const after = await this.#refused(route, record, error, context);
      const isEnd = record.pending === 'complete' || record.pending === 'cancel';
      // Final, and nobody tells by which message: ours was sent.
      if (isEnd && isFailure(error, 'INSTANCE_FINAL') && !isFinalState(after.state))
        return this.#ended(route, after, record);
      return after;
    }
  }

  async #finish(
    route: WorkitemRoute,
    begun: PendingWorkitem,
    before: DataSet,
    state: FinalState,
    context: RequestContext,
  ): Promise<void> {
    try {
      await this.#final(route, begun, context);
    } catch (error) {
      if (mayHaveArrived(error)) throw error;
      const after = await this.#refused(route, begun, error, context, before);
      if (!isFailure(error, 'INSTANCE_FINAL') || after.state !== state) throw goneOr(error);
      context.warn(state === 'COMPLETED' ? WORKITEM_WARNINGS.alreadyCompleted : WORKITEM_WARNINGS.alreadyCanceled);
    }
  }

  #beginClaim(
    { options }: WorkitemRoute,
    record: WorkitemRecord,
    { transactionUid, workitem, entry }: NewClaim,
    { requester }: RequestContext,
  ): Promise<PendingWorkitem> {
    const { stationScheme, stationAeTitle } = options;
    const mppsUid = generateUid();
    const startMs = this.#parts.clock.now();
    const attributes = mppsCreateOf(workitem, entry, { stationScheme, mppsUid, startMs, stationAeTitle });
    const claim = { transactionUid, mppsUid, requester, workitem, entry, attributes };
    return this.#begin(record, claimedWorkitem(record, claim));
  }

  async #begin(record: WorkitemRecord, next: Workitem): Promise<PendingWorkitem> {
    const begun = await this.#parts.ledger.write(record, next);
    if (!isPending(begun)) throw new ServiceFailure('INTERNAL_ERROR', { comment: 'what was begun was not kept' });
    return begun;
  }

  /** One whose end is about to be sent. */
  #ending({ options }: WorkitemRoute, record: WorkitemRecord, workitem: DataSet, state: FinalState): Workitem {
    const { protocolName, retrieveAeTitle } = options;
    const nowMs = this.#parts.clock.now();
    return {
      ...record,
      workitem,
      pending: state === 'COMPLETED' ? 'complete' : 'cancel',
      intended: mppsFinalOf(workitem, state, { nowMs, protocolName, retrieveAeTitle }),
    };
  }

  #create(route: WorkitemRoute, record: PendingWorkitem, context: RequestContext): Promise<WorkitemRecord> {
    return this.#mpps.send(
      context,
      (service, mppsContext) => service.createMpps(mppsUidOf(record), record.intended, mppsContext),
      () => this.#claimed(route, record),
    );
  }

  /** One that nobody performs goes on to its end; that it was IN PROGRESS is told all the same (PS3.4 CC.2.2.3). */
  #claimed(route: WorkitemRoute, record: PendingWorkitem): Promise<WorkitemRecord> {
    const { workitem, uid, transactionUid } = record;
    const isPerformed = transactionUid !== undefined;
    const next = isPerformed ? settledWorkitem(record, workitem) : this.#ending(route, record, workitem, 'CANCELED');
    return this.#parts.ledger.publish(route, record, next, [stateReport(uid, workitem)]);
  }

  #set(route: WorkitemRoute, record: PendingWorkitem, context: RequestContext): Promise<WorkitemRecord> {
    const { protocolName, retrieveAeTitle } = route.options;
    const after = mergeWorkitem(record.workitem, record.intended, this.#parts.clock.now());
    const modifications = mppsUpdateOf(record.workitem, after, { protocolName, retrieveAeTitle });
    return this.#mpps.send(
      context,
      async (service, mppsContext) =>
        modifications && (await service.updateMpps(mppsUidOf(record), modifications, mppsContext)),
      () => this.#parts.ledger.publish(route, record, settledWorkitem(record, after)),
    );
  }

  #final(route: WorkitemRoute, record: PendingWorkitem, context: RequestContext): Promise<WorkitemRecord> {
    return this.#mpps.send(
      context,
      (service, mppsContext) => service.updateMpps(mppsUidOf(record), record.intended, mppsContext),
      () => this.#ended(route, record, record),
    );
  }

  /** @param record as it is now @param begun as it was when its end was sent */
  #ended(route: WorkitemRoute, record: WorkitemRecord, begun: PendingWorkitem): Promise<WorkitemRecord> {
    const state = begun.pending === 'complete' ? 'COMPLETED' : 'CANCELED';
    return this.#parts.ledger.publish(route, record, settledWorkitem(record, begun.workitem, state));
  }

  /**
   * The far end has refused a step: what has become of the workitem. That an MPPS is final or gone is known from now on;
   * else it is as it was.
   */
  async #refused(
    route: WorkitemRoute,
    record: PendingWorkitem,
    error: unknown,
    context: RequestContext,
    before: DataSet = record.workitem,
  ): Promise<WorkitemRecord> {
    const { ledger, clock } = this.#parts;
    if (record.pending === 'claim') return ledger.write(record, releasedWorkitem(record, route, clock.now()));
    const as = settledWorkitem(record, before);
    if (isGone(error)) return ledger.write(record, { ...as, isDeleted: true });
    const end = isFailure(error, 'INSTANCE_FINAL') ? await this.#finalState(route, record, context) : undefined;
    return end === undefined ? ledger.write(record, as) : ledger.publish(route, record, end);
  }

  async #refusedClaim(
    route: WorkitemRoute,
    record: PendingWorkitem,
    error: unknown,
    context: RequestContext,
  ): Promise<unknown> {
    if (mayHaveArrived(error)) return error;
    await this.#refused(route, record, error, context);
    return claimFailure(error);
  }

  /** The end that the far end knows of; undefined: it does not tell. */
  async #finalState(
    { options }: WorkitemRoute,
    record: PendingWorkitem,
    context: RequestContext,
  ): Promise<Workitem | undefined> {
    const found = await this.#mpps.retrieve(mppsUidOf(record), context);
    if (found === undefined) return undefined;
    const { stationScheme } = options;
    const workitem = refreshedWorkitem(record.workitem, found, { stationScheme, nowMs: this.#parts.clock.now() });
    const state = workitemStateOf(workitem);
    return state !== undefined && isFinalState(state) ? settledWorkitem(record, workitem, state) : undefined;
  }
}

function isGone(error: unknown): boolean {
  return isFailure(error, 'NO_SUCH_INSTANCE', 'INSTANCE_DELETED');
}

/** 0112H of an MPPS that was there (status mapping 11.2). */
function goneOr(error: unknown): unknown {
  return isGone(error) ? new ServiceFailure('INSTANCE_DELETED', { cause: error }) : error;
}

/** The data of the N-CREATE is the gateway's, not the user agent's (status mapping 11.2). */
function claimFailure(error: unknown): unknown {
  if (isFailure(error, 'DUPLICATE_INSTANCE')) {
    return new ServiceFailure('UPSTREAM_ERROR', { comment: 'every UID for the MPPS is taken', cause: error });
  }
  if (!isFailure(error, 'MISSING_ATTRIBUTE', 'MISSING_VALUE', 'INVALID_VALUE', 'NO_SUCH_ATTRIBUTE')) return error;
  const { attributes } = error;
  const comment = `the MPPS of the workitem was refused: ${error.code} ${attributes.join(', ')}`.trim();
  return new ServiceFailure('CONVERSION_FAILED', { comment, attributes, cause: error });
}
