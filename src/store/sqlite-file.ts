/**
 * The file of a SQLite store: made, recognised and locked. A file that is damaged, not ours or newer is refused before
 * anything opens it for writing.
 */
import { chmodSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, readSync } from 'node:fs';
import { realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
import { migrate, newestVersion, versionOf } from './migrate.ts';
import type { Migration } from './migrations/migration.ts';
import { storeError } from './sqlite-errors.ts';

/** `DIMS`: marks a file as ours, at offset 68 of it (sqlite.org/fileformat.html 1.3). */
const APPLICATION_ID = 0x44494d53;
const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
/** Of the files SQLite keeps beside each other. */
export const SUFFIXES = ['', '-wal', '-shm', '-journal'];

/** The true path of the file, so that two names of one folder lead to one lock; the folder is made. */
export function prepareFolder(path: string): string {
  const absolute = resolve(path);
  mkdirSync(dirname(absolute), { recursive: true, mode: 0o700 });
  return existsSync(absolute) ? realpathSync(absolute) : absolute;
}

/**
 * Takes the store for this process; closing the result gives it back. The lock is an exclusive transaction on an empty
 * data base beside the store, in the end a POSIX lock: the kernel drops it with the process, however that ends, so none
 * goes stale. The store itself stays readable for `sqlite3` and for a backup, unlike with `locking_mode = EXCLUSIVE`.
 * The lock file is never removed: a lock on a removed file would not be seen by the next process.
 */
export function lockFile(path: string): DatabaseSync {
  const file = `${path}.lock`;
  const lock = new DatabaseSync(file, { timeout: 0 });
  try {
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    chmodSync(file, 0o600);
  } catch (error) {
    lock.close();
    throw error;
  }
  return lock;
}

/**
 * Whether there is a store; reads only.
 * @throws GatewayError STORE_UNREADABLE, STORE_DAMAGED, STORE_FOREIGN, STORE_TOO_NEW
 */
export function checkFile(path: string, migrations: readonly Migration[]): 'absent' | 'ours' {
  if (!existsSync(path)) {
    // A new file would take in the log of the lost one.
    if (sizeOf(`${path}-wal`) > 0)
      throw storeError('STORE_DAMAGED', path, 'its log is there but the file itself is not');
    return 'absent';
  }
  if (!statSync(path).isFile()) throw storeError('STORE_UNREADABLE', path, 'it is not a file');
  checkHeader(readHeader(path), path, migrations);
  const check = openForChecking(path);
  try {
    const problem: unknown = check.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (problem !== 'ok') throw storeError('STORE_DAMAGED', path, 'the integrity check found a problem');
    checkVersion(versionOf(check), path, migrations);
  } finally {
    check.close();
  }
  return 'ours';
}

/** Makes a new store under another name and moves it into place: there is a whole one or none, never a part. */
export function createFile(path: string, migrations: readonly Migration[]): void {
  const draft = `${path}.new`;
  for (const suffix of SUFFIXES) rmSync(`${draft}${suffix}`, { force: true });
  closeSync(openSync(draft, 'wx', 0o600)); // SQLite gives the mode of the file to its log
  const database = new DatabaseSync(draft);
  try {
    database.exec(`PRAGMA synchronous = FULL; PRAGMA application_id = ${APPLICATION_ID}`);
    migrate(database, migrations);
    database.exec('PRAGMA journal_mode = WAL');
  } finally {
    database.close();
  }
  renameSync(draft, path);
  syncFolder(dirname(path));
}

/** A file that was renamed has its new name after a loss of power too. */
export function syncFolder(path: string): void {
  const folder = openSync(path, 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/**
 * Without a log, `immutable` reads the file and makes none of its side files; with one, the log has to be read too, and
 * a read-only connection never writes it back.
 */
function openForChecking(path: string): DatabaseSync {
  if (sizeOf(`${path}-wal`) > 0) return new DatabaseSync(path, { readOnly: true });
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true });
}

function readHeader(path: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const file = openSync(path, 'r+'); // for writing too: SQLite would open a read-only file without a word
  try {
    const length = readSync(file, header, 0, HEADER_BYTES, 0);
    return header.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function checkHeader(header: Buffer, path: string, migrations: readonly Migration[]): void {
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw storeError('STORE_DAMAGED', path, header.length === 0 ? 'it is empty' : 'it does not begin as a data base');
  }
  if (header.readUInt32BE(68) !== APPLICATION_ID) throw storeError('STORE_FOREIGN', path);
  checkVersion(header.readUInt32BE(60), path, migrations);
}

function checkVersion(version: number, path: string, migrations: readonly Migration[]): void {
  const newest = newestVersion(migrations);
  if (version > newest) throw storeError('STORE_TOO_NEW', path, `version ${version}, this dimseway knows ${newest}`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
