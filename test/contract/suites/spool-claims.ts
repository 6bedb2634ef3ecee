/** How messages of the spool are taken and given up: one at a time per lane, in order, by leases. */
import { describe, expect, test } from '@jest/globals';
import { keyOf } from '../../support/mpps-records.ts';
import { ARCHIVE, claimFirst, drained, FAILURE, messageOf, RIS } from '../../support/spool-messages.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

const MINUTE = 60_000;

export function describeClaims(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  const bed = openedBed(makeBed);
  const accept = (...messages: readonly (readonly [uid: string, digest: string])[]): Promise<number[]> =>
    bed.store.mpps.accept(
      undefined,
      messages.map(([uid, digest]) => messageOf(uid, digest)),
    );

  describe('claims', () => {
    test('take the first message of each lane, its attempt begun and in doubt, and no more lanes than asked for', async () => {
      const ids = await accept(['1.1', 'a'], ['1.1', 'b'], ['1.2', 'c'], ['1.3', 'd']);
      await bed.store.mpps.accept(undefined, [messageOf('1.1', 'elsewhere', ARCHIVE)]);
      const claims = await bed.store.spool.claim(RIS, 2, MINUTE);
      expect(claims).toHaveLength(2);
      const rest = await bed.store.spool.claim(RIS, 10, MINUTE);
      const all = [...claims, ...rest].sort((a, b) => a.message.id - b.message.id);
      expect(all.map(({ message }) => message.id)).toEqual([ids[0], ids[2], ids[3]]);
      for (const { message, wasInDoubt } of all) {
        expect({ wasInDoubt, ...message }).toMatchObject({ wasInDoubt: false, inDoubt: true, attempts: 1 });
        expect(await bed.store.spool.get(message.id)).toEqual(message);
      }
      expect(new Set(all.map(({ token }) => token)).size).toBe(3);
      expect(await bed.store.spool.claim(RIS, 10, MINUTE)).toEqual([]);
      expect(await bed.store.spool.nextDueMs(RIS)).toBeUndefined();
      expect(await bed.store.spool.nextDueMs(ARCHIVE)).toBe(0);
    });

    test('at the same time take each lane once', async () => {
      const uids = Array.from({ length: 30 }, (_, i) => `1.${i}`);
      await bed.store.mpps.accept(
        undefined,
        uids.map((uid) => messageOf(uid)),
      );
      const claims = await Promise.all(Array.from({ length: 8 }, () => bed.store.spool.claim(RIS, 5, MINUTE)));
      for (const each of claims) expect(each.length).toBeLessThanOrEqual(5);
      const rest = await bed.store.spool.claim(RIS, 100, MINUTE); // what one passed by while another held it
      const taken = [...claims.flat(), ...rest].map(({ message }) => message.uid);
      expect(taken.sort()).toEqual(uids.sort());
    });

    test('done removes the message and takes the next of its lane; after the last the lane is free', async () => {
      const [first, second] = await accept(['1.1', 'a'], ['1.1', 'b']);
      const claim = await claimFirst(bed.store);
      const next = await bed.store.spool.done(claim, MINUTE);
      expect(next).toMatchObject({
        wasInDoubt: false,
        message: { id: second, attempts: 1, inDoubt: true, digest: 'b' },
      });
      expect(await bed.store.spool.get(first as number)).toBeUndefined();
      expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
      expect(await bed.store.spool.done(next as typeof claim, MINUTE)).toBeUndefined();
      expect(await bed.store.spool.depths()).toEqual([]);
      await accept(['1.1', 'c']);
      expect((await claimFirst(bed.store)).message.digest).toBe('c');
    });

    test('what is accepted while the last message is being done is delivered, whichever comes first', async () => {
      for (let round = 0; round < 20; round++) {
        await accept(['1.1', 'last']);
        const claim = await claimFirst(bed.store);
        const [next] = await Promise.all([bed.store.spool.done(claim, MINUTE), accept(['1.1', 'new'])]);
        const taken = next ?? (await claimFirst(bed.store));
        expect(taken.message.digest).toBe('new');
        expect(await bed.store.spool.done(taken, MINUTE)).toBeUndefined();
      }
    });

    test('later: the lane waits, with what failed and the doubt as told; other lanes go on', async () => {
      await accept(['1.1', 'a'], ['1.1', 'b']);
      const claim = await claimFirst(bed.store);
      await bed.store.spool.later(claim, MINUTE, FAILURE, true);
      await accept(['1.2', 'c']);
      expect((await claimFirst(bed.store)).message.uid).toBe('1.2');
      expect(await bed.store.spool.claim(RIS, 10, MINUTE)).toEqual([]);
      const dueMs = (await bed.store.spool.nextDueMs(RIS)) ?? 0;
      expect(dueMs).toBeGreaterThan(MINUTE / 2);
      expect(dueMs).toBeLessThanOrEqual(MINUTE);
      const { lastFailure, ...waiting } = (await bed.store.spool.get(claim.message.id)) ?? {};
      expect(waiting).toEqual({ ...claim.message, state: 'queued', attempts: 1, inDoubt: true });
      expect(lastFailure).toEqual({ ...FAILURE, at: expect.any(Number) });

      expect(await bed.store.spool.wake(RIS)).toBe(1);
      expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
      const again = await claimFirst(bed.store);
      expect(again).toMatchObject({ wasInDoubt: true, message: { attempts: 2, digest: 'a', lastFailure: FAILURE } });
      await bed.store.spool.later(again, 0, { code: 'UPSTREAM_UNREACHABLE', problem: 'refused' }, false);
      const third = await claimFirst(bed.store);
      expect(third).toMatchObject({ wasInDoubt: false, message: { attempts: 3 } });
      expect(third.message.lastFailure).toMatchObject({ code: 'UPSTREAM_UNREACHABLE', problem: 'refused' });
    });

    test('dead: the lane waits for a person, whatever wakes its destination, and only that lane', async () => {
      await accept(['1.1', 'a'], ['1.1', 'b']);
      const claim = await claimFirst(bed.store);
      await bed.store.spool.dead(claim, FAILURE);
      await accept(['1.1', 'c'], ['1.2', 'd']);
      expect(await bed.store.spool.wake(RIS)).toBe(0);
      expect(await bed.store.spool.nextDueMs(RIS)).toBe(0); // of 1.2
      expect(await drained(bed.store)).toEqual({ '1.2': ['d'] });
      expect(await bed.store.spool.nextDueMs(RIS)).toBeUndefined();
      await bed.reopen();
      expect(await bed.store.spool.claim(RIS, 10, MINUTE)).toEqual([]);
      expect(await bed.store.spool.get(claim.message.id)).toEqual({
        ...claim.message,
        state: 'dead',
        inDoubt: false,
        lastFailure: { ...FAILURE, at: expect.any(Number) },
      });
      expect(await bed.store.spool.countOf(keyOf('1.1'))).toBe(3);
    });

    test.each([
      [false, undefined, false],
      [true, undefined, true],
      [true, false, false],
      [false, true, true],
    ])('dead: in doubt before %s, told %s, then in doubt %s', async (before, told, after) => {
      await accept(['1.1', 'a']);
      await bed.store.spool.later(await claimFirst(bed.store), 0, FAILURE, before);
      const claim = await claimFirst(bed.store);
      expect(claim.wasInDoubt).toBe(before);
      await bed.store.spool.dead(claim, FAILURE, told);
      expect(await bed.store.spool.get(claim.message.id)).toMatchObject({ state: 'dead', inDoubt: after, attempts: 2 });
    });

    test.each([false, true])('giveBack: as if it had not been taken (in doubt before: %s)', async (before) => {
      await accept(['1.1', 'a'], ['1.1', 'b']);
      await bed.store.spool.later(await claimFirst(bed.store), 0, FAILURE, before);
      const untouched = await bed.store.spool.list({});
      await bed.store.spool.giveBack(await claimFirst(bed.store));
      expect(await bed.store.spool.list({})).toEqual(untouched);
      expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
      expect(await drained(bed.store)).toEqual({ '1.1': ['a', 'b'] });
    });
  });

  describe('leases', () => {
    test('a lane whose lease has ended is taken by the next who asks, in doubt; the claim before is void', async () => {
      await accept(['1.1', 'a'], ['1.1', 'b']);
      const late = await claimFirst(bed.store, 0);
      expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
      const claim = await claimFirst(bed.store);
      expect(claim).toMatchObject({ wasInDoubt: true, message: { id: late.message.id, attempts: 2 } });
      expect(claim.token).not.toBe(late.token);

      const before = await bed.store.spool.list({});
      expect(await bed.store.spool.done(late, MINUTE)).toBeUndefined();
      await bed.store.spool.later(late, 0, FAILURE, false);
      await bed.store.spool.dead(late, FAILURE);
      await bed.store.spool.giveBack(late);
      expect(await bed.store.spool.renew([late, claim], MINUTE)).toEqual(new Set([late.token]));
      expect(await bed.store.spool.list({})).toEqual(before);
      expect(await bed.store.spool.claim(RIS, 10, MINUTE)).toEqual([]);
      expect(await bed.store.spool.done(claim, MINUTE)).toMatchObject({ message: { digest: 'b' } });
    });

    test('a claim that was given up is void, though nobody has taken its lane', async () => {
      await accept(['1.1', 'a'], ['1.1', 'b']);
      const claim = await claimFirst(bed.store);
      await bed.store.spool.later(claim, 0, FAILURE, false);
      expect(await bed.store.spool.done(claim, MINUTE)).toBeUndefined();
      expect(await bed.store.spool.renew([claim], MINUTE)).toEqual(new Set([claim.token]));
      const again = await claimFirst(bed.store);
      const next = await bed.store.spool.done(again, MINUTE);
      expect(await bed.store.spool.done(again, MINUTE)).toBeUndefined();
      expect(next).toMatchObject({ message: { digest: 'b' } });
      expect(await bed.store.spool.countOf(keyOf('1.1'))).toBe(1);
    });

    test('what arrived after the lease is done all the same while nobody has taken the lane', async () => {
      await accept(['1.1', 'a'], ['1.1', 'b']);
      const late = await claimFirst(bed.store, 0);
      expect(await bed.store.spool.done(late, MINUTE)).toMatchObject({ wasInDoubt: false, message: { digest: 'b' } });
      expect(await bed.store.spool.countOf(keyOf('1.1'))).toBe(1);
    });

    test('renew holds lanes for longer; nobody else takes them', async () => {
      await accept(['1.1', 'a'], ['1.2', 'b']);
      const claims = await bed.store.spool.claim(RIS, 2, 0);
      expect(await bed.store.spool.renew(claims, MINUTE)).toEqual(new Set());
      expect(await bed.store.spool.claim(RIS, 2, MINUTE)).toEqual([]);
      expect(await bed.store.spool.renew([], MINUTE)).toEqual(new Set());
    });

    test('a claim of before the restart is void when the lane was taken since', async () => {
      await accept(['1.1', 'a']);
      const before = await claimFirst(bed.store, 0);
      await bed.reopen();
      const claim = await claimFirst(bed.store);
      expect(claim).toMatchObject({ wasInDoubt: true, message: { attempts: 2, inDoubt: true } });
      expect(await bed.store.spool.done(before, MINUTE)).toBeUndefined();
      expect(await bed.store.spool.get(claim.message.id)).toEqual(claim.message);
    });

    if (abilities.sharing) {
      test('a restart leaves a lane held: another process may be the one that holds it', async () => {
        await accept(['1.1', 'a']);
        const claim = await claimFirst(bed.store);
        await bed.reopen();
        expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
        expect(await bed.store.spool.renew([claim], MINUTE)).toEqual(new Set());
      });
    } else {
      test('a restart frees every lane at once, since no other process can hold one', async () => {
        await accept(['1.1', 'a']);
        const before = await claimFirst(bed.store);
        await bed.reopen();
        expect(await claimFirst(bed.store)).toMatchObject({ wasInDoubt: true, message: { id: before.message.id } });
      });
    }
  });

  test('a backlog is delivered each message once, in the order of its lane, a few at a time', async () => {
    const uids = Array.from({ length: 120 }, (_, i) => `1.${i}`);
    for (const digest of ['a', 'b', 'c']) {
      await bed.store.mpps.accept(
        undefined,
        uids.map((uid) => messageOf(uid, digest)),
      );
    }
    expect(await bed.store.spool.claim(RIS, 7, 0)).toHaveLength(7);
    expect(await drained(bed.store)).toEqual(Object.fromEntries(uids.map((uid) => [uid, ['a', 'b', 'c']])));
    expect(await bed.store.spool.list({})).toEqual([]);
  });
}
