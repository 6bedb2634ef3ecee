/** A copy of a SQLite store, taken while the store is at work. */
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync, backup } from 'node:sqlite';
import { randomUUID } from 'node:crypto';
import { GatewayError } from '../errors.ts';
import { SUFFIXES, syncFolder } from './sqlite-file.ts';

/** Copied at a time, 400 KB: other statements wait so long and no longer. */
const PAGES_PER_STEP = 100;

/**
 * Copies to a new file: under another name first, so that there is a whole copy or none, for its owner only. What is
 * written meanwhile is in the copy too. The messages of its spool are in doubt, all of them: by the time the copy is put
 * to work they may have been delivered.
 * @param signal ends the copy; it must, before the store is closed, which SQLite would take for the end of a whole copy
 * @throws GatewayError STORE_BACKUP_FAILED
 */
export async function backupTo(source: DatabaseSync, path: string, signal: AbortSignal): Promise<void> {
  const target = resolve(path);
  const draft = `${target}.${randomUUID()}.partial`;
  try {
    refuseExisting(target);
    closeSync(openSync(draft, 'wx', 0o600));
    await backup(source, draft, { rate: PAGES_PER_STEP, progress: () => signal.throwIfAborted() });
    signal.throwIfAborted();
    finish(draft);
    refuseExisting(target);
    renameSync(draft, target);
    syncFolder(dirname(target));
  } catch (error) {
    for (const suffix of SUFFIXES) rmSync(`${draft}${suffix}`, { force: true });
    throw backupError(target, error);
  }
}

function finish(draft: string): void {
  const copy = new DatabaseSync(draft);
  try {
    if (copy.prepare('PRAGMA quick_check(1)').get()?.['quick_check'] !== 'ok') throw new Error('the copy is damaged');
    copy.exec(`PRAGMA synchronous = FULL;
      UPDATE meta SET value = (SELECT coalesce(max(id), 0) FROM spool_messages) WHERE name = 'in_doubt_through'`);
  } finally {
    copy.close(); // writes its log back
  }
  const file = openSync(draft, 'r+');
  fsyncSync(file);
  closeSync(file);
}

function refuseExisting(target: string): void {
  if (existsSync(target)) throw Object.assign(new Error(), { code: 'EEXIST' });
}

function backupError(target: string, cause: unknown): GatewayError {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : undefined;
  const why =
    code === 'EEXIST'
      ? 'there is a file of that name'
      : cause instanceof Error && cause.message !== ''
        ? cause.message
        : String(code);
  return new GatewayError('STORE_BACKUP_FAILED', `The store could not be copied to ${target}: ${why}`, {
    fix: 'Give a new file in a folder that is there, has room and may be written',
    cause,
  });
}
