/** What passed at far ends on behalf of the last requests: so many requests, so many steps of each. */
import type { TraceStep } from '../services/port.ts';

export interface KeptStep extends TraceStep {
  /** `performance.now()` */
  readonly atMs: number;
  /** Name of the upstream. */
  readonly peer: string;
}

/** Steps of one request; later ones are left out. */
const STEPS_KEPT = 32;
/** Of one step. */
const TEXT_KEPT = 500;

export class RequestTraces {
  #capacity: number;
  /** Trace IDs, a place anew for each that is told of first; a Map alone is slow to give its oldest. */
  #places: string[] = [];
  #next = 0;
  #steps = new Map<string, KeptStep[]>();

  /** @param capacity requests */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** Those that were told of last stay. */
  set capacity(capacity: number) {
    const inOrder = [...this.#places.slice(this.#next), ...this.#places.slice(0, this.#next)];
    this.#places = inOrder.slice(-capacity);
    this.#next = this.#places.length % capacity;
    this.#capacity = capacity;
    this.#steps = new Map(this.#places.map((traceId) => [traceId, [...this.of(traceId)]]));
  }

  add(traceId: string, step: KeptStep): void {
    let steps = this.#steps.get(traceId);
    if (steps === undefined) {
      const gone = this.#places[this.#next];
      if (gone !== undefined) this.#steps.delete(gone);
      this.#places[this.#next] = traceId;
      this.#next = (this.#next + 1) % this.#capacity;
      steps = [];
      this.#steps.set(traceId, steps);
    }
    if (steps.length < STEPS_KEPT) steps.push({ ...step, text: step.text.slice(0, TEXT_KEPT) });
  }

  of(traceId: string): readonly KeptStep[] {
    return this.#steps.get(traceId) ?? [];
  }
}
