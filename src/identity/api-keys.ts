/** Keys that stand for a subject, kept as hashes only. */
import { Principal } from './principal.ts';
import type { SecretChecker } from './secret-checker.ts';
import { parseSecretHash } from './secret-hash.ts';
import type { SecretHash } from './secret-hash.ts';

export interface ApiKeyOptions {
  readonly subject: string;
  /** As `parseSecretHash` reads it. */
  readonly hash: string;
  readonly scopes?: readonly string[] | undefined;
}

const MAXIMUM_KEY_LENGTH = 1_024;

export class ApiKeys {
  readonly #checker: SecretChecker;
  readonly #keys: readonly { readonly hash: SecretHash; readonly principal: Principal }[];

  /** @throws GatewayError CONFIG_INVALID for a hash that is none */
  constructor(keys: readonly ApiKeyOptions[], checker: SecretChecker) {
    this.#checker = checker;
    const parsed = keys.map(({ subject, hash, scopes = [] }) => ({
      hash: parseSecretHash(hash),
      principal: new Principal({ subject, scopes, means: 'apiKey' }),
    }));
    // The cheap ones first.
    this.#keys = parsed.sort((a, b) => Number(a.hash.form === 'scrypt') - Number(b.hash.form === 'scrypt'));
  }

  /** Whose key it is; undefined: nobody's. @throws AuthenticationError `unavailable` */
  async find(key: string): Promise<Principal | undefined> {
    if (key.length > MAXIMUM_KEY_LENGTH) return undefined;
    for (const { hash, principal } of this.#keys) {
      if (await this.#checker.matches(key, hash)) return principal;
    }
    return undefined;
  }
}
