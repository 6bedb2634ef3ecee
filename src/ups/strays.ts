/** What is under way under a name that the configuration no longer has: whoever performs it finds it under no other. */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import type { Store } from '../store/store.ts';

export interface ServedNames {
  /** Routes that offer workitems. */
  readonly routes: readonly string[];
  /** Upstreams that are UPS-RS servers. */
  readonly upstreams: readonly string[];
}

export interface StraysStore {
  readonly workitems: Pick<Store['workitems'], 'counts'>;
  readonly claims: Pick<Store['claims'], 'openCounts'>;
}

export class WorkitemStrays {
  readonly #store: StraysStore;
  readonly #logger: Logger;
  /** Of whom it was said. */
  readonly #told = new Set<string>();

  constructor(store: StraysStore, logger: Logger) {
    this.#store = store;
    this.#logger = logger;
  }

  /** Warns of each such name, once. Never rejects: nothing is done about it but to say so. */
  async look({ routes, upstreams }: ServedNames): Promise<void> {
    try {
      for (const { route, state, count } of await this.#store.workitems.counts()) {
        if (state !== 'IN PROGRESS' || routes.includes(route) || !this.#isNew(`route ${route}`)) continue;
        this.#logger.warn('workitems in progress wait for a route that offers workitems no more', { route, count });
      }
      for (const { upstream, count } of await this.#store.claims.openCounts()) {
        if (upstreams.includes(upstream) || !this.#isNew(`upstream ${upstream}`)) continue;
        this.#logger.warn('claims of workitems wait for an upstream that is there no more', { upstream, count });
      }
    } catch (error) {
      this.#logger.error('it could not be read what workitems are under way', errorFacts(error));
    }
  }

  #isNew(name: string): boolean {
    return this.#told.size !== this.#told.add(name).size;
  }
}
