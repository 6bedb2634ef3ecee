/** The rules of the spool, over every store. */
import { describe, expect, test } from '@jest/globals';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import type { MppsEventType } from '../../../src/services/mpps/notification.ts';
import type { NewSpoolMessage } from '../../../src/store/spool-records.ts';
import { keyOf, recordOf } from '../../support/mpps-records.ts';
import {
  ARCHIVE,
  claimFirst,
  drained,
  eventOf,
  FAILURE,
  fullMessageOf,
  messageOf,
  RIS,
  WARD_SCU,
} from '../../support/spool-messages.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';
import { describeClaims } from './spool-claims.ts';
import { describeSpoolOperator } from './spool-operator.ts';

const MINUTE = 60_000;

export function describeSpool(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  describe('what is accepted', () => describeIntake(makeBed, abilities));
  describe('the copy of an instance', () => describeCopies(makeBed));
  describeClaims(makeBed, abilities);
  describe('an operator', () => describeSpoolOperator(makeBed));
  if (abilities.now) describe('by the clock of the store', () => describeTimes(makeBed));
  else describe('by a clock that no test can set', () => describeDurations(makeBed));
}

function describeIntake(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  const bed = openedBed(makeBed);

  test('is there whole, before and after a restart, beside its record', async () => {
    const messages = [fullMessageOf('1.1'), messageOf('1.1', 'small', ARCHIVE), messageOf('1.2', 'other')];
    const beganAt = Date.now();
    const ids = await bed.store.mpps.accept(recordOf('1.1'), messages);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    const fresh = { state: 'queued', attempts: 0, inDoubt: false, acceptedAt: expect.any(Number) };
    const expected = messages.map((message, i) => ({ ...message, ...fresh, id: ids[i] }));
    for (let round = 0; round < 2; round++) {
      const found = await bed.store.spool.list({});
      expect(found).toEqual(expected);
      for (const { received, acceptedAt } of found) {
        expect(Object.getPrototypeOf(received)).toBeNull();
        expect(Math.abs(acceptedAt - beganAt)).toBeLessThan(MINUTE);
      }
      expect(await bed.store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
      await bed.reopen();
    }
  });

  test('may be a message without a record, or a record without messages', async () => {
    expect(await bed.store.mpps.accept(undefined, [messageOf('1.1')])).toHaveLength(1);
    expect(await bed.store.mpps.accept(recordOf('1.2'), [])).toEqual([]);
    expect(await bed.store.mpps.get(keyOf('1.1'))).toBeUndefined();
    expect(await bed.store.mpps.get(keyOf('1.2'))).toEqual(recordOf('1.2'));
    expect(await bed.store.spool.list({})).toHaveLength(1);
  });

  test('may be an event of an MPPS, which has its type and no data set, in the lane of whom it is told to', async () => {
    const events = Object.values(MPPS_EVENT).map((eventType) => eventOf('1.1', eventType));
    const ids = await bed.store.mpps.accept(recordOf('1.1'), [messageOf('1.1'), ...events]);
    await bed.reopen();
    const found = await bed.store.spool.list({ destination: WARD_SCU });
    expect(found).toMatchObject(events.map((event, i) => ({ ...event, id: ids[i + 1] })));
    expect(found.map(({ received }) => received)).toEqual(events.map(() => ({})));
    const claim = await bed.store.spool.claim(WARD_SCU, 10, MINUTE);
    expect(claim).toMatchObject([{ message: events[0] }]);
    expect(await bed.store.spool.claim(RIS, 10, MINUTE)).toMatchObject([{ message: messageOf('1.1') }]);
  });

  test.each<Partial<NewSpoolMessage>>([
    { kind: 'event' },
    { kind: 'update', eventType: MPPS_EVENT.updated },
    { kind: 'event', eventType: 6 as MppsEventType },
  ])('is not accepted where its kind and its event do not fit: %j', async (more) => {
    await expect(bed.store.mpps.accept(undefined, [messageOf('1.1', '', more)])).rejects.toMatchObject({
      name: 'GatewayError',
      code: 'STORE_FAILED',
    });
    expect(await bed.store.spool.list({})).toEqual([]);
  });

  test('is accepted all or none: a message that the data base refuses takes its record and the others with it', async () => {
    const bad = messageOf('1.1', 'bad', { kind: 'delete' as NewSpoolMessage['kind'] });
    await bed.store.mpps.put(recordOf('1.1'), 'disk');
    const results = await Promise.allSettled([
      bed.store.mpps.accept(recordOf('1.1', { listener: 'other' }), [messageOf('1.1', 'good', ARCHIVE), bad]),
      bed.store.mpps.accept(recordOf('1.2'), [messageOf('1.2')]),
    ]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { name: 'GatewayError', code: 'STORE_FAILED' } },
      { status: 'fulfilled' },
    ]);
    expect(await bed.store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
    expect((await bed.store.spool.list({})).map(({ uid }) => uid)).toEqual(['1.2']);
    expect(await bed.store.spool.depths()).toMatchObject([{ ...RIS, queued: 1 }]);
    expect(await bed.store.spool.nextDueMs(ARCHIVE)).toBeUndefined();
  });

  if (abilities.maximumBytes) {
    test('without room is STORE_FULL, nothing of it is kept, and what was acknowledged is delivered', async () => {
      await bed.reopen({ maximumBytes: 500_000 });
      const { mpps, spool } = bed.store;
      const large = (uid: string): NewSpoolMessage => messageOf(uid, 'x'.repeat(20_000));
      const accepted: string[] = [];
      let refused: unknown;
      for (let i = 0; refused === undefined && i < 50; i++) {
        await mpps.accept(recordOf(`1.${i}`), [messageOf(`1.${i}`, 'small', ARCHIVE), large(`1.${i}`)]).then(
          () => accepted.push(`1.${i}`),
          (error: unknown) => (refused = error),
        );
      }
      expect(refused).toMatchObject({ name: 'GatewayError', code: 'STORE_FULL' });
      expect(accepted.length).toBeGreaterThan(3);
      const last = keyOf(`1.${accepted.length}`);
      expect(await mpps.get(last)).toBeUndefined();
      expect(await spool.countOf(last)).toBe(0);
      expect(await spool.countOf({ ...last, ...ARCHIVE })).toBe(0);
      expect(Object.keys(await drained(bed.store)).sort()).toEqual(accepted.sort());
      expect(Object.keys(await drained(bed.store, ARCHIVE)).sort()).toEqual(accepted.sort());
      expect(await mpps.accept(recordOf('2.1'), [large('2.1')])).toHaveLength(1);
    });
  }

  test('comes in the order of the calls within a lane, whatever else is written meanwhile', async () => {
    const uids = ['1.1', '1.2', '1.3', '1.4', '1.5'];
    const digests = Array.from({ length: 40 }, (_, i) => String(i));
    const writes: Promise<unknown>[] = [];
    for (const digest of digests) {
      for (const uid of uids) writes.push(bed.store.mpps.accept(recordOf(uid), [messageOf(uid, digest)]));
      writes.push(bed.store.mpps.put(recordOf(`9.${digest}`), 'process'));
      if (Number(digest) % 10 === 5) await writes.at(-1);
    }
    await Promise.all(writes);
    expect(await drained(bed.store)).toEqual(Object.fromEntries(uids.map((uid) => [uid, digests])));
  });
}

