/** Users by name and passcode, passcodes kept as hashes only. */
import { isSubject, Principal } from './principal.ts';
import type { SecretChecker } from './secret-checker.ts';
import { parseSecretHash } from './secret-hash.ts';
import type { SecretHash } from './secret-hash.ts';

export interface UserOptions {
  readonly name: string;
  /** As `parseSecretHash` reads it; absent: the name alone is believed. */
  readonly passcodeHash?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
}

interface User {
  readonly hash: SecretHash | undefined;
  readonly scopes: readonly string[];
}

export class Users {
  readonly #checker: SecretChecker;
  readonly #users: ReadonlyMap<string, User>;
  /** Checked for names that are nobody's, which then take as long as others. */
  readonly #decoy: SecretHash | undefined;

  /** @throws GatewayError CONFIG_INVALID for a hash that is none */
  constructor(users: readonly UserOptions[], checker: SecretChecker) {
    this.#checker = checker;
    this.#users = new Map(
      users.map(({ name, passcodeHash, scopes = [] }) => [
        name,
        { hash: passcodeHash === undefined ? undefined : parseSecretHash(passcodeHash), scopes },
      ]),
    );
    this.#decoy = [...this.#users.values()].find(({ hash }) => hash !== undefined)?.hash;
  }

  /**
   * Who it is; undefined: the name is nobody's, or the passcode is wrong or missing.
   * @throws AuthenticationError `unavailable`
   */
  async find(name: string, passcode: string | undefined): Promise<Principal | undefined> {
    const user = this.#users.get(name);
    const hash = user === undefined ? this.#decoy : user.hash;
    const isRight = hash === undefined || (passcode !== undefined && (await this.#checker.matches(passcode, hash)));
    if (user === undefined || !isRight || !isSubject(name)) return undefined;
    const means = user.hash === undefined ? 'userName' : 'passcode';
    return new Principal({ subject: name, scopes: user.scopes, means });
  }
}
