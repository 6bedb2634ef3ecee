/** One connection to a SQLite file: transactions of either durability, errors with our codes. */
import { DatabaseSync } from 'node:sqlite';
import type { StatementSync } from 'node:sqlite';
import { storeError, toStoreError } from './sqlite-errors.ts';
import type { Durability } from './store.ts';

export interface ConnectionOptions {
  /** How long a write waits for another process that holds the file, e.g. an operator's `sqlite3`. */
  readonly busyTimeoutMs: number;
  /** The file may grow to so many bytes, besides its log. */
  readonly maximumBytes?: number;
}

/**
 * In WAL mode a commit appends to the log. FULL syncs the log at each commit, which covers all commits before it;
 * NORMAL syncs it only before a checkpoint: a loss of power takes the last commits, never the consistency of the file.
 */
const SYNCHRONOUS: Readonly<Record<Durability, string>> = {
  disk: 'PRAGMA synchronous = FULL',
  process: 'PRAGMA synchronous = NORMAL',
};

/** A write that waits for the end of this turn. */
interface Write {
  readonly durability: Durability;
  readonly work: () => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export class SqliteConnection {
  readonly #path: string;
  readonly #database: DatabaseSync;
  #durability: Durability = 'disk';
  #waiting: Write[] = [];
  #scheduled: NodeJS.Immediate | undefined;

  constructor(path: string, options: ConnectionOptions) {
    this.#path = path;
    this.#database = new DatabaseSync(path, { timeout: options.busyTimeoutMs, enableForeignKeyConstraints: true });
    this.#database.exec(`PRAGMA journal_mode = WAL; ${SYNCHRONOUS.disk}`);
    if (options.maximumBytes !== undefined) {
      const pageBytes = Number(this.#database.prepare('PRAGMA page_size').get()?.['page_size']);
      this.#database.exec(`PRAGMA max_page_count = ${Math.floor(options.maximumBytes / pageBytes)}`);
    }
  }

  get database(): DatabaseSync {
    return this.#database;
  }

  prepare(sql: string): StatementSync {
    return this.#database.prepare(sql);
  }

  /** @throws GatewayError STORE_* */
  read<T>(work: () => T): T {
    if (!this.#database.isOpen) throw storeError('STORE_FAILED', this.#path, 'it is closed');
    try {
      return work();
    } catch (error) {
      throw toStoreError(error, this.#path);
    }
  }

  /**
   * Commits together with whatever else is written in this turn of the event loop, so that one fsync serves all of it;
   * a write that fails fails alone. Reads before the promise resolves may not see it.
   * @throws GatewayError STORE_*; what was rejected left nothing behind
   */
  write<T>(durability: Durability, work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ durability, work, resolve: resolve as (result: unknown) => void, reject });
    this.#scheduled ??= setImmediate(() => this.#commitWaiting());
    return promise;
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#commitWaiting();
    if (this.#database.isOpen) this.#database.close();
  }

  #commitWaiting(): void {
    const writes = this.#waiting;
    this.#waiting = [];
    this.#scheduled = undefined;
    if (writes.length === 0) return;
    try {
      const results = this.read(() => this.#transaction(writes));
      writes.forEach(({ resolve }, i) => resolve(results[i]));
    } catch (error) {
      if (writes.length === 1) writes[0]?.reject(error);
      else for (const write of writes) this.#commitAlone(write);
    }
  }

  #commitAlone(write: Write): void {
    try {
      write.resolve(this.read(() => this.#transaction([write]))[0]);
    } catch (error) {
      write.reject(error);
    }
  }

  /** All of them or none. */
  #transaction(writes: readonly Write[]): unknown[] {
    const database = this.#database;
    const durability = writes.some((write) => write.durability === 'disk') ? 'disk' : 'process';
    if (durability !== this.#durability) {
      database.exec(SYNCHRONOUS[durability]);
      this.#durability = durability;
    }
    database.exec('BEGIN IMMEDIATE');
    try {
      const results = writes.map(({ work }) => work());
      database.exec('COMMIT');
      return results;
    } catch (error) {
      // SQLite itself undoes the transaction after some errors, a full disk among them.
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
}
