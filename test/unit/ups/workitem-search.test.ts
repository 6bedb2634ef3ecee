import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { WORKLIST_UID } from '../../../src/services/ups/workitem.ts';
import { collect, entryOf } from '../../support/requests.ts';
import { ServiceBed, LOCK, USER_AGENT } from '../../support/workitem-service.ts';

const WORKLIST = [entryOf('PID-1', 'SPS1'), entryOf('PID-2', 'SPS2', 'MR'), entryOf('PID-3', 'SPS3')];
const IN_PROGRESS = dataSetOf({ '00741000': attribute('CS', 'IN PROGRESS') });
const SCHEDULED = dataSetOf({ '00741000': attribute('CS', 'SCHEDULED') });
const CT = dataSetOf({
  '00404026': attribute('SQ', dataSetOf({ '00080100': attribute('SH', 'CT'), '00080102': attribute('SH', 'DCM') })),
});

async function bedWith(entries = WORKLIST): Promise<ServiceBed> {
  return ServiceBed.open({}, entries);
}

function patientsOf(workitems: Awaited<ReturnType<ServiceBed['search']>>): (string | undefined)[] {
  return workitems.map((workitem) => firstText(workitem, '00100020'));
}

describe('searches for workitems (proxy flows 7.1, PS3.18 11.9)', () => {
  let bed: ServiceBed;
  afterEach(() => bed.close());

  test('finds the worklist as workitems that are SCHEDULED and keep their UIDs', async () => {
    bed = await bedWith();
    const [first, second] = [await bed.search(), await bed.search()];
    expect(patientsOf(first)).toEqual(['PID-1', 'PID-2', 'PID-3']);
    expect(first.map((workitem) => firstText(workitem, '00741000'))).toEqual(['SCHEDULED', 'SCHEDULED', 'SCHEDULED']);
    expect(second.map((one) => firstText(one, '00080018'))).toEqual(first.map((one) => firstText(one, '00080018')));
    expect(new Set(first.map((one) => firstText(one, '00080018'))).size).toBe(3);
  });

  test('matches by keys that a worklist has elsewhere', async () => {
    bed = await bedWith();
    expect(patientsOf(await bed.search(CT))).toEqual(['PID-1', 'PID-3']);
  });

  test('shows what is claimed once, with its state, and no longer as SCHEDULED', async () => {
    bed = await bedWith();
    const [workitem = createDataSet()] = await bed.search();
    await bed.service.changeState(firstText(workitem, '00080018') ?? '', 'IN PROGRESS', LOCK, bed.context());
    expect(patientsOf(await bed.search(SCHEDULED))).toEqual(['PID-2', 'PID-3']);
    expect(patientsOf(await bed.search())).toEqual(['PID-2', 'PID-3', 'PID-1']);
    const all = await bed.search();
    expect(all.some((one) => one['00081195'] !== undefined)).toBe(false);
  });

  test('asks the worklist for nothing when SCHEDULED is not wanted', async () => {
    bed = await bedWith();
    await bed.claimed();
    bed.far.entries = [];
    const { searches } = bed.far;
    expect(patientsOf(await bed.search(IN_PROGRESS))).toEqual(['PID-1']);
    expect(bed.far.searches).toBe(searches);
  });

  test('gives a page, and tells that there is more (PS3.18 8.3.4.4)', async () => {
    bed = await bedWith();
    const query = {
      identifier: createDataSet(),
      returnKeys: 'all',
      fuzzyMatching: false,
      offset: 1,
      limit: 1,
    } as const;
    const context = bed.context();
    expect(patientsOf(await collect(bed.service.search(query, context)))).toEqual(['PID-2']);
    expect(context.warnings.map(({ code }) => code)).toEqual(['MORE_RESULTS']);
    const last = bed.context();
    await collect(bed.service.search({ ...query, offset: 2 }, last));
    expect(last.warnings).toEqual([]);
  });

  test('tells that names are matched literally only', async () => {
    bed = await bedWith();
    const query = { identifier: createDataSet(), returnKeys: 'all', fuzzyMatching: true, offset: 0 } as const;
    const context = bed.context();
    await collect(bed.service.search(query, context));
    expect(context.warnings.map(({ code }) => code)).toEqual(['FUZZY_MATCHING_NOT_SUPPORTED']);
  });

  test('fails as the worklist fails', async () => {
    bed = await bedWith();
    bed.far.searchFails = new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' });
    await expect(bed.search()).rejects.toMatchObject({ code: 'UPSTREAM_UNREACHABLE' });
  });

  test('is not offered where the route of the requester offers no workitems', async () => {
    bed = await bedWith();
    const query = { identifier: createDataSet(), returnKeys: 'all', fuzzyMatching: false, offset: 0 } as const;
    const other = bed.context({ ...USER_AGENT, listener: 'other' });
    await expect(collect(bed.service.search(query, other))).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
  });

  test('finds what was changed before it was claimed by what it says now, as long as the worklist has it', async () => {
    bed = await ServiceBed.open({ updateScheduled: 'keep' }, WORKLIST);
    const start = (day: string): DataSet => dataSetOf({ '00404005': attribute('DT', day) });
    const [, workitem = createDataSet()] = await bed.search();
    await bed.service.update(firstText(workitem, '00080018') ?? '', undefined, start('20260305100000'), bed.context());
    expect(patientsOf(await bed.search(start('20260305-20260305')))).toEqual(['PID-2']);
    expect(patientsOf(await bed.search(start('20260301-20260301')))).toEqual(['PID-1', 'PID-3']);
    expect(patientsOf(await bed.search())).toEqual(['PID-1', 'PID-2', 'PID-3']);
    bed.far.entries = [];
    expect(await bed.search(start('20260305-20260305'))).toEqual([]);
  });

  test('reads what it has found, and not the whole store, to find what user agents have created', async () => {
    bed = await ServiceBed.open({ create: 'keep' }, WORKLIST);
    const lists = jest.spyOn(bed.store.workitems, 'list');
    expect(await bed.search(SCHEDULED)).toHaveLength(3);
    const listed = await Promise.all(lists.mock.results.map(async ({ value }) => value as Promise<unknown[]>));
    expect(listed).toEqual([[]]);
  });

  test('tells of a whole page of new workitems in one go, each once', async () => {
    const entries = Array.from({ length: 120 }, (_, i) => entryOf(`PID-${i}`, `SPS${i}`));
    bed = await ServiceBed.open({ maximumReports: 1_000 }, entries);
    await bed.service.subscribe(WORKLIST_UID, 'WATCH', { deletionLock: false }, bed.context());
    let [under, most] = [0, 0];
    const { subscriptions } = bed.store;
    const enqueue = subscriptions.enqueue.bind(subscriptions);
    jest.spyOn(subscriptions, 'enqueue').mockImplementation(async (...report) => {
      most = Math.max(most, ++under);
      await enqueue(...report);
      under--;
      return 0;
    });
    await bed.search();
    await bed.search();
    expect(most).toBe(50);
    const waiting = await subscriptions.waiting('ups', 'WATCH', 1_000);
    expect(new Set(waiting.map(({ report }) => firstText(report, '00001000'))).size).toBe(120);
    expect(waiting).toHaveLength(120);
  });
});

