/** What arrived at a destination, in order, on the disk before anybody is told. */
import { closeSync, fsyncSync, openSync, readFileSync, truncateSync, writeSync } from 'node:fs';

/** `none`: it was lost on purpose before it had an effect. */
export type Effect = 'accepted' | 'refused' | 'none';

export interface Arrival {
  readonly kind: 'create' | 'update';
  readonly uid: string;
  /** See `contentOf`. */
  readonly content: string;
  readonly effect: Effect;
}

/** Every whole line; one that a kill cut off was never answered. */
export function readJournal(path: string): Arrival[] {
  const text = readFileSync(path, { encoding: 'utf8', flag: 'a+' });
  const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n').slice(0, -1); // prettier-ignore
  return lines.map((line) => JSON.parse(line) as Arrival);
}

export class Journal {
  readonly #file: number;

  constructor(path: string) {
    const bytes = readFileSync(path, { flag: 'a+' });
    truncateSync(path, bytes.lastIndexOf('\n') + 1);
    this.#file = openSync(path, 'a');
  }

  write(arrival: Arrival): void {
    writeSync(this.#file, `${JSON.stringify(arrival)}\n`);
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}
