/** What is known of upstreams: every call of them counts, whoever makes it. */
import { expect, test } from '@jest/globals';
import { upstreamHealth } from '../../../src/observe/health.ts';
import { UpstreamStates } from '../../../src/observe/upstream-states.ts';
import type { CallName } from '../../../src/observe/watched-upstream.ts';

const AT = Date.UTC(2027, 0, 15, 8);

/** Of calls a second apart. */
function healthAfter(...calls: readonly (readonly [CallName, string?])[]): object {
  let now = AT;
  const states = new UpstreamStates(() => now);
  for (const [transaction, failureCode] of calls) {
    states.note({ upstream: 'ris', transaction, ms: 1, failureCode });
    now += 1_000;
  }
  return upstreamHealth('dimse', states.of('ris'));
}

test('an upstream that nobody has called is unknown', () => {
  expect(healthAfter()).toEqual({ protocol: 'dimse', state: 'unknown' });
});

test('the last call decides, and the other one is remembered', () => {
  const lastSuccess = '2027-01-15T08:00:01.000Z';
  const lastFailure = { lastFailure: '2027-01-15T08:00:00.000Z', lastFailureCode: 'UPSTREAM_UNREACHABLE' };
  expect(healthAfter(['update', 'UPSTREAM_UNREACHABLE'], ['create'])).toEqual({
    ...{ protocol: 'dimse', state: 'ok', lastSuccess },
    ...lastFailure,
  });
  expect(healthAfter(['update', 'UPSTREAM_UNREACHABLE'])).toEqual({
    ...{ protocol: 'dimse', state: 'failing' },
    ...lastFailure,
  });
});

test.each<[CallName, string, string]>([
  ['create', 'UPSTREAM_ERROR', 'failing'],
  ['update', 'CONNECTION_LOST', 'failing'],
  ['request', 'OUTCOME_UNKNOWN', 'failing'],
  ['search', 'NOT_AUTHORIZED', 'failing'],
  ['search', 'CANCELED', 'unknown'],
  ['create', 'CANCELED', 'unknown'],
  ['create', 'DUPLICATE_INSTANCE', 'unknown'],
  ['retrieve', 'NO_SUCH_INSTANCE', 'unknown'],
  ['report', 'INVALID_VALUE', 'unknown'],
])('%s that ends with %s leaves it %s: what was wrong with a message is no trouble of the upstream', (...row) => {
  const [transaction, failureCode, state] = row;
  expect(healthAfter([transaction, failureCode])).toMatchObject({ state });
});
