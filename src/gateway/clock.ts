/** Time as the spool sees it, so that a test may let a day pass in a second. */
import { steadyNow } from '../store/steady-time.ts';

export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  setTimer(callback: () => void, delayMs: number): Timer;
}

export interface Timer {
  /** After it has rung, nothing. */
  cancel(): void;
}

/** The longest delay Node's timers know. */
const MAXIMUM_DELAY_MS = 2 ** 31 - 1;

/** Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: steadyNow,
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, Math.min(delayMs, MAXIMUM_DELAY_MS)).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** Whether the work ended within so many ms. @throws what it throws in time */
export async function within(work: Promise<unknown>, limitMs: number, clock: Clock): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = clock.setTimer(() => late.resolve(false), limitMs);
  try {
    return await Promise.race([work.then(() => true), late.promise]);
  } finally {
    timer.cancel();
  }
}
