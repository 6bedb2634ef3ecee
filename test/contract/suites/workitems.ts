/** The rules of workitems, over every store. */
import { describe, expect, test } from '@jest/globals';
import { dataSetOf } from '../../../src/dataset/model.ts';
import type { Durability } from '../../../src/store/store.ts';
import type {
  Workitem,
  WorkitemFilter,
  WorkitemRecord,
  WorkitemRetention,
} from '../../../src/store/workitem-records.ts';
import { added, foundOf, fullWorkitemOf, reportOf, ROUTE, workitemOf } from '../../support/workitem-records.ts';
import { WORKLIST_UID } from '../../../src/services/ups/workitem.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, OpenedBed, StoreAbilities } from './bed.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
/** Older than the future. */
const ALL: WorkitemRetention = { finalMs: -HOUR, openMs: -HOUR, scheduledMs: -HOUR, lockedMs: -HOUR };
const NONE: WorkitemRetention = { finalMs: DAY, openMs: DAY, scheduledMs: DAY, lockedMs: DAY };

export function describeWorkitems(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  describe('what is written', () => describeWrites(makeBed, abilities));
  describe('what a search has found', () => describeSight(makeBed, abilities));
  describe('a list', () => describeLists(makeBed));
  describe('counts', () => describeCounts(makeBed));
  describe('those to be polled', () => describePolls(makeBed, abilities));
  describe('what ages out', () => describeAges(makeBed, abilities));
}

const uidsIn = (records: readonly Workitem[]): string[] => records.map(({ uid }) => uid);
const at = (uid: string, route = ROUTE): { route: string; uid: string } => ({ route, uid });

