/** The rules of subscriptions to workitems (PS3.4 CC.2.3) and of the reports that wait, over every store. */
import { describe, expect, test } from '@jest/globals';
import { WORKLIST_UID } from '../../../src/services/ups/workitem.ts';
import type { Subscription, WaitingReport } from '../../../src/store/workitem-records.ts';
import { added, reportOf, ROUTE, workitemOf } from '../../support/workitem-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed, OpenedBed, StoreAbilities } from './bed.ts';

const HOUR = 3_600_000;

export function describeSubscriptions(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  describe('a subscription', () => describeStandings(makeBed));
  describe('the reports of a subscriber', () => describeReports(makeBed, abilities));
}

function put(
  bed: OpenedBed,
  resource: string,
  aeTitle: string,
  { standing = 'on', deletionLock = false, route = ROUTE }: Partial<Subscription> = {},
): Promise<void> {
  return bed.store.subscriptions.put({ route, resource, aeTitle, standing, deletionLock });
}

function describeStandings(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);
  const hear = (uid: string, route = ROUTE): Promise<readonly string[]> =>
    bed.store.subscriptions.subscribersOf({ route, uid });
  const isLocked = (uid: string, route = ROUTE): Promise<boolean> => bed.store.subscriptions.isLocked({ route, uid });

  test('is there whole, before and after a restart, and replaced by a later one', async () => {
    const first: Subscription = { route: ROUTE, resource: '1.1', aeTitle: 'A', standing: 'on', deletionLock: true };
    await bed.store.subscriptions.put(first);
    await bed.reopen();
    expect(await bed.store.subscriptions.get(ROUTE, '1.1', 'A')).toEqual(first);
    await bed.store.subscriptions.put({ ...first, standing: 'off', deletionLock: false });
    expect(await bed.store.subscriptions.get(ROUTE, '1.1', 'A')).toEqual({
      ...first,
      standing: 'off',
      deletionLock: false,
    });
    const { subscriptions } = bed.store;
    expect(await subscriptions.get('other', '1.1', 'A')).toBeUndefined();
    expect(await subscriptions.get(ROUTE, '1.2', 'A')).toBeUndefined();
    expect(await subscriptions.get(ROUTE, '1.1', 'B')).toBeUndefined();
  });

  test('to a workitem hears of it alone, in its route', async () => {
    await put(bed, '1.1', 'B');
    await put(bed, '1.1', 'A');
    await put(bed, '1.2', 'C');
    await put(bed, '1.1', 'D', { route: 'other' });
    expect([await hear('1.1'), await hear('1.2'), await hear('1.3')]).toEqual([['A', 'B'], ['C'], []]);
    expect(await hear('1.1', 'other')).toEqual(['D']);
  });

  test('to the worklist hears of every workitem once, but of those it took back (PS3.4 CC.2.3.3)', async () => {
    await put(bed, WORKLIST_UID, 'A');
    await put(bed, '1.1', 'A');
    await put(bed, '1.2', 'A', { standing: 'off' });
    await put(bed, '1.2', 'B');
    expect([await hear('1.1'), await hear('1.2'), await hear('1.3')]).toEqual([['A'], ['B'], ['A']]);
    expect(await hear('1.1', 'other')).toEqual([]);
  });

  test('to the worklist takes the place of the others of its AE title, locks too', async () => {
    await put(bed, '1.1', 'A', { deletionLock: true });
    await put(bed, '1.2', 'A', { standing: 'off' });
    await put(bed, '1.1', 'A', { route: 'other', deletionLock: true });
    await put(bed, '1.2', 'B', { standing: 'off' });
    await put(bed, WORKLIST_UID, 'A');
    expect([await hear('1.1'), await hear('1.2')]).toEqual([['A'], ['A']]);
    expect([await isLocked('1.1'), await isLocked('1.1', 'other')]).toEqual([false, true]);
    expect(await bed.store.subscriptions.get(ROUTE, '1.2', 'B')).toBeDefined();
  });

  test('that is suspended hears of what is older, and of what it is subscribed to by itself', async () => {
    await added(bed.store, workitemOf('1.1'));
    await put(bed, WORKLIST_UID, 'A', { deletionLock: true });
    await put(bed, WORKLIST_UID, 'A', { standing: 'suspended', deletionLock: true });
    await added(bed.store, workitemOf('1.2'));
    await added(bed.store, workitemOf('1.3'));
    await put(bed, '1.3', 'A');
    const told = async (): Promise<unknown> => [await hear('1.1'), await hear('1.2'), await hear('1.3')];
    expect(await told()).toEqual([['A'], [], ['A']]);
    expect([await isLocked('1.1'), await isLocked('1.2'), await isLocked('1.3')]).toEqual([true, false, false]);
    // To suspend it again does not take in what has come since.
    await put(bed, WORKLIST_UID, 'A', { standing: 'suspended' });
    expect(await told()).toEqual([['A'], [], ['A']]);
    await put(bed, '1.1', 'A', { standing: 'off' });
    expect(await told()).toEqual([[], [], ['A']]);
    await put(bed, WORKLIST_UID, 'A');
    expect(await told()).toEqual([['A'], ['A'], ['A']]);
    await put(bed, WORKLIST_UID, 'A', { standing: 'suspended' });
    expect(await told()).toEqual([['A'], ['A'], ['A']]);
  });

  test('has a lock for as long as it stands', async () => {
    await put(bed, WORKLIST_UID, 'A', { deletionLock: true });
    await put(bed, '1.1', 'A', { standing: 'off' });
    await put(bed, '1.2', 'A');
    await put(bed, '1.3', 'A', { standing: 'off' });
    await put(bed, '1.3', 'B', { deletionLock: true });
    expect([await isLocked('1.1'), await isLocked('1.2'), await isLocked('1.3')]).toEqual([false, false, true]);
    expect([await isLocked('1.4'), await isLocked('1.4', 'other')]).toEqual([true, false]);
    await bed.store.subscriptions.remove(ROUTE, WORKLIST_UID, 'A');
    expect([await isLocked('1.4'), await isLocked('1.3')]).toEqual([false, true]);
  });

  test('is removed once; one to the worklist with all others of its AE title', async () => {
    const { subscriptions } = bed.store;
    await put(bed, WORKLIST_UID, 'A');
    await put(bed, '1.1', 'A', { standing: 'off' });
    await put(bed, '1.2', 'A');
    await put(bed, '1.1', 'B');
    await put(bed, '1.2', 'A', { route: 'other' });
    expect(await subscriptions.remove(ROUTE, '1.2', 'A')).toBe(true);
    expect(await subscriptions.remove(ROUTE, '1.2', 'A')).toBe(false);
    expect(await subscriptions.get(ROUTE, '1.1', 'A')).toBeDefined();
    await put(bed, '1.2', 'A');
    expect(await subscriptions.remove(ROUTE, WORKLIST_UID, 'B')).toBe(false);
    expect(await subscriptions.remove(ROUTE, WORKLIST_UID, 'A')).toBe(true);
    expect([await subscriptions.get(ROUTE, '1.1', 'A'), await subscriptions.get(ROUTE, '1.2', 'A')]).toEqual([
      undefined,
      undefined,
    ]);
    expect([await hear('1.1'), await hear('1.2', 'other')]).toEqual([['B'], ['A']]);
  });

  test('makes its route watched, unless it takes something back', async () => {
    const { subscriptions } = bed.store;
    await put(bed, '1.1', 'A', { standing: 'off' });
    expect(await subscriptions.isWatched(ROUTE)).toBe(false);
    await put(bed, WORKLIST_UID, 'A', { standing: 'suspended' });
    expect([await subscriptions.isWatched(ROUTE), await subscriptions.isWatched('other')]).toEqual([true, false]);
    await subscriptions.remove(ROUTE, WORKLIST_UID, 'A');
    expect(await subscriptions.isWatched(ROUTE)).toBe(false);
    await put(bed, '1.1', 'A');
    expect(await subscriptions.isWatched(ROUTE)).toBe(true);
  });
}

