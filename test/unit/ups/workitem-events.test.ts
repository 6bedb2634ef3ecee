import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, createDataSet, dataSetOf, firstText } from '../../../src/dataset/model.ts';
import type { DataSet } from '../../../src/dataset/model.ts';
import { MPPS_EVENT } from '../../../src/services/mpps/notification.ts';
import { FILTERED_WORKLIST_UID, WORKLIST_UID } from '../../../src/services/ups/workitem.ts';
import { createMessage } from '../../support/mpps.ts';
import { entryOf } from '../../support/requests.ts';
import { Listener, LOCK, performedPart, progressOf, ServiceBed, turns } from '../../support/workitem-service.ts';

const ENTRY = entryOf('PID-1', 'SPS1');
const NO_LOCK = { deletionLock: false };
const POLL_MS = 30_000;

let bed: ServiceBed;
afterEach(() => bed.close());

async function openBed(options: Parameters<typeof ServiceBed.open>[0] = {}): Promise<string> {
  bed = await ServiceBed.open(options, [ENTRY]);
  return bed.listed();
}

/** Subscribes and listens. */
async function listenTo(resource: string, aeTitle = 'WATCH'): Promise<Listener> {
  await bed.service.subscribe(resource, aeTitle, NO_LOCK, bed.context());
  return listenAgain(aeTitle);
}

function listenAgain(aeTitle = 'WATCH'): Listener {
  const listener = new Listener(aeTitle);
  bed.service.connect(listener, bed.context());
  return listener;
}

async function live(uid: string): Promise<void> {
  await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
  await bed.service.update(uid, LOCK, performedPart(), bed.context());
  await bed.service.update(uid, LOCK, progressOf(50), bed.context());
  await bed.service.changeState(uid, 'COMPLETED', LOCK, bed.context());
}

const mppsUid = (): string => [...bed.far.instances.keys()][0] ?? '';
function setState(state: string, more: DataSet = createDataSet()): void {
  const instance = bed.far.instances.get(mppsUid()) ?? createDataSet();
  bed.far.instances.set(mppsUid(), dataSetOf({ ...instance, ...more, '00400252': attribute('CS', state) }));
}

describe('event reports (proxy flows 7.7, PS3.4 CC.2.4, PS3.18 11.13)', () => {
  test('tell a subscriber of one workitem its state first, then what becomes of it, in order', async () => {
    const uid = await openBed();
    const listener = await listenTo(uid);
    await live(uid);
    expect(await listener.eventsOf(4)).toEqual(['1 SCHEDULED', '1 IN PROGRESS', '3', '1 COMPLETED']);
    const [first = createDataSet()] = listener.heard;
    expect([firstText(first, '00000002'), firstText(first, '00001000')]).toEqual(['1.2.840.10008.5.1.4.34.6.1', uid]);
  });

  test('wait on the disk for who does not listen, and come once in effect across connections and restarts', async () => {
    const uid = await openBed();
    const first = await listenTo(uid);
    await turns();
    first.isDeaf = true;
    await live(uid);
    await turns();
    expect(first.isClosed).toBe(true);
    await bed.restart();
    const second = listenAgain();
    expect([...first.events, ...(await second.eventsOf(3))]).toEqual([
      '1 SCHEDULED',
      '1 IN PROGRESS',
      '3',
      '1 COMPLETED',
    ]);
    const ids = [...first.heard, ...second.heard].map((report) => firstText(report, '00000110'));
    expect(new Set(ids).size).toBe(4);
    const third = listenAgain();
    await turns();
    expect([third.events, second.isClosed]).toEqual([[], true]);
  });

  test('that another process has queued are found without being told of', async () => {
    const uid = await openBed();
    const listener = await listenTo(uid);
    await turns();
    const report = dataSetOf({ '00001002': attribute('US', 3) });
    await bed.store.subscriptions.enqueue('ups', ['WATCH'], uid, report, 10);
    await bed.clock.pass(2_000);
    expect(listener.events).toEqual(['1 SCHEDULED', '3']);
  });

  test('are told before a restart and after it by a service that died in between: none is lost', async () => {
    const uid = await openBed();
    await bed.service.subscribe(uid, 'WATCH', NO_LOCK, bed.context());
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    await bed.service.update(uid, LOCK, performedPart(), bed.context());
    const { workitems } = bed.store;
    const change = workitems.change.bind(workitems);
    workitems.change = (workitem, ...more) => {
      if (workitem.state === 'COMPLETED') return Promise.reject(new Error('the process has ended'));
      return change(workitem, ...more);
    };
    await expect(bed.service.changeState(uid, 'COMPLETED', LOCK, bed.context())).rejects.toThrow();
    workitems.change = change;
    await bed.restart();
    await turns();
    const listener = listenAgain();
    expect([...new Set(await listener.eventsOf(3))]).toEqual(['1 SCHEDULED', '1 IN PROGRESS', '1 COMPLETED']);
    expect(await bed.stateOf(uid)).toBe('COMPLETED');
  });

  test('beyond what may wait for one subscriber are dropped, the oldest first, and the log says so', async () => {
    const uid = await openBed({ maximumReports: 2 });
    await bed.service.subscribe(uid, 'WATCH', NO_LOCK, bed.context());
    await live(uid);
    const listener = listenAgain();
    expect(await listener.eventsOf(2)).toEqual(['3', '1 COMPLETED']);
    expect(bed.lines.filter(({ message }) => message.includes('dropped')).map(({ dropped }) => dropped)).toEqual([
      1, 1,
    ]);
  });
});

