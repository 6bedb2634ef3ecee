import { describe, expect, test } from '@jest/globals';
import { AuthenticationError } from '../../../src/identity/principal.ts';
import { SecretChecker } from '../../../src/identity/secret-checker.ts';
import { hashSecret, matchesHash, parseSecretHash } from '../../../src/identity/secret-hash.ts';

const SECRET = 'grüße-0815';

describe('the hash of a secret', () => {
  test.each(['sha256', 'scrypt'] as const)('by %s knows the secret and no other', async (form) => {
    const text = await hashSecret(SECRET, form);
    const hash = parseSecretHash(text);
    expect(text.startsWith(`${form}:`)).toBe(true);
    expect(await matchesHash(SECRET, hash)).toBe(true);
    for (const other of ['', 'grüße-0816', `${SECRET} `]) expect(await matchesHash(other, hash)).toBe(false);
  });

  test('by sha256 is what sha256sum prints', () => {
    const hash = parseSecretHash('sha256:2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B');
    return expect(matchesHash('secret', hash)).resolves.toBe(true);
  });

  test('by scrypt is another each time: equal secrets cannot be seen', async () => {
    expect(await hashSecret(SECRET)).not.toBe(await hashSecret(SECRET));
  });

  test.each([
    SECRET,
    'sha256:abc',
    'scrypt:14:8:1:c2FsdHNhbHRzYWx0:short',
    // Parameters that would take gigabytes, or guard nothing.
    `scrypt:30:8:1:c2FsdHNhbHRzYWx0:${'A'.repeat(43)}`,
    `scrypt:4:8:1:c2FsdHNhbHRzYWx0:${'A'.repeat(43)}`,
  ])('is refused without being repeated when it is none (%#)', (text) => {
    let message = '';
    try {
      parseSecretHash(text);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message).toMatch(/neither sha256/);
    expect(message).not.toContain(text);
  });
});

describe('costly checks', () => {
  test('are done once for a secret that was right', async () => {
    const checker = new SecretChecker();
    const hash = parseSecretHash(await hashSecret(SECRET));
    expect(await checker.matches(SECRET, hash)).toBe(true);
    // Only what is known is answered while the queue is full.
    const guesses = Array.from({ length: 32 }, (_, index) => checker.matches(`guess ${index}`, hash));
    expect(await checker.matches(SECRET, hash)).toBe(true);
    await expect(checker.matches('one guess more', hash)).rejects.toThrow(AuthenticationError);
    expect(new Set(await Promise.all(guesses))).toEqual(new Set([false]));
  });
});
