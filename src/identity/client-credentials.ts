/**
 * Tokens of our own by the client credentials grant (RFC 6749 4.4): one for all requests, renewed ahead of its end, and
 * once when the far end refuses it.
 */
import { ServiceFailure } from '../services/port.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';
import type { ClientCredentialsOptions, Credentials } from './credentials.ts';
import { ProviderError, providerUrl } from './provider-client.ts';
import type { ProviderAnswer, ProviderClient } from './provider-client.ts';

interface Token {
  readonly authorization: string;
  readonly renewAtMs: number;
  readonly endMs: number;
}

/** Where the provider does not tell; RFC 6749 5.1 only recommends that it does. */
const USUAL_LIFE_S = 300;
const LONGEST_LIFE_S = 86_400;
/** Ahead of the end, and a fifth of short lives. */
const RENEWAL_MS = 60_000;
/** After a failure the next request asks again no sooner. */
const FAILURE_PAUSE_MS = 1_000;
/** A far end that refuses every token gets no new one for each request. */
const REFUSAL_PAUSE_MS = 30_000;
/** RFC 6749 5.2. */
const OAUTH_ERROR = /^[a-z_]{1,40}$/;
const UNTRUSTED = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH|EPROTO$)/;

export class ClientCredentials implements Credentials {
  readonly #options: ClientCredentialsOptions;
  readonly #url: URL;
  readonly #client: ProviderClient;
  readonly #now: () => number;
  #token: Token | undefined;
  #asking: Promise<Token> | undefined;
  #failure: { readonly failure: ServiceFailure; readonly untilMs: number } | undefined;
  #replacedAtMs = -Infinity;
  /** What was refused last. */
  #replaced: string | undefined;

  /**
   * @param now a monotonic clock, ms
   * @throws GatewayError CONFIG_INVALID
   */
  constructor(options: ClientCredentialsOptions, client: ProviderClient, now = (): number => performance.now()) {
    this.#options = options;
    this.#url = providerUrl(options.tokenUrl);
    this.#client = client;
    this.#now = now;
  }

  async authorization(): Promise<string> {
    const token = this.#token;
    const nowMs = this.#now();
    if (token === undefined || nowMs >= token.endMs) return (await this.#ask()).authorization;
    // The one at hand is good until the new one is there.
    if (nowMs >= token.renewAtMs) this.#ask().catch(() => undefined);
    return token.authorization;
  }

  refused(authorization: string): boolean {
    // Another request was quicker to find out.
    if (authorization === this.#replaced) return true;
    const nowMs = this.#now();
    const isOurs = this.#token?.authorization === authorization;
    if (!isOurs || nowMs - this.#replacedAtMs < REFUSAL_PAUSE_MS) return false;
    this.#replacedAtMs = nowMs;
    this.#replaced = authorization;
    this.#token = undefined;
    return true;
  }

  certificates(): readonly CertificateFacts[] {
    return this.#client.certificates();
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  /** One question at a time, for all who wait. @throws ServiceFailure */
  async #ask(): Promise<Token> {
    if (this.#failure !== undefined && this.#now() < this.#failure.untilMs) throw this.#failure.failure;
    this.#asking ??= this.#request().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #request(): Promise<Token> {
    try {
      const answer = await this.#client.ask(tokenRequest(this.#url, this.#options));
      this.#token = this.#tokenIn(answer);
      this.#failure = undefined;
      return this.#token;
    } catch (error) {
      const failure = error instanceof ServiceFailure ? error : failureOf(error);
      this.#failure = { failure, untilMs: this.#now() + FAILURE_PAUSE_MS };
      throw failure;
    }
  }

  #tokenIn({ status, json }: ProviderAnswer): Token {
    const answer = (json ?? {}) as Readonly<Record<string, unknown>>;
    const { access_token: token, token_type: type, expires_in: life, error } = answer;
    if (status !== 200) throw refusalOf(status, error);
    const isBearer = typeof type === 'string' && type.toLowerCase() === 'bearer';
    if (typeof token !== 'string' || !/^[!-~]+$/.test(token) || !isBearer) {
      throw new ServiceFailure('UPSTREAM_PROTOCOL_ERROR', {
        retry: 'safe',
        comment: 'The identity provider answered with no bearer token',
      });
    }
    const lifeMs = 1_000 * Math.min(LONGEST_LIFE_S, Number(life) > 0 ? Number(life) : USUAL_LIFE_S);
    const nowMs = this.#now();
    const renewAtMs = nowMs + lifeMs - Math.min(RENEWAL_MS, lifeMs / 5);
    return { authorization: `Bearer ${token}`, renewAtMs, endMs: nowMs + lifeMs };
  }
}

function tokenRequest(url: URL, options: ClientCredentialsOptions): Parameters<ProviderClient['ask']>[0] {
  const { clientId, clientSecret, scopes = [], audience, clientAuthentication = 'basic' } = options;
  const form = new URLSearchParams({ grant_type: 'client_credentials' });
  if (scopes.length > 0) form.set('scope', scopes.join(' '));
  if (audience !== undefined) form.set('audience', audience);
  const headers: Record<string, string> = { 'content-type': 'application/x-www-form-urlencoded' };
  if (clientAuthentication === 'basic') {
    const pair = `${formEncoded(clientId)}:${formEncoded(clientSecret)}`;
    headers.authorization = `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`;
  } else {
    form.set('client_id', clientId);
    form.set('client_secret', clientSecret);
  }
  return { method: 'POST', url, headers, body: form.toString() };
}

function formEncoded(text: string): string {
  return new URLSearchParams({ '': text }).toString().slice(1);
}

/** 4xx says that we are not let in; what the provider calls it, where it is one of its plain words. */
function refusalOf(status: number, error: unknown): ServiceFailure {
  const word = typeof error === 'string' && OAUTH_ERROR.test(error) ? ` ${error}` : '';
  const comment = `The identity provider gave no token: HTTP ${status}${word}`;
  return status >= 400 && status < 500 && status !== 408 && status !== 429
    ? new ServiceFailure('NOT_AUTHORIZED', { retry: 'permanent', comment })
    : new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe', comment });
}

function failureOf(error: unknown): ServiceFailure {
  const code = error instanceof ProviderError ? error.code : '';
  const comment = error instanceof ProviderError ? `No token: ${error.message}` : 'No token';
  return UNTRUSTED.test(code)
    ? new ServiceFailure('UPSTREAM_UNTRUSTED', { retry: 'permanent', comment, cause: error })
    : new ServiceFailure('UPSTREAM_UNREACHABLE', { retry: 'safe', comment, cause: error });
}
