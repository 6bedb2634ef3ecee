/** Makes each part from its piece of the configuration; used by the composition root and the CLI's own clients. */
import { existsSync } from 'node:fs';
import type { Config, ListenerConfig, LogConfig, StoreConfig, UpstreamConfig } from './config/schema.ts';
import { DicomwebListener } from './dicomweb/origin-server.ts';
import { DicomwebUpstream } from './dicomweb/upstream.ts';
import { DimseListener } from './dimse/scp.ts';
import { DimseUpstream } from './dimse/upstream.ts';
import type { Logger } from './observe/log.ts';
import { createMessageRecorder } from './observe/messages.ts';
import type { MessageRecorder } from './observe/messages.ts';
import type { AuthenticationEvent } from './identity/principal.ts';
import { createCredentials } from './identity/outbound-credentials.ts';
import { Ris } from './ris/ris.ts';
import { readSeed } from './ris/seed.ts';
import type { ServiceHandler, Upstream } from './services/port.ts';
import { credentialsOf, identityOf } from './security-parts.ts';
import type { ListenerSecurity } from './security-parts.ts';
import { openMemoryStore, openStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';
import { ClientTls } from './tls/client-tls.ts';
import type { CertificateFacts } from './tls/tls-options.ts';

/** A bound or bindable socket with a protocol behind it. */
export interface Listener {
  readonly listening: boolean;
  listen(): Promise<{ port: number }>;
  /** New options for what comes from now on; protocol, host and port are as before. */
  update(name: string, config: ListenerConfig, more: ListenerParts): void;
  /** Stops accepting, lets requests under way finish within the deadline, then ends them. */
  close(deadlineMs: number): Promise<void>;
}

/** An SCP that was asked for storage commitment and reports from its own host, whoever else may associate (design 6). */
export interface Reporter {
  readonly aeTitle: string;
  readonly host: string;
}

/** What a listener needs besides its own piece of the configuration. */
export interface ListenerParts {
  readonly reporters?: readonly Reporter[];
  readonly security?: ListenerSecurity;
  /** Told of logins. */
  readonly authenticated?: (event: AuthenticationEvent) => void;
}

/** The message recorders of a running gateway, one for each level. */
export interface Recorders {
  readonly tags: MessageRecorder;
  /** Undefined where the configuration says nothing about a file for values. */
  readonly values: MessageRecorder | undefined;
  close(): Promise<void>;
}

type ConfigOf<Kind extends { protocol: string }, Protocol extends Kind['protocol']> = Extract<
  Kind,
  { protocol: Protocol }
>;

export function buildListener(
  name: string,
  config: ListenerConfig,
  handler: ServiceHandler,
  logger: Logger,
  parts: ListenerParts = {},
): Listener {
  if (config.protocol === 'dimse') {
    const listener = new DimseListener(dimseListenerOptions(name, config, parts), handler, logger);
    return wrap(listener, 'dimse', (next, options, more) => listener.update(dimseListenerOptions(next, options, more)));
  }
  const listener = new DicomwebListener(dicomwebListenerOptions(name, config, parts), handler, logger);
  return wrap(listener, 'dicomweb', (next, options, more) =>
    listener.update(dicomwebListenerOptions(next, options, more)),
  );
}

function wrap<Protocol extends ListenerConfig['protocol']>(
  listener: DimseListener | DicomwebListener,
  protocol: Protocol,
  update: (name: string, config: ConfigOf<ListenerConfig, Protocol>, more: ListenerParts) => void,
): Listener {
  return {
    get listening() {
      return listener.listening;
    },
    listen: () => listener.listen(),
    close: (deadlineMs) => listener.close(deadlineMs),
    update: (name, config, more) => {
      if (config.protocol === protocol) update(name, config as ConfigOf<ListenerConfig, Protocol>, more);
    },
  };
}

type DimseListenerOptions = ConstructorParameters<typeof DimseListener>[0];
type DicomwebListenerOptions = ConstructorParameters<typeof DicomwebListener>[0];

function dimseListenerOptions(
  name: string,
  config: ConfigOf<ListenerConfig, 'dimse'>,
  { reporters = [], security, authenticated }: ListenerParts,
): DimseListenerOptions {
  const { access, timers, tls: _tls, userIdentity: _identity, maximumMessageSize, maximumHeldSize, ...same } = config;
  return {
    ...same,
    ...access,
    name,
    reporters,
    ...(security?.tls && { tls: security.tls }),
    ...(security?.userIdentity && { userIdentity: security.userIdentity }),
    ...(authenticated && { authenticated }),
    maximumHeldBytes: maximumHeldSize,
    maximumMessageBytes: maximumMessageSize,
    artimMs: timers.artim,
    idleTimeoutMs: timers.idle,
    requestTimeoutMs: timers.request,
  };
}

function dicomwebListenerOptions(
  name: string,
  config: ConfigOf<ListenerConfig, 'dicomweb'>,
  { security, authenticated }: ListenerParts,
): DicomwebListenerOptions {
  const { access, timers, tls: _tls, authentication, ...rest } = config;
  const { maximumBodySize, maximumCommitmentSize, maximumHeldSize, ...same } = rest;
  return {
    ...same,
    name,
    ...access,
    ...(security?.tls && { tls: security.tls }),
    ...(security?.authenticator && { authenticator: security.authenticator }),
    ...(authenticated && { authenticated }),
    ...(authentication && { refusal: authentication.refusal }),
    maximumHeldBytes: maximumHeldSize,
    maximumBodyBytes: maximumBodySize,
    maximumCommitmentBytes: maximumCommitmentSize,
    headersTimeoutMs: timers.headers,
    requestTimeoutMs: timers.request,
    idleTimeoutMs: timers.idle,
  };
}

/** Whether any part remembers anything: MPPS, or an embedded RIS. */
export function needsStore({ routes, upstreams }: Pick<Config, 'routes' | 'upstreams'>): boolean {
  return (
    routes.some(({ mpps, storageCommitment }) => (mpps ?? storageCommitment) !== undefined) ||
    Object.values(upstreams).some(({ protocol }) => protocol === 'ris')
  );
}

/** Whether there is one from before: messages may wait in it for a route that is gone, and must be seen. */
export function hasStore({ kind, path }: StoreConfig): boolean {
  return kind === 'postgres' || existsSync(path);
}

/** @throws GatewayError STORE_* */
export async function openConfiguredStore({ kind, path, url, connections }: StoreConfig): Promise<Store> {
  if (kind === 'sqlite' || url === undefined) return openStore({ path });
  const { openPostgresStore } = await import('./store/postgres.ts'); // its client is loaded only where it is used
  return openPostgresStore({ url, poolSize: connections });
}

/**
 * @param store where the embedded RIS goes on, as it was left; without one it has its files, and forgets the rest at the end
 * @throws GatewayError SEED_INVALID, STORE_*
 */
export async function createUpstream(
  name: string,
  config: UpstreamConfig,
  logger: Logger,
  store?: Store,
): Promise<Upstream> {
  switch (config.protocol) {
    case 'dicomweb': {
      const { timers, maximumAnswerSize, parameterNames, tls: _tls, credentials: _credentials, ...same } = config;
      const credentials = credentialsOf(config);
      return new DicomwebUpstream(
        {
          ...same,
          name,
          names: parameterNames,
          ...(await webTls(name, config, logger)),
          ...(credentials && { credentials: createCredentials(credentials) }),
          maximumAnswerBytes: maximumAnswerSize,
          connectTimeoutMs: timers.connect,
          responseTimeoutMs: timers.response,
          bodyTimeoutMs: timers.body,
          keepAliveMs: timers.idle,
        },
        logger,
      );
    }
    case 'dimse': {
      const { timers, pool, commitment, maximumMessageSize, tls, userIdentity, ...same } = config;
      return new DimseUpstream(
        {
          ...same,
          name,
          ...(tls && { tls: await ClientTls.load(`upstreams.${name}`, tls, logger) }),
          ...(userIdentity && { userIdentity: identityOf(userIdentity) }),
          maximumMessageBytes: maximumMessageSize,
          connectTimeoutMs: timers.connect,
          associationTimeoutMs: timers.association,
          responseTimeoutMs: timers.response,
          reportRoleSelection: commitment.roleSelection,
          pool: { maximum: pool.maximum, idleMs: pool.idle },
        },
        logger,
      );
    }
    case 'ris': {
      const { entries, entryWhen, ageing, validation, simulateCommitment } = config;
      const { scheduled: scheduledMs, started: startedMs, done: doneMs, steps: stepsMs } = ageing;
      const options = {
        entryWhen,
        ageing: { scheduledMs, startedMs, doneMs, stepsMs },
        validation,
        simulateCommitment,
      };
      if (store !== undefined) return Ris.resume(name, options, store, logger);
      const seed = (await Promise.all(entries.map(readSeed))).flat();
      return Ris.open(name, seed, options, await openMemoryStore(), logger);
    }
  }
}

export function certificatesOf(upstream: Upstream): readonly CertificateFacts[] {
  const hasTls = upstream instanceof DimseUpstream || upstream instanceof DicomwebUpstream;
  return hasTls ? upstream.certificates() : [];
}

/** A server by https is called by a profile, also where nothing is said about it. */
async function webTls(
  name: string,
  { baseUrl, tls }: ConfigOf<UpstreamConfig, 'dicomweb'>,
  logger: Logger,
): Promise<{ tls?: ClientTls }> {
  if (!/^https:/i.test(baseUrl)) return {};
  return { tls: await ClientTls.load(`upstreams.${name}`, tls ?? { profile: 'bcp195-rfc9325' }, logger) };
}

export function recordersOf(log: LogConfig, logger: Logger): Recorders {
  const tags = createMessageRecorder({ level: 'tags' }, logger);
  const values = log.values && createMessageRecorder({ level: 'values', ...log.values }, logger);
  return {
    tags,
    values,
    close: async () => {
      await values?.close();
    },
  };
}
