/** MPPS Notification through the gateway: from what routes accept, and from what upstreams tell (proxy flows 6.6, 7.7, 11). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/errors.ts';
import { Delivery } from '../../../src/gateway/delivery.ts';
import { ExchangeLog } from '../../../src/gateway/exchange.ts';
import { Gateway } from '../../../src/gateway/gateway.ts';
import type { GatewayRoute } from '../../../src/gateway/gateway.ts';
import type { MppsTarget, NotificationScu } from '../../../src/gateway/mpps-route.ts';
import { Notifications } from '../../../src/gateway/notifications.ts';
import type { NotificationTarget } from '../../../src/gateway/notifications.ts';
import type { MppsEvent, MppsEventType } from '../../../src/services/mpps/notification.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { Requester } from '../../../src/services/port.ts';
import type { Claim } from '../../../src/store/spool-records.ts';
import type { MppsRecord, MppsRecords } from '../../../src/store/store.ts';
import { createMessage, finalMessage, mppsContextOf, MPPS_UID, progressMessage } from '../../support/mpps.ts';
import { NotifiedScu } from '../../support/notifications.ts';
import { contextOf, WARD } from '../../support/requests.ts';
import { SpoolBed } from '../../support/spool-bed.ts';

const MANAGER: Requester = { ...WARD, callingAeTitle: 'MPPS ' };
const OTHER_UID = '1.2.276.0.7230010.3.9.2';

let bed: SpoolBed;
let delivery: Delivery;
let gateway: Gateway;
const board: NotificationScu = { upstream: { name: 'board', upstream: new NotifiedScu() }, aeTitle: 'BOARD' };
const reader: NotificationScu = { upstream: { name: 'reader', upstream: new NotifiedScu() }, aeTitle: 'READER' };
/** Thrown by every `accept` while it is set. */
let full: boolean;

beforeEach(async () => {
  bed = await SpoolBed.open();
  full = false;
  const accept: MppsRecords['accept'] = (record, messages) =>
    full ? Promise.reject(new GatewayError('STORE_FULL', 'no room')) : bed.store.mpps.accept(record, messages);
  const mpps = new Proxy(bed.store.mpps, {
    get: (records, name) => {
      const member: unknown = name === 'accept' ? accept : Reflect.get(records, name);
      return typeof member === 'function' ? (member.bind(records) as unknown) : member;
    },
  });
  const { spool, instanceId } = bed.store;
  const store = { mpps, spool, instanceId, exclusively: bed.store.exclusively.bind(bed.store) };
  delivery = new Delivery(store, bed.logger, { now: () => bed.clock.now() });
  gateway = new Gateway([], bed.logger);
  offer(routeOf('upstream'));
});
afterEach(() => bed.close());

const offer = (...routes: GatewayRoute[]): void => gateway.replaceRoutes(routes, delivery);

function routeOf(
  source: NotificationTarget['source'],
  { name = 'all', to = [board, reader], ...mpps }: Partial<MppsTarget> & { name?: string; to?: NotificationScu[] } = {},
): GatewayRoute {
  const of = { route: name, characterSets: [], unencodable: 'utf-8', fuzzyMatching: false, timezoneAdjustment: false };
  return {
    name,
    conditions: [],
    options: of as GatewayRoute['options'],
    worklist: undefined,
    storageCommitment: undefined,
    mpps: {
      route: name,
      upstream: { name: 'far', upstream: bed.far },
      aeTitle: 'MPPS',
      request: undefined,
      response: undefined,
      forwardTo: [],
      ...(source === 'gateway' && { notifyTo: to }),
      options: OPTIONS,
      ...mpps,
    },
    notifications: { to, source },
    messagesFor: () => undefined,
  };
}

const OPTIONS: MppsTarget['options'] = {
  delivery: 'direct',
  validation: 'warn',
  missingInstanceUid: 'refuse',
  unknownInstance: 'pass',
  fillType2: true,
  preCreateOptional: false,
  defaults: undefined,
  retrieveFromCopy: false,
};
const REFUSING = { options: { ...OPTIONS, unknownInstance: 'refuse' } } as const;

const eventOf = (type: MppsEventType, uid = MPPS_UID): MppsEvent => ({ uid, type });
const notify = (event: MppsEvent, requester: Requester = MANAGER): Promise<void> =>
  gateway.notifyMpps(event, contextOf(requester));

