/** Time as events of workitems see it; the shape is the one of src/gateway/clock.ts, which this folder may not import. */
import { steadyNow } from '../store/steady-time.ts';

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, ms since 1970. */
  now(): number;
  setTimer(callback: () => void, delayMs: number): Timer;
}

/** Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: steadyNow,
  setTimer(callback, delayMs) {
    const timer = setTimeout(callback, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
