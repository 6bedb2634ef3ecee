import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { ScuExchange } from '../../../src/dimse/scu-exchange.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function exchangeOf(
  responseMs: number,
  deadline: () => number,
): { exchange: ScuExchange; timeouts: string[]; line: string[] } {
  const timeouts: string[] = [];
  const calls: string[] = [];
  const line = {
    pause: () => void calls.push('pause'),
    resume: () => void calls.push('resume'),
    sendCancel: () => void calls.push('cancel'),
    timedOut: (waitedFor: string) => void timeouts.push(waitedFor),
  };
  return {
    exchange: new ScuExchange(1, 0x0020, line, { responseMs, drainMs: 1_000 }, deadline),
    timeouts,
    line: calls,
  };
}

const PENDING = { status: 0xff00, command: { commandField: 0x8020, status: 0xff00 }, dataSet: undefined };

describe('the wait for each response', () => {
  test('is whole again when the caller has more patience than at the first response', () => {
    let deadline = performance.now() + 100;
    const { exchange, timeouts } = exchangeOf(1_000, () => deadline);
    exchange.receive(PENDING, false);
    deadline = performance.now() + 5_000;
    exchange.receive(PENDING, false);
    jest.advanceTimersByTime(999);
    expect(timeouts).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(timeouts).toEqual(['a response']);
  });

  test('ends with the patience of the caller', () => {
    const deadline = performance.now() + 100;
    const { exchange, timeouts } = exchangeOf(1_000, () => deadline);
    jest.advanceTimersByTime(60);
    exchange.receive(PENDING, false);
    jest.advanceTimersByTime(40);
    expect(timeouts).toEqual(['a response']);
  });
});

test('who leaves while the line is paused has it read again: the final response could not arrive otherwise', () => {
  const { exchange, line } = exchangeOf(1_000, () => performance.now() + 5_000);
  for (let count = 0; count < 100; count++) exchange.receive(PENDING, false);
  exchange.abandon(new Error('left'));
  expect(line).toEqual(['pause', 'resume', 'cancel']);
});

test('large responses are not read ahead: two of a megabyte pause the line, reading them resumes it', async () => {
  const { exchange, line } = exchangeOf(1_000, () => performance.now() + 5_000);
  const large = { ...PENDING, dataSet: Buffer.alloc(600_000) };
  exchange.receive(large, false);
  expect(line).toEqual([]);
  exchange.receive(large, false);
  expect(line).toEqual(['pause']);
  await exchange.next();
  expect(line).toEqual(['pause']);
  await exchange.next();
  expect(line).toEqual(['pause', 'resume']);
});
