/** Makes each part from its piece of the configuration; used by the composition root and the CLI's own clients. */
import { existsSync } from 'node:fs';
import type { AccessRefusal } from './access/access-refusal.ts';
import type { Config, ListenerConfig, LogConfig, StoreConfig } from './config/schema.ts';
import { DicomwebListener } from './dicomweb/origin-server.ts';
import { DimseListener } from './dimse/scp.ts';
import type { ListenerCounts } from './observe/listener-metrics.ts';
import type { Logger } from './observe/log.ts';
import { createMessageRecorder } from './observe/messages.ts';
import type { MessageRecorder } from './observe/messages.ts';
import type { AuthenticationEvent } from './identity/principal.ts';
import type { ServiceHandler } from './services/port.ts';
import type { ListenerSecurity } from './security-parts.ts';
import { openStore } from './store/sqlite.ts';
import type { Store } from './store/store.ts';

/** A bound or bindable socket with a protocol behind it. */
export interface Listener {
  readonly listening: boolean;
  readonly counts: ListenerCounts;
  listen(): Promise<{ port: number }>;
  /** New options for what comes from now on; protocol, host and port are as before. */
  update(name: string, config: ListenerConfig, more: ListenerParts): void;
  /** Stops accepting, lets requests under way finish within the deadline, then ends them. */
  close(deadlineMs: number): Promise<void>;
}

/**
 * An SCP that was asked for storage commitment or given MPPS, and reports on them from its own host, whoever else may
 * associate (design 6).
 */
export interface Reporter {
  readonly aeTitle: string;
  readonly host: string;
  readonly reports: readonly ('storageCommitment' | 'mpps')[];
}

/** What a listener needs besides its own piece of the configuration. */
export interface ListenerParts {
  readonly reporters?: readonly Reporter[];
  readonly security?: ListenerSecurity;
  /** Told of logins. */
  readonly authenticated?: (event: AuthenticationEvent) => void;
  /** Told of those whom the lists of a listener do not let in. */
  readonly refused?: (listener: string, refusal: AccessRefusal) => void;
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
    get counts(): ListenerCounts {
      return listener instanceof DimseListener
        ? { protocol: 'dimse', counts: listener.counts }
        : { protocol: 'dicomweb', counts: listener.counts };
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
  { reporters = [], security, authenticated, refused }: ListenerParts,
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
    ...(refused && { refused: (refusal: AccessRefusal) => refused(name, refusal) }),
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
  { security, authenticated, refused }: ListenerParts,
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
    ...(refused && { refused: (refusal: AccessRefusal) => refused(name, refusal) }),
    ...(authentication && { refusal: authentication.refusal }),
    maximumHeldBytes: maximumHeldSize,
    maximumBodyBytes: maximumBodySize,
    maximumCommitmentBytes: maximumCommitmentSize,
    headersTimeoutMs: timers.headers,
    requestTimeoutMs: timers.request,
    idleTimeoutMs: timers.idle,
  };
}

/** Whether any part remembers anything: MPPS, storage commitment, an embedded RIS, or claims of workitems. */
export function needsStore({ routes, upstreams }: Pick<Config, 'routes' | 'upstreams'>): boolean {
  return (
    routes.some(({ mpps, storageCommitment }) => (mpps ?? storageCommitment) !== undefined) ||
    Object.values(upstreams).some(({ protocol }) => protocol === 'ris' || protocol === 'ups-rs')
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
