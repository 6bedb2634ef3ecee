/** How many bytes of peers a listener holds at a time, all requests and answers together. */

/** A limit on bytes that many share. */
export class ByteBudget {
  #maximum: number;
  #held = 0;

  constructor(maximumBytes: number) {
    this.#maximum = maximumBytes;
  }

  /** Bytes that are held now, without what is free. */
  get held(): number {
    return this.#held;
  }

  /** What is held already stays, also where it is more than that. */
  replace(maximumBytes: number): void {
    this.#maximum = maximumBytes;
  }

  /** @returns whether there was room; else nothing is held */
  take(bytes: number): boolean {
    if (bytes > 0 && this.#held + bytes > this.#maximum) return false;
    this.#held += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#held -= bytes;
  }
}

/**
 * What is free for each holder: every worklist query and procedure step gets through however much others hold, and the sum
 * is bounded by their number.
 */
export const FREE_BYTES = 64 * 1024;

/** What one request or association holds of a budget. */
export class HeldBytes {
  readonly #budget: ByteBudget;
  readonly #free: number;
  #bytes = 0;
  #isReleased = false;

  constructor(budget: ByteBudget, freeBytes = FREE_BYTES) {
    this.#budget = budget;
    this.#free = freeBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether there is room; never again once all is released */
  grow(bytes: number): boolean {
    if (this.#isReleased || !this.#budget.take(this.#charged(this.#bytes + bytes) - this.#charged(this.#bytes))) {
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  shrink(bytes: number): void {
    if (this.#isReleased) return;
    const remaining = Math.max(0, this.#bytes - bytes);
    this.#budget.give(this.#charged(this.#bytes) - this.#charged(remaining));
    this.#bytes = remaining;
  }

  /** Gives everything back, and holds nothing from then on. */
  release(): void {
    this.shrink(this.#bytes);
    this.#isReleased = true;
  }

  #charged(bytes: number): number {
    return Math.max(0, bytes - this.#free);
  }
}