describe('subscriptions (PS3.4 CC.2.3, PS3.18 11.10 to 11.12)', () => {
  test('to the worklist hear of what is new in it; a suspended one of what it knew before', async () => {
    await openBed();
    const listener = await listenTo(WORKLIST_UID);
    bed.far.entries.push(entryOf('PID-2', 'SPS2'));
    await bed.search();
    expect(await listener.eventsOf(1)).toEqual(['1 SCHEDULED']);
    await bed.service.suspend(WORKLIST_UID, 'WATCH', bed.context());
    bed.far.entries.push(entryOf('PID-3', 'SPS3'));
    const list = await bed.search();
    await bed.service.changeState(firstText(list[1] ?? {}, '00080018') ?? '', 'IN PROGRESS', LOCK, bed.context());
    await bed.service.changeState(firstText(list[2] ?? {}, '00080018') ?? '', 'IN PROGRESS', LOCK, bed.context());
    expect(await listener.eventsOf(2)).toEqual(['1 SCHEDULED', '1 IN PROGRESS']);
  });

  test('to the worklist with a deletion lock hear of every workitem that is there', async () => {
    await openBed();
    await bed.service.subscribe(WORKLIST_UID, 'WATCH', { deletionLock: true }, bed.context());
    const listener = listenAgain();
    expect(await listener.eventsOf(1)).toEqual(['1 SCHEDULED']);
  });

  test('end where they are ended: of one workitem out of the worklist, then of all', async () => {
    const uid = await openBed();
    const listener = await listenTo(WORKLIST_UID);
    await bed.service.unsubscribe(uid, 'WATCH', bed.context());
    await live(uid);
    expect(await listener.eventsOf(0)).toEqual([]);
    const again = bed.service.unsubscribe(uid, 'WATCH', bed.context());
    await expect(again).rejects.toMatchObject({ code: 'SUBSCRIPTION_UNKNOWN' });
    await bed.service.unsubscribe(WORKLIST_UID, 'WATCH', bed.context());
    const gone = bed.service.unsubscribe(WORKLIST_UID, 'WATCH', bed.context());
    await expect(gone).rejects.toMatchObject({ code: 'SUBSCRIPTION_UNKNOWN' });
  });

  test('by a filter are refused (403), to unknown workitems 404, a lock that is not granted is warned of (B301H)', async () => {
    const uid = await openBed({ deletionLocks: false });
    const subscribe = (resource: string, more: object = {}): Promise<void> =>
      bed.service.subscribe(resource, 'WATCH', { ...NO_LOCK, ...more }, bed.context());
    await expect(subscribe(FILTERED_WORKLIST_UID)).rejects.toMatchObject({ code: 'FILTER_NOT_SUPPORTED' });
    await expect(subscribe(WORKLIST_UID, { filter: 'a=b' })).rejects.toMatchObject({ code: 'FILTER_NOT_SUPPORTED' });
    await expect(subscribe('2.25.5')).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    await expect(bed.service.suspend(uid, 'WATCH', bed.context())).rejects.toMatchObject({
      code: 'SUBSCRIPTION_UNKNOWN',
    });
    const context = bed.context();
    await bed.service.subscribe(uid, 'WATCH', { deletionLock: true }, context);
    expect(context.warnings.map(({ dimseStatus }) => dimseStatus)).toEqual([0xb301]);
  });
});

