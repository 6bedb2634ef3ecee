/** Five minutes of traffic, in memory that does not grow. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TrafficWindows } from '../../../src/observe/traffic.ts';

function bed(): { traffic: TrafficWindows; pass: (ms: number) => void } {
  let now = 0;
  return { traffic: new TrafficWindows(() => now), pass: (ms) => void (now += ms) };
}

test('nothing has passed: zeros, and no times', () => {
  expect(bed().traffic.of('route', 'ct')).toEqual({ exchanges: 0, failures: 0, perMinute: 0 });
});

test('what failed is counted and has no part in the times', () => {
  const { traffic } = bed();
  traffic.note('route', 'ct', 90_000, true);
  expect(traffic.of('route', 'ct')).toEqual({ exchanges: 1, failures: 1, perMinute: 0.2 });
  for (let i = 0; i < 9; i++) traffic.note('route', 'ct', 100, false);
  const { exchanges, failures, perMinute, p95Ms = 0 } = traffic.of('route', 'ct');
  expect([exchanges, failures, perMinute]).toEqual([10, 1, 2]);
  expect(p95Ms).toBeLessThan(110);
});

test('a listener, a route and an upstream of one name are three', () => {
  const { traffic } = bed();
  traffic.note('route', 'ct', 1, false);
  expect(traffic.of('listener', 'ct').exchanges).toBe(0);
  expect(traffic.of('upstream', 'ct').exchanges).toBe(0);
});

test('after five minutes it is forgotten, slot by slot', () => {
  const { traffic, pass } = bed();
  traffic.note('upstream', 'ris', 1, false);
  pass(60_000);
  traffic.note('upstream', 'ris', 1, true);
  pass(239_999);
  expect(traffic.of('upstream', 'ris').exchanges).toBe(2);
  pass(1);
  expect(traffic.of('upstream', 'ris')).toMatchObject({ exchanges: 1, failures: 1 });
  pass(60_000);
  expect(traffic.of('upstream', 'ris').exchanges).toBe(0);
  traffic.note('upstream', 'ris', 1, false);
  expect(traffic.of('upstream', 'ris').exchanges).toBe(1);
});

test('names of a configuration of before go when a new one comes and nothing of them has passed', () => {
  const { traffic, pass } = bed();
  traffic.note('route', 'old', 1, false);
  pass(400_000);
  traffic.note('route', 'new', 1, false);
  expect(traffic.of('route', 'new').exchanges).toBe(1);
  expect(traffic.of('route', 'old').exchanges).toBe(0);
});

test('half and nineteen of twenty are told within a tenth, from half a millisecond to two minutes', () => {
  const times = fc.array(fc.double({ min: 0.5, max: 120_000, noNaN: true }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(times, (all) => {
      const { traffic } = bed();
      for (const ms of all) traffic.note('route', 'ct', ms, false);
      const { p50Ms = 0, p95Ms = 0 } = traffic.of('route', 'ct');
      const sorted = all.toSorted((a, b) => a - b);
      const at = (share: number): number => sorted[Math.ceil(all.length * share) - 1] ?? 0;
      for (const [told, real] of [
        [p50Ms, at(0.5)],
        [p95Ms, at(0.95)],
      ] as const) {
        if (real <= 0.6) expect(told).toBeLessThan(0.66);
        else expect(Math.abs(told - real) / real).toBeLessThan(0.1);
      }
    }),
  );
});
