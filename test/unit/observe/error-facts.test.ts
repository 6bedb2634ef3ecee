import { expect, test } from '@jest/globals';
import { GatewayError } from '../../../src/errors.ts';
import { errorFacts } from '../../../src/observe/error-facts.ts';

test('an error of the gateway tells its code and its message, which have no values', () => {
  const error = new GatewayError('STORE_FULL', 'The store has no room left', { cause: new Error('DOE^JANE') });
  expect(errorFacts(error)).toEqual({ code: 'STORE_FULL', problem: 'The store has no room left' });
});

test.each([
  ['one line', 'no step for DOE^JANE'],
  ['several lines', 'no step for\nDOE^JANE\n  4711'],
  ['lines that look like calls', 'wrong\n    at DOE^JANE (4711)\nDOE^JANE'],
])('any other tells its kind and its place, however its message reads: %s', (_what, message) => {
  const facts = errorFacts(new RangeError(message));
  expect(facts).toEqual({ name: 'RangeError', at: expect.stringMatching(/^ {4}at .*error-facts\.test\.ts/) });
  expect(JSON.stringify(facts)).not.toMatch(/DOE|4711/);
});

test('what JSON.parse says quotes the text it was given', () => {
  let caught: unknown;
  try {
    JSON.parse('{"00100010": DOE^JANE}');
  } catch (error) {
    caught = error;
  }
  expect(String(caught)).toContain('DOE^JANE');
  expect(JSON.stringify(errorFacts(caught))).not.toContain('DOE^JANE');
});

test('what is no error at all tells what it is', () => {
  expect(errorFacts('DOE^JANE')).toEqual({ name: 'string', at: undefined });
});
