/** The audit trail as a file, where a disk or a process fails halfway. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AuditFile } from '../../../src/audit/audit-file.ts';
import { systemClock } from '../../../src/gateway/clock.ts';

let folder: string;
let path: string;
let file: AuditFile;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  path = join(folder, 'audit.log');
});
afterEach(async () => {
  jest.restoreAllMocks();
  await file.close();
  await rm(folder, { recursive: true });
});

const append = (...messages: string[]): Promise<number> => file.append(messages.map((message) => Buffer.from(message)));
const openFile = async (maximumBytes = 1_000): Promise<AuditFile> =>
  (file = await AuditFile.open(path, maximumBytes, systemClock));

describe('a message of which a part was written spoils no other', () => {
  test('where a process died meanwhile', async () => {
    await writeFile(path, 'first\nsec');
    await openFile();
    await append('third');
    expect(await readFile(path, 'utf8')).toBe('first\nsec\nthird\n');
  });

  test('where the disk failed, and takes back what it has', async () => {
    await openFile();
    await append('first');
    await failAfter(3);
    await expect(append('second')).rejects.toThrow('ENOSPC');
    jest.restoreAllMocks();
    await append('second');
    expect(await readFile(path, 'utf8')).toBe('first\nsecond\n');
  });

  test('where the disk failed, and does not take it back either', async () => {
    await openFile();
    await append('first');
    const handle = await failAfter(3);
    jest.spyOn(handle, 'truncate').mockRejectedValue(new Error('EIO'));
    await expect(append('second')).rejects.toThrow('ENOSPC');
    jest.restoreAllMocks();
    await append('second');
    expect(await readFile(path, 'utf8')).toBe('first\nsec\nsecond\n');
  });
});

test('a file that is whole, or empty, goes on as it is', async () => {
  await openFile();
  await append('first');
  await file.close();
  await openFile();
  await append('second', 'third');
  expect(await readFile(path, 'utf8')).toBe('first\nsecond\nthird\n');
});

/** The disk takes so many bytes, then none. @returns what every handle of a file is made by */
async function failAfter(bytes: number): Promise<FileHandle> {
  const probe = await open(path, 'a');
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  let taken = 0;
  const writer = handles as unknown as {
    write: (this: FileHandle, from: Buffer, at: number, length?: number) => unknown;
  };
  const { write } = writer;
  jest.spyOn(writer, 'write').mockImplementation(function (this: FileHandle, from, at) {
    if (taken > 0) return Promise.reject(new Error('ENOSPC'));
    taken = bytes;
    return write.call(this, from, at, bytes);
  });
  return handles;
}