/** What waits for destinations: `route upstream kind type`, in order. */
async function waiting(): Promise<string[]> {
  const messages = await bed.messages();
  return messages.map(({ route, upstream, kind, eventType = '' }) =>
    `${route} ${upstream} ${kind} ${eventType}`.trim(),
  );
}

const lines = (message: string): Record<string, unknown>[] =>
  bed.logger.lines.filter((line) => line.message === message);

describe('what a route accepts (proxy flows 11)', () => {
  test('is told with the record of the step, in one write, once the upstream has taken it', async () => {
    offer(routeOf('gateway'));
    await gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf());
    await gateway.updateMpps(MPPS_UID, progressMessage(), mppsContextOf());
    await gateway.updateMpps(MPPS_UID, finalMessage(), mppsContextOf());
    const told = [1, 4, 2].flatMap((type) => [`all board event ${type}`, `all reader event ${type}`]);
    expect(await waiting()).toEqual(told);
    expect(await bed.store.mpps.get({ route: 'all', upstream: 'far', uid: MPPS_UID })).toMatchObject({
      phase: 'stored',
      state: 'COMPLETED',
    });
  });

  test('is told in any mode of delivery, after what is to be delivered', async () => {
    const forwardTo = [{ upstream: { name: 'archive', upstream: bed.far }, request: undefined }];
    const options = { ...OPTIONS, delivery: 'store-and-forward' } as const;
    offer(routeOf('gateway', { forwardTo, options, to: [board] }));
    await gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf());
    expect(await waiting()).toEqual(['all far create', 'all archive create', 'all board event 1']);
  });

  test('is not told where it was refused', async () => {
    offer(routeOf('gateway'));
    bed.far.moods = [new ServiceFailure('INVALID_VALUE')];
    await expect(gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf())).rejects.toThrow();
    expect(await waiting()).toEqual([]);
  });

  test('is an error of the one who asks where it cannot be stored; told once, when it comes again', async () => {
    offer(routeOf('gateway', { to: [board] }));
    await gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf());
    full = true;
    await expect(gateway.updateMpps(MPPS_UID, progressMessage(), mppsContextOf())).rejects.toMatchObject({
      code: 'OUT_OF_RESOURCES',
    });
    full = false;
    await gateway.updateMpps(MPPS_UID, progressMessage(), mppsContextOf());
    expect(await waiting()).toEqual(['all board event 1', 'all board event 4']);
  });
});

