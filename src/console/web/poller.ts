/** Asks again and again, one request at a time, and not while nobody looks. */

const MAXIMUM_DELAY_MS = 30_000;

export class Poller {
  readonly #ask: () => Promise<boolean>;
  readonly #intervalMs: number;
  #timer: number | undefined;
  #isOpen = false;
  #isAsking = false;
  /** To be asked once more. */
  #isDue = false;
  #isPaused = false;
  #failures = 0;

  /** @param ask whether it went well: what fails is asked less and less often */
  constructor(ask: () => Promise<boolean>, intervalMs: number) {
    this.#ask = ask;
    this.#intervalMs = intervalMs;
  }

  /** Asks at once, also where it is open already. */
  open(): void {
    this.#isOpen = true;
    document.addEventListener('visibilitychange', this.#onVisibility);
    this.now();
  }

  close(): void {
    this.#isOpen = false;
    document.removeEventListener('visibilitychange', this.#onVisibility);
    clearTimeout(this.#timer);
  }

  set paused(isPaused: boolean) {
    if (isPaused === this.#isPaused) return;
    this.#isPaused = isPaused;
    clearTimeout(this.#timer);
    if (!isPaused) this.now();
  }

  /** Asks now, whether paused or not; where it is asking already, once more after that. */
  now(): void {
    if (!this.#isOpen) return;
    clearTimeout(this.#timer);
    if (this.#isAsking) {
      this.#isDue = true;
      return;
    }
    this.#isAsking = true;
    this.#isDue = false;
    void this.#ask()
      .catch(() => false)
      .then((isWell) => {
        this.#isAsking = false;
        this.#failures = isWell ? 0 : this.#failures + 1;
        if (this.#isDue) this.now();
        else this.#plan();
      });
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#timer);
    if (!document.hidden && !this.#isPaused) this.now();
  };

  #plan(): void {
    clearTimeout(this.#timer);
    if (!this.#isOpen || this.#isPaused || document.hidden) return;
    const delayMs = Math.min(MAXIMUM_DELAY_MS, this.#intervalMs * 2 ** this.#failures);
    this.#timer = setTimeout(() => this.now(), delayMs);
  }
}
