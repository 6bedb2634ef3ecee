/**
 * The store in one SQLite file of Node's own `node:sqlite`: strict tables, a write-ahead log, one process at a time.
 * Statements run synchronously; the writes of one turn of the event loop share a transaction, so a `disk` write holds the loop for
 * one fsync that serves them all.
 */
import type { DatabaseSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/migrations.ts';
import type { Migration } from './migrations/migration.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { storeError, toStoreError } from './sqlite-errors.ts';
import { checkFile, createFile, lockFile, prepareFolder } from './sqlite-file.ts';
import { SqliteMppsRecords } from './sqlite-mpps.ts';
import { SqliteRisSteps } from './sqlite-ris-steps.ts';
import type { MppsRecords, RisSteps, Store } from './store.ts';

export interface SqliteStoreOptions {
  /** The file; it and its folder are made where they are missing. On a local disk: locks over a network are not safe. */
  readonly path: string;
  /** The file may grow to so many bytes, then writes are STORE_FULL; default: as the disk allows. */
  readonly maximumBytes?: number;
  /** How long a write waits for an operator's `sqlite3` that writes; default 1,000. */
  readonly busyTimeoutMs?: number;
  /** Steps of the schema; for tests of migrations. */
  readonly migrations?: readonly Migration[];
}

/**
 * Opens or makes a store; an older one is brought to this version.
 * @throws GatewayError STORE_LOCKED, STORE_DAMAGED, STORE_FOREIGN, STORE_TOO_NEW: the file stays as it is;
 *   STORE_UNREADABLE, STORE_FULL, STORE_FAILED
 */
export async function openStore(options: SqliteStoreOptions): Promise<Store> {
  const migrations = options.migrations ?? MIGRATIONS;
  let path = options.path;
  let lock: DatabaseSync | undefined;
  let connection: SqliteConnection | undefined;
  try {
    path = prepareFolder(path);
    lock = lockFile(path);
    if (checkFile(path, migrations) === 'absent') createFile(path, migrations);
    const { busyTimeoutMs = 1_000, maximumBytes } = options;
    connection = new SqliteConnection(path, {
      busyTimeoutMs,
      ...(maximumBytes === undefined ? {} : { maximumBytes }),
    });
    migrate(connection.database, migrations);
    return storeOver(connection, lock, path);
  } catch (error) {
    connection?.close();
    lock?.close();
    throw toStoreError(error, path);
  }
}

function storeOver(connection: SqliteConnection, lock: DatabaseSync, path: string): Store {
  try {
    return new SqliteStore(connection, lock, path);
  } catch (error) {
    throw storeError('STORE_DAMAGED', path, 'its tables are not those of its version', error); // statements do not fit
  }
}

class SqliteStore implements Store {
  readonly mpps: MppsRecords;
  readonly steps: RisSteps;
  readonly #connection: SqliteConnection;
  readonly #lock: DatabaseSync;

  constructor(connection: SqliteConnection, lock: DatabaseSync, path: string) {
    this.#connection = connection;
    this.#lock = lock;
    const damaged = (detail: string, cause: unknown): GatewayError => storeError('STORE_DAMAGED', path, detail, cause);
    this.mpps = new SqliteMppsRecords(connection, damaged);
    this.steps = new SqliteRisSteps(connection, damaged);
  }

  async close(): Promise<void> {
    this.#connection.close(); // writes the log back into the file
    if (this.#lock.isOpen) this.#lock.close();
  }
}
