import { describe, expect, test } from '@jest/globals';
import { lookAtCommitments } from '../../../src/observe/commitments.ts';
import type { SeenCommitments, WatchedCount } from '../../../src/observe/commitments.ts';
import { healthOf } from '../../../src/observe/health.ts';

const PACS = { route: 'ct', upstream: 'pacs' };
const VNA = { route: 'ct', upstream: 'vna' };
const NONE = { count: 0, oldestMs: 0 };
const NO_PHASES = { asking: NONE, waiting: NONE, reporting: NONE, done: NONE };

function look(
  counts: () => Promise<readonly WatchedCount[]> | undefined,
  destinations: readonly { route: string; upstream: string }[] = [],
): Promise<SeenCommitments[]> {
  return lookAtCommitments({ counts, destinations: () => destinations }, 20);
}

const COUNTS: readonly WatchedCount[] = [
  { ...PACS, phase: 'waiting', count: 3, oldestMs: 90_400 },
  { ...PACS, phase: 'reporting', count: 1, oldestMs: 5_000 },
  { ...PACS, phase: 'done', count: 70, oldestMs: 9_000_000 },
  { ...PACS, phase: 'forgotten', count: 500, oldestMs: 90_000_000 },
];

describe('a look at the storage commitments', () => {
  test('joins what the store has with what this process asks, by destination', async () => {
    expect(await look(() => Promise.resolve(COUNTS), [VNA, PACS])).toEqual([
      {
        ...{ ...PACS, isServed: true },
        phases: {
          ...NO_PHASES,
          waiting: { count: 3, oldestMs: 90_400 },
          reporting: { count: 1, oldestMs: 5_000 },
          done: { count: 70, oldestMs: 9_000_000 },
        },
      },
      { ...VNA, isServed: true, phases: NO_PHASES },
    ]);
  });

  test('a destination that is in no route any more is not served', async () => {
    expect(await look(() => Promise.resolve(COUNTS))).toMatchObject([{ ...PACS, isServed: false }]);
  });

  test.each([
    ['fails', () => Promise.reject(new Error('no connection'))],
    ['does not answer in time', () => new Promise<never>(() => {})],
    ['is absent', () => undefined],
  ])('a store that %s tells no counts, which is not none', async (_what, counts) => {
    expect(await look(counts, [PACS])).toEqual([{ ...PACS, isServed: true }]);
  });
});

describe('health', () => {
  test('shows what is not at its end and its age, and stays ready: a restart would not help', async () => {
    expect(healthOf({}, {}, undefined, await look(() => Promise.resolve(COUNTS), [PACS, VNA]))).toEqual({
      ...{ status: 'ready', listeners: {}, upstreams: {}, spool: [] },
      commitments: [
        { ...PACS, served: true, asking: 0, waiting: 3, reporting: 1, oldestSeconds: 90 },
        { ...VNA, served: true, asking: 0, waiting: 0, reporting: 0, oldestSeconds: 0 },
      ],
    });
  });

  test('shows no counts while the store does not tell', async () => {
    expect(healthOf({}, {}, undefined, await look(() => Promise.reject(new Error()), [PACS])).commitments).toEqual([
      { ...PACS, served: true },
    ]);
  });
});
