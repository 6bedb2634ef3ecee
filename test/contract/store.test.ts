/** One suite over every store. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attribute, dataSetOf, sortedTags } from '../../src/dataset/model.ts';
import { openStore } from '../../src/store/sqlite.ts';
import type { Durability, MppsRecord, RisStep, Store } from '../../src/store/store.ts';
import { collect } from '../support/requests.ts';
import { keyOf, numberedRecord, recordOf, smallRecordOf } from '../support/mpps-records.ts';

interface StoreBed {
  /** Opens the one data base of the bed. */
  open(options?: { maximumBytes?: number }): Promise<Store>;
  remove(): Promise<void>;
}

async function sqliteBed(): Promise<StoreBed> {
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-store-'));
  return {
    open: (options = {}) => openStore({ path: join(folder, 'a', 'b', 'dimseway.db'), ...options }),
    remove: () => rm(folder, { recursive: true }),
  };
}

const STORES: readonly [string, () => Promise<StoreBed>][] = [['SQLite', sqliteBed]];

describe.each(STORES)('%s', (_name, makeBed) => {
  let bed: StoreBed;
  let store: Store;

  beforeEach(async () => {
    bed = await makeBed();
    store = await bed.open();
  });
  afterEach(async () => {
    await store.close();
    await bed.remove();
  });

  const reopen = async (): Promise<void> => {
    await store.close();
    store = await bed.open();
  };

  test.each<Durability>(['disk', 'process'])(
    'gives a record back whole, before and after a restart (%s)',
    async (durability) => {
      for (const record of [recordOf('1.2.1'), smallRecordOf('1.2.2')]) await store.mpps.put(record, durability);
      for (let round = 0; round < 2; round++) {
        expect(await store.mpps.get(keyOf('1.2.1'))).toEqual(recordOf('1.2.1'));
        expect(await store.mpps.get(keyOf('1.2.2'))).toEqual(smallRecordOf('1.2.2'));
        await reopen();
      }
    },
  );

  test('gives a copy without a prototype, as every data set', async () => {
    await store.mpps.put(recordOf('1.2.1'), 'process');
    const copy = (await store.mpps.get(keyOf('1.2.1')))?.copy ?? {};
    expect(Object.getPrototypeOf(copy)).toBeNull();
    expect(sortedTags(copy)).toEqual(['00100010', '00101030', '00400254', '00400340', '30020010']);
  });

  test('a put replaces the whole record: members that are absent now are gone', async () => {
    await store.mpps.put(recordOf('1.2.1'), 'process');
    const later = smallRecordOf('1.2.1', { state: 'COMPLETED', listener: 'other', createdAt: 7, updatedAt: 8 });
    await store.mpps.put(later, 'disk');
    expect(await store.mpps.get(keyOf('1.2.1'))).toEqual(later);
    expect(await store.mpps.findByListener('ward', '1.2.1')).toBeUndefined();
  });

  test('keeps the hops of one UID apart: route and upstream are part of the key', async () => {
    const hops = [
      recordOf('1.2.1'),
      smallRecordOf('1.2.1', { route: 'forward', listener: 'web' }),
      smallRecordOf('1.2.1', { upstream: 'other', state: 'DISCONTINUED' }),
    ];
    for (const hop of hops) await store.mpps.put(hop, 'process');
    for (const hop of hops) expect(await store.mpps.get(hop)).toEqual(hop);
    await store.mpps.remove(hops[0] as MppsRecord, 'process');
    expect(await Promise.all(hops.map((hop) => store.mpps.get(hop)))).toEqual([undefined, hops[1], hops[2]]);
  });

  test('finds by listener and UID the live record before a tombstone, then the newest', async () => {
    const put = (route: string, createdAt: number, more: Partial<MppsRecord> = {}): Promise<void> =>
      store.mpps.put(smallRecordOf('1.2.1', { route, createdAt, ...more }), 'process');
    const found = async (): Promise<string | undefined> => (await store.mpps.findByListener('ward', '1.2.1'))?.route;
    expect(await found()).toBeUndefined();
    await put('second', 20);
    await put('first', 10);
    await put('elsewhere', 30, { listener: 'web' });
    await put('dead', 40, { phase: 'deleted' });
    expect(await found()).toBe('second');
    await store.mpps.tombstone(keyOf('1.2.1', 'second'), 'process');
    expect(await found()).toBe('first');
    await store.mpps.tombstone(keyOf('1.2.1', 'first'), 'process');
    expect(await found()).toBe('dead');
    expect(await store.mpps.findByListener('ward', '1.2.9')).toBeUndefined();
  });

  test('removes without a word what is not there', async () => {
    await expect(store.mpps.remove(keyOf('1.2.1'), 'disk')).resolves.toBeUndefined();
    expect(await store.mpps.tombstone(keyOf('1.2.1'), 'disk')).toBe(false);
    expect(await store.mpps.get(keyOf('1.2.1'))).toBeUndefined();
  });

  test('notes that an answer arrived, of a stored record only, and changes nothing else', async () => {
    await store.mpps.put({ ...recordOf('1.2.1'), phase: 'stored', delivered: false }, 'disk');
    await store.mpps.put({ ...recordOf('1.2.2'), phase: 'pending', delivered: false }, 'disk');
    for (const uid of ['1.2.1', '1.2.2', '1.2.3']) await store.mpps.markDelivered(keyOf(uid), 'process');
    await reopen();
    expect(await store.mpps.get(keyOf('1.2.1'))).toEqual({ ...recordOf('1.2.1'), phase: 'stored', delivered: true });
    expect(await store.mpps.get(keyOf('1.2.2'))).toMatchObject({ delivered: false });
  });

  test('a tombstone remembers the UID, the state and who asked, and no content', async () => {
    await store.mpps.put(recordOf('1.2.1', { state: 'COMPLETED' }), 'process');
    expect(await store.mpps.tombstone(keyOf('1.2.1'), 'disk')).toBe(true);
    await reopen();
    expect(await store.mpps.get(keyOf('1.2.1'))).toEqual(
      smallRecordOf('1.2.1', { phase: 'deleted', state: 'COMPLETED', delivered: true, createDigest: '' }),
    );
  });

  describe('retention', () => {
    const phases = async (uids: readonly string[]): Promise<(string | undefined)[]> =>
      Promise.all(uids.map(async (uid) => (await store.mpps.get(keyOf(uid)))?.phase));

    test('final records become tombstones after their last message is older, open ones by their own limit', async () => {
      await store.mpps.put(recordOf('1.1', { state: 'COMPLETED', updatedAt: 99 }), 'process');
      await store.mpps.put(recordOf('1.2', { state: 'DISCONTINUED', updatedAt: 99 }), 'process');
      await store.mpps.put(recordOf('1.3', { state: 'COMPLETED', updatedAt: 100 }), 'process');
      await store.mpps.put(recordOf('1.4', { state: 'IN PROGRESS', updatedAt: 49 }), 'process');
      await store.mpps.put(recordOf('1.5', { state: 'IN PROGRESS', updatedAt: 50, phase: 'pending' }), 'process');
      const uids = ['1.1', '1.2', '1.3', '1.4', '1.5'];
      expect(await store.mpps.expire({ finalBeforeMs: 100 })).toEqual({ tombstoned: 2, removed: 0 });
      expect(await phases(uids)).toEqual(['deleted', 'deleted', 'stored', 'stored', 'pending']);
      expect(await store.mpps.expire({ finalBeforeMs: 100, openBeforeMs: 50 })).toEqual({ tombstoned: 1, removed: 0 });
      expect(await phases(uids)).toEqual(['deleted', 'deleted', 'stored', 'deleted', 'pending']);
      expect((await store.mpps.get(keyOf('1.1')))?.copy).toBeUndefined();
    });

    test('tombstones go later, in a round of their own, and nothing goes without a limit', async () => {
      await store.mpps.put(recordOf('1.1', { state: 'COMPLETED', updatedAt: 10 }), 'process');
      expect(await store.mpps.expire({})).toEqual({ tombstoned: 0, removed: 0 });
      const retention = { finalBeforeMs: 100, tombstonesBeforeMs: 20 };
      expect(await store.mpps.expire(retention)).toEqual({ tombstoned: 1, removed: 0 });
      expect(await store.mpps.expire({ ...retention, tombstonesBeforeMs: 10 })).toEqual({ tombstoned: 0, removed: 0 });
      expect(await store.mpps.expire(retention)).toEqual({ tombstoned: 0, removed: 1 });
      expect(await phases(['1.1'])).toEqual([undefined]);
    });

    test('one round takes no more than its limit of each kind', async () => {
      for (let i = 0; i < 5; i++) {
        await store.mpps.put(recordOf(`1.${i}`, { state: 'COMPLETED', updatedAt: i }), 'process');
        await store.mpps.put(recordOf(`2.${i}`, { phase: 'deleted', updatedAt: i }), 'process');
      }
      const retention = { finalBeforeMs: 100, tombstonesBeforeMs: 3, limit: 2 };
      expect(await store.mpps.expire(retention)).toEqual({ tombstoned: 2, removed: 2 });
      expect(await store.mpps.expire(retention)).toEqual({ tombstoned: 2, removed: 2 });
    });
  });

  describe('the steps of a RIS', () => {
    const stepOf = (uid: string, state = 'IN PROGRESS', upstream = 'sandbox'): RisStep => ({
      upstream,
      uid,
      attributes: dataSetOf({
        '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
        '00400252': attribute('CS', state),
        '00400340': attribute('SQ', dataSetOf({ '0020000E': attribute('UI', uid) }), dataSetOf({})),
        '30020010': attribute('SQ'),
      }),
    });
    const uids = async (upstream = 'sandbox'): Promise<string[]> =>
      (await collect(store.steps.all(upstream))).map(({ uid }) => uid);

    test.each<Durability>(['disk', 'process'])(
      'come back whole, before and after a restart (%s)',
      async (durability) => {
        await store.steps.put(stepOf('1.2.1'), durability);
        for (let round = 0; round < 2; round++) {
          const found = await store.steps.get({ upstream: 'sandbox', uid: '1.2.1' });
          expect(found).toEqual(stepOf('1.2.1'));
          expect(Object.getPrototypeOf(found?.attributes)).toBeNull();
          expect(await collect(store.steps.all('sandbox'))).toEqual([stepOf('1.2.1')]);
          await reopen();
        }
      },
    );

    test('are replaced whole by a put', async () => {
      await store.steps.put(stepOf('1.2.1'), 'process');
      const later = { ...stepOf('1.2.1'), attributes: dataSetOf({ '00400252': attribute('CS', 'COMPLETED') }) };
      await store.steps.put(later, 'disk');
      expect(await collect(store.steps.all('sandbox'))).toEqual([later]);
    });

    test('of two RIS do not meet, nor do they meet the records', async () => {
      await store.steps.put(stepOf('1.2.1'), 'process');
      await store.steps.put(stepOf('1.2.1', 'COMPLETED', 'other'), 'process');
      expect(await store.steps.get({ upstream: 'other', uid: '1.2.1' })).toEqual(stepOf('1.2.1', 'COMPLETED', 'other'));
      expect(await store.steps.get({ upstream: 'sandbox', uid: '1.2.1' })).toEqual(stepOf('1.2.1'));
      expect(await uids('third')).toEqual([]);
      expect(await store.steps.get({ upstream: 'third', uid: '1.2.1' })).toBeUndefined();
      expect(await store.mpps.get(keyOf('1.2.1', 'ct', 'sandbox'))).toBeUndefined();
    });

    test('are listed in the order of their last put, however many there are', async () => {
      const numbers = Array.from({ length: 250 }, (_, i) => `1.${i}`);
      for (const uid of numbers) await store.steps.put(stepOf(uid), 'process');
      const again = ['1.0', '1.100', '1.249', '1.99'];
      for (const uid of again) await store.steps.put(stepOf(uid, 'COMPLETED'), 'process');
      const expected = [...numbers.filter((uid) => !again.includes(uid)), ...again];
      expect(await uids()).toEqual(expected);
      await reopen();
      expect(await uids()).toEqual(expected);
    });
  });

  test('writes that run at the same time all land', async () => {
    const numbers = Array.from({ length: 60 }, (_, i) => i);
    await Promise.all(numbers.map((i) => store.mpps.put(numberedRecord(i), i % 3 === 0 ? 'disk' : 'process')));
    await reopen();
    for (const i of numbers) {
      expect(await store.mpps.get(keyOf(`1.2.3.${i}`))).toEqual(numberedRecord(i));
    }
  });

  test('a second gateway on the same store is STORE_LOCKED, until the first one closes', async () => {
    await expect(bed.open()).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_LOCKED' });
    await store.mpps.put(recordOf('1.2.1'), 'disk');
    await reopen();
    expect(await store.mpps.get(keyOf('1.2.1'))).toBeDefined();
  });

  test('without room a write is STORE_FULL and leaves nothing; reads go on, and writes once there is room', async () => {
    await store.close();
    store = await bed.open({ maximumBytes: 200_000 });
    const large = (uid: string): MppsRecord => recordOf(uid, { createDigest: 'x'.repeat(20_000) });
    const stored: string[] = [];
    let refused: unknown;
    for (let i = 0; refused === undefined && i < 50; i++) {
      await store.mpps.put(large(`1.${i}`), i % 2 === 0 ? 'disk' : 'process').then(
        () => stored.push(`1.${i}`),
        (error: unknown) => (refused = error),
      );
    }
    expect(refused).toMatchObject({ name: 'GatewayError', code: 'STORE_FULL' });
    expect(stored.length).toBeGreaterThan(3);
    // A larger version of a record that is there does not fit either: the old one stays whole.
    const grown = recordOf('1.0', { createDigest: 'y'.repeat(60_000) });
    await expect(store.mpps.put(grown, 'disk')).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await store.mpps.get(keyOf(`1.${stored.length}`))).toBeUndefined();
    for (const uid of stored) expect(await store.mpps.get(keyOf(uid))).toEqual(large(uid));

    for (const uid of stored.slice(1)) await store.mpps.remove(keyOf(uid), 'process');
    await store.mpps.put(grown, 'disk');
    await reopen();
    expect(await store.mpps.get(keyOf('1.0'))).toEqual(grown);
  });

  test('after close every call is STORE_FAILED; a second close does nothing', async () => {
    await store.close();
    await store.close();
    const closed = { name: 'GatewayError', code: 'STORE_FAILED' };
    await expect(store.mpps.put(recordOf('1.2.1'), 'disk')).rejects.toMatchObject(closed);
    await expect(store.mpps.get(keyOf('1.2.1'))).rejects.toMatchObject(closed);
    await expect(store.steps.get({ upstream: 'sandbox', uid: '1.2.1' })).rejects.toMatchObject(closed);
    await expect(collect(store.steps.all('sandbox'))).rejects.toMatchObject(closed);
  });
});
