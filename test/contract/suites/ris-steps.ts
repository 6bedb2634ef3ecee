/** The rules of the performed steps of the embedded RIS and of the entries that follow them, over every store. */
import { describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { MppsState } from '../../../src/services/mpps/state.ts';
import type { RisStep, RisStepChange } from '../../../src/store/ris-records.ts';
import type { Durability } from '../../../src/store/store.ts';
import { collect } from '../../support/requests.ts';
import { changeOf, entryOf, STEP, UPSTREAM } from '../../support/ris-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

export function describeRisSteps(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let time = 1_000;
  const bed = openedBed(makeBed, { now: () => time });

  const save = (change: Partial<RisStepChange> = {}): Promise<boolean> =>
    bed.store.steps.save(changeOf(change), 'process');
  /** Whatever the revision is. */
  const report = async (uid: string, state: MppsState, more: Partial<RisStepChange> = {}): Promise<void> => {
    const before = await bed.store.steps.get({ upstream: UPSTREAM, uid });
    expect(await save({ uid, state, revision: before?.revision, ...more })).toBe(true);
  };
  const stateOf = async (id: string): Promise<string | undefined> =>
    (await bed.store.worklist.get({ upstream: UPSTREAM, id }))?.state;
  const putEntries = (...ids: string[]): Promise<number> =>
    bed.store.worklist.put(
      ids.map((id) => entryOf(id, { source: 'seed' })),
      'process',
    );

  test.each<Durability>(['disk', 'process'])('come back whole, before and after a restart (%s)', async (durability) => {
    expect(await bed.store.steps.save(changeOf(), durability)).toBe(true);
    const { attributes } = changeOf();
    for (let round = 0; round < 2; round++) {
      const found = await bed.store.steps.get(STEP);
      expect(found).toEqual({ ...STEP, attributes, revision: expect.any(Number) });
      expect(Object.getPrototypeOf(found?.attributes)).toBeNull();
      await bed.reopen();
    }
    expect(await bed.store.steps.get({ ...STEP, uid: '1.2.840' })).toBeUndefined();
  });

  test('of two RIS do not meet', async () => {
    await putEntries('e1');
    await save({ upstream: 'other', state: 'COMPLETED', performs: ['e1'] });
    expect(await stateOf('e1')).toBe('SCHEDULED');
    expect(await bed.store.steps.get(STEP)).toBeUndefined();
    expect(await save()).toBe(true);
    expect(await bed.store.steps.get({ ...STEP, upstream: 'other' })).toMatchObject({
      attributes: changeOf({ state: 'COMPLETED' }).attributes,
    });
  });

  test('are replaced whole by a change, and their revision grows', async () => {
    await save();
    const { revision } = (await bed.store.steps.get(STEP)) as RisStep;
    const attributes = dataSetOf({ '00400252': attribute('CS', 'COMPLETED') });
    expect(await save({ attributes, state: 'COMPLETED', revision })).toBe(true);
    const after = await bed.store.steps.get(STEP);
    expect(after).toEqual({ ...STEP, attributes, revision: expect.any(Number) });
    expect(after?.revision).toBeGreaterThan(revision);
  });

  test('a change of another revision than the one that is there writes nothing', async () => {
    await putEntries('e1', 'e2');
    await save({ performs: ['e1'] });
    const before = (await bed.store.steps.get(STEP)) as RisStep;
    const mismatches = [{ entryId: 'e2', attributes: ['00100020'] }];
    const stale = { state: 'COMPLETED', performs: ['e1', 'e2'], mismatches } as const;
    expect(await save(stale)).toBe(false);
    expect(await save({ ...stale, revision: before.revision + 1 })).toBe(false);
    expect(await save({ ...stale, uid: '1.2.840.2', revision: before.revision })).toBe(false);
    expect(await bed.store.steps.get(STEP)).toEqual(before);
    expect(await bed.store.steps.get({ ...STEP, uid: '1.2.840.2' })).toBeUndefined();
    expect([await stateOf('e1'), await stateOf('e2')]).toEqual(['STARTED', 'SCHEDULED']);
    expect(await bed.store.exceptions.list()).toEqual([]);
  });

  test.each(['it is new', 'it is there'])('of several changes of one revision one wins, when %s', async (which) => {
    const shared = await makeBed();
    const first = await shared.open();
    const second = abilities.sharing ? await shared.open() : first;
    const entries = Array.from({ length: 6 }, (_, i) => entryOf(`e${i}`));
    await first.worklist.put(entries, 'process');
    if (which === 'it is there') await first.steps.save(changeOf(), 'process');
    const revision = (await first.steps.get(STEP))?.revision;
    const changes = entries.map(({ id }) => {
      const attributes = dataSetOf({ '00400252': attribute('CS', 'IN PROGRESS'), '00400253': attribute('SH', id) });
      return changeOf({ revision, attributes, performs: [id] });
    });

    const won = await Promise.all(
      changes.map((change, i) => (i % 2 === 0 ? first : second).steps.save(change, 'disk')),
    );
    expect(won.filter((each) => each)).toEqual([true]);
    const winner = won.indexOf(true);
    expect((await first.steps.get(STEP))?.attributes).toEqual(changes[winner]?.attributes);
    const states = (await collect(first.worklist.find(UPSTREAM, {}))).map(({ state }) => state);
    expect(states).toEqual(states.map((_, i) => (i === winner ? 'STARTED' : 'SCHEDULED')));
    await Promise.all([first.close(), second.close()]);
    await shared.remove();
  });

  describe('the entries that follow them', () => {
    test.each<[readonly (readonly [step: string, state: MppsState])[], string]>([
      [[['1', 'IN PROGRESS']], 'STARTED'],
      [[['1', 'COMPLETED']], 'COMPLETED'],
      [[['1', 'DISCONTINUED']], 'DISCONTINUED'],
      [[['1', 'IN PROGRESS'], ['1', 'COMPLETED']], 'COMPLETED'],
      [[['1', 'IN PROGRESS'], ['2', 'IN PROGRESS'], ['2', 'COMPLETED']], 'STARTED'],
      [[['1', 'IN PROGRESS'], ['2', 'IN PROGRESS'], ['1', 'COMPLETED']], 'STARTED'],
      [[['1', 'IN PROGRESS'], ['2', 'IN PROGRESS'], ['1', 'COMPLETED'], ['2', 'DISCONTINUED']], 'DISCONTINUED'],
      [[['1', 'IN PROGRESS'], ['2', 'IN PROGRESS'], ['2', 'DISCONTINUED'], ['1', 'COMPLETED']], 'COMPLETED'],
      [[['1', 'DISCONTINUED'], ['2', 'COMPLETED'], ['3', 'IN PROGRESS']], 'STARTED'],
      [[['2', 'COMPLETED'], ['1', 'DISCONTINUED'], ['2', 'COMPLETED']], 'COMPLETED'],
    ])('after %j are %s: STARTED while one is IN PROGRESS, then as the one that changed last', async (steps, state) => {
      await putEntries('e1', 'e2', 'e3');
      await report('9', 'DISCONTINUED', { performs: ['e3'] });
      for (const [uid, now] of steps) await report(uid, now, { performs: ['e1', 'e2'] });
      for (let round = 0; round < 2; round++) {
        expect(await Promise.all(['e1', 'e2', 'e3'].map(stateOf))).toEqual([state, state, 'DISCONTINUED']);
        await bed.reopen();
      }
    }); // prettier-ignore

    test('have changed when their state has', async () => {
      if (!abilities.now) return;
      const changedAt = async (): Promise<number | undefined> =>
        (await bed.store.worklist.get({ upstream: UPSTREAM, id: 'e1' }))?.updatedAt;
      time = 1_000;
      await putEntries('e1');
      time = 2_000;
      await report('1', 'IN PROGRESS', { performs: ['e1'] });
      expect(await changedAt()).toBe(2_000);
      time = 3_000;
      await report('1', 'IN PROGRESS', { performs: ['e1'] });
      expect(await changedAt()).toBe(2_000);
      time = 4_000;
      await report('1', 'COMPLETED', { performs: ['e1'] });
      expect(await bed.store.worklist.get({ upstream: UPSTREAM, id: 'e1' })).toMatchObject({
        state: 'COMPLETED',
        createdAt: 1_000,
        updatedAt: 4_000,
      });
    });

    test('follow a step also when it no longer names them', async () => {
      await putEntries('e1');
      await report('1', 'IN PROGRESS', { performs: ['e1'] });
      await report('1', 'COMPLETED', { performs: [] });
      expect(await stateOf('e1')).toBe('COMPLETED');
    });

    test('keep their state when they are put again', async () => {
      await putEntries('e1');
      await report('1', 'IN PROGRESS', { performs: ['e1'] });
      await bed.store.worklist.put([entryOf('e1', { index: { modality: 'MR' } })], 'disk');
      expect(await stateOf('e1')).toBe('STARTED');
      await report('1', 'DISCONTINUED');
      expect(await stateOf('e1')).toBe('DISCONTINUED');
    });

    test('are as far as their steps when they come back, or come later', async () => {
      await putEntries('e1', 'e2');
      await report('1', 'IN PROGRESS', { performs: ['e1', 'e2', 'e3'] });
      expect(await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set(['e2']))).toBe(1);
      await report('1', 'COMPLETED');
      expect(await bed.store.worklist.expire(UPSTREAM, { doneBeforeMs: 8e15 })).toBe(1);
      await bed.reopen();
      expect(await putEntries('e1', 'e2', 'e3', 'e4')).toBe(4);
      expect(await Promise.all(['e1', 'e2', 'e3', 'e4'].map(stateOf))).toEqual([
        'COMPLETED',
        'COMPLETED',
        'COMPLETED',
        'SCHEDULED',
      ]);
    });

    test('have no more to do with them once they were removed', async () => {
      await putEntries('e1', 'e2');
      await report('1', 'IN PROGRESS', { performs: ['e1', 'e2'] });
      await bed.store.worklist.remove({ upstream: UPSTREAM, id: 'e1' }, 'process');
      expect(await putEntries('e1')).toBe(1);
      expect(await stateOf('e1')).toBe('SCHEDULED');
      await report('1', 'COMPLETED');
      expect([await stateOf('e1'), await stateOf('e2')]).toEqual(['SCHEDULED', 'COMPLETED']);
    });
  });

  describe('age out', () => {
    const ALL = 8e15;
    const expire = (changedBeforeMs: number, limit?: number): Promise<number> =>
      bed.store.steps.expire(UPSTREAM, { changedBeforeMs, ...(limit === undefined ? {} : { limit }) });
    const isThere = async (uid: string, upstream = UPSTREAM): Promise<boolean> =>
      (await bed.store.steps.get({ upstream, uid })) !== undefined;

    test('in whatever state, after their last change; those of another RIS stay', async () => {
      time = 1_000;
      await report('1', 'IN PROGRESS');
      await report('2', 'IN PROGRESS');
      await save({ upstream: 'other', uid: '1' });
      const between = Date.now();
      if (abilities.now) {
        time = 2_000;
        await report('2', 'COMPLETED');
        expect(await expire(1_000)).toBe(0);
        expect(await expire(1_001)).toBe(1);
        expect([await isThere('1'), await isThere('2')]).toEqual([false, true]);
      } else {
        expect(await expire(between - 3_600_000)).toBe(0);
        expect(await isThere('1')).toBe(true);
      }
      expect(await expire(ALL)).toBe(abilities.now ? 1 : 2);
      expect([await isThere('1'), await isThere('2'), await isThere('1', 'other')]).toEqual([false, false, true]);
    });

    test('no more than the limit at a time', async () => {
      for (const uid of ['1', '2', '3']) await report(uid, 'COMPLETED');
      expect([await expire(ALL, 2), await expire(ALL, 2), await expire(ALL, 2)]).toEqual([2, 1, 0]);
    });

    test('not while an entry is linked to them, also one that came back; then their links go too', async () => {
      await putEntries('e1', 'e2');
      await report('1', 'COMPLETED', { performs: ['e1', 'e2'] });
      await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set(['e2']));
      expect(await expire(ALL)).toBe(0);
      await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set());
      await putEntries('e1');
      expect([await expire(ALL), await stateOf('e1')]).toEqual([0, 'COMPLETED']);
      await bed.store.worklist.removeSeedExcept(UPSTREAM, new Set());
      expect(await expire(ALL)).toBe(1);
      // Whoever uses the UID again has nothing to do with what followed it before.
      await putEntries('e1');
      await report('1', 'COMPLETED');
      expect(await stateOf('e1')).toBe('SCHEDULED');
    });

    test('not while an exception about them is open; then with it and the reason a person gave', async () => {
      await report('1', 'COMPLETED', { mismatches: [{ entryId: 'e1', attributes: ['00100020'] }] });
      await report('2', 'COMPLETED', { mismatches: [{ entryId: 'e1', attributes: ['00100020'] }] });
      const [first, second] = await bed.store.exceptions.list();
      expect(await expire(ALL)).toBe(0);
      await bed.store.exceptions.resolve(first?.id ?? 0, 'dismissed', 'wrong order picked');
      expect(await expire(ALL)).toBe(1);
      expect(await bed.store.exceptions.list()).toEqual([second]);
    });
  });
}
