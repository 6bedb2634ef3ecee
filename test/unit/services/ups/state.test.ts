import { describe, expect, test } from '@jest/globals';

import { cancellationOf, lockOf, transitionOf, updateOf } from '../../../../src/services/ups/state.ts';
import type { Lock, Transition } from '../../../../src/services/ups/state.ts';
import { WORKITEM_STATES } from '../../../../src/services/ups/workitem.ts';
import type { WorkitemState } from '../../../../src/services/ups/workitem.ts';

/** As DIMSE would have it; `ok` for what is allowed. */
function statusOf(transition: Transition): string {
  return transition.result === 'allowed' ? 'ok' : transition.dimseStatus.toString(16).toUpperCase();
}

const STATES: readonly (WorkitemState | undefined)[] = [undefined, ...WORKITEM_STATES];

describe('Change Workitem State (PS3.4 Table CC.1.1-2)', () => {
  const rows: readonly [WorkitemState, Lock, readonly string[]][] = [
    ['IN PROGRESS', 'right', ['C307', 'ok', 'C302', 'C300', 'C300']],
    ['IN PROGRESS', 'wrong', ['C307', 'C301', 'C301', 'C301', 'C301']],
    ['IN PROGRESS', 'missing', ['C307', 'C301', 'C301', 'C301', 'C301']],
    ['SCHEDULED', 'right', ['C307', 'C303', 'C303', 'C303', 'C303']],
    ['SCHEDULED', 'wrong', ['C307', 'C303', 'C303', 'C303', 'C303']],
    ['COMPLETED', 'right', ['C307', 'C310', 'ok', 'B306', 'C300']],
    ['COMPLETED', 'wrong', ['C307', 'C301', 'C301', 'C301', 'C301']],
    ['COMPLETED', 'missing', ['C307', 'C301', 'C301', 'C301', 'C301']],
    ['CANCELED', 'right', ['C307', 'C310', 'ok', 'C300', 'B304']],
    ['CANCELED', 'wrong', ['C307', 'C301', 'C301', 'C301', 'C301']],
  ];

  test.each(rows)('to %s with the %s lock', (wanted, lock, expected) => {
    expect(STATES.map((state) => statusOf(transitionOf(state, wanted, lock)))).toEqual(expected);
  });

  test.each([
    ['IN PROGRESS', 'STATE_CONFLICT'],
    ['COMPLETED', 'INSTANCE_FINAL'],
    ['CANCELED', 'INSTANCE_FINAL'],
  ] as const)('a claim of what another has claimed is about its state, %s (status mapping 11.2)', (state, code) => {
    expect(transitionOf(state, 'IN PROGRESS', 'wrong')).toMatchObject({ result: 'refused', code });
  });

  test('a missing lock and a wrong one are told apart, whatever the state (PS3.18 11.7.3.2)', () => {
    expect(transitionOf('IN PROGRESS', 'COMPLETED', 'missing')).toMatchObject({ code: 'TRANSACTION_UID_MISSING' });
    expect(transitionOf('IN PROGRESS', 'COMPLETED', 'wrong')).toMatchObject({ code: 'TRANSACTION_UID_WRONG' });
  });
});

describe('Update (PS3.4 CC.2.6.3)', () => {
  const rows: readonly [Lock, readonly string[]][] = [
    ['right', ['C307', 'C310', 'ok', 'C300', 'C300']],
    ['wrong', ['C307', 'C310', 'C301', 'C300', 'C300']],
    ['missing', ['C307', 'ok', 'C301', 'C300', 'C300']],
  ];

  test.each(rows)('with the %s lock', (lock, expected) => {
    expect(STATES.map((state) => statusOf(updateOf(state, lock)))).toEqual(expected);
  });
});

test('Request Cancellation (PS3.4 Table CC.1.1-2)', () => {
  expect(STATES.map((state) => statusOf(cancellationOf(state)))).toEqual(['C307', 'ok', 'ok', 'C311', 'B304']);
});

test('before anybody has claimed a workitem, any lock is right (PS3.4 CC.1.1)', () => {
  expect(lockOf('1.2.3', undefined)).toBe('right');
  expect(lockOf('1.2.3', '1.2.3')).toBe('right');
  expect(lockOf('1.2.3', '1.2.4')).toBe('wrong');
  expect(lockOf(undefined, '1.2.3')).toBe('missing');
});
