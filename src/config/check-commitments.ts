/** Checks of storage commitment: reports must find their way to the gateway, and from it to the modalities. */
import type { Finding, Parts } from './finding.ts';
import type { ConfigPath } from './problem.ts';
import type { DimseUpstreamConfig, RouteConfig } from './schema.ts';

interface Given {
  readonly route: RouteConfig;
  readonly path: ConfigPath;
}

export function checkCommitments(parts: Parts): Finding[] {
  const given = parts.routes.flatMap((route, i): Given[] =>
    route?.storageCommitment === undefined ? [] : [{ route, path: ['routes', i] }],
  );
  if (given.length === 0) return [];
  return [
    ...given.flatMap((each) => checkWayBack(parts, each)),
    ...given.flatMap((each) => checkAddresses(parts, each)),
    ...given.flatMap(checkTimes),
    ...checkTwins(parts),
  ];
}

/** Whether a route takes requests of modalities, which reports go to. */
export function reportsToModalities({ listeners }: Parts, route: RouteConfig): boolean {
  const { listener } = route.from;
  const sources = listener === undefined ? [...listeners.values()] : [listeners.get(listener)];
  return route.storageCommitment !== undefined && sources.some((source) => source?.protocol === 'dimse');
}

/** The AE titles that archives are called by, which is where they report to. */
export function titlesOfReports({ upstreams, routes }: Parts): string[] {
  return routes.flatMap((route) => {
    const upstream = upstreams.get(route?.storageCommitment?.to ?? '');
    return (upstream?.protocol === 'dimse' ? upstream[keyOfTitle(upstream)] : undefined) ?? [];
  });
}

/** Under the title of the one who asks, an archive would report to that one. */
function keyOfTitle({ callingAeTitle }: DimseUpstreamConfig): 'callingAeTitle' | 'fallbackCallingAeTitle' {
  return callingAeTitle === 'pass-through' ? 'fallbackCallingAeTitle' : 'callingAeTitle';
}

/** A DIMSE archive reports to the AE title it was called by, wherever that is. */
function checkWayBack({ listeners, upstreams }: Parts, { route }: Given): Finding[] {
  const name = route.storageCommitment?.to ?? '';
  const upstream = upstreams.get(name);
  if (upstream?.protocol !== 'dimse') return [];
  const key = keyOfTitle(upstream);
  const title = upstream[key];
  if (title === undefined) {
    const message = `needs fallbackCallingAeTitle, where ${name} reports the storage commitment of ${route.name} to`;
    return [{ severity: 'error', path: ['upstreams', name, 'callingAeTitle'], message }];
  }
  const path = ['upstreams', name, key];
  const titles = [...listeners.values()].flatMap((each) => (each?.protocol === 'dimse' ? each.aeTitles : []));
  if (titles.includes(title)) return [];
  const answered = titles.length === 0 ? 'there is no DIMSE listener' : `listeners answer to ${titles.join(', ')}`;
  const message = `is where ${name} reports the storage commitment of ${route.name} to: ${answered}`;
  return [{ severity: 'error', path, message }];
}

/** The upstreams are the one address book. */
function checkAddresses(parts: Parts, { route, path }: Given): Finding[] {
  const known = new Set([...dimsePeers(parts)].map(([, { aeTitle }]) => aeTitle));
  if (!reportsToModalities(parts, route)) return [];
  return (route.from.callingAeTitles ?? []).flatMap((title, i): Finding[] => {
    if (known.has(title)) return [];
    const message = `is the AE title of no DIMSE upstream: reports reach ${title} only on the association of its request`;
    const at = [...path, 'from', 'callingAeTitles', i];
    return [{ severity: 'warning', path: at, message, withoutFound: true }];
  });
}

function checkTimes({ route, path: of }: Given): Finding[] {
  const { storageCommitment } = route;
  if (storageCommitment === undefined) return [];
  const { holdTime, deadline, poll } = storageCommitment;
  const path = [...of, 'storageCommitment'];
  const warning = (message: string): Finding => ({ severity: 'warning', path, message, at: 'key', withoutFound: true });
  const late = 'has a deadline below its holdTime: every instance has failed while the result is still waited for';
  const shrinking = 'has a poll.first above its poll.maximum, which is every pause then';
  return [...(deadline < holdTime ? [warning(late)] : []), ...(poll.first > poll.maximum ? [warning(shrinking)] : [])];
}

function checkTwins(parts: Parts): Finding[] {
  const first = new Map<string, string>();
  return [...dimsePeers(parts)].flatMap(([name, { aeTitle }]): Finding[] => {
    const other = first.get(aeTitle);
    if (other === undefined) {
      first.set(aeTitle, name);
      return [];
    }
    const message =
      `is the AE title of ${other} too: reports of storage commitment to it go there, ` +
      'and one of them about a Transaction UID that both were asked about counts for neither';
    return [{ severity: 'warning', path: ['upstreams', name, 'aeTitle'], message }];
  });
}

function* dimsePeers({ upstreams }: Parts): Generator<[string, DimseUpstreamConfig]> {
  for (const [name, upstream] of upstreams) if (upstream?.protocol === 'dimse') yield [name, upstream];
}
