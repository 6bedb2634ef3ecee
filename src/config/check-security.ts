/** Checks of TLS, logins and credentials: what one part asks for, another must be able to give. */
import type { Finding, Parts } from './finding.ts';
import { isPlainMap, valueAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';

export function checkSecurity(parts: Parts): Finding[] {
  return [
    ...[...parts.listeners.keys()].flatMap((name) => [...checkListener(parts, name), ...checkOpenDoors(parts, name)]),
    ...[...parts.upstreams.keys()].flatMap((name) => checkUpstream(parts, name)),
    ...parts.routes.flatMap((_route, i) => checkRoute(parts, i)),
    ...checkClientTls(parts.root),
    ...checkProfiles(parts.root),
    ...checkConsole(parts.root),
    ...checkAudit(parts.root),
  ];
}

const IN_THE_CLEAR = 'is read by anybody on the way: there is no tls';

function error(path: ConfigPath, message: string): Finding {
  return { severity: 'error', path, message, at: 'key', withoutFound: true };
}

function warning(path: ConfigPath, message: string): Finding {
  return { severity: 'warning', path, message, at: 'key', withoutFound: true };
}

/** Where a listener is told of tokens. */
const LOGINS = ['authentication', 'userIdentity'];

function checkListener({ root }: Parts, name: string): Finding[] {
  const path = ['listeners', name];
  const at = (...keys: string[]): unknown => valueAt([...path, ...keys], root);
  const asks = at('tls', 'clientCertificates');
  const asksCertificates = asks === 'request' || asks === 'require';
  const findings: Finding[] = [];
  if (asksCertificates && at('tls', 'authorities') === undefined) {
    findings.push(
      error([...path, 'tls', 'clientCertificates'], 'needs authorities: who signs the certificates of clients'),
    );
  }
  for (const keys of [
    ['access', 'certificates'],
    ['authentication', 'certificates'],
  ]) {
    const given = at(...keys);
    if (given === undefined || given === false || asksCertificates) continue;
    findings.push(error([...path, ...keys], 'needs tls.clientCertificates: nobody is asked for a certificate'));
  }
  const identity = at('userIdentity');
  if (isPlainMap(identity) && identity['users'] === undefined && identity['jwt'] === undefined) {
    findings.push(error([...path, 'userIdentity'], 'needs users or jwt: nobody could ever be known'));
  }
  if (identity !== undefined && at('tls') === undefined && !isLoopback(at('host'))) {
    findings.push(warning([...path, 'userIdentity'], IN_THE_CLEAR));
  }
  const authentication = at('authentication');
  if (isPlainMap(authentication)) {
    const { jwt, apiKeys, certificates } = authentication;
    if (jwt === undefined && apiKeys === undefined && certificates !== true) {
      findings.push(error([...path, 'authentication'], 'needs jwt, apiKeys or certificates: nobody could ever log in'));
    }
    if (at('tls') === undefined && !isLoopback(at('host')) && (jwt ?? apiKeys) !== undefined) {
      findings.push(warning([...path, 'authentication'], IN_THE_CLEAR));
    }
  }
  const tokens = LOGINS.flatMap((key) => checkTokens([...path, key, 'jwt'], root));
  return [...findings, ...tokens];
}

/** What looks as if somebody were kept out, and what keeps nobody out at all. */
function checkOpenDoors({ root, routes }: Parts, name: string): Finding[] {
  const path = ['listeners', name];
  const at = (...keys: string[]): unknown => valueAt([...path, ...keys], root);
  const own = routes.filter((route) => route !== undefined && (route.from.listener ?? name) === name);
  const findings: Finding[] = [];
  const isBounded = ['access', 'limits'].some((key) => Object.keys(at(key) ?? {}).length > 0);
  if (!isBounded && !isLoopback(at('host'))) {
    const message =
      'is reached from other machines, by whoever likes and as often as they like: say who may with access, or how much with limits';
    findings.push(warning(path, message));
  }
  const asksOtherwise = at('access', 'certificates') ?? at('authentication') ?? at('userIdentity');
  const isOpen = asksOtherwise === undefined && !own.some((route) => route?.from.certificates !== undefined);
  if (at('tls', 'clientCertificates') === 'request' && isOpen) {
    const message = 'lets in who shows none: nothing else here asks for one';
    findings.push(warning([...path, 'tls', 'clientCertificates'], message));
  }
  const asksSome = own.some(
    (route) => route?.from.subjects !== undefined || route?.from.certificates !== undefined || route?.scopes.length,
  );
  if (at('authentication', 'required') === false && !asksSome) {
    const message = 'lets anybody use all: no route of it has scopes, subjects or certificates';
    findings.push(warning([...path, 'authentication', 'required'], message));
  }
  return findings;
}

/** A secret both sides have is no key that a server tells. */
function checkTokens(path: ConfigPath, root: unknown): Finding[] {
  const [algorithms, keys] = [valueAt([...path, 'algorithms'], root), valueAt([...path, 'keys'], root)];
  if (typeof keys !== 'string') return [];
  const hasSecret = Array.isArray(algorithms) && algorithms.some((each) => /^HS/.test(String(each)));
  const isUrl = /^https:/i.test(keys);
  if (!isUrl && valueAt([...path, 'tls'], root) !== undefined) {
    return [warning([...path, 'tls'], 'has no effect: keys is a file')];
  }
  return hasSecret && isUrl
    ? [error([...path, 'algorithms'], 'takes shared secrets (HS…) only where `keys` is a file')]
    : [];
}

const OWN_CREDENTIALS = ['bearer', 'basic', 'oauth2'];

function checkUpstream({ root }: Parts, name: string): Finding[] {
  const path = ['upstreams', name];
  const findings: Finding[] = [];
  const credentials = valueAt([...path, 'credentials'], root);
  const given = isPlainMap(credentials) ? OWN_CREDENTIALS.filter((key) => credentials[key] !== undefined) : [];
  if (given.length > 1) {
    findings.push(error([...path, 'credentials', given[1] ?? ''], `goes without ${given[0]}: give one of them`));
  }
  if (isPlainMap(credentials) && given.length === 0 && credentials['passOn'] !== true) {
    findings.push(error([...path, 'credentials'], `needs one of ${OWN_CREDENTIALS.join(', ')}, or passOn`));
  }
  const identity = valueAt([...path, 'userIdentity'], root);
  if (isPlainMap(identity) && (identity['username'] === undefined) !== (identity['passOn'] === true)) {
    findings.push(error([...path, 'userIdentity'], 'needs one of username and passOn'));
  }
  const far = valueAt([...path, 'host'], root);
  if (identity !== undefined && valueAt([...path, 'tls'], root) === undefined && !isLoopback(far)) {
    findings.push(warning([...path, 'userIdentity'], IN_THE_CLEAR));
  }
  const tokenUrl = valueAt([...path, 'credentials', 'oauth2', 'tokenUrl'], root);
  if (typeof tokenUrl === 'string' && URL.canParse(tokenUrl) && !isSafeUrl(tokenUrl)) {
    const message = 'should be https, or on this machine';
    findings.push({ severity: 'error', path: [...path, 'credentials', 'oauth2', 'tokenUrl'], message });
  }
  const tokenTls = [...path, 'credentials', 'oauth2', 'tls'];
  if (typeof tokenUrl === 'string' && /^http:/i.test(tokenUrl) && valueAt(tokenTls, root) !== undefined) {
    findings.push(warning(tokenTls, 'has no effect: tokenUrl is http'));
  }
  const headers = valueAt([...path, 'headers'], root);
  const own = Object.keys(isPlainMap(headers) ? headers : {}).find((key) => key.toLowerCase() === 'authorization');
  if (own !== undefined && credentials !== undefined) {
    findings.push(error([...path, 'headers', own], 'goes without credentials: give one of them'));
  }
  const baseUrl = valueAt([...path, 'baseUrl'], root);
  const isPlain = typeof baseUrl === 'string' && /^http:/i.test(baseUrl);
  if (isPlain && valueAt([...path, 'tls'], root) !== undefined) {
    findings.push(warning([...path, 'tls'], 'has no effect: baseUrl is http'));
  }
  const isFar = isPlain && URL.canParse(baseUrl) && !isSafeUrl(baseUrl);
  if (isFar && credentials !== undefined) {
    findings.push(warning([...path, 'credentials'], 'are read by anybody on the way: baseUrl is http'));
  }
  if (isFar && own !== undefined) {
    findings.push(warning([...path, 'headers', own], 'is read by anybody on the way: baseUrl is http'));
  }
  return findings;
}

/** What a route asks of requesters that no listener of its could know. */
function checkRoute({ listeners, routes, root }: Parts, index: number): Finding[] {
  const route = routes[index];
  if (route === undefined) return [];
  const { listener, subjects, certificates } = route.from;
  const names = listener === undefined ? [...listeners.keys()] : [listener];
  const some = (knows: (path: ConfigPath) => boolean): boolean => names.some((name) => knows(['listeners', name]));
  const has = (path: ConfigPath, ...keys: string[]): boolean => valueAt([...path, ...keys], root) !== undefined;
  const knowsWho = (path: ConfigPath): boolean => has(path, 'authentication') || has(path, 'userIdentity');
  const path = ['routes', index];
  const findings: Finding[] = [];
  if (subjects !== undefined && !some(knowsWho)) {
    findings.push(warning([...path, 'from', 'subjects'], 'can never match: no listener of it asks who it is'));
  }
  if (certificates !== undefined && !some((each) => has(each, 'tls', 'clientCertificates'))) {
    findings.push(
      warning([...path, 'from', 'certificates'], 'can never match: no listener of it asks for certificates'),
    );
  }
  if (route.scopes.length > 0 && !some(knowsWho)) {
    findings.push(warning([...path, 'scopes'], 'refuse everybody: no listener of it asks who it is'));
  }
  return findings;
}

/** Where we are the calling end of TLS. */
function clientTlsPaths(root: unknown): ConfigPath[] {
  const to = valueAt(['audit', 'to'], root);
  return [
    ...namesIn('upstreams', root).flatMap((name) => [
      ['upstreams', name, 'tls'],
      ['upstreams', name, 'credentials', 'oauth2', 'tls'],
    ]),
    ...namesIn('listeners', root).flatMap((name) => LOGINS.map((key) => ['listeners', name, key, 'jwt', 'tls'])),
    ...(Array.isArray(to) ? to.map((_each, i) => ['audit', 'to', i, 'tls']) : []),
  ];
}

function namesIn(part: string, root: unknown): string[] {
  const section = valueAt([part], root);
  return Object.keys(isPlainMap(section) ? section : {});
}

function checkClientTls(root: unknown): Finding[] {
  return clientTlsPaths(root).flatMap((path) => {
    const [certificate, key] = ['certificate', 'key'].map((each) => valueAt([...path, each], root));
    if ((certificate === undefined) === (key === undefined)) return [];
    const [there, missing] = certificate === undefined ? ['key', 'certificate'] : ['certificate', 'key'];
    return [error([...path, there], `needs ${missing} too`)];
  });
}

function checkProfiles(root: unknown): Finding[] {
  const serverTlsPaths: ConfigPath[] = namesIn('listeners', root).map((name) => ['listeners', name, 'tls']);
  return [...serverTlsPaths, ['console', 'tls'], ...clientTlsPaths(root)]
    .map((path) => [...path, 'profile'])
    .filter((path) => valueAt(path, root) === 'legacy')
    .map((path) => warning(path, 'allows versions and cipher suites that are broken'));
}

function checkConsole(root: unknown): Finding[] {
  const at = (key: string): unknown => valueAt(['console', key], root);
  if ((at('token') ?? at('tokens')) === undefined || at('tls') !== undefined || isLoopback(at('host'))) return [];
  return [warning(['console', 'token'], IN_THE_CLEAR)];
}

function checkAudit(root: unknown): Finding[] {
  const to = valueAt(['audit', 'to'], root);
  if (valueAt(['audit', 'patients'], root) !== true || !Array.isArray(to)) return [];
  return to.flatMap((_each, i) => {
    const path = ['audit', 'to', i];
    if (valueAt([...path, 'syslog'], root) !== 'udp' || isLoopback(valueAt([...path, 'host'], root))) return [];
    const message = 'sends what `patients` tells where anybody on the way reads it: use tls';
    return [warning([...path, 'syslog'], message)];
  });
}

function isSafeUrl(text: string): boolean {
  const { protocol, hostname } = new URL(text);
  return protocol === 'https:' || isLoopback(hostname);
}

export function isLoopback(host: unknown): boolean {
  return typeof host !== 'string' || /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?|0:0:0:0:0:0:0:1)$/i.test(host);
}
