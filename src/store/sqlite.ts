/**
 * The store in one SQLite file of Node's own `node:sqlite`: strict tables, a write-ahead log, one process at a time.
 * Statements run synchronously; the writes of one turn of the event loop share a transaction, so a `disk` write holds the loop for
 * one fsync that serves them all.
 */
import { randomUUID } from 'node:crypto';
import type { DatabaseSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import type { Commitments } from './commitment-records.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { migrate } from './migrate.ts';
import { MIGRATIONS } from './migrations/migrations.ts';
import type { Migration } from './migrations/migration.ts';
import type { RisEntries, RisExceptions, RisSteps } from './ris-records.ts';
import type { Spool } from './spool-records.ts';
import { backupTo } from './sqlite-backup.ts';
import { SqliteClaims } from './sqlite-claims.ts';
import { SqliteCommitments } from './sqlite-commitments.ts';
import { SqliteConnection } from './sqlite-connection.ts';
import { storeError, toStoreError } from './sqlite-errors.ts';
import { checkFile, createFile, lockFile, prepareFolder } from './sqlite-file.ts';
import { SqliteMppsRecords } from './sqlite-mpps.ts';
import { SqliteRisEntries } from './sqlite-ris-entries.ts';
import { SqliteRisExceptions } from './sqlite-ris-exceptions.ts';
import { SqliteRisSteps } from './sqlite-ris-steps.ts';
import { SqliteRoom } from './sqlite-room.ts';
import { SqliteSpool } from './sqlite-spool.ts';
import { SqliteSubscriptions } from './sqlite-subscriptions.ts';
import { SqliteWorkitems } from './sqlite-workitems.ts';
import { steadyNow } from './steady-time.ts';
import type { MppsRecords, Store } from './store.ts';
import type { Claims, Subscriptions, Workitems } from './workitem-records.ts';

export interface SqliteStoreOptions {
  /** The file; it and its folder are made where they are missing. On a local disk: locks over a network are not safe. */
  readonly path: string;
  /** The file may grow to so many bytes, then writes are STORE_FULL; default: as the disk allows. */
  readonly maximumBytes?: number;
  /** How long a write waits for an operator's `sqlite3` that writes; default 1,000. */
  readonly busyTimeoutMs?: number;
  /** Steps of the schema; for tests of migrations. */
  readonly migrations?: readonly Migration[];
  /** Wall clock of the store, ms since 1970; by default the spool's goes on steadily when it is put right. */
  readonly now?: () => number;
}

/**
 * Opens or makes a store; an older one is brought to this version, and lanes of the spool that an earlier process held are
 * free.
 * @throws GatewayError STORE_LOCKED, STORE_DAMAGED, STORE_FOREIGN, STORE_TOO_NEW: the file stays as it is;
 *   STORE_UNREADABLE, STORE_FULL, STORE_FAILED
 */
export async function openStore(options: SqliteStoreOptions): Promise<Store> {
  const { busyTimeoutMs = 1_000, maximumBytes, migrations = MIGRATIONS, now } = options;
  let path = options.path;
  let lock: DatabaseSync | undefined;
  let connection: SqliteConnection | undefined;
  try {
    path = prepareFolder(path);
    lock = lockFile(path);
    if (checkFile(path, migrations) === 'absent') createFile(path, migrations);
    connection = new SqliteConnection(path, {
      busyTimeoutMs,
      ...(maximumBytes === undefined ? {} : { maximumBytes }),
    });
    migrate(connection.database, migrations);
    return storeOver(connection, lock, path, now);
  } catch (error) {
    connection?.close();
    lock?.close();
    throw toStoreError(error, path);
  }
}

/** A store of this process alone that ends with it: nothing is on the disk. */
export async function openMemoryStore({ now }: Pick<SqliteStoreOptions, 'now'> = {}): Promise<Store> {
  const connection = new SqliteConnection(MEMORY, { busyTimeoutMs: 0 });
  migrate(connection.database, MIGRATIONS);
  return storeOver(connection, undefined, MEMORY, now);
}

const MEMORY = ':memory:';

function storeOver(
  connection: SqliteConnection,
  lock: DatabaseSync | undefined,
  path: string,
  now: (() => number) | undefined,
): Store {
  try {
    return new SqliteStore(connection, lock, path, now);
  } catch (error) {
    if (!doesNotFit(error)) throw error;
    throw storeError('STORE_DAMAGED', path, 'its tables are not those of its version', error);
  }
}

/** SQLITE_ERROR is what a statement meets whose tables are others; a full disk, say, is what it is. */
function doesNotFit(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'errcode' in error && error.errcode === 1;
}

class SqliteStore implements Store {
  readonly instanceId: string;
  readonly mpps: MppsRecords;
  readonly spool: Spool;
  readonly commitments: Commitments;
  readonly workitems: Workitems;
  readonly subscriptions: Subscriptions;
  readonly claims: Claims;
  readonly worklist: RisEntries;
  readonly steps: RisSteps;
  readonly exceptions: RisExceptions;
  readonly #path: string;
  readonly #connection: SqliteConnection;
  readonly #lock: DatabaseSync | undefined;
  readonly #queue = new KeyedQueue();
  #isClosing = false;
  readonly #backups = new Set<Promise<void>>();

  constructor(
    connection: SqliteConnection,
    lock: DatabaseSync | undefined,
    path: string,
    given: (() => number) | undefined,
  ) {
    const now = given ?? Date.now;
    const spoolNow = given ?? steadyNow;
    this.#path = path;
    this.#connection = connection;
    this.#lock = lock;
    const damaged = (detail: string, cause: unknown): GatewayError => storeError('STORE_DAMAGED', path, detail, cause);
    const room = path === MEMORY ? undefined : new SqliteRoom(connection, path);
    this.mpps = new SqliteMppsRecords(connection, damaged, spoolNow, room);
    this.spool = new SqliteSpool(connection, spoolNow);
    this.commitments = new SqliteCommitments(connection, damaged, spoolNow, room);
    this.workitems = new SqliteWorkitems(connection, damaged, spoolNow);
    this.subscriptions = new SqliteSubscriptions(connection, spoolNow, room);
    this.claims = new SqliteClaims(connection, damaged, spoolNow, room);
    this.worklist = new SqliteRisEntries(connection, damaged, now);
    this.steps = new SqliteRisSteps(connection, damaged, now);
    this.exceptions = new SqliteRisExceptions(connection, damaged, now);
    this.instanceId = instanceIdOf(connection);
  }

  async exclusively<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    this.#checkOpen();
    return this.#queue.run(key, work);
  }

  /** No other process has the file. */
  async leads(): Promise<boolean> {
    this.#checkOpen();
    return true;
  }

  async backup(path: string): Promise<void> {
    this.#checkOpen();
    const running = backupTo(this.#path, path);
    this.#backups.add(running);
    try {
      await running;
    } finally {
      this.#backups.delete(running);
    }
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#backups); // the lock of the file goes with its last reader
    this.#connection.close(); // writes the log back into the file
    if (this.#lock?.isOpen === true) this.#lock.close();
  }

  #checkOpen(): void {
    if (this.#isClosing) throw storeError('STORE_FAILED', this.#path, 'it is closed');
  }
}

/** Made at the first opening, for good: a copy of the file is the same instance. */
function instanceIdOf({ database }: SqliteConnection): string {
  const find = database.prepare(`SELECT value FROM meta WHERE name = 'instance_id'`);
  if (find.get() === undefined) {
    database.prepare(`INSERT INTO meta VALUES ('instance_id', ?)`).run(randomUUID());
  }
  return find.get()?.['value'] as string;
}
