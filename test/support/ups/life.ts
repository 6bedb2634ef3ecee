/**
 * The life of one process as the steps by which it changes something outside of it: what it writes, sends and answers. A test
 * ends it before any of them, and goes on with what is on the disk and at the far end.
 */
import type { Store } from '../../../src/store/store.ts';

/** Parts of the store whose writes are steps. */
const RECORDS = ['mpps', 'workitems', 'subscriptions', 'claims'] as const;
/** What only reads changes nothing: to end before it is to end before the step that follows. */
const READS = /^(get|find|list|waiting|subscribersOf|is[A-Z]|retrieve|verify)/;

/** In place of a result: the process has ended before it. */
export const ENDED = Symbol('ended');

export class Life {
  /** What it did, one after another. */
  readonly steps: string[] = [];
  readonly #endsAt: number;
  #hasEnded = false;

  /** @param endsAt index of the step it does not do any more; Infinity: it lives on */
  constructor(endsAt = Infinity) {
    this.#endsAt = endsAt;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** @throws Error once it has ended: nothing of a dead process happens */
  step(name: string): void {
    this.#hasEnded ||= this.steps.length >= this.#endsAt;
    this.live();
    this.steps.push(name);
  }

  /** @throws Error once it has ended */
  live(): void {
    if (this.#hasEnded) throw new Error('the process has ended');
  }

  /** The result, or that the process did not live to answer. @throws what it threw while it was alive */
  async outcomeOf<Result>(work: Promise<Result>): Promise<Result | typeof ENDED> {
    try {
      const result = await work;
      this.step('answer');
      return result;
    } catch (error) {
      if (this.#hasEnded) return ENDED;
      throw error;
    }
  }

  /** The same object; each of its calls that changes anything is a step. */
  through<Part extends object>(part: Part, name: string): Part {
    return new Proxy(part, {
      get: (target, key): unknown => {
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== 'function') return member;
        const call = member.bind(target) as (...parameters: unknown[]) => Promise<unknown>;
        return async (...parameters: unknown[]): Promise<unknown> => {
          if (READS.test(String(key))) this.live();
          else this.step(`${name}.${String(key)}`);
          const result = await call(...parameters);
          this.live();
          return result;
        };
      },
    });
  }

  /** A store whose writes of records are steps. */
  throughStore(store: Store): Store {
    const records = new Map<string | symbol, object>(RECORDS.map((name) => [name, this.through(store[name], name)]));
    return new Proxy(store, {
      get(target, key): unknown {
        const member: unknown = records.get(key) ?? Reflect.get(target, key);
        return typeof member === 'function' ? (member.bind(target) as unknown) : member;
      },
    });
  }
}
