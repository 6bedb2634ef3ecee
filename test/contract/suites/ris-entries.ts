/** The rules of the worklist of the embedded RIS, over every store. */
import { describe, expect, test } from '@jest/globals';
import type { MppsState } from '../../../src/services/mpps/state.ts';
import type { NewRisEntry, RisEntryExpiry, RisEntryFilter } from '../../../src/store/ris-records.ts';
import type { Durability } from '../../../src/store/store.ts';
import { collect } from '../../support/requests.ts';
import { changeOf, entryOf, UPSTREAM } from '../../support/ris-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

export function describeRisEntries(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let time = 1_000;
  const bed = openedBed(makeBed, { now: () => time });
  /** A moment by the clock of the store, where that can be set. */
  const at = (moment: number): unknown => (abilities.now ? moment : expect.any(Number));

  const put = (...entries: NewRisEntry[]): Promise<number> => bed.store.worklist.put(entries, 'process');
  const get = (id: string): ReturnType<typeof bed.store.worklist.get> =>
    bed.store.worklist.get({ upstream: UPSTREAM, id });
  const ids = async (filter: RisEntryFilter = {}, upstream = UPSTREAM): Promise<string[]> =>
    (await collect(bed.store.worklist.find(upstream, filter))).map(({ id }) => id);
  const perform = (id: string, ...states: MppsState[]): Promise<boolean[]> =>
    Promise.all(
      states.map((state, i) =>
        bed.store.steps.save(changeOf({ uid: `1.2.${id}.${i}`, state, performs: [id] }), 'process'),
      ),
    );

  test.each<Durability>(['disk', 'process'])('come back whole, before and after a restart (%s)', async (durability) => {
    time = 1_000;
    const { index: _index, ...given } = entryOf('e1', { source: 'seed' });
    expect(await bed.store.worklist.put([entryOf('e1', { source: 'seed' })], durability)).toBe(1);
    const expected = { ...given, state: 'SCHEDULED', createdAt: at(1_000), updatedAt: at(1_000) };
    for (let round = 0; round < 2; round++) {
      const found = await get('e1');
      expect(found).toEqual(expected);
      expect(Object.getPrototypeOf(found?.scheduled)).toBeNull();
      expect(await collect(bed.store.worklist.find(UPSTREAM, {}))).toEqual([expected]);
      await bed.reopen();
    }
    expect(await get('e2')).toBeUndefined();
  });

  test('are replaced whole by a put, but for the time they came', async () => {
    time = 1_000;
    await put(entryOf('e1', { source: 'seed', index: { modality: 'MR', sortKey: 'z' } }), entryOf('e2'));
    time = 2_000;
    const { scheduled } = entryOf('other');
    expect(await put(entryOf('e1', { scheduled, index: { stations: ['CT2'], sortKey: 'a' } }), entryOf('e3'))).toBe(1);
    expect(await get('e1')).toEqual({
      upstream: UPSTREAM,
      id: 'e1',
      source: 'api',
      scheduled,
      state: 'SCHEDULED',
      createdAt: at(1_000),
      updatedAt: at(2_000),
    });
    expect(await ids()).toEqual(['e1', 'e2', 'e3']);
    expect(await ids({ modalities: ['MR'] })).toEqual([]);
    expect(await ids({ stations: ['CT2'] })).toEqual(['e1']);
    expect(await ids({ source: 'seed' })).toEqual([]);
  });

  test('that stand twice in one put are one: the last', async () => {
    expect(await put(entryOf('e1'), entryOf('e1', { source: 'seed', index: { modality: 'MR' } }))).toBe(1);
    expect(await ids({ modalities: ['CT'] })).toEqual([]);
    expect(await ids({ modalities: ['MR'], source: 'seed' })).toEqual(['e1']);
    expect(await put()).toBe(0);
  });

  test('of two RIS do not meet', async () => {
    await put(
      entryOf('e1'),
      entryOf('e1', { upstream: 'other', source: 'seed' }),
      entryOf('e2', { upstream: 'other' }),
    );
    expect(await ids()).toEqual(['e1']);
    expect(await ids({}, 'other')).toEqual(['e1', 'e2']);
    expect(await ids({ id: 'e2' })).toEqual([]);
    await perform('e1', 'IN PROGRESS');
    expect((await bed.store.worklist.get({ upstream: 'other', id: 'e1' }))?.state).toBe('SCHEDULED');
    expect(await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set())).toBe(0);
    expect(await bed.store.worklist.remove({ upstream: 'other', id: 'e1' }, 'process')).toBe(true);
    expect(await ids()).toEqual(['e1']);
  });

  test('a put that does not fit is STORE_FULL and leaves nothing of it', async () => {
    await put(entryOf('e0'));
    if (!abilities.maximumBytes) return;
    await bed.reopen({ maximumBytes: 400_000 });
    const many = Array.from({ length: 2_000 }, (_, i) => entryOf(`e${i}`, { source: 'seed' }));
    await expect(bed.store.worklist.put(many, 'disk')).rejects.toMatchObject({ code: 'STORE_FULL' });
    expect(await ids()).toEqual(['e0']);
    expect((await get('e0'))?.source).toBe('api');
  });

  test('are removed one by one, by their key', async () => {
    await put(entryOf('e1'), entryOf('e2'));
    const remove = (id: string): Promise<boolean> => bed.store.worklist.remove({ upstream: UPSTREAM, id }, 'disk');
    expect(await remove('e1')).toBe(true);
    expect(await remove('e1')).toBe(false);
    expect(await get('e1')).toBeUndefined();
    await bed.reopen();
    expect(await ids()).toEqual(['e2']);
  });

  test('of the seed go when they are not named any more; those of the API stay', async () => {
    const seed = ['a', "b'", 'c"]', 'd\\', 'é'].map((id) => entryOf(id, { source: 'seed' }));
    await put(...seed, entryOf('f'), entryOf('a', { upstream: 'other', source: 'seed' }));
    expect(await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set(["b'", 'c"]', 'é', 'none']))).toBe(2);
    expect(await ids()).toEqual(["b'", 'c"]', 'f', 'é']);
    expect(await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set())).toBe(3);
    expect(await ids()).toEqual(['f']);
    expect(await ids({}, 'other')).toEqual(['a']);
  });

  describe('that are aged', () => {
    const expire = (expiry: RisEntryExpiry): Promise<number> => bed.store.worklist.expire(UPSTREAM, expiry);

    test('go before their day while they are SCHEDULED, none without a word', async () => {
      const days = ['20261119', '20261120', '20261121', '20261122'];
      await put(...days.map((startDate, i) => entryOf(`e${i}`, { index: { startDate } })));
      await put(entryOf('x', { upstream: 'other', index: { startDate: '20200101' } }));
      await perform('e0', 'IN PROGRESS');
      expect(await expire({})).toBe(0);
      expect(await expire({ scheduledBefore: '20261121' })).toBe(1);
      expect(await ids()).toEqual(['e0', 'e2', 'e3']);
      expect(await ids({}, 'other')).toEqual(['x']);
    });

    test('go by the day they came, where they have no date: that of the site', async () => {
      time = new Date(2026, 10, 21, 0, 30).getTime();
      await put(entryOf('e1', { index: { startDate: '' } }));
      const came = new Date((await get('e1'))?.createdAt ?? 0);
      const dayOf = (add: number): string => {
        const day = new Date(came.getFullYear(), came.getMonth(), came.getDate() + add);
        const [month, date] = [day.getMonth() + 1, day.getDate()].map((part) => String(part).padStart(2, '0'));
        return `${day.getFullYear()}${month}${date}`;
      };
      expect(await expire({ scheduledBefore: dayOf(0) })).toBe(0);
      expect(await expire({ scheduledBefore: dayOf(1) })).toBe(1);
      expect(await ids()).toEqual([]);
    });

    test('go when they are done and their last change is long ago', async () => {
      time = 1_000;
      await put(...['e1', 'e2', 'e3', 'e4'].map((id) => entryOf(id, { index: { startDate: '20200101' } })));
      await perform('e1', 'COMPLETED');
      await perform('e2', 'DISCONTINUED');
      await perform('e3', 'IN PROGRESS');
      const changed = Math.max(...(await collect(bed.store.worklist.find(UPSTREAM, {}))).map((each) => each.updatedAt));
      if (abilities.now) expect(await expire({ doneBeforeMs: changed })).toBe(0);
      expect(await expire({ doneBeforeMs: changed + 1 })).toBe(2);
      expect(await ids()).toEqual(['e3', 'e4']);
    });

    test('go when they were begun long ago and never ended', async () => {
      await put(...['e1', 'e2', 'e3'].map((id) => entryOf(id)));
      await perform('e1', 'IN PROGRESS');
      await perform('e2', 'COMPLETED');
      const changed = (await get('e1'))?.updatedAt ?? 0;
      expect(await expire({ startedBeforeMs: changed })).toBe(0);
      expect(await expire({ startedBeforeMs: changed + 1 })).toBe(1);
      expect(await ids()).toEqual(['e2', 'e3']);
    });

    test('go no more than the limit at a time, of both kinds together', async () => {
      await put(...Array.from({ length: 6 }, (_, i) => entryOf(`e${i}`)));
      for (const id of ['e0', 'e1', 'e2']) await perform(id, 'COMPLETED');
      const expiry = { scheduledBefore: '20270101', doneBeforeMs: 8e15, limit: 4 };
      expect(await expire(expiry)).toBe(4);
      expect(await expire(expiry)).toBe(2);
      expect(await expire(expiry)).toBe(0);
    });

    test('go by 1,000 where no limit is given', async () => {
      await put(...Array.from({ length: 1_001 }, (_, i) => entryOf(`e${i}`)));
      expect(await expire({ scheduledBefore: '20270101' })).toBe(1_000);
      expect(await expire({ scheduledBefore: '20270101' })).toBe(1);
    });

    test('go from one source only, where one is named', async () => {
      await put(entryOf('e1'), entryOf('e2', { source: 'seed' }), entryOf('e3', { source: 'seed' }), entryOf('e4'));
      await perform('e3', 'COMPLETED');
      await perform('e4', 'COMPLETED');
      const expiry = { scheduledBefore: '20270101', doneBeforeMs: 8e15 };
      expect(await expire({ ...expiry, source: 'api' })).toBe(2);
      expect(await ids()).toEqual(['e2', 'e3']);
      expect(await expire({ ...expiry, source: 'seed' })).toBe(2);
    });
  });
}
