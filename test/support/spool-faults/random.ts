/** Randomness that a printed seed repeats: each part of a test draws from a stream of its own. */

/** The seed of a run: SPOOL_FAULTS_SEED repeats an earlier one. */
export function seedOfRun(): number {
  const given = process.env['SPOOL_FAULTS_SEED'];
  return given === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(given);
}

export class Random {
  #state: number;

  /** @param stream who draws */
  constructor(seed: number, stream: string) {
    // FNV-1a
    let hash = (0x811c9dc5 ^ seed) >>> 0;
    for (const byte of Buffer.from(stream)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
    this.#state = hash;
  }

  /** From 0 to below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Both ends included. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)] as T;
  }

  /** Random integers in ascending order. */
  ascending(count: number, from: number, to: number): number[] {
    return Array.from({ length: count }, () => this.integer(from, to)).sort((a, b) => a - b);
  }
}
