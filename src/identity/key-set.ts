/**
 * The keys of a token issuer, kept and renewed: at intervals, and when a token names a key that is not among them, which
 * is how issuers rotate theirs. Nobody can make us ask more often than the cooldown allows; while the issuer is out of
 * reach the keys that are known go on for a time.
 */
import { createLocalJWKSet, errors } from 'jose';
import type { CryptoKey, FlattenedJWSInput, JSONWebKeySet, JWSHeaderParameters } from 'jose';
import type { KeySource } from './key-source.ts';
import { AuthenticationError } from './principal.ts';

export interface KeySetTimes {
  /** Keys older than this are loaded again before they are used. */
  readonly maximumAgeMs: number;
  /** Between two attempts to load. */
  readonly cooldownMs: number;
  /** When loading fails, keys up to this age do. */
  readonly graceMs: number;
}

export const KEY_SET_TIMES: Readonly<Record<KeySource['kind'], KeySetTimes>> = {
  url: { maximumAgeMs: 600_000, cooldownMs: 30_000, graceMs: 86_400_000 },
  file: { maximumAgeMs: 60_000, cooldownMs: 1_000, graceMs: 86_400_000 },
};

interface Loaded {
  readonly set: JSONWebKeySet;
  readonly select: ReturnType<typeof createLocalJWKSet>;
  readonly atMs: number;
}

export class KeySet {
  readonly #source: KeySource;
  readonly #times: KeySetTimes;
  readonly #now: () => number;
  #loaded: Loaded | undefined;
  #attemptedMs = -Infinity;
  #loading: Promise<void> | undefined;

  /** @param now a monotonic clock, ms */
  constructor(source: KeySource, times = KEY_SET_TIMES[source.kind], now: () => number = () => performance.now()) {
    this.#source = source;
    this.#times = times;
    this.#now = now;
  }

  /**
   * The key a token names, or could mean.
   * @throws the errors of jose: JWKSNoMatchingKey, JWKSMultipleMatchingKeys, JOSENotSupported; AuthenticationError
   * `unavailable` when there are no keys
   */
  async keyFor(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey | Uint8Array> {
    if (this.#ageMs > this.#times.maximumAgeMs) await this.#loadIfDue();
    const { loaded } = this;
    try {
      return await select(loaded, header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      await this.#loadIfDue();
      if (this.#loaded === undefined || this.#loaded === loaded) throw error;
      return select(this.#loaded, header, token);
    }
  }

  /** Loads the keys now. @throws GatewayError KEYS_UNREADABLE; what was loaded before stays */
  async load(): Promise<void> {
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined));
    await this.#loading;
  }

  get #ageMs(): number {
    return this.#loaded === undefined ? Infinity : this.#now() - this.#loaded.atMs;
  }

  get loaded(): Loaded {
    if (this.#loaded === undefined || this.#ageMs > this.#times.graceMs) {
      throw new AuthenticationError('unavailable', 'the keys of the token issuer cannot be had');
    }
    return this.#loaded;
  }

  async #loadIfDue(): Promise<void> {
    if (this.#loading === undefined && this.#now() - this.#attemptedMs < this.#times.cooldownMs) return;
    // What is known goes on where it may; whoever finds nothing says so.
    await this.load().catch(() => undefined);
  }

  async #load(): Promise<void> {
    this.#attemptedMs = this.#now();
    const set = await this.#source.load();
    this.#loaded = { set, select: createLocalJWKSet(set), atMs: this.#now() };
  }
}

async function select(
  { set, select: selectPublic }: Loaded,
  header: JWSHeaderParameters,
  token: FlattenedJWSInput,
): Promise<CryptoKey | Uint8Array> {
  if (header.alg?.startsWith('HS') !== true) return selectPublic(header, token);
  const { kid, alg } = header;
  const secrets = set.keys.filter(
    (key) => key.kty === 'oct' && (kid === undefined || key.kid === kid) && (key.alg ?? alg) === alg,
  );
  const [secret, ...others] = secrets;
  if (secret?.k === undefined || others.length > 0) throw new errors.JWKSNoMatchingKey();
  return Buffer.from(secret.k, 'base64url');
}
