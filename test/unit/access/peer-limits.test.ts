import { describe, expect, test } from '@jest/globals';
import { isRefusal, PeerLimits } from '../../../src/access/peer-limits.ts';
import type { PeerLimitOptions, PeerTurn } from '../../../src/access/peer-limits.ts';

class Clock {
  ms = 1_000_000;
  readonly now = (): number => this.ms;
}

function limits(options: PeerLimitOptions, maximumPeers?: number): { clock: Clock; limits: PeerLimits } {
  const clock = new Clock();
  return { clock, limits: new PeerLimits(options, clock.now, maximumPeers) };
}

/** How many of so many requests go through at once; each is answered at once. */
function through(of: PeerLimits, peer: string, requests: number): number {
  let count = 0;
  for (let i = 0; i < requests; i++) {
    const outcome = of.begin(peer);
    if (isRefusal(outcome)) continue;
    outcome.end();
    count++;
  }
  return count;
}

function begun(of: PeerLimits, peer: string): PeerTurn {
  const outcome = of.begin(peer);
  if (isRefusal(outcome)) throw new Error(`refused: ${outcome.why}`);
  return outcome;
}

describe('requests of a peer', () => {
  test('without an option nothing is limited, and nobody is remembered', () => {
    const { limits: free } = limits({});
    expect(through(free, 'CT1', 10_000)).toBe(10_000);
    expect(free.count('CT1')).toBeUndefined();
    expect(free.size).toBe(0);
  });

  test('a burst goes through, then as many as the rate gives back', () => {
    const { clock, limits: limited } = limits({ requestsPerSecond: 2, burst: 5 });
    expect(through(limited, 'CT1', 100)).toBe(5);
    clock.ms += 499;
    expect(through(limited, 'CT1', 100)).toBe(0);
    clock.ms += 1;
    expect(through(limited, 'CT1', 100)).toBe(1);
    clock.ms += 3_600_000;
    expect(through(limited, 'CT1', 100)).toBe(5);
  });

  test('a burst that is not told is that of a second, and 1 at least', () => {
    expect(through(limits({ requestsPerSecond: 7 }).limits, 'CT1', 100)).toBe(7);
    expect(through(limits({ requestsPerSecond: 0.1 }).limits, 'CT1', 100)).toBe(1);
  });

  test('a refused request costs nothing, and tells when the next one makes sense', () => {
    const { clock, limits: limited } = limits({ requestsPerSecond: 0.5, burst: 1 });
    expect(limited.count('CT1')).toBeUndefined();
    expect(limited.count('CT1')).toEqual({ why: 'rate', retryAfterMs: 2_000 });
    clock.ms += 1_500;
    expect(limited.count('CT1')).toEqual({ why: 'rate', retryAfterMs: 500 });
    clock.ms += 500;
    expect(limited.count('CT1')).toBeUndefined();
  });

  test('whether the next would be refused can be asked without spending', () => {
    const { clock, limits: limited } = limits({ requestsPerSecond: 1, burst: 1 });
    expect([limited.whyNot('CT1'), limited.whyNot('CT1'), limited.size]).toEqual([undefined, undefined, 0]);
    expect(limited.count('CT1')).toBeUndefined();
    expect(limited.whyNot('CT1')).toEqual({ why: 'rate', retryAfterMs: 1_000 });
    clock.ms += 1_000;
    expect([limited.whyNot('CT1'), limited.count('CT1')]).toEqual([undefined, undefined]);
  });

  test('a large request counts as several: the next ones wait for it', () => {
    const { clock, limits: limited } = limits({ requestsPerSecond: 2, burst: 4 });
    const large = begun(limited, 'CT1');
    large.weigh(65_535);
    large.weigh(640 * 1024);
    large.end();
    expect(limited.count('CT1')).toEqual({ why: 'rate', retryAfterMs: 4_000 });
    clock.ms += 4_000;
    expect([limited.count('CT1'), limited.count('CT1')]).toEqual([undefined, { why: 'rate', retryAfterMs: 500 }]);
  });

  test('what went wrong is charged without room too, and forgotten in the end', () => {
    const { clock, limits: limited } = limits({ requestsPerSecond: 2, burst: 4 });
    for (let i = 0; i < 6; i++) limited.charge('CT1');
    expect(limited.whyNot('CT1')).toEqual({ why: 'rate', retryAfterMs: 1_500 });
    for (let i = 0; i < 1_000; i++) limited.charge('CT1');
    expect(limited.whyNot('CT1')).toEqual({ why: 'rate', retryAfterMs: 10_500 });
    clock.ms += 10_500;
    expect(limited.whyNot('CT1')).toBeUndefined();
    limits({}).limits.charge('CT1');
  });

  test('each peer has its own', () => {
    const { limits: limited } = limits({ requestsPerSecond: 1, burst: 1, concurrentRequests: 1 });
    begun(limited, 'CT1');
    begun(limited, 'CT2');
    expect(limited.begin('CT1')).toMatchObject({ why: 'concurrency' });
  });

  test('at a time as many as allowed; one that ends makes room, a refused one takes none of the rate', () => {
    const { limits: limited } = limits({ requestsPerSecond: 1, burst: 4, concurrentRequests: 2 });
    const first = begun(limited, 'CT1');
    begun(limited, 'CT1');
    for (let i = 0; i < 10; i++) expect(limited.begin('CT1')).toEqual({ why: 'concurrency', retryAfterMs: 1_000 });
    first.end();
    begun(limited, 'CT1').end();
    begun(limited, 'CT1').end();
    expect(limited.begin('CT1')).toMatchObject({ why: 'rate' });
  });

  test('new options hold for the next request; what is under way goes on being counted', () => {
    const { limits: limited } = limits({ concurrentRequests: 5 });
    const running = begun(limited, 'CT1');
    limited.replace({ concurrentRequests: 1 });
    expect(limited.begin('CT1')).toMatchObject({ why: 'concurrency' });
    running.end();
    begun(limited, 'CT1');
  });
});

describe('the table of peers', () => {
  test('is bounded: who was not heard of for longest is forgotten', () => {
    const { limits: limited } = limits({ requestsPerSecond: 1, burst: 1 }, 3);
    for (const peer of ['A', 'B', 'C', 'A', 'D']) limited.count(peer);
    expect(limited.size).toBe(3);
    expect(limited.count('A')).toMatchObject({ why: 'rate' });
    expect(limited.count('B')).toBeUndefined();
    for (let i = 0; i < 1_000; i++) limited.count(`stranger ${i}`);
    expect(limited.size).toBe(3);
  });

  test('never forgets a peer with a request under way', () => {
    const { limits: limited } = limits({ concurrentRequests: 1 }, 2);
    begun(limited, 'A');
    for (let i = 0; i < 100; i++) begun(limited, `stranger ${i}`).end();
    expect(limited.begin('A')).toMatchObject({ why: 'concurrency' });
  });
});
