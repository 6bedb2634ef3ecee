/** Makes what a listener or upstream needs to be safe from its piece of the configuration: certificates, logins, credentials. */
import type { ConsoleConfig, DicomwebUpstreamConfig, ListenerConfig } from './config/schema.ts';
import { Authenticator } from './identity/authenticator.ts';
import type { CredentialsOptions, OwnCredentialsOptions } from './identity/credentials.ts';
import type { Logger } from './observe/log.ts';
import { ServerTls } from './tls/server-tls.ts';

/** What is made before a listener is, and lives as long. */
export interface ListenerSecurity {
  readonly tls: ServerTls | undefined;
  readonly authenticator: Authenticator | undefined;
}

/**
 * @param owner e.g. `listeners.ward`
 * @param tls that of the running listener, whose socket is kept; it reads its files again
 * @throws GatewayError TLS_*, KEYS_UNREADABLE, CONFIG_INVALID
 */
export async function loadListenerSecurity(
  owner: string,
  config: ListenerConfig | ConsoleConfig,
  logger: Logger,
  tls?: ServerTls,
): Promise<ListenerSecurity> {
  if (tls !== undefined) await tls.reload();
  const kept = tls ?? (config.tls && (await ServerTls.load(owner, config.tls, logger)));
  const authenticator = 'authentication' in config ? await loadAuthenticator(config.authentication) : undefined;
  return { tls: kept, authenticator };
}

/** @param tlsStays the socket it secures goes on */
export async function closeSecurity({ tls, authenticator }: ListenerSecurity, tlsStays: boolean): Promise<void> {
  if (!tlsStays) tls?.close();
  await authenticator?.close();
}

type Authentication = Extract<ListenerConfig, { protocol: 'dicomweb' }>['authentication'];

async function loadAuthenticator(options: Authentication): Promise<Authenticator | undefined> {
  if (options === undefined) return undefined;
  const { jwt, apiKeys, required, certificates } = options;
  const authenticator = Authenticator.create({
    required,
    certificates,
    apiKeys,
    jwt: jwt && { ...jwt, clockToleranceMs: jwt.clockTolerance },
  });
  await authenticator.load();
  return authenticator;
}

/** The checks of the configuration have seen that there is one kind at most. */
export function credentialsOf({ credentials }: DicomwebUpstreamConfig): CredentialsOptions | undefined {
  if (credentials === undefined) return undefined;
  const { passOn, bearer, basic, oauth2 } = credentials;
  const own: OwnCredentialsOptions | undefined =
    (bearer !== undefined && { bearer }) || (basic && { basic }) || (oauth2 && { oauth2 }) || undefined;
  return passOn ? { passOn, else: own } : own;
}
