/** Takes up what is due of storage commitments, a few at a time, and sleeps until more is. */
import type { CommitmentRecord, Commitments } from '../../store/commitment-records.ts';
import type { Clock, Timer } from '../clock.ts';
import { leaseMsOf } from './steps.ts';
import { placeOf } from './route.ts';
import type { CommitmentPlace } from './route.ts';

export interface CommitmentWorkerHost {
  readonly store: Pick<Commitments, 'claim' | 'nextDueMs'>;
  readonly clock: Clock;
  /** The longest pause between two looks, ms; undefined: there is no other by itself. */
  lookMs(): number | undefined;
  places(): readonly CommitmentPlace[];
  /** Never rejects. */
  run(record: CommitmentRecord): Promise<void>;
  /** Before each look. */
  tidy(): void;
  /** The store works, or has failed. */
  noteStore(failure: unknown): void;
}

/** Transactions worked on at a time for an upstream of a route, so that one that is slow keeps nobody else. */
const CONCURRENCY = 8;
const SHORTEST_LOOK_MS = 10;

export class CommitmentWorker {
  readonly #host: CommitmentWorkerHost;
  /** By their place. */
  readonly #running = new Map<string, number>();
  #timer: Timer | undefined;
  #isLooking = false;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #isStopped = false;

  constructor(host: CommitmentWorkerHost) {
    this.#host = host;
  }

  /** There may be something to do. */
  wake(): void {
    this.#looksAgain = true;
    if (!this.#isLooking && !this.#isStopped) this.#looking = this.#look();
  }

  /** Takes nothing new. Resolves when nothing is being taken any more. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  /** One look at a time. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#looksAgain && !this.#isStopped) {
        this.#looksAgain = false;
        await this.#take();
      }
    } catch (error) {
      this.#host.noteStore(error);
      this.#lookIn(this.#host.lookMs());
    } finally {
      this.#isLooking = false;
    }
  }

  async #take(): Promise<void> {
    const { store } = this.#host;
    this.#host.tidy();
    for (;;) {
      const places = this.#host.places().filter((place) => this.#roomFor(place) > 0);
      // The end of what is under way is another look.
      if (places.length === 0) this.#lookIn(this.#host.lookMs());
      if (places.length === 0 || this.#isStopped) return;
      const destinations = places.map(({ route, upstream }) => ({ route, upstream: upstream.name }));
      const room = Math.min(...places.map((place) => this.#roomFor(place)));
      const due = await store.claim(destinations, room, Math.max(...places.map(leaseMsOf)));
      for (const record of due) void this.#run(record);
      if (due.length === room) continue;
      this.#lookWhenDue(await store.nextDueMs(destinations));
      return;
    }
  }

  #lookWhenDue(dueMs: number | undefined): void {
    const lookMs = this.#host.lookMs();
    this.#host.noteStore(undefined);
    // What is due and was not given became due just now, or cannot be read.
    this.#lookIn(dueMs === undefined || dueMs <= 0 || lookMs === undefined ? lookMs : Math.min(lookMs, dueMs));
  }

  async #run(record: CommitmentRecord): Promise<void> {
    const place = placeOf(record.route, record.upstream);
    this.#running.set(place, (this.#running.get(place) ?? 0) + 1);
    await this.#host.run(record);
    const left = (this.#running.get(place) ?? 1) - 1;
    if (left === 0) this.#running.delete(place);
    else this.#running.set(place, left);
    this.wake();
  }

  #roomFor({ route, upstream }: CommitmentPlace): number {
    return CONCURRENCY - (this.#running.get(placeOf(route, upstream.name)) ?? 0);
  }

  #lookIn(delayMs: number | undefined): void {
    this.#timer?.cancel();
    if (this.#isStopped || delayMs === undefined) return;
    this.#timer = this.#host.clock.setTimer(() => this.wake(), Math.max(SHORTEST_LOOK_MS, delayMs));
  }
}
