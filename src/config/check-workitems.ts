/** Checks of UPS-RS: what a server of workitems cannot do, and what workitems in front of a route need. */
import type { Finding, Parts } from './finding.ts';
import { valueAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';

export function checkWorkitems(parts: Parts): Finding[] {
  return [
    ...parts.routes.flatMap((_route, i) => [...checkRoute(parts, i), ...checkCommitment(parts, i)]),
    ...[...parts.upstreams.keys()].flatMap((name) => checkSubscription(parts, name)),
  ];
}

function checkRoute({ listeners, routes, root }: Parts, index: number): Finding[] {
  const path = ['routes', index, 'workitems'];
  if (valueAt(path, root) === undefined) return [];
  const missing = ['worklist', 'mpps'].filter((service) => valueAt(['routes', index, service], root) === undefined);
  const findings = missing.map((service) => error(path, `needs ${service} on this route: workitems are made of both`));
  const route = routes[index];
  const name = route?.from.listener;
  const sources = name === undefined ? [...listeners.values()] : [listeners.get(name)];
  const isOffWeb = route !== undefined && sources.every((source) => source?.protocol === 'dimse');
  if (isOffWeb && sources.length > 0) findings.push(warning(path, 'has no effect: workitems are of web listeners'));
  return findings;
}

function checkCommitment({ root }: Parts, index: number): Finding[] {
  const path = ['routes', index, 'storageCommitment', 'to'];
  const name = valueAt(path, root);
  if (typeof name !== 'string' || valueAt(['upstreams', name, 'protocol'], root) !== 'ups-rs') return [];
  const message = `is a UPS-RS server, which has no storage commitment`;
  return [{ severity: 'error', path, message }];
}

/** Events that nobody hears, and those that are waited for in vain. */
function checkSubscription({ routes, root }: Parts, name: string): Finding[] {
  const path = ['upstreams', name];
  if (valueAt([...path, 'protocol'], root) !== 'ups-rs') return [];
  const isSubscribed = valueAt([...path, 'subscription'], root) !== undefined;
  const own = routes.filter((route) => route?.mpps?.to === name);
  const waiting = own.find((route) => route?.notifications?.source === 'upstream');
  if (waiting === undefined || isSubscribed) return [];
  return [error(path, `needs subscription: notifications of ${waiting.name} wait for its events`)];
}

function error(path: ConfigPath, message: string): Finding {
  return { severity: 'error', path, message, at: 'key', withoutFound: true };
}

function warning(path: ConfigPath, message: string): Finding {
  return { severity: 'warning', path, message, at: 'key', withoutFound: true };
}
