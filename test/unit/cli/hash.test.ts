/** `dimseway hash`: what it prints is what the configuration takes. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { Readable } from 'node:stream';
import { hash } from '../../../src/cli/hash.ts';
import { matchesHash, parseSecretHash } from '../../../src/identity/secret-hash.ts';

afterEach(() => void jest.restoreAllMocks());

async function runs(input: string, options = { new: false, sha256: false }): Promise<[number, string, string]> {
  const stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
  const status = await hash(options, Readable.from([Buffer.from(input)]));
  const written = (spy: typeof stdout): string => spy.mock.calls.map(([text]) => String(text)).join('');
  return [status, written(stdout), written(stderr)];
}

test.each([false, true])('of a secret on standard input, without its newline (sha256: %s)', async (sha256) => {
  const [status, out] = await runs('correct horse\n', { new: false, sha256 });
  expect([status, out.split(':')[0]]).toEqual([0, sha256 ? 'sha256' : 'scrypt']);
  const hashed = parseSecretHash(out.trim());
  expect(await Promise.all(['correct horse', 'correct horse\n', ''].map((each) => matchesHash(each, hashed)))).toEqual([
    true,
    false,
    false,
  ]);
});

test('of a new key, which it prints once', async () => {
  const [, out] = await runs('', { new: true, sha256: true });
  const [, key = '', hashed = ''] = /^key {3}(\S{43})\nhash {2}(\S+)\n$/.exec(out) ?? [];
  expect(await matchesHash(key, parseSecretHash(hashed))).toBe(true);
});

test.each([
  ['nothing', '', 'There is no secret on standard input.'],
  ['two lines', 'a\nb\n', 'A secret is one line.'],
])('refuses %s (exit status 2)', async (_what, input, message) => {
  const [status, out, error] = await runs(input);
  expect([status, out]).toEqual([2, '']);
  expect(error).toContain(message);
});
