import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { WorkitemState } from '../../../src/services/ups/workitem.ts';
import { entryOf } from '../../support/requests.ts';
import {
  cancellationPart,
  LOCK,
  OTHER_LOCK,
  performedPart,
  progressOf,
  ServiceBed,
} from '../../support/workitem-service.ts';

const ENTRY = dataSetOf({ ...entryOf('PID-1', 'SPS1'), '00401001': attribute('SH', 'RP1') });
const LABEL = dataSetOf({ '00741204': attribute('LO', 'another label') });

let bed: ServiceBed;
afterEach(() => bed.close());

async function openBed(options: Parameters<typeof ServiceBed.open>[0] = {}): Promise<string> {
  bed = await ServiceBed.open(options, [ENTRY]);
  return bed.claimed();
}

function update(
  uid: string,
  modifications: DataSet,
  lock: string | undefined = LOCK,
  context = bed.context(),
): Promise<void> {
  return bed.service.update(uid, lock, modifications, context);
}

function change(
  uid: string,
  state: WorkitemState,
  lock: string | undefined = LOCK,
  context = bed.context(),
): Promise<void> {
  return bed.service.changeState(uid, state, lock, context);
}

function onlyMpps(): DataSet {
  return [...bed.far.instances.values()][0] ?? createDataSet();
}

const updates = (): number => bed.far.arrived.filter((message) => message.startsWith('update')).length;
const pendingOf = async (uid: string): Promise<string | undefined> =>
  (await bed.store.workitems.get({ route: 'ups', uid }))?.pending;

describe('an update is an N-SET (proxy flows 7.4, PS3.18 11.6)', () => {
  test('tells the far end what an MPPS can hold, and keeps the whole of it', async () => {
    const uid = await openBed();
    await update(uid, performedPart());
    await update(uid, progressOf(50));
    expect(updates()).toBe(1);
    expect(itemsOf(onlyMpps()['00400260']).map((item) => firstText(item, '00080100'))).toEqual(['CTTHORAX']);
    const workitem = await bed.service.retrieve(uid, bed.context());
    expect(workitem['00741002']).toEqual(progressOf(50)['00741002']);
    expect(firstText(itemsOf(workitem['00741216'])[0] ?? {}, '00404051')).toBe('20260301083000');
  });

  test('of a start that an MPPS has fixed is kept here, with a warning', async () => {
    const uid = await openBed();
    const context = bed.context();
    await update(uid, performedPart(), LOCK, context);
    expect(context.warnings).toEqual([
      expect.objectContaining({ code: 'VALUES_CHANGED', attributes: ['00404028', '00404050'] }),
    ]);
  });

  test.each([
    ['another lock', OTHER_LOCK, 'TRANSACTION_UID_WRONG'],
    ['none', undefined, 'TRANSACTION_UID_MISSING'],
  ])('is refused with %s', async (_, lock, code) => {
    const uid = await openBed();
    await expect(bed.service.update(uid, lock, progressOf(50), bed.context())).rejects.toMatchObject({ code });
    expect(updates()).toBe(0);
  });

  test('changes neither the patient nor the request (PS3.4 CC.2.6.2)', async () => {
    const uid = await openBed();
    const patient = dataSetOf({ '00100020': attribute('LO', 'OTHER') });
    await expect(update(uid, patient)).rejects.toMatchObject({ code: 'NO_SUCH_ATTRIBUTE', attributes: ['00100020'] });
  });

  test('that the far end refuses leaves the workitem as it was (0106H: 400, 0105H: 409)', async () => {
    const uid = await openBed();
    const before = await bed.service.retrieve(uid, bed.context());
    for (const code of ['INVALID_VALUE', 'NO_SUCH_ATTRIBUTE'] as const) {
      bed.far.moods = [new ServiceFailure(code)];
      await expect(update(uid, performedPart())).rejects.toMatchObject({ code });
    }
    expect(itemsOf((await bed.service.retrieve(uid, bed.context()))['00741216']).length).toBe(
      itemsOf(before['00741216']).length,
    );
    expect(await pendingOf(uid)).toBeUndefined();
  });

  test('of an MPPS that is no longer there is 410, from then on', async () => {
    const uid = await openBed();
    bed.far.moods = [new ServiceFailure('NO_SUCH_INSTANCE')];
    await expect(update(uid, performedPart())).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
    await expect(update(uid, progressOf(50))).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
  });

  test('of an MPPS that others have ended is 400, and the workitem is as that', async () => {
    const uid = await openBed();
    const [mppsUid = ''] = bed.far.instances.keys();
    bed.far.instances.set(mppsUid, dataSetOf({ ...onlyMpps(), '00400252': attribute('CS', 'DISCONTINUED') }));
    await expect(update(uid, performedPart())).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    expect(await bed.stateOf(uid)).toBe('CANCELED');
  });

  test('without an answer goes on with its repeat, once in effect', async () => {
    const uid = await openBed();
    bed.far.moods = ['lost', 'vanish'];
    await expect(update(uid, performedPart())).rejects.toMatchObject({ retry: 'ambiguous' });
    await update(uid, performedPart());
    expect(await pendingOf(uid)).toBeUndefined();
    expect(itemsOf(onlyMpps()['00400260']).length).toBe(1);
  });
});

