/**
 * What happens to workitems, told to those subscribed (PS3.4 CC.2.4, PS3.18 11.13). A report is on the disk before the
 * record says that it happened: a process that ends in between goes on with what it had begun and tells it again, and a
 * state told twice is the same state.
 */
import { attribute, dataSetOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { eventReport } from '../services/ups/event-attributes.ts';
import type { UpsEvent, WorkitemRoute } from '../services/ups/workitem.ts';
import type { Subscriptions, WaitingReport } from '../store/workitem-records.ts';

const MESSAGE_ID = '00000110';
/** Those of VR US but 0. */
const MESSAGE_IDS = 0xffff;

/** Hears that reports wait for a subscriber. */
export type Waker = (route: string, aeTitle: string) => void;

export class WorkitemEvents {
  readonly #subscriptions: Subscriptions;
  readonly #wake: Waker;
  readonly #logger: Logger;

  constructor(subscriptions: Subscriptions, wake: Waker, logger: Logger) {
    this.#subscriptions = subscriptions;
    this.#wake = wake;
    this.#logger = logger;
  }

  /** Queues events of one workitem for all who hear of it. The function given lets those who listen have them. */
  async queue(route: WorkitemRoute, uid: string, events: readonly UpsEvent[]): Promise<() => void> {
    if (events.length === 0) return () => undefined;
    const subscribers = await this.#subscriptions.subscribersOf({ route: route.route, uid });
    for (const event of events) await this.queueFor(route, subscribers, event);
    return () => {
      for (const subscriber of subscribers) this.#wake(route.route, subscriber);
    };
  }

  /** The same for these alone, who are not woken. */
  async queueFor({ route, options }: WorkitemRoute, subscribers: readonly string[], event: UpsEvent): Promise<void> {
    if (subscribers.length === 0) return;
    const { workitemUid } = event;
    // Which it really has follows from its place in the queue, see `numberedReport`.
    const report = eventReport(event, 1);
    const { maximumReports } = options;
    const dropped = await this.#subscriptions.enqueue(route, subscribers, workitemUid, report, maximumReports);
    if (dropped === 0) return;
    this.#logger.warn('reports of workitems were dropped: their subscribers do not listen', { route, dropped });
  }
}

/** The report as it is sent: a repeat of it has the same Message ID. */
export function numberedReport({ id, report }: WaitingReport): DataSet {
  return dataSetOf({ ...report, [MESSAGE_ID]: attribute('US', 1 + (id % MESSAGE_IDS)) });
}
