/**
 * What `/health/ready` says. Ready means: every listener is bound and the store answers. Trouble of an upstream, and what
 * waits for one, are reported in the body but do not make the gateway unready, since restarting it would not help and
 * the other routes still work.
 */
import { OPEN_PHASES } from './commitments.ts';
import type { SeenCommitments } from './commitments.ts';
import type { SeenDestination, SpoolSight } from './spool.ts';
import type { UpstreamState } from './upstream-states.ts';

export interface ListenerHealth {
  readonly protocol: 'dimse' | 'dicomweb';
  readonly port: number;
  readonly listening: boolean;
}

/** `unknown` until it is called for the first time, by an exchange or by the spool; then what the last call of it showed. */
export type HealthState = 'unknown' | 'ok' | 'failing';

export interface UpstreamHealth extends UpstreamState {
  readonly protocol: string;
  readonly state: HealthState;
}

/** What waits for a destination; without counts while the store does not tell. */
export interface SpoolHealth {
  readonly route: string;
  readonly upstream: string;
  /** False: it is in no route any more, and its messages wait for one. */
  readonly served: boolean;
  readonly queued?: number;
  /** Messages that wait for a person, and hold up those of the same instance. */
  readonly dead?: number;
  readonly oldestSeconds?: number;
  /** Most attempts of any message. */
  readonly attempts?: number;
  /** Since when nothing but probes is sent, ISO 8601 in UTC. */
  readonly circuitOpenSince?: string;
  readonly lastFailureCode?: string;
}

/** Storage commitments that are not at their end; without counts while the store does not tell. */
export interface CommitmentHealth {
  readonly route: string;
  readonly upstream: string;
  /** False: it is in no route any more, and its commitments wait for one. */
  readonly served: boolean;
  /** The upstream has not taken the request yet. */
  readonly asking?: number;
  /** Its result is to come. */
  readonly waiting?: number;
  /** The SCU has still to be told. */
  readonly reporting?: number;
  /** Age of the oldest of these. */
  readonly oldestSeconds?: number;
}

export interface Health {
  readonly status: 'ready' | 'not-ready';
  readonly listeners: Readonly<Record<string, ListenerHealth>>;
  readonly upstreams: Readonly<Record<string, UpstreamHealth>>;
  /** Absent: the configuration needs no store. */
  readonly store?: { readonly state: 'ok' | 'failing' };
  readonly spool: readonly SpoolHealth[];
  readonly commitments: readonly CommitmentHealth[];
}

/** Last success and failure are ISO 8601 in UTC, so the later one is the greater text. */
export function upstreamHealth(protocol: string, seen: UpstreamState | undefined): UpstreamHealth {
  if (seen === undefined) return { protocol, state: 'unknown' };
  const failing = seen.lastFailure !== undefined && seen.lastFailure > (seen.lastSuccess ?? '');
  return { protocol, state: failing ? 'failing' : 'ok', ...seen };
}

export function healthOf(
  listeners: Readonly<Record<string, ListenerHealth>>,
  upstreams: Readonly<Record<string, UpstreamHealth>>,
  { store, destinations }: SpoolSight = { destinations: [] },
  commitments: readonly SeenCommitments[] = [],
): Health {
  const ready = Object.values(listeners).every((listener) => listener.listening) && store !== 'failing';
  return {
    status: ready ? 'ready' : 'not-ready',
    listeners,
    upstreams,
    ...(store !== undefined && { store: { state: store } }),
    spool: destinations.map(spoolHealth),
    commitments: commitments.map(commitmentHealth),
  };
}

function spoolHealth(destination: SeenDestination): SpoolHealth {
  const { route, upstream, isServed: served, depth, circuitOpenSince, lastFailureCode } = destination;
  const { queued, dead, oldestMs, attempts } = depth ?? {};
  return {
    route,
    upstream,
    served,
    ...(queued !== undefined && { queued }),
    ...(dead !== undefined && { dead }),
    ...(oldestMs !== undefined && { oldestSeconds: Math.round(oldestMs / 1_000) }),
    ...(attempts !== undefined && { attempts }),
    ...(circuitOpenSince !== undefined && { circuitOpenSince: new Date(circuitOpenSince).toISOString() }),
    ...(lastFailureCode !== undefined && { lastFailureCode }),
  };
}

function commitmentHealth({ route, upstream, isServed: served, phases }: SeenCommitments): CommitmentHealth {
  if (phases === undefined) return { route, upstream, served };
  const oldestMs = Math.max(...OPEN_PHASES.map((phase) => phases[phase].oldestMs));
  const counts = Object.fromEntries(OPEN_PHASES.map((phase) => [phase, phases[phase].count]));
  return { route, upstream, served, ...counts, oldestSeconds: Math.round(oldestMs / 1_000) };
}
