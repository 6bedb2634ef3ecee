/** How long a peer still waits: a deadline that moves on with every answer it gets. */
export class Patience {
  readonly #ms: number;
  readonly #onLost: () => void;
  #deadline: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param onLost called once when `ms` passed without an `extend` */
  constructor(ms: number, onLost: () => void) {
    this.#ms = ms;
    this.#onLost = onLost;
    this.#deadline = performance.now() + ms;
    this.#arm(ms);
  }

  /** By the clock of `performance.now()`. */
  get deadline(): number {
    return this.#deadline;
  }

  extend(): void {
    this.#deadline = performance.now() + this.#ms;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  /** The timer looks again when it fires: moving it for each of ten thousand answers would cost more. */
  #arm(ms: number): void {
    this.#timer = setTimeout(() => {
      const remaining = this.#deadline - performance.now();
      if (remaining > 0) this.#arm(Math.ceil(remaining));
      else this.#onLost();
    }, ms);
  }
}
