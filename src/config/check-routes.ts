/** Checks of routes: what they name must exist, and each must be able to match. */
import { BlockList, isIP } from 'node:net';
import { checkRule } from '../dataset/rules.ts';
import { checkCommitments, reportsToModalities, titlesOfReports } from './check-commitments.ts';
import { checkNotifications, hearsNotifications } from './check-notifications.ts';
import type { Finding, Parts } from './finding.ts';
import { isPlainMap, valueAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';
import { rule as ruleSchema } from './rule-schema.ts';
import type { ListenerConfig, RouteConfig } from './schema.ts';
import { didYouMean } from './suggest.ts';
import { SERVICES } from '../services/port.ts';
import type { ServiceName } from '../services/port.ts';

type From = RouteConfig['from'];

export function checkRoutes(parts: Parts): Finding[] {
  const { routes, root } = parts;
  const names = routes.map((_route, i) => valueAt(['routes', i, 'name'], root));
  return [
    ...names.flatMap((name, i): Finding[] => {
      const first = names.indexOf(name);
      if (typeof name !== 'string' || first === i) return [];
      return [{ severity: 'error', path: ['routes', i, 'name'], message: `is the name of routes[${first}] already` }];
    }),
    ...routes.flatMap((_route, i) => [...checkReferences(parts, i), ...checkRules(parts, i)]),
    ...routes.flatMap((route, i) => (route === undefined ? [] : checkMatches(parts, route.from, i))),
    ...checkPassThrough(parts),
    ...checkCommitments(parts),
    ...checkNotifications(parts),
    ...checkUnused(parts),
  ];
}

interface Target {
  readonly name: string;
  readonly path: ConfigPath;
}

/** The upstreams a route names, with where; of a route that is not valid too. */
function targetsOf(root: unknown, index: number): Target[] {
  return [...SERVICES.flatMap((service) => targetsOfService(root, index, service)), ...forwardsOf(root, index)];
}

/** SCUs of MPPS Notification: called under a title of ours, whoever has made the step. */
function notifiedOf(root: unknown, index: number): Target[] {
  return targetsOfService(root, index, 'notifications');
}

function forwardsOf(root: unknown, index: number): Target[] {
  const path = ['routes', index, 'mpps', 'forwardTo'];
  const list = valueAt(path, root);
  return (Array.isArray(list) ? list : []).flatMap((given: unknown, i): Target[] => {
    if (typeof given === 'string') return [{ name: given, path: [...path, i] }];
    const to = valueAt(['to'], given);
    return typeof to === 'string' ? [{ name: to, path: [...path, i, 'to'] }] : [];
  });
}

function targetsOfService(root: unknown, index: number, service: ServiceName | 'notifications'): Target[] {
  const path = ['routes', index, service, 'to'];
  const to = valueAt(path, root);
  if (typeof to === 'string') return [{ name: to, path }];
  if (!Array.isArray(to)) return [];
  return to.flatMap((name: unknown, i) => (typeof name === 'string' ? [{ name, path: [...path, i] }] : []));
}

function checkReferences({ listeners, upstreams, root }: Parts, index: number): Finding[] {
  const findings = [...targetsOf(root, index), ...notifiedOf(root, index)]
    .filter(({ name }) => !upstreams.has(name))
    .map(({ name, path }): Finding => ({ severity: 'error', path, message: unknown('upstream', name, upstreams) }));
  for (const list of [targetsOfService(root, index, 'worklist'), forwardsOf(root, index), notifiedOf(root, index)]) {
    list.forEach(({ name, path }, i) => {
      const first = list.findIndex((other) => other.name === name);
      if (first !== i) findings.push({ severity: 'error', path, message: `repeats entry ${first + 1}` });
    });
  }
  const primary = valueAt(['routes', index, 'mpps', 'to'], root);
  for (const { name, path } of forwardsOf(root, index)) {
    if (name === primary) findings.push({ severity: 'error', path, message: 'is where the messages go anyhow' });
  }
  const path = ['routes', index, 'from', 'listener'];
  const listener = valueAt(path, root);
  if (typeof listener === 'string' && !listeners.has(listener)) {
    findings.push({ severity: 'error', path, message: unknown('listener', listener, listeners) });
  }
  return findings;
}

function unknown(what: string, name: string, known: ReadonlyMap<string, unknown>): string {
  const names = [...known.keys()];
  const hint = didYouMean(name, names) || (names.length === 0 ? '' : ` There are ${names.join(', ')}.`);
  return hint === ''
    ? `is not the name of a ${what}`
    : `is not the name of ${what === 'upstream' ? 'an' : 'a'} ${what}.${hint}`;
}

function checkRules({ root }: Parts, index: number): Finding[] {
  const lists: ConfigPath[] = [
    ...SERVICES.flatMap((service) => ['request', 'response'].map((direction) => [service, 'rules', direction])),
    ...forwardsOf(root, index).map(({ path }) => [...path.slice(2, 5), 'rules', 'request']),
  ];
  return lists.flatMap((list) => {
    const path = ['routes', index, ...list];
    const rules = valueAt(path, root);
    return (Array.isArray(rules) ? rules : []).flatMap((written: unknown, i): Finding[] => {
      const { data } = ruleSchema.safeParse(written);
      const problem = data === undefined ? undefined : checkRule(data);
      if (problem === undefined) return [];
      return [{ severity: 'error', path: [...path, i], message: `cannot be applied: ${problem}`, withoutFound: true }];
    });
  });
}

/** Warnings about a route that no request can take. */
function checkMatches({ listeners, routes }: Parts, from: From, index: number): Finding[] {
  const never = (key: string, why: string): Finding => {
    const message = `can never match: ${why}`;
    return { severity: 'warning', path: ['routes', index, 'from', key], message, withoutFound: true, at: 'key' };
  };
  if (from.basePath !== undefined && (from.callingAeTitles ?? from.calledAeTitles) !== undefined) {
    return [never('basePath', 'AE titles are of DIMSE, base paths of the web')];
  }
  const listener = from.listener === undefined ? undefined : listeners.get(from.listener);
  const impossible = listener === undefined ? undefined : impossibleAt(listener, from);
  if (impossible !== undefined) return [never(impossible.key, impossible.why)];
  const earlier = routes.slice(0, index).find((route) => route !== undefined && covers(route.from, from));
  if (earlier === undefined) return [];
  const message = `can never match: ${earlier.name}, further up, takes all its requests`;
  return [{ severity: 'warning', path: ['routes', index], message, withoutFound: true }];
}

function impossibleAt(listener: ListenerConfig, from: From): { key: keyof From; why: string } | undefined {
  if (listener.protocol === 'dicomweb') {
    for (const key of ['callingAeTitles', 'calledAeTitles'] as const) {
      if (from[key] !== undefined) return { key, why: 'there are no AE titles at a web listener' };
    }
    const { basePath } = from;
    if (basePath === undefined || listener.basePaths.includes(basePath)) return undefined;
    return { key: 'basePath', why: `the listener serves ${listener.basePaths.map((path) => `"${path}"`).join(', ')}` };
  }
  if (from.basePath !== undefined) return { key: 'basePath', why: 'there are no base paths at a DIMSE listener' };
  if (from.calledAeTitles?.every((title) => !listener.aeTitles.includes(title)) === true) {
    return { key: 'calledAeTitles', why: `the listener answers to ${listener.aeTitles.join(', ')}` };
  }
  const admitted = listener.access.callingAeTitles;
  if (admitted !== undefined && from.callingAeTitles?.every((title) => !admitted.includes(title)) === true) {
    return { key: 'callingAeTitles', why: `the listener admits ${admitted.join(', ')}` };
  }
  return undefined;
}

/** Does every requester that fits the later route fit the earlier one? */
function covers(earlier: From, later: From): boolean {
  return (
    (earlier.listener === undefined || earlier.listener === later.listener) &&
    (earlier.basePath === undefined || earlier.basePath === later.basePath) &&
    includesAll(earlier.callingAeTitles, later.callingAeTitles) &&
    includesAll(earlier.calledAeTitles, later.calledAeTitles) &&
    (earlier.addresses === undefined ||
      later.addresses?.every((subnet) => contains(earlier.addresses, subnet)) === true)
  );
}

function includesAll(wide: readonly string[] | undefined, narrow: readonly string[] | undefined): boolean {
  return wide === undefined || narrow?.every((each) => wide.includes(each)) === true;
}

/** Is the subnet within one of the others? (Within several together counts as no: only a warning is at stake.) */
function contains(subnets: readonly string[] | undefined, subnet: string): boolean {
  const [address, prefix] = parseSubnet(subnet);
  return (subnets ?? []).some((other) => {
    const [otherAddress, otherPrefix] = parseSubnet(other);
    if (isIP(address) !== isIP(otherAddress) || otherPrefix > prefix) return false;
    const list = new BlockList();
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    list.addSubnet(otherAddress, otherPrefix, family);
    return list.check(address, family);
  });
}

function parseSubnet(subnet: string): [address: string, prefix: number] {
  const [address = '', prefix] = subnet.split('/');
  return [address, prefix === undefined ? (isIP(address) === 6 ? 128 : 32) : Number(prefix)];
}

/** A web requester has no AE title to pass through. */
function checkPassThrough({ listeners, upstreams, routes, root }: Parts): Finding[] {
  const webListeners = [...listeners.keys()].filter(
    (name) => valueAt(['listeners', name, 'protocol'], root) === 'dicomweb',
  );
  return [...upstreams.keys()].flatMap((name): Finding[] => {
    const options = valueAt(['upstreams', name], root);
    if (!isPlainMap(options) || options['callingAeTitle'] !== 'pass-through') return [];
    if (options['fallbackCallingAeTitle'] !== undefined) return [];
    const route = routes.find(
      (each, i) =>
        each?.from.callingAeTitles === undefined &&
        each?.from.calledAeTitles === undefined &&
        webListeners.some((web) => [undefined, web].includes(each?.from.listener)) &&
        targetsOf(root, i).some((target) => target.name === name),
    );
    if (route === undefined) return [];
    const message = `needs fallbackCallingAeTitle: web requests, which have no AE title, come by the route ${route.name}`;
    return [{ severity: 'error', path: ['upstreams', name, 'callingAeTitle'], message }];
  });
}

function checkUnused(parts: Parts): Finding[] {
  const { listeners, upstreams, routes, root } = parts;
  const hasReports = routes.some((route) => route !== undefined && reportsToModalities(parts, route));
  const named = routes.flatMap((_route, i) => [...targetsOf(root, i), ...notifiedOf(root, i)]);
  const targets = new Set(named.map(({ name }) => name));
  const sources = routes.map((_route, i) => valueAt(['routes', i, 'from', 'listener'], root));
  const reportTitles = new Set(titlesOfReports(parts));
  const unused = (path: ConfigPath, message: string): Finding => {
    return { severity: 'warning', path, message, at: 'key', withoutFound: true };
  };
  return [
    ...[...upstreams.keys()]
      // The addresses of reports.
      .filter(
        (name) => !targets.has(name) && !(hasReports && valueAt(['upstreams', name, 'protocol'], root) === 'dimse'),
      )
      .map((name) => unused(['upstreams', name], 'is not used by any route')),
    ...[...listeners.keys()]
      .filter((name) => !sources.includes(name) && !sources.includes(undefined))
      .filter((name) => titlesOf(listeners.get(name)).every((title) => !reportTitles.has(title)))
      .filter((name) => listeners.get(name)?.protocol !== 'dimse' || !hearsNotifications(parts))
      .map((name) => unused(['listeners', name], 'has no route: its requests are refused')),
  ];
}

function titlesOf(listener: ListenerConfig | undefined): readonly string[] {
  return listener?.protocol === 'dimse' ? listener.aeTitles : [];
}