describe('retrieving a workitem (proxy flows 7.2, PS3.18 11.5)', () => {
  let bed: ServiceBed;
  afterEach(() => bed.close());

  test('knows those that a search has found: 404 for another UID', async () => {
    bed = await bedWith();
    const uid = await bed.listed();
    expect(firstText(await bed.service.retrieve(uid, bed.context()), '00100020')).toBe('PID-1');
    await expect(bed.service.retrieve('2.25.5', bed.context())).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
  });

  test('is as the worklist is by now, and 410 once that has it no longer', async () => {
    bed = await bedWith();
    const uid = await bed.listed();
    const changed = dataSetOf({ ...entryOf('PID-1', 'SPS1'), '00100040': attribute('CS', 'F') });
    bed.far.entries = [changed];
    expect(firstText(await bed.service.retrieve(uid, bed.context()), '00100040')).toBe('F');
    bed.far.entries = [];
    await expect(bed.service.retrieve(uid, bed.context())).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
    bed.far.entries = [changed];
    expect(firstText(await bed.service.retrieve(uid, bed.context()), '00100040')).toBe('F');
  });

  test('is as it was seen last, with a warning, when the worklist does not answer', async () => {
    bed = await bedWith();
    const uid = await bed.listed();
    bed.far.searchFails = new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'safe' });
    const context = bed.context();
    expect(firstText(await bed.service.retrieve(uid, context), '00100020')).toBe('PID-1');
    expect(context.warnings.map(({ code }) => code)).toEqual(['UPSTREAM_WARNING']);
  });

  test('is 410 once its MPPS is deleted, but for who has a deletion lock (PS3.4 CC.2.3.1)', async () => {
    bed = await bedWith();
    const uid = await bed.claimed();
    await bed.service.subscribe(uid, 'WATCH', { deletionLock: true }, bed.context());
    bed.far.instances.clear();
    expect(await bed.stateOf(uid)).toBe('IN PROGRESS');
    await bed.service.unsubscribe(uid, 'WATCH', bed.context());
    await expect(bed.stateOf(uid)).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
  });
});