function describeWrites(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  const bed = openedBed(makeBed);

  test.each<Durability>(['disk', 'process'])('is there whole, before and after a restart (%s)', async (durability) => {
    const beganAt = Date.now();
    const items = [workitemOf('1.1'), fullWorkitemOf('1.2')];
    const records: (WorkitemRecord | undefined)[] = [];
    for (const item of items) records.push(await bed.store.workitems.add(item, durability));
    for (let round = 0; round < 2; round++) {
      for (const [i, item] of items.entries()) {
        const found = await bed.store.workitems.get(item);
        const times = { createdAt: expect.any(Number), updatedAt: expect.any(Number) };
        expect(found).toEqual({ ...item, ...times, revision: expect.any(Number) });
        expect(found).toEqual(records[i]);
        expect(Object.getPrototypeOf(found?.workitem)).toBeNull();
        expect(found?.revision).toBeGreaterThan(0);
        expect(Math.abs((found?.createdAt ?? 0) - beganAt)).toBeLessThan(60_000);
      }
      await bed.reopen();
    }
    expect(await bed.store.workitems.get(at('1.3'))).toBeUndefined();
  });

  test('of two routes do not meet, and are found by their MPPS in their route', async () => {
    const here = await added(bed.store, fullWorkitemOf('1.1'));
    const there = await added(bed.store, workitemOf('1.1', { route: 'other', mppsUid: '1.1.1' }));
    const { workitems } = bed.store;
    expect([await workitems.get(at('1.1')), await workitems.get(at('1.1', 'other'))]).toEqual([here, there]);
    expect([await workitems.findByMpps(ROUTE, '1.1.1'), await workitems.findByMpps('other', '1.1.1')]).toEqual([
      here,
      there,
    ]);
    expect(await workitems.findByMpps(ROUTE, '1.1')).toBeUndefined();
    expect(await workitems.findByMpps('third', '1.1.1')).toBeUndefined();
  });

  test('is not added under a key that is taken: what is there stays as it is', async () => {
    const record = await added(bed.store, workitemOf('1.1'));
    expect(await bed.store.workitems.add(fullWorkitemOf('1.1'), 'disk')).toBeUndefined();
    expect(await bed.store.workitems.get(at('1.1'))).toEqual(record);
  });

  test('a change writes it whole: members that are absent now are gone', async () => {
    const { workitems } = bed.store;
    const before = await added(bed.store, fullWorkitemOf('1.1'));
    const changed = await workitems.change(workitemOf('1.1', { state: 'COMPLETED' }), before.revision, 'disk');
    expect(changed).toEqual({
      ...workitemOf('1.1', { state: 'COMPLETED' }),
      revision: changed?.revision,
      createdAt: before.createdAt,
      updatedAt: changed?.updatedAt,
    });
    expect(changed?.revision).toBeGreaterThan(before.revision);
    expect(await workitems.get(at('1.1'))).toEqual(changed);
  });

  test('a change of another revision than the current one writes nothing', async () => {
    const { workitems } = bed.store;
    const before = await added(bed.store, workitemOf('1.1'));
    const changed = await workitems.change(fullWorkitemOf('1.1'), before.revision, 'process');
    for (const revision of [before.revision, (changed?.revision ?? 0) + 1, 0]) {
      expect(await workitems.change(workitemOf('1.1'), revision, 'disk')).toBeUndefined();
    }
    expect(await workitems.change(workitemOf('1.2'), before.revision, 'disk')).toBeUndefined();
    expect(await workitems.get(at('1.1'))).toEqual(changed);
    expect(await workitems.get(at('1.2'))).toBeUndefined();
  });

  test('of several who claim it at once exactly one wins', async () => {
    const shared = await makeBed();
    const first = await shared.open();
    const second = abilities.sharing ? await shared.open() : first;
    const { revision } = await added(first, workitemOf('1.1'));
    const claims = ['1', '2', '3', '4', '5', '6'].map((transactionUid, i) =>
      (i % 2 === 0 ? first : second).workitems.change(
        workitemOf('1.1', { transactionUid, pending: 'claim' }),
        revision,
        'disk',
      ),
    );
    const winners = (await Promise.all(claims)).filter((record) => record !== undefined);
    expect(winners).toHaveLength(1);
    expect(await second.workitems.get(at('1.1'))).toEqual(winners[0]);
    await first.close();
    if (second !== first) await second.close();
    await shared.remove();
  });

  test('one that cannot be read is STORE_DAMAGED for who asks for it, and is left out of lists', async () => {
    const fine = await added(bed.store, workitemOf('1.1'));
    const damaged = fullWorkitemOf('1.2', { isDeleted: false });
    await added(bed.store, damaged);
    await bed.alter(`UPDATE workitems SET workitem = '{' WHERE uid = '1.2'`);
    const { workitems } = bed.store;
    const failure = { name: 'GatewayError', code: 'STORE_DAMAGED' };
    await expect(workitems.get(at('1.2'))).rejects.toMatchObject(failure);
    await expect(workitems.findByMpps(ROUTE, '1.2.1')).rejects.toMatchObject(failure);
    expect(await workitems.list({ route: ROUTE })).toEqual([fine]);
    expect(await workitems.takeOpen(ROUTE, 10, 0)).toEqual([]);
  });
}

