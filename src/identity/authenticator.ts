/**
 * Who a web request is of: by a bearer token (RFC 6750), by an API key (as bearer token, or in `X-API-Key`), or by the
 * certificate of its connection. What is shown must be right, also where nothing needs to be shown.
 */
import type { GatewayError } from '../errors.ts';
import { ApiKeys } from './api-keys.ts';
import type { ApiKeyOptions } from './api-keys.ts';
import { JwtVerifier } from './jwt-verifier.ts';
import type { JwtOptions } from './jwt-verifier.ts';
import { AuthenticationError, isSubject, Principal } from './principal.ts';
import { ProviderClient } from './provider-client.ts';
import { SecretChecker } from './secret-checker.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';

export interface AuthenticationOptions {
  /** A request that shows nothing is refused. */
  readonly required: boolean;
  readonly jwt?: JwtOptions | undefined;
  readonly apiKeys?: readonly ApiKeyOptions[] | undefined;
  /** The subject of a verified client certificate will do. */
  readonly certificates: boolean;
}

/** What came with a request. */
export interface ShownCredentials {
  /** The field `Authorization`. */
  readonly authorization?: string | undefined;
  /** The field `X-API-Key`. */
  readonly apiKey?: string | undefined;
  /** Distinguished name of the verified certificate. */
  readonly certificate?: string | undefined;
}

/** More is no token of anybody's, and would not go into an association request. */
const MAXIMUM_BEARER_LENGTH = 16 * 1024;

/** The credentials of a bearer (RFC 6750 2.1), undefined for any other scheme. */
export function bearerOf(authorization: string | undefined): string | undefined {
  const bearer = /^Bearer +([\w.~+/-]+=*) *$/i.exec(authorization ?? '')?.[1];
  return bearer !== undefined && bearer.length <= MAXIMUM_BEARER_LENGTH ? bearer : undefined;
}

/** @see Authenticator.schemes */
export function schemesOf(
  options: Readonly<Record<'jwt' | 'apiKeys', unknown>> & Pick<AuthenticationOptions, 'certificates'>,
): ('bearer' | 'apiKey' | 'mutualTLS')[] {
  const { jwt, apiKeys, certificates } = options;
  return [
    ...(jwt !== undefined || apiKeys !== undefined ? (['bearer'] as const) : []),
    ...(apiKeys !== undefined ? (['apiKey'] as const) : []),
    ...(certificates ? (['mutualTLS'] as const) : []),
  ];
}

const COMPACT_JWS = /^[\w-]+\.[\w-]+\.[\w-]*$/;

export class Authenticator {
  readonly required: boolean;
  readonly #jwt: JwtVerifier | undefined;
  readonly #apiKeys: ApiKeys | undefined;
  readonly #certificates: boolean;
  readonly #client: ProviderClient;

  /** How a request may show who it is of, as OpenAPI calls it. */
  get schemes(): ('bearer' | 'apiKey' | 'mutualTLS')[] {
    return schemesOf({ jwt: this.#jwt, apiKeys: this.#apiKeys, certificates: this.#certificates });
  }

  /** @throws GatewayError CONFIG_INVALID */
  static create(options: AuthenticationOptions, client = new ProviderClient()): Authenticator {
    const { required, jwt, apiKeys, certificates } = options;
    return new Authenticator(
      required,
      jwt && new JwtVerifier(jwt, client),
      apiKeys && new ApiKeys(apiKeys, new SecretChecker()),
      certificates,
      client,
    );
  }

  constructor(
    required: boolean,
    jwt: JwtVerifier | undefined,
    apiKeys: ApiKeys | undefined,
    certificates: boolean,
    client: ProviderClient,
  ) {
    this.required = required;
    this.#jwt = jwt;
    this.#apiKeys = apiKeys;
    this.#certificates = certificates;
    this.#client = client;
  }

  /** There is something a request can show in a header field; else only a certificate helps. */
  get takesTokens(): boolean {
    return this.#jwt !== undefined || this.#apiKeys !== undefined;
  }

  /**
   * Loads the keys of the token issuer ahead of the first request, and reads certificates again that have changed.
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

  /**
   * @returns undefined for nobody in particular, where that will do
   * @throws AuthenticationError
   */
  async authenticate(shown: ShownCredentials): Promise<Principal | undefined> {
    const { authorization, apiKey, certificate } = shown;
    if (authorization !== undefined && apiKey !== undefined) {
      throw new AuthenticationError('ambiguous', 'both Authorization and X-API-Key were sent');
    }
    if (apiKey !== undefined) return this.#ofKey(apiKey);
    const bearer = bearerOf(authorization);
    if (bearer !== undefined) return this.#ofBearer(bearer);
    if (this.#certificates && isSubject(certificate)) {
      return new Principal({ subject: certificate, scopes: [], means: 'certificate' });
    }
    if (!this.required && authorization === undefined) return undefined;
    throw new AuthenticationError('missing', 'the request says not who it is of');
  }

  /** Ends questions to the token issuer. */
  close(): Promise<void> {
    return this.#client.close();
  }

  async #ofBearer(bearer: string): Promise<Principal> {
    const isToken = this.#jwt !== undefined && COMPACT_JWS.test(bearer);
    return isToken ? this.#jwt.verify(bearer) : this.#ofKey(bearer);
  }

  async #ofKey(key: string): Promise<Principal> {
    const principal = await this.#apiKeys?.find(key);
    if (principal === undefined) throw new AuthenticationError('invalid', 'the token or key is not known');
    return principal;
  }
}
