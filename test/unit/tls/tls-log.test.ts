import { describe, expect, test } from '@jest/globals';
import { OncePerMinute } from '../../../src/tls/tls-log.ts';

describe('what is told once a minute', () => {
  test('is told for each key by itself, and says how often it was not', () => {
    let now = 0;
    const seldom = new OncePerMinute(() => now);
    expect(seldom.next('a')).toEqual({ more: 0 });
    expect(seldom.next('b')).toEqual({ more: 0 });
    now = 59_999;
    expect([seldom.next('a'), seldom.next('a')]).toEqual([undefined, undefined]);
    now = 60_000;
    expect(seldom.next('a')).toEqual({ more: 2 });
    expect(seldom.next('a')).toBeUndefined();
  });

  test('forgets the oldest of very many: a flood of peers takes no memory', () => {
    const seldom = new OncePerMinute(() => 0);
    for (let each = 0; each <= 1_000; each++) seldom.next(String(each));
    expect(seldom.next('1000')).toBeUndefined();
    expect(seldom.next('0')).toEqual({ more: 0 });
  });
});