function describeSight(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let nowMs = 1_800_000_000_000;
  const bed = openedBed(makeBed, { now: () => nowMs });

  test('is added where it is new, SCHEDULED; its UID is given once', async () => {
    const { workitems } = bed.store;
    await added(bed.store, workitemOf('1.1', { route: 'other' }));
    expect(await workitems.see([foundOf('1.1'), foundOf('1.2'), foundOf('1.1')])).toEqual(['1.1', '1.2']);
    expect(await workitems.see([foundOf('1.2'), foundOf('1.3')])).toEqual(['1.3']);
    expect(await workitems.see([])).toEqual([]);
    for (const uid of ['1.1', '1.2', '1.3']) {
      expect(await workitems.get(at(uid))).toMatchObject(workitemOf(uid));
    }
  });

  test('is as many as a worklist has', async () => {
    const many = Array.from({ length: 450 }, (_, i) => foundOf(`1.${1_000 + i}`));
    expect((await bed.store.workitems.see(many)).toSorted()).toEqual(uidsIn(many as Workitem[]));
    expect(await bed.store.workitems.see(many)).toEqual([]);
  });

  test('has its new entry and workitem where the entry is another, and a new revision; else it stays as it is', async () => {
    const { workitems } = bed.store;
    await workitems.see([foundOf('1.1', 'first'), foundOf('1.2', 'first')]);
    const before = await workitems.get(at('1.1'));
    const other = await workitems.get(at('1.2'));
    expect(
      await workitems.see([foundOf('1.1', 'second'), { ...foundOf('1.2', 'first'), workitem: dataSetOf({}) }]),
    ).toEqual([]);
    const after = await workitems.get(at('1.1'));
    expect(after).toEqual({
      ...workitemOf('1.1', foundOf('1.1', 'second')),
      revision: after?.revision,
      createdAt: before?.createdAt,
      updatedAt: after?.updatedAt,
    });
    expect(after?.revision).toBeGreaterThan(before?.revision ?? 0);
    expect(await workitems.get(at('1.2'))).toEqual(other);
    expect(await workitems.change(fullWorkitemOf('1.1'), before?.revision ?? 0, 'disk')).toBeUndefined();
  });

  test('is not deleted any more, and does not count as new', async () => {
    await added(bed.store, workitemOf('1.1', { ...foundOf('1.1'), workitem: dataSetOf({}), isDeleted: true }));
    expect(await bed.store.workitems.see([foundOf('1.1')])).toEqual([]);
    expect(await bed.store.workitems.get(at('1.1'))).toMatchObject(workitemOf('1.1'));
  });

  test.each<Partial<Workitem>>([
    { state: 'IN PROGRESS' },
    { state: 'COMPLETED' },
    { state: 'CANCELED', isDeleted: true },
    { state: 'SCHEDULED', pending: 'claim' },
  ])('leaves alone what is more than SCHEDULED: %j', async (more) => {
    const before = await added(bed.store, workitemOf('1.1', more));
    expect(await bed.store.workitems.see([foundOf('1.1', 'other')])).toEqual([]);
    expect(await bed.store.workitems.get(at('1.1'))).toEqual(before);
  });

  test('is new for exactly one of those who find it at once, in whatever order', async () => {
    const shared = await makeBed();
    const stores = [await shared.open()];
    if (abilities.sharing) stores.push(await shared.open());
    const found = Array.from({ length: 30 }, (_, i) => foundOf(`1.${i + 10}`));
    const orders = [found, found.toReversed(), found.toSpliced(0, 9), found.toReversed().toSpliced(3, 12)];
    const news = await Promise.all(
      orders.map((order, i) => (stores[i % stores.length] ?? bed.store).workitems.see(order)),
    );
    expect(news.flat().toSorted()).toEqual(uidsIn(found as Workitem[]));
    for (const store of stores) await store.close();
    await shared.remove();
  });

  if (abilities.now) {
    test('does not age while it is found', async () => {
      const { workitems } = bed.store;
      await workitems.see([foundOf('1.1'), foundOf('1.2')]);
      for (let hours = 0; hours < 30; hours += 3) {
        nowMs += 3 * HOUR;
        await workitems.see([foundOf('1.2')]);
      }
      nowMs += 1;
      expect(await workitems.expire({ ...NONE, scheduledMs: DAY })).toBe(1);
      expect(uidsIn(await workitems.list({ route: ROUTE }))).toEqual(['1.2']);
    });
  }
}

