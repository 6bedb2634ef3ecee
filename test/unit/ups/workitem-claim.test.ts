import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import { entryOf } from '../../support/requests.ts';
import { ServiceBed, LOCK, OTHER_LOCK, turns } from '../../support/workitem-service.ts';

const ENTRY = dataSetOf({ ...entryOf('PID-1', 'SPS1'), '00401001': attribute('SH', 'RP1') });

let bed: ServiceBed;
afterEach(() => bed.close());

function claim(uid: string, lock: string | undefined = LOCK, context = bed.context()): Promise<void> {
  return bed.service.changeState(uid, 'IN PROGRESS', lock, context);
}

describe('a claim is an N-CREATE (proxy flows 7.3, PS3.18 11.7)', () => {
  test('begins an MPPS for the scheduled step, by its worklist entry as it is now', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.entries = [dataSetOf({ ...ENTRY, '00100040': attribute('CS', 'F') })];
    await claim(uid);
    const [mpps = {}] = [...bed.far.instances.values()];
    const [step = {}] = itemsOf(mpps['00400270']);
    expect([firstText(mpps, '00400252'), firstText(mpps, '00100020'), firstText(mpps, '00100040')]).toEqual([
      'IN PROGRESS',
      'PID-1',
      'F',
    ]);
    expect([firstText(mpps, '00400241'), firstText(mpps, '00080060')]).toEqual(['STATION1', 'CT']);
    expect([firstText(step, '0020000D'), firstText(step, '00401001'), firstText(step, '00400009')]).toEqual([
      '1.2.3.4',
      'RP1',
      'SPS1',
    ]);
    expect(await bed.stateOf(uid)).toBe('IN PROGRESS');
  });

  test('names the station of the configuration before that of the schedule', async () => {
    bed = await ServiceBed.open({ stationAeTitle: 'WORKSTATION' }, [ENTRY]);
    await bed.claimed();
    expect([...bed.far.instances.values()].map((mpps) => firstText(mpps, '00400241'))).toEqual(['WORKSTATION']);
  });

  test('is refused without a Transaction UID, and of what no search has found', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    await expect(claim(uid, '')).rejects.toMatchObject({ code: 'INVALID_UID' });
    await expect(bed.service.changeState(uid, 'IN PROGRESS', undefined, bed.context())).rejects.toMatchObject({
      code: 'TRANSACTION_UID_MISSING',
    });
    await expect(claim('2.25.5')).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    expect(bed.far.instances.size).toBe(0);
  });

  test.each([
    ['the same lock: C302H', LOCK, 0xc302],
    ['another lock: 409 all the same (status mapping 11.2)', OTHER_LOCK, 0xc301],
  ])('is a conflict when it is claimed by %s', async (_, lock, dimseStatus) => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.claimed();
    await expect(claim(uid, lock)).rejects.toMatchObject({ code: 'STATE_CONFLICT', dimseStatus });
    expect(bed.far.instances.size).toBe(1);
  });

  test('wins once of two at the same time', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    const ends = await Promise.allSettled([claim(uid), claim(uid, OTHER_LOCK)]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(bed.far.instances.size).toBe(1);
  });

  test('wins once of two in processes that have both lost their locks: the revision decides', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.store.exclusively = (_, work) => work();
    const ends = await Promise.allSettled([claim(uid), claim(uid, OTHER_LOCK)]);
    expect(ends.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(bed.far.instances.size).toBe(1);
  });

  test('does not suffer from a search that finds the workitem changed at the same time', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    const { workitems } = bed.store;
    const change = workitems.change.bind(workitems);
    let isSeen = false;
    workitems.change = async (...changed) => {
      if (!isSeen) await workitems.see([{ route: 'ups', uid, entry: dataSetOf({}), workitem: dataSetOf({}) }]);
      isSeen = true;
      return change(...changed);
    };
    await claim(uid);
    expect(isSeen).toBe(true);
    expect(await bed.stateOf(uid)).toBe('IN PROGRESS');
    expect(firstText(await bed.service.retrieve(uid, bed.context()), '00100020')).toBe('PID-1');
  });

  test('is 410 of a step that the worklist has no longer', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.entries = [];
    await expect(claim(uid)).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
    expect(bed.far.instances.size).toBe(0);
  });

  test('takes what was seen last, with a warning, when the worklist does not answer', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.searchFails = new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' });
    const context = bed.context();
    await claim(uid, LOCK, context);
    expect(context.warnings.map(({ code }) => code)).toEqual(['UPSTREAM_WARNING']);
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
  });
});

