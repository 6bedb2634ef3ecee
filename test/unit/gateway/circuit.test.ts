import { beforeEach, describe, expect, test } from '@jest/globals';
import { Circuit } from '../../../src/gateway/circuit.ts';

const OPTIONS = { concurrency: 4, firstDelayMs: 1_000, maximumDelayMs: 5_000 };

let circuit: Circuit;
let now: number;

beforeEach(() => {
  // The longest pauses there can be.
  circuit = new Circuit(OPTIONS, () => 1);
  now = 0;
});

const fail = (code: Parameters<Circuit['failed']>[0] = 'UPSTREAM_UNREACHABLE', uid = '1.2'): boolean =>
  circuit.failed(code, uid, now);

describe('trouble of a destination', () => {
  test('three times in a row opens the circuit, once', () => {
    expect([fail(), fail(), fail(), fail()]).toEqual([false, false, true, false]);
    expect(circuit).toMatchObject({ openSince: 0, consecutiveFailures: 4 });
  });

  test('is forgotten with the first success', () => {
    fail();
    fail();
    expect(circuit.succeeded()).toBe(false);
    expect([fail(), fail(), circuit.openSince]).toEqual([false, false, undefined]);
  });

  test.each(['UPSTREAM_ERROR', 'UPSTREAM_TIMEOUT', 'CONNECTION_LOST', 'NOT_AUTHORIZED', 'OUT_OF_RESOURCES'] as const)(
    '%s of one message over and over does not open it for the others; of three messages it does',
    (code) => {
      for (let i = 0; i < 20; i++) expect(fail(code)).toBe(false);
      expect([fail(code, '1.3'), fail(code, '1.4')]).toEqual([false, true]);
    },
  );

  test.each(['INTERNAL_ERROR', 'CANCELED', 'SHUTTING_DOWN', 'CONVERSION_FAILED'] as const)('%s is none', (code) => {
    for (let i = 0; i < 20; i++) expect(fail(code, `1.${i}`)).toBe(false);
  });

  test('with Retry-After opens it at once, for as long as the far end asks', () => {
    expect(circuit.failed('OUT_OF_RESOURCES', '1.2', now, 90_000)).toBe(true);
    expect([circuit.pauseMs(0), circuit.limit(89_999), circuit.limit(90_000)]).toEqual([90_000, 0, 1]);
  });
});

test('an open circuit lets one probe through after each pause; pauses double up to the maximum', () => {
  for (let i = 0; i < 3; i++) fail();
  const pauses = Array.from({ length: 5 }, () => {
    const pause = circuit.pauseMs(now);
    expect([circuit.limit(now), circuit.limit(now + pause)]).toEqual([0, 1]);
    now += pause;
    fail();
    return pause;
  });
  expect(pauses).toEqual([1_000, 2_000, 4_000, 5_000, 5_000]);
});

test('what was under way when it opened does not make the pause longer', () => {
  for (let i = 0; i < 6; i++) fail();
  expect(circuit.pauseMs(now)).toBe(1_000);
});

test('jitter makes a pause shorter by up to a half', () => {
  const jittered = new Circuit(OPTIONS, () => 0);
  for (let i = 0; i < 3; i++) jittered.failed('UPSTREAM_UNREACHABLE', '1.2', 0);
  expect(jittered.pauseMs(0)).toBe(500);
});

test('who comes back gets one delivery at a time first, one more with each that went well', () => {
  for (let i = 0; i < 3; i++) fail();
  expect(circuit.succeeded()).toBe(true);
  const limits = Array.from({ length: 5 }, () => {
    const limit = circuit.limit(now);
    circuit.succeeded();
    return limit;
  });
  expect(limits).toEqual([1, 2, 3, 4, 4]);
});
