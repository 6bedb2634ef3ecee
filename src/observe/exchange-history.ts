/** The last exchanges, for the console to show: so many and no more, in memory, without data sets. */
import { SERVICE_OF } from '../services/port.ts';
import type { ServiceName } from '../services/port.ts';
import { isFailed } from './exchanges.ts';
import type { SeenExchange } from './exchanges.ts';
import { RequestTraces } from './request-traces.ts';
import type { KeptStep } from './request-traces.ts';

export type { KeptStep } from './request-traces.ts';

export interface KeptExchange extends Omit<SeenExchange, 'dataSet'> {
  /** Ascending in the order of their ends, from 1; of this process. */
  readonly id: number;
  /** Wall clock of its begin, ms since 1970. */
  readonly startedAtMs: number;
}

/** What is absent is not asked about. */
export interface ExchangeFilter {
  /** Those with a greater `id` only. */
  readonly after?: number | undefined;
  /** Of a transaction, an MPPS, a workitem or a commitment. */
  readonly traceId?: string | undefined;
  readonly uid?: string | undefined;
  readonly listener?: string | undefined;
  readonly route?: string | undefined;
  readonly upstream?: string | undefined;
  readonly service?: ServiceName | undefined;
  /** Only those that failed, or only those that did not. */
  readonly failed?: boolean | undefined;
  /** Somewhere in AE titles, address, subject, UID, trace ID, status, failure code or reason, case aside. */
  readonly text?: string | undefined;
}

/** Read by the console. */
export interface ExchangeHistory {
  /** `id` of the newest; 0: none yet. */
  readonly last: number;
  /** Newest first, at most `limit`. */
  list(filter: ExchangeFilter, limit: number): readonly KeptExchange[];
  get(id: number): KeptExchange | undefined;
  /** What passed at the far ends on behalf of a request, later deliveries by the spool included, in order of time. */
  steps(traceId: string): readonly KeptStep[];
}

export class ExchangeRing implements ExchangeHistory {
  readonly #now: () => number;
  #capacity: number;
  /** By id modulo the capacity. */
  #kept: KeptExchange[] = [];
  #last = 0;
  /** Requests under way have traces too, and so have deliveries of the spool: as many more as there are exchanges. */
  readonly #traces: RequestTraces;

  /** @param capacity exchanges @param now wall clock in ms */
  constructor(capacity: number, now: () => number = Date.now) {
    this.#capacity = capacity;
    this.#traces = new RequestTraces(2 * capacity);
    this.#now = now;
  }

  get last(): number {
    return this.#last;
  }

  /** The newest stay. */
  set capacity(capacity: number) {
    if (capacity === this.#capacity) return;
    const kept = [...this.#newest()].slice(0, capacity);
    this.#capacity = capacity;
    this.#kept = [];
    for (const exchange of kept) this.#kept[exchange.id % capacity] = exchange;
    this.#traces.capacity = 2 * capacity;
  }

  /** An ExchangeObserver. */
  readonly observe = ({ dataSet: _values, ...exchange }: SeenExchange): void => {
    const id = ++this.#last;
    this.#kept[id % this.#capacity] = { ...exchange, id, startedAtMs: this.#now() - exchange.ms };
  };

  /** Told of what passes between the gateway and an upstream. */
  trace(traceId: string, step: KeptStep): void {
    this.#traces.add(traceId, step);
  }

  list(filter: ExchangeFilter, limit: number): readonly KeptExchange[] {
    const { after = 0 } = filter;
    const fits = filterOf(filter);
    const found: KeptExchange[] = [];
    for (const exchange of this.#newest()) {
      if (exchange.id <= after || found.length >= limit) break;
      if (fits(exchange)) found.push(exchange);
    }
    return found;
  }

  get(id: number): KeptExchange | undefined {
    const kept = this.#kept[id % this.#capacity];
    return kept?.id === id ? kept : undefined;
  }

  steps(traceId: string): readonly KeptStep[] {
    return this.#traces.of(traceId);
  }

  *#newest(): Generator<KeptExchange, void, void> {
    for (let id = this.#last; id > 0 && id > this.#last - this.#capacity; id--) {
      const exchange = this.get(id);
      if (exchange !== undefined) yield exchange;
    }
  }
}

function filterOf(filter: ExchangeFilter): (exchange: KeptExchange) => boolean {
  const { traceId, uid, listener, route, upstream, service, failed } = filter;
  const text = filter.text?.toLowerCase();
  return (exchange) =>
    (traceId === undefined || exchange.traceId === traceId) &&
    (uid === undefined || exchange.uid === uid) &&
    (listener === undefined || exchange.requester.listener === listener) &&
    (route === undefined || exchange.route === route) &&
    (upstream === undefined || exchange.upstream === upstream) &&
    (service === undefined || SERVICE_OF[exchange.operation] === service) &&
    (failed === undefined || isFailed(exchange) === failed) &&
    (text === undefined || wordsOf(exchange).includes(text));
}

/** What a person may look for. */
function wordsOf({ requester, traceId, uid, status, failure, reason, operation }: KeptExchange): string {
  const { address, callingAeTitle, calledAeTitle, subject } = requester;
  return [address, callingAeTitle, calledAeTitle, subject, traceId, uid, status, failure?.code, reason, operation]
    .join('\n')
    .toLowerCase();
}
