/**
 * Checks secrets against costly hashes without letting guesses take the processor: one at a time, few may wait, and what
 * was right once is known again.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { AuthenticationError } from './principal.ts';
import { matchesHash } from './secret-hash.ts';
import type { SecretHash } from './secret-hash.ts';

const MAXIMUM_WAITING = 32;
const MAXIMUM_KNOWN = 1_000;

export class SecretChecker {
  /** Keyed digests of pairs that were right: neither secret nor hash can be read from them. */
  readonly #known = new Set<string>();
  readonly #key = randomBytes(32);
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws AuthenticationError `unavailable` when too many are waiting */
  async matches(secret: string, hash: SecretHash): Promise<boolean> {
    if (hash.form === 'sha256') return matchesHash(secret, hash);
    const pair = createHmac('sha256', this.#key).update(hash.salt).update(hash.digest).update(secret).digest('base64');
    if (this.#known.has(pair)) return true;
    if (this.#waiting >= MAXIMUM_WAITING)
      throw new AuthenticationError('unavailable', 'too many secrets to be checked');
    this.#waiting++;
    const check = this.#last.then(() => matchesHash(secret, hash));
    this.#last = check.catch(() => undefined);
    try {
      const isRight = await check;
      if (isRight) this.#remember(pair);
      return isRight;
    } finally {
      this.#waiting--;
    }
  }

  #remember(pair: string): void {
    const [oldest] = this.#known;
    if (oldest !== undefined && this.#known.size >= MAXIMUM_KNOWN) this.#known.delete(oldest);
    this.#known.add(pair);
  }
}
