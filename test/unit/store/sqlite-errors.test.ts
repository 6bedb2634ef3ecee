import { describe, expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/errors.ts';
import { toStoreError } from '../../../src/store/sqlite-errors.ts';

const sqlite = (errcode: number): Error =>
  Object.assign(new Error('a value'), { code: 'ERR_SQLITE_ERROR', errcode, errstr: 'meaning of the code' });

describe('what SQLite says (sqlite.org/rescode.html)', () => {
  test.each([
    ['BUSY', 5, 'STORE_LOCKED'],
    ['BUSY_SNAPSHOT', 517, 'STORE_LOCKED'],
    ['READONLY', 8, 'STORE_UNREADABLE'],
    ['IOERR', 10, 'STORE_FAILED'],
    ['IOERR_FSYNC', 1034, 'STORE_FAILED'],
    ['IOERR_SHMSIZE', 4874, 'STORE_FULL'],
    ['CORRUPT', 11, 'STORE_DAMAGED'],
    ['CORRUPT_INDEX', 779, 'STORE_DAMAGED'],
    ['FULL', 13, 'STORE_FULL'],
    ['CANTOPEN', 14, 'STORE_UNREADABLE'],
    ['NOTADB', 26, 'STORE_DAMAGED'],
    ['CONSTRAINT_CHECK', 275, 'STORE_FAILED'],
  ])('%s (%i) is %s, by its code, without its message', (_name, errcode, code) => {
    const error = toStoreError(sqlite(errcode), '/data/x.db') as GatewayError;
    expect(error).toBeInstanceOf(GatewayError);
    expect(error.code).toBe(code);
    expect(error.message).toMatch(/^The store \/data\/x\.db .*: meaning of the code$/);
  });

  test.each([
    ['ENOSPC', 'STORE_FULL'],
    ['EDQUOT', 'STORE_FULL'],
    ['EACCES', 'STORE_UNREADABLE'],
  ])('%s of the file system is %s', (code, expected) => {
    const error = Object.assign(new Error('x'), { code, syscall: 'open' });
    expect(toStoreError(error, '/data/x.db')).toMatchObject({ code: expected });
  });

  test('errors of the gateway and faults of ours stay what they are', () => {
    for (const error of [new GatewayError('STORE_TOO_NEW', 'x'), new TypeError('x')]) {
      expect(toStoreError(error, '/data/x.db')).toBe(error);
    }
  });
});
