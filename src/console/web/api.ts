/** Requests to the console's own API. The token stays in this tab: it is forgotten when the tab is closed. */
import type { ApiError } from '../api-types.ts';

const TOKEN_KEY = 'dimseway.token';
const PATIENCE_MS = 15_000;
/** Of what asks others in turn: the gateway gives an upstream half a minute. */
const LONG_PATIENCE_MS = 45_000;

/** An answer that is no success, or none at all: then `status` is 0. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly status: number;
  readonly code: string;
  readonly fix: string;

  constructor(status: number, { code, message, fix }: ApiError) {
    super(message);
    this.status = status;
    this.code = code;
    this.fix = fix;
  }
}

export class Api {
  /** Told once a request was refused for want of a token, or of the right one. */
  readonly #onRefused: () => void;

  constructor(onRefused: () => void) {
    this.#onRefused = onRefused;
  }

  get hasToken(): boolean {
    return sessionStorage.getItem(TOKEN_KEY) !== null;
  }

  set token(token: string | undefined) {
    if (token === undefined) sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, token);
  }

  /** @throws ApiFailure */
  get<T>(path: string, parameters: Readonly<Record<string, string | number | undefined>> = {}): Promise<T> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      if (value !== undefined && value !== '') query.set(name, String(value));
    }
    const text = query.toString();
    return this.#ask<T>(text === '' ? path : `${path}?${text}`, {});
  }

  /** @throws ApiFailure */
  post<T>(path: string, body: unknown): Promise<T> {
    const headers = { 'Content-Type': 'application/json' };
    return this.#ask<T>(path, { method: 'POST', headers, body: JSON.stringify(body) });
  }

  async #ask<T>(path: string, init: { method?: string; headers?: Record<string, string>; body?: string }): Promise<T> {
    const patienceMs = init.method === undefined ? PATIENCE_MS : LONG_PATIENCE_MS;
    const token = sessionStorage.getItem(TOKEN_KEY);
    const headers = { ...init.headers, ...(token !== null && { Authorization: `Bearer ${token}` }) };
    let response: Response;
    let body: unknown;
    try {
      response = await fetch(path, { ...init, headers, cache: 'no-store', signal: AbortSignal.timeout(patienceMs) });
      body = await response.json();
    } catch {
      throw new ApiFailure(0, {
        code: 'NO_ANSWER',
        message: 'The gateway does not answer.',
        fix: 'See whether it runs, and whether this machine reaches its console port.',
      });
    }
    if (response.ok) return body as T;
    if (response.status === 401) this.#onRefused();
    throw new ApiFailure(response.status, errorIn(body, response.status));
  }
}

function errorIn(body: unknown, status: number): ApiError {
  const { code, message, fix } = (body ?? {}) as Partial<ApiError>;
  return {
    code: code ?? `HTTP_${status}`,
    message: message ?? `The gateway answered with status ${status}.`,
    fix: fix ?? 'See the log of the gateway.',
  };
}

/** What to show of anything that was thrown. */
export function failureOf(error: unknown): ApiFailure {
  if (error instanceof ApiFailure) return error;
  const message = error instanceof Error ? error.message : 'Something went wrong in this page.';
  return new ApiFailure(0, { code: 'PAGE_FAILED', message, fix: 'Load the page anew.' });
}
