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

export class SqliteConnection {
  readonly #path: string;
  readonly #database: DatabaseSync;
  #durability: Durability = 'disk';

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
   * One transaction: committed when this returns, undone when it throws.
   * @throws GatewayError STORE_*
   */
  write<T>(durability: Durability, work: () => T): T {
    return this.read(() => {
      const database = this.#database;
      if (durability !== this.#durability) {
        database.exec(SYNCHRONOUS[durability]);
        this.#durability = durability;
      }
      database.exec('BEGIN IMMEDIATE');
      try {
        const result = work();
        database.exec('COMMIT');
        return result;
      } catch (error) {
        // SQLite itself undoes the transaction after some errors, a full disk among them.
        if (database.isTransaction) database.exec('ROLLBACK');
        throw error;
      }
    });
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
