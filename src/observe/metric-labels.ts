/** Labels and buckets that several metrics share. */

export const DESTINATION = ['route', 'upstream'] as const;

/** Seconds: from a far end in the next room to one that is given up. */
export const CALL_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Where a request has no route. */
export const NO_ROUTE = 'none';

/** Values of a label that peers have a say in: the first so many, then `other`, so that none fills the memory. */
export class BoundedLabel {
  readonly #maximum: number;
  readonly #known = new Set<string>();

  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  of(value: string): string {
    if (this.#known.has(value)) return value;
    if (this.#known.size >= this.#maximum) return 'other';
    this.#known.add(value);
    return value;
  }
}
