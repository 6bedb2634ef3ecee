/** An identity provider on loopback: publishes keys, signs tokens, gives tokens to clients; the test says how it fails. */
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK, JWTPayload } from 'jose';

export const ISSUER = 'https://idp.example';
export const AUDIENCE = 'dimseway';

export interface IssuedKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

export interface TokenRequest {
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

export interface TokenAnswer {
  readonly status?: number;
  readonly body: unknown;
}

export async function createKey(kid: string, algorithm = 'ES256'): Promise<IssuedKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return { kid, algorithm, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, use: 'sig' } };
}

/** A token of five minutes for the audience of the tests; a claim that is undefined is left out. */
export function sign(
  key: IssuedKey,
  claims: Readonly<Record<string, unknown>> = {},
  header: { kid?: string } = { kid: key.kid },
): Promise<string> {
  const nowS = Math.floor(Date.now() / 1_000);
  const all = { iss: ISSUER, aud: AUDIENCE, sub: 'ris', iat: nowS, exp: nowS + 300, ...claims };
  return new SignJWT(JSON.parse(JSON.stringify(all)) as JWTPayload)
    .setProtectedHeader({ alg: key.algorithm, ...header })
    .sign(key.privateKey);
}

export class TokenIssuer {
  /** Published; a test may replace them. */
  keys: readonly IssuedKey[] = [];
  /** Times the keys were asked for. */
  keyRequests = 0;
  /** What the keys are answered with, besides them. */
  keyStatus = 200;
  readonly tokenRequests: TokenRequest[] = [];
  /** The answer to a request for a token. */
  answerToken: (request: TokenRequest, index: number) => TokenAnswer | Promise<TokenAnswer> = (_request, index) => ({
    body: { access_token: `token-${index}`, token_type: 'Bearer', expires_in: 300 },
  });
  readonly #server: Server;
  readonly #scheme: 'http' | 'https';

  static start(...keys: IssuedKey[]): Promise<TokenIssuer> {
    return TokenIssuer.#listen(undefined, keys);
  }

  /** By https. @param files its certificate */
  static async startSafely(files: { certificate: string; key: string }, ...keys: IssuedKey[]): Promise<TokenIssuer> {
    const [cert, key] = await Promise.all([readFile(files.certificate), readFile(files.key)]);
    return TokenIssuer.#listen({ cert, key }, keys);
  }

  static async #listen(
    tls: { cert: Buffer; key: Buffer } | undefined,
    keys: readonly IssuedKey[],
  ): Promise<TokenIssuer> {
    const issuer = new TokenIssuer(tls);
    issuer.keys = keys;
    await new Promise<void>((resolve) => issuer.#server.listen(0, '127.0.0.1', resolve));
    return issuer;
  }

  private constructor(tls: { cert: Buffer; key: Buffer } | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      const answer = (status: number, body: unknown): void => {
        response.writeHead(status, { 'Content-Type': 'application/json' });
        response.end(typeof body === 'string' ? body : JSON.stringify(body));
      };
      if (request.url === '/keys') {
        this.keyRequests++;
        answer(this.keyStatus, { keys: this.keys.map(({ publicJwk }) => publicJwk) });
        return;
      }
      void request.toArray().then(async (chunks) => {
        const form = new URLSearchParams(Buffer.concat(chunks as Buffer[]).toString('utf8'));
        const index = this.tokenRequests.push({ headers: request.headers, form }) - 1;
        const { status = 200, body } = await this.answerToken({ headers: request.headers, form }, index);
        answer(status, body);
      });
    };
    this.#scheme = tls === undefined ? 'http' : 'https';
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  }

  get url(): string {
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get keysUrl(): string {
    return `${this.url}/keys`;
  }

  get tokenUrl(): string {
    return `${this.url}/token`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
