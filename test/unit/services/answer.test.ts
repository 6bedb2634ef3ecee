/** What DIMSE statuses say by themselves, and how they are written. */
import { expect, test } from '@jest/globals';
import { isSuccessOrWarning, statusText, statusToHex } from '../../../src/services/answer.ts';

test('statuses are written as in the standard', () => {
  expect([statusText(0x111), statusToHex(0xa700)]).toEqual(['0111H', 'A700']);
});

test.each([
  [0x0000, true],
  [0x0001, true],
  [0x0107, true],
  [0x0116, true],
  [0xb000, true],
  [0xbfff, true],
  [0x0110, false],
  [0xa700, false],
  [0xc000, false],
  [0xfe00, false],
  [0xff00, false],
])('Success and Warning (PS3.7 C.1, C.3): %i is %s', (status, isDone) => {
  expect(isSuccessOrWarning(status)).toBe(isDone);
});
