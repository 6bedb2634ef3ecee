/** The times of storage commitments to the millisecond, where a test can set the clock of the store. */
import { expect, test } from '@jest/globals';
import type { CommitmentRecord } from '../../../src/store/commitment-records.ts';
import { PACS, RESULT, transactionOf } from '../../support/commitment-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed } from './bed.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export function describeCommitmentTimes(makeBed: MakeStoreBed): void {
  let nowMs = 0;
  const bed = openedBed(
    async () => {
      nowMs = 1_800_000_000_000;
      return makeBed();
    },
    { now: () => nowMs },
  );
  const claim = (): Promise<CommitmentRecord[]> => bed.store.commitments.claim([PACS], 10, 1_000);

  test('a lease ends, and what is due is due, after its time and not a millisecond before', async () => {
    const { commitments } = bed.store;
    await commitments.add(transactionOf('1.1'), 1_000);
    for (let round = 0; round < 2; round++) {
      nowMs += 999;
      expect(await claim()).toEqual([]);
      expect(await commitments.nextDueMs()).toBe(1);
      nowMs += 1;
      expect(await commitments.nextDueMs()).toBe(0);
      expect(await claim()).toHaveLength(1);
    }
    const held = await commitments.find(transactionOf('1.1'));
    await commitments.change(held as CommitmentRecord, { dueInMs: 5_000 }, 'process');
    expect(await commitments.nextDueMs()).toBe(5_000);
    nowMs += 4_999;
    expect(await claim()).toEqual([]);
    nowMs += 1;
    expect(await claim()).toHaveLength(1);
  });

  test('fractions of a millisecond are rounded up', async () => {
    const { commitments } = bed.store;
    const { record } = await commitments.add(transactionOf('1.1', { patienceMs: 10.2 }), 0.5);
    expect(record.remainingMs).toBe(11);
    expect(await commitments.nextDueMs()).toBe(1);
    await commitments.change(record, { dueInMs: 7.1, leaseMs: 8.2 }, 'process');
    expect(await commitments.nextDueMs()).toBe(9);
  });

  test('creation, failure, result and deadline have their times; patience runs out', async () => {
    const { commitments } = bed.store;
    const { record } = await commitments.add(transactionOf('1.1', { patienceMs: DAY }), 0);
    expect(record).toMatchObject({ createdAt: nowMs, remainingMs: DAY });
    nowMs += 1_000;
    const failed = await commitments.change(
      record,
      { failure: { code: 'UPSTREAM_TIMEOUT', problem: 'late' } },
      'process',
    );
    expect(failed).toMatchObject({ lastFailure: { at: nowMs }, remainingMs: DAY - 1_000 });
    nowMs += DAY;
    const settled = await commitments.change(failed as CommitmentRecord, { result: RESULT }, 'process');
    expect(settled).toMatchObject({
      createdAt: nowMs - DAY - 1_000,
      lastFailure: { at: nowMs - DAY },
      settledAt: nowMs,
      remainingMs: -1_000,
    });
    expect(await commitments.counts()).toMatchObject([{ oldestMs: DAY + 1_000 }]);
  });

  test('a clock that was an hour ahead when the process ended puts nothing off by it, and shortens nobody’s patience', async () => {
    nowMs += HOUR;
    await bed.store.commitments.add(transactionOf('1.1', { patienceMs: DAY }), 5_000);
    const { record } = await bed.store.commitments.add(transactionOf('1.2', { patienceMs: DAY }), 0);
    await bed.store.commitments.change(record, { dueInMs: 10_000 }, 'process');
    nowMs -= HOUR;
    await bed.reopen();
    expect((await claim()).map(({ transactionUid }) => transactionUid).sort()).toEqual(['1.1', '1.2']);
    for (const each of await bed.store.commitments.list({})) {
      expect(each).toMatchObject({ createdAt: nowMs, remainingMs: DAY });
    }
  });

  test('a pause that was made while the clock was ahead, of a transaction from before, ends with the restart', async () => {
    const { record } = await bed.store.commitments.add(transactionOf('1.1', { patienceMs: DAY }), 0);
    nowMs += 30 * DAY;
    await bed.store.commitments.change(record, { phase: 'reporting', dueInMs: 10_000 }, 'process');
    nowMs -= 30 * DAY;
    await bed.reopen();
    expect(await claim()).toHaveLength(1);
  });

  test('a clock that is set back gives no negative age', async () => {
    await bed.store.commitments.add(transactionOf('1.1'), 0);
    nowMs -= HOUR;
    expect(await bed.store.commitments.counts()).toMatchObject([{ oldestMs: 0 }]);
  });
}
