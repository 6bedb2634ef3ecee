/** What the running gateway consists of. */
import type { Audit } from './audit-parts.ts';
import type { Config, ListenerConfig, UpstreamConfig } from './config/schema.ts';
import type { ConsoleServer } from './console/server.ts';
import type { Listener, Recorders } from './parts.ts';
import type { ListenerSecurity } from './security-parts.ts';
import type { Upstream } from './services/port.ts';
import type { Store } from './store/store.ts';
import type { ServerTls } from './tls/server-tls.ts';

export interface RunningListener {
  readonly config: ListenerConfig;
  readonly security: ListenerSecurity;
  readonly listener: Listener;
  readonly port: number;
}

export interface RunningUpstream {
  readonly config: UpstreamConfig;
  readonly upstream: Upstream;
  /** The store it was given. */
  readonly store: Store | undefined;
}

/** All parts that a reload replaces together. */
export interface Parts {
  readonly config: Config;
  readonly listeners: ReadonlyMap<string, RunningListener>;
  readonly upstreams: ReadonlyMap<string, RunningUpstream>;
  readonly recorders: Recorders;
  readonly audit: Audit;
  /** Undefined where nothing has needed one since the start (`needsStore`), and none was there. */
  readonly store: Store | undefined;
  readonly console: { readonly server: ConsoleServer; readonly port: number; readonly tls?: ServerTls } | undefined;
}

/** Before the start. */
export const NOTHING: Pick<Parts, 'listeners' | 'upstreams' | 'console' | 'store'> & {
  recorders: undefined;
  config: undefined;
  audit: undefined;
} = {
  config: undefined,
  store: undefined,
  listeners: new Map(),
  upstreams: new Map(),
  recorders: undefined,
  audit: undefined,
  console: undefined,
};
