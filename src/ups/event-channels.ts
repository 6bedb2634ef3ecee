/** The subscribers that listen (PS3.18 8.10): each gets its reports one after another, oldest first. */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import type { EventChannel } from '../services/ups/workitem.ts';
import type { Subscriptions } from '../store/workitem-records.ts';
import type { Clock, Timer } from './clock.ts';
import { numberedReport } from './workitem-events.ts';

/** Another process on the same store may have queued something: nobody wakes us for that. */
const LOOK_MS = 2_000;
const REPORTS_AT_ONCE = 20;

export class EventChannels {
  readonly #subscriptions: Subscriptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** One for each AE title of a route. */
  readonly #senders = new Map<string, ReportSender>();

  constructor(subscriptions: Subscriptions, clock: Clock, logger: Logger) {
    this.#subscriptions = subscriptions;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Takes over from an earlier channel of the same AE title. The function given ends it. */
  open(route: string, channel: EventChannel): () => void {
    const key = keyOf(route, channel.aeTitle);
    this.#senders.get(key)?.end();
    const sender = new ReportSender(route, channel, this.#subscriptions, this.#clock, this.#logger, () => {
      if (this.#senders.get(key) === sender) this.#senders.delete(key);
    });
    this.#senders.set(key, sender);
    sender.wake();
    return () => sender.end();
  }

  wake(route: string, aeTitle: string): void {
    this.#senders.get(keyOf(route, aeTitle))?.wake();
  }

  /** Ends those of routes that are gone. */
  keep(routes: ReadonlySet<string>): void {
    for (const sender of [...this.#senders.values()]) if (!routes.has(sender.route)) sender.end();
  }

  /** Resolves when nothing is read for anybody any more. */
  async close(): Promise<void> {
    const senders = [...this.#senders.values()];
    for (const sender of senders) sender.end();
    await Promise.all(senders.map((sender) => sender.idle()));
  }
}

class ReportSender {
  readonly route: string;
  readonly #channel: EventChannel;
  readonly #subscriptions: Subscriptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #ended: () => void;
  #sending: Promise<void> | undefined;
  #looksAgain = false;
  #isEnded = false;
  #timer: Timer | undefined;

  constructor(
    route: string,
    channel: EventChannel,
    subscriptions: Subscriptions,
    clock: Clock,
    logger: Logger,
    ended: () => void,
  ) {
    this.route = route;
    this.#channel = channel;
    this.#subscriptions = subscriptions;
    this.#clock = clock;
    this.#logger = logger;
    this.#ended = ended;
  }

  wake(): void {
    this.#looksAgain = true;
    if (this.#sending === undefined && !this.#isEnded) this.#sending = this.#run();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#timer?.cancel();
    this.#ended();
    this.#channel.close();
  }

  /** Never rejects. */
  async idle(): Promise<void> {
    await this.#sending;
  }

  async #run(): Promise<void> {
    this.#timer?.cancel();
    try {
      while (this.#looksAgain && !this.#isEnded) {
        this.#looksAgain = false;
        if (await this.#sendSome()) this.#looksAgain = true;
      }
    } catch (error) {
      this.#logger.error('reports of workitems could not be read or noted', {
        route: this.route,
        ...errorFacts(error),
      });
    } finally {
      this.#sending = undefined;
      if (!this.#isEnded) this.#timer = this.#clock.setTimer(() => this.wake(), LOOK_MS);
    }
  }

  /** Whether there were any. @throws GatewayError STORE_* */
  async #sendSome(): Promise<boolean> {
    const { aeTitle } = this.#channel;
    const reports = await this.#subscriptions.waiting(this.route, aeTitle, REPORTS_AT_ONCE);
    for (const waiting of reports) {
      if (this.#isEnded) return false;
      if (!(await this.#hasArrived(() => this.#channel.send(numberedReport(waiting))))) return false;
      await this.#subscriptions.delivered(this.route, aeTitle, waiting.id);
    }
    return reports.length > 0;
  }

  /** What has not arrived waits for the next connection. */
  async #hasArrived(send: () => Promise<void>): Promise<boolean> {
    try {
      await send();
      return true;
    } catch {
      this.#logger.info('a subscriber of workitems no longer listens', { route: this.route });
      this.end();
      return false;
    }
  }
}

function keyOf(route: string, aeTitle: string): string {
  return `${route} ${aeTitle}`;
}
