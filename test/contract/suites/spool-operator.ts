/** What an operator sees of the spool, and what he may do. */
import { describe, expect, test } from '@jest/globals';
import type { SpoolFilter } from '../../../src/store/spool-records.ts';
import { keyOf } from '../../support/mpps-records.ts';
import { ARCHIVE, claimFirst, drained, FAILURE, messageOf, RIS } from '../../support/spool-messages.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed } from './bed.ts';

const MINUTE = 60_000;

export function describeSpoolOperator(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);
  const accept = (uid: string, ...digests: readonly string[]): Promise<number[]> =>
    bed.store.mpps.accept(
      undefined,
      digests.map((digest) => messageOf(uid, digest)),
    );
  /** A lane with a dead message, and others behind it. */
  const dead = async (uid: string, ...digests: readonly string[]): Promise<number[]> => {
    const ids = await accept(uid, ...digests);
    await bed.store.spool.dead(await claimFirst(bed.store), FAILURE);
    return ids;
  };

  describe('list', () => {
    const digests = async (filter: SpoolFilter): Promise<string[]> =>
      (await bed.store.spool.list(filter)).map(({ digest }) => digest);

    test('gives messages in the order of their acceptance, by destination, UID and state, all of which must fit', async () => {
      await dead('1.1', 'a', 'b');
      await accept('1.2', 'c');
      await bed.store.mpps.accept(undefined, [
        messageOf('1.1', 'd', ARCHIVE),
        messageOf('1.3', 'e', { ...ARCHIVE, route: 'mr' }),
      ]);
      expect(await digests({})).toEqual(['a', 'b', 'c', 'd', 'e']);
      expect(await digests({ destination: RIS })).toEqual(['a', 'b', 'c']);
      expect(await digests({ destination: ARCHIVE })).toEqual(['d']);
      expect(await digests({ destination: { route: 'mr', upstream: 'ris' } })).toEqual([]);
      expect(await digests({ uid: '1.1' })).toEqual(['a', 'b', 'd']);
      expect(await digests({ state: 'dead' })).toEqual(['a']);
      expect(await digests({ state: 'queued' })).toEqual(['b', 'c', 'd', 'e']);
      expect(await digests({ destination: RIS, uid: '1.1', state: 'queued' })).toEqual(['b']);
      expect(await digests({ destination: ARCHIVE, state: 'dead' })).toEqual([]);
    });

    test('gives a page at a time, 100 messages where no limit is given', async () => {
      const ids = await accept('1.1', ...Array.from({ length: 130 }, (_, i) => String(i)));
      const first = await bed.store.spool.list({ limit: 3 });
      expect(first.map(({ id }) => id)).toEqual(ids.slice(0, 3));
      const second = await bed.store.spool.list({ after: first[2]?.id as number });
      expect(second.map(({ id }) => id)).toEqual(ids.slice(3, 103));
      expect(await bed.store.spool.list({ after: ids.at(-1) as number })).toEqual([]);
    });
  });

  describe('retry', () => {
    test('queues a dead message anew, due at once, with what is known of it, also after a restart', async () => {
      const [id] = await dead('1.1', 'a', 'b');
      expect(await bed.store.spool.retry(id as number)).toBe(true);
      await bed.reopen();
      expect(await bed.store.spool.get(id as number)).toMatchObject({
        state: 'queued',
        attempts: 1,
        lastFailure: FAILURE,
      });
      expect(await drained(bed.store)).toEqual({ '1.1': ['a', 'b'] });
    });

    test('makes a message that waits due, and changes nothing else of it', async () => {
      const [id] = await accept('1.1', 'a');
      await bed.store.spool.later(await claimFirst(bed.store), MINUTE, FAILURE, true);
      const before = await bed.store.spool.get(id as number);
      expect(await bed.store.spool.retry(id as number)).toBe(true);
      expect(await bed.store.spool.get(id as number)).toEqual(before);
      expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
    });

    test('of a message behind a dead one leaves the dead one to be decided on', async () => {
      const [first, second] = await dead('1.1', 'a', 'b');
      expect(await bed.store.spool.retry(second as number)).toBe(true);
      expect(await bed.store.spool.get(first as number)).toMatchObject({ state: 'dead' });
      expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
    });

    test('of a message that is being delivered does not let another take it', async () => {
      const [id] = await accept('1.1', 'a');
      const claim = await claimFirst(bed.store);
      expect(await bed.store.spool.retry(id as number)).toBe(true);
      expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
      expect(await bed.store.spool.renew([claim], MINUTE)).toEqual(new Set());
    });

    test('is false where there is no such message', async () => {
      expect(await bed.store.spool.retry(99)).toBe(false);
      expect(await bed.store.spool.get(99)).toBeUndefined();
    });
  });

  describe('discard', () => {
    test('removes a dead message and gives it; what is behind it is due', async () => {
      const [id] = await dead('1.1', 'a', 'b');
      const message = await bed.store.spool.get(id as number);
      expect(await bed.store.spool.discard(id as number)).toEqual(message);
      await bed.reopen();
      expect(await bed.store.spool.get(id as number)).toBeUndefined();
      expect(await drained(bed.store)).toEqual({ '1.1': ['b'] });
    });

    test('of a message that waits lets the next come to its turn; of the last frees the lane', async () => {
      const [first, second] = await accept('1.1', 'a', 'b');
      await bed.store.spool.later(await claimFirst(bed.store), MINUTE, FAILURE, true);
      expect(await bed.store.spool.discard(first as number)).toMatchObject({ digest: 'a' });
      expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
      expect(await bed.store.spool.discard(second as number)).toMatchObject({ digest: 'b', attempts: 0 });
      expect(await bed.store.spool.nextDueMs(RIS)).toBeUndefined();
      expect(await bed.store.spool.depths()).toEqual([]);
      await accept('1.1', 'c');
      expect(await drained(bed.store)).toEqual({ '1.1': ['c'] });
    });

    test('leaves a message that is being delivered; those behind it may go, and it goes on', async () => {
      const [first, second] = await accept('1.1', 'a', 'b', 'c');
      const claim = await claimFirst(bed.store);
      expect(await bed.store.spool.discard(first as number)).toBeUndefined();
      expect(await bed.store.spool.get(first as number)).toEqual(claim.message);
      expect(await bed.store.spool.discard(second as number)).toMatchObject({ digest: 'b' });
      expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
      expect(await bed.store.spool.done(claim, MINUTE)).toMatchObject({ message: { digest: 'c' } });
    });

    test('of a message behind a dead one does not free the lane', async () => {
      const [, second] = await dead('1.1', 'a', 'b');
      expect(await bed.store.spool.discard(second as number)).toMatchObject({ digest: 'b' });
      expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
    });

    test('makes a claim void whose lease had ended: its done must not end the next message', async () => {
      const [first] = await accept('1.1', 'a', 'b');
      const late = await claimFirst(bed.store, 0);
      expect(await bed.store.spool.discard(first as number)).toMatchObject({ digest: 'a' });
      expect(await bed.store.spool.done(late, MINUTE)).toBeUndefined();
      expect(await drained(bed.store)).toEqual({ '1.1': ['b'] });
    });

    test('is undefined where there is no such message; an id is never used again', async () => {
      const [id] = await accept('1.1', 'a');
      await bed.store.spool.discard(id as number);
      expect(await bed.store.spool.discard(id as number)).toBeUndefined();
      await bed.reopen();
      const [next] = await accept('1.1', 'b');
      expect(next).toBeGreaterThan(id as number);
    });
  });

  describe('a message that cannot be read any more', () => {
    test.each([
      [`received = '{'`, 'received'],
      [`received = 'null'`, 'received'],
      [`hops = ''`, 'hops'],
      [`requester = '[]'`, 'requester'],
    ] as const)('(%s) is there with what can be read, and says what cannot', async (damage, member) => {
      const [id, behind] = await accept('1.1', 'a', 'b');
      const whole = await bed.store.spool.get(id as number);
      await bed.alter(`UPDATE spool_messages SET ${damage} WHERE id = ${id}`);
      const found = await bed.store.spool.get(id as number);
      expect({ ...found, [member]: undefined }).toEqual({ ...whole, [member]: undefined, unreadable: [member] });
      expect((await bed.store.spool.list({})).map((message) => message.id)).toEqual([id, behind]);
      expect(await bed.store.spool.get(behind as number)).not.toHaveProperty('unreadable');
    });

    test('waits for a person and holds up no other lane; it may be tried again, and discarded', async () => {
      const [id] = await accept('1.1', 'a', 'b');
      await bed.alter(`UPDATE spool_messages SET received = '{', hops = '' WHERE id = ${id}`);
      await accept('1.2', 'c');
      expect(await drained(bed.store)).toEqual({ '1.2': ['c'] });
      for (let round = 0; round < 2; round++) {
        expect(await bed.store.spool.list({ state: 'dead' })).toMatchObject([
          {
            id,
            attempts: 0,
            inDoubt: false,
            unreadable: ['received', 'hops'],
            lastFailure: { code: 'STORE_DAMAGED', problem: 'received, hops cannot be read from the store' },
          },
        ]);
        expect(await bed.store.spool.retry(id as number)).toBe(true);
        expect(await bed.store.spool.claim(RIS, 10, MINUTE)).toEqual([]);
      }
      expect(await bed.store.spool.discard(id as number)).toMatchObject({
        id,
        uid: '1.1',
        unreadable: ['received', 'hops'],
      });
      expect(await drained(bed.store)).toEqual({ '1.1': ['b'] });
    });

    test('behind another waits for a person when its turn comes', async () => {
      const [, id] = await accept('1.1', 'a', 'b');
      await bed.alter(`UPDATE spool_messages SET received = '{' WHERE id = ${id}`);
      expect(await bed.store.spool.done(await claimFirst(bed.store), MINUTE)).toBeUndefined();
      expect(await bed.store.spool.get(id as number)).toMatchObject({ state: 'dead', inDoubt: false });
      expect(await bed.store.spool.depths()).toMatchObject([{ queued: 0, dead: 1 }]);
    });
  });

  test('counts what a lane and a destination still have to deliver', async () => {
    expect(await bed.store.spool.depths()).toEqual([]);
    expect(await bed.store.spool.countOf(keyOf('1.1'))).toBe(0);
    await dead('1.1', 'a', 'b');
    await accept('1.2', 'c');
    await bed.store.spool.later(await claimFirst(bed.store), 0, FAILURE, false);
    await bed.store.spool.later(await claimFirst(bed.store), MINUTE, FAILURE, false);
    await bed.store.mpps.accept(undefined, [messageOf('1.1', 'd', ARCHIVE)]);
    expect(await bed.store.spool.countOf(keyOf('1.1'))).toBe(2);
    expect(await bed.store.spool.countOf(messageOf('1.1', '', ARCHIVE))).toBe(1);
    const depths = await bed.store.spool.depths();
    for (const { oldestMs } of depths) expect(oldestMs).toBeGreaterThanOrEqual(0);
    const oldestMs = expect.any(Number);
    expect(depths.sort((a, b) => b.queued - a.queued)).toEqual([
      { ...RIS, queued: 2, dead: 1, attempts: 2, oldestMs },
      { ...ARCHIVE, queued: 1, dead: 0, attempts: 0, oldestMs },
    ]);
  });
}
