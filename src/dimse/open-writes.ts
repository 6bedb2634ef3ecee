/** Changes under way behind a listener: they outlive the peer that asked for them, but not the listener. */
export class OpenWrites {
  readonly #open = new Set<AbortController>();
  readonly #emptied: (() => void)[] = [];
  /** Nothing begins any more. */
  #aborted: Error | undefined;

  /** `signal` aborts when the listener ends for good, and then only; call `end` when the change is through. */
  begin(): { readonly signal: AbortSignal; readonly end: () => void } {
    const controller = new AbortController();
    if (this.#aborted === undefined) this.#open.add(controller);
    else controller.abort(this.#aborted);
    const end = (): void => {
      this.#open.delete(controller);
      this.#tellWhenEmpty();
    };
    return { signal: controller.signal, end };
  }

  /** Resolves when no write is under way any more, or all were aborted. */
  empty(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#emptied.push(resolve));
  }

  abortAll(reason: Error): void {
    this.#aborted = reason;
    const open = [...this.#open];
    this.#open.clear();
    for (const controller of open) controller.abort(reason);
    this.#tellWhenEmpty();
  }

  #tellWhenEmpty(): void {
    if (this.#open.size > 0) return;
    for (const resolve of this.#emptied.splice(0)) resolve();
  }
}
