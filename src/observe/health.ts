/**
 * What `/health/ready` says. Ready means: every listener is bound. Trouble of an upstream is reported in the body but
 * does not make the gateway unready, since restarting it would not help and the other routes still work.
 */
import type { FailureCode } from '../services/port.ts';

export interface ListenerHealth {
  readonly protocol: 'dimse' | 'dicomweb';
  readonly port: number;
  readonly listening: boolean;
}

export interface UpstreamHealth {
  readonly protocol: string;
  /** `unknown` until the first exchange; then what the last exchange with it showed. */
  readonly state: 'unknown' | 'ok' | 'failing';
  readonly lastSuccess?: string;
  readonly lastFailure?: string;
  readonly lastFailureCode?: FailureCode;
}

export interface Health {
  readonly status: 'ready' | 'not-ready';
  readonly listeners: Readonly<Record<string, ListenerHealth>>;
  readonly upstreams: Readonly<Record<string, UpstreamHealth>>;
}

/** Last success and failure are ISO 8601 in UTC, so the later one is the greater text. */
export function upstreamHealth(
  protocol: string,
  seen: { lastSuccess?: string; lastFailure?: string; lastFailureCode?: FailureCode } | undefined,
): UpstreamHealth {
  if (seen === undefined) return { protocol, state: 'unknown' };
  const failing = seen.lastFailure !== undefined && seen.lastFailure > (seen.lastSuccess ?? '');
  return { protocol, state: failing ? 'failing' : 'ok', ...seen };
}

export function healthOf(
  listeners: Readonly<Record<string, ListenerHealth>>,
  upstreams: Readonly<Record<string, UpstreamHealth>>,
): Health {
  const ready = Object.values(listeners).every((listener) => listener.listening);
  return { status: ready ? 'ready' : 'not-ready', listeners, upstreams };
}
