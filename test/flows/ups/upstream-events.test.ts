/**
 * What a UPS-RS server tells of workitems as events of MPPS, over a real WebSocket (proxy flows 6.6): each change of a state
 * once in effect, whatever breaks in between.
 */
import { afterEach, expect, test } from '@jest/globals';
import type { MppsEvent } from '../../../src/services/mpps/notification.ts';
import { mppsContextOf } from '../../support/mpps.ts';
import { createMessage, finalMessage, seriesMessage } from '../../support/mpps.ts';
import type { UpsSubscriptionOptions } from '../../../src/ups/options.ts';
import { UpstreamBed } from '../../support/ups/upstream-bed.ts';
import { PERFORMED } from '../../support/ups/script.ts';
import { scheduledWorkitem } from '../../support/ups/workitems.ts';

const MPPS_UID = '1.2.276.0.7230010.3.9.1';
const UID = '1.2.840.99.7.1';
const OTHER = '1.2.840.99.7.2';
const AE_TITLE = 'GATEWAY';
const [IN_PROGRESS, COMPLETED, DISCONTINUED, UPDATED, DELETED] = [1, 2, 3, 4, 5] as const;

let bed: UpstreamBed;
afterEach(() => bed.close());

/** What is told, in order; it may refuse some first. */
class Ear {
  readonly heard: MppsEvent[] = [];
  /** So many of the coming are not taken. */
  refusals = 0;
  readonly #watchers = new Set<() => void>();

  readonly told = async (event: MppsEvent): Promise<void> => {
    if (this.refusals-- > 0) throw new Error('the disk is full');
    this.heard.push(event);
    for (const look of [...this.#watchers]) look();
  };

  get types(): number[] {
    return this.heard.map(({ type }) => type);
  }

  until(type: number, uid = MPPS_UID): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (this.heard.some((event) => event.type === type && event.uid === uid)) resolve();
      };
      this.#watchers.add(look);
      look();
    });
  }
}

async function open(more: Partial<UpsSubscriptionOptions> = {}, contentLocation = true): Promise<Ear> {
  const subscription = { aeTitle: AE_TITLE, deletionLock: false, others: 'ignore', reopenMs: 10, ...more } as const;
  bed = await UpstreamBed.open({ subscription }, { contentLocation });
  bed.server.schedule(UID, scheduledWorkitem());
  return listen();
}

async function listen(): Promise<Ear> {
  const ear = new Ear();
  bed.upstream.listen(ear.told);
  await isListening();
  return ear;
}

const isListening = (): Promise<void> => bed.server.until(() => bed.server.listening.includes(AE_TITLE));

const create = (): Promise<unknown> => bed.upstream.createMpps(MPPS_UID, createMessage(), mppsContextOf());
const end = (): Promise<unknown> => bed.upstream.updateMpps(MPPS_UID, finalMessage(), mppsContextOf());

test.each([true, false])(
  'begin and end of an MPPS are told once (the server names its connection: %s)',
  async (named) => {
    const ear = await open({}, named);
    await create();
    await ear.until(IN_PROGRESS);
    await bed.upstream.updateMpps(MPPS_UID, seriesMessage(1), mppsContextOf());
    await end();
    await ear.until(COMPLETED);
    expect(ear.heard.filter(({ type }) => type !== UPDATED)).toEqual([
      { uid: MPPS_UID, type: IN_PROGRESS },
      { uid: MPPS_UID, type: COMPLETED },
    ]);
  },
);

test('what happens while the connection is broken is learned when it stands again, and told once', async () => {
  const ear = await open();
  await create();
  await ear.until(IN_PROGRESS);
  await bed.server.goAway();
  const lock = bed.server.worklist.transactionUidOf(UID);
  bed.server.worklist.update(UID, lock, PERFORMED);
  bed.server.worklist.changeState(UID, lock, 'COMPLETED');
  expect(ear.types).toEqual([IN_PROGRESS]);
  await bed.server.comeBack();
  await ear.until(COMPLETED);
  bed.server.dropChannels();
  await bed.server.until(() => bed.server.listening.length === 0);
  await isListening();
  expect(ear.types).toEqual([IN_PROGRESS, COMPLETED]);
});

test('what was told before a restart is not told again, what happened meanwhile is', async () => {
  const before = await open();
  await create();
  await before.until(IN_PROGRESS);
  await bed.restart();
  const lock = bed.server.worklist.transactionUidOf(UID);
  bed.server.worklist.requestCancellation(UID, {}, 'WARD');
  bed.server.worklist.remove(UID);
  expect(lock).toBeDefined();
  const after = await listen();
  await after.until(DELETED);
  expect([before.types, after.types]).toEqual([[IN_PROGRESS], [DELETED]]);
});

test('an event that could not be taken in comes again, and nothing overtakes it', async () => {
  const ear = await open();
  ear.refusals = 2;
  await create();
  await end();
  bed.server.dropChannels();
  await ear.until(COMPLETED);
  expect(ear.types.filter((type) => type !== UPDATED)).toEqual([IN_PROGRESS, COMPLETED]);
});

test.each(['ignore', 'tell'] as const)('workitems that others perform: %s', async (others) => {
  const ear = await open({ others });
  bed.server.schedule(OTHER, scheduledWorkitem('PID-2'));
  const lock = bed.server.claimByAnother(OTHER);
  bed.server.worklist.update(OTHER, lock, PERFORMED);
  bed.server.worklist.changeState(OTHER, lock, 'COMPLETED');
  // Behind those of the other: once this one is told, those were looked at.
  await create();
  await ear.until(IN_PROGRESS);
  if (others === 'tell') await ear.until(COMPLETED, OTHER);
  const told = ear.heard.filter(({ uid }) => uid === OTHER).map(({ type }) => type);
  expect(told).toEqual(others === 'tell' ? [IN_PROGRESS, COMPLETED] : []);
});

test('a request to cancel is nothing to tell, the cancellation is (PS3.4 CC.2.2)', async () => {
  const ear = await open();
  await create();
  await ear.until(IN_PROGRESS);
  bed.server.worklist.requestCancellation(UID, {}, 'WARD');
  const discontinued = { ...finalMessage('DISCONTINUED') };
  await bed.upstream.updateMpps(MPPS_UID, discontinued, mppsContextOf());
  await ear.until(DISCONTINUED);
  expect(ear.types.filter((type) => type !== UPDATED)).toEqual([IN_PROGRESS, DISCONTINUED]);
});
