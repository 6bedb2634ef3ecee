/** The life of one process in steps, so that a test may end it at any of them, and go on with what is on the disk. */
import type { Store } from '../../../src/store/store.ts';

/** Parts of the store whose calls are steps. */
const RECORDS = ['mpps', 'workitems', 'subscriptions', 'claims'] as const;

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
    if (this.#hasEnded) throw new Error(`the process has ended at ${name}`);
    this.steps.push(name);
  }

  /** The same object whose every call is two steps: it may end before it, and before its result is known. */
  through<Part extends object>(part: Part, name: string): Part {
    return new Proxy(part, {
      get: (target, key): unknown => {
        const member: unknown = Reflect.get(target, key);
        if (typeof member !== 'function') return member;
        const call = member.bind(target) as (...parameters: unknown[]) => Promise<unknown>;
        return async (...parameters: unknown[]): Promise<unknown> => {
          this.step(`before ${name}.${String(key)}`);
          const result = await call(...parameters);
          this.step(`after ${name}.${String(key)}`);
          return result;
        };
      },
    });
  }

  /** A store whose calls for records are steps. */
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

/** In place of a result: the process has ended before it. */
export const ENDED = Symbol('ended');

/** The result, or that the process did not live to give it. @throws what it threw while it was alive */
export async function outlive<Result>(life: Life, work: Promise<Result>): Promise<Result | typeof ENDED> {
  try {
    const result = await work;
    return life.hasEnded ? ENDED : result;
  } catch (error) {
    if (life.hasEnded) return ENDED;
    throw error;
  }
}
