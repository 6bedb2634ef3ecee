/** What a wrong clock, and one that is put right, do to what waits in the spool: a gateway may start before its time is set. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { systemClock } from '../../../src/gateway/clock.ts';
import { openMemoryStore, openStore } from '../../../src/store/sqlite.ts';
import { createMessage } from '../../support/mpps.ts';
import { messageOf } from '../../support/spool-bed.ts';

const FAR = { route: 'all', upstream: 'far' };
const YEAR_MS = 365 * 86_400_000;
const LEASE_MS = 90_000;
const MESSAGE = messageOf('create', createMessage());

let offMs: number;

beforeEach(() => {
  offMs = 0;
  const real = Date.now;
  jest.spyOn(Date, 'now').mockImplementation(() => real() + offMs);
});
afterEach(() => {
  jest.restoreAllMocks();
});

test('a clock that is put back does not make what waits wait until then', async () => {
  const store = await openMemoryStore();
  await store.mpps.accept(undefined, [MESSAGE]);
  offMs = -YEAR_MS;
  expect(await store.spool.nextDueMs(FAR)).toBe(0);
  expect(await store.spool.claim(FAR, 1, LEASE_MS)).toHaveLength(1);
  await store.close();
});

test('a clock that is put on does not end a lease: nobody else delivers the same meanwhile', async () => {
  const store = await openMemoryStore();
  await store.mpps.accept(undefined, [MESSAGE]);
  const [claim] = await store.spool.claim(FAR, 1, LEASE_MS);
  offMs = YEAR_MS;
  expect(await store.spool.claim(FAR, 1, LEASE_MS)).toEqual([]);
  expect(claim).toBeDefined();
  await store.close();
});

test('pauses between probes go by a clock that goes on steadily too', () => {
  const before = systemClock.now();
  offMs = -YEAR_MS;
  expect(systemClock.now()).toBeGreaterThanOrEqual(before);
});

test('what was accepted while the clock was ahead is due at the next start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dimseway-clock-'));
  const path = join(folder, 'store.db');
  const ahead = await openStore({ path, now: () => Date.now() + YEAR_MS });
  await ahead.mpps.accept(undefined, [MESSAGE]);
  await ahead.close();
  const store = await openStore({ path });
  expect(await store.spool.nextDueMs(FAR)).toBe(0);
  expect(await store.spool.claim(FAR, 1, LEASE_MS)).toMatchObject([{ message: { uid: MESSAGE.uid } }]);
  await store.close();
  rmSync(folder, { recursive: true });
});

test('a pause that was asked for outlives the start of a process', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dimseway-clock-'));
  const path = join(folder, 'store.db');
  const first = await openStore({ path });
  await first.mpps.accept(undefined, [MESSAGE]);
  const [claim] = await first.spool.claim(FAR, 1, LEASE_MS);
  if (claim === undefined) throw new Error('nothing was claimed');
  await first.spool.later(claim, 600_000, { code: 'OUT_OF_RESOURCES', problem: 'busy' }, false);
  await first.close();
  const store = await openStore({ path });
  expect(await store.spool.nextDueMs(FAR)).toBeGreaterThan(590_000);
  await store.close();
  rmSync(folder, { recursive: true });
});
