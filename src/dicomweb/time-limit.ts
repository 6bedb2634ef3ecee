import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';

/** A signal that fires when the caller stops waiting: its own signal, or its deadline. To be ended when the work is done. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  readonly #timer: NodeJS.Timeout;
  readonly #forward = (): void => this.#controller.abort(this.#caller.reason);

  constructor({ signal, deadline }: Pick<RequestContext, 'signal' | 'deadline'>) {
    this.#caller = signal;
    const leftMs = Math.max(0, deadline - performance.now());
    const stop = (): void => {
      const comment = 'No answer of the origin server before the deadline';
      this.#controller.abort(new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'safe', comment }));
    };
    this.#timer = setTimeout(stop, leftMs);
    if (signal.aborted) this.#forward();
    else if (leftMs === 0) stop();
    else signal.addEventListener('abort', this.#forward, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#forward);
  }
}
