/** How often the store makes the disk wait, counted by the kernel. */
import { expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const WRITER = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));
const MESSAGES = 300;

test('a message of one `process` and one `disk` write costs at most two syncs', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  try {
    const log = join(folder, 'strace');
    const writer = [process.execPath, '--disable-warning=ExperimentalWarning', WRITER, join(folder, 's.db'), '0'];
    await promisify(execFile)('strace', [
      ...['-f', '-e', 'trace=fsync,fdatasync', '-o', log],
      ...writer,
      String(MESSAGES),
    ]);
    const syncs = (await readFile(log, 'utf8')).split('\n').filter((line) => /\bf(data)?sync\(/.test(line)).length;
    expect(syncs).toBeGreaterThanOrEqual(MESSAGES);
    expect(syncs).toBeLessThanOrEqual(MESSAGES * 2);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 30_000);
