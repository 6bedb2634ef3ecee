import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';

/** A signal that fires when the caller stops waiting: its own signal, or its deadline. To be ended when the work is done. */
export class TimeLimit {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal;
  #timer: NodeJS.Timeout | undefined;
  readonly #forward = (): void => this.#controller.abort(this.#caller.reason);

  constructor(context: Pick<RequestContext, 'signal' | 'deadline'>) {
    const { signal } = context;
    this.#caller = signal;
    this.#watch(context);
    if (signal.aborted) this.#forward();
    else signal.addEventListener('abort', this.#forward, { once: true });
  }

  /** The deadline of a DIMSE requester moves on with every result it gets. */
  #watch(context: Pick<RequestContext, 'deadline'>): void {
    const leftMs = Math.max(0, context.deadline - performance.now());
    const stop = (): void => {
      if (context.deadline > performance.now()) return this.#watch(context);
      const comment = 'No answer of the origin server before the deadline';
      this.#controller.abort(new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'safe', comment }));
    };
    this.#timer = setTimeout(stop, leftMs);
    if (leftMs === 0 && !this.#caller.aborted) stop();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller.removeEventListener('abort', this.#forward);
  }
}

/** Work that ends when the caller stops waiting. */
export async function limited<T>(context: RequestContext, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const limit = new TimeLimit(context);
  try {
    return await work(limit.signal);
  } finally {
    limit.end();
  }
}

/** The same for what comes piece by piece. */
export async function* limitedStream<T>(
  context: RequestContext,
  work: (signal: AbortSignal) => AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  const limit = new TimeLimit(context);
  try {
    yield* work(limit.signal);
  } finally {
    limit.end();
  }
}