describe('a retrieve at the same time as an update (proxy flows 7.2)', () => {
  test('does not take back what has begun since it asked', async () => {
    const uid = await openBed();
    const retrieve = bed.far.retrieveMpps.bind(bed.far);
    const asked = Promise.withResolvers<void>();
    const told = Promise.withResolvers<void>();
    bed.far.retrieveMpps = async (...wanted) => {
      asked.resolve();
      await told.promise;
      return retrieve(...wanted);
    };
    const retrieved = bed.service.retrieve(uid, bed.context());
    await asked.promise;
    bed.far.moods = ['vanish', 'vanish'];
    const updated = update(uid, performedPart());
    told.resolve();
    await expect(updated).rejects.toMatchObject({ retry: 'ambiguous' });
    await retrieved;
    expect(await pendingOf(uid)).toBe('update');
  });
});

describe('an update of a workitem that nobody has claimed (status mapping 11.2)', () => {
  test('is a conflict by default', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    await expect(bed.service.update(uid, undefined, LABEL, bed.context())).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
    });
  });

  test('is kept by option, through searches, a claim that fails and the claim', async () => {
    bed = await ServiceBed.open({ updateScheduled: 'keep' }, [ENTRY]);
    const uid = await bed.listed();
    await bed.service.update(uid, undefined, LABEL, bed.context());
    bed.far.entries = [dataSetOf({ ...ENTRY, '00100040': attribute('CS', 'F') })];
    const labels = async (): Promise<(string | undefined)[]> =>
      (await bed.search()).flatMap((workitem) => [firstText(workitem, '00741204'), firstText(workitem, '00100040')]);
    expect(await labels()).toEqual(['another label', 'F']);
    bed.far.moods = [new ServiceFailure('NOT_AUTHORIZED')];
    await expect(change(uid, 'IN PROGRESS')).rejects.toMatchObject({ code: 'NOT_AUTHORIZED' });
    bed.far.entries = [dataSetOf({ ...ENTRY, '00100040': attribute('CS', 'O') })];
    expect(await labels()).toEqual(['another label', 'O']);
    await change(uid, 'IN PROGRESS');
    expect(await labels()).toEqual(['another label', 'O']);
  });

  test('names no lock (C310H)', async () => {
    bed = await ServiceBed.open({ updateScheduled: 'keep' }, [ENTRY]);
    const uid = await bed.listed();
    await expect(update(uid, LABEL)).rejects.toMatchObject({ code: 'STATE_CONFLICT', dimseStatus: 0xc310 });
  });
});

