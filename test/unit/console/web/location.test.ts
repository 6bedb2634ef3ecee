/** Where in the console one is, and how numbers and moments are written. */
import { describe, expect, test } from '@jest/globals';
import { age, duration, moment, rate, toSecond, words } from '../../../../src/console/web/format.ts';
import { hashOf, placeOf } from '../../../../src/console/web/location.ts';

describe('the place of a page in its address', () => {
  test.each([
    ['exchanges', '', { failed: 'true', text: 'CT 1&2=3' }],
    ['exchanges', '12', { route: 'a/b' }],
    ['steps', '1.2.3', {}],
    ['overview', '', {}],
  ] as const)('comes back from %s/%s', (page, item, parameters) => {
    expect(placeOf(hashOf(page, item, parameters))).toEqual({ page, item, parameters });
  });

  test('is the overview where it cannot be understood', () => {
    expect(placeOf('#/nowhere/1?a=b').page).toBe('overview');
    expect(placeOf('').page).toBe('overview');
    expect(placeOf('#/steps/%E0%A4%A').item).toBe('%E0%A4%A');
  });

  test('has no parameters that say nothing', () => {
    expect(hashOf('spool', '', { state: '', after: undefined })).toBe('#/spool');
  });
});

describe('numbers and moments', () => {
  test.each([
    [undefined, '–'],
    [0.44, '0.4 ms'],
    [9.96, '10 ms'],
    [44.7, '45 ms'],
    [1_234, '1.23 s'],
    [12_345, '12.3 s'],
    [75_000, '1 min 15 s'],
  ])('of %s ms', (ms, text) => expect(duration(ms)).toBe(text));

  test.each([
    [undefined, '–'],
    [0, '0 s'],
    [4_620, '1 h 17 min'],
    [90_000, '1 d 1 h'],
  ])('of %s seconds', (seconds, text) => expect(age(seconds)).toBe(text));

  test('of a minute', () => {
    expect([0, 0.2, 6.24, 42.4].map(rate)).toEqual(['0', '0.2', '6.2', '42']);
  });

  test('have a date where it is not of today', () => {
    const at = new Date(2026, 2, 2, 9, 5, 7, 20);
    expect(moment(at.toISOString(), new Date(2026, 2, 2, 23))).toBe('09:05:07.020');
    expect(moment(at.toISOString(), new Date(2026, 2, 3))).toBe('2026-03-02 09:05:07.020');
    expect(toSecond(at.toISOString(), new Date(2026, 2, 2))).toBe('09:05:07');
    expect(moment('soon')).toBe('soon');
    expect(moment(undefined)).toBe('–');
  });

  test('names of services are words', () => {
    expect(['mpps', 'storageCommitment', 'worklist'].map(words)).toEqual(['MPPS', 'storage commitment', 'worklist']);
  });
});
