/** Bearer tokens that are JSON Web Tokens (RFC 7519, RFC 8725): whose they are, if they are for us and still good. */
import { errors, jwtVerify } from 'jose';
import type { JWTPayload, JWTVerifyOptions } from 'jose';
import { GatewayError } from '../errors.ts';
import { KeySet } from './key-set.ts';
import type { KeySetTimes } from './key-set.ts';
import { keysFromFile, keysFromUrl } from './key-source.ts';
import type { KeySource } from './key-source.ts';
import { AuthenticationError, isSubject, Principal } from './principal.ts';
import { providerUrl } from './provider-client.ts';
import type { ProviderClient } from './provider-client.ts';

/** Signatures by a private key. */
export const SIGNATURE_ALGORITHMS = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
] as readonly string[];
/** By a secret both sides have: to be named, and from a file of ours only. */
export const SHARED_SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as readonly string[];

export interface JwtOptions {
  readonly issuer: string;
  /** One of these must be among the audiences of a token. */
  readonly audience: string | readonly string[];
  /** Path of a file, or an https URL. */
  readonly keys: string;
  /** Default `SIGNATURE_ALGORITHMS`. */
  readonly algorithms?: readonly string[] | undefined;
  /** Claim with the subject; default `sub`. */
  readonly subjectClaim?: string | undefined;
  /** Claim with the scopes, as text with spaces or as a list; default `scope`. */
  readonly scopeClaim?: string | undefined;
  /** How far the clocks may differ; default 30 s. */
  readonly clockToleranceMs?: number | undefined;
}

export interface JwtClocks {
  /** Wall clock, ms since 1970. */
  readonly wall?: () => number;
  /** Monotonic clock, ms. */
  readonly monotonic?: () => number;
  readonly keySetTimes?: KeySetTimes;
}

const MAXIMUM_TOKEN_LENGTH = 16 * 1024;
const CLOCK_TOLERANCE_MS = 30_000;

export class JwtVerifier {
  readonly #keys: KeySet;
  readonly #isFile: boolean;
  readonly #options: JWTVerifyOptions;
  readonly #subjectClaim: string;
  readonly #scopeClaim: string;
  readonly #clockToleranceMs: number;
  readonly #wall: () => number;

  /** @throws GatewayError CONFIG_INVALID for an algorithm that is not taken, or keys that are not safe */
  constructor(options: JwtOptions, client: ProviderClient, clocks: JwtClocks = {}) {
    const { issuer, audience, algorithms = SIGNATURE_ALGORITHMS, subjectClaim = 'sub', scopeClaim = 'scope' } = options;
    const source = sourceOf(options.keys, client);
    const taken =
      source.kind === 'file' ? [...SIGNATURE_ALGORITHMS, ...SHARED_SECRET_ALGORITHMS] : SIGNATURE_ALGORITHMS;
    const refused = algorithms.find((algorithm) => !taken.includes(algorithm));
    if (refused !== undefined || algorithms.length === 0) {
      throw new GatewayError('CONFIG_INVALID', `Tokens signed by ${refused ?? 'nothing'} cannot be taken here`, {
        fix: 'Name algorithms with a private key, such as ES256; HS256 and its like only with keys from a file',
      });
    }
    this.#isFile = source.kind === 'file';
    this.#keys = new KeySet(source, clocks.keySetTimes, clocks.monotonic);
    this.#wall = clocks.wall ?? Date.now;
    this.#subjectClaim = subjectClaim;
    this.#scopeClaim = scopeClaim;
    this.#clockToleranceMs = options.clockToleranceMs ?? CLOCK_TOLERANCE_MS;
    this.#options = {
      issuer,
      audience: typeof audience === 'string' ? audience : [...audience],
      algorithms: [...algorithms],
      clockTolerance: this.#clockToleranceMs / 1_000,
      // A token without end could never be taken back; what shall last is an API key.
      requiredClaims: ['exp', subjectClaim],
    };
  }

  /**
   * Loads the keys ahead of the first token.
   * @returns why they are not there, of an issuer that cannot be reached now: that passes, and they are asked for again
   * @throws GatewayError KEYS_UNREADABLE for a file
   */
  async load(): Promise<GatewayError | undefined> {
    try {
      await this.#keys.load();
      return undefined;
    } catch (error) {
      if (this.#isFile || !(error instanceof GatewayError)) throw error;
      return error;
    }
  }

  /** @throws AuthenticationError `invalid`, `unavailable` */
  async verify(token: string): Promise<Principal> {
    if (token.length > MAXIMUM_TOKEN_LENGTH) throw new AuthenticationError('invalid', 'the token is too long');
    const claims = await this.#claims(token).catch((error: unknown) => {
      throw refusalOf(error);
    });
    const subject = claims[this.#subjectClaim];
    if (!isSubject(subject)) throw new AuthenticationError('invalid', `the claim ${this.#subjectClaim} names nobody`);
    const expiresAtMs = 1_000 * (claims.exp ?? 0) + this.#clockToleranceMs;
    return new Principal({ subject, scopes: scopesOf(claims[this.#scopeClaim]), means: 'jwt', token, expiresAtMs });
  }

  async #claims(token: string): Promise<JWTPayload> {
    const options = { ...this.#options, currentDate: new Date(this.#wall()) };
    try {
      const { payload } = await jwtVerify(token, (header, input) => this.#keys.keyFor(header, input), options);
      return payload;
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      // A token that names no key may be signed by any that fits.
      for await (const key of error) {
        try {
          return (await jwtVerify(token, key, options)).payload;
        } catch (other) {
          if (!(other instanceof errors.JWSSignatureVerificationFailed)) throw other;
        }
      }
      throw new errors.JWSSignatureVerificationFailed();
    }
  }
}

function sourceOf(keys: string, client: ProviderClient): KeySource {
  return /^https?:/i.test(keys) ? keysFromUrl(providerUrl(keys), client) : keysFromFile(keys);
}

/** `scope` of RFC 8693 is text, other claims are lists; anything else allows nothing. */
function scopesOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((scope) => scope !== '');
  return Array.isArray(claim) ? claim.filter((scope) => typeof scope === 'string') : [];
}

function refusalOf(error: unknown): Error {
  if (error instanceof AuthenticationError) return error;
  // Without the error itself, which may carry the claims.
  const why = error instanceof errors.JOSEError ? wordsOf(error) : 'the token cannot be read';
  return new AuthenticationError('invalid', why);
}

function wordsOf(error: InstanceType<typeof errors.JOSEError>): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return `the token has no claim ${error.claim}`;
    if (error.claim === 'iss') return 'the token is of another issuer';
    if (error.claim === 'aud') return 'the token is for another audience';
    if (error.claim === 'nbf') return 'the token is not good yet';
    return `the claim ${error.claim} of the token is wrong`;
  }
  if (error instanceof errors.JOSEAlgNotAllowed) return 'the token is signed by an algorithm that is not taken';
  if (error instanceof errors.JWKSNoMatchingKey) return 'the token is signed by a key that is not known';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  return 'this is no JSON Web Token';
}
