/** What the checks find, before it has a place in the text. */
import type { ConfigPath } from './problem.ts';
import type { ListenerConfig, RouteConfig, UpstreamConfig } from './schema.ts';

export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly path: ConfigPath;
  readonly message: string;
  readonly at?: 'key';
  /** The message speaks for itself, without what was found. */
  readonly withoutFound?: true;
}

/** The parts of a configuration by name; undefined: it is there, but not valid by itself. */
export interface Parts {
  readonly listeners: ReadonlyMap<string, ListenerConfig | undefined>;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig | undefined>;
  readonly routes: readonly (RouteConfig | undefined)[];
  /** The whole file as plain values. */
  readonly root: unknown;
}