describe('what an upstream tells (PS3.4 F.9.2)', () => {
  test('goes to the SCUs of every route whose MPPS go there and that wait for it, and to nobody else', async () => {
    const elsewhere = { name: 'elsewhere', upstream: { name: 'other', upstream: bed.far }, aeTitle: 'OTHER' };
    offer(
      routeOf('upstream', { to: [board] }),
      routeOf('upstream', { name: 'web', to: [reader] }),
      routeOf('upstream', elsewhere),
      routeOf('gateway', { name: 'own' }),
    );
    await notify(eventOf(1));
    expect(await waiting()).toEqual(['all board event 1', 'web reader event 1']);
    const [message] = await bed.messages();
    expect(message).toMatchObject({ uid: MPPS_UID, received: {}, requester: MANAGER, traceId: 'test-trace', hops: [] });
  });

  test('is known by the AE title of the upstream: 0118H for anybody else', async () => {
    await expect(notify(eventOf(1), WARD)).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    expect(await waiting()).toEqual([]);
  });

  test('is not told to the one who tells it (proxy flows 11.6)', async () => {
    const self = { upstream: { name: 'manager', upstream: new NotifiedScu() }, aeTitle: 'MPPS' };
    const other = { upstream: { name: 'far', upstream: new NotifiedScu() } };
    offer(routeOf('upstream', { to: [self, other, board] }));
    await notify(eventOf(1));
    expect(await waiting()).toEqual(['all board event 1']);
  });

  test.each<[string, MppsEventType[], MppsEventType[]]>([
    ['a state is told once', [1, 1, 2, 2], [1, 2]],
    ['an update that waits says it of those behind it', [1, 4, 4, 4], [1, 4]],
    ['nothing after the end but that it is deleted, once', [2, 4, 1, 3, 5, 5, 4], [2, 5]],
    ['a discontinued step is at its end too', [3, 2, 4], [3]],
  ])('%s: it comes back in a ring of gateways, and SCPs repeat themselves', async (_what, told, expected) => {
    offer(routeOf('upstream', { to: [board] }));
    for (const type of told) await notify(eventOf(type));
    expect(await waiting()).toEqual(expected.map((type) => `all board event ${type}`));
  });

  test('an update is told again once the one before is being told, which may have looked before (F.9.2)', async () => {
    offer(routeOf('upstream', { to: [board] }));
    await notify(eventOf(1));
    await notify(eventOf(4));
    const destination = { route: 'all', upstream: 'board' };
    const [begin] = await bed.store.spool.claim(destination, 1, 1_000);
    const told = begin && (await bed.store.spool.done(begin, 1_000));
    expect(told?.message).toMatchObject({ eventType: 4 });
    await notify(eventOf(4));
    await notify(eventOf(4));
    expect(await waiting()).toEqual(['all board event 4', 'all board event 4']);
    // The SCU was not there: what is tried again says both.
    await bed.store.spool.later(told as Claim, 0, { code: 'UPSTREAM_UNREACHABLE', problem: '' }, false);
    await notify(eventOf(2));
    expect(await waiting()).toEqual(['all board event 4', 'all board event 4', 'all board event 2']);
  });

  test('two at once are told in their order, and one that comes twice at once once', async () => {
    offer(routeOf('upstream', { to: [board] }));
    await Promise.all([notify(eventOf(1)), notify(eventOf(1)), notify(eventOf(4)), notify(eventOf(1, OTHER_UID))]);
    const uids = (await bed.messages()).map(({ uid, eventType }) => `${uid} ${eventType ?? ''}`);
    expect(uids.filter((each) => each.startsWith(MPPS_UID))).toEqual([`${MPPS_UID} 1`, `${MPPS_UID} 4`]);
    expect(uids).toContain(`${OTHER_UID} 1`);
  });

  test('is 0213H where it cannot be stored, and told when it is repeated', async () => {
    full = true;
    await expect(notify(eventOf(2))).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    full = false;
    await notify(eventOf(2));
    expect(await waiting()).toEqual(['all board event 2', 'all reader event 2']);
  });

  test('leaves the line of its exchange', async () => {
    await notify(eventOf(1));
    await notify(eventOf(1), WARD).catch(() => undefined);
    expect(lines('exchange')).toMatchObject([
      {
        level: 'info',
        transaction: 'notify',
        uid: MPPS_UID,
        upstream: 'far',
        callingAeTitle: 'MPPS ',
        status: '0000H',
      },
      { level: 'warn', transaction: 'notify', uid: MPPS_UID, callingAeTitle: 'CT1', status: '0118H' },
    ]);
    expect(lines('an upstream told of an MPPS')).toMatchObject([{ upstream: 'far', eventType: 1, scus: 2 }]);
  });
});

