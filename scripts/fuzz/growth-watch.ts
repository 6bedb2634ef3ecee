/** Tells memory that stays from memory that comes and goes: the least of late looks against the least of early ones. */

/** While code is compiled and tables are made, everything grows. */
const WARM_UP = 6;
const LOOKS = 6;

export class GrowthWatch {
  readonly #collectGarbage: () => void;
  readonly #known: () => number;
  #looks: number[] = [];

  /** @param known bytes that are kept on purpose */
  constructor(collectGarbage: () => void, known: () => number) {
    this.#collectGarbage = collectGarbage;
    this.#known = known;
  }

  /** Bytes that are kept now and were not at first; 0 until there is enough to compare. */
  look(): number {
    this.#collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    this.#looks.push(heapUsed + external - this.#known());
    const settled = this.#looks.slice(WARM_UP);
    if (settled.length < 2 * LOOKS) return 0;
    return Math.min(...settled.slice(-LOOKS)) - Math.min(...settled.slice(0, LOOKS));
  }

  /** Begins anew, once what was found is told. */
  forget(): void {
    this.#looks = [];
  }
}
