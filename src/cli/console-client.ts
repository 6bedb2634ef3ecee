/** Calls to the console of a gateway, as the operator's commands make them. */
import { X509Certificate } from 'node:crypto';
import type { Readable } from 'node:stream';

import { Agent, request } from 'undici';
import type { buildConnector } from 'undici';

export interface ConsoleAddress {
  /** E.g. `http://127.0.0.1:8090`. */
  readonly origin: string;
  readonly token?: string | undefined;
  /** The very certificate of the console (PEM), where it speaks TLS: whatever name it is called by here. */
  readonly certificate?: Buffer | undefined;
}

/** The gateway answered, and said no. */
export class ConsoleRefusal extends Error {
  /** HTTP status. */
  readonly status: number;
  readonly code: string;
  readonly fix: string | undefined;

  constructor(status: number, code: string, message: string, fix: string | undefined) {
    super(message);
    this.status = status;
    this.code = code;
    this.fix = fix;
  }
}

/** There is no answer, or it broke off. */
export class ConsoleUnreachable extends Error {}

/** Time for a backup of a large store; everything else is answered in a moment. */
const PATIENCE_MS = 600_000;
const CONNECT_MS = 5_000;

export class ConsoleClient {
  readonly #address: ConsoleAddress;
  readonly #agent: Agent;

  constructor(address: ConsoleAddress) {
    this.#address = address;
    const { certificate } = address;
    const connect = { timeout: CONNECT_MS, ...(certificate && pinnedTo(certificate)) };
    this.#agent = new Agent({ connect, headersTimeout: PATIENCE_MS, bodyTimeout: PATIENCE_MS });
  }

  /** Whether a gateway answers there. */
  async isThere(): Promise<boolean> {
    try {
      const signal = AbortSignal.timeout(CONNECT_MS);
      const { statusCode, body } = await request(`${this.#address.origin}/health/live`, {
        dispatcher: this.#agent,
        signal,
      });
      const answer: unknown = JSON.parse(await body.text());
      return statusCode === 200 && typeof answer === 'object' && answer !== null && 'status' in answer;
    } catch {
      return false;
    }
  }

  /**
   * The text of an answer to GET, or to POST where there is something to send.
   * @param path with its query
   * @throws ConsoleRefusal, ConsoleUnreachable
   */
  async text(path: string, sent?: object): Promise<string> {
    const body = await this.stream(path, sent);
    return this.#whole(path, () => textOf(body));
  }

  /** The same, as it arrives. @throws ConsoleRefusal, ConsoleUnreachable; the stream fails when the answer breaks off */
  async stream(path: string, sent?: object): Promise<Readable> {
    const { origin, token } = this.#address;
    const { statusCode, body } = await this.#whole(path, () =>
      request(`${origin}${path}`, {
        dispatcher: this.#agent,
        method: sent === undefined ? 'GET' : 'POST',
        headers: {
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(sent !== undefined && { 'content-type': 'application/json' }),
        },
        body: sent === undefined ? null : JSON.stringify(sent),
      }),
    );
    if (statusCode === 200) return body;
    throw refusalOf(statusCode, await this.#whole(path, () => body.text()));
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }

  async #whole<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      const { code = 'unknown error' } = error as NodeJS.ErrnoException;
      const [what] = path.split('?');
      throw new ConsoleUnreachable(`${this.#address.origin}${what} does not answer: ${code}`, { cause: error });
    }
  }
}

/** Nobody else is believed, whoever has signed a certificate for that name. */
function pinnedTo(certificate: Buffer): buildConnector.BuildOptions {
  const own = new X509Certificate(certificate);
  return {
    ca: [certificate],
    allowPartialTrustChain: true,
    checkServerIdentity: (_host, { fingerprint256 }) =>
      fingerprint256 === own.fingerprint256 ? undefined : new Error('another certificate than that of console.tls'),
  };
}

/** Chunks may end within a character. */
async function textOf(stream: Readable): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function refusalOf(status: number, text: string): ConsoleRefusal {
  const answer: unknown = text.startsWith('{') ? JSON.parse(text) : {};
  const {
    code = 'UNEXPECTED_STATUS',
    message = `The console answered ${status}`,
    fix,
  } = answer as Partial<Record<'code' | 'message' | 'fix', string>>;
  return new ConsoleRefusal(status, code, message, fix);
}

/** The query of a path with the parameters that are given; '' with none. */
export function queryText(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  );
  return given.length === 0 ? '' : `?${given.join('&')}`;
}