function describeLists(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);
  const list = async (filter: Partial<WorkitemFilter> = {}): Promise<string[]> =>
    uidsIn(await bed.store.workitems.list({ route: ROUTE, ...filter }));

  test('is of one route, in the order of the UIDs, by state, without the deleted ones unless they are asked for', async () => {
    for (const [uid, more] of [
      ['1.9', { state: 'SCHEDULED' }],
      ['1.10', { state: 'IN PROGRESS' }],
      ['1.2', { state: 'COMPLETED' }],
      ['1.3', { state: 'CANCELED' }],
      ['1.4', { state: 'SCHEDULED', isDeleted: true }],
      ['1.5', { state: 'SCHEDULED', route: 'other' }],
    ] as const) {
      await added(bed.store, workitemOf(uid, more));
    }
    expect(await list()).toEqual(['1.10', '1.2', '1.3', '1.9']);
    expect(await list({ withDeleted: true })).toEqual(['1.10', '1.2', '1.3', '1.4', '1.9']);
    expect(await list({ states: ['SCHEDULED'] })).toEqual(['1.9']);
    expect(await list({ states: ['SCHEDULED', 'CANCELED'], withDeleted: true })).toEqual(['1.3', '1.4', '1.9']);
    expect(await list({ states: [] })).toEqual([]);
    expect(await list({ limit: 2 })).toEqual(['1.10', '1.2']);
    expect(await list({ limit: 2, after: '1.2' })).toEqual(['1.3', '1.9']);
    expect(await list({ after: '1.9' })).toEqual([]);
    expect(await list({ route: 'third' })).toEqual([]);
  });

  test('has on request only those that user agents have created, or changed before they were claimed', async () => {
    await bed.store.workitems.see([foundOf('1.1'), foundOf('1.2'), foundOf('1.3')]);
    const intended = dataSetOf({ '00741204': { vr: 'LO', Value: ['moved'] } });
    const seen = (await bed.store.workitems.get(at('1.2'))) as WorkitemRecord;
    await bed.store.workitems.change({ ...seen, intended }, seen.revision, 'disk');
    await added(bed.store, workitemOf('1.5', { entry: dataSetOf({}) }));
    await added(bed.store, workitemOf('1.6', { entry: dataSetOf({}), state: 'COMPLETED' }));
    await added(bed.store, fullWorkitemOf('1.7', { isDeleted: false }));
    expect(await list({ isKept: true })).toEqual(['1.2', '1.5', '1.6']);
    expect(await list({ isKept: true, states: ['SCHEDULED'] })).toEqual(['1.2', '1.5']);
    expect(await list({ isKept: true, states: ['SCHEDULED'], after: '1.2', limit: 1 })).toEqual(['1.5']);
  });

  test('has 100 at a time, unless it is told otherwise', async () => {
    await bed.store.workitems.see(Array.from({ length: 120 }, (_, i) => foundOf(`1.${1_000 + i}`)));
    expect(await list()).toHaveLength(100);
    expect(await list({ limit: 500 })).toHaveLength(120);
  });
}

function describeCounts(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);

  test('are by route and state, without the deleted ones', async () => {
    expect(await bed.store.workitems.counts()).toEqual([]);
    for (const uid of ['1.1', '1.2']) await added(bed.store, workitemOf(uid));
    await added(bed.store, workitemOf('1.3', { isDeleted: true }));
    await added(bed.store, workitemOf('1.4', { state: 'COMPLETED' }));
    await added(bed.store, workitemOf('1.1', { route: 'other' }));
    const counts = await bed.store.workitems.counts();
    expect(counts.toSorted((a, b) => (`${a.route} ${a.state}` < `${b.route} ${b.state}` ? -1 : 1))).toEqual([
      { route: 'other', state: 'SCHEDULED', count: 1 },
      { route: ROUTE, state: 'COMPLETED', count: 1 },
      { route: ROUTE, state: 'SCHEDULED', count: 2 },
    ]);
  });
}

