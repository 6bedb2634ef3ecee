/** Whether there is room for more messages in a SQLite store, so that a disk they fill can still be emptied. */
import { statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { StatementSync } from 'node:sqlite';
import type { SqliteConnection } from './sqlite-connection.ts';
import { storeError } from './sqlite-errors.ts';

/**
 * To deliver a message is to write, too: its attempt and its end go into the log, about 4 MiB until it begins anew, and
 * from there into the file. What is accepted leaves room for that several times.
 */
export const DELIVERY_RESERVE_BYTES = 16 * 2 ** 20;

export class SqliteRoom {
  readonly #path: string;
  readonly #freePages: StatementSync;
  readonly #pageBytes: number;
  readonly #diskBytes: (folder: string) => number;

  /** @param diskBytes free bytes of the disk of a folder */
  constructor(connection: SqliteConnection, path: string, diskBytes = freeBytesOf) {
    this.#path = path;
    this.#diskBytes = diskBytes;
    this.#freePages = connection.prepare('PRAGMA freelist_count');
    this.#pageBytes = Number(connection.prepare('PRAGMA page_size').get()?.['page_size']);
  }

  /** @throws GatewayError STORE_FULL: what is left is for delivery */
  check(): void {
    if (this.#freeBytes() >= DELIVERY_RESERVE_BYTES) return;
    const reserve = `${DELIVERY_RESERVE_BYTES / 2 ** 20} MiB`;
    throw storeError('STORE_FULL', this.#path, `${reserve} are kept for the delivery of what was accepted`);
  }

  /** Of the disk, of the log, which is written over again and again, and of the file. */
  #freeBytes(): number {
    const freePages = Number(this.#freePages.get()?.['freelist_count']);
    const logBytes = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    return this.#diskBytes(dirname(this.#path)) + logBytes + freePages * this.#pageBytes;
  }
}

function freeBytesOf(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    // A file system that does not tell says itself when it is full.
    return Infinity;
  }
}
