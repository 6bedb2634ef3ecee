/** One request of ours and the responses to it. Settles exactly once: final response, or the end of the association. */
import { GatewayError } from '../errors.ts';
import type { CommandSet } from './command-set.ts';
import type { ScuError } from './scu-error.ts';

export interface ScuResponse {
  readonly status: number;
  readonly command: CommandSet;
  readonly dataSet: Buffer | undefined;
}

/** What an exchange needs of its association. */
export interface ExchangeLine {
  pause(): void;
  resume(): void;
  sendCancel(messageId: number): void;
  /** Nothing came in time: such an association is never used again. */
  timedOut(waitedFor: string): void;
}

export interface ExchangeTimers {
  /** To each response. */
  readonly responseMs: number;
  /** After C-CANCEL, to the final response. */
  readonly drainMs: number;
}

/** Responses waiting for a slow consumer, and their bytes; above, the socket is not read, and below it is again. */
const PAUSE_ABOVE = 64;
export const PAUSE_ABOVE_BYTES = 1024 * 1024;
const RESUME_BELOW = 16;
const RESUME_BELOW_BYTES = 256 * 1024;

export class ScuExchange {
  readonly messageId: number;
  /** Command Field of the request. */
  readonly commandField: number;
  /** Resolves when the association is free for another request, or gone. */
  readonly settled: Promise<void>;
  readonly #line: ExchangeLine;
  readonly #timers: ExchangeTimers;
  /** `performance.now()` when the caller stops waiting. */
  readonly #deadline: () => number;
  readonly #settle: () => void;
  readonly #responses: ScuResponse[] = [];
  #responseBytes = 0;
  #waiting: { resolve: (response: ScuResponse) => void; reject: (error: unknown) => void } | undefined;
  #failure: Error | undefined;
  #isSettled = false;
  #isPaused = false;
  #isAbandoned = false;
  #pending = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerMs = 0;

  constructor(
    messageId: number,
    commandField: number,
    line: ExchangeLine,
    timers: ExchangeTimers,
    deadline: () => number,
  ) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.messageId = messageId;
    this.commandField = commandField;
    this.settled = promise;
    this.#settle = resolve;
    this.#line = line;
    this.#timers = timers;
    this.#deadline = deadline;
    this.#awaitResponse();
  }

  /**
   * The next response; after the final one nothing may be asked for.
   * @throws ScuError, or what `fail` was given
   */
  next(): Promise<ScuResponse> {
    const response = this.#responses.shift();
    if (response !== undefined) {
      this.#responseBytes -= bytesOf(response);
      if (this.#isPaused && this.#isLow) this.#resume();
      return Promise.resolve(response);
    }
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#isSettled) return Promise.reject(new GatewayError('MESSAGE_INVALID', 'All responses were read'));
    return new Promise((resolve, reject) => (this.#waiting = { resolve, reject }));
  }

  /** Pending responses so far. */
  get pending(): number {
    return this.#pending;
  }

  /** A response has arrived. */
  receive(response: ScuResponse, isFinal: boolean): void {
    if (isFinal) this.#finish();
    else this.#pending++;
    if (this.#isAbandoned) return;
    if (!isFinal) this.#awaitResponse();
    const waiting = this.#waiting;
    if (waiting !== undefined) {
      this.#waiting = undefined;
      waiting.resolve(response);
      return;
    }
    this.#responses.push(response);
    this.#responseBytes += bytesOf(response);
    const isHigh = this.#responses.length > PAUSE_ABOVE || this.#responseBytes > PAUSE_ABOVE_BYTES;
    if (!isFinal && !this.#isPaused && isHigh) this.#pause();
  }

  get #isLow(): boolean {
    return this.#responses.length < RESUME_BELOW && this.#responseBytes < RESUME_BELOW_BYTES;
  }

  /** The association ended: what has arrived can still be read. */
  ended(error: ScuError): void {
    this.#finish();
    this.#reject(error);
  }

  /**
   * The consumer wants no more: C-CANCEL, and what still comes is dropped until the final response. When that does not
   * come in time the association is ended.
   * @param reason what a waiting `next` is rejected with
   */
  abandon(reason: unknown): void {
    if (this.#isAbandoned) return;
    this.#isAbandoned = true;
    this.#responses.length = 0;
    this.#responseBytes = 0;
    this.#reject(reason);
    if (this.#isSettled) return;
    if (this.#isPaused) this.#resume();
    this.#line.sendCancel(this.messageId);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#line.timedOut('the end of a cancelled request'), this.#timers.drainMs);
  }

  #reject(reason: unknown): void {
    this.#failure ??= reason instanceof Error ? reason : new Error(String(reason));
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  #finish(): void {
    clearTimeout(this.#timer);
    this.#isSettled = true;
    if (this.#isPaused) this.#resume();
    this.#settle();
  }

  #awaitResponse(): void {
    const remaining = Math.max(1, Math.ceil(this.#deadline() - performance.now()));
    const ms = Math.min(this.#timers.responseMs, remaining);
    // A timer that was cut short by the deadline of then would stay short.
    if (this.#timer !== undefined && ms === this.#timerMs) {
      this.#timer.refresh();
      return;
    }
    clearTimeout(this.#timer);
    this.#timerMs = ms;
    this.#timer = setTimeout(() => this.#line.timedOut('a response'), ms);
  }

  /** The time we do not read is not the peer's delay. */
  #pause(): void {
    this.#isPaused = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#line.pause();
  }

  #resume(): void {
    this.#isPaused = false;
    this.#line.resume();
    if (!this.#isSettled) this.#awaitResponse();
  }
}

function bytesOf({ dataSet }: ScuResponse): number {
  return dataSet?.length ?? 0;
}
