/** What the hourly round forgets of a store, and what it says of it. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { housekeep } from '../../src/housekeeping.ts';
import type { Retention } from '../../src/housekeeping.ts';
import type { CommitmentChange } from '../../src/store/commitment-records.ts';
import { openMemoryStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { RESULT, transactionOf } from '../support/commitment-records.ts';
import { keepingLogger } from '../support/requests.ts';
import { added, claimOf, reportOf, ROUTE, workitemOf } from '../support/workitem-records.ts';

const DAY_MS = 86_400_000;
const RETENTION = {
  final: undefined,
  open: 3 * DAY_MS,
  tombstones: 2 * DAY_MS,
  commitments: DAY_MS,
  finalWorkitems: DAY_MS,
  seenWorkitems: 2 * DAY_MS,
};

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

async function round(retention: Retention = RETENTION): Promise<{ phases: string[]; lines: object[] }> {
  const logger = keepingLogger();
  await housekeep(store, retention, new Map(), logger, nowMs);
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

/** One workitem of each kind, open and ended claims, a step and a report. */
async function fillWorkitems(): Promise<void> {
  await added(store, workitemOf('1.1', { state: 'COMPLETED' }));
  await added(store, workitemOf('1.2', { state: 'CANCELED' }));
  await added(store, workitemOf('1.3', { state: 'SCHEDULED' }));
  await added(store, workitemOf('1.4', { state: 'IN PROGRESS' }));
  const locked = { route: ROUTE, resource: '1.2', aeTitle: 'WATCHER', standing: 'on', deletionLock: true } as const;
  await store.subscriptions.put(locked);
  await store.subscriptions.enqueue(ROUTE, ['WATCHER'], '1.2', reportOf('late'), 10);
  await store.claims.add(claimOf('1.5', { isOpen: false }), 'process');
  await store.claims.add(claimOf('1.6', { isOpen: true }), 'process');
  await store.claims.see([{ upstream: 'ups', studyUid: '1.7', stepId: 'S1', workitemUid: '1.3' }]);
}

async function workitemsLeft(): Promise<string[]> {
  return (await store.workitems.list({ route: ROUTE })).map(({ uid }) => uid);
}

test('workitems and claims go by their state, locked ones with the last, reports with the final ones', async () => {
  await fillWorkitems();
  expect([(await round()).lines, await workitemsLeft()]).toEqual([[], ['1.1', '1.2', '1.3', '1.4']]);
  const agedOut = 'workitems and claims of workitems aged out';
  nowMs += DAY_MS + 1;
  expect((await round()).lines).toMatchObject([
    { level: 'info', message: agedOut, workitems: 1, claims: 1 },
    { level: 'warn', message: expect.stringContaining('reports'), reports: 1 },
  ]);
  expect(await workitemsLeft()).toEqual(['1.2', '1.3', '1.4']);
  nowMs += DAY_MS;
  expect((await round()).lines).toMatchObject([{ message: agedOut, workitems: 2, claims: 1 }]);
  expect(await workitemsLeft()).toEqual(['1.4']);
  nowMs += DAY_MS;
  expect((await round()).lines).toMatchObject([{ message: agedOut, workitems: 1, claims: 1 }]);
  expect((await round()).lines).toEqual([]);
});

test('more of them than a round takes go in one go', async () => {
  for (let i = 0; i < 1_050; i++) void store.workitems.add(workitemOf(`1.${i}`, { state: 'COMPLETED' }), 'process');
  await added(store, workitemOf('2.1'));
  nowMs += DAY_MS + 1;
  expect((await round()).lines).toMatchObject([{ workitems: 1_050 }]);
});

test('they stay for ever where the configuration says so', async () => {
  await fillWorkitems();
  nowMs += 50 * 365 * DAY_MS;
  const kept = { open: undefined, tombstones: undefined, finalWorkitems: undefined, seenWorkitems: undefined };
  expect((await round({ ...RETENTION, ...kept })).lines).toEqual([]);
  expect(await workitemsLeft()).toHaveLength(4);
  expect(await store.subscriptions.waiting(ROUTE, 'WATCHER', 10)).toHaveLength(1);
});