function describeCopies(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);

  test('is erased once the instance is final and delivered, and nothing else of its record', async () => {
    const record = recordOf('1.1', { state: 'COMPLETED' });
    await bed.store.mpps.accept(record, [messageOf('1.1')]);
    expect(await bed.store.mpps.eraseDeliveredCopy(keyOf('1.1'))).toBe(false);
    expect(await bed.store.mpps.get(keyOf('1.1'))).toEqual(record);
    await drained(bed.store);
    expect(await bed.store.mpps.eraseDeliveredCopy(keyOf('1.1'))).toBe(true);
    const { copy, ...rest } = record;
    expect(copy).toBeDefined();
    expect(await bed.store.mpps.get(keyOf('1.1'))).toEqual(rest);
    expect(await bed.store.mpps.eraseDeliveredCopy(keyOf('1.1'))).toBe(false);
  });

  test('stays while the instance is IN PROGRESS, and where there is no record', async () => {
    await bed.store.mpps.put(recordOf('1.1'), 'process');
    expect(await bed.store.mpps.eraseDeliveredCopy(keyOf('1.1'))).toBe(false);
    expect(await bed.store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1'));
    expect(await bed.store.mpps.eraseDeliveredCopy(keyOf('1.2'))).toBe(false);
  });

  test('does not wait for another destination, nor for another instance', async () => {
    const record = recordOf('1.1', { state: 'DISCONTINUED' });
    await bed.store.mpps.accept(record, [messageOf('1.1', 'forward', ARCHIVE), messageOf('1.2')]);
    expect(await bed.store.mpps.eraseDeliveredCopy(keyOf('1.1'))).toBe(true);
  });
}