function describePolls(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let nowMs = 1_800_000_000_000;
  const bed = openedBed(makeBed, { now: () => nowMs });
  const take = async (limit: number, notPolledForMs: number, route = ROUTE): Promise<string[]> =>
    uidsIn(await bed.store.workitems.takeOpen(route, limit, notPolledForMs));

  test('are IN PROGRESS and not deleted, of one route; none is taken twice within its time', async () => {
    const record = await added(bed.store, workitemOf('1.1', { state: 'IN PROGRESS' }));
    await added(bed.store, workitemOf('1.2', { state: 'IN PROGRESS', isDeleted: true }));
    await added(bed.store, workitemOf('1.3', { state: 'SCHEDULED' }));
    await added(bed.store, workitemOf('1.4', { state: 'COMPLETED' }));
    await added(bed.store, workitemOf('1.5', { state: 'IN PROGRESS', route: 'other' }));
    expect(await bed.store.workitems.takeOpen(ROUTE, 10, HOUR)).toEqual([record]);
    expect(await take(10, HOUR)).toEqual([]);
    // It is not changed by that.
    expect(await bed.store.workitems.get(at('1.1'))).toEqual(record);
    expect(await take(10, HOUR, 'other')).toEqual(['1.5']);
  });

  test('are at most as many as asked for, the one not polled for longest first', async () => {
    for (const uid of ['1.1', '1.2', '1.3']) await added(bed.store, workitemOf(uid, { state: 'IN PROGRESS' }));
    expect(await take(2, HOUR)).toEqual(['1.1', '1.2']);
    expect(await take(2, HOUR)).toEqual(['1.3']);
    expect(await take(1, 0)).toEqual(['1.1']);
  });

  if (abilities.now) {
    test('are due again after their time, and not a millisecond before', async () => {
      await added(bed.store, workitemOf('1.1', { state: 'IN PROGRESS' }));
      expect(await take(10, 30_000)).toEqual(['1.1']);
      nowMs += 29_999;
      expect(await take(10, 30_000)).toEqual([]);
      nowMs += 1;
      expect(await take(10, 30_000)).toEqual(['1.1']);
    });

    test('do not wait after a restart for a moment that only a wrong clock knew', async () => {
      await added(bed.store, workitemOf('1.1', { state: 'IN PROGRESS' }));
      nowMs += 365 * DAY;
      expect(await take(10, 30_000)).toEqual(['1.1']);
      nowMs -= 365 * DAY;
      await bed.reopen();
      expect(await take(10, 30_000)).toEqual(['1.1']);
    });
  }

  if (abilities.sharing) {
    test('are divided among several processes', async () => {
      const shared = await makeBed();
      const stores = [await shared.open(), await shared.open()];
      const [first] = stores;
      for (let i = 10; i < 30; i++)
        await added(first as OpenedBed['store'], workitemOf(`1.${i}`, { state: 'IN PROGRESS' }));
      const taken = await Promise.all(stores.map((store) => store.workitems.takeOpen(ROUTE, 20, HOUR)));
      taken.push(await (first as OpenedBed['store']).workitems.takeOpen(ROUTE, 20, HOUR));
      const uids = uidsIn(taken.flat());
      expect(uids).toHaveLength(20);
      expect(new Set(uids).size).toBe(20);
      for (const store of stores) await store.close();
      await shared.remove();
    });
  }
}

