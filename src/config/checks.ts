/**
 * What no schema says: names that must exist, ports that clash, routes that can never match. Every check reads the file
 * as it is written and looks closer only at parts that are valid by themselves, so that one mistake hides no other.
 */
import { checkRoutes } from './check-routes.ts';
import { checkWorkitems } from './check-workitems.ts';
import { checkSecurity, isLoopback } from './check-security.ts';
import { isPlainMap, valueAt } from './json-schema.ts';
import { listener as listenerSchema } from './listener-schema.ts';
import type { Finding, Parts } from './finding.ts';
import { sizeText, sumOf, worstCaseOf } from './memory.ts';
import type { ConfigPath } from './problem.ts';
import { route as routeSchema } from './route-schema.ts';
import { store as storeSchema } from './store-schema.ts';
import { upstream as upstreamSchema } from './upstream-schema.ts';
import { NAME_PATTERN, NAME_RULE, size as sizeSchema } from './values.ts';

/** @param nowMs wall clock, for what expires */
export function checkConfig(root: unknown, nowMs: number): Finding[] {
  const parts: Parts = {
    listeners: byName(root, 'listeners', (value) => listenerSchema.safeParse(value).data),
    upstreams: byName(root, 'upstreams', (value) => upstreamSchema.safeParse(value).data),
    routes: listOf(root, 'routes').map((value) => routeSchema.safeParse(value).data),
    root,
  };
  return [
    ...checkNames(parts),
    ...checkListeners(parts),
    ...checkPorts(parts),
    ...checkUpstreams(parts),
    ...checkLoopbackOnly(parts),
    ...checkRoutes(parts),
    ...checkWorkitems(parts),
    ...checkSecurity(parts),
    ...checkStore(root),
    ...checkLog(parts, nowMs),
    ...checkMemory(parts),
  ];
}

function byName<T>(root: unknown, key: string, parse: (value: unknown) => T | undefined): Map<string, T | undefined> {
  const section = valueAt([key], root);
  return new Map(Object.entries(isPlainMap(section) ? section : {}).map(([name, value]) => [name, parse(value)]));
}

function listOf(root: unknown, key: string): unknown[] {
  const list = valueAt([key], root);
  return Array.isArray(list) ? list : [];
}

function checkNames({ listeners, upstreams }: Parts): Finding[] {
  return [
    ...[...listeners.keys()].map((name): [string, string] => ['listeners', name]),
    ...[...upstreams.keys()].map((name): [string, string] => ['upstreams', name]),
  ]
    .filter(([, name]) => !NAME_PATTERN.test(name))
    .map((path) => ({ severity: 'error', path, message: NAME_RULE, at: 'key', withoutFound: true }));
}

function checkListeners({ listeners, root }: Parts): Finding[] {
  return [...listeners].flatMap(([name, options]): Finding[] => {
    const path = ['listeners', name];
    const has = (key: string): boolean => valueAt([...path, key], root) !== undefined;
    switch (valueAt([...path, 'protocol'], root)) {
      case 'dimse': {
        const titles = options?.protocol === 'dimse' ? options.aeTitles : [];
        if (has('aeTitle') && has('aeTitles')) return [both(path, 'aeTitle', 'aeTitles')];
        if (has('aeTitle') || has('aeTitles')) return duplicates([...path, 'aeTitles'], titles);
        return [{ severity: 'error', path, message: 'needs aeTitle or aeTitles', withoutFound: true, at: 'key' }];
      }
      case 'dicomweb': {
        const paths = options?.protocol === 'dicomweb' ? options.basePaths : [];
        if (has('basePath') && has('basePaths')) return [both(path, 'basePath', 'basePaths')];
        return duplicates([...path, 'basePaths'], paths);
      }
      default:
        return [];
    }
  });
}

function both(path: ConfigPath, one: string, several: string): Finding {
  const message = `goes without ${one}: give one of them`;
  return { severity: 'error', path: [...path, several], message, at: 'key', withoutFound: true };
}

function duplicates(path: ConfigPath, values: readonly string[]): Finding[] {
  return values.flatMap((value, i): Finding[] => {
    const first = values.indexOf(value);
    return first === i ? [] : [{ severity: 'error', path: [...path, i], message: `repeats entry ${first + 1}` }];
  });
}

const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

function checkPorts({ listeners, root }: Parts): Finding[] {
  const paths: ConfigPath[] = [...[...listeners.keys()].map((name) => ['listeners', name]), ['console']];
  const bound: { host: string; port: number; path: ConfigPath }[] = [];
  return paths.flatMap((path): Finding[] => {
    const [port, given] = [valueAt([...path, 'port'], root), valueAt([...path, 'host'], root) ?? '127.0.0.1'];
    if (typeof port !== 'number' || port === 0 || typeof given !== 'string') return [];
    const host = given.toLowerCase() === 'localhost' ? '127.0.0.1' : given.toLowerCase();
    const other = bound.find(
      (each) => each.port === port && (each.host === host || ANY_ADDRESS.has(each.host) || ANY_ADDRESS.has(host)),
    );
    bound.push({ host, port, path });
    if (other === undefined) return [];
    const message = `is the port of ${other.path.join('.')} already`;
    return [{ severity: 'error', path: [...path, 'port'], message }];
  });
}

/** Set by the gateway itself, or by HTTP. */
const OWN_HEADERS = new Set([
  'accept', 'accept-charset', 'accept-encoding', 'connection', 'content-length', 'expect', 'host', 'keep-alive',
  'te', 'trailer', 'transfer-encoding', 'upgrade',
]); // prettier-ignore