/** To the millisecond. */
function describeTimes(makeBed: MakeStoreBed): void {
  let nowMs = 0;
  const bed = openedBed(
    async () => {
      nowMs = 1_800_000_000_000;
      return makeBed();
    },
    { now: () => nowMs },
  );

  test('a lane is due after its delay, not a millisecond before; the age is that of the oldest message', async () => {
    await bed.store.mpps.accept(undefined, [messageOf('1.1')]);
    const claim = await claimFirst(bed.store);
    await bed.store.spool.later(claim, 5_000, FAILURE, false);
    expect(await bed.store.spool.get(claim.message.id)).toMatchObject({
      acceptedAt: nowMs,
      lastFailure: { ...FAILURE, at: nowMs },
    });
    nowMs += 4_999;
    expect(await bed.store.spool.nextDueMs(RIS)).toBe(1);
    expect(await bed.store.spool.claim(RIS, 1, MINUTE)).toEqual([]);
    await bed.reopen();
    nowMs += 1;
    expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
    await bed.store.mpps.accept(undefined, [messageOf('1.2')]);
    expect(await bed.store.spool.depths()).toMatchObject([{ oldestMs: 5_000, attempts: 1 }]);
    expect((await bed.store.spool.claim(RIS, 1, MINUTE)).map(({ message }) => message.uid)).toEqual(['1.1']);
  });

  test('a lease ends after its time, and a renewal counts from when it is made', async () => {
    await bed.store.mpps.accept(undefined, [messageOf('1.1')]);
    const claim = await claimFirst(bed.store, 1_000);
    nowMs += 999;
    expect(await bed.store.spool.claim(RIS, 1, 1_000)).toEqual([]);
    expect(await bed.store.spool.renew([claim], 1_000)).toEqual(new Set());
    nowMs += 999;
    expect(await bed.store.spool.claim(RIS, 1, 1_000)).toEqual([]);
    expect(await bed.store.spool.nextDueMs(RIS)).toBeUndefined();
    nowMs += 1;
    expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
    expect(await claimFirst(bed.store)).toMatchObject({ wasInDoubt: true });
  });

  test('the lane that has been due for longest is taken first', async () => {
    for (const uid of ['1.3', '1.1', '1.2']) {
      await bed.store.mpps.accept(undefined, [messageOf(uid), messageOf(uid)]);
      nowMs += 1_000;
    }
    const taken: string[] = [];
    for (let i = 0; i < 4; i++) {
      const [claim] = await bed.store.spool.claim(RIS, 1, MINUTE);
      if (claim === undefined) break;
      taken.push(claim.message.uid);
      // What is given back keeps its place, what failed goes behind.
      if (i === 0) await bed.store.spool.giveBack(claim);
      else await bed.store.spool.later(claim, 0, FAILURE, false);
    }
    expect(taken).toEqual(['1.3', '1.3', '1.1', '1.2']);
  });

  test('wake and retry make only what waits due, and what was due keeps its place', async () => {
    await bed.store.mpps.accept(undefined, [messageOf('1.2')]);
    await bed.store.spool.later(await claimFirst(bed.store), MINUTE, FAILURE, false);
    await bed.store.mpps.accept(undefined, [messageOf('1.1')]);
    nowMs += 10;
    expect(await bed.store.spool.wake(RIS)).toBe(1);
    const claims = await bed.store.spool.claim(RIS, 2, MINUTE);
    expect(claims.map(({ message }) => message.uid)).toEqual(['1.1', '1.2']);
  });

  test('a clock that is set back gives no negative age', async () => {
    await bed.store.mpps.accept(undefined, [messageOf('1.1')]);
    nowMs -= 3_600_000;
    expect(await bed.store.spool.depths()).toMatchObject([{ oldestMs: 0 }]);
  });
}

/** What can be told of time by durations that are over at once, or far from over. */
function describeDurations(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);

  test('a lane without a delay is due at once, behind one that has been due for longer', async () => {
    await bed.store.mpps.accept(undefined, [messageOf('1.1')]);
    const claim = await claimFirst(bed.store);
    await bed.store.mpps.accept(undefined, [messageOf('1.2')]);
    await bed.store.spool.later(claim, 0, FAILURE, false);
    expect(await bed.store.spool.nextDueMs(RIS)).toBe(0);
    expect(await bed.store.spool.claim(RIS, 2, MINUTE)).toHaveLength(2);
  });
}
