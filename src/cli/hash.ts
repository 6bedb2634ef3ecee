/** `dimseway hash`: a key or passcode as the configuration keeps it. */
import { randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { hashSecret } from '../identity/secret-hash.ts';
import { EXIT, report, UsageError } from './report.ts';

/** 256 bits: as good as any key of a cipher. */
const KEY_BYTES = 32;

export interface HashOptions {
  /** Make a new key and print it too; else the secret is read from standard input. */
  readonly new: boolean;
  /** A plain digest: quick, for long random keys only. */
  readonly sha256: boolean;
}

/** @returns the exit status */
export async function hash(options: HashOptions, input: NodeJS.ReadableStream = process.stdin): Promise<number> {
  try {
    const secret = options.new
      ? randomBytes(KEY_BYTES).toString('base64url')
      : (await text(input)).replace(/\r?\n$/, '');
    if (secret === '') throw new UsageError('There is no secret on standard input. --new makes one.');
    if (/[\r\n]/.test(secret)) throw new UsageError('A secret is one line.');
    const hashed = await hashSecret(secret, options.sha256 ? 'sha256' : 'scrypt');
    process.stdout.write(options.new ? `key   ${secret}\nhash  ${hashed}\n` : `${hashed}\n`);
    return EXIT.done;
  } catch (error) {
    return report(error);
  }
}
