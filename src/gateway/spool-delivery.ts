/**
 * The delivery of what is in the spool (proxy flows 11, 12): one worker for each destination that has a target. Messages
 * whose destination is in no route any more stay in the store, where they can be seen, until there is a target again.
 */
import type { Logger } from '../observe/log.ts';
import type { DeliveryObserver } from '../observe/spool.ts';
import type { Destination } from '../store/spool-records.ts';
import type { Store } from '../store/store.ts';
import { systemClock, within } from './clock.ts';
import type { Clock } from './clock.ts';
import { DestinationWorker } from './destination-worker.ts';
import type { DestinationState, SpoolTarget, WorkerHost } from './destination-worker.ts';

export type { DestinationOptions, DestinationState, SpoolTarget } from './destination-worker.ts';

/** After the attempts were ended, for what they came to to be written down. */
const LAST_WORDS_MS = 1_000;

export interface SpoolDeliveryOptions {
  /** From 0 to below 1, for the jitter of pauses. */
  readonly random?: () => number;
  /** Is told of every attempt. */
  readonly observer?: DeliveryObserver;
}

export class SpoolDelivery {
  readonly #host: WorkerHost;
  readonly #workers = new Map<string, DestinationWorker>();
  /** Those without a target, until they have nothing under way. */
  readonly #retiring = new Map<string, DestinationWorker>();
  /** Destinations of no route whose messages were told of. */
  readonly #stranded = new Set<string>();
  #closing: Promise<void> | undefined;

  constructor(
    store: Pick<Store, 'spool' | 'mpps'>,
    logger: Logger,
    clock: Clock = systemClock,
    { random = Math.random, observer }: SpoolDeliveryOptions = {},
  ) {
    this.#host = { store, logger, clock, random, observer };
  }

  /** Where there is to be delivered from now on; of several targets for one destination the first counts. */
  replaceTargets(targets: readonly SpoolTarget[]): void {
    if (this.#closing !== undefined) return;
    const wanted = new Map<string, SpoolTarget>();
    for (const target of targets) {
      const key = keyOf({ route: target.route, upstream: target.upstream.name });
      if (!wanted.has(key)) wanted.set(key, target);
    }
    for (const [key, worker] of this.#workers) if (!wanted.has(key)) this.#retire(key, worker);
    for (const [key, target] of wanted) {
      const worker = this.#workers.get(key) ?? this.#retiring.get(key) ?? new DestinationWorker(target, this.#host);
      this.#retiring.delete(key);
      this.#workers.set(key, worker);
      worker.update(target);
    }
    void this.#tellStranded();
  }

  /** A destination has something to do. */
  wake(destination: Destination): void {
    this.#workers.get(keyOf(destination))?.wake();
  }

  /** Of every destination with a target, in no order that means anything. */
  states(): ReadonlyMap<string, DestinationState> {
    return new Map([...this.#workers].map(([key, worker]) => [key, worker.state]));
  }

  /**
   * Takes nothing new and lets what is under way finish within the deadline; then it is ended and given back. A second close
   * waits for the first.
   */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<void> {
    const workers = [...this.#workers.values(), ...this.#retiring.values()];
    for (const worker of workers) worker.stop();
    const idle = Promise.all(workers.map((worker) => worker.idle()));
    const { clock } = this.#host;
    if (await within(idle, deadlineMs, clock)) return;
    for (const worker of workers) worker.abort();
    await within(idle, LAST_WORDS_MS, clock);
  }

  /** A route or upstream that was renamed or removed leaves its messages where nobody looks. */
  async #tellStranded(): Promise<void> {
    try {
      for (const { route, upstream, queued, dead } of await this.#host.store.spool.depths()) {
        const key = keyOf({ route, upstream });
        if (this.#workers.has(key)) this.#stranded.delete(key);
        else if (!this.#stranded.has(key)) {
          this.#stranded.add(key);
          this.#host.logger.warn('messages wait for a destination of no route', { route, upstream, queued, dead });
        }
      }
    } catch {
      // A store that fails is told of by whoever needs it; health shows these destinations too.
    }
  }

  #retire(key: string, worker: DestinationWorker): void {
    this.#workers.delete(key);
    worker.stop();
    this.#retiring.set(key, worker);
    void worker.idle().then(() => this.#retiring.delete(key));
  }
}

function keyOf({ route, upstream }: Destination): string {
  return `${route} ${upstream}`;
}