function checkUpstreams({ upstreams, root }: Parts): Finding[] {
  return [...upstreams.keys()].flatMap((name): Finding[] => {
    const path = ['upstreams', name];
    const headers = valueAt([...path, 'headers'], root);
    const findings = Object.keys(isPlainMap(headers) ? headers : {}).flatMap((header): Finding[] => {
      const at = { severity: 'error', path: [...path, 'headers', header], at: 'key', withoutFound: true } as const;
      if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(header)) return [{ ...at, message: 'is not a header name' }];
      return OWN_HEADERS.has(header.toLowerCase()) ? [{ ...at, message: 'is set by the gateway itself' }] : [];
    });
    const calling = valueAt([...path, 'callingAeTitle'], root);
    if (typeof calling === 'string' && calling !== 'pass-through' && /^pass.?through$/i.test(calling)) {
      const message = 'is taken as an AE title. Did you mean "pass-through"?';
      findings.push({ severity: 'warning', path: [...path, 'callingAeTitle'], message });
    }
    const fallback = [...path, 'fallbackCallingAeTitle'];
    if (valueAt(fallback, root) !== undefined && calling !== 'pass-through') {
      const message = 'has no effect: callingAeTitle is not pass-through';
      findings.push({ severity: 'warning', path: fallback, message, at: 'key', withoutFound: true });
    }
    return findings;
  });
}

/** What must not be reached from another machine. */
function checkLoopbackOnly({ listeners, upstreams, root }: Parts): Finding[] {
  const hostOf = (path: ConfigPath): unknown => valueAt([...path, 'host'], root) ?? '127.0.0.1';
  const far = [...listeners.keys()].find((name) => !isLoopback(hostOf(['listeners', name])));
  const findings = [...upstreams.keys()]
    .map((name) => ['upstreams', name, 'simulateCommitment'])
    .filter((path) => far !== undefined && valueAt(path, root) === true)
    .map((path): Finding => {
      const message = `goes only where every listener is on loopback, since it promises images nobody keeps: ${far} is not`;
      return { severity: 'error', path, message, at: 'key', withoutFound: true };
    });
  const console = valueAt(['console'], root);
  if (
    isPlainMap(console) &&
    !isLoopback(hostOf(['console'])) &&
    (console['token'] ?? console['tokens']) === undefined
  ) {
    const message = 'needs token or tokens: it is reached from other machines';
    findings.push({ severity: 'error', path: ['console'], message, at: 'key', withoutFound: true });
  }
  return findings;
}

/** Also: a tombstone that goes as soon as it is made lets its UID be used again. */
function checkStore(root: unknown): Finding[] {
  const findings: Finding[] = [];
  const has = (key: string): boolean => valueAt(['store', key], root) !== undefined;
  const isPostgres = valueAt(['store', 'kind'], root) === 'postgres';
  const at = (key: string, message: string): Finding => {
    return { severity: 'error', path: ['store', key], message, at: 'key', withoutFound: true };
  };
  if (isPostgres && !has('url')) findings.push(at('kind', 'needs url: where the data base is'));
  if (isPostgres && has('path')) findings.push(at('path', 'is of SQLite: kind is postgres'));
  if (!isPostgres && has('url')) findings.push(at('url', 'is of PostgreSQL: set kind to postgres'));
  const { data } = storeSchema.safeParse(valueAt(['store'], root) ?? {});
  const { final = 0, open = 0, commitments = 0, tombstones = Infinity } = data?.retention ?? {};
  const [longer] = Object.entries({ final, open, commitments }).find(([, age]) => tombstones < age) ?? [];
  if (longer === undefined) return findings;
  const message = `leaves no tombstones: ${longer} is longer`;
  return [...findings, { severity: 'warning', path: ['store', 'retention'], message, at: 'key', withoutFound: true }];
}

function checkMemory({ listeners, upstreams, root }: Parts): Finding[] {
  const given = sizeSchema.safeParse(valueAt(['memory', 'maximum'], root));
  if (!given.success) return [];
  const valid = <T>(all: ReadonlyMap<string, T | undefined>): Record<string, T> =>
    Object.fromEntries([...all].flatMap(([name, part]) => (part === undefined ? [] : [[name, part] as const])));
  const worst = worstCaseOf({ listeners: valid(listeners), upstreams: valid(upstreams) });
  if (sumOf(worst) <= given.data) return [];
  const most = worst.slice(0, 3).map(({ name, bytes }) => `${name} ${sizeText(bytes)}`);
  const message = `is less than the worst case of ${sizeText(sumOf(worst))}: ${most.join(', ')}`;
  return [{ severity: 'error', path: ['memory', 'maximum'], message }];
}

function checkLog({ listeners, routes, root }: Parts, nowMs: number): Finding[] {
  const expires = valueAt(['log', 'values', 'expires'], root);
  if (typeof expires === 'string' && Date.parse(expires) <= nowMs) {
    const message = 'has passed: message values are not written';
    return [{ severity: 'warning', path: ['log', 'values', 'expires'], message }];
  }
  if (valueAt(['log', 'values'], root) !== undefined) return [];
  const holders: ConfigPath[] = [
    [],
    ...[...listeners.keys()].map((name) => ['listeners', name]),
    ...routes.map((_route, i) => ['routes', i]),
  ];
  return holders
    .map((path) => [...path, 'log', 'messages'])
    .filter((path) => valueAt(path, root) === 'values')
    .map((path) => ({ severity: 'error', path, message: 'needs log.values: the file and when it expires' }));
}
