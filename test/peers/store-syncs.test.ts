/** How often the store makes the disk wait, counted by the kernel. */
import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MESSAGES = 300;

/** Of a program of test/support that writes to a new store, which it is given first. */
async function syncsOf(program: string, ...args: readonly (string | number)[]): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  try {
    const log = join(folder, 'strace');
    const writer = fileURLToPath(new URL(`../support/${program}`, import.meta.url));
    await promisify(execFile)('strace', [
      ...['-f', '-e', 'trace=fsync,fdatasync', '-o', log],
      ...[process.execPath, '--disable-warning=ExperimentalWarning', writer, join(folder, 's.db')],
      ...args.map(String),
    ]);
    return (await readFile(log, 'utf8')).split('\n').filter((line) => /\bf(data)?sync\(/.test(line)).length;
  } finally {
    await rm(folder, { recursive: true });
  }
}

test('a message of one `process` and one `disk` write costs at most two syncs', async () => {
  const syncs = await syncsOf('store-writer.ts', 0, MESSAGES);
  expect(syncs).toBeGreaterThanOrEqual(MESSAGES);
  expect(syncs).toBeLessThanOrEqual(MESSAGES * 2);
}, 30_000);

test('a storage commitment that is added is on the disk, and its changes as `process` cost nothing more', async () => {
  const syncs = await syncsOf('commitment-writer.ts', 100, 5);
  expect(syncs).toBeGreaterThanOrEqual(100);
  expect(syncs).toBeLessThanOrEqual(150);
}, 30_000);
