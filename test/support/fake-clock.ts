/** A clock that stands until it is told to go, for tests of what takes hours. */
import { setImmediate as turn } from 'node:timers/promises';
import { GatewayError } from '../../src/errors.ts';
import type { Clock, Timer } from '../../src/gateway/clock.ts';

interface Alarm {
  readonly at: number;
  readonly ring: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  readonly #alarms = new Set<Alarm>();
  readonly #isBusy: () => boolean;

  /**
   * @param isBusy whether work that takes no time of this clock is still under way: it does not go on before that is done
   */
  constructor(startMs: number, isBusy: () => boolean = () => false) {
    this.#now = startMs;
    this.#isBusy = isBusy;
  }

  now(): number {
    return this.#now;
  }

  setTimer(callback: () => void, delayMs: number): Timer {
    const alarm = { at: this.#now + delayMs, ring: callback };
    this.#alarms.add(alarm);
    return { cancel: () => this.#alarms.delete(alarm) };
  }

  /** Lets so much time pass, alarm by alarm, each with what follows from it. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.rest();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.ring();
      await this.rest();
    }
    this.#now = end;
  }

  /** Resolves when nothing is under way any more. */
  async rest(): Promise<void> {
    for (let quiet = 0; quiet < 2; quiet = this.#isBusy() ? 0 : quiet + 1) await turn();
  }

  #next(end: number): Alarm | undefined {
    let first: Alarm | undefined;
    for (const alarm of this.#alarms)
      if (alarm.at <= end && (first === undefined || alarm.at < first.at)) first = alarm;
    return first;
  }
}

/**
 * An object whose methods count as busy until their promises are settled.
 * @param broken names of methods that reject
 */
export function watched<T extends object>(
  object: T,
  busy: { count: number },
  broken: ReadonlySet<string | symbol> = new Set(),
): T {
  return new Proxy(object, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...given: unknown[]): unknown => {
        const result: unknown = broken.has(name)
          ? Promise.reject(new GatewayError('STORE_FULL', 'no room'))
          : Reflect.apply(member, target, given);
        if (!(result instanceof Promise)) return result;
        busy.count++;
        return result.finally(() => busy.count--);
      };
    },
  });
}
