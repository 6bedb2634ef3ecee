/** The two halves at a glance: `GET /api/overview`. */
import express from 'express';
import type { Router } from 'express';
import type { Config, ListenerConfig, RouteConfig, UpstreamConfig } from '../config/schema.ts';
import type { Health } from '../observe/health.ts';
import type { Traffic } from '../observe/traffic.ts';
import { allowOnly } from './answers.ts';
import type { Overview, OverviewListener, OverviewRoute, OverviewUpstream } from './api-types.ts';

export interface OverviewSource {
  /** What runs now. */
  readonly config: () => Pick<Config, 'listeners' | 'upstreams' | 'routes'>;
  readonly health: () => Promise<Health>;
  /** Associations or connections of a listener that are open. */
  readonly openAt: (listener: string) => number;
  readonly traffic: Traffic;
}

export function overviewApi({ config, health, openAt, traffic }: OverviewSource): Router {
  const router = express.Router();
  router.get('/api/overview', async (_request, response) => {
    const now = await health();
    const { listeners, upstreams, routes } = config();
    response.json({
      status: now.status,
      listeners: Object.entries(listeners).map(([name, listener]) => {
        const { port = listener.port, listening = false } = now.listeners[name] ?? {};
        const seen = { listening, open: openAt(name), traffic: traffic.of('listener', name) };
        return { name, ...aboutListener(listener, port), ...seen };
      }),
      routes: routes.map((route) => ({ ...aboutRoute(route, listeners), traffic: traffic.of('route', route.name) })),
      upstreams: Object.entries(upstreams).map(([name, upstream]) => {
        const { state = 'unknown', lastSuccess, lastFailure, lastFailureCode } = now.upstreams[name] ?? {};
        const seen = {
          ...(lastSuccess !== undefined && { lastSuccess }),
          ...(lastFailure !== undefined && { lastFailure }),
          ...(lastFailureCode !== undefined && { lastFailureCode }),
        };
        return { name, ...aboutUpstream(upstream), state, ...seen, traffic: traffic.of('upstream', name) };
      }),
      spool: waitingOf(now.spool),
      commitments: openOf(now.commitments),
    } satisfies Overview);
  });
  router.all('/api/overview', allowOnly('GET, HEAD'));
  return router;
}

/** @param port the one it has, where the configuration says 0 */
function aboutListener(
  listener: ListenerConfig,
  port: number,
): Pick<OverviewListener, 'protocol' | 'address' | 'names' | 'tls'> {
  const { protocol, host, tls } = listener;
  const names = listener.protocol === 'dimse' ? listener.aeTitles : listener.basePaths.map((path) => path || '/');
  return { protocol, address: addressText(host, port), names, tls: tls !== undefined };
}

function aboutUpstream(upstream: UpstreamConfig): Pick<OverviewUpstream, 'protocol' | 'address' | 'tls'> {
  const { protocol } = upstream;
  if (upstream.protocol === 'ris') return { protocol, address: 'embedded', tls: false };
  if (upstream.protocol !== 'dimse') {
    return { protocol, address: upstream.baseUrl, tls: /^https:/i.test(upstream.baseUrl) };
  }
  const { aeTitle, host, port, tls } = upstream;
  return { protocol, address: `${aeTitle} ${addressText(host, port)}`, tls: tls !== undefined };
}

function addressText(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function aboutRoute(
  { name, from, ...route }: RouteConfig,
  listeners: Config['listeners'],
): Omit<OverviewRoute, 'traffic'> {
  const reaching = Object.entries(listeners).filter(([listener, each]) => mayReach(from, listener, each));
  return {
    name,
    listeners: reaching.map(([listener]) => listener),
    conditions: conditionsOf(from),
    services: servicesOf(route),
  };
}

/** As far as it can be told without a requester. */
function mayReach(from: RouteConfig['from'], name: string, listener: ListenerConfig): boolean {
  if (from.listener !== undefined && from.listener !== name) return false;
  const { callingAeTitles, calledAeTitles, basePath } = from;
  if (listener.protocol === 'dicomweb') {
    const isForDimse = callingAeTitles !== undefined || calledAeTitles !== undefined;
    return !isForDimse && (basePath === undefined || listener.basePaths.includes(basePath));
  }
  if (basePath !== undefined) return false;
  return calledAeTitles === undefined || calledAeTitles.some((each) => listener.aeTitles.includes(each));
}

function conditionsOf(from: RouteConfig['from']): string {
  const { callingAeTitles, calledAeTitles, addresses, basePath, subjects, certificates } = from;
  const listed = [
    ['calling', callingAeTitles],
    ['called', calledAeTitles],
    ['from', addresses],
    ['under', basePath === undefined ? undefined : [basePath || '/']],
    ['as', subjects],
    ['with certificate', certificates],
  ] as const;
  const texts = listed.flatMap(([word, values]) => (values === undefined ? [] : [`${word} ${values.join(' or ')}`]));
  return texts.length === 0 ? 'any request' : texts.join(', ');
}

function servicesOf(route: Omit<RouteConfig, 'name' | 'from'>): Record<string, readonly string[]> {
  const { worklist, mpps, storageCommitment, workitems, notifications } = route;
  const forwarded = (mpps?.forwardTo ?? []).map(({ to }) => to);
  return {
    ...(worklist && { worklist: worklist.to }),
    ...(mpps && { mpps: [mpps.to] }),
    ...(forwarded.length > 0 && { forward: forwarded }),
    ...(storageCommitment && { storageCommitment: [storageCommitment.to] }),
    ...(workitems && { workitems: [...new Set([...(worklist?.to ?? []), ...(mpps ? [mpps.to] : [])])] }),
    ...(notifications && { notify: notifications.to }),
  };
}

function waitingOf(spool: Health['spool']): Overview['spool'] {
  const [queued, dead] = [sum(spool.map((each) => each.queued ?? 0)), sum(spool.map((each) => each.dead ?? 0))];
  return { queued, dead, ...(queued + dead > 0 && oldestOf(spool)) };
}

function openOf(commitments: Health['commitments']): Overview['commitments'] {
  const open = sum(commitments.map(({ asking = 0, waiting = 0, reporting = 0 }) => asking + waiting + reporting));
  return { open, ...(open > 0 && oldestOf(commitments)) };
}

function oldestOf(waiting: readonly { readonly oldestSeconds?: number }[]): { readonly oldestSeconds: number } {
  return { oldestSeconds: Math.max(0, ...waiting.map(({ oldestSeconds = 0 }) => oldestSeconds)) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