describe('what an SCP notifies (proxy flows 7.7, PS3.4 F.9)', () => {
  const told = (type: (typeof MPPS_EVENT)[keyof typeof MPPS_EVENT], uid = mppsUid()): Promise<void> =>
    bed.service.told('far', { uid, type });

  test.each([
    ['COMPLETED', MPPS_EVENT.completed, 'COMPLETED'],
    ['DISCONTINUED', MPPS_EVENT.discontinued, 'CANCELED'],
  ])('is the end of the workitem, once: %s', async (found, type, state) => {
    const uid = await openBed();
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    const listener = await listenTo(uid);
    setState(found);
    await told(type);
    await told(type);
    expect(await listener.eventsOf(2)).toEqual(['1 IN PROGRESS', `1 ${state}`]);
    expect(await bed.stateOf(uid)).toBe(state);
  });

  test('counts also where the SCP cannot be asked, and never leads back', async () => {
    const uid = await openBed();
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    bed.far.canRetrieve = false;
    await told(MPPS_EVENT.completed);
    await told(MPPS_EVENT.inProgress);
    await told(MPPS_EVENT.discontinued);
    expect(await bed.stateOf(uid)).toBe('COMPLETED');
  });

  test('changes nothing of what has ended', async () => {
    const uid = await openBed();
    await live(uid);
    const before = await bed.store.workitems.get({ route: 'ups', uid });
    setState('COMPLETED', dataSetOf({ '00400260': attribute('SQ') }));
    await told(MPPS_EVENT.updated);
    await told(MPPS_EVENT.discontinued);
    expect(await bed.store.workitems.get({ route: 'ups', uid })).toEqual(before);
  });

  test('of what was deleted makes it 410', async () => {
    const uid = await openBed();
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    await told(MPPS_EVENT.deleted);
    await expect(bed.stateOf(uid)).rejects.toMatchObject({ code: 'INSTANCE_DELETED' });
  });

  test('while its message is still without an answer does not wait for that, and is told once', async () => {
    const uid = await openBed();
    const listener = await listenTo(uid);
    const create = bed.far.createMpps.bind(bed.far);
    bed.far.createMpps = async (...message) => {
      const completion = await create(...message);
      await told(MPPS_EVENT.inProgress, message[0]);
      return completion;
    };
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    expect(await listener.eventsOf(2)).toEqual(['1 SCHEDULED', '1 IN PROGRESS']);
  });

  test('of a step that another performs is found by its scheduled step, and is nobody to claim', async () => {
    const uid = await openBed();
    const listener = await listenTo(uid);
    bed.far.instances.set('1.2.9', createMessage());
    await told(MPPS_EVENT.inProgress, '1.2.9');
    expect(await listener.eventsOf(2)).toEqual(['1 SCHEDULED', '1 IN PROGRESS']);
    const claim = bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    await expect(claim).rejects.toMatchObject({ code: 'STATE_CONFLICT' });
    const update = bed.service.update(uid, LOCK, progressOf(50), bed.context());
    await expect(update).rejects.toMatchObject({ code: 'TRANSACTION_UID_WRONG' });
    await told(MPPS_EVENT.completed, '1.2.9');
    expect(await bed.stateOf(uid)).toBe('COMPLETED');
  });

  test('of an MPPS that no workitem is known of is logged', async () => {
    await openBed();
    await told(MPPS_EVENT.completed, '1.2.9');
    await bed.service.told('another upstream', { uid: '1.2.10', type: MPPS_EVENT.completed });
    const facts = bed.lines.filter(({ message }) => message === 'an event of an MPPS without a workitem');
    expect(facts.map(({ uid }) => uid)).toEqual(['1.2.9']);
  });
});

describe('polling (proxy flows 7.7, the variant without an SCP that notifies)', () => {
  test('finds what has become of what is in progress, as long as somebody is subscribed, until it is final', async () => {
    const uid = await openBed({ pollMs: POLL_MS });
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    let asked = 0;
    const retrieve = bed.far.retrieveMpps.bind(bed.far);
    bed.far.retrieveMpps = (...wanted) => {
      asked++;
      return retrieve(...wanted);
    };
    await bed.clock.pass(2 * POLL_MS);
    expect(asked).toBe(0);
    const listener = await listenTo(uid);
    await bed.clock.pass(2 * POLL_MS);
    expect(asked).toBe(2);
    setState('COMPLETED');
    await bed.clock.pass(2 * POLL_MS);
    expect(asked).toBe(3);
    expect(listener.events).toEqual(['1 IN PROGRESS', '1 COMPLETED']);
    await bed.service.unsubscribe(uid, 'WATCH', bed.context());
  });

  test('brings to its end what was begun and never answered, though nobody is subscribed and nobody asks again', async () => {
    const uid = await openBed({ pollMs: POLL_MS });
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    await bed.service.update(uid, LOCK, performedPart(), bed.context());
    bed.far.moods = ['vanish', 'vanish'];
    const end = bed.service.changeState(uid, 'COMPLETED', LOCK, bed.context());
    await expect(end).rejects.toMatchObject({ retry: 'ambiguous' });
    expect(bed.mppsStates).toEqual(['IN PROGRESS']);
    await bed.clock.pass(POLL_MS);
    while ((await bed.store.workitems.get({ route: bed.route.route, uid }))?.pending !== undefined)
      await bed.clock.rest();
    expect([bed.mppsStates, await bed.stateOf(uid)]).toEqual([['COMPLETED'], 'COMPLETED']);
  });

  test('is stopped by 0, and by the end of the service', async () => {
    const uid = await openBed({ pollMs: 0 });
    await bed.service.changeState(uid, 'IN PROGRESS', LOCK, bed.context());
    const listener = await listenTo(uid);
    setState('COMPLETED');
    await bed.clock.pass(10 * POLL_MS);
    expect(listener.events).toEqual(['1 IN PROGRESS']);
    await bed.service.close(1_000);
    expect(listener.isClosed).toBe(true);
  });
});
