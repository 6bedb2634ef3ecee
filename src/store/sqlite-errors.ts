/** What SQLite says, as errors of the gateway. Of SQLite only the meaning of its code is passed on. */
import { GatewayError } from '../errors.ts';
import type { ErrorCode } from '../errors.ts';

type StoreErrorCode = Extract<
  ErrorCode,
  `STORE_${'UNREADABLE' | 'LOCKED' | 'DAMAGED' | 'FULL' | 'TOO_NEW' | 'FOREIGN' | 'FAILED'}`
>;

/** Result codes (sqlite.org/rescode.html): the extended one where it says more, else the primary one. */
const CODES: ReadonlyMap<number, StoreErrorCode> = new Map([
  [3, 'STORE_UNREADABLE'], // PERM
  [5, 'STORE_LOCKED'], // BUSY
  [6, 'STORE_LOCKED'], // LOCKED
  [8, 'STORE_UNREADABLE'], // READONLY
  [11, 'STORE_DAMAGED'], // CORRUPT
  [13, 'STORE_FULL'],
  [14, 'STORE_UNREADABLE'], // CANTOPEN
  [26, 'STORE_DAMAGED'], // NOTADB
  [4874, 'STORE_FULL'], // IOERR_SHMSIZE: a disk without room for the index of the log, at the opening
]);

const TEXTS: Readonly<Record<StoreErrorCode, readonly [what: string, fix: string]>> = {
  STORE_UNREADABLE: ['cannot be opened for reading and writing', 'Check the path, its owner and its permissions'],
  STORE_LOCKED: ['is in use by another process', 'End the other gateway, or give this one a store of its own'],
  STORE_DAMAGED: ['is damaged', 'It was left as it is. Move it away with its -wal file and put a backup in its place'],
  STORE_FULL: ['has no room left', 'Free space on its disk, or shorten the retention'],
  STORE_TOO_NEW: ['was written by a newer dimseway', 'Run that version, or put a backup of this version in its place'],
  STORE_FOREIGN: ['is a data base of another program', 'Give the gateway a path of its own'],
  STORE_FAILED: ['failed', 'See the disk and the log of the system; the message was not accepted'],
};

export function storeError(code: StoreErrorCode, path: string, detail?: string, cause?: unknown): GatewayError {
  const [what, fix] = TEXTS[code];
  return new GatewayError(code, `The store ${path} ${what}${detail === undefined ? '' : `: ${detail}`}`, {
    fix,
    cause,
  });
}

/** Errors of SQLite and of the file system by code; anything else is a fault of ours and stays what it is. */
export function toStoreError(error: unknown, path: string): unknown {
  if (typeof error !== 'object' || error === null || !('code' in error)) return error;
  if (error.code === 'ERR_SQLITE_ERROR' && 'errcode' in error && 'errstr' in error) {
    const errcode = Number(error.errcode);
    const code = CODES.get(errcode) ?? CODES.get(errcode & 0xff) ?? 'STORE_FAILED';
    return storeError(code, path, String(error.errstr), error);
  }
  if ('syscall' in error) {
    const full = error.code === 'ENOSPC' || error.code === 'EDQUOT';
    return storeError(full ? 'STORE_FULL' : 'STORE_UNREADABLE', path, String(error.code), error);
  }
  return error;
}
