/**
 * User identity of an association (PS3.7 D.3.3.7): user names and passcodes, and JSON Web Tokens. What a listener is not
 * configured for is not supported and gets no answer; what it is configured for must be right.
 */
import type { GatewayError } from '../errors.ts';
import { JwtVerifier } from '../identity/jwt-verifier.ts';
import type { JwtOptions } from '../identity/jwt-verifier.ts';
import { AuthenticationError } from '../identity/principal.ts';
import type { AuthenticationEvent, Principal } from '../identity/principal.ts';
import { ProviderClient } from '../identity/provider-client.ts';
import { SecretChecker } from '../identity/secret-checker.ts';
import { Users } from '../identity/users.ts';
import type { UserOptions } from '../identity/users.ts';
import type { Requester, RequestContext } from '../services/port.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';
import type { RejectionName } from './policy.ts';
import type { Admission } from './reporters.ts';
import type { AssociateAc } from './upper-layer/pdu.ts';
import type { UserIdentity } from './upper-layer/user-information.ts';

/** PS3.7 Table D.3-14. */
export const USER_IDENTITY_TYPE = { userName: 1, passcode: 2, kerberos: 3, saml: 4, jwt: 5 } as const;

export interface UserIdentityOptions {
  /** `accept`: who shows one must be right; `require`: and everybody has to. */
  readonly mode: 'ignore' | 'accept' | 'require';
  /** For types 1 and 2. */
  readonly users?: readonly UserOptions[] | undefined;
  /** For type 5. */
  readonly jwt?: JwtOptions | undefined;
  /** The token of type 5 is passed on to upstreams on the web that take that of the requester. */
  readonly bridge?: boolean | undefined;
}

/** What a listener is told about user identity. */
export interface ListenerIdentityOptions {
  /** Absent: it is not looked at. */
  readonly userIdentity?: UserIdentityCheck;
  /** Told of each one, for the audit trail. It must neither throw nor wait. */
  readonly authenticated?: (event: AuthenticationEvent) => void;
}

export type IdentityVerdict =
  /** None was shown, or none that is looked at. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'known';
      readonly principal: Principal;
      /** The positive response was asked for. */
      readonly isAnswered: boolean;
      /** For upstreams on the web. */
      readonly bearer?: string;
    }
  /** One was needed. */
  | { readonly kind: 'missing'; readonly why: string }
  | { readonly kind: 'refused'; readonly why: string }
  /** It could not be checked, which another time it may. */
  | { readonly kind: 'unchecked'; readonly why: string };

/** Nobody is asked. */
export const NO_IDENTITY: IdentityVerdict = { kind: 'none' };

const NO_RESPONSE_TEXT = new Uint8Array();

export class UserIdentityCheck {
  readonly #mode: UserIdentityOptions['mode'];
  readonly #users: Users | undefined;
  readonly #jwt: JwtVerifier | undefined;
  readonly #bridge: boolean;
  readonly #client: ProviderClient;

  /** @throws GatewayError CONFIG_INVALID */
  constructor({ mode, users, jwt, bridge = false }: UserIdentityOptions, client = new ProviderClient()) {
    this.#mode = mode;
    this.#users = users && new Users(users, new SecretChecker());
    this.#jwt = jwt && new JwtVerifier(jwt, client);
    this.#bridge = bridge;
    this.#client = client;
  }

  /**
   * Loads the keys of the token issuer ahead of the first association, and reads certificates again that have changed.
   * @returns why the keys are not there, where that may pass
   * @throws GatewayError KEYS_UNREADABLE for a file, TLS_*
   */
  async load(): Promise<GatewayError | undefined> {
    await this.#client.reload();
    return this.#jwt?.load();
  }

  /** By which the token issuer is trusted. */
  certificates(): readonly CertificateFacts[] {
    return this.#client.certificates();
  }

