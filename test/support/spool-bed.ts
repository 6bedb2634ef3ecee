/** The delivery of a spool over a store in memory, a far end that can be away, and a clock that is told to go. */
import type { DataSet } from '../../src/dataset/model.ts';
import { SpoolDelivery } from '../../src/gateway/spool-delivery.ts';
import type { DestinationOptions, SpoolTarget } from '../../src/gateway/spool-delivery.ts';
import type { DeliveryAttempt } from '../../src/observe/spool.ts';
import { digestOfDataSet } from '../../src/services/mpps/digest.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { Completion, RequestContext } from '../../src/services/port.ts';
import { openMemoryStore } from '../../src/store/sqlite.ts';
import type { NewSpoolMessage } from '../../src/store/spool-records.ts';
import type { MppsRecord, Store } from '../../src/store/store.ts';
import { FakeClock, watched } from './fake-clock.ts';
import { FarEnd, MPPS_UID } from './mpps.ts';
import { keepingLogger, WARD } from './requests.ts';

export const START_MS = 1_800_000_000_000;

export const DESTINATION_OPTIONS: DestinationOptions = {
  concurrency: 4,
  firstDelayMs: 1_000,
  maximumDelayMs: 300_000,
  attemptTimeoutMs: 60_000,
  leaseMs: 90_000,
};

/** A far end that counts what comes at a time. */
export class CountingFarEnd extends FarEnd {
  /** Thrown at every message while it is set. */
  away: (() => ServiceFailure) | undefined;
  /** So long every message takes; undefined: no time. */
  pause: (() => Promise<void>) | undefined;
  readonly contexts: RequestContext[] = [];
  attempts = 0;
  atOnce = 0;
  mostAtOnce = 0;

  override createMpps(uid: string, attributes: DataSet, context?: RequestContext): Promise<Completion> {
    return this.#counted(context, () => super.createMpps(uid, attributes));
  }

  override updateMpps(uid: string, modifications: DataSet, context?: RequestContext): Promise<Completion> {
    return this.#counted(context, () => super.updateMpps(uid, modifications));
  }

  async #counted(context: RequestContext | undefined, work: () => Promise<Completion>): Promise<Completion> {
    if (context !== undefined) this.contexts.push(context);
    this.attempts++;
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.atOnce);
    try {
      await this.pause?.();
      if (this.away !== undefined) throw this.away();
      return await work();
    } finally {
      this.atOnce--;
    }
  }
}

export const unreachable = (): ServiceFailure => new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' });

export function messageOf(
  kind: NewSpoolMessage['kind'],
  received: DataSet,
  more: Partial<NewSpoolMessage> = {},
): NewSpoolMessage {
  return {
    route: 'all',
    upstream: 'far',
    uid: MPPS_UID,
    kind,
    received,
    digest: digestOfDataSet(received),
    requester: WARD,
    traceId: 'test-trace',
    hops: [],
    ...more,
  };
}

export class SpoolBed {
  readonly far = new CountingFarEnd();
  readonly logger = keepingLogger();
  readonly clock: FakeClock;
  readonly store: Store;
  /** As they ended, in order. */
  readonly attempts: DeliveryAttempt[] = [];
  /** Names of methods of the store that fail for the delivery. */
  readonly broken = new Set<string>();
  readonly #watched: Pick<Store, 'spool' | 'mpps'>;
  delivery: SpoolDelivery;

  private constructor(clock: FakeClock, store: Store, busy: { count: number }) {
    this.clock = clock;
    this.store = store;
    const { broken } = this;
    this.#watched = { spool: watched(store.spool, busy, broken), mpps: watched(store.mpps, busy, broken) };
    this.delivery = this.#newDelivery();
  }

  static async open(): Promise<SpoolBed> {
    const busy = { count: 0 };
    const clock = new FakeClock(START_MS, () => busy.count > 0);
    const store = await openMemoryStore({ now: () => clock.now() });
    return new SpoolBed(clock, store, busy);
  }

  target(options: Partial<DestinationOptions> = {}, more: Partial<SpoolTarget> = {}): SpoolTarget {
    return {
      route: 'all',
      upstream: { name: 'far', upstream: this.far },
      request: undefined,
      options: { ...DESTINATION_OPTIONS, ...options },
      ...more,
    };
  }

  /** Takes messages in and says so. */
  async accept(...messages: NewSpoolMessage[]): Promise<number[]> {
    return this.acceptWith(undefined, ...messages);
  }

  async acceptWith(record: MppsRecord | undefined, ...messages: NewSpoolMessage[]): Promise<number[]> {
    const ids = await this.store.mpps.accept(record, messages);
    for (const { route, upstream } of messages) this.delivery.wake({ route, upstream });
    return ids;
  }

  /** Another process on the same store; the one before is gone without a word. */
  restart(): void {
    this.delivery = this.#newDelivery();
  }

  messages(): ReturnType<Store['spool']['list']> {
    return this.store.spool.list({ limit: 100_000 });
  }

  /** Lets every message take so much of the time of this clock. */
  slow(ms: number): void {
    this.far.pause = () => new Promise((resolve) => void this.clock.setTimer(resolve, ms));
  }

  /** The lines that say what became of a message. */
  get ends(): Record<string, unknown>[] {
    return this.logger.lines.filter(({ message }) => message === 'spool delivery');
  }

  async close(): Promise<void> {
    const closed = this.delivery.close(1_000);
    await this.clock.pass(5_000);
    await closed;
    await this.store.close();
  }

  #newDelivery(): SpoolDelivery {
    return new SpoolDelivery(this.#watched, this.logger, this.clock, {
      random: () => 0.5,
      observer: (attempt) => void this.attempts.push(attempt),
    });
  }
}
