/** The last exchanges, for the console to show: so many and no more, in memory, without data sets. */
import { SERVICE_OF } from '../services/port.ts';
import type { ServiceName, TraceStep } from '../services/port.ts';
import { isFailed } from './exchanges.ts';
import type { SeenExchange } from './exchanges.ts';

export interface KeptExchange extends Omit<SeenExchange, 'dataSet'> {
  /** Ascending in the order of their ends, from 1; of this process. */
  readonly id: number;
  /** Wall clock of its begin, ms since 1970. */
  readonly startedAtMs: number;
}

export interface KeptStep extends TraceStep {
  /** `performance.now()` */
  readonly atMs: number;
  /** Name of the upstream. */
  readonly peer: string;
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

/** Steps of one request; later ones are left out. */
const STEPS_KEPT = 32;
/** Of one step. */
const TEXT_KEPT = 500;

export class ExchangeRing implements ExchangeHistory {
  readonly #now: () => number;
  #capacity: number;
  /** By id modulo the capacity. */
  #kept: KeptExchange[] = [];
  #last = 0;
  /** By trace ID, the one that was told of first stands first. */
  readonly #traces = new Map<string, KeptStep[]>();

  /** @param capacity exchanges @param now wall clock in ms */
  constructor(capacity: number, now: () => number = Date.now) {
    this.#capacity = capacity;
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
    this.#forgetTraces();
  }

  /** An ExchangeObserver. */
  readonly observe = ({ dataSet: _values, ...exchange }: SeenExchange): void => {
    const id = ++this.#last;
    this.#kept[id % this.#capacity] = { ...exchange, id, startedAtMs: this.#now() - exchange.ms };
  };

  /** Told of what passes between the gateway and an upstream. */
  trace(traceId: string, step: KeptStep): void {
    let steps = this.#traces.get(traceId);
    if (steps === undefined) {
      steps = [];
      this.#traces.set(traceId, steps);
      this.#forgetTraces();
    }
    if (steps.length < STEPS_KEPT) steps.push({ ...step, text: step.text.slice(0, TEXT_KEPT) });
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
    return this.#traces.get(traceId) ?? [];
  }

  *#newest(): Generator<KeptExchange, void, void> {
    for (let id = this.#last; id > 0 && id > this.#last - this.#capacity; id--) {
      const exchange = this.get(id);
      if (exchange !== undefined) yield exchange;
    }
  }

  /** Requests under way have traces too, and so have deliveries of the spool: as many more as there are exchanges. */
  #forgetTraces(): void {
    for (const traceId of this.#traces.keys()) {
      if (this.#traces.size <= 2 * this.#capacity) return;
      this.#traces.delete(traceId);
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
