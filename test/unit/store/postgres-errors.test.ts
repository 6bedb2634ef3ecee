import { describe, expect, test } from '@jest/globals';
import { inspect } from 'node:util';
import { DatabaseError } from 'pg';
import { findFreePort } from '../../../scripts/peers/process.ts';
import { GatewayError } from '../../../src/errors.ts';
import { PostgresErrors } from '../../../src/store/postgres-errors.ts';
import { openPostgresStore } from '../../../src/store/postgres.ts';

const errors = new PostgresErrors('postgres://gate:s3cret@db.example:5433/dimseway?sslpassword=s3cret');

function databaseError(code: string): DatabaseError {
  const values = {
    code,
    severity: 'ERROR',
    detail: 'Key (uid)=(1.2.3) of Yamada^Tarou',
    table: 'mpps',
    where: 'Yamada',
  };
  return Object.assign(new DatabaseError('value "Yamada^Tarou" is wrong', 0, 'error'), values);
}

describe('what PostgreSQL answers (PostgreSQL, Appendix A)', () => {
  test.each([
    ['53100', 'STORE_FULL'],
    ['08006', 'STORE_UNREACHABLE'],
    ['53300', 'STORE_UNREACHABLE'],
    ['57P01', 'STORE_UNREACHABLE'],
    ['57P03', 'STORE_UNREACHABLE'],
    ['25006', 'STORE_UNREADABLE'],
    ['28P01', 'STORE_UNREADABLE'],
    ['3D000', 'STORE_UNREADABLE'],
    ['42501', 'STORE_UNREADABLE'],
    ['55P03', 'STORE_LOCKED'],
    ['40P01', 'STORE_LOCKED'],
    ['57014', 'STORE_LOCKED'],
    ['42P01', 'STORE_DAMAGED'],
    ['XX001', 'STORE_DAMAGED'],
    ['58030', 'STORE_FAILED'],
    ['23514', 'STORE_FAILED'],
  ])('SQLSTATE %s is %s', (state, code) => {
    expect(errors.from(databaseError(state))).toMatchObject({ name: 'GatewayError', code });
  });

  test('is passed on by its code and the names of things, never with a row or the password of the store', () => {
    const error = errors.from(databaseError('23514'));
    expect(error.message).toBe('The store postgres://db.example:5433/dimseway failed: SQLSTATE 23514');
    const told = inspect(error, { depth: null, showHidden: true });
    expect(told).toContain('table mpps');
    for (const secret of ['Yamada', '1.2.3', 's3cret']) expect(told).not.toContain(secret);
  });
});

test('what is no answer of the server is a lost connection', () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' });
  expect(errors.from(refused)).toMatchObject({
    code: 'STORE_UNREACHABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  expect(errors.from(new Error('Connection terminated unexpectedly'))).toMatchObject({ code: 'STORE_UNREACHABLE' });
});

test('an error of the gateway stays what it is', () => {
  const error = new GatewayError('STORE_TOO_NEW', 'text');
  expect(errors.from(error)).toBe(error);
});

test('a server that is not there is STORE_UNREACHABLE', async () => {
  const url = `postgres://gate:s3cret@127.0.0.1:${await findFreePort()}/dimseway`;
  await expect(openPostgresStore({ url })).rejects.toMatchObject({ name: 'GatewayError', code: 'STORE_UNREACHABLE' });
});
