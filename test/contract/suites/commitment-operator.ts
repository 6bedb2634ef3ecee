/** What an operator sees of storage commitments, and what housekeeping leaves of them. */
import { describe, expect, test } from '@jest/globals';
import { createDataSet } from '../../../src/dataset/model.ts';
import type { CommitmentChange, CommitmentRecord, NewCommitment } from '../../../src/store/commitment-records.ts';
import { RESULT, transactionOf } from '../../support/commitment-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed } from './bed.ts';

const MINUTE = 60_000;
/** So long ago for results, and for tombstones, that nothing is. */
const NEVER = Number.MAX_SAFE_INTEGER / 2;

export function describeCommitmentOperator(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);
  const add = async (
    uid: string,
    change?: CommitmentChange,
    more: Partial<NewCommitment> = {},
  ): Promise<CommitmentRecord> => {
    const { record } = await bed.store.commitments.add(transactionOf(uid, more), 0);
    const changed = change && (await bed.store.commitments.change(record, change, 'process'));
    return changed ?? record;
  };

  describe('list', () => {
    test('gives them in the order of their ids, tombstones too, a page at a time', async () => {
      const ids: number[] = [];
      for (let i = 0; i < 105; i++) ids.push((await add(`1.${i}`)).id);
      await bed.store.commitments.change(
        (await bed.store.commitments.list({}))[0] as CommitmentRecord,
        { phase: 'done' },
        'process',
      );
      await bed.store.commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER });
      const pages = [
        await bed.store.commitments.list({}),
        await bed.store.commitments.list({ after: ids[99] as number }),
        await bed.store.commitments.list({ after: ids[1] as number, limit: 2 }),
        await bed.store.commitments.list({ after: ids[104] as number }),
      ];
      expect(pages.map((page) => page.map(({ id }) => id))).toEqual([
        ids.slice(0, 100),
        ids.slice(100),
        ids.slice(2, 4),
        [],
      ]);
      expect(pages[0]?.[0]?.phase).toBe('forgotten');
    });

    test('gives those of a phase, of a route, of a Transaction UID, and of all three', async () => {
      await add('1.1');
      await add('1.2', { phase: 'reporting', result: RESULT });
      await add('1.3', { phase: 'done' });
      await bed.store.commitments.expire({ resultsMs: NEVER, tombstonesMs: NEVER });
      await add(
        '1.2',
        { phase: 'reporting', result: RESULT },
        { route: 'mr', requestor: 'MR1', upstreamUid: '2.25.1' },
      );
      const found = async (filter: Parameters<typeof bed.store.commitments.list>[0]): Promise<string[]> =>
        (await bed.store.commitments.list(filter)).map(
          ({ requestor, transactionUid }) => `${requestor} ${transactionUid}`,
        );
      expect(await found({ phase: 'asking' })).toEqual(['CT1 1.1']);
      expect(await found({ phase: 'reporting' })).toEqual(['CT1 1.2', 'MR1 1.2']);
      expect(await found({ phase: 'forgotten' })).toEqual([]);
      expect(await found({ route: 'ct' })).toEqual(['CT1 1.1', 'CT1 1.2', 'CT1 1.3']);
      expect(await found({ transactionUid: '1.2' })).toEqual(['CT1 1.2', 'MR1 1.2']);
      expect(await found({ phase: 'reporting', route: 'mr', transactionUid: '1.2' })).toEqual(['MR1 1.2']);
      await bed.store.commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER });
      expect(await found({ phase: 'forgotten', route: 'ct' })).toEqual(['CT1 1.2', 'CT1 1.3']);
    });
  });

  test('counts are by route, upstream and phase, with the age of the oldest; tombstones are not counted', async () => {
    expect(await bed.store.commitments.counts()).toEqual([]);
    await add('1.1');
    await add('1.2');
    await add('1.3', { phase: 'waiting' });
    await add('1.4', {}, { upstream: 'vna' });
    await add('1.5', {}, { route: 'mr' });
    await add('1.6', { phase: 'done' });
    await bed.alter(`UPDATE commitments SET created_at = created_at - 3600000 WHERE transaction_uid = '1.1'`);
    const counts = await bed.store.commitments.counts();
    const rows = counts.map(({ route, upstream, phase, count, oldestMs }) => {
      expect(oldestMs).toBeGreaterThanOrEqual(0);
      return `${route} ${upstream} ${phase} ${count} ${Math.floor(oldestMs / MINUTE)}`;
    });
    expect(rows.sort()).toEqual([
      'ct pacs asking 2 60',
      'ct pacs done 1 0',
      'ct pacs waiting 1 0',
      'ct vna asking 1 0',
      'mr pacs asking 1 0',
    ]);
    await bed.store.commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER });
    expect((await bed.store.commitments.counts()).map(({ phase }) => phase)).not.toContain('done');
    expect(await bed.store.commitments.counts()).toHaveLength(4);
  });

  describe('housekeeping', () => {
    const age = (uid: string, column: 'created_at' | 'settled_at', ms: number): Promise<void> =>
      bed.alter(`UPDATE commitments SET ${column} = ${column} - ${ms} WHERE transaction_uid = '${uid}'`);

    test('leaves of an old result only the UIDs and times, and tells of those whose SCU was never told', async () => {
      const done = await add('1.1', {
        phase: 'done',
        result: RESULT,
        failure: { code: 'UPSTREAM_TIMEOUT', problem: 'late' },
      });
      await add('1.2', { phase: 'reporting', result: RESULT, dueInMs: 0 });
      await add('1.3', { phase: 'reporting', result: RESULT, dueInMs: 0 });
      await add('1.4', { phase: 'waiting', dueInMs: 0 });
      for (const uid of ['1.1', '1.2']) await age(uid, 'settled_at', 10 * MINUTE);
      await age('1.4', 'created_at', 10 * MINUTE);
      const { commitments } = bed.store;
      expect(await commitments.expire({ resultsMs: 11 * MINUTE, tombstonesMs: NEVER })).toEqual({
        forgotten: 0, removed: 0, unreported: [],
      }); // prettier-ignore
      expect(await commitments.expire({ resultsMs: 9 * MINUTE, tombstonesMs: NEVER })).toEqual({
        forgotten: 2,
        removed: 0,
        unreported: [{ listener: 'ward', requestor: 'CT1', transactionUid: '1.2', route: 'ct' }],
      });
      const tombstone = await commitments.find(done);
      const { result, lastFailure, ...rest } = done;
      expect([result, lastFailure]).not.toContain(undefined);
      expect(tombstone).toEqual({
        ...rest,
        phase: 'forgotten',
        module: createDataSet(),
        revision: expect.any(Number),
        settledAt: (done.settledAt ?? 0) - 10 * MINUTE,
        remainingMs: expect.any(Number),
      });
      expect(await commitments.findAtUpstream('pacs', '1.2')).toMatchObject({ phase: 'forgotten' });
      expect((await commitments.list({})).map(({ phase }) => phase)).toEqual([
        'forgotten', 'forgotten', 'reporting', 'waiting',
      ]); // prettier-ignore
    });

    test('erases the texts of what it forgets', async () => {
      const { id } = await add('1.1', { phase: 'reporting', result: RESULT });
      await bed.store.commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER });
      await bed.alter(`UPDATE commitments SET phase = 'done'`); // as which its texts would be read
      const found = await bed.store.commitments.get(id);
      expect(found).toMatchObject({ module: {}, unreadable: ['module'] });
      expect(found?.result).toBeUndefined();
    });

    test('never makes a tombstone due, nor changes one: neither by its old revision nor by its new one', async () => {
      const before = await add('1.1', { phase: 'reporting', result: RESULT, dueInMs: 0 });
      const { commitments } = bed.store;
      await commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER });
      expect(await commitments.nextDueMs()).toBeUndefined();
      const tombstone = (await commitments.get(before.id)) as CommitmentRecord;
      for (const record of [before, tombstone]) {
        expect(await commitments.change(record, { phase: 'done', result: RESULT, dueInMs: 0 }, 'disk')).toBeUndefined();
      }
      expect(await commitments.get(before.id)).toEqual({ ...tombstone, remainingMs: expect.any(Number) });
    });

    test('forgets what was given up without a result by the time it was asked for', async () => {
      await add('1.1', { phase: 'done', dueInMs: null });
      await add('1.2', { phase: 'done', dueInMs: null });
      await age('1.1', 'created_at', 10 * MINUTE);
      const expiry = await bed.store.commitments.expire({ resultsMs: 9 * MINUTE, tombstonesMs: NEVER });
      expect(expiry).toEqual({ forgotten: 1, removed: 0, unreported: [] });
      expect(await bed.store.commitments.find(transactionOf('1.1'))).toMatchObject({ phase: 'forgotten' });
    });

    test('leaves what somebody holds for the next round', async () => {
      const held = await add('1.1', { phase: 'reporting', result: RESULT, leaseMs: MINUTE });
      const { commitments } = bed.store;
      expect((await commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER })).forgotten).toBe(0);
      await commitments.change(held, { phase: 'done' }, 'disk');
      expect(await commitments.expire({ resultsMs: -MINUTE, tombstonesMs: NEVER })).toMatchObject({
        forgotten: 1,
        unreported: [],
      });
    });

    test('removes tombstones by the time they were asked for, in a round of their own, and their UIDs are free', async () => {
      const old = await add('1.1', { phase: 'done', result: RESULT });
      await add('1.2', { phase: 'done', result: RESULT });
      await age('1.1', 'created_at', 10 * MINUTE);
      const { commitments } = bed.store;
      const retention = { resultsMs: -MINUTE, tombstonesMs: 9 * MINUTE };
      expect(await commitments.expire(retention)).toMatchObject({ forgotten: 2, removed: 0 });
      expect(await commitments.expire(retention)).toMatchObject({ forgotten: 0, removed: 1 });
      expect(await commitments.get(old.id)).toBeUndefined();
      expect(await commitments.add(transactionOf('1.1'), 0)).toMatchObject({ isNew: true });
      expect(await commitments.add(transactionOf('1.2'), 0)).toMatchObject({ isNew: false });
    });

    test('keeps what has no result, however old', async () => {
      for (const phase of ['asking', 'waiting'] as const) {
        const { transactionUid } = await add(phase === 'asking' ? '1.1' : '1.2', { phase });
        await age(transactionUid, 'created_at', 10 * MINUTE);
      }
      const retention = { resultsMs: -MINUTE, tombstonesMs: -MINUTE };
      expect(await bed.store.commitments.expire(retention)).toEqual({ forgotten: 0, removed: 0, unreported: [] });
    });

    test('takes at most the limit of each kind in a round', async () => {
      for (let i = 0; i < 5; i++) await add(`1.${i}`, { phase: 'reporting', result: RESULT });
      const { commitments } = bed.store;
      const rounds = [];
      for (let i = 0; i < 4; i++) {
        const { forgotten, removed, unreported } = await commitments.expire({
          resultsMs: -MINUTE, tombstonesMs: -MINUTE, limit: 2,
        }); // prettier-ignore
        rounds.push([forgotten, removed, unreported.length]);
      }
      expect(rounds).toEqual([
        [2, 0, 2],
        [2, 2, 2],
        [1, 2, 1],
        [0, 1, 0],
      ]);
      expect(await commitments.list({})).toEqual([]);
    });
  });
}
