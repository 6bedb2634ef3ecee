/**
 * The circuit breaker of one destination. Trouble with the far end itself, a few times in a row, opens it: then one message
 * at a time is a probe, with growing pauses. The first that gets through closes it, and from one on the deliveries at a time grow
 * again, so that a far end that has just come back is not run over.
 */
import type { FailureCode } from '../services/port.ts';

export interface CircuitOptions {
  /** Deliveries at a time, in the best of times. */
  readonly concurrency: number;
  /** Pause before the first probe; it doubles with each that fails. */
  readonly firstDelayMs: number;
  readonly maximumDelayMs: number;
}

/** Failures in a row that open the circuit. */
export const OPENING_FAILURES = 3;

/** No message was looked at: any other would end like this. */
const OF_THE_FAR_END: ReadonlySet<FailureCode> = new Set([
  'UPSTREAM_REJECTED',
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_UNTRUSTED',
]);

/** Trouble of the far end too, unless it is always the same message that meets it. */
const OF_THE_FAR_END_OR_ONE_MESSAGE: ReadonlySet<FailureCode> = new Set([
  'ANSWER_TRUNCATED',
  'ANSWER_UNREADABLE',
  'CONNECTION_LOST',
  'NOT_AUTHORIZED',
  'NOT_SUPPORTED',
  'NO_COMMON_MEDIA_TYPE',
  'OPERATION_NOT_SUPPORTED',
  'OUTCOME_UNKNOWN',
  'OUT_OF_RESOURCES',
  'RESOURCE_NOT_FOUND',
  'UNEXPECTED_STATUS',
  'UPSTREAM_ERROR',
  'UPSTREAM_PROTOCOL_ERROR',
  'UPSTREAM_TIMEOUT',
]);

export class Circuit {
  readonly #random: () => number;
  #options: CircuitOptions;
  #openSince: number | undefined;
  #probeAt = 0;
  #probes = 0;
  #failures = 0;
  /** What each failure in a row was of: a message counts once for trouble that may be its own. */
  readonly #counted = new Set<string>();
  #width = 1;

  /** @param random from 0 to below 1 */
  constructor(options: CircuitOptions, random: () => number) {
    this.#options = options;
    this.#random = random;
  }

  set options(options: CircuitOptions) {
    this.#options = options;
  }

  /** Wall clock of the failure that opened it; undefined: it is closed. */
  get openSince(): number | undefined {
    return this.#openSince;
  }

  get consecutiveFailures(): number {
    return this.#failures;
  }

  /** Ms until a probe may be sent, 0 where nothing is in the way. */
  pauseMs(nowMs: number): number {
    return this.#openSince === undefined ? 0 : Math.max(0, this.#probeAt - nowMs);
  }

  /** How many deliveries at a time there may be now. */
  limit(nowMs: number): number {
    if (this.#openSince !== undefined) return nowMs >= this.#probeAt ? 1 : 0;
    return Math.min(this.#width, this.#options.concurrency);
  }

  /** The far end answered. True: it had been away. */
  succeeded(): boolean {
    const wasOpen = this.#openSince !== undefined;
    this.#width = wasOpen ? 1 : Math.min(this.#width + 1, this.#options.concurrency);
    this.#openSince = undefined;
    this.#failures = 0;
    this.#probes = 0;
    this.#counted.clear();
    return wasOpen;
  }

  /**
   * An attempt failed. True: that opened the circuit.
   * @param uid of the message
   * @param retryAfterMs how long the far end asks to be left alone
   */
  failed(code: FailureCode, uid: string, nowMs: number, retryAfterMs?: number): boolean {
    const isCertain = OF_THE_FAR_END.has(code);
    if (!isCertain && !OF_THE_FAR_END_OR_ONE_MESSAGE.has(code)) return false;
    this.#failures++;
    if (this.#openSince === undefined) {
      this.#counted.add(isCertain ? `${this.#failures}` : `of ${uid}`);
      if (this.#counted.size < OPENING_FAILURES && retryAfterMs === undefined) return false;
      this.#openSince = nowMs;
      this.#width = 1;
      this.#pause(nowMs, retryAfterMs);
      return true;
    }
    // What was under way when it opened is no probe.
    if (nowMs >= this.#probeAt) this.#pause(nowMs, retryAfterMs);
    return false;
  }

  #pause(nowMs: number, retryAfterMs = 0): void {
    const { firstDelayMs, maximumDelayMs } = this.#options;
    const longestMs = growing(firstDelayMs, maximumDelayMs, this.#probes++);
    this.#probeAt = nowMs + Math.max(retryAfterMs, (longestMs * (1 + this.#random())) / 2);
  }
}

/** Doubled so many times, up to the maximum. */
export function growing(firstMs: number, maximumMs: number, doublings: number): number {
  return Math.min(maximumMs, firstMs * 2 ** Math.min(doublings, 40));
}
