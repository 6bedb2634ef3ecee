/** What the hourly round forgets of a store, and what it says of it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { housekeep } from '../../src/housekeeping.ts';
import type { CommitmentChange } from '../../src/store/commitment-records.ts';
import { openMemoryStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { RESULT, transactionOf } from '../support/commitment-records.ts';
import { keepingLogger } from '../support/requests.ts';

const DAY_MS = 86_400_000;
const RETENTION = { final: undefined, open: undefined, tombstones: 2 * DAY_MS, commitments: DAY_MS };

let store: Store;
let nowMs: number;
beforeEach(async () => {
  nowMs = 1_800_000_000_000;
  store = await openMemoryStore({ now: () => nowMs });
});
afterEach(() => store.close());

async function add(uid: string, change: CommitmentChange): Promise<void> {
  const { record } = await store.commitments.add(transactionOf(uid), 0);
  await store.commitments.change(record, change, 'process');
}

async function round(): Promise<{ phases: string[]; lines: object[] }> {
  const logger = keepingLogger();
  await housekeep(store, RETENTION, new Map(), logger, nowMs);
  const left = await store.commitments.list({});
  return { phases: left.map(({ phase }) => phase), lines: logger.lines };
}

test('a commitment leaves its result first, then all of itself; one whose SCU was never told is an error in the log', async () => {
  await add('1.1', { phase: 'done', result: RESULT });
  await add('1.2', { phase: 'reporting', result: RESULT });
  expect(await round()).toEqual({ phases: ['done', 'reporting'], lines: [] });
  nowMs += DAY_MS + 1;
  expect(await round()).toMatchObject({
    phases: ['forgotten', 'forgotten'],
    lines: [
      {
        level: 'error',
        message: 'a result of storage commitment was never reported, and is given up',
        ...{ listener: 'ward', requestor: 'CT1', transactionUid: '1.2', route: 'ct' },
      },
      { level: 'info', message: 'storage commitments aged out', forgotten: 2, removed: 0 },
    ],
  });
  nowMs += 2 * DAY_MS;
  expect(await round()).toMatchObject({ phases: [], lines: [{ forgotten: 0, removed: 2 }] });
});
