/** The last exchanges, as the console reads them. */
import { describe, expect, test } from '@jest/globals';
import { attribute, dataSetOf } from '../../../src/dataset/model.ts';
import { ExchangeRing } from '../../../src/observe/exchange-history.ts';
import type { ExchangeFilter } from '../../../src/observe/exchange-history.ts';
import type { SeenExchange } from '../../../src/observe/exchanges.ts';
import { WARD } from '../../support/requests.ts';

const EXCHANGE: SeenExchange = {
  operation: 'search',
  requester: WARD,
  traceId: 't',
  route: 'ct',
  upstream: 'ris',
  startedMs: 10,
  ms: 250,
  status: '0000H',
  count: 3,
  warnings: [],
};

function ringOf(capacity: number, exchanges: readonly Partial<SeenExchange>[] = []): ExchangeRing {
  const ring = new ExchangeRing(capacity, () => 1_000_000);
  for (const each of exchanges) ring.observe({ ...EXCHANGE, ...each });
  return ring;
}

const idsOf = (ring: ExchangeRing, filter: ExchangeFilter = {}, limit = 100): number[] =>
  ring.list(filter, limit).map(({ id }) => id);

const numbered = (count: number): Partial<SeenExchange>[] =>
  Array.from({ length: count }, (_each, index) => ({ traceId: `t${index + 1}` }));

test('an exchange is kept whole but for its data set, with the time of its begin', () => {
  const dataSet = dataSetOf({ '00100020': attribute('LO', 'MARKED-ID') });
  const ring = ringOf(10, [{ dataSet, uid: '1.2.3' }]);
  expect(ring.last).toBe(1);
  expect(ring.get(1)).toEqual({ ...EXCHANGE, uid: '1.2.3', id: 1, startedAtMs: 999_750 });
  expect(JSON.stringify(ring.get(1))).not.toContain('MARKED-ID');
});

test('so many are kept, the newest; what has gone is not found under the id of another', () => {
  const ring = ringOf(3, numbered(7));
  expect(ring.last).toBe(7);
  expect(idsOf(ring)).toEqual([7, 6, 5]);
  expect(ring.get(4)).toBeUndefined();
  expect(ring.get(7)?.traceId).toBe('t7');
  expect(ring.get(10)).toBeUndefined();
});

test('none yet', () => {
  const ring = ringOf(3);
  expect([ring.last, idsOf(ring), ring.get(0), ring.get(1)]).toEqual([0, [], undefined, undefined]);
});

test.each([
  [2, [5, 4]],
  [10, [5, 4, 3]],
])('with room for %i from now on, the newest of those there were stay', (capacity, ids) => {
  const ring = ringOf(3, numbered(5));
  ring.capacity = capacity;
  expect(idsOf(ring)).toEqual(ids);
  ring.observe({ ...EXCHANGE, traceId: 't6' });
  expect(idsOf(ring)).toEqual([6, ...ids].slice(0, capacity));
  expect(idsOf(ring).map((id) => ring.get(id)?.traceId)).toEqual(idsOf(ring).map((id) => `t${id}`));
});

describe('a list', () => {
  const ring = ringOf(10, [
    {},
    { requester: { ...WARD, listener: 'other', callingAeTitle: 'MR7' } },
    { route: undefined, upstream: undefined, status: 'A900H', failure: { code: 'BAD_REQUEST', retry: 'permanent' } },
    { failure: { code: 'CANCELED', retry: 'permanent' } },
    { operation: 'create', uid: '1.2.3', upstream: 'archive', reason: 'Nothing answers', traceId: 'u' },
  ]);
  test.each<[string, ExchangeFilter, number[]]>([
    ['after an id', { after: 3 }, [5, 4]],
    ['of a listener', { listener: 'other' }, [2]],
    ['of a route', { route: 'ct' }, [5, 4, 2, 1]],
    ['of an upstream', { upstream: 'archive' }, [5]],
    ['of a service', { service: 'mpps' }, [5]],
    ['that failed: who stopped asking was not failed', { failed: true }, [3]],
    ['that did not', { failed: false }, [5, 4, 2, 1]],
    ['of a UID', { uid: '1.2.3' }, [5]],
    ['of a trace', { traceId: 'u' }, [5]],
    ['with a word, case aside', { text: 'mr7' }, [2]],
    ['with a word of the reason', { text: 'nothing ANSWERS' }, [5]],
    ['with all of it', { failed: true, service: 'mpps' }, []],
  ])('%s', (_what, filter, ids) => {
    expect(idsOf(ring, filter)).toEqual(ids);
  });

  test('has at most so many, the newest', () => {
    expect(idsOf(ring, {}, 2)).toEqual([5, 4]);
  });
});

describe('steps at far ends', () => {
  const step = (text: string) => ({ direction: 'out', text, peer: 'ris', atMs: 1 }) as const;

  test('are found by the trace of their request, before and after its end', () => {
    const ring = ringOf(2);
    ring.trace('t', step('C-FIND-RQ'));
    ring.observe(EXCHANGE);
    ring.trace('t', step('later'));
    ring.trace('other', step('GET'));
    expect(ring.steps('t').map(({ text }) => text)).toEqual(['C-FIND-RQ', 'later']);
    expect(ring.steps('unknown')).toEqual([]);
  });

  test('are bounded: of one request, in their length, and over all', () => {
    const ring = ringOf(2);
    for (let i = 0; i < 100; i++) ring.trace('t', step('x'.repeat(2_000)));
    expect(ring.steps('t')).toHaveLength(32);
    expect(ring.steps('t')[0]?.text).toHaveLength(500);
    for (let i = 0; i < 4; i++) ring.trace(`t${i}`, step('GET'));
    expect(ring.steps('t')).toEqual([]);
    expect(ring.steps('t0')).toHaveLength(1);
  });

  test.each([1, 2, 3, 8])('with room for %i exchanges from now on, those told of last stay', (capacity) => {
    const ring = ringOf(3);
    const tell = (from: number, to: number): void => {
      for (let i = from; i <= to; i++) ring.trace(`t${i}`, step('GET'));
    };
    const known = (): number[] =>
      Array.from({ length: 40 }, (_each, i) => i).filter((i) => ring.steps(`t${i}`).length > 0);
    tell(1, 8);
    ring.capacity = capacity;
    const stay = [3, 4, 5, 6, 7, 8].slice(-2 * capacity);
    expect(known()).toEqual(stay);
    tell(9, 30);
    expect(known()).toEqual(
      Array.from({ length: 30 }, (_each, i) => i + 1)
        .slice(-2 * capacity)
        .filter((i) => i > 8 || stay.includes(i)),
    );
  });
});
