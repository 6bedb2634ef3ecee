/** Asks again and again for far ends that notify nobody (proxy flows 7.7, the polling variant): one round of a route at a time. */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import type { WorkitemRoute } from '../services/ups/workitem.ts';
import type { Clock, Timer } from './clock.ts';

export class Poller {
  readonly #poll: (route: WorkitemRoute) => Promise<void>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timers: Timer[] = [];
  /** Grows with every change of the routes: what belongs to former ones ends. */
  #generation = 0;
  readonly #rounds = new Set<Promise<void>>();

  constructor(poll: (route: WorkitemRoute) => Promise<void>, clock: Clock, logger: Logger) {
    this.#poll = poll;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Those with `pollMs` 0 are left alone. */
  replaceRoutes(routes: readonly WorkitemRoute[]): void {
    this.#generation++;
    for (const timer of this.#timers) timer.cancel();
    this.#timers = [];
    for (const route of routes) if (route.options.pollMs > 0) this.#pollIn(route, this.#generation);
  }

  /** Begins no other round. Resolves when those under way are through. */
  async stop(): Promise<void> {
    this.replaceRoutes([]);
    await Promise.all(this.#rounds);
  }

  #pollIn(route: WorkitemRoute, generation: number): void {
    const timer = this.#clock.setTimer(() => {
      this.#timers = this.#timers.filter((each) => each !== timer);
      const round = this.#round(route, generation).finally(() => this.#rounds.delete(round));
      this.#rounds.add(round);
    }, route.options.pollMs);
    this.#timers.push(timer);
  }

  async #round(route: WorkitemRoute, generation: number): Promise<void> {
    try {
      await this.#poll(route);
    } catch (error) {
      this.#logger.error('workitems in progress could not be read', { route: route.route, ...errorFacts(error) });
    }
    if (generation === this.#generation) this.#pollIn(route, generation);
  }
}
