import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openMemoryStore } from '../../../src/store/sqlite.ts';
import type { Store } from '../../../src/store/store.ts';
import { WorkitemStrays } from '../../../src/ups/strays.ts';
import { keepingLogger } from '../../support/requests.ts';
import type { LogLine } from '../../support/requests.ts';
import { claimOf, workitemOf } from '../../support/workitem-records.ts';

let store: Store;
beforeEach(async () => {
  store = await openMemoryStore();
});
afterEach(() => store.close());

const told = async (routes: string[], upstreams: string[]): Promise<unknown[]> => {
  const lines: LogLine[] = [];
  const strays = new WorkitemStrays(store, keepingLogger(lines));
  for (let reload = 0; reload < 2; reload++) await strays.look({ routes, upstreams });
  return lines.map(({ message: _, ...line }) => line);
};

test('warns once of workitems and claims that are under way under a name the configuration no longer has', async () => {
  await store.workitems.add(workitemOf('1.1', { route: 'old', state: 'IN PROGRESS' }), 'disk');
  await store.workitems.add(workitemOf('1.2', { route: 'old', state: 'COMPLETED' }), 'disk');
  await store.workitems.add(workitemOf('1.3', { route: 'older' }), 'disk');
  await store.claims.add(claimOf('1.4', { upstream: 'ups', isOpen: true }), 'disk');
  await store.claims.add(claimOf('1.5', { upstream: 'ended', isOpen: false }), 'disk');
  expect(await told(['old'], ['ups'])).toEqual([]);
  expect(await told(['new'], ['ups2'])).toEqual([
    { level: 'warn', route: 'old', count: 1 },
    { level: 'warn', upstream: 'ups', count: 1 },
  ]);
});

test('says so where the store cannot be read, and harms nobody', async () => {
  await store.close();
  expect(await told([], [])).toMatchObject([{ level: 'error' }, { level: 'error' }]);
  store = await openMemoryStore();
});
