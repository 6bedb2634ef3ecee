import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Spool } from '../../../src/audit/spool.ts';

const ROOM = { maximumBytes: 1_000_000 };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'audit-spool-'));
});
afterEach(() => rm(folder, { recursive: true }));

function numbered(from: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => Buffer.from(`message ${from + index}`));
}

async function everything(spool: Spool): Promise<string[]> {
  const found: string[] = [];
  for (;;) {
    const messages = await spool.read();
    if (messages.length === 0) return found;
    found.push(...messages.map(String));
  }
}

describe('the audit spool', () => {
  test('gives messages back in the order they came, once each, over many files', async () => {
    const spool = await Spool.open(folder, { maximumBytes: 1_000_000, fileBytes: 50 });
    for (let from = 0; from < 100; from += 10) await spool.append(numbered(from, 10));
    expect((await readdir(folder)).length).toBeGreaterThan(5);
    expect(await everything(spool)).toEqual(numbered(0, 100).map(String));
    await spool.close();
  });

  test('reads again what has not arrived, and removes files of which everything has', async () => {
    const spool = await Spool.open(folder, { maximumBytes: 1_000_000, fileBytes: 50 });
    await spool.append(numbered(0, 10));
    await spool.append(numbered(10, 10));
    await spool.read();
    await spool.confirm(spool.position);
    await spool.read();
    spool.rewind();
    expect(await everything(spool)).toEqual(numbered(10, 10).map(String));
    await spool.confirm(spool.position);
    expect(await readdir(folder)).toEqual([]);
    expect(spool.bytes).toBe(0);
    await spool.append(numbered(20, 1));
    expect(await everything(spool)).toEqual(['message 20']);
    await spool.close();
  });

  test('keeps the oldest when it is full, says how many it took, and has room again when some have arrived', async () => {
    const spool = await Spool.open(folder, { maximumBytes: 95 });
    expect(await spool.append(numbered(0, 20))).toBe(9); // 'message 0' and its line break are 10 bytes
    expect(await spool.append(numbered(20, 1))).toBe(0);
    expect(await everything(spool)).toEqual(numbered(0, 9).map(String));
    await spool.confirm(spool.position);
    expect(await spool.append(numbered(30, 1))).toBe(1);
    await spool.close();
  });

  test('leaves to the next process exactly what has not arrived', async () => {
    const first = await Spool.open(folder, ROOM);
    await first.append(numbered(0, 3));
    await first.read();
    const arrived = first.position;
    await first.append(numbered(3, 2));
    await first.confirm(arrived);
    await first.close();
    const second = await Spool.open(folder, ROOM);
    expect(await everything(second)).toEqual(['message 3', 'message 4']);
    await second.close();
  });

  test('a process that dies loses nothing; half a message at the end is cut off', async () => {
    const dead = await Spool.open(folder, ROOM);
    await dead.append(numbered(0, 3));
    const [name = ''] = await readdir(folder);
    await appendFile(join(folder, name), 'messa');
    const spool = await Spool.open(folder, ROOM);
    await spool.append(numbered(3, 1));
    expect(await everything(spool)).toEqual(numbered(0, 4).map(String));
    await dead.close();
    await spool.close();
  });

  test('a message longer than what is read at once comes whole', async () => {
    const spool = await Spool.open(folder, ROOM);
    const long = Buffer.alloc(300_000, 'x');
    await spool.append([Buffer.from('a'), long, Buffer.from('b')]);
    expect((await everything(spool)).map(({ length }) => length)).toEqual([1, 300_000, 1]);
    await spool.close();
  });

  test('a file that somebody removed does not stop what follows', async () => {
    const spool = await Spool.open(folder, { maximumBytes: 1_000_000, fileBytes: 10 });
    await spool.append(numbered(0, 2));
    await spool.append(numbered(2, 2));
    await rm(join(folder, (await readdir(folder)).toSorted()[0] ?? ''));
    expect(await everything(spool)).toEqual(['message 2', 'message 3']);
    await spool.close();
  });

  test('only the owner can read it', async () => {
    const spool = await Spool.open(join(folder, 'own'), ROOM);
    await spool.append(numbered(0, 1));
    const [name = ''] = await readdir(join(folder, 'own'));
    expect((await stat(join(folder, 'own'))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, 'own', name))).mode & 0o777).toBe(0o600);
    await spool.close();
  });

  test('a folder that cannot be made is told at the start: AUDIT_UNWRITABLE', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(Spool.open(join(folder, 'file', 'spool'), ROOM)).rejects.toMatchObject({ code: 'AUDIT_UNWRITABLE' });
  });
});
