/**
 * Which creates were answered so that the answer arrived: known at once, while the store is told beside the message that
 * comes next.
 */
import type { MppsKey } from '../store/store.ts';

export class AnsweredCreates {
  readonly #writing = new Map<string, Promise<void>>();
  readonly #write: (key: MppsKey) => Promise<void>;

  /** @param write notes it in the store; must not reject */
  constructor(write: (key: MppsKey) => Promise<void>) {
    this.#write = write;
  }

  add(key: MppsKey): void {
    const text = textOf(key);
    this.#writing.set(
      text,
      this.#write(key).then(() => void this.#writing.delete(text)),
    );
  }

  /** Only while it is being written: then the record itself says so. */
  has(key: MppsKey): boolean {
    return this.#writing.has(textOf(key));
  }

  /** Resolves when all is written. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing.values());
  }
}

function textOf({ route, upstream, uid }: MppsKey): string {
  return `${route} ${upstream} ${uid}`;
}