describe('an N-CREATE that fails (status mapping 11.2)', () => {
  test.each(['MISSING_VALUE', 'MISSING_ATTRIBUTE', 'INVALID_VALUE'] as const)(
    'for the data of the gateway is no fault of the user agent: %s becomes 500, with the attributes',
    async (code) => {
      bed = await ServiceBed.open({}, [ENTRY]);
      const uid = await bed.listed();
      bed.far.moods = [new ServiceFailure(code, { attributes: ['00400241'] })];
      await expect(claim(uid)).rejects.toMatchObject({ code: 'CONVERSION_FAILED', attributes: ['00400241'] });
    },
  );

  test.each([
    ['permanent', new ServiceFailure('NOT_AUTHORIZED')],
    ['safe', new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe' })],
  ])('leaves the workitem as it was, for anybody to claim: %s', async (_, failure) => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    const before = await bed.service.retrieve(uid, bed.context());
    bed.far.moods = [failure];
    await expect(claim(uid)).rejects.toMatchObject({ code: failure.code });
    expect(await bed.service.retrieve(uid, bed.context())).toEqual(before);
    await claim(uid, OTHER_LOCK);
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
  });

  test('with 0111H is sent once more with another UID, then it is the far end that is wrong', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    const duplicate = new ServiceFailure('DUPLICATE_INSTANCE');
    bed.far.moods = [duplicate, duplicate];
    await expect(claim(uid)).rejects.toMatchObject({ code: 'UPSTREAM_ERROR' });
    bed.far.moods = [duplicate];
    await claim(uid);
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
  });

  test('without an answer keeps the workitem for its user agent, whose repeat goes on with the same MPPS', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.canRetrieve = false;
    bed.far.moods = ['lost', 'vanish'];
    await expect(claim(uid)).rejects.toMatchObject({ retry: 'ambiguous' });
    const [mppsUid] = bed.far.instances.keys();
    await claim(uid);
    expect([...bed.far.instances.keys()]).toEqual([mppsUid]);
    expect((await bed.store.workitems.get({ route: 'ups', uid }))?.pending).toBeUndefined();
  });

  test('without an answer is brought to its end by the claim of another, who is told that it is claimed', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.canRetrieve = false;
    bed.far.moods = ['vanish', 'vanish'];
    await expect(claim(uid)).rejects.toMatchObject({ retry: 'ambiguous' });
    await expect(claim(uid, OTHER_LOCK)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    await bed.service.update(uid, LOCK, dataSetOf({ '00741204': attribute('LO', 'x') }), bed.context());
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
  });

  test.each(['lost', 'vanish'] as const)('goes on after a restart, by itself: its message was %s', async (mood) => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.canRetrieve = false;
    bed.far.moods = [mood, 'vanish'];
    await expect(claim(uid)).rejects.toMatchObject({ retry: 'ambiguous' });
    await bed.restart();
    expect(bed.far.instances.size).toBe(1);
    await expect(claim(uid, OTHER_LOCK)).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    expect((await bed.store.workitems.get({ route: 'ups', uid }))?.pending).toBeUndefined();
  });

  test('goes on also when the gateway has lost what it remembered of its N-CREATE, with the power', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    bed.far.canRetrieve = false;
    bed.far.moods = ['lost', 'vanish'];
    await expect(claim(uid)).rejects.toMatchObject({ retry: 'ambiguous' });
    const [mppsUid = ''] = bed.far.instances.keys();
    await bed.store.mpps.remove({ route: 'ups', upstream: 'far', uid: mppsUid }, 'process');
    await claim(uid);
    expect([...bed.far.instances.keys()]).toEqual([mppsUid]);
  });

  test('counts as answered once its outcome is in the store, and not before', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    const { workitems } = bed.store;
    const change = workitems.change.bind(workitems);
    workitems.change = (workitem, ...more) =>
      workitem.pending === undefined ? Promise.reject(new Error('the process has ended')) : change(workitem, ...more);
    await expect(claim(uid)).rejects.toThrow();
    const [mppsUid = ''] = bed.far.instances.keys();
    const isDelivered = async (): Promise<boolean | undefined> => {
      await turns();
      return (await bed.store.mpps.get({ route: 'ups', upstream: 'far', uid: mppsUid }))?.delivered;
    };
    expect(await isDelivered()).toBe(false);
    workitems.change = change;
    await claim(uid);
    expect(await isDelivered()).toBe(true);
  });
});
