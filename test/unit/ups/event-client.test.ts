/** Events of a UPS-RS server as events of MPPS: each change of a state told once, whatever becomes of the connection (6.6). */
import { afterEach, describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import type { MppsEvent } from '../../../src/services/mpps/notification.ts';
import type { UpsOptions } from '../../../src/ups/options.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { createMessage, finalMessage, seriesMessage } from '../../support/mpps.ts';
import { contextOf, keepingLogger } from '../../support/requests.ts';
import type { UpsManner } from '../../support/ups/answers.ts';
import { UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';
import { WORKLIST } from '../../support/ups/worklist.ts';

const MPPS_UID = '1.2.276.0.7230010.3.9.1';
const UID = '1.2.840.99.7.1';
const OTHER = '1.2.840.99.7.2';
const SUBSCRIPTION = { aeTitle: 'GATEWAY', deletionLock: true, others: 'ignore', reopenMs: 1_000 } as const;
const [BEGUN, COMPLETED, DISCONTINUED, UPDATED, DELETED] = [1, 2, 3, 4, 5];

let bed: UpstreamBed;
let clock: FakeClock;
const logger = keepingLogger();
afterEach(() => bed.close());

/** What was told: `1` of our MPPS, `1 uid` of another; and who waits for it. */
const told: string[] = [];
const watchers = new Set<() => void>();
let refusals = 0;

const take = async ({ uid, type }: MppsEvent): Promise<void> => {
  if (refusals > 0) {
    refusals--;
    for (const look of watchers) look();
    throw new TypeError('no room');
  }
  told.push(uid === MPPS_UID ? `${type}` : `${type} ${uid}`);
  for (const look of watchers) look();
};
const until = (condition: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const look = (): void => {
      if (!condition()) return;
      watchers.delete(look);
      resolve();
    };
    watchers.add(look);
    look();
  });
const toldOf = (...types: (number | string)[]): Promise<void> => until(() => told.length >= types.length);
async function open(options: Partial<UpsOptions> = {}, manner: UpsManner = {}): Promise<void> {
  told.length = 0;
  refusals = 0;
  clock = new FakeClock(Date.UTC(2026, 2, 1, 8));
  bed = await UpstreamBed.open({ subscription: SUBSCRIPTION, ...options }, manner, logger, clock);
  bed.server.schedule(UID, scheduledWorkitem());
}

/** The connection stands, and what had to be caught up on is. */
async function listen(): Promise<void> {
  const { length } = logger.lines;
  bed.upstream.listen(take);
  await stands(length);
}

async function stands(since: number): Promise<void> {
  await bed.server.until(() => bed.server.listening.length > 0);
  while (!logger.lines.slice(since).some(({ message }) => message === 'events of the server are listened to')) {
    await clock.rest();
  }
}

const create = (): Promise<unknown> => bed.upstream.createMpps(MPPS_UID, createMessage(), contextOf());
const complete = (): Promise<unknown> => bed.upstream.updateMpps(MPPS_UID, finalMessage(), contextOf());

/** All that is to be told of the MPPS is told, and this is known on the disk. */
async function closed(): Promise<void> {
  while ((await bed.store.claims.get('ups', MPPS_UID))?.isOpen !== false) await clock.rest();
}

/** The server's doing, with our lock. */
function cancelAtServer(uid = UID): void {
  const { worklist } = bed.server;
  const lock = worklist.transactionUidOf(uid) as string;
  const reason = dataSetOf({ '00080100': attribute('SH', '110513') });
  const progress = dataSetOf({ '0074100E': attribute('SQ', reason) });
  worklist.update(uid, lock, dataSetOf({ '00741002': attribute('SQ', progress) }));
  worklist.changeState(uid, lock, 'CANCELED');
}

/** The next end gets through, and nobody here learns of it by its answer. */
function loseEnd(): void {
  bed.server.faults.changeState = ['lost'];
  bed.server.at = (moment, transaction) => {
    if (moment !== 'after' || transaction !== 'changeState') return;
    bed.server.faults.retrieve = [{ status: 500 }];
    bed.server.at = undefined;
  };
}

async function isKeptAsCompleted(): Promise<void> {
  const mpps = await bed.upstream.retrieveMpps(MPPS_UID, [['00400252'], ['00400340']], contextOf());
  const { '00400252': state, '00400340': series } = finalMessage();
  expect(mpps).toEqual({ '00400252': state, '00400340': series });
}

/** Breaks the connection and lets the pause before the next one pass. */
async function lose(meanwhile: () => unknown): Promise<void> {
  const { length } = logger.lines;
  bed.server.dropChannels();
  await bed.server.until(() => bed.server.listening.length === 0);
  await meanwhile();
  while (!logger.lines.slice(length).some(({ message }) => message.startsWith('the notification connection'))) {
    await clock.rest();
  }
  // Longer than any pause of a test.
  await clock.pass(4_000);
  await stands(length);
}

describe('the connection', () => {
  test('is opened behind the subscription to the worklist, at the URL that its answer names (11.10.3)', async () => {
    await open();
    await listen();
    expect(bed.server.requests.map(({ target }) => target)).toEqual([
      `/ups/workitems/${WORKLIST}/subscribers/GATEWAY?deletionlock=true`,
    ]);
    expect(bed.server.listening).toEqual(['GATEWAY']);
  });

  test('is found also where the answer does not name it', async () => {
    await open({}, { contentLocation: false });
    await listen();
    expect(bed.server.listening).toEqual(['GATEWAY']);
  });

  test('goes before the subscription where the server wants it so', async () => {
    await open();
    bed.server.faults.subscribe = [{ status: 403 }];
    await listen();
    expect(bed.server.account).toEqual(['subscribe 403', 'subscribe 201']);
  });

  test('is opened anew after a pause that grows, and subscribes again', async () => {
    await open();
    bed.server.faults.subscribe = [{ status: 500 }, { status: 500 }, { status: 500 }];
    bed.upstream.listen(take);
    const asked = (): number => bed.server.account.length;
    for (const [pauseMs, count] of [
      [1_000, 1],
      [2_000, 2],
      [4_000, 3],
    ] as const) {
      const lines = logger.lines.length;
      await bed.server.until(() => asked() === count);
      while (logger.lines.length === lines && asked() === count && !heardNothing(count)) await clock.rest();
      await clock.pass(pauseMs - 1);
      expect(asked()).toBe(count);
      await clock.pass(1);
    }
    await bed.server.until(() => bed.server.listening.length > 0);
    expect(asked()).toBe(4);
  });

  test('is not there without a subscription in the configuration', async () => {
    await open({ subscription: undefined as never });
    bed.upstream.listen(take);
    await create();
    expect(bed.server.account.filter((line) => line.startsWith('subscribe'))).toEqual([]);
    expect(told).toEqual([]);
    expect((await bed.store.claims.get('ups', MPPS_UID))?.isOpen).toBe(true);
    await complete();
    expect((await bed.store.claims.get('ups', MPPS_UID))?.isOpen).toBe(false);
  });
});

const heardNothing = (count: number): boolean =>
  logger.lines.filter(({ message }) => message === 'no events of the server are heard').length >= count;

describe('the state of an MPPS', () => {
  test('is told once each, though the server reports it and we have made it', async () => {
    await open();
    await listen();
    await create();
    await complete();
    await toldOf(BEGUN, COMPLETED);
    await closed();
    expect(await bed.store.claims.get('ups', MPPS_UID)).toMatchObject({ told: COMPLETED });
    await lose(() => {});
    expect(told).toEqual(['1', '2']);
  });

  test('that somebody else has changed is told, and the lock is known to be lost', async () => {
    await open();
    await listen();
    await create();
    cancelAtServer();
    await toldOf(BEGUN, UPDATED, DISCONTINUED);
    expect(told).toEqual(['1', '4', '3']);
    await expect(complete()).rejects.toMatchObject({ code: 'INSTANCE_FINAL' });
  });

  test('whose end is heard of before it is answered is kept when that comes again, and not refused as final (6.4)', async () => {
    await open();
    await listen();
    await create();
    await toldOf(BEGUN);
    loseEnd();
    await expect(complete()).rejects.toMatchObject({ retry: 'ambiguous' });
    await toldOf(BEGUN, COMPLETED);
    await complete();
    expect(told).toEqual(['1', '2']);
    await isKeptAsCompleted();
  });

  test('whose end was on its way when the process ended is kept when that comes again (6.4)', async () => {
    await open();
    await create();
    loseEnd();
    await expect(complete()).rejects.toMatchObject({ retry: 'ambiguous' });
    await bed.restart();
    await listen();
    expect(told).toEqual(['1', '2']);
    bed.server.faults.retrieve = [{ status: 500 }];
    await expect(complete()).rejects.toMatchObject({ code: 'UPSTREAM_ERROR', retry: 'safe' });
    await complete();
    await isKeptAsCompleted();
  });

  test('that changed while nobody listened is found when the connection stands again', async () => {
    await open();
    await listen();
    await create();
    await toldOf(BEGUN);
    await lose(() => cancelAtServer());
    expect(told).toEqual(['1', '3']);
    await lose(() => {});
    expect(told).toEqual(['1', '3']);
  });

  test('is known to have been told after a restart, and one that was not is told then', async () => {
    await open();
    await listen();
    await create();
    await toldOf(BEGUN);
    await bed.restart();
    await complete();
    expect(told).toEqual(['1']);
    await listen();
    expect(told).toEqual(['1', '2']);
  });

  test('that has ended before anybody heard of it is told from its begin', async () => {
    await open();
    await create();
    await complete();
    await listen();
    expect(told).toEqual(['1', '2']);
  });

  test('whose workitem the server has deleted is told as 5', async () => {
    await open();
    await listen();
    await create();
    await toldOf(BEGUN);
    await lose(() => bed.server.worklist.remove(UID));
    expect(told).toEqual(['1', `${DELETED}`]);
    await closed();
  });

  test('whose workitem is only said to be gone by a server that is just coming up can still be brought to its end', async () => {
    await open();
    await listen();
    await create();
    await toldOf(BEGUN);
    await lose(() => (bed.server.faults.retrieve = [{ status: 404 }]));
    expect(told).toEqual(['1', `${DELETED}`]);
    await bed.upstream.updateMpps(MPPS_UID, seriesMessage(1), contextOf());
    await complete();
    expect(bed.server.worklist.stateOf(UID)).toBe('COMPLETED');
    await isKeptAsCompleted();
  });

  test('that cannot be taken in comes again, and nothing overtakes it', async () => {
    await open();
    await create();
    await listen();
    await toldOf(BEGUN);
    refusals = 2;
    cancelAtServer();
    await until(() => refusals === 1);
    await passUntil(() => told.length === 3);
    expect(told).toEqual(['1', '4', '3']);
  });

  test('of a group is final when all of its workitems are', async () => {
    await open();
    const study = dataSetOf({ '0020000D': attribute('UI', '1.2.3.5') });
    bed.server.schedule(OTHER, scheduledWorkitem('PID-1', { ...study, '0040A370': attribute('SQ', study) }));
    await listen();
    const items = ['1.2.3.4', '1.2.3.5'].map((uid) => dataSetOf({ '0020000D': attribute('UI', uid) }));
    const group = dataSetOf({ ...createMessage(), '00400270': attribute('SQ', ...items) });
    await bed.upstream.createMpps(MPPS_UID, group, contextOf());
    cancelAtServer(UID);
    await toldOf(BEGUN, UPDATED);
    cancelAtServer(OTHER);
    await toldOf(BEGUN, UPDATED, UPDATED, DISCONTINUED);
    expect(told).toEqual(['1', '4', '4', '3']);
  });

  /** Lets pauses pass until it is so. */
  async function passUntil(condition: () => boolean): Promise<void> {
    while (!condition()) await clock.pass(1_000);
  }
});

describe('workitems that others perform', () => {
  test.each([
    ['are not told of', 'ignore', []],
    ['are told of under their own UID, once for each state, where the configuration says so', 'tell', ['1', '4', '3']],
  ] as const)('%s', async (_title, others, types) => {
    await open({ subscription: { ...SUBSCRIPTION, others } });
    await listen();
    bed.server.claimByAnother(UID);
    // The server tells a new subscriber of the workitem the state it has.
    bed.server.worklist.subscribe(UID, 'GATEWAY', false);
    cancelAtServer();
    bed.server.schedule(OTHER, scheduledWorkitem());
    await bed.upstream.createMpps(MPPS_UID, createMessage(), contextOf());
    await until(() => told.includes('1'));
    expect(told).toEqual([...types.map((type) => `${type} ${UID}`), '1']);
  });
});
