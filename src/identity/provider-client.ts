/**
 * Short questions to an identity provider: its keys (RFC 7517), its tokens (RFC 6749). JSON of bounded size within a
 * bounded time, no redirects, and no plain HTTP but to this very machine: secrets and keys travel here.
 */
import { Agent, request } from 'undici';
import { GatewayError } from '../errors.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { tlsConnector } from '../tls/connector.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';

export interface ProviderRequest {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface ProviderAnswer {
  readonly status: number;
  /** Undefined where the body is no JSON. */
  readonly json: unknown;
}

/** No answer; `code` as the system, TLS or undici calls the reason. Its message has neither address nor secret. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  readonly code: string;

  constructor(code: string, cause?: unknown) {
    super(`no answer of the identity provider${code === '' ? '' : ` (${code})`}`, { cause });
    this.code = code;
  }
}

export interface ProviderClientOptions {
  /** Of the whole exchange; default 5 s. */
  readonly timeoutMs?: number;
  /** Whom to trust, where it is not the authorities of the system; closed with the client. */
  readonly tls?: ClientTls | undefined;
}

const TIMEOUT_MS = 5_000;
const MAXIMUM_ANSWER_BYTES = 1024 * 1024;
const LOOPBACK = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/** @throws GatewayError CONFIG_INVALID for what is no URL, or one whose answers anybody on the way could change */
export function providerUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.test(url.hostname));
  if (url === undefined || !isSafe || url.username !== '' || url.password !== '') {
    throw new GatewayError('CONFIG_INVALID', 'The URL of an identity provider is not https, or has a password in it', {
      fix: 'Write it as https://host/path',
    });
  }
  return url;
}

export class ProviderClient {
  readonly #timeoutMs: number;
  readonly #agent: Agent;
  readonly #tls: ClientTls | undefined;

  constructor({ timeoutMs = TIMEOUT_MS, tls }: ProviderClientOptions = {}) {
    this.#timeoutMs = timeoutMs;
    this.#tls = tls;
    this.#agent = new Agent({
      connections: 2,
      // Questions are rare: a kept connection would mostly be a stale one.
      pipelining: 0,
      allowH2: false,
      maxResponseSize: MAXIMUM_ANSWER_BYTES,
      ...(tls !== undefined && { connect: tlsConnector(tls, timeoutMs) }),
    });
  }

  /** An answer of any status. @throws ProviderError */
  async ask({ method, url, headers = {}, body }: ProviderRequest): Promise<ProviderAnswer> {
    try {
      const answer = await request(url, {
        method,
        dispatcher: this.#agent,
        headers: { 'user-agent': 'dimseway', accept: 'application/json', ...headers },
        body: body ?? null,
        signal: AbortSignal.timeout(this.#timeoutMs),
      });
      return { status: answer.statusCode, json: parsed(await answer.body.text()) };
    } catch (error) {
      throw new ProviderError(codeOf(error), error);
    }
  }

  /** Reads its certificates again where they have changed. @throws GatewayError TLS_*; what is in use stays then */
  async reload(): Promise<void> {
    await this.#tls?.reload();
  }

  certificates(): readonly CertificateFacts[] {
    return this.#tls?.certificates() ?? [];
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#tls?.close();
    if (!this.#agent.destroyed) await this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function codeOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { code, name, errors, cause } = error as { code?: unknown; name?: unknown; errors?: unknown; cause?: unknown };
  if (name === 'TimeoutError') return 'ETIMEDOUT';
  if (typeof code === 'string') return code;
  if (Array.isArray(errors) && errors.length > 0) return codeOf(errors[0]);
  return cause === undefined ? '' : codeOf(cause);
}
