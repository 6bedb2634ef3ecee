/**
 * Transactions of a route or an upstream that the configuration does not name any more. Nobody can be asked about them here;
 * what is known of them is reported, and their deadline is kept. Another process may still have the names, or this one get them
 * back: before the deadline nothing of such a transaction changes but when it is looked at next.
 */
import type { Logger } from '../../observe/log.ts';
import type { CommitmentPhase, CommitmentRecord, Commitments } from '../../store/commitment-records.ts';
import type { Clock } from '../clock.ts';
import { placeOf } from './route.ts';
import type { StrayPlace } from './route.ts';
import { LAST_WORD_MS } from './transitions.ts';
import { CommitmentWorker } from './worker.ts';

/** Other processes leave transactions behind, too. */
const LOOK_MS = 60_000;
/** They are worked on this slowly, and never as they become due: a process that has the route comes first. */
const PACE_MS = 10_000;
/** As routes have them by default. */
const OPTIONS: StrayPlace['options'] = { attemptTimeoutMs: 60_000, reportOn: 'open-association' };
const ENDED: ReadonlySet<CommitmentPhase> = new Set(['done', 'forgotten']);

export interface StraysHost {
  readonly store: Pick<Commitments, 'claim' | 'counts' | 'get' | 'change'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Goes on with what is held. Never rejects. */
  run(record: CommitmentRecord): Promise<void>;
  /** The store works, or has failed. */
  noteStore(failure: unknown): void;
  /** Counts as under way until it resolves. */
  watch(work: Promise<unknown>): void;
}

export class Strays {
  readonly #host: StraysHost;
  readonly #worker: CommitmentWorker;
  /** Places of targets; undefined: nobody has said yet. */
  #served: ReadonlySet<string> | undefined;
  #found: ReadonlyMap<string, StrayPlace> = new Map();
  /** Ids of those whose next look was put off here, by place. */
  readonly #putOff = new Map<string, Set<number>>();
  /** Places that there is a line in the log about. */
  readonly #told = new Set<string>();
  #lookedAt: number | undefined;
  #restsUntil = 0;

  constructor(host: StraysHost) {
    const { store, clock } = host;
    this.#host = host;
    this.#worker = new CommitmentWorker({
      store: { claim: (...given) => store.claim(...given), nextDueMs: () => Promise.resolve(undefined) },
      clock,
      lookMs: () => (this.#found.size === 0 ? undefined : PACE_MS),
      places: () => (clock.now() < this.#restsUntil ? [] : [...this.#found.values()]),
      run: (record) => host.run(record),
      tidy: () => this.tidy(),
      noteStore: (failure) => host.noteStore(failure),
    });
  }

  /** Some may have become so, or have something to do. */
  lookAgain(): void {
    this.#lookedAt = undefined;
    this.#restsUntil = 0;
    this.#worker.wake();
  }

  /** Takes nothing new. Resolves when nothing is being taken any more. */
  stop(): Promise<void> {
    return this.#worker.stop();
  }

  /** Those whose place has a target now are its at once. Never rejects. */
  async serve(places: ReadonlySet<string>): Promise<void> {
    this.#served = places;
    this.#found = new Map([...this.#found].filter(([place]) => !places.has(place)));
    this.lookAgain();
    for (const place of places) this.#told.delete(place);
    const isBack = [...this.#putOff].filter(([place]) => places.has(place));
    for (const [place] of isBack) this.#putOff.delete(place);
    try {
      for (const id of isBack.flatMap(([, ids]) => [...ids])) await this.#makeDue(id);
    } catch {
      // They were not put off for long.
    }
  }

  /** Looks for them now and then, if it is told often enough that it may be time. */
  tidy(): void {
    const { clock } = this.#host;
    if (this.#served === undefined) return;
    if (this.#lookedAt === undefined || clock.now() - this.#lookedAt >= LOOK_MS) this.#host.watch(this.#look());
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { store, logger, clock } = this.#host;
    this.#lookedAt = clock.now();
    try {
      const counts = await store.counts();
      const before = this.#found;
      const found = new Map<string, StrayPlace>();
      for (const { route, upstream, phase, count } of counts) {
        const place = placeOf(route, upstream);
        if (ENDED.has(phase) || this.#served?.has(place) !== false) continue;
        found.set(place, strayPlace(route, upstream));
        if (this.#told.has(place)) continue;
        this.#told.add(place);
        const text = 'storage commitments wait for an upstream that no route names';
        logger.warn(text, { route, upstream, phase, count });
      }
      this.#found = found;
      for (const place of this.#putOff.keys()) if (!found.has(place)) this.#putOff.delete(place);
      if ([...found.keys()].some((place) => !before.has(place))) this.#worker.wake();
    } catch {
      // A store that fails is told of by whoever needs it.
    }
  }

  /**
   * One of them was taken. Where nothing is to be done yet that puts it off, and no more are taken now: a process that has
   * the route and more to do than it can is not to find them all put off.
   */
  note({ id, route, upstream, result, remainingMs }: CommitmentRecord): void {
    if (result !== undefined || remainingMs <= -LAST_WORD_MS) return;
    this.#restsUntil = this.#host.clock.now() + PACE_MS;
    const place = placeOf(route, upstream);
    this.#putOff.set(place, (this.#putOff.get(place) ?? new Set()).add(id));
  }

  /** Unless somebody works on it. */
  async #makeDue(id: number): Promise<void> {
    const { store } = this.#host;
    const record = await store.get(id);
    if (record?.phase !== 'asking' && record?.phase !== 'waiting') return;
    if (record.isHeld || record.unreadable !== undefined) return;
    await store.change(record, { dueInMs: 0 }, 'process');
  }
}

/** Of whoever is found before its place is. */
export function strayPlace(route: string, upstream: string): StrayPlace {
  return { route, upstream: { name: upstream }, options: OPTIONS, isStray: true };
}