function describeAges(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let nowMs = 1_800_000_000_000;
  const bed = openedBed(makeBed, { now: () => nowMs });
  const left = async (): Promise<string[]> =>
    uidsIn(await bed.store.workitems.list({ route: ROUTE, withDeleted: true }));
  const addEach = async (): Promise<void> => {
    const states = ['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'] as const;
    for (const [i, state] of states.entries()) await added(bed.store, workitemOf(`1.${i}`, { state }));
  };
  const lock = (resource: string, aeTitle = 'WATCHER'): Promise<void> =>
    bed.store.subscriptions.put({ route: ROUTE, resource, aeTitle, standing: 'on', deletionLock: true });

  test('goes by its state', async () => {
    await addEach();
    const { workitems } = bed.store;
    expect(await workitems.expire(NONE)).toBe(0);
    expect([await workitems.expire({ ...NONE, finalMs: -HOUR }), await left()]).toEqual([2, ['1.0', '1.1']]);
    expect([await workitems.expire({ ...NONE, openMs: -HOUR }), await left()]).toEqual([1, ['1.0']]);
    expect([await workitems.expire({ ...NONE, scheduledMs: -HOUR }), await left()]).toEqual([1, []]);
  });

  test('is not what user agents have scheduled, which no search of a worklist sees again, until it is too long ago', async () => {
    await addEach();
    await added(bed.store, workitemOf('1.9', { entry: dataSetOf({}) }));
    expect(await bed.store.workitems.expire({ ...ALL, lockedMs: DAY })).toBe(4);
    expect(await left()).toEqual(['1.9']);
    expect([await bed.store.workitems.expire(ALL), await left()]).toEqual([1, []]);
  });

  test('is no more than the limit at a time, over all states', async () => {
    await addEach();
    const expire = (): Promise<number> => bed.store.workitems.expire({ ...ALL, limit: 3 });
    expect([await expire(), await expire(), await expire()]).toEqual([3, 1, 0]);
  });

  test.each([
    ['to it', '1.2'],
    ['to the worklist', WORKLIST_UID],
  ])('is not what a subscription %s has locked, until that is over or for too long', async (_which, resource) => {
    await addEach();
    await lock(resource);
    const all = await left();
    const unlocked = resource === WORKLIST_UID ? [] : ['1.0', '1.1', '1.3'];
    expect(await bed.store.workitems.expire({ ...ALL, lockedMs: DAY })).toBe(unlocked.length);
    expect(await left()).toEqual(all.filter((uid) => !unlocked.includes(uid)));
    await bed.store.subscriptions.put({
      route: ROUTE,
      resource: '1.2',
      aeTitle: 'WATCHER',
      standing: 'off',
      deletionLock: false,
    });
    expect(await bed.store.workitems.expire({ ...ALL, lockedMs: DAY })).toBe(1);
    expect(await bed.store.workitems.expire(ALL)).toBe(all.length - unlocked.length - 1);
    expect(await left()).toEqual([]);
  });

  test('takes its subscriptions and reports along, and leaves those of others', async () => {
    const { workitems, subscriptions } = bed.store;
    await added(bed.store, workitemOf('1.1', { state: 'COMPLETED' }));
    await added(bed.store, workitemOf('1.2'));
    await added(bed.store, workitemOf('1.1', { route: 'other' }));
    for (const [route, resource] of [
      [ROUTE, '1.1'],
      [ROUTE, '1.2'],
      ['other', '1.1'],
    ] as const) {
      await subscriptions.put({ route, resource, aeTitle: 'WATCHER', standing: 'on', deletionLock: false });
      await subscriptions.enqueue(route, ['WATCHER'], resource, reportOf(`${route} ${resource}`), 10);
    }
    expect(await workitems.expire({ ...NONE, finalMs: -HOUR })).toBe(1);
    expect(await subscriptions.get(ROUTE, '1.1', 'WATCHER')).toBeUndefined();
    expect(await subscriptions.get(ROUTE, '1.2', 'WATCHER')).toBeDefined();
    expect(await subscriptions.get('other', '1.1', 'WATCHER')).toBeDefined();
    expect(await subscriptions.waiting(ROUTE, 'WATCHER', 10)).toMatchObject([{ report: reportOf(`${ROUTE} 1.2`) }]);
    expect(await subscriptions.waiting('other', 'WATCHER', 10)).toHaveLength(1);
  });

  test('who writes to what has aged out meanwhile writes nothing, also when it has come back', async () => {
    const { workitems } = bed.store;
    await workitems.see([foundOf('1.1')]);
    const { revision, createdAt } = (await workitems.get(at('1.1'))) as WorkitemRecord;
    await workitems.expire(ALL);
    expect(await workitems.change(fullWorkitemOf('1.1'), revision, 'disk')).toBeUndefined();
    nowMs += 1;
    await workitems.see([foundOf('1.1')]);
    while ((await workitems.get(at('1.1')))?.createdAt === createdAt) {
      await workitems.expire(ALL);
      await workitems.see([foundOf('1.1')]);
    }
    expect(await workitems.change(fullWorkitemOf('1.1'), revision, 'disk')).toBeUndefined();
  });

  if (abilities.now) {
    test('counts from its last change, to the millisecond', async () => {
      const { workitems } = bed.store;
      const { revision } = await added(bed.store, workitemOf('1.1', { state: 'IN PROGRESS' }));
      nowMs += DAY;
      await workitems.change(workitemOf('1.1', { state: 'COMPLETED' }), revision, 'process');
      nowMs += HOUR;
      expect(await workitems.expire({ ...NONE, finalMs: HOUR })).toBe(0);
      nowMs += 1;
      expect(await workitems.expire({ ...NONE, finalMs: HOUR })).toBe(1);
    });
  }
}
