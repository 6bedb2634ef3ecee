/** Checks of MPPS Notification: who is told must be able to listen, and who tells must be heard. */
import type { Finding, Parts } from './finding.ts';
import { valueAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';
import type { RouteConfig } from './schema.ts';

export function checkNotifications(parts: Parts): Finding[] {
  return [
    ...parts.routes.flatMap((route, i): Finding[] => {
      const path = ['routes', i, 'notifications'];
      if (valueAt(path, parts.root) === undefined) return [];
      if (valueAt(['routes', i, 'mpps'], parts.root) === undefined) {
        return [error(path, 'needs mpps on this route: its MPPS are what is told', 'key')];
      }
      return route === undefined ? [] : [...checkScus(parts, route, path), ...checkSource(parts, route, path)];
    }),
    ...checkTwins(parts),
  ];
}

/** DIMSE listeners take notifications, whoever has no route there. */
export function hearsNotifications(parts: Parts): boolean {
  return tellersOf(parts).some((name) => parts.upstreams.get(name)?.protocol === 'dimse');
}

/** Names of the upstreams whose word about MPPS counts. */
function tellersOf({ routes }: Parts): string[] {
  return routes.flatMap((route) => {
    const hears = route?.workitems !== undefined || route?.notifications?.source === 'upstream';
    return hears ? (route?.mpps?.to ?? []) : [];
  });
}

function checkScus({ upstreams, root }: Parts, { mpps, notifications }: RouteConfig, path: ConfigPath): Finding[] {
  const given = valueAt([...path, 'to'], root);
  return (notifications?.to ?? []).flatMap((name, i): Finding[] => {
    const at = Array.isArray(given) ? [...path, 'to', i] : [...path, 'to'];
    const protocol = valueAt(['upstreams', name, 'protocol'], root);
    if (name === mpps?.to) return [error(at, 'is where the MPPS goes: it knows')];
    if (typeof protocol === 'string' && protocol !== 'dimse') {
      return [error(at, `is no DIMSE upstream: MPPS Notification is of DIMSE, ${protocol} cannot be told`)];
    }
    const upstream = upstreams.get(name);
    const isPassedThrough = upstream?.protocol === 'dimse' && upstream.callingAeTitle === 'pass-through';
    if (!isPassedThrough || upstream.fallbackCallingAeTitle !== undefined) return [];
    const message = `needs fallbackCallingAeTitle, which notifications are sent under`;
    return [error(['upstreams', name, 'callingAeTitle'], message)];
  });
}

const TELLING = ['dimse', 'ups-rs'];

function checkSource({ listeners, root }: Parts, { mpps, notifications }: RouteConfig, path: ConfigPath): Finding[] {
  if (notifications?.source !== 'upstream' || mpps === undefined) return [];
  const at = [...path, 'source'];
  const protocol = valueAt(['upstreams', mpps.to, 'protocol'], root);
  if (typeof protocol === 'string' && !TELLING.includes(protocol)) {
    return [error(at, `waits in vain: ${mpps.to}, by ${protocol}, tells nothing of MPPS`)];
  }
  if (protocol !== 'dimse' || [...listeners.values()].some((each) => each?.protocol !== 'dicomweb')) return [];
  return [error(at, `needs a DIMSE listener, which ${mpps.to} can notify`)];
}

/** Who notifies is known by its AE title only. */
function checkTwins(parts: Parts): Finding[] {
  const first = new Map<string, string>();
  return [...new Set(tellersOf(parts))].flatMap((name): Finding[] => {
    const upstream = parts.upstreams.get(name);
    if (upstream?.protocol !== 'dimse') return [];
    const other = first.get(upstream.aeTitle);
    first.set(upstream.aeTitle, other ?? name);
    if (other === undefined) return [];
    const message = `is the AE title of ${other} too: what it tells of MPPS counts as told by both`;
    return [{ severity: 'warning', path: ['upstreams', name, 'aeTitle'], message }];
  });
}

function error(path: ConfigPath, message: string, at?: 'key'): Finding {
  return { severity: 'error', path, message, ...(at !== undefined && { at, withoutFound: true }) };
}
