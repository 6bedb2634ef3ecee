/** Delivery of MPPS Notifications by the spool (status mapping 6: 0213H and the network again, other statuses are final). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createDataSet } from '../../../src/dataset/model.ts';
import type { MppsEventType } from '../../../src/services/mpps/notification.ts';
import { ServiceFailure } from '../../../src/services/port.ts';
import type { NewSpoolMessage } from '../../../src/store/spool-records.ts';
import { createMessage, MPPS_UID, progressMessage } from '../../support/mpps.ts';
import { NotifiedScu } from '../../support/notifications.ts';
import { messageOf, SpoolBed, unreachable } from '../../support/spool-bed.ts';

let bed: SpoolBed;
let scu: NotifiedScu;

beforeEach(async () => {
  bed = await SpoolBed.open();
  scu = new NotifiedScu();
  bed.delivery.replaceTargets([bed.target({}, { upstream: { name: 'far', upstream: scu }, isForward: true })]);
});
afterEach(() => bed.close());

const eventOf = (eventType: MppsEventType, more: Partial<NewSpoolMessage> = {}): NewSpoolMessage =>
  messageOf('event', createDataSet(), { eventType, ...more });

const told = (): number[] => scu.events.map(({ type }) => type);

test('an SCU is told in order, by the trace of what was accepted', async () => {
  await bed.accept(eventOf(1, { traceId: 'first' }), eventOf(4), eventOf(2));
  await bed.clock.rest();
  expect(scu.events).toEqual([1, 4, 2].map((type) => ({ uid: MPPS_UID, type })));
  expect(scu.contexts[0]).toMatchObject({ traceId: 'first' });
  expect(await bed.messages()).toEqual([]);
  expect(bed.ends.map(({ kind, eventType, status }) => [kind, eventType, status])).toEqual([
    ['event', 1, 'delivered'],
    ['event', 4, 'delivered'],
    ['event', 2, 'delivered'],
  ]);
});

test('a destination that is forwarded to as well has the step before it is told of it', async () => {
  await bed.accept(
    messageOf('create', createMessage()),
    eventOf(1),
    messageOf('update', progressMessage()),
    eventOf(4),
  );
  await bed.clock.rest();
  expect([scu.arrived, told()]).toEqual([
    [`create ${MPPS_UID}`, `update ${MPPS_UID}`],
    [1, 4],
  ]);
});

describe('an SCU that does not take it', () => {
  test.each<[string, ServiceFailure]>([
    ['0110H', new ServiceFailure('UPSTREAM_ERROR', { dimseStatus: 0x0110 })],
    ['0112H', new ServiceFailure('NO_SUCH_INSTANCE', { dimseStatus: 0x0112 })],
    ['0113H', new ServiceFailure('OPERATION_NOT_SUPPORTED', { dimseStatus: 0x0113 })],
    ['0118H', new ServiceFailure('NOT_SUPPORTED', { dimseStatus: 0x0118 })],
  ])('with %s has answered for good: logged, and the next is told', async (status, refusal) => {
    scu.refusals = [refusal];
    await bed.accept(eventOf(1), eventOf(4));
    await bed.clock.rest();
    expect([told(), await bed.messages()]).toEqual([[4], []]);
    expect(bed.ends).toMatchObject([
      { level: 'warn', kind: 'event', eventType: 1, status: 'refused', outcome: refusal.code },
      { level: 'info', kind: 'event', eventType: 4, status: 'delivered' },
    ]);
    expect(bed.ends[0]?.['problem']).toContain(`the far end answered ${status}`);
    expect(bed.attempts).toMatchObject([
      { kind: 'event', outcome: 'delivered', failureCode: refusal.code },
      { kind: 'event', outcome: 'delivered', failureCode: undefined },
    ]);
  });

  test.each<[string, () => ServiceFailure]>([
    ['has no room (0213H)', () => new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', dimseStatus: 0x0213 })],
    ['is not there', unreachable],
    ['does not answer', () => new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'ambiguous' })],
    ['rejects the association', () => new ServiceFailure('UPSTREAM_REJECTED')],
    ['does not offer the class', () => new ServiceFailure('NOT_SUPPORTED')],
  ])('because it %s is told again, before the next', async (_what, refusal) => {
    scu.refusals = [refusal(), refusal()];
    await bed.accept(eventOf(1), eventOf(2));
    await bed.clock.rest();
    expect(told()).toEqual([]);
    await bed.clock.pass(10_000);
    expect([told(), await bed.messages()]).toEqual([[1, 2], []]);
    expect(bed.attempts.map(({ outcome }) => outcome)).toEqual(['later', 'later', 'delivered', 'delivered']);
  });
});
