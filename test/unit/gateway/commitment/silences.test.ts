/** When a far end of storage commitment counts as silent, and when it is tried. */
import { expect, test } from '@jest/globals';
import { NotTried, Silences } from '../../../../src/gateway/commitment/silences.ts';
import { ServiceFailure } from '../../../../src/services/port.ts';
import { Keeper } from '../../../support/commitment-bed.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { keepingLogger } from '../../../support/requests.ts';

const FIRST_MS = 10_000;
const noAnswer = new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'ambiguous' });
const noPlace = new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe' });
const busy = new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', dimseStatus: 0x0213 });

function opened() {
  const clock = new FakeClock(0);
  const silences = new Silences(clock, keepingLogger());
  const farEnd = { name: 'ct', upstream: new Keeper('reported') };
  const note = (end: unknown): void => silences.note(farEnd, FIRST_MS, end);
  return { clock, silences, farEnd, note, turnedAway: () => silences.turnedAway(farEnd) };
}

test('after three attempts in a row without an answer one at a time is tried, with growing pauses', async () => {
  const { clock, note, turnedAway } = opened();
  note(noAnswer);
  note(noAnswer);
  expect(turnedAway()).toBeUndefined();
  note(noAnswer);
  expect(turnedAway()).toBeInstanceOf(NotTried);
  expect(turnedAway()).toMatchObject({ code: 'UPSTREAM_TIMEOUT', retry: 'safe' });
  for (const pauseMs of [5_000, 10_000, 20_000, 40_000, 60_000, 60_000]) {
    await clock.pass(pauseMs - 1);
    expect(turnedAway()).toBeDefined();
    await clock.pass(1);
    expect(turnedAway()).toBeUndefined();
    expect(turnedAway()).toBeDefined();
    note(noAnswer);
  }
});

test('any answer ends it, and so does another upstream under the same name', () => {
  for (const answer of [undefined, { state: 'pending' }, busy, new ServiceFailure('UPSTREAM_REJECTED')]) {
    const { silences, note, turnedAway } = opened();
    for (let i = 0; i < 3; i++) note(noAnswer);
    expect(silences.turnedAway({ name: 'ct', upstream: new Keeper('reported') })).toBeUndefined();
    expect(turnedAway()).toBeDefined();
    note(answer);
    expect(turnedAway()).toBeUndefined();
  }
});

test('an attempt that found no place for an association says nothing, and the next may be tried', async () => {
  const { clock, note, turnedAway } = opened();
  for (let i = 0; i < 3; i++) note(noAnswer);
  note(noPlace);
  expect(turnedAway()).toBeDefined();
  await clock.pass(5_000);
  expect(turnedAway()).toBeUndefined();
  note(noPlace);
  expect(turnedAway()).toBeUndefined();
});
