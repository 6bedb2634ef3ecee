/**
 * Which creates were answered so that the answer arrived. Known at once, written soon: a process that dies in between
 * has forgotten, and then a repeated create is answered again, which does no harm.
 */
import type { MppsKey } from '../store/store.ts';

const WRITTEN_AFTER_MS = 1_000;

export class AnsweredCreates {
  readonly #keys = new Map<string, MppsKey>();
  readonly #write: (key: MppsKey) => Promise<void>;
  #timer: NodeJS.Timeout | undefined;

  /** @param write notes it in the store; must not reject */
  constructor(write: (key: MppsKey) => Promise<void>) {
    this.#write = write;
  }

  add(key: MppsKey): void {
    this.#keys.set(textOf(key), key);
    this.#timer ??= setTimeout(() => void this.flush(), WRITTEN_AFTER_MS).unref();
  }

  has(key: MppsKey): boolean {
    return this.#keys.has(textOf(key));
  }

  /** The record says it by itself now. */
  delete(key: MppsKey): void {
    this.#keys.delete(textOf(key));
  }

  /** Writes what is not written yet. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await Promise.all(
      [...this.#keys.values()].map(async (key) => {
        await this.#write(key);
        this.delete(key);
      }),
    );
  }
}

function textOf({ route, upstream, uid }: MppsKey): string {
  return `${route} ${upstream} ${uid}`;
}
