/**
 * Secrets as the configuration keeps them: `sha256:HEX` for keys that were drawn at random, and
 * `scrypt:LOG2N:R:P:SALT:HASH` (RFC 7914, base64url) for what a person has thought of.
 */
import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { GatewayError } from '../errors.ts';

interface ScryptParameters {
  readonly log2N: number;
  readonly r: number;
  readonly p: number;
}

export type SecretHash =
  | { readonly form: 'sha256'; readonly digest: Buffer }
  | { readonly form: 'scrypt'; readonly parameters: ScryptParameters; readonly salt: Buffer; readonly digest: Buffer };

/** About 30 ms and 16 MiB. */
const USUAL: ScryptParameters = { log2N: 14, r: 8, p: 1 };
const SALT_BYTES = 16;
const DIGEST_BYTES = 32;
const MAXIMUM_MEMORY_BYTES = 256 * 1024 * 1024;
const SHA256 = /^sha256:([0-9a-f]{64})$/i;
const SCRYPT = /^scrypt:(\d{1,2}):(\d{1,2}):(\d{1,2}):([\w-]{11,}):([\w-]{43,})$/;

/** @throws GatewayError CONFIG_INVALID, which does not repeat the text */
export function parseSecretHash(text: string): SecretHash {
  const hex = SHA256.exec(text)?.[1];
  if (hex !== undefined) return { form: 'sha256', digest: Buffer.from(hex, 'hex') };
  const [, log2N, r, p, salt = '', digest = ''] = SCRYPT.exec(text) ?? [];
  const parameters = { log2N: Number(log2N), r: Number(r), p: Number(p) };
  const isPossible = parameters.log2N >= 10 && parameters.r >= 1 && parameters.p >= 1 && parameters.p <= 16;
  if (log2N === undefined || !isPossible || memoryOf(parameters) > MAXIMUM_MEMORY_BYTES) {
    throw new GatewayError('CONFIG_INVALID', 'A hash of a secret is neither sha256:… nor scrypt:…', {
      fix: 'Make it with `dimseway hash`, or: printf %s KEY | sha256sum',
    });
  }
  return {
    form: 'scrypt',
    parameters,
    salt: Buffer.from(salt, 'base64url'),
    digest: Buffer.from(digest, 'base64url'),
  };
}

/** The hash of a secret as the configuration takes it. */
export async function hashSecret(secret: string, form: SecretHash['form'] = 'scrypt'): Promise<string> {
  if (form === 'sha256') return `sha256:${sha256(secret).toString('hex')}`;
  const salt = randomBytes(SALT_BYTES);
  const digest = await derive(secret, salt, DIGEST_BYTES, USUAL);
  const { log2N, r, p } = USUAL;
  return ['scrypt', log2N, r, p, salt.toString('base64url'), digest.toString('base64url')].join(':');
}

/** In a time that does not depend on how much of it is right. */
export async function matchesHash(secret: string, hash: SecretHash): Promise<boolean> {
  if (hash.form === 'sha256') return timingSafeEqual(sha256(secret), hash.digest);
  const derived = await derive(secret, hash.salt, hash.digest.length, hash.parameters);
  return timingSafeEqual(derived, hash.digest);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text, 'utf8').digest();
}

function memoryOf({ log2N, r }: ScryptParameters): number {
  return 128 * 2 ** log2N * r;
}

function derive(secret: string, salt: Buffer, bytes: number, parameters: ScryptParameters): Promise<Buffer> {
  const { log2N, r, p } = parameters;
  const options = { N: 2 ** log2N, r, p, maxmem: 2 * memoryOf(parameters) };
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, bytes, options, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}
