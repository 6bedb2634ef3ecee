/** Requests to cancel of those who do not perform a workitem (proxy flows 7.6, PS3.4 CC.2.2, PS3.18 11.8). */
import { attribute, createDataSet, dataSetOf, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import { cancelRequested } from '../services/ups/event-attributes.ts';
import { withCancellationTime } from '../services/ups/final-state.ts';
import { cancellationOf, failureOf } from '../services/ups/state.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import type { CancellationRequest, WorkitemRoute } from '../services/ups/workitem.ts';
import type { Subscriptions, WorkitemRecord } from '../store/workitem-records.ts';
import type { FacadeParts } from './facade-parts.ts';
import { shownWorkitem } from './workitem-record.ts';
import type { WorkitemRefresh } from './workitem-refresh.ts';
import type { WorkitemSteps } from './workitem-steps.ts';

const REASONS: readonly Tag[] = [UPS.cancellationReason, UPS.discontinuationReason];

export class WorkitemCancellation {
  readonly #parts: FacadeParts;
  readonly #subscriptions: Pick<Subscriptions, 'subscribersOf'>;
  readonly #steps: WorkitemSteps;
  readonly #refresh: WorkitemRefresh;

  constructor(
    parts: FacadeParts,
    subscriptions: Pick<Subscriptions, 'subscribersOf'>,
    steps: WorkitemSteps,
    refresh: WorkitemRefresh,
  ) {
    this.#parts = parts;
    this.#subscriptions = subscriptions;
    this.#steps = steps;
    this.#refresh = refresh;
  }

  /** In the workitem's turn, with nothing under way. @throws ServiceFailure */
  async request(
    route: WorkitemRoute,
    record: WorkitemRecord,
    request: CancellationRequest,
    context: RequestContext,
  ): Promise<void> {
    const transition = cancellationOf(record.state);
    if (transition.result === 'refused') throw failureOf(transition);
    if (transition.result === 'already') context.warn(WORKITEM_WARNINGS.alreadyCanceled);
    else if (record.state === 'SCHEDULED') await this.#cancelScheduled(route, record, request, context);
    else if (route.options.cancelRequest === 'act') {
      const workitem = this.#canceled(record.workitem, request);
      await this.#steps.discontinue(route, record, workitem, 'CANCELED', context);
    } else await this.#inform(route, record, request);
  }

  /** A worklist knows no cancellation: an MPPS that is begun to be discontinued may say it. */
  async #cancelScheduled(
    route: WorkitemRoute,
    record: WorkitemRecord,
    request: CancellationRequest,
    context: RequestContext,
  ): Promise<void> {
    if (route.options.cancelScheduled === 'refuse') {
      const comment = 'a workitem that nobody has claimed cannot be canceled here';
      throw new ServiceFailure('STATE_CONFLICT', { comment });
    }
    const current = await this.#refresh.toClaim(route, record, context);
    const workitem = this.#canceled(shownWorkitem(current), request);
    await this.#steps.cancelUnclaimed(route, current, { workitem, entry: current.entry }, context);
  }

  /** Its performer decides; one who does not listen will never know (C312H). */
  async #inform(route: WorkitemRoute, record: WorkitemRecord, request: CancellationRequest): Promise<void> {
    const subscribers = await this.#subscriptions.subscribersOf({ route: route.route, uid: record.uid });
    const performer = record.requester?.callingAeTitle?.trim();
    const reachesPerformer =
      performer === undefined
        ? subscribers.some((subscriber) => subscriber !== request.requesterAeTitle)
        : subscribers.includes(performer);
    if (record.transactionUid === undefined || !reachesPerformer) {
      const comment = 'the performer of the workitem does not listen';
      throw new ServiceFailure('STATE_CONFLICT', { comment, dimseStatus: 0xc312 });
    }
    const tell = await this.#parts.events.queue(route, record.uid, [cancelRequested(record.uid, request)]);
    tell();
  }

  #canceled(workitem: DataSet, { attributes }: CancellationRequest): DataSet {
    const [item = createDataSet(), ...others] = itemsOf(workitem[UPS.progress]);
    const reasons = createDataSet();
    for (const tag of REASONS) if (attributes[tag] !== undefined) reasons[tag] = attributes[tag];
    const progress = attribute('SQ', dataSetOf({ ...item, ...reasons }), ...others);
    return withCancellationTime(dataSetOf({ ...workitem, [UPS.progress]: progress }), this.#parts.clock.now());
  }
}