  /** At once where there is nothing to be looked up; a promise never rejects for what was shown. */
  check(identity: UserIdentity | undefined): IdentityVerdict | Promise<IdentityVerdict> {
    if (this.#mode === 'ignore') return NO_IDENTITY;
    const isRequired = this.#mode === 'require';
    if (identity === undefined)
      return isRequired ? { kind: 'missing', why: 'no user identity was shown' } : NO_IDENTITY;
    if (!this.#supports(identity.type)) {
      return isRequired ? { kind: 'refused', why: `user identity of type ${identity.type} is not taken` } : NO_IDENTITY;
    }
    return this.#verify(identity);
  }

  /** Ends questions to the token issuer. */
  close(): Promise<void> {
    return this.#client.close();
  }

  #supports(type: number): boolean {
    if (type === USER_IDENTITY_TYPE.jwt) return this.#jwt !== undefined;
    const isUser = type === USER_IDENTITY_TYPE.userName || type === USER_IDENTITY_TYPE.passcode;
    return isUser && this.#users !== undefined;
  }

  async #verify(identity: UserIdentity): Promise<IdentityVerdict> {
    try {
      const principal = await this.#principalOf(identity);
      if (principal === undefined) return { kind: 'refused', why: 'user name or passcode is wrong' };
      const bearer = this.#bridge ? principal.token : undefined;
      const isAnswered = identity.responseRequested;
      return { kind: 'known', principal, isAnswered, ...(bearer !== undefined && { bearer }) };
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      return { kind: error.problem === 'unavailable' ? 'unchecked' : 'refused', why: error.message };
    }
  }

  async #principalOf({ type, primary, secondary }: UserIdentity): Promise<Principal | undefined> {
    const first = textOf(primary);
    if (first === undefined) return undefined;
    if (type === USER_IDENTITY_TYPE.jwt) return this.#jwt?.verify(first);
    return this.#users?.find(first, type === USER_IDENTITY_TYPE.passcode ? textOf(secondary) : undefined);
  }
}

/**
 * What an admitted peer may do with its identity, or why it is rejected after all (PS3.7 D.3.3.7). Who reports storage
 * commitment may do that without one, and nothing else: archives show none.
 */
export function admissionOf(verdict: IdentityVerdict, admission: Admission): Admission | RejectionName {
  switch (verdict.kind) {
    case 'none':
    case 'known':
      return admission;
    case 'missing':
      return admission.reporter === 'reporter' ? { ...admission, isListed: false } : 'userIdentity';
    case 'refused':
      return 'userIdentity';
    case 'unchecked':
      return 'userIdentityUnchecked';
  }
}

/** What of it the gateway sees. */
export function requesterOf(verdict: IdentityVerdict): Pick<Requester, 'subject' | 'scopes'> {
  return verdict.kind === 'known' ? { subject: verdict.principal.subject, scopes: verdict.principal.scopes } : {};
}

/** Wall clock, ms since 1970: until then it holds. */
export function expiryOf(verdict: IdentityVerdict): number {
  return verdict.kind === 'known' ? verdict.principal.expiresAtMs : Infinity;
}

export function bearerOf(verdict: IdentityVerdict): Pick<RequestContext, 'bearer'> {
  return verdict.kind === 'known' && verdict.bearer !== undefined ? { bearer: verdict.bearer } : {};
}

/** Undefined where nobody tried. @param attempt listener and address */
export function eventOf(
  verdict: IdentityVerdict,
  attempt: Pick<AuthenticationEvent, 'listener' | 'address'>,
): AuthenticationEvent | undefined {
  if (verdict.kind === 'none') return undefined;
  if (verdict.kind !== 'known') return { ...attempt, outcome: 'failure', why: verdict.why };
  const { subject, means } = verdict.principal;
  return { ...attempt, outcome: 'success', subject, means };
}

/** With the positive response where it was asked for: for these types it says nothing more (PS3.7 Table D.3-15). */
export function withIdentityResponse(answer: AssociateAc, verdict: IdentityVerdict): AssociateAc {
  if (verdict.kind !== 'known' || !verdict.isAnswered) return answer;
  return { ...answer, userInformation: { ...answer.userInformation, userIdentityResponse: NO_RESPONSE_TEXT } };
}

/** UTF-8, or undefined. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
