import { describe, expect, test } from '@jest/globals';
import { errorFromEnd } from '../../../src/dimse/scu-error.ts';

describe('an association that the peer rejects', () => {
  test.each([
    [{ result: 1, source: 1, reason: 7 }, 'association rejected (1/1/7): called AE title not recognized'],
    [{ result: 1, source: 1, reason: 3 }, 'association rejected (1/1/3): calling AE title not recognized'],
    [{ result: 1, source: 1, reason: 2 }, 'association rejected (1/1/2): application context not supported'],
    [{ result: 1, source: 2, reason: 2 }, 'association rejected (1/2/2): protocol version not supported'],
    [{ result: 2, source: 3, reason: 2 }, 'association rejected (2/3/2): local limit exceeded'],
    [{ result: 1, source: 3, reason: 9 }, 'association rejected (1/3/9): reason not known'],
  ])(
    'is told with its reason in words (PS3.8 Table 9-21), short enough for an Error Comment: %j',
    (rejection, text) => {
      const error = errorFromEnd({ kind: 'rejected', rejection }, 'association');
      expect(error).toMatchObject({ code: 'ASSOCIATION_REJECTED', message: text, rejection });
      expect(text.length).toBeLessThanOrEqual(64);
    },
  );
});
