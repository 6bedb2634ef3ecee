/** How storage commitments are taken and given up: what is due, oldest first, by leases. */
import { describe, expect, test } from '@jest/globals';
import type { CommitmentRecord } from '../../../src/store/commitment-records.ts';
import { addDue, PACS, RESULT, transactionOf, VNA } from '../../support/commitment-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

const MINUTE = 60_000;

export function describeCommitmentClaims(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  const bed = openedBed(makeBed);
  const claim = (limit: number, leaseMs = MINUTE, destinations = [PACS]): Promise<CommitmentRecord[]> =>
    bed.store.commitments.claim(destinations, limit, leaseMs);
  const uidsOf = (records: readonly CommitmentRecord[]): string[] =>
    records.map(({ transactionUid }) => transactionUid);

  describe('claims', () => {
    test('take what has been due for longest first, and no more than asked for', async () => {
      const [b, c, a] = await addDue(bed.store, ['1.2', '1.3', '1.1']);
      const first = await claim(2);
      expect(uidsOf(first)).toEqual(['1.2', '1.3']);
      for (const [i, before] of [b, c].entries()) {
        const expected = { ...before, revision: expect.any(Number), remainingMs: expect.any(Number), isHeld: true };
        expect(first[i]).toEqual(expected);
        expect(first[i]?.revision).toBeGreaterThan(before?.revision ?? Infinity);
        expect(await bed.store.commitments.get(before?.id ?? 0)).toEqual(
          first[i] && { ...expected, revision: first[i].revision },
        );
      }
      expect(uidsOf(await claim(2))).toEqual([a?.transactionUid]);
      expect(await claim(2)).toEqual([]);
    });

    test('take nothing that is held, that is due later, or that nothing is to be done about by itself', async () => {
      const { commitments } = bed.store;
      await commitments.add(transactionOf('1.1'), MINUTE);
      const [later, never] = await addDue(bed.store, ['1.2', '1.3']);
      await commitments.change(later as CommitmentRecord, { dueInMs: MINUTE }, 'process');
      const none = await commitments.change(never as CommitmentRecord, { dueInMs: null }, 'process');
      expect(await claim(10)).toEqual([]);
      expect(await commitments.nextDueMs()).toBeGreaterThan(MINUTE / 2);
      await commitments.change(none as CommitmentRecord, { dueInMs: 0 }, 'process');
      expect(uidsOf(await claim(10))).toEqual(['1.3']);
    });

    test('take only of the routes and upstreams that are given, by pairs', async () => {
      await addDue(bed.store, ['1.1', '1.4']);
      await addDue(bed.store, ['1.2'], VNA);
      await addDue(bed.store, ['1.3'], { route: 'mr', upstream: 'pacs' });
      await addDue(bed.store, ['1.5'], { route: 'mr', upstream: 'vna' });
      expect(await claim(10, MINUTE, [])).toEqual([]);
      expect(await claim(10, MINUTE, [{ route: 'us', upstream: 'pacs' }])).toEqual([]);
      expect(await bed.store.commitments.nextDueMs([])).toBeUndefined();
      expect(await bed.store.commitments.nextDueMs([VNA])).toBe(0);
      const both = await claim(10, MINUTE, [PACS, { route: 'mr', upstream: 'vna' }]);
      expect(uidsOf(both).sort()).toEqual(['1.1', '1.4', '1.5']);
      expect(uidsOf(await claim(10, MINUTE, [VNA]))).toEqual(['1.2']);
      expect(uidsOf(await claim(10, MINUTE, [VNA, { route: 'mr', upstream: 'pacs' }]))).toEqual(['1.3']);
    });

    test('at the same time take each transaction once', async () => {
      const uids = Array.from({ length: 30 }, (_, i) => `1.${i}`);
      await addDue(bed.store, uids);
      const claims = await Promise.all(Array.from({ length: 8 }, () => claim(5)));
      for (const each of claims) expect(each.length).toBeLessThanOrEqual(5);
      const taken = uidsOf([...claims.flat(), ...(await claim(100))]);
      expect(taken.sort()).toEqual(uids.sort());
    });

    test('void the revision of before: what comes in meanwhile has to look again, and its change makes the claim void', async () => {
      const [before] = await addDue(bed.store, ['1.1']);
      const [taken] = await claim(1);
      const { commitments } = bed.store;
      expect(await commitments.change(before as CommitmentRecord, { result: RESULT }, 'disk')).toBeUndefined();
      const found = await commitments.findAtUpstream('pacs', '1.1');
      expect(found?.isHeld).toBe(true);
      const settled = await commitments.change(
        found as CommitmentRecord,
        { phase: 'reporting', result: RESULT },
        'disk',
      );
      expect(settled).toMatchObject({ isHeld: false, result: RESULT });
      expect(await commitments.change(taken as CommitmentRecord, { phase: 'waiting' }, 'disk')).toBeUndefined();
      expect(await commitments.get(before?.id ?? 0)).toEqual({ ...settled, remainingMs: expect.any(Number) });
    });
  });

  describe('leases', () => {
    test('a change gives a lease up unless it takes one', async () => {
      const { commitments } = bed.store;
      const { record } = await commitments.add(transactionOf('1.1'), MINUTE);
      const held = await commitments.change(record, { inDoubt: true, leaseMs: MINUTE, dueInMs: 0 }, 'disk');
      expect(held?.isHeld).toBe(true);
      expect(await claim(1)).toEqual([]);
      const free = await commitments.change(held as CommitmentRecord, { attempts: 1 }, 'disk');
      expect(free?.isHeld).toBe(false);
      expect(await claim(1)).toMatchObject([{ attempts: 1, isHeld: true }]);
    });

    test('what is held is due again at the end of the lease, to the next who asks; its holder of before changes nothing', async () => {
      await addDue(bed.store, ['1.1']);
      const [late] = await claim(1, 0);
      expect(late?.isHeld).toBe(false);
      expect(await bed.store.commitments.nextDueMs()).toBe(0);
      const [next] = await claim(1);
      expect(next).toMatchObject({ id: late?.id, isHeld: true });
      expect(await bed.store.commitments.change(late as CommitmentRecord, { phase: 'done' }, 'disk')).toBeUndefined();
      expect(await bed.store.commitments.remove(late as CommitmentRecord, 'disk')).toBe(false);
      const done = await bed.store.commitments.change(
        next as CommitmentRecord,
        { phase: 'done', dueInMs: null },
        'disk',
      );
      expect(done?.phase).toBe('done');
      expect(await bed.store.commitments.nextDueMs()).toBeUndefined();
    });

    test('one that is new is due when its lease ends', async () => {
      const { commitments } = bed.store;
      expect(await commitments.nextDueMs()).toBeUndefined();
      await commitments.add(transactionOf('1.1'), MINUTE);
      expect(await commitments.nextDueMs()).toBeGreaterThan(MINUTE / 2);
      expect(await commitments.nextDueMs()).toBeLessThanOrEqual(MINUTE);
      await commitments.add(transactionOf('1.2'), 0);
      expect(await commitments.nextDueMs([PACS])).toBe(0);
      expect(uidsOf(await claim(10))).toEqual(['1.2']);
      expect(await commitments.nextDueMs([PACS])).toBeGreaterThan(MINUTE / 2);
    });

    if (abilities.sharing) {
      test('a restart leaves them as they are: another process may be the one that holds', async () => {
        await addDue(bed.store, ['1.1']);
        const [taken] = await claim(1);
        await bed.reopen();
        expect(await claim(1)).toEqual([]);
        const changed = await bed.store.commitments.change(taken as CommitmentRecord, { phase: 'waiting' }, 'disk');
        expect(changed).toMatchObject({ phase: 'waiting' });
      });
    } else {
      test('a restart ends them all, since no other process can hold: what was to be done then is due at once', async () => {
        const { commitments } = bed.store;
        await commitments.add(transactionOf('1.1'), MINUTE);
        const [, later, never] = await addDue(bed.store, ['1.2', '1.3', '1.4']);
        await claim(1);
        await commitments.change(later as CommitmentRecord, { leaseMs: 1_000, dueInMs: MINUTE }, 'process');
        await commitments.change(never as CommitmentRecord, { leaseMs: MINUTE, dueInMs: null }, 'process');
        expect(await claim(10)).toEqual([]);
        await bed.reopen();
        expect(uidsOf(await claim(10))).toEqual(['1.2', '1.1']);
        expect((await bed.store.commitments.list({})).filter(({ isHeld }) => isHeld)).toHaveLength(2);
      });
    }
  });

  describe('a record that is damaged', () => {
    const MODULE = abilities.sharing
      ? `UPDATE commitments SET module = '{' WHERE transaction_uid = '1.1'`
      : `UPDATE commitment_modules SET module = '{' WHERE id = 1`;
    const RESULTS = (result: string): string =>
      abilities.sharing
        ? `UPDATE commitments SET result = '${result}' WHERE transaction_uid = '1.1'`
        : `UPDATE commitment_results SET result = '${result}' WHERE id = 1`;
    const NO_REASON = JSON.stringify({ committed: [], failed: RESULT.committed });

    test.each([
      ['module', MODULE],
      ['requester', `UPDATE commitments SET requester = 'null' WHERE transaction_uid = '1.1'`],
      ['hops', `UPDATE commitments SET hops = '{}' WHERE transaction_uid = '1.1'`],
      ['result', RESULTS('{"committed": [')],
      ['result', RESULTS('{"committed": [{"sopClassUid": "1.2"}], "failed": []}')],
      ['result', RESULTS('{"committed": []}')],
      ['result', RESULTS(NO_REASON)],
    ])(
      'in its %s is passed by, once, and the others are taken; it is shown, never believed',
      async (member, damage) => {
        const [first] = await addDue(bed.store, ['1.1', '1.2']);
        await bed.store.commitments.change(first as CommitmentRecord, { result: RESULT }, 'process');
        await bed.alter(damage);
        await bed.reopen();
        const { commitments } = bed.store;
        const damaged = { name: 'GatewayError', code: 'STORE_DAMAGED' };
        await expect(commitments.find(transactionOf('1.1'))).rejects.toMatchObject(damaged);
        await expect(commitments.findAtUpstream('pacs', '1.1')).rejects.toMatchObject(damaged);
        await expect(commitments.add(transactionOf('1.1'), 0)).rejects.toMatchObject(damaged);

        expect(uidsOf(await claim(10))).toEqual(['1.2']);
        expect(await claim(10)).toEqual([]);
        expect(await commitments.nextDueMs()).toBeGreaterThan(0);
        const shown = await commitments.get(first?.id ?? 0);
        expect(shown).toMatchObject({
          unreadable: [member],
          lastFailure: { code: 'STORE_DAMAGED', problem: `${member} cannot be read from the store` },
        });
        expect(shown?.result).toEqual(member === 'result' ? undefined : RESULT);
        expect((await commitments.list({})).map(({ unreadable }) => unreadable)).toEqual([[member], undefined]);
        const discarded = await commitments.change(shown as CommitmentRecord, { phase: 'done', dueInMs: null }, 'disk');
        expect(discarded).toMatchObject({ phase: 'done', unreadable: [member] });
      },
    );

    test('does not keep the one behind it from being taken by a claim of one', async () => {
      await addDue(bed.store, ['1.1', '1.2']);
      await bed.alter(MODULE);
      expect(await claim(1)).toEqual([]);
      expect(await bed.store.commitments.nextDueMs()).toBe(0);
      expect(uidsOf(await claim(1))).toEqual(['1.2']);
    });
  });
}
