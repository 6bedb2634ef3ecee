/** Credentials as the configuration has them: a static token, a password, a token of our own, or that of whoever asks us. */
import { GatewayError } from '../errors.ts';
import { ClientCredentials } from './client-credentials.ts';
import type { Credentials, CredentialsOptions } from './credentials.ts';
import { ProviderClient } from './provider-client.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';

/** @throws GatewayError CONFIG_INVALID for what cannot stand in a header field, or a URL that is not safe */
export function createCredentials(options: CredentialsOptions, client = new ProviderClient()): Credentials {
  if ('passOn' in options) return new PassedOn(options.else && createCredentials(options.else, client));
  if ('oauth2' in options) return new ClientCredentials(options.oauth2, client);
  return new Fixed('basic' in options ? basic(options.basic) : `Bearer ${plain(options.bearer, 'bearer')}`);
}

/** `Basic` with UTF-8 (RFC 7617). */
function basic({ user, password }: { readonly user: string; readonly password: string }): string {
  if (user.includes(':')) throw new GatewayError('CONFIG_INVALID', 'A user of credentials.basic has a colon in it');
  return `Basic ${Buffer.from(`${user}:${password}`, 'utf8').toString('base64')}`;
}

function plain(token: string, name: string): string {
  if (!/^[!-~]+$/.test(token)) {
    throw new GatewayError('CONFIG_INVALID', `credentials.${name} is no token: it is empty or has white space in it`);
  }
  return token;
}

class Fixed implements Credentials {
  readonly #authorization: string;

  constructor(authorization: string) {
    this.#authorization = authorization;
  }

  async authorization(): Promise<string> {
    return this.#authorization;
  }

  refused(): boolean {
    return false;
  }

  certificates(): readonly CertificateFacts[] {
    return [];
  }

  async close(): Promise<void> {}
}

class PassedOn implements Credentials {
  readonly #otherwise: Credentials | undefined;

  constructor(otherwise: Credentials | undefined) {
    this.#otherwise = otherwise;
  }

  async authorization(bearer: string | undefined): Promise<string | undefined> {
    return bearer === undefined ? this.#otherwise?.authorization(undefined) : `Bearer ${bearer}`;
  }

  refused(authorization: string): boolean {
    return this.#otherwise?.refused(authorization) ?? false;
  }

  certificates(): readonly CertificateFacts[] {
    return this.#otherwise?.certificates() ?? [];
  }

  async close(): Promise<void> {
    await this.#otherwise?.close();
  }
}
