import { describe, expect, test } from '@jest/globals';
import { generateUid, isUid } from '../../../src/dataset/uid.ts';

describe('UIDs (PS3.5 9)', () => {
  test.each(['1.2.840.10008.1.1', '0', '2.25.0', '1'.repeat(64)])('accepts %s', (text) => {
    expect(isUid(text)).toBe(true);
  });

  test.each(['', '.', '1.', '.1', '1..2', '01.2', '1.02', '1.2a', ' 1.2', '1.2\0', '1'.repeat(65)])(
    'refuses "%s"',
    (text) => {
      expect(isUid(text)).toBe(false);
    },
  );

  test('generates UIDs under 2.25 that differ (PS3.5 B.2)', () => {
    const uids = Array.from({ length: 100 }, generateUid);
    expect(new Set(uids).size).toBe(100);
    for (const uid of uids) {
      expect(uid).toMatch(/^2\.25\.[1-9]\d{25,38}$/);
      expect(isUid(uid)).toBe(true);
    }
  });
});
