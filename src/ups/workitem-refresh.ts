/**
 * What the far end knows of a workitem by now (proxy flows 7.2 and 7.7): its worklist entry while it is SCHEDULED, its MPPS
 * afterwards. What an MPPS cannot hold stays as it is here.
 */
import { sameDataSet } from '../dataset/comparison.ts';
import { dataSetOf, firstText, itemsOf, attribute } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { UPS, workitemStateOf } from '../services/ups/attributes.ts';
import { refreshedWorkitem } from '../services/ups/performing.ts';
import { workitemUidOf } from '../services/ups/step-id.ts';
import type { WorkitemRoute, WorkitemState } from '../services/ups/workitem.ts';
import type { WorkitemRecord } from '../store/workitem-records.ts';
import { isFailure } from './facade-parts.ts';
import type { FacadeParts } from './facade-parts.ts';
import { isFinalState, isOfWorklist, isPending, settledWorkitem, shownWorkitem } from './workitem-record.ts';
import type { WorkitemSearch } from './workitem-search.ts';
import type { WorkitemSteps } from './workitem-steps.ts';

const SCHEDULED_STEP_ATTRIBUTES: Tag = '00400270';
const SCHEDULED_STEP: Tag = '00400100';
const SCHEDULED_STEP_ID: Tag = '00400009';

export class WorkitemRefresh {
  readonly #parts: FacadeParts;
  readonly #search: WorkitemSearch;
  readonly #steps: WorkitemSteps;

  constructor(parts: FacadeParts, search: WorkitemSearch, steps: WorkitemSteps) {
    this.#parts = parts;
    this.#search = search;
    this.#steps = steps;
  }

  /** As it is now, as far as the far end tells. @throws GatewayError STORE_* */
  async refresh(route: WorkitemRoute, record: WorkitemRecord, context: RequestContext): Promise<WorkitemRecord> {
    if (isPending(record)) return record;
    if (record.state === 'SCHEDULED') return this.#refreshScheduled(route, record, context);
    // Nothing changes an end, and an SCP may long have forgotten it.
    if (record.isDeleted || isFinalState(record.state)) return record;
    return this.refreshPerformed(route, record, context);
  }

  /**
   * A workitem that is to be claimed, as the worklist has it now; one that cannot be asked is no reason to keep a patient
   * waiting (proxy flows 7.3). In the workitem's turn.
   * @throws ServiceFailure INSTANCE_DELETED: the worklist has it no longer
   */
  async toClaim(route: WorkitemRoute, record: WorkitemRecord, context: RequestContext): Promise<WorkitemRecord> {
    const current = await this.#refreshScheduled(route, record, context);
    if (!current.isDeleted) return current;
    throw new ServiceFailure('INSTANCE_DELETED', { comment: 'the worklist no longer has this step' });
  }

  async refreshPerformed(
    route: WorkitemRoute,
    record: WorkitemRecord,
    context: RequestContext,
  ): Promise<WorkitemRecord> {
    if (record.mppsUid === undefined) return record;
    let mpps: DataSet | undefined;
    try {
      mpps = await this.#steps.retrieve(record.mppsUid, context);
    } catch (error) {
      if (!isFailure(error, 'INSTANCE_DELETED')) throw error;
      return this.#ifUnchanged(record, (current) => this.#parts.ledger.write(current, { ...current, isDeleted: true }));
    }
    if (mpps === undefined) return record;
    const found = mpps;
    // What was asked before a change does not know it.
    return this.#ifUnchanged(record, (current) => this.take(route, current, found));
  }

  /**
   * Takes over what an MPPS tells, or only the state it is said to have. In the workitem's turn.
   * @param mpps undefined: the far end does not tell
   */
  async take(
    route: WorkitemRoute,
    record: WorkitemRecord,
    mpps: DataSet | undefined,
    said?: WorkitemState,
  ): Promise<WorkitemRecord> {
    if (isFinalState(record.state)) return record;
    const { stationScheme } = route.options;
    const nowMs = this.#parts.clock.now();
    const shown = shownWorkitem(record);
    // What a performer has said here stays; of others only the far end knows.
    const known = record.transactionUid === undefined ? without(shown, UPS.performed) : shown;
    const workitem = mpps === undefined ? shown : refreshedWorkitem(known, mpps, { stationScheme, nowMs });
    const found = workitemStateOf(workitem) ?? record.state;
    // Who reports an end may be ahead of what it answers.
    const state = said !== undefined && isFinalState(said) ? said : further(found, said ?? record.state);
    const next = settledWorkitem(record, workitem, state);
    if (state === record.state && sameDataSet(next.workitem, record.workitem)) return record;
    return this.#parts.ledger.publish(route, record, next);
  }

  async #refreshScheduled(
    route: WorkitemRoute,
    record: WorkitemRecord,
    context: RequestContext,
  ): Promise<WorkitemRecord> {
    const { ledger, logger } = this.#parts;
    if (!isOfWorklist(record)) return record;
    try {
      const found = await this.#search.lookUp(route, record, context);
      const current = (await ledger.get(record.route, record.uid)) ?? record;
      if (found !== undefined || current.revision !== record.revision) return current;
      return record.isDeleted ? record : await ledger.write(record, { ...record, isDeleted: true });
    } catch (error) {
      if (!(error instanceof ServiceFailure) || error.code === 'CANCELED') throw error;
      // Claimed in the meantime.
      if (error.code === 'STATE_CONFLICT') return (await ledger.get(record.route, record.uid)) ?? record;
      const { traceId } = context;
      const facts = { traceId, route: route.route, uid: record.uid, outcome: error.code };
      logger.warn('the worklist could not be asked for a workitem: it is taken as it was seen last', facts);
      context.warn({ code: 'UPSTREAM_WARNING', text: 'The worklist could not be asked: as it was seen last' });
      return record;
    }
  }

  #ifUnchanged(
    record: WorkitemRecord,
    work: (current: WorkitemRecord) => Promise<WorkitemRecord>,
  ): Promise<WorkitemRecord> {
    const { ledger } = this.#parts;
    return ledger.inTurn(record, async () => {
      const current = await ledger.get(record.route, record.uid);
      return current?.revision === record.revision ? work(current) : (current ?? record);
    });
  }
}

/** UIDs of the workitems an MPPS was made for, by its Scheduled Step Attributes Sequence. */
export function workitemsOfMpps(mpps: DataSet): string[] {
  const items = itemsOf(mpps[SCHEDULED_STEP_ATTRIBUTES]).filter(
    (item) => firstText(item, SCHEDULED_STEP_ID) !== undefined,
  );
  return items.map((item) => {
    const step = dataSetOf({ [SCHEDULED_STEP_ID]: item[SCHEDULED_STEP_ID] ?? attribute('SH') });
    return workitemUidOf(dataSetOf({ ...item, [SCHEDULED_STEP]: attribute('SQ', step) }));
  });
}

function without(workitem: DataSet, tag: Tag): DataSet {
  return dataSetOf(Object.fromEntries(Object.entries(workitem).filter(([each]) => each !== tag)));
}

/** A state never goes back. */
function further(one: WorkitemState, other: WorkitemState): WorkitemState {
  return ORDER.indexOf(one) >= ORDER.indexOf(other) ? one : other;
}

const ORDER: readonly WorkitemState[] = ['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'];
