import { describe, expect, test } from '@jest/globals';

import { ServiceFailure } from '../../../../src/services/port.ts';
import {
  CREATE_UID_NAMES,
  queryOfUid,
  TRANSACTION_UID_NAMES,
  TRANSACTION_UID_SPELLINGS,
  uidInQuery,
} from '../../../../src/services/ups/parameters.ts';

function codeOf(query: string, names = TRANSACTION_UID_NAMES): string {
  try {
    return `found ${uidInQuery(query, names)}`;
  } catch (error) {
    if (error instanceof ServiceFailure) return error.code;
    throw error;
  }
}

describe('how targets name a UID (PS3.18 11.4.1, 11.6.1)', () => {
  test.each([
    ['1.2.3', '1.2.3'],
    ['transaction-uid=1.2.3', '1.2.3'],
    ['Transaction-uid=1.2.3', '1.2.3'],
    ['transactionUID=1.2.3', '1.2.3'],
    ['%31.2.3', '1.2.3'],
    ['1.2.3&transaction-uid=1.2.3', '1.2.3'],
    ['', undefined],
    ['&', undefined],
  ])('%p is the lock %p', (query, uid) => {
    expect(uidInQuery(query, TRANSACTION_UID_NAMES)).toBe(uid);
  });

  test.each([
    ['1.2.3&1.2.4', 'BAD_REQUEST'],
    ['workitem=1.2.3', 'BAD_REQUEST'],
    ['1.2.3%', 'BAD_REQUEST'],
    ['transaction-uid=', 'INVALID_UID'],
    ['transaction-uid=01.2', 'INVALID_UID'],
    ['abc', 'INVALID_UID'],
  ])('%p is refused: %s', (query, code) => {
    expect(codeOf(query)).toBe(code);
  });

  test('a workitem that is created has a name of its own in the wild (dcm4chee)', () => {
    expect(uidInQuery('workitem=1.2.3', CREATE_UID_NAMES)).toBe('1.2.3');
  });

  test.each(TRANSACTION_UID_SPELLINGS.filter((spelling) => spelling !== 'payload'))(
    'what is emitted is understood: %s',
    (spelling) => {
      const query = queryOfUid('1.2.3', spelling);
      expect(query.startsWith('?')).toBe(true);
      expect(uidInQuery(query.slice(1), TRANSACTION_UID_NAMES)).toBe('1.2.3');
    },
  );

  test('what goes into the payload is not in the target', () => {
    expect(queryOfUid('1.2.3', 'payload')).toBe('');
    expect(queryOfUid('1.2.3', 'workitem')).toBe('?workitem=1.2.3');
  });
});
