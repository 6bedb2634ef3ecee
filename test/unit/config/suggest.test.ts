import { expect, test } from '@jest/globals';
import { didYouMean } from '../../../src/config/suggest.ts';

test.each([
  ['aeTitel', ' Did you mean "aeTitle"?'],
  ['AETITLE', ' Did you mean "aeTitle"?'],
  ['ports', ' Did you mean "port"?'],
  ['hots', ' Did you mean "host"?'],
  ['xyz', ''],
  ['z', ''],
  ['', ''],
  ['h'.repeat(100_000), ''],
])('%.20s', (word, expected) => {
  expect(didYouMean(word, ['aeTitle', 'host', 'port'])).toBe(expected);
});
