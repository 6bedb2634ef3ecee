/**
 * Which route a request takes: the first whose `from` fits the requester. Pure; `matchRoute` runs for every request, so
 * lists are compiled to sets and subnets once.
 */
import { BlockList, isIP } from 'node:net';
import { certificateMatcher } from '../services/certificate-names.ts';
import type { Requester, Upstream } from '../services/port.ts';

/** Where a route leads. */
export interface NamedUpstream {
  readonly name: string;
  readonly upstream: Upstream;
}

/** The `from` of a route in the configuration; what is absent fits any requester. */
export interface RouteFrom {
  readonly listener?: string | undefined;
  readonly callingAeTitles?: readonly string[] | undefined;
  readonly calledAeTitles?: readonly string[] | undefined;
  /** IP addresses or CIDR subnets, checked before. */
  readonly addresses?: readonly string[] | undefined;
  readonly basePath?: string | undefined;
  /** Who it has proved to be: by a token, a key, a certificate or DICOM user identity. */
  readonly subjects?: readonly string[] | undefined;
  /** By name or fingerprint (`CN=ct1`, `sha256:AB:…`), checked before. */
  readonly certificates?: readonly string[] | undefined;
}

/** What one condition of a route says of a requester: undefined when it fits, else why it does not. */
type Condition = (requester: Requester) => string | undefined;

export interface RouteMatcher {
  readonly name: string;
  readonly conditions: readonly Condition[];
}

export interface RouteExplanation {
  readonly route: string;
  readonly matches: boolean;
  /** Why it does not match; empty when it does. */
  readonly reasons: readonly string[];
}

/** Addresses are checked by the configuration. @throws GatewayError CONFIG_INVALID for a certificate that is none */
export function compileRouteMatcher(name: string, from: RouteFrom): RouteMatcher {
  const conditions: Condition[] = [];
  if (from.listener !== undefined) {
    const wanted = from.listener;
    conditions.push(({ listener }) => (listener === wanted ? undefined : `the listener is ${listener}, not ${wanted}`));
  }
  if (from.callingAeTitles !== undefined) {
    conditions.push(oneOf('calling AE title', from.callingAeTitles, (requester) => requester.callingAeTitle?.trim()));
  }
  if (from.calledAeTitles !== undefined) {
    conditions.push(oneOf('called AE title', from.calledAeTitles, (requester) => requester.calledAeTitle?.trim()));
  }
  if (from.addresses !== undefined) conditions.push(addressIn(from.addresses));
  if (from.basePath !== undefined) {
    conditions.push(oneOf('base path', [from.basePath], (requester) => requester.basePath));
  }
  if (from.subjects !== undefined) {
    conditions.push(oneOf('subject', from.subjects, (requester) => requester.subject));
  }
  if (from.certificates !== undefined) conditions.push(certificateIn(from.certificates));
  return { name, conditions };
}

/** The first of which every condition holds; undefined: nobody serves this requester. */
export function matchRoute<Route extends RouteMatcher>(
  routes: readonly Route[],
  requester: Requester,
): Route | undefined {
  return routes.find((route) => route.conditions.every((condition) => condition(requester) === undefined));
}

/** Every route with every reason why it does not match, in order; the first that matches is the one taken. */
export function explainRoutes(routes: readonly RouteMatcher[], requester: Requester): RouteExplanation[] {
  return routes.map(({ name, conditions }) => {
    const reasons = conditions.map((condition) => condition(requester)).filter((reason) => reason !== undefined);
    return { route: name, matches: reasons.length === 0, reasons };
  });
}

function oneOf(
  what: string,
  wanted: readonly string[],
  actual: (requester: Requester) => string | undefined,
): Condition {
  const set = new Set(wanted);
  return (requester) => {
    const value = actual(requester);
    if (value !== undefined && set.has(value)) return undefined;
    return value === undefined
      ? `the requester has no ${what}`
      : `the ${what} is ${value === '' ? 'empty' : value}, not ${wanted.join(' or ')}`;
  };
}

function certificateIn(entries: readonly string[]): Condition {
  const fits = certificateMatcher(entries);
  return ({ certificate: subject, certificateFingerprint: fingerprint = '' }) => {
    if (subject === undefined) return 'the requester has no certificate';
    return fits({ subject, fingerprint }) ? undefined : `the certificate is ${subject}, not ${entries.join(' or ')}`;
  };
}

function addressIn(subnets: readonly string[]): Condition {
  const list = new BlockList();
  for (const subnet of subnets) {
    const [address = '', prefix] = subnet.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return ({ address }) => {
    // An IPv4 peer of a dual-stack socket shows as ::ffff:10.0.0.5, which BlockList takes for the same.
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    return isIP(address) !== 0 && list.check(address, family)
      ? undefined
      : `the address ${address} is not in ${subnets.join(', ')}`;
  };
}
