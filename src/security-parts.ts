/** Makes what a listener or upstream needs to be safe from its piece of the configuration: certificates, logins, credentials. */
import { isDeepStrictEqual } from 'node:util';
import type { ConsoleConfig, DicomwebUpstreamConfig, DimseUpstreamConfig, ListenerConfig } from './config/schema.ts';
import type { RequestorIdentity } from './dimse/requestor-identity.ts';
import { UserIdentityCheck } from './dimse/user-identity.ts';
import { Authenticator } from './identity/authenticator.ts';
import { createCredentials } from './identity/outbound-credentials.ts';
import { ProviderClient } from './identity/provider-client.ts';
import type { Credentials, CredentialsOptions, OwnCredentialsOptions } from './identity/credentials.ts';
import type { JwtOptions } from './identity/jwt-verifier.ts';
import type { GatewayError } from './errors.ts';
import type { Logger } from './observe/log.ts';
import { ClientTls } from './tls/client-tls.ts';
import { ServerTls } from './tls/server-tls.ts';
import type { CertificateFacts, ClientTlsOptions } from './tls/tls-options.ts';

/** What is made before a listener is, and lives as long. */
export interface ListenerSecurity {
  readonly tls: ServerTls | undefined;
  readonly authenticator: Authenticator | undefined;
  readonly userIdentity: UserIdentityCheck | undefined;
}

/** That of a listener whose socket is kept. */
export interface RunningSecurity {
  readonly config: ListenerConfig;
  readonly security: ListenerSecurity;
}

/**
 * @param owner e.g. `listeners.ward`
 * @param running what has not changed goes on: its files and keys are read again, and what cannot be had now stays
 * @throws GatewayError TLS_*, KEYS_UNREADABLE, CONFIG_INVALID
 */
export async function loadListenerSecurity(
  owner: string,
  config: ListenerConfig | ConsoleConfig,
  logger: Logger,
  running?: RunningSecurity,
): Promise<ListenerSecurity> {
  const before = running?.security;
  if (before?.tls !== undefined) await before.tls.reload();
  const tls = before?.tls ?? (config.tls && (await ServerTls.load(owner, config.tls, logger)));
  const isSame = (key: string): boolean => {
    const [old, fresh] = [running?.config, config].map((each) => (each as Readonly<Record<string, unknown>>)?.[key]);
    return isDeepStrictEqual(old, fresh);
  };
  const authenticator = isSame('authentication') ? before?.authenticator : undefined;
  const userIdentity = isSame('userIdentity') ? before?.userIdentity : undefined;
  try {
    for (const kept of [authenticator, userIdentity]) tell(await kept?.load(), logger);
    // A listener of one protocol has one of the two.
    return {
      tls,
      authenticator:
        authenticator ??
        ('authentication' in config ? await loadAuthenticator(owner, config.authentication, logger) : undefined),
      userIdentity:
        userIdentity ??
        ('userIdentity' in config ? await loadUserIdentity(owner, config.userIdentity, logger) : undefined),
    };
  } catch (error) {
    if (tls !== before?.tls) tls?.close();
    throw error;
  }
}

/** Every certificate of TLS that it uses. */
export function certificatesOfSecurity({ tls, authenticator, userIdentity }: ListenerSecurity): CertificateFacts[] {
  return [tls, authenticator, userIdentity].flatMap((each) => each?.certificates() ?? []);
}

/** @param next what of it goes on there */
export async function closeSecurity(security: ListenerSecurity, next: ListenerSecurity | undefined): Promise<void> {
  const { tls, authenticator, userIdentity } = security;
  if (tls !== next?.tls) tls?.close();
  await Promise.all([
    authenticator !== next?.authenticator && authenticator?.close(),
    userIdentity !== next?.userIdentity && userIdentity?.close(),
  ]);
}

type Authentication = Extract<ListenerConfig, { protocol: 'dicomweb' }>['authentication'];

async function loadAuthenticator(
  owner: string,
  options: Authentication,
  logger: Logger,
): Promise<Authenticator | undefined> {
  if (options === undefined) return undefined;
  const { jwt, apiKeys, required, certificates } = options;
  const client = await providerClient(`${owner}.authentication.jwt`, jwt?.tls, logger);
  return loaded(
    client,
    () => Authenticator.create({ required, certificates, apiKeys, jwt: jwt && tokensOf(jwt) }, client),
    logger,
  );
}

type UserIdentity = Extract<ListenerConfig, { protocol: 'dimse' }>['userIdentity'];

async function loadUserIdentity(
  owner: string,
  options: UserIdentity,
  logger: Logger,
): Promise<UserIdentityCheck | undefined> {
  if (options === undefined) return undefined;
  const { mode, users, jwt, bridge } = options;
  const client = await providerClient(`${owner}.userIdentity.jwt`, jwt?.tls, logger);
  return loaded(
    client,
    () => new UserIdentityCheck({ mode, users, jwt: jwt && tokensOf(jwt), bridge }, client),
    logger,
  );
}

/** @throws GatewayError TLS_* */
async function providerClient(
  owner: string,
  tls: ClientTlsOptions | undefined,
  logger: Logger,
): Promise<ProviderClient> {
  return new ProviderClient({ tls: tls && (await ClientTls.load(owner, tls, logger)) });
}

/** Nothing of it stays where its keys cannot be had. */
async function loaded<Part extends { load(): Promise<GatewayError | undefined> }>(
  client: ProviderClient,
  create: () => Part,
  logger: Logger,
): Promise<Part> {
  try {
    const part = create();
    tell(await part.load(), logger);
    return part;
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** An issuer that is away is asked again when a token comes. */
function tell(trouble: GatewayError | undefined, logger: Logger): void {
  if (trouble !== undefined) logger.warn(trouble.message, { code: trouble.code });
}

function tokensOf({ clockTolerance, tls: _tls, ...same }: NonNullable<NonNullable<UserIdentity>['jwt']>): JwtOptions {
  return { ...same, clockToleranceMs: clockTolerance };
}

/** @param owner e.g. `upstreams.ris` @throws GatewayError TLS_* */
export async function loadCredentials(
  owner: string,
  config: Pick<DicomwebUpstreamConfig, 'credentials'>,
  logger: Logger,
): Promise<Credentials | undefined> {
  const options = credentialsOf(config);
  if (options === undefined) return undefined;
  const tls = config.credentials?.oauth2?.tls;
  return createCredentials(options, await providerClient(`${owner}.credentials.oauth2`, tls, logger));
}

/** The checks of the configuration have seen that there is one kind at most. */
function credentialsOf({ credentials }: Pick<DicomwebUpstreamConfig, 'credentials'>): CredentialsOptions | undefined {
  if (credentials === undefined) return undefined;
  const { passOn, bearer, basic, oauth2 } = credentials;
  const own: OwnCredentialsOptions | undefined =
    (bearer !== undefined && { bearer }) || (basic && { basic }) || (oauth2 && { oauth2 }) || undefined;
  return passOn ? { passOn, else: own } : own;
}

type OwnIdentity = NonNullable<DimseUpstreamConfig['userIdentity']>;

export function identityOf({ username, passcode, acknowledged }: OwnIdentity): RequestorIdentity {
  return username === undefined ? { passOn: true, acknowledged } : { username, passcode, acknowledged };
}
