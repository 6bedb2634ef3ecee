import { describe, expect, test } from '@jest/globals';
import { ScuError } from '../../../src/dimse/scu-error.ts';
import { failureOfWrite } from '../../../src/dimse/upstream-failure.ts';
import { ServiceFailure } from '../../../src/services/port.ts';

const REASON = new ServiceFailure('SHUTTING_DOWN');
const WAITING = new AbortController().signal;
const ABORTED = AbortSignal.abort(REASON);
const LOST = new ScuError('ASSOCIATION_ABORTED', 'connection lost', { phase: 'request' });

describe('a request that changes something has failed (status mapping 2.1)', () => {
  test('with the answer of the far end, also when nobody waits for it any more', () => {
    const answer = new ServiceFailure('DUPLICATE_INSTANCE', { dimseStatus: 0x0111 });
    for (const signal of [WAITING, ABORTED]) expect(failureOfWrite(answer, signal, true)).toBe(answer);
  });

  test.each([
    ['CONNECTION_LOST', WAITING, LOST, 'safe'],
    ['SHUTTING_DOWN', ABORTED, LOST, 'safe'],
    ['SHUTTING_DOWN', ABORTED, REASON, 'safe'],
    ['INTERNAL_ERROR', WAITING, new Error('fault'), 'permanent'],
  ])('without an answer, with %s: ambiguous once it was sent', (code, signal, error, retryBefore) => {
    expect(failureOfWrite(error, signal, true)).toMatchObject({ code, retry: 'ambiguous' });
    expect(failureOfWrite(error, signal, false)).toMatchObject({ code, retry: retryBefore });
  });
});
