/** Makes the routes of the gateway, and the destinations of its spool, from the configuration. */
import type { Config, RouteConfig, UpstreamConfig } from './config/schema.ts';
import { compileRules } from './dataset/rules.ts';
import type { GatewayRoute, WorklistRoute } from './gateway/gateway.ts';
import type { Mapping } from './gateway/mapping.ts';
import type { CommitmentPeer, CommitmentTarget } from './gateway/commitment/route.ts';
import type { MppsTarget } from './gateway/mpps-route.ts';
import type { NotificationTarget } from './gateway/notifications.ts';
import { compileRouteMatcher } from './gateway/routes.ts';
import type { NamedUpstream } from './gateway/routes.ts';
import type { DestinationOptions, SpoolTarget } from './gateway/spool-delivery.ts';
import { bothOf } from './observe/messages.ts';
import type { MessageRecorder } from './observe/messages.ts';
import type { Recorders, Reporter } from './parts.ts';
import type { Upstream } from './services/port.ts';
import type { WorkitemRoute } from './services/ups/workitem.ts';

/** @param capture gets the data sets of every route */
export function buildRoutes(
  config: Config,
  upstreams: ReadonlyMap<string, { readonly upstream: Upstream }>,
  recorders: Recorders,
  capture: MessageRecorder | undefined = undefined,
): GatewayRoute[] {
  const named = (name: string): NamedUpstream => {
    const running = upstreams.get(name);
    if (running === undefined) throw new Error(`no upstream ${name}: the configuration was not checked`);
    return { name, upstream: running.upstream };
  };
  return config.routes.map((route) => ({
    ...compileRouteMatcher(route.name, route.from),
    options: {
      route: route.name,
      characterSets: route.characterSets,
      unencodable: route.unencodable,
      fuzzyMatching: everyUpstream(config, route, 'fuzzyMatching'),
      timezoneAdjustment: everyUpstream(config, route, 'timezoneAdjustment'),
      scopes: route.scopes,
    },
    worklist: route.worklist && worklistRoute(route.worklist, named),
    mpps: route.mpps && mppsTarget(route, route.mpps, named, config.upstreams),
    storageCommitment: route.storageCommitment && commitmentTarget(route.name, route.storageCommitment, named),
    workitems: route.workitems && route.mpps && workitemRoute(route.name, route.mpps.to, route.workitems),
    notifications: route.notifications && notificationTarget(route.notifications, named, config.upstreams),
    messagesFor: (listener) => bothOf(recorderOf(config, route, listener, recorders), capture),
  }));
}

function worklistRoute(
  { to, rules }: NonNullable<RouteConfig['worklist']>,
  named: (name: string) => NamedUpstream,
): WorklistRoute {
  return {
    upstreams: to.map(named),
    request: mappingOf(rules.request),
    response: mappingOf(rules.response),
  };
}

function mppsTarget(
  { name: route, notifications }: RouteConfig,
  { to, rules, defaults, forwardTo, ...options }: NonNullable<RouteConfig['mpps']>,
  named: (name: string) => NamedUpstream,
  upstreams: Config['upstreams'],
): MppsTarget {
  return {
    route,
    upstream: named(to),
    ...aeTitleOf(upstreams[to]),
    request: mappingOf(rules.request),
    response: mappingOf(rules.response),
    forwardTo: forwardTo.map((forward) => ({
      upstream: named(forward.to),
      request: mappingOf(forward.rules.request),
      ...aeTitleOf(upstreams[forward.to]),
    })),
    ...(notifications?.source === 'gateway' && { notifyTo: notificationTarget(notifications, named, upstreams).to }),
    options: { ...options, defaults },
  };
}

function notificationTarget(
  { to, source }: NonNullable<RouteConfig['notifications']>,
  named: (name: string) => NamedUpstream,
  upstreams: Config['upstreams'],
): NotificationTarget {
  return { to: to.map((name) => ({ upstream: named(name), ...aeTitleOf(upstreams[name]) })), source };
}

function aeTitleOf(config: UpstreamConfig | undefined): { readonly aeTitle?: string } {
  return config?.protocol === 'dimse' ? { aeTitle: config.aeTitle } : {};
}

function commitmentTarget(
  route: string,
  { to, holdTime, deadline, poll, attemptTimeout, ...options }: NonNullable<RouteConfig['storageCommitment']>,
  named: (name: string) => NamedUpstream,
): CommitmentTarget {
  return {
    route,
    upstream: named(to),
    options: {
      ...options,
      holdMs: holdTime,
      deadlineMs: deadline,
      firstPollMs: poll.first,
      maximumPollMs: poll.maximum,
      attemptTimeoutMs: attemptTimeout,
    },
  };
}

