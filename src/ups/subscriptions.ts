/** Who hears of what (PS3.4 CC.2.3, PS3.18 11.10 to 11.12): of one workitem, or of the whole worklist of a route. */
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { stateReport } from '../services/ups/event-attributes.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import { FILTERED_WORKLIST_UID, WORKLIST_UID } from '../services/ups/workitem.ts';
import type { WorkitemRoute } from '../services/ups/workitem.ts';
import type { Store } from '../store/store.ts';
import type { WorkitemRecord } from '../store/workitem-records.ts';
import type { Waker, WorkitemEvents } from './workitem-events.ts';
import { shownWorkitem } from './workitem-record.ts';

export interface SubscriptionOptions {
  readonly deletionLock: boolean;
  readonly filter?: string;
}

/** Existing workitems read at a time. */
const AT_ONCE = 50;

export class WorkitemSubscriptions {
  readonly #store: Pick<Store, 'workitems' | 'subscriptions'>;
  readonly #events: WorkitemEvents;
  readonly #wake: Waker;

  constructor(store: Pick<Store, 'workitems' | 'subscriptions'>, events: WorkitemEvents, wake: Waker) {
    this.#store = store;
    this.#events = events;
    this.#wake = wake;
  }

  /** Reports the state of what is subscribed to first. @throws ServiceFailure */
  async subscribe(
    route: WorkitemRoute,
    resource: string,
    aeTitle: string,
    { deletionLock: wantsLock, filter }: SubscriptionOptions,
    context: RequestContext,
  ): Promise<void> {
    if (resource === FILTERED_WORKLIST_UID || filter !== undefined) throw new ServiceFailure('FILTER_NOT_SUPPORTED');
    const workitem = resource === WORKLIST_UID ? undefined : await this.#existing(route, resource);
    const deletionLock = wantsLock && route.options.deletionLocks;
    await this.#store.subscriptions.put({ route: route.route, resource, aeTitle, standing: 'on', deletionLock });
    if (workitem !== undefined) await this.#report(route, aeTitle, workitem);
    else if (deletionLock) await this.#reportAll(route, aeTitle);
    this.#wake(route.route, aeTitle);
    if (wantsLock && !deletionLock) context.warn(WORKITEM_WARNINGS.deletionLockNotGranted);
  }

  /** @throws ServiceFailure SUBSCRIPTION_UNKNOWN */
  async unsubscribe({ route }: WorkitemRoute, resource: string, aeTitle: string): Promise<void> {
    const { subscriptions } = this.#store;
    if (resource === WORKLIST_UID) {
      if (!(await subscriptions.remove(route, resource, aeTitle))) throw new ServiceFailure('SUBSCRIPTION_UNKNOWN');
      return;
    }
    const [own, global] = await Promise.all([
      subscriptions.get(route, resource, aeTitle),
      subscriptions.get(route, WORKLIST_UID, aeTitle),
    ]);
    const isKnown =
      own === undefined ? global !== undefined && (await this.#isThere(route, resource)) : own.standing === 'on';
    if (!isKnown) throw new ServiceFailure('SUBSCRIPTION_UNKNOWN');
    if (global === undefined) await subscriptions.remove(route, resource, aeTitle);
    else await subscriptions.put({ route, resource, aeTitle, standing: 'off', deletionLock: false });
  }

  /** @throws ServiceFailure SUBSCRIPTION_UNKNOWN */
  async suspend({ route }: WorkitemRoute, resource: string, aeTitle: string): Promise<void> {
    const { subscriptions } = this.#store;
    const global = resource === WORKLIST_UID ? await subscriptions.get(route, resource, aeTitle) : undefined;
    if (global === undefined) throw new ServiceFailure('SUBSCRIPTION_UNKNOWN');
    if (global.standing === 'on') await subscriptions.put({ ...global, standing: 'suspended' });
  }

  /** @throws ServiceFailure NO_SUCH_INSTANCE, INSTANCE_DELETED */
  async #existing({ route }: WorkitemRoute, uid: string): Promise<WorkitemRecord> {
    if (!isUid(uid)) throw new ServiceFailure('INVALID_UID');
    const record = await this.#store.workitems.get({ route, uid });
    if (record === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE');
    if (record.isDeleted) throw new ServiceFailure('INSTANCE_DELETED');
    return record;
  }

  async #isThere(route: string, uid: string): Promise<boolean> {
    return (await this.#store.workitems.get({ route, uid })) !== undefined;
  }

  /** Who locks everything hears of each that is there already (CC.2.3.3). */
  async #reportAll(route: WorkitemRoute, aeTitle: string): Promise<void> {
    for (let after = ''; ;) {
      const records = await this.#store.workitems.list({ route: route.route, after, limit: AT_ONCE });
      // One write for all of them; reports of different workitems have no order.
      await Promise.all(records.map((record) => this.#report(route, aeTitle, record)));
      const last = records.at(-1);
      if (last === undefined) return;
      after = last.uid;
    }
  }

  #report(route: WorkitemRoute, aeTitle: string, record: WorkitemRecord): Promise<void> {
    return this.#events.queueFor(route, [aeTitle], stateReport(record.uid, shownWorkitem(record)));
  }
}