describe('the end is a final N-SET (proxy flows 7.5 and 7.6, PS3.18 11.7)', () => {
  test('COMPLETED needs what PS3.4 Table CC.2.5-3 wants (C304H), and has a series in any case', async () => {
    const uid = await openBed();
    await expect(change(uid, 'COMPLETED')).rejects.toMatchObject({
      code: 'STATE_CONFLICT',
      dimseStatus: 0xc304,
      attributes: ['00741216'],
    });
    await update(uid, performedPart());
    await change(uid, 'COMPLETED');
    const mpps = onlyMpps();
    const [series = createDataSet()] = itemsOf(mpps['00400340']);
    expect([firstText(mpps, '00400252'), firstText(mpps, '00400250'), firstText(mpps, '00400251')]).toEqual([
      'COMPLETED',
      '20260301',
      '083000',
    ]);
    expect([firstText(series, '0020000E'), firstText(series, '00181030')]).not.toContain(undefined);
    expect(await bed.stateOf(uid)).toBe('COMPLETED');
  });

  test('CANCELED by its owner is DISCONTINUED, with the reason', async () => {
    const uid = await openBed();
    await expect(change(uid, 'CANCELED')).rejects.toMatchObject({ dimseStatus: 0xc304 });
    await update(uid, cancellationPart());
    await change(uid, 'CANCELED');
    const mpps = onlyMpps();
    expect(firstText(mpps, '00400252')).toBe('DISCONTINUED');
    expect(itemsOf(mpps['00400281']).map((item) => firstText(item, '00080100'))).toEqual(['110514']);
    const [progress = createDataSet()] = itemsOf((await bed.service.retrieve(uid, bed.context()))['00741002']);
    expect(firstText(progress, '00404052')).toMatch(/^20260301/);
  });

  test('is left by nothing: the same again is done already, another is refused', async () => {
    const uid = await openBed();
    await update(uid, performedPart());
    await change(uid, 'COMPLETED');
    const context = bed.context();
    await change(uid, 'COMPLETED', LOCK, context);
    expect(context.warnings.map(({ code, dimseStatus }) => [code, dimseStatus])).toEqual([
      ['ALREADY_IN_STATE', 0xb306],
    ]);
    await expect(change(uid, 'CANCELED')).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    await expect(update(uid, LABEL)).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
    await expect(change(uid, 'COMPLETED', OTHER_LOCK)).rejects.toMatchObject({ code: 'TRANSACTION_UID_WRONG' });
  });

  test('is not reached from SCHEDULED (C310H)', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    const uid = await bed.listed();
    await expect(change(uid, 'COMPLETED')).rejects.toMatchObject({ code: 'STATE_CONFLICT', dimseStatus: 0xc310 });
  });

  test.each([
    ['the same end is done already', 'COMPLETED', undefined],
    ['another end is a conflict', 'DISCONTINUED', 'INSTANCE_FINAL'],
  ])('that others have given the MPPS before (0110H, A710H): %s', async (_, found, code) => {
    const uid = await openBed();
    await update(uid, performedPart());
    const [mppsUid = ''] = bed.far.instances.keys();
    bed.far.instances.set(mppsUid, dataSetOf({ ...onlyMpps(), '00400252': attribute('CS', found) }));
    const context = bed.context();
    const end = change(uid, 'COMPLETED', LOCK, context);
    if (code === undefined) await end;
    else await expect(end).rejects.toMatchObject({ code });
    expect(context.warnings.map((warning) => warning.code)).toEqual(code === undefined ? ['ALREADY_IN_STATE'] : []);
    expect(await bed.stateOf(uid)).toBe(found === 'COMPLETED' ? 'COMPLETED' : 'CANCELED');
  });

  test('that the far end refuses leaves the workitem IN PROGRESS, as it was', async () => {
    const uid = await openBed();
    await update(uid, performedPart());
    const before = await bed.service.retrieve(uid, bed.context());
    await update(uid, cancellationPart());
    bed.far.moods = [new ServiceFailure('MISSING_VALUE')];
    await expect(change(uid, 'CANCELED')).rejects.toMatchObject({ code: 'MISSING_VALUE' });
    const after = await bed.service.retrieve(uid, bed.context());
    expect(after['00741002']).toEqual(cancellationPart()['00741002']);
    expect(after['00741216']).toEqual(before['00741216']);
    expect(await pendingOf(uid)).toBeUndefined();
  });

  test.each([
    ['lost, and its repeat finds it final', true],
    ['lost, and nobody tells the state', false],
  ])('without an answer goes on after a restart: %s', async (_, canRetrieve) => {
    const uid = await openBed();
    await update(uid, performedPart());
    bed.far.canRetrieve = canRetrieve;
    bed.far.moods = ['lost', 'vanish'];
    await expect(change(uid, 'COMPLETED')).rejects.toMatchObject({ retry: 'ambiguous' });
    expect(await pendingOf(uid)).toBe('complete');
    await bed.restart();
    const context = bed.context();
    await change(uid, 'COMPLETED', LOCK, context);
    expect(bed.mppsStates).toEqual(['COMPLETED']);
    expect(await bed.stateOf(uid)).toBe('COMPLETED');
  });
});