function workitemRoute(
  route: string,
  upstream: string,
  { poll, ...options }: NonNullable<RouteConfig['workitems']>,
): WorkitemRoute {
  return { route, upstream, options: { ...options, pollMs: poll } };
}

/** The DIMSE upstreams as addresses of those who report, and of those who are reported to. */
export function commitmentPeersOf(
  config: Pick<Config, 'upstreams'>,
  upstreams: ReadonlyMap<string, { readonly upstream: Upstream }>,
): CommitmentPeer[] {
  return Object.entries(config.upstreams).flatMap(([name, peer]) => {
    const running = upstreams.get(name);
    if (peer.protocol !== 'dimse' || running === undefined) return [];
    const { unknownReports } = peer.commitment;
    return [{ upstream: { name, upstream: running.upstream }, aeTitle: peer.aeTitle, unknownReports }];
  });
}

/**
 * Who may report to the DIMSE listeners: the archives that are asked for storage commitment, and the SCPs of MPPS whose word
 * somebody waits for (design 6).
 */
export function reportersOf({ routes, upstreams }: Pick<Config, 'routes' | 'upstreams'>): Reporter[] {
  const archives = new Set(routes.map(({ storageCommitment }) => storageCommitment?.to));
  const steps = new Set(routes.map((route) => (hearsOfMpps(route) ? route.mpps?.to : undefined)));
  return Object.entries(upstreams).flatMap(([name, peer]): Reporter[] => {
    const reports = [
      ...(archives.has(name) ? (['storageCommitment'] as const) : []),
      ...(steps.has(name) ? (['mpps'] as const) : []),
    ];
    if (peer.protocol !== 'dimse' || reports.length === 0) return [];
    return [{ aeTitle: peer.aeTitle, host: peer.host, reports }];
  });
}

function hearsOfMpps({ workitems, notifications }: RouteConfig): boolean {
  return workitems !== undefined || notifications?.source === 'upstream';
}

function mappingOf(rules: Parameters<typeof compileRules>[0]): Mapping | undefined {
  return rules.length === 0 ? undefined : compileRules(rules);
}

/** The embedded RIS is as near as its store. */
const RIS_DESTINATION = { concurrency: 4, firstDelay: 1_000, maximumDelay: 60_000, attemptTimeout: 60_000 };

/** A lease outlives an attempt, so that a process that is slow to end it still holds its lane. */
const LEASE_RESERVE_MS = 30_000;

/**
 * Where the spool delivers to: also the upstreams of routes that deliver directly, since messages from before a change of
 * the configuration may still wait for them.
 */
export function spoolTargetsOf(config: Config, routes: readonly GatewayRoute[]): SpoolTarget[] {
  return routes.flatMap(({ name: route, mpps, notifications }): SpoolTarget[] => {
    const scus = notifications?.to ?? [];
    const ways = mpps === undefined ? [] : [mpps, ...mpps.forwardTo];
    // One destination may be forwarded to and be told: the first is the one that has rules.
    return [...ways, ...scus.map(({ upstream }) => ({ upstream, request: undefined }))].map((each, index) => ({
      route,
      upstream: each.upstream,
      request: each.request,
      options: destinationOptions(config.upstreams[each.upstream.name]),
      isForward: mpps === undefined || index > 0,
      keepsCopy: mpps?.options.retrieveFromCopy ?? false,
    }));
  });
}

function destinationOptions(config: UpstreamConfig | undefined): DestinationOptions {
  const { concurrency, firstDelay, maximumDelay, attemptTimeout } =
    config === undefined || config.protocol === 'ris' ? RIS_DESTINATION : config.spool;
  return {
    concurrency,
    firstDelayMs: firstDelay,
    maximumDelayMs: maximumDelay,
    attemptTimeoutMs: attemptTimeout,
    leaseMs: attemptTimeout + LEASE_RESERVE_MS,
  };
}

/** What extended negotiation may promise: only what whichever upstream answers will keep. */
function everyUpstream(
  config: Config,
  { worklist }: RouteConfig,
  feature: 'fuzzyMatching' | 'timezoneAdjustment',
): boolean {
  const upstreams = (worklist?.to ?? []).map((name) => config.upstreams[name]);
  const keeps = (each: UpstreamConfig | undefined): boolean =>
    (each?.protocol === 'dicomweb' || each?.protocol === 'dimse') && each[feature];
  return upstreams.length > 0 && upstreams.every(keeps);
}

function recorderOf(
  config: Config,
  route: RouteConfig,
  listener: string,
  recorders: Recorders,
): MessageRecorder | undefined {
  const level = route.log.messages ?? config.listeners[listener]?.log.messages ?? config.log.messages;
  return level === 'none' ? undefined : recorders[level];
}
