/** What a store promises to survive, with real processes. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { openStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { keyOf, numberedRecord } from '../support/mpps-records.ts';

const WRITER = fileURLToPath(new URL('../support/store-writer.ts', import.meta.url));
const NODE = process.execPath;
const OPTIONS = ['--disable-warning=ExperimentalWarning'];

let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  path = join(folder, 'dimseway.db');
});
afterEach(() => rm(folder, { recursive: true }));

interface Writer {
  /** Resolves when so many lines were written, or it ended. */
  wrote(count: number): Promise<void>;
  /** kill -9, then every line that was written before. */
  kill(): Promise<string[]>;
}

function startWriter(path: string, first: number): Writer {
  const child = spawn(NODE, [...OPTIONS, WRITER, path, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  const reader = createInterface({ input: child.stdout });
  reader.on('line', (line) => lines.push(line));
  let running = true;
  const ended = Promise.all([once(child, 'close'), once(reader, 'close')]).then(() => (running = false));
  return {
    async wrote(count) {
      while (lines.length < count && running) await Promise.race([once(reader, 'line'), ended]);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
      return lines;
    },
  };
}

/** The last acknowledged state of each record. A line that was cut by the kill is no acknowledgement. */
function acknowledgedIn(lines: readonly string[]): Map<number, string> {
  const pairs = lines.map((line) => /^(\d+) (IN PROGRESS|COMPLETED)$/.exec(line)).filter((match) => match !== null);
  return new Map(pairs.map(([, number, state]) => [Number(number), state as string]));
}

async function expectWhole(store: Store, acknowledged: ReadonlyMap<number, string>): Promise<void> {
  for (const [number, state] of acknowledged) {
    const found = await store.mpps.get(keyOf(`1.2.3.${number}`));
    // The write under way may have come through as well.
    expect(state === 'COMPLETED' ? ['COMPLETED'] : ['IN PROGRESS', 'COMPLETED']).toContain(found?.state);
    expect(found).toEqual({ ...numberedRecord(number), state: found?.state });
  }
}

describe('kill -9', () => {
  test('at random moments of writing: every acknowledged record is there, whole, in its last state', async () => {
    const kills = 12;
    const all = new Map<number, string>();
    const fewMs = (): Promise<void> => delay(Math.random() * 4);
    for (let round = 0; round < kills; round++) {
      // A store that was not closed is opened again by the next writer, with the log as the kill left it.
      const writer = startWriter(path, round * 1_000);
      await writer.wrote(2 + Math.random() * 12);
      await fewMs();
      const acknowledged = acknowledgedIn(await writer.kill());
      expect(acknowledged.size).toBeGreaterThan(0);
      for (const [number, state] of acknowledged) all.set(number, state);
      if (round % 2 === 0) continue;
      const store = await openStore({ path });
      await expectWhole(store, acknowledged);
      await store.close();
    }
    const store = await openStore({ path });
    await expectWhole(store, all);
    await store.close();
  }, 30_000);

  test('at random moments of making and opening a store: the next process opens it', async () => {
    for (let round = 0; round < 8; round++) {
      const writer = startWriter(join(folder, `${round}`, 'dimseway.db'), 0);
      await delay(Math.random() * 120);
      const acknowledged = acknowledgedIn(await writer.kill());
      const store = await openStore({ path: join(folder, `${round}`, 'dimseway.db') });
      await expectWhole(store, acknowledged);
      await store.close();
    }
  }, 30_000);
});

describe('one process at a time', () => {
  test('a second process is STORE_LOCKED; after kill -9 of the first there is no lock left', async () => {
    const first = startWriter(path, 0);
    await first.wrote(1);
    await expect(openStore({ path })).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_LOCKED' });
    await first.kill();
    const store = await openStore({ path });
    const second = startWriter(path, 1_000);
    await second.wrote(1);
    expect(await second.kill()).toEqual(['STORE_LOCKED']);
    await store.close();
  });
});