function describeReports(makeBed: MakeStoreBed, abilities: StoreAbilities): void {
  let nowMs = 1_800_000_000_000;
  const bed = openedBed(makeBed, { now: () => nowMs });
  const enqueue = (aeTitles: readonly string[], text: string, maximum = 100, route = ROUTE): Promise<number> =>
    bed.store.subscriptions.enqueue(route, aeTitles, '1.1', reportOf(text), maximum);
  const waiting = (aeTitle: string, limit = 100, route = ROUTE): Promise<WaitingReport[]> =>
    bed.store.subscriptions.waiting(route, aeTitle, limit);
  const texts = async (aeTitle: string, limit?: number, route?: string): Promise<unknown[]> =>
    (await waiting(aeTitle, limit, route)).map(({ report }) => report['00741238']?.Value?.[0]);

  test('are there whole and in order, before and after a restart, one of each for each subscriber', async () => {
    expect(await enqueue(['A', 'B', 'A'], 'first')).toBe(0);
    expect(await enqueue(['A'], 'second')).toBe(0);
    expect(await enqueue(['A'], 'elsewhere', 100, 'other')).toBe(0);
    expect(await enqueue([], 'nobody')).toBe(0);
    await bed.reopen();
    const reports = await waiting('A');
    expect(reports).toEqual(['first', 'second'].map((text) => ({ id: expect.any(Number), report: reportOf(text) })));
    expect(reports[1]?.id).toBeGreaterThan(reports[0]?.id ?? Infinity);
    expect(Object.getPrototypeOf(reports[0]?.report)).toBeNull();
    expect([await texts('B'), await texts('C'), await texts('A', 100, 'other')]).toEqual([
      ['first'],
      [],
      ['elsewhere'],
    ]);
    expect(await texts('A', 1)).toEqual(['first']);
  });

  test('are gone once they have arrived, up to the last of them', async () => {
    for (const text of ['first', 'second', 'third']) await enqueue(['A', 'B'], text);
    await enqueue(['A'], 'elsewhere', 100, 'other');
    const [, second] = await waiting('A');
    await bed.store.subscriptions.delivered(ROUTE, 'A', second?.id ?? 0);
    await bed.store.subscriptions.delivered(ROUTE, 'A', second?.id ?? 0);
    expect([await texts('A'), await texts('B')]).toEqual([['third'], ['first', 'second', 'third']]);
    expect(await texts('A', 100, 'other')).toEqual(['elsewhere']);
  });

  test('are dropped beyond the maximum, the oldest first, of each subscriber by itself', async () => {
    await enqueue(['B'], 'only');
    for (const text of ['first', 'second', 'third']) expect(await enqueue(['A'], text, 3)).toBe(0);
    expect(await enqueue(['A', 'B'], 'fourth', 3)).toBe(1);
    expect(await enqueue(['A', 'B'], 'fifth', 1)).toBe(3 + 2);
    expect([await texts('A'), await texts('B')]).toEqual([['fifth'], ['fifth']]);
  });

  test('are counted by route, with the age of the oldest', async () => {
    expect(await bed.store.subscriptions.counts()).toEqual([]);
    await enqueue(['A', 'B'], 'first');
    await enqueue(['A'], 'second');
    await enqueue(['A'], 'elsewhere', 100, 'other');
    const counts = await bed.store.subscriptions.counts();
    expect(counts.toSorted((a, b) => (a.route < b.route ? -1 : 1))).toEqual([
      { route: 'other', count: 1, oldestMs: expect.any(Number) },
      { route: ROUTE, count: 3, oldestMs: expect.any(Number) },
    ]);
    for (const { oldestMs } of counts) expect(oldestMs >= 0 && oldestMs < 60_000).toBe(true);
  });

  test('that cannot be read are passed by', async () => {
    for (const text of ['first', 'second', 'third']) await enqueue(['A'], text);
    await bed.alter(`UPDATE workitem_reports SET report = 'no JSON' WHERE report LIKE '%second%'`);
    expect(await texts('A')).toEqual(['first', 'third']);
  });

  test('that nobody fetched age out', async () => {
    await enqueue(['A', 'B'], 'first');
    expect(await bed.store.subscriptions.expireReports(HOUR)).toBe(0);
    expect(await bed.store.subscriptions.expireReports(-HOUR)).toBe(2);
    expect(await texts('A')).toEqual([]);
    if (!abilities.now) return;
    await enqueue(['A'], 'second');
    nowMs += HOUR;
    expect(await bed.store.subscriptions.expireReports(HOUR)).toBe(0);
    nowMs += 1;
    expect(await bed.store.subscriptions.expireReports(HOUR)).toBe(1);
  });

  test('are not lost between several who put them in and one who takes them out', async () => {
    const shared = await makeBed();
    const stores = [await shared.open()];
    if (abilities.sharing) stores.push(await shared.open());
    const [reader = bed.store] = stores;
    const count = 40;
    const writes = Array.from({ length: count }, (_, i) =>
      (stores[i % stores.length] ?? reader).subscriptions.enqueue(
        ROUTE,
        i % 3 === 0 ? ['A', 'B'] : ['B', 'A'],
        '1.1',
        reportOf(String(i)),
        1_000,
      ),
    );
    let isWritten = false;
    const written = Promise.all(writes).then(() => (isWritten = true));
    const seen: WaitingReport[] = [];
    for (let isLast = false; !isLast && seen.length <= count;) {
      isLast = isWritten;
      const reports = await reader.subscriptions.waiting(ROUTE, 'A', 5);
      seen.push(...reports);
      await reader.subscriptions.delivered(ROUTE, 'A', reports.at(-1)?.id ?? 0);
      isLast &&= reports.length === 0;
    }
    await written;
    expect(seen).toHaveLength(count);
    expect(seen.map(({ id }) => id)).toEqual(seen.map(({ id }) => id).toSorted((a, b) => a - b));
    for (const store of stores) await store.close();
    await shared.remove();
  });
}
