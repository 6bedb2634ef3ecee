/** What every store promises besides its records. */
import { expect, test } from '@jest/globals';
import { transactionOf } from '../../support/commitment-records.ts';
import { keyOf, recordOf } from '../../support/mpps-records.ts';
import { collect } from '../../support/requests.ts';
import { messageOf } from '../../support/spool-messages.ts';
import { claimOf, foundOf, reportOf, workitemOf } from '../../support/workitem-records.ts';
import { openedBed } from './bed.ts';
import type { MakeStoreBed } from './bed.ts';

export function describeStore(makeBed: MakeStoreBed): void {
  const bed = openedBed(makeBed);

  test('is one instance for good, and another than any other data base', async () => {
    const { instanceId } = bed.store;
    expect(instanceId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    await bed.reopen();
    expect(bed.store.instanceId).toBe(instanceId);
    const other = await makeBed();
    const otherStore = await other.open();
    expect(otherStore.instanceId).not.toBe(instanceId);
    await otherStore.close();
    await other.remove();
  });

  test('the only gateway on a store does the housekeeping', async () => {
    expect(await bed.store.leads()).toBe(true);
    expect(await bed.store.leads()).toBe(true);
  });

  test('work of one key runs one after another in the order it was given, and gives its result', async () => {
    const [began, first] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const begun: string[] = [];
    const run = (name: string, until: Promise<void>): Promise<string> =>
      bed.store.exclusively('ct ris 1.2.3', async () => {
        begun.push(name);
        began.resolve();
        await until;
        return name;
      });
    const runs = [run('first', first.promise), run('second', Promise.resolve()), run('third', Promise.resolve())];
    await began.promise;
    // Another key is not held up by those that wait; by its end they had time to overtake.
    expect(await bed.store.exclusively('ct ris 1.2.4', () => bed.store.mpps.get(keyOf('1.2.4')))).toBeUndefined();
    expect(begun).toEqual(['first']);
    first.resolve();
    expect(await Promise.all(runs)).toEqual(['first', 'second', 'third']);
    expect(begun).toEqual(['first', 'second', 'third']);
  });

  test('work that fails hands its error on, and the next of its key runs', async () => {
    const failed = bed.store.exclusively('a', () => Promise.reject(new RangeError('mine')));
    const next = bed.store.exclusively('a', () => Promise.resolve('next'));
    await expect(failed).rejects.toThrow(RangeError);
    expect(await next).toBe('next');
  });

  test('exclusive work may write, and may take another key meanwhile', async () => {
    const { store } = bed;
    const result = await store.exclusively('a', async () => {
      await store.mpps.put(recordOf('1.2.1'), 'disk');
      return store.exclusively('b', () => store.mpps.get(keyOf('1.2.1')));
    });
    expect(result).toEqual(recordOf('1.2.1'));
  });

  test('more keys than a store has connections are worked on at a time', async () => {
    const keys = Array.from({ length: 40 }, (_, i) => `key ${i}`);
    const allBegan = Promise.withResolvers<void>();
    let begun = 0;
    const runs = keys.map((key) =>
      bed.store.exclusively(key, async () => {
        if (++begun === keys.length) allBegan.resolve();
        await allBegan.promise;
        return key;
      }),
    );
    expect(await Promise.all(runs)).toEqual(keys);
  });

  test('what was written before the close is there after it', async () => {
    const { store } = bed;
    const writes = [
      store.mpps.put(recordOf('1.2.1'), 'process'),
      store.mpps.accept(recordOf('1.2.2'), [messageOf('1.2.2')]),
    ];
    await bed.reopen();
    await Promise.all(writes);
    expect(await bed.store.mpps.get(keyOf('1.2.1'))).toEqual(recordOf('1.2.1'));
    expect(await bed.store.spool.countOf(keyOf('1.2.2'))).toBe(1);
  });

  test('after close every call is STORE_FAILED; a second close does nothing', async () => {
    const { store } = bed;
    await store.close();
    await store.close();
    const step = { upstream: 'sandbox', uid: '1.2.1' };
    const destination = { route: 'ct', upstream: 'ris' };
    const calls = [
      () => store.mpps.put(recordOf('1.2.1'), 'disk'),
      () => store.mpps.get(keyOf('1.2.1')),
      () => store.mpps.accept(undefined, [messageOf('1.2.1')]),
      () => store.mpps.eraseDeliveredCopy(keyOf('1.2.1')),
      () => store.steps.get(step),
      () => store.worklist.get({ upstream: 'sandbox', id: 'a' }),
      () => collect(store.worklist.find('sandbox', {})),
      () => store.exceptions.list(),
      () => store.spool.claim(destination, 1, 1_000),
      () => store.spool.nextDueMs(destination),
      () => store.spool.list({}),
      () => store.spool.depths(),
      () => store.commitments.add(transactionOf('1.2.1'), 1_000),
      () => store.commitments.claim([destination], 1, 1_000),
      () => store.commitments.list({}),
      () => store.workitems.see([foundOf('1.1')]),
      () => store.workitems.add(workitemOf('1.1'), 'disk'),
      () => store.workitems.list({ route: 'ct' }),
      () => store.subscriptions.isWatched('ct'),
      () => store.subscriptions.enqueue('ct', ['CT1'], '1.1', reportOf('late'), 10),
      () => store.claims.add(claimOf('1.1'), 'disk'),
      () => store.claims.findStep('ups', '1.1', 'S1'),
      () => store.leads(),
      () => store.exclusively('a', () => Promise.resolve()),
    ];
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_FAILED' });
    }
  });
}
