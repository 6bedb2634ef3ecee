import { describe, expect, test } from '@jest/globals';
import { healthOf } from '../../../src/observe/health.ts';
import { lookAtSpool } from '../../../src/observe/spool.ts';
import type { WatchedDepth, WatchedDestination } from '../../../src/observe/spool.ts';

const RIS = { route: 'ct', upstream: 'ris' };
const ARCHIVE = { route: 'ct', upstream: 'archive' };
const DEPTH: WatchedDepth = { ...RIS, queued: 3, dead: 1, oldestMs: 90_400, attempts: 7 };
const NONE = { queued: 0, dead: 0, oldestMs: 0, attempts: 0 };

function look(
  depths: () => Promise<readonly WatchedDepth[]> | undefined,
  destinations: readonly WatchedDestination[] = [],
  patienceMs?: number,
): ReturnType<typeof lookAtSpool> {
  return lookAtSpool({ depths, destinations: () => destinations }, patienceMs);
}

describe('a look at the spool', () => {
  test('joins what the store has with what the delivery knows, by destination', async () => {
    const stuck = { ...RIS, circuitOpenSince: 1_000, lastFailureCode: 'UPSTREAM_UNREACHABLE' };
    expect(await look(() => Promise.resolve([DEPTH]), [stuck, ARCHIVE])).toEqual({
      store: 'ok',
      destinations: [
        { ...ARCHIVE, isServed: true, depth: NONE },
        { ...stuck, isServed: true, depth: { queued: 3, dead: 1, oldestMs: 90_400, attempts: 7 } },
      ],
    });
  });

  test('a destination that is in no route any more is not served', async () => {
    const { destinations } = await look(() => Promise.resolve([DEPTH]));
    expect(destinations).toMatchObject([{ ...RIS, isServed: false, depth: { queued: 3 } }]);
  });

  test.each([
    ['fails', () => Promise.reject(new Error('no connection'))],
    ['does not answer in time', () => new Promise<never>(() => {})],
  ])('a store that %s leaves what the delivery knows', async (_what, depths) => {
    expect(await look(depths, [RIS], 20)).toEqual({
      store: 'failing',
      destinations: [{ ...RIS, isServed: true, circuitOpenSince: undefined, lastFailureCode: undefined }],
    });
  });

  test('without a store there is nothing', async () => {
    expect(await look(() => undefined)).toEqual({ destinations: [] });
  });
});

describe('health', () => {
  const ward = { protocol: 'dimse', port: 104, listening: true } as const;

  test('a stuck destination is shown, and is no reason to restart', async () => {
    const stuck = { ...RIS, circuitOpenSince: Date.UTC(2026, 0, 2), lastFailureCode: 'UPSTREAM_UNREACHABLE' };
    expect(healthOf({ ward }, {}, await look(() => Promise.resolve([DEPTH]), [stuck, ARCHIVE]))).toEqual({
      status: 'ready',
      listeners: { ward },
      upstreams: {},
      store: { state: 'ok' },
      spool: [
        { ...ARCHIVE, served: true, queued: 0, dead: 0, oldestSeconds: 0, attempts: 0 },
        {
          ...{ ...RIS, served: true, queued: 3, dead: 1, oldestSeconds: 90, attempts: 7 },
          ...{ circuitOpenSince: '2026-01-02T00:00:00.000Z', lastFailureCode: 'UPSTREAM_UNREACHABLE' },
        },
      ],
      commitments: [],
    });
  });

  test('a store that fails makes the gateway unready', async () => {
    expect(healthOf({ ward }, {}, await look(() => Promise.reject(new Error()), [RIS]))).toMatchObject({
      status: 'not-ready',
      store: { state: 'failing' },
      spool: [{ ...RIS, served: true }],
    });
  });

  test('without a store the listeners decide', () => {
    const nothing = { spool: [], commitments: [] };
    expect(healthOf({ ward }, {})).toEqual({ status: 'ready', listeners: { ward }, upstreams: {}, ...nothing });
    expect(healthOf({ ward: { ...ward, listening: false } }, {})).toMatchObject({ status: 'not-ready' });
  });
});
