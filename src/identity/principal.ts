/** Who asks, once it has shown so, and why it was not believed. */

export type Means = 'jwt' | 'apiKey' | 'certificate' | 'userName' | 'passcode';

export interface PrincipalFacts {
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly means: Means;
  /** The JSON Web Token itself, for upstreams it is passed on to. */
  readonly token?: string;
  /** Wall clock, ms since 1970: until then it is good; absent: for ever. */
  readonly expiresAtMs?: number;
}

/** Its token is no property of its own, so that no log, error or dump of the object has it. */
export class Principal {
  readonly subject: string;
  readonly scopes: readonly string[];
  readonly means: Means;
  readonly expiresAtMs: number;
  readonly #token: string | undefined;

  constructor({ subject, scopes, means, token, expiresAtMs = Infinity }: PrincipalFacts) {
    this.subject = subject;
    this.scopes = scopes;
    this.means = means;
    this.expiresAtMs = expiresAtMs;
    this.#token = token;
  }

  get token(): string | undefined {
    return this.#token;
  }
}

/**
 * `missing`: nothing was shown; `invalid`: it was not believed; `ambiguous`: shown in two ways at once (RFC 6750 2);
 * `unavailable`: it cannot be checked now.
 */
export type AuthenticationProblem = 'missing' | 'invalid' | 'ambiguous' | 'unavailable';

/** Its message is for the peer and for the log: it repeats nothing of what was shown. */
export class AuthenticationError extends Error {
  override readonly name = 'AuthenticationError';
  readonly problem: AuthenticationProblem;

  constructor(problem: AuthenticationProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}

/** One attempt, for logs, counts and the audit trail; without what was shown. */
export interface AuthenticationEvent {
  /** Name of the listener. */
  readonly listener: string;
  /** Remote IP address. */
  readonly address: string;
  readonly outcome: 'success' | 'failure';
  /** Of a success. */
  readonly subject?: string;
  readonly means?: Means;
  /** Why it failed, in words. */
  readonly why?: string;
}

const MAXIMUM_SUBJECT_LENGTH = 256;

/** A subject that may stand in logs and rules: not empty, not endless, without control characters. */
export function isSubject(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= MAXIMUM_SUBJECT_LENGTH &&
    !/[\p{Cc}\p{Zl}\p{Zp}]/u.test(value)
  );
}

/** Those of the scopes that the requester has not. */
export function missingScopes(needed: readonly string[], { scopes = [] }: { scopes?: readonly string[] }): string[] {
  return needed.filter((scope) => !scopes.includes(scope));
}
