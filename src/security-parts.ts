/** Makes what a listener or upstream needs to be safe from its piece of the configuration: certificates, logins, credentials. */
import { isDeepStrictEqual } from 'node:util';
import type { ConsoleConfig, DicomwebUpstreamConfig, DimseUpstreamConfig, ListenerConfig } from './config/schema.ts';
import type { RequestorIdentity } from './dimse/requestor-identity.ts';
import { UserIdentityCheck } from './dimse/user-identity.ts';
import { Authenticator } from './identity/authenticator.ts';
import type { CredentialsOptions, OwnCredentialsOptions } from './identity/credentials.ts';
import type { JwtOptions } from './identity/jwt-verifier.ts';
import type { GatewayError } from './errors.ts';
import type { Logger } from './observe/log.ts';
import { ServerTls } from './tls/server-tls.ts';

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
  for (const kept of [authenticator, userIdentity]) tell(await kept?.load(), logger);
  return {
    tls,
    authenticator:
      authenticator ??
      ('authentication' in config ? await loadAuthenticator(config.authentication, logger) : undefined),
    userIdentity:
      userIdentity ?? ('userIdentity' in config ? await loadUserIdentity(config.userIdentity, logger) : undefined),
  };
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

async function loadAuthenticator(options: Authentication, logger: Logger): Promise<Authenticator | undefined> {
  if (options === undefined) return undefined;
  const { jwt, apiKeys, required, certificates } = options;
  const authenticator = Authenticator.create({
    required,
    certificates,
    apiKeys,
    jwt: jwt && tokensOf(jwt),
  });
  tell(await authenticator.load(), logger);
  return authenticator;
}

type UserIdentity = Extract<ListenerConfig, { protocol: 'dimse' }>['userIdentity'];

async function loadUserIdentity(options: UserIdentity, logger: Logger): Promise<UserIdentityCheck | undefined> {
  if (options === undefined) return undefined;
  const { mode, users, jwt, bridge } = options;
  const check = new UserIdentityCheck({ mode, users, jwt: jwt && tokensOf(jwt), bridge });
  tell(await check.load(), logger);
  return check;
}

/** An issuer that is away is asked again when a token comes. */
function tell(trouble: GatewayError | undefined, logger: Logger): void {
  if (trouble !== undefined) logger.warn(trouble.message, { code: trouble.code });
}

function tokensOf({ clockTolerance, ...same }: NonNullable<NonNullable<UserIdentity>['jwt']>): JwtOptions {
  return { ...same, clockToleranceMs: clockTolerance };
}

/** The checks of the configuration have seen that there is one kind at most. */
export function credentialsOf({
  credentials,
}: Pick<DicomwebUpstreamConfig, 'credentials'>): CredentialsOptions | undefined {
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
