/** The rules of the records of MPPS, over every store. */
import { describe, expect, test } from '@jest/globals';
import { sortedTags } from '../../../src/dataset/model.ts';
import type { MppsState } from '../../../src/services/mpps/state.ts';
import type { Claim } from '../../../src/store/spool-records.ts';
import type { Durability, MppsRecord } from '../../../src/store/store.ts';
import { keyOf, numberedRecord, recordOf, smallRecordOf } from '../../support/mpps-records.ts';
import { FAILURE, messageOf, RIS } from '../../support/spool-messages.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

export function describeMppsRecords(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  const bed = openedBed(makeBed);

  test.each<Durability>(['disk', 'process'])(
    'gives a record back whole, before and after a restart (%s)',
    async (durability) => {
      for (const record of [recordOf('1.2.1'), smallRecordOf('1.2.2')]) await bed.store.mpps.put(record, durability);
      for (let round = 0; round < 2; round++) {
        expect(await bed.store.mpps.get(keyOf('1.2.1'))).toEqual(recordOf('1.2.1'));
        expect(await bed.store.mpps.get(keyOf('1.2.2'))).toEqual(smallRecordOf('1.2.2'));
        await bed.reopen();
      }
    },
  );

  test('gives a copy without a prototype, as every data set', async () => {
    await bed.store.mpps.put(recordOf('1.2.1'), 'process');
    const copy = (await bed.store.mpps.get(keyOf('1.2.1')))?.copy ?? {};
    expect(Object.getPrototypeOf(copy)).toBeNull();
    expect(sortedTags(copy)).toEqual(['00100010', '00101030', '00400254', '00400340', '30020010']);
  });

  test('a put replaces the whole record: members that are absent now are gone', async () => {
    await bed.store.mpps.put(recordOf('1.2.1'), 'process');
    const later = smallRecordOf('1.2.1', { state: 'COMPLETED', listener: 'other', createdAt: 7, updatedAt: 8 });
    await bed.store.mpps.put(later, 'disk');
    expect(await bed.store.mpps.get(keyOf('1.2.1'))).toEqual(later);
    expect(await bed.store.mpps.findByListener('ward', '1.2.1')).toBeUndefined();
  });

  test('keeps the hops of one UID apart: route and upstream are part of the key', async () => {
    const hops = [
      recordOf('1.2.1'),
      smallRecordOf('1.2.1', { route: 'forward', listener: 'web' }),
      smallRecordOf('1.2.1', { upstream: 'other', state: 'DISCONTINUED' }),
    ];
    for (const hop of hops) await bed.store.mpps.put(hop, 'process');
    for (const hop of hops) expect(await bed.store.mpps.get(hop)).toEqual(hop);
    await bed.store.mpps.remove(hops[0] as MppsRecord, 'process');
    expect(await Promise.all(hops.map((hop) => bed.store.mpps.get(hop)))).toEqual([undefined, hops[1], hops[2]]);
  });

  test('finds by listener and UID the live record before a tombstone, then the newest', async () => {
    const put = (route: string, createdAt: number, more: Partial<MppsRecord> = {}): Promise<void> =>
      bed.store.mpps.put(smallRecordOf('1.2.1', { route, createdAt, ...more }), 'process');
    const found = async (): Promise<string | undefined> =>
      (await bed.store.mpps.findByListener('ward', '1.2.1'))?.route;
    expect(await found()).toBeUndefined();
    await put('second', 20);
    await put('first', 10);
    await put('elsewhere', 30, { listener: 'web' });
    await put('dead', 40, { phase: 'deleted' });
    expect(await found()).toBe('second');
    await put('second', 20, { phase: 'deleted' });
    expect(await found()).toBe('first');
    await put('first', 10, { phase: 'deleted' });
    expect(await found()).toBe('dead');
    expect(await bed.store.mpps.findByListener('ward', '1.2.9')).toBeUndefined();
  });

  test('removes without a word what is not there', async () => {
    await expect(bed.store.mpps.remove(keyOf('1.2.1'), 'disk')).resolves.toBeUndefined();
    expect(await bed.store.mpps.get(keyOf('1.2.1'))).toBeUndefined();
  });

  test('notes that an answer arrived, of a stored record only, and changes nothing else', async () => {
    await bed.store.mpps.put({ ...recordOf('1.2.1'), phase: 'stored', delivered: false }, 'disk');
    await bed.store.mpps.put({ ...recordOf('1.2.2'), phase: 'pending', delivered: false }, 'disk');
    for (const uid of ['1.2.1', '1.2.2', '1.2.3']) await bed.store.mpps.markDelivered(keyOf(uid), 'process');
    await bed.reopen();
    expect(await bed.store.mpps.get(keyOf('1.2.1'))).toEqual({
      ...recordOf('1.2.1'),
      phase: 'stored',
      delivered: true,
    });
    expect(await bed.store.mpps.get(keyOf('1.2.2'))).toMatchObject({ delivered: false });
  });

  test('a tombstone remembers the UID, the state and who asked, and no content', async () => {
    const record = recordOf('1.2.1', { state: 'COMPLETED' });
    await bed.store.mpps.put(record, 'process');
    await bed.store.mpps.expire({ finalBeforeMs: record.updatedAt + 1 });
    await bed.reopen();
    expect(await bed.store.mpps.get(keyOf('1.2.1'))).toEqual(
      smallRecordOf('1.2.1', { phase: 'deleted', state: 'COMPLETED', delivered: true, createDigest: '' }),
    );
  });

  describe('retention', () => {
    const phases = async (uids: readonly string[]): Promise<(string | undefined)[]> =>
      Promise.all(uids.map(async (uid) => (await bed.store.mpps.get(keyOf(uid)))?.phase));

    test('final records become tombstones after their last message is older, open ones by their own limit', async () => {
      await bed.store.mpps.put(recordOf('1.1', { state: 'COMPLETED', updatedAt: 99 }), 'process');
      await bed.store.mpps.put(recordOf('1.2', { state: 'DISCONTINUED', updatedAt: 99 }), 'process');
      await bed.store.mpps.put(recordOf('1.3', { state: 'COMPLETED', updatedAt: 100 }), 'process');
      await bed.store.mpps.put(recordOf('1.4', { state: 'IN PROGRESS', updatedAt: 49 }), 'process');
      await bed.store.mpps.put(recordOf('1.5', { state: 'IN PROGRESS', updatedAt: 50, phase: 'pending' }), 'process');
      const uids = ['1.1', '1.2', '1.3', '1.4', '1.5'];
      expect(await bed.store.mpps.expire({ finalBeforeMs: 100 })).toEqual({ tombstoned: 2, removed: 0 });
      expect(await phases(uids)).toEqual(['deleted', 'deleted', 'stored', 'stored', 'pending']);
      expect(await bed.store.mpps.expire({ finalBeforeMs: 100, openBeforeMs: 50 })).toEqual({
        tombstoned: 1,
        removed: 0,
      });
      expect(await phases(uids)).toEqual(['deleted', 'deleted', 'stored', 'deleted', 'pending']);
      expect((await bed.store.mpps.get(keyOf('1.1')))?.copy).toBeUndefined();
    });

    test('a record stays while messages wait for its own upstream, dead letters too', async () => {
      await bed.store.mpps.accept(recordOf('1.1', { state: 'COMPLETED', updatedAt: 1 }), [messageOf('1.1')]);
      await bed.store.mpps.accept(recordOf('1.2', { updatedAt: 1 }), [messageOf('1.2')]);
      const [one, two] = await bed.store.spool.claim(RIS, 2, 60_000);
      await bed.store.spool.dead(one as Claim, FAILURE);
      expect(await bed.store.mpps.expire({ finalBeforeMs: 100, openBeforeMs: 100 })).toEqual({
        tombstoned: 0,
        removed: 0,
      });
      expect(await bed.store.mpps.get(keyOf('1.1'))).toEqual(recordOf('1.1', { state: 'COMPLETED', updatedAt: 1 }));
      await bed.store.spool.discard((one as Claim).message.id);
      await bed.store.spool.done(two as Claim, 60_000);
      expect(await bed.store.mpps.expire({ finalBeforeMs: 100, openBeforeMs: 100 })).toMatchObject({ tombstoned: 2 });
    });

    test('tombstones go later, in a round of their own, and nothing goes without a limit', async () => {
      await bed.store.mpps.put(recordOf('1.1', { state: 'COMPLETED', updatedAt: 10 }), 'process');
      expect(await bed.store.mpps.expire({})).toEqual({ tombstoned: 0, removed: 0 });
      const retention = { finalBeforeMs: 100, tombstonesBeforeMs: 20 };
      expect(await bed.store.mpps.expire(retention)).toEqual({ tombstoned: 1, removed: 0 });
      expect(await bed.store.mpps.expire({ ...retention, tombstonesBeforeMs: 10 })).toEqual({
        tombstoned: 0,
        removed: 0,
      });
      expect(await bed.store.mpps.expire(retention)).toEqual({ tombstoned: 0, removed: 1 });
      expect(await phases(['1.1'])).toEqual([undefined]);
    });

    test('one round takes no more than its limit of each kind', async () => {
      for (let i = 0; i < 5; i++) {
        await bed.store.mpps.put(recordOf(`1.${i}`, { state: 'COMPLETED', updatedAt: i }), 'process');
        await bed.store.mpps.put(recordOf(`2.${i}`, { phase: 'deleted', updatedAt: i }), 'process');
      }
      const retention = { finalBeforeMs: 100, tombstonesBeforeMs: 3, limit: 2 };
      expect(await bed.store.mpps.expire(retention)).toEqual({ tombstoned: 2, removed: 2 });
      expect(await bed.store.mpps.expire(retention)).toEqual({ tombstoned: 2, removed: 2 });
    });
  });

  test('writes that run at the same time all land', async () => {
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    await Promise.all(numbers.map((i) => bed.store.mpps.put(numberedRecord(i), i % 3 === 0 ? 'disk' : 'process')));
    await bed.reopen();
    for (const i of numbers) {
      expect(await bed.store.mpps.get(keyOf(`1.2.3.${i}`))).toEqual(numberedRecord(i));
    }
  });

  test('a write that the data base refuses leaves what was there, and those beside it land', async () => {
    await bed.store.mpps.put(recordOf('1.2.1'), 'disk');
    const unknown = recordOf('1.2.1', { state: 'LOST' as MppsState, listener: 'other' });
    const results = await Promise.allSettled([
      bed.store.mpps.put(unknown, 'disk'),
      bed.store.mpps.put(recordOf('1.2.2'), 'process'),
    ]);
    expect(results).toMatchObject([
      { status: 'rejected', reason: { name: 'GatewayError', code: 'STORE_FAILED' } },
      { status: 'fulfilled' },
    ]);
    expect(await bed.store.mpps.get(keyOf('1.2.1'))).toEqual(recordOf('1.2.1'));
    expect(await bed.store.mpps.get(keyOf('1.2.2'))).toEqual(recordOf('1.2.2'));
  });

  if (abilities.maximumBytes) {
    test('without room a write is STORE_FULL and leaves nothing; reads go on, and writes once there is room', async () => {
      await bed.reopen({ maximumBytes: 500_000 });
      const { mpps } = bed.store;
      const large = (uid: string): MppsRecord => recordOf(uid, { createDigest: 'x'.repeat(20_000) });
      const stored: string[] = [];
      let refused: unknown;
      for (let i = 0; refused === undefined && i < 50; i++) {
        await mpps.put(large(`1.${i}`), i % 2 === 0 ? 'disk' : 'process').then(
          () => stored.push(`1.${i}`),
          (error: unknown) => (refused = error),
        );
      }
      expect(refused).toMatchObject({ name: 'GatewayError', code: 'STORE_FULL' });
      expect(stored.length).toBeGreaterThan(3);
      // A larger version of a record that is there does not fit either: the old one stays whole.
      const grown = recordOf('1.0', { createDigest: 'y'.repeat(60_000) });
      await expect(mpps.put(grown, 'disk')).rejects.toMatchObject({ code: 'STORE_FULL' });
      expect(await mpps.get(keyOf(`1.${stored.length}`))).toBeUndefined();
      for (const uid of stored) expect(await mpps.get(keyOf(uid))).toEqual(large(uid));

      for (const uid of stored.slice(1)) await mpps.remove(keyOf(uid), 'process');
      await mpps.put(grown, 'disk');
      await bed.reopen();
      expect(await bed.store.mpps.get(keyOf('1.0'))).toEqual(grown);
    });
  }
}
