/** Listeners and the connections of upstreams as metrics, looked at at each scrape. */
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** Of a DIMSE listener. */
export interface AssociationCounts {
  readonly associations: number;
  /** Since the start. */
  readonly accepted: number;
  readonly halfOpenConnections: number;
  /** Since the start, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Connections closed unheard, since the start. */
  readonly refusedConnections: number;
  readonly heldBytes: number;
}

/** Of a web listener. */
export interface ConnectionCounts {
  readonly connections: number;
  /** Requests under way. */
  readonly running: number;
  /** Since the start. */
  readonly requests: number;
  readonly heldBytes: number;
  /** Notification connections, which are among the connections. */
  readonly eventConnections: number;
}

export type ListenerCounts =
  | { readonly protocol: 'dimse'; readonly counts: AssociationCounts }
  | { readonly protocol: 'dicomweb'; readonly counts: ConnectionCounts };

export type SeenListener = { readonly name: string } & ListenerCounts;

/** Connections to an upstream. */
export interface SeenUpstream {
  readonly name: string;
  /** Associations that are at work, are kept for the next request, and requests that wait for one. */
  readonly pool?: { readonly open: number; readonly idle: number; readonly waiting: number };
  /** Requests on the web that are under way. */
  readonly running?: number;
}

export function listenerMetricsIn(registry: Registry): (seen: readonly SeenListener[]) => void {
  const gauge = gaugeIn(registry, 'listener');
  const counter = counterIn(registry);
  const associations = gauge('dimseway_associations', 'Associations with a listener that are open.');
  const halfOpen = gauge('dimseway_half_open_connections', 'Connections that have not asked for an association yet.');
  const connections = gauge('dimseway_connections', 'Connections with a web listener that are open.');
  const running = gauge('dimseway_requests_running', 'Requests to a web listener that are under way.');
  const channels = gauge('dimseway_event_channels', 'Notification connections of subscribers that are open.');
  const held = gauge(
    'dimseway_held_bytes',
    'Bytes of messages that a listener holds, beyond the first 64 KiB of each.',
  );
  const accepted = counter('dimseway_associations_accepted_total', 'Associations that a listener has accepted.');
  const rejected = counter('dimseway_associations_rejected_total', 'Associations that a listener has rejected.', [
    'reason',
  ]);
  const refused = counter('dimseway_connections_refused_total', 'Connections to a DIMSE listener closed unheard.');
  const requests = counter('dimseway_requests_total', 'Requests to a web listener.');
  const all = [associations, halfOpen, connections, running, channels, held, accepted, rejected, refused, requests];
  return (seen) => {
    for (const each of all) each.reset();
    for (const each of seen) {
      const listener = each.name;
      held.set({ listener }, each.counts.heldBytes);
      if (each.protocol === 'dimse') {
        const { counts } = each;
        associations.set({ listener }, counts.associations);
        halfOpen.set({ listener }, counts.halfOpenConnections);
        accepted.inc({ listener }, counts.accepted);
        refused.inc({ listener }, counts.refusedConnections);
        for (const [reason, count] of Object.entries(counts.rejected)) rejected.inc({ listener, reason }, count);
      } else {
        const { counts } = each;
        connections.set({ listener }, counts.connections);
        running.set({ listener }, counts.running);
        channels.set({ listener }, counts.eventConnections);
        requests.inc({ listener }, counts.requests);
      }
    }
  };
}

export function upstreamMetricsIn(registry: Registry): (seen: readonly SeenUpstream[]) => void {
  const registers = [registry];
  const associations = new Gauge({
    name: 'dimseway_upstream_associations',
    help: 'Associations with an upstream: busy, or idle and kept for the next request.',
    labelNames: ['upstream', 'state'],
    registers,
  });
  const gauge = gaugeIn(registry, 'upstream');
  const waiting = gauge(
    'dimseway_upstream_waiting_requests',
    'Requests that wait for an association with an upstream.',
  );
  const running = gauge('dimseway_upstream_requests_running', 'Requests to an upstream on the web that are under way.');
  return (seen) => {
    for (const each of [associations, waiting, running]) each.reset();
    for (const { name: upstream, pool, running: underWay } of seen) {
      if (pool !== undefined) {
        associations.set({ upstream, state: 'busy' }, pool.open - pool.idle);
        associations.set({ upstream, state: 'idle' }, pool.idle);
        waiting.set({ upstream }, pool.waiting);
      }
      if (underWay !== undefined) running.set({ upstream }, underWay);
    }
  };
}

function gaugeIn<Label extends string>(registry: Registry, label: Label): (name: string, help: string) => Gauge<Label> {
  return (name, help) => new Gauge({ name, help, labelNames: [label], registers: [registry] });
}

/** What is counted elsewhere. */
function counterIn(registry: Registry): (name: string, help: string, more?: readonly string[]) => Counter {
  return (name, help, more = []) =>
    new Counter({ name, help, labelNames: ['listener', ...more], registers: [registry] });
}
