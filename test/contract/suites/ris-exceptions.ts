/** The rules of the exceptions of the embedded RIS, over every store. */
import { expect, test } from '@jest/globals';
import type { MppsState } from '../../../src/services/mpps/state.ts';
import type { RisException, RisMismatch, RisStepChange } from '../../../src/store/ris-records.ts';
import { collect } from '../../support/requests.ts';
import { changeOf, entryOf, STEP, UPSTREAM } from '../../support/ris-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, StoreAbilities } from './bed.ts';

const OTHER_PATIENT: RisMismatch = { entryId: 'e1', attributes: ['00100020', '00100030'] };

export function describeRisExceptions(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let time = 1_000;
  const bed = openedBed(makeBed, { now: () => time });
  /** A moment by the clock of the store, where that can be set. */
  const at = (moment: number): unknown => (abilities.now ? moment : expect.any(Number));

  /** Whatever the revision is. */
  const report = async (uid: string, state: MppsState, more: Partial<RisStepChange> = {}): Promise<void> => {
    const before = await bed.store.steps.get({ upstream: UPSTREAM, uid });
    const change = changeOf({ uid, state, revision: before?.revision, mismatches: [OTHER_PATIENT], ...more });
    expect(await bed.store.steps.save(change, 'process')).toBe(true);
  };
  const putEntry = (): Promise<number> => bed.store.worklist.put([entryOf('e1', { source: 'seed' })], 'process');
  const stateOf = async (id = 'e1'): Promise<string | undefined> =>
    (await bed.store.worklist.get({ upstream: UPSTREAM, id }))?.state;
  const only = async (): Promise<RisException> => {
    const [exception, ...more] = await bed.store.exceptions.list();
    expect(more).toEqual([]);
    return exception as RisException;
  };

  test('come back whole, before and after a restart; the entry does not follow the step', async () => {
    time = 1_000;
    await putEntry();
    await report(STEP.uid, 'IN PROGRESS');
    for (let round = 0; round < 2; round++) {
      const exception = await only();
      expect(exception).toEqual({ ...STEP, ...OTHER_PATIENT, id: expect.any(Number), raisedAt: at(1_000) });
      expect(await bed.store.exceptions.get(exception.id)).toEqual(exception);
      expect(await bed.store.exceptions.get(exception.id + 1)).toBeUndefined();
      expect(await stateOf()).toBe('SCHEDULED');
      await bed.reopen();
    }
  });

  test('are raised once for a step and an entry, whatever became of them', async () => {
    await putEntry();
    for (const uid of ['1', '2', '3']) await report(uid, 'IN PROGRESS');
    const [first, second, third] = await bed.store.exceptions.list();
    await bed.store.exceptions.resolve(second?.id ?? 0, 'dismissed', 'another John Doe');
    await bed.store.exceptions.resolve(third?.id ?? 0, 'merged', 'the same John Doe');
    const before = await bed.store.exceptions.list();
    expect(before.map(({ uid, resolution }) => [uid, resolution])).toEqual([
      ['1', undefined],
      ['2', 'dismissed'],
      ['3', 'merged'],
    ]);
    for (const uid of ['1', '2', '3']) {
      await report(uid, 'COMPLETED', { mismatches: [{ entryId: 'e1', attributes: ['00100010'] }] });
    }
    expect(await bed.store.exceptions.list()).toEqual(before);
    await report('1', 'COMPLETED', { mismatches: [OTHER_PATIENT, { ...OTHER_PATIENT, entryId: 'e2' }] });
    const later = (await bed.store.exceptions.list()).filter(({ id }) => !before.some((each) => each.id === id));
    expect(later).toMatchObject([{ uid: '1', entryId: 'e2' }]);
    expect(later[0]?.id).toBeGreaterThan(first?.id ?? 0);
  });

  test('are listed oldest first, by RIS, by step, by whether they are open, and in pages', async () => {
    for (const uid of ['1', '2', '3', '4']) await report(uid, 'IN PROGRESS');
    await bed.store.steps.save(changeOf({ upstream: 'other', uid: '1', mismatches: [OTHER_PATIENT] }), 'process');
    await report('2', 'IN PROGRESS', { mismatches: [{ ...OTHER_PATIENT, entryId: 'e2' }] });
    const all = await bed.store.exceptions.list();
    expect(all.map(({ id }) => id)).toEqual(all.map(({ id }) => id).toSorted((a, b) => a - b));
    await bed.store.exceptions.resolve(all[1]?.id ?? 0, 'dismissed', '');

    const named = async (filter: Parameters<typeof bed.store.exceptions.list>[0]): Promise<string[]> =>
      (await bed.store.exceptions.list(filter)).map((each) => `${each.upstream} ${each.uid} ${each.entryId}`);
    const expected = ['1 e1', '2 e1', '3 e1', '4 e1', 'e', '2 e2'].map((text) => `${UPSTREAM} ${text}`);
    expected[4] = 'other 1 e1';
    const pick = (...numbers: number[]): (string | undefined)[] => numbers.map((number) => expected[number]);
    expect(await named(undefined)).toEqual(expected);
    expect(await named({ upstream: UPSTREAM })).toEqual(pick(0, 1, 2, 3, 5));
    expect(await named({ upstream: 'third' })).toEqual([]);
    expect(await named({ uid: '1' })).toEqual(pick(0, 4));
    expect(await named({ upstream: UPSTREAM, uid: '2' })).toEqual(pick(1, 5));
    expect(await named({ upstream: UPSTREAM, uid: '2', open: true })).toEqual(pick(5));
    expect(await named({ open: true })).toEqual(pick(0, 2, 3, 4, 5));
    expect(await named({ open: false })).toEqual(expected);
    expect(await named({ limit: 2 })).toEqual(pick(0, 1));
    expect(await named({ after: all[1]?.id ?? 0, limit: 2 })).toEqual(pick(2, 3));
    expect(await named({ after: all[0]?.id ?? 0, open: true, upstream: UPSTREAM })).toEqual(pick(2, 3, 5));
    expect(await named({ after: all[5]?.id ?? 0 })).toEqual([]);
  });

  test('are listed by 1,000 where no limit is given', async () => {
    const mismatches = Array.from({ length: 1_001 }, (_, i) => ({ entryId: `e${i}`, attributes: [] }));
    await report('1', 'IN PROGRESS', { mismatches });
    const page = await bed.store.exceptions.list();
    expect(page.length).toBe(1_000);
    expect(await bed.store.exceptions.list({ after: page.at(-1)?.id ?? 0 })).toHaveLength(1);
  });

  test('merged: the entry follows the step as it is now, and from now on', async () => {
    time = 1_000;
    await putEntry();
    await report('1', 'IN PROGRESS');
    await report('2', 'IN PROGRESS', { mismatches: [] });
    await report('1', 'COMPLETED');
    const { id } = await only();
    time = 2_000;
    expect(await bed.store.exceptions.resolve(id, 'merged', 'ID typed by hand: „Å"')).toBe(true);
    for (let round = 0; round < 2; round++) {
      expect(await bed.store.exceptions.get(id)).toEqual({
        ...OTHER_PATIENT,
        upstream: UPSTREAM,
        uid: '1',
        id,
        raisedAt: at(1_000),
        resolution: 'merged',
        resolvedAt: at(2_000),
        reason: 'ID typed by hand: „Å"',
      });
      expect(await collect(bed.store.worklist.find(UPSTREAM, {}))).toMatchObject([
        { id: 'e1', state: 'COMPLETED', updatedAt: at(2_000) },
      ]);
      await bed.reopen();
    }
    await report('1', 'DISCONTINUED');
    expect(await stateOf()).toBe('DISCONTINUED');
  });

  test('merged: the step has not changed by it, so one that changed later still counts', async () => {
    await putEntry();
    await report('1', 'COMPLETED');
    await report('2', 'DISCONTINUED', { mismatches: [], performs: ['e1'] });
    await bed.store.exceptions.resolve((await only()).id, 'merged', 'the same');
    expect(await stateOf()).toBe('DISCONTINUED');
  });

  test('merged with an entry that is not there: it follows when it comes', async () => {
    await report('1', 'IN PROGRESS');
    expect(await bed.store.exceptions.resolve((await only()).id, 'merged', 'the same')).toBe(true);
    expect(await stateOf()).toBeUndefined();
    await putEntry();
    expect(await stateOf()).toBe('STARTED');
  });

  test('dismissed: the entry does not follow the step', async () => {
    await putEntry();
    await report('1', 'IN PROGRESS');
    const { id } = await only();
    time = 3_000;
    expect(await bed.store.exceptions.resolve(id, 'dismissed', 'another patient')).toBe(true);
    expect(await only()).toMatchObject({ resolution: 'dismissed', resolvedAt: at(3_000), reason: 'another patient' });
    await report('1', 'COMPLETED');
    expect(await stateOf()).toBe('SCHEDULED');
  });

  test('are resolved once: of several at a time one wins, and there is nothing to resolve afterwards', async () => {
    await putEntry();
    await report('1', 'IN PROGRESS');
    const { id } = await only();
    const { exceptions } = bed.store;
    expect(await exceptions.resolve(id + 1, 'merged', 'none')).toBe(false);
    const done = await Promise.all([
      exceptions.resolve(id, 'dismissed', 'one'),
      exceptions.resolve(id, 'merged', 'two'),
      exceptions.resolve(id, 'dismissed', 'three'),
    ]);
    expect(done.filter((each) => each)).toEqual([true]);
    const resolved = await only();
    expect(resolved.reason).toBe(['one', 'two', 'three'][done.indexOf(true)]);
    expect(await stateOf()).toBe(resolved.resolution === 'merged' ? 'STARTED' : 'SCHEDULED');
    expect(await exceptions.resolve(id, 'merged', 'later')).toBe(false);
    expect(await only()).toEqual(resolved);
  });
}
