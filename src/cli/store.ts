/** `dimseway store …`: the store as a file. */
import { resolve } from 'node:path';
import type { BackupDone } from '../console/store-api.ts';
import { withConsole } from './with-console.ts';

export interface BackupOptions {
  readonly config: string;
  /** A new file; counted from here when relative, also where the gateway writes it. */
  readonly file: string;
}

/** @returns the exit status */
export function backup({ config, file }: BackupOptions): Promise<number> {
  return withConsole(config, async (client) => {
    const done = JSON.parse(await client.text('/api/store/backup', { file: resolve(file) })) as BackupDone;
    process.stdout.write(`${done.file} written, ${done.bytes} bytes\n`);
  });
}
