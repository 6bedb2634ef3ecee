/** A copy of a SQLite store, taken while the store is at work. */
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, backup } from 'node:sqlite';
import { GatewayError } from '../errors.ts';
import { SUFFIXES, syncFolder } from './sqlite-file.ts';

/** In one step, so from one snapshot: a copy in several begins anew whenever something is written between two of them. */
const ALL_PAGES = 2 ** 31 - 1;

/**
 * Copies to a new file: under another name first, so that there is a whole copy or none, for its owner only. It is read by
 * a connection and a thread of its own, which hold up nobody. The messages of its spool are in doubt, all of them, and every
 * storage commitment that is still to be asked for: by the time the copy is put to work they may have been sent.
 * @throws GatewayError STORE_BACKUP_FAILED
 */
export async function backupTo(path: string, to: string): Promise<void> {
  const target = resolve(to);
  const draft = `${target}.${randomUUID()}.partial`;
  try {
    refuseExisting(target);
    closeSync(openSync(draft, 'wx', 0o600));
    await copyTo(path, draft);
    markInDoubt(draft);
    refuseExisting(target);
    renameSync(draft, target);
    syncFolder(dirname(target));
  } catch (error) {
    for (const suffix of SUFFIXES) rmSync(`${draft}${suffix}`, { force: true });
    throw backupError(target, error);
  }
}

async function copyTo(path: string, draft: string): Promise<void> {
  const source = new DatabaseSync(path, { readOnly: true });
  try {
    await backup(source, draft, { rate: ALL_PAGES });
  } finally {
    source.close();
  }
  // Not left to SQLite, which would hold up the whole process for it.
  const file = await open(draft, 'r+');
  await file.sync().finally(() => file.close());
}

function markInDoubt(draft: string): void {
  const copy = new DatabaseSync(draft);
  try {
    copy.exec(`PRAGMA synchronous = FULL;
      UPDATE meta SET value = (SELECT coalesce(max(id), 0) FROM spool_messages) WHERE name = 'in_doubt_through';
      UPDATE commitments SET in_doubt = 1 WHERE phase = 'asking'`);
  } finally {
    copy.close(); // writes its log back
  }
}

function refuseExisting(target: string): void {
  if (existsSync(target)) throw new Error('there is a file of that name');
}

function backupError(target: string, cause: unknown): GatewayError {
  const why = typeof cause === 'object' && cause !== null && 'message' in cause ? String(cause.message) : 'unknown';
  return new GatewayError('STORE_BACKUP_FAILED', `The store could not be copied to ${target}: ${why}`, {
    fix: 'Give a new file in a folder that is there, has room and may be written',
    cause,
  });
}