describe('an end that is done and was not noted here', () => {
  test('is known from its refusal where the far end does not tell the state', async () => {
    const uid = await openBed();
    await update(uid, performedPart());
    bed.far.canRetrieve = false;
    const { workitems } = bed.store;
    const write = workitems.change.bind(workitems);
    workitems.change = (workitem, ...more) =>
      workitem.state === 'COMPLETED' ? Promise.reject(new Error('the process has ended')) : write(workitem, ...more);
    await expect(change(uid, 'COMPLETED')).rejects.toThrow();
    workitems.change = write;
    const context = bed.context();
    await change(uid, 'COMPLETED', LOCK, context);
    expect(context.warnings).toEqual([]);
    expect(await bed.stateOf(uid)).toBe('COMPLETED');
  });
});

describe('a request to cancel (proxy flows 7.6, PS3.4 CC.2.2, PS3.18 11.8)', () => {
  const request = { requesterAeTitle: 'DESK', attributes: dataSetOf({ '00741238': attribute('LT', 'no show') }) };
  const ask = (uid: string, context = bed.context()): Promise<void> =>
    bed.service.requestCancellation(uid, request, context);

  test('of what is IN PROGRESS is told to those who listen; nobody listens: a conflict (C312H)', async () => {
    const uid = await openBed();
    await expect(ask(uid)).rejects.toMatchObject({ code: 'STATE_CONFLICT', dimseStatus: 0xc312 });
    await bed.service.subscribe(uid, 'DESK', { deletionLock: false }, bed.context());
    await expect(ask(uid)).rejects.toMatchObject({ dimseStatus: 0xc312 });
    await bed.service.subscribe(uid, 'PERFORMER', { deletionLock: false }, bed.context());
    await ask(uid);
    const waiting = await bed.store.subscriptions.waiting('ups', 'PERFORMER', 10);
    const last = waiting.at(-1)?.report ?? createDataSet();
    expect([firstText(last, '00001002'), firstText(last, '00741236'), firstText(last, '00741238')]).toEqual([
      '2',
      'DESK',
      'no show',
    ]);
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
  });

  test('ends the MPPS at once by option', async () => {
    const uid = await openBed({ cancelRequest: 'act' });
    await ask(uid);
    expect(bed.mppsStates).toEqual(['DISCONTINUED']);
    const [progress = createDataSet()] = itemsOf((await bed.service.retrieve(uid, bed.context()))['00741002']);
    expect(firstText(progress, '00741238')).toBe('no show');
    expect(await bed.stateOf(uid)).toBe('CANCELED');
    const context = bed.context();
    await ask(uid, context);
    expect(context.warnings.map(({ dimseStatus }) => dimseStatus)).toEqual([0xb304]);
  });

  test('of what is COMPLETED is a conflict (C311H)', async () => {
    const uid = await openBed();
    await update(uid, performedPart());
    await change(uid, 'COMPLETED');
    await expect(ask(uid)).rejects.toMatchObject({ code: 'STATE_CONFLICT', dimseStatus: 0xc311 });
  });

  test('of what nobody has claimed is a conflict; by option an MPPS is begun and discontinued', async () => {
    bed = await ServiceBed.open({}, [ENTRY]);
    await expect(ask(await bed.listed())).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    await bed.close();
    bed = await ServiceBed.open({ cancelScheduled: 'perform' }, [ENTRY]);
    const uid = await bed.listed();
    await ask(uid);
    expect(bed.mppsStates).toEqual(['DISCONTINUED']);
    expect(await bed.stateOf(uid)).toBe('CANCELED');
  });

  test('of what nobody has claimed goes on after a restart between both messages', async () => {
    bed = await ServiceBed.open({ cancelScheduled: 'perform' }, [ENTRY]);
    const uid = await bed.listed();
    bed.far.canRetrieve = false;
    bed.far.moods = ['accept', 'vanish', 'vanish'];
    await expect(ask(uid)).rejects.toMatchObject({ retry: 'ambiguous' });
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
    await bed.restart();
    expect(await bed.stateOf(uid)).toBe('CANCELED');
    expect(bed.mppsStates).toEqual(['DISCONTINUED']);
  });
});
