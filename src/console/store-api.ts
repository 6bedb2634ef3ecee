/** The store over HTTP: `POST /api/store/backup`, for `dimseway store backup`. */
import { stat } from 'node:fs/promises';
import { isAbsolute } from 'node:path';
import express from 'express';
import type { Request, Response, Router } from 'express';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import type { Store } from '../store/store.ts';
import { allowOnly } from './answers.ts';
import { whoOf } from './identity.ts';
import { jsonOf, readBody } from './json-body.ts';
import { openStoreOf } from './open-store.ts';
import { Refusal } from './refusal.ts';

export interface StoreApiOptions {
  /** Undefined: the configuration needs no store. */
  readonly store: () => Store | undefined;
  readonly log: Logger;
}

/** Answer of `POST /api/store/backup`. */
export interface BackupDone {
  readonly status: 'done';
  readonly file: string;
  readonly bytes: number;
}

export function storeApi({ store, log }: StoreApiOptions): Router {
  const router = express.Router();
  router.post('/api/store/backup', readBody, async (request: Request, response: Response) => {
    const file = fileOf(jsonOf(request));
    await backUp(openStoreOf(store()), file);
    const { size: bytes } = await stat(file);
    log.info('store backed up', { ...whoOf(request), file, bytes });
    response.json({ status: 'done', file, bytes } satisfies BackupDone);
  });
  router.all('/api/store/backup', allowOnly('POST'));
  return router;
}

/** @throws Refusal STORE_BACKUP_FAILED */
async function backUp(store: Store, file: string): Promise<void> {
  try {
    await store.backup(file);
  } catch (error) {
    if (!(error instanceof GatewayError && error.code === 'STORE_BACKUP_FAILED')) throw error;
    throw new Refusal(409, error.code, error.message, error.fix ?? 'Give another file.');
  }
}

/** Body `{"file"}`, a path on the machine of the gateway. @throws Refusal FILE_INVALID */
function fileOf(body: unknown): string {
  const file = typeof body === 'object' && body !== null && 'file' in body ? body.file : undefined;
  if (typeof file === 'string' && isAbsolute(file) && !file.includes('\0')) return file;
  const fix = 'Send {"file": "/var/backups/dimseway.db"}: a new file on the machine of the gateway.';
  throw new Refusal(422, 'FILE_INVALID', 'The member file is not an absolute path', fix);
}