describe('an SCU that fetches nothing', () => {
  const uidOf = (number: number): string => `1.2.3.${number}`;
  const uids = [1, 2, 3].map(uidOf);
  let nowMs: number;
  let notifications: Notifications;
  const tell = (event: MppsEvent): Promise<void> => notifications.told('far', event);
  const ofBoard = async (): Promise<string[]> =>
    (await bed.messages()).filter(({ upstream }) => upstream === 'board').map(({ uid }) => uid);

  beforeEach(() => {
    nowMs = 0;
    const host = { routes: () => [routeOf('upstream')], delivery: () => delivery, observer: () => undefined };
    const log = new ExchangeLog(bed.logger);
    notifications = new Notifications(bed.logger, log, host, { maximum: uids.length, now: () => nowMs });
  });

  test('is kept so many events for, then no more are taken (0213H): a peer that invents instances fills no disk', async () => {
    for (const uid of uids) await tell(eventOf(1, uid));
    for (const number of [4, 5, 6]) {
      nowMs += 1_000;
      await expect(tell(eventOf(1, uidOf(number)))).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES', retry: 'safe' });
    }
    expect(await ofBoard()).toEqual(uids);
    expect(lines('no more events are taken for an SCU: as many wait for it as may')).toMatchObject([
      { level: 'error', route: 'all', upstream: 'board', waiting: uids.length },
      { level: 'error', route: 'all', upstream: 'reader', waiting: uids.length },
    ]);
  });

  test('does not keep others from being told, each event once, and has what is repeated when it fetches again', async () => {
    for (const uid of uids) await tell(eventOf(1, uid));
    await fetched('reader');
    nowMs += 1_000;
    for (let repeat = 0; repeat < 3; repeat++) await tell(eventOf(1, uidOf(9))).catch(() => undefined);
    expect(await waiting()).toEqual([...uids.map(() => 'all board event 1'), 'all reader event 1']);
    await fetched('board');
    nowMs += 1_000;
    await tell(eventOf(1, uidOf(9)));
    expect(await waiting()).toEqual(['all reader event 1', 'all board event 1']);
    expect(lines('events for an SCU are taken again')).toMatchObject([{ upstream: 'board' }]);
  });

  async function fetched(upstream: string): Promise<void> {
    const claims = await bed.store.spool.claim({ route: 'all', upstream }, uids.length, 1_000);
    for (const claim of claims) await bed.store.spool.done(claim, 1_000);
  }
});

describe('an MPPS that did not come by here (status mapping 6)', () => {
  test('is told of', async () => {
    await notify(eventOf(1));
    expect(await waiting()).toHaveLength(2);
  });

  test('is 0112H where every route to the upstream refuses such', async () => {
    offer(routeOf('upstream', REFUSING), routeOf('upstream', { name: 'web', ...REFUSING }));
    await expect(notify(eventOf(1))).rejects.toMatchObject({ code: 'NO_SUCH_INSTANCE' });
    offer(routeOf('upstream', REFUSING), routeOf('upstream', { name: 'web', to: [board] }));
    await notify(eventOf(1));
    expect(await waiting()).toContain('web board event 1');
  });

  test('is not one that did, be it remembered by its UID only', async () => {
    offer(routeOf('upstream', REFUSING));
    await gateway.createMpps(MPPS_UID, createMessage(), mppsContextOf());
    await notify(eventOf(1));
    const record = await bed.store.mpps.get({ route: 'all', upstream: 'far', uid: MPPS_UID });
    await bed.store.mpps.put({ ...(record as MppsRecord), phase: 'deleted' }, 'process');
    await notify(eventOf(5));
    expect(await waiting()).toEqual([1, 5].flatMap((type) => [`all board event ${type}`, `all reader event ${type}`]));
  });
});

describe('what an upstream tells by a connection of ours', () => {
  test('goes the same way, without anybody having called', async () => {
    await gateway.told('far', eventOf(1));
    expect(await waiting()).toEqual(['all board event 1', 'all reader event 1']);
    expect((await bed.messages())[0]?.requester).toEqual({ listener: 'far', protocol: 'dicomweb', address: '' });
  });

  test('also of an MPPS that did not come by here: the upstream has made its UID known', async () => {
    offer(routeOf('upstream', REFUSING));
    await gateway.told('far', eventOf(1));
    expect(await waiting()).toHaveLength(2);
  });

  test('fails where it cannot be stored', async () => {
    full = true;
    await expect(gateway.told('far', eventOf(1))).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES' });
  });
});

describe('who else hears', () => {
  test('hears of it before it is told to have arrived, once', async () => {
    const heard: [string, MppsEvent, number][] = [];
    gateway.mppsObserver = async (upstream, event) => void heard.push([upstream, event, (await waiting()).length]);
    await notify(eventOf(1));
    await notify(eventOf(1));
    await gateway.told('far', eventOf(2));
    expect(heard).toEqual([
      ['far', eventOf(1), 0],
      ['far', eventOf(2), 2],
    ]);
  });

  test('and fails leaves it to come again', async () => {
    gateway.mppsObserver = () => Promise.reject(new GatewayError('STORE_FULL', 'no room'));
    await expect(notify(eventOf(1))).rejects.toMatchObject({ code: 'OUT_OF_RESOURCES' });
    gateway.mppsObserver = undefined;
    await notify(eventOf(1));
    expect(await waiting()).toHaveLength(2);
  });
});
