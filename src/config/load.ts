/** Reads a configuration file, reports every problem in it at once, and freezes what it gives. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { checkFiles } from './check-files.ts';
import { checkConfig } from './checks.ts';
import { describeIssue } from './describe-issue.ts';
import type { Environment } from './environment.ts';
import type { Finding } from './finding.ts';
import { mayBeSecret } from './json-schema.ts';
import { ConfigError, pathToText } from './problem.ts';
import type { Problem } from './problem.ts';
import { configSchema } from './schema.ts';
import type { Config, ListenerConfig } from './schema.ts';
import { readSecrets } from './secrets.ts';
import { ConfigSource } from './source.ts';
import type { TlsFiles } from '../tls/tls-options.ts';

export { ConfigError } from './problem.ts';
export type { Problem } from './problem.ts';

export interface LoadedConfig {
  /** Frozen; file names are absolute, secrets are read. */
  readonly config: Config;
  /** What is legal but hardly meant, as `file:line:col path: …`. */
  readonly warnings: readonly string[];
  /** The same with their places. */
  readonly doubts: readonly Problem[];
}

/**
 * @param file as the user named it; problems repeat it
 * @param now wall clock in ms, for settings that expire
 * @throws ConfigError CONFIG_UNREADABLE, or CONFIG_INVALID with every problem
 */
export async function loadConfig(
  file: string,
  environment: Environment,
  now: () => number = Date.now,
): Promise<LoadedConfig> {
  return parseConfig(file, await readConfigText(file), environment, now);
}

/** @throws ConfigError CONFIG_UNREADABLE */
export async function readConfigText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const message = `cannot be read${code === 'ENOENT' ? ': there is no such file' : `: ${code ?? 'unknown error'}`}`;
    const problem = { file, line: 1, column: 1, path: '', message, text: `${file} ${message}` };
    throw new ConfigError('CONFIG_UNREADABLE', [problem]);
  }
}

/** The same of a text; `file` says where relative paths count from. @throws ConfigError CONFIG_INVALID */
export async function parseConfig(
  file: string,
  text: string,
  environment: Environment,
  now: () => number = Date.now,
): Promise<LoadedConfig> {
  const source = new ConfigSource(file, text, environment);
  if (source.isBroken([])) throw invalid(source.problems);
  const folder = dirname(resolve(file));
  const { value: root, failures } = await readSecrets(source.value, folder);
  const parsed = configSchema.safeParse(root);
  const findings: Finding[] = [
    ...failures.map((failure): Finding => ({ severity: 'error', ...failure })),
    ...(parsed.error?.issues ?? [])
      .flatMap((issue) => describeIssue(issue, root))
      .filter(({ path }) => !failures.some((failure) => pathToText(failure.path) === pathToText(path)))
      .map((complaint): Finding => ({ severity: 'error', ...complaint })),
    ...checkConfig(root, now()),
    ...(await checkFiles(root, folder)),
  ];
  const problemsOf = (severity: Finding['severity']): Problem[] => problems(source, root, findings, severity);
  const errors = [...source.problems, ...problemsOf('error')];
  if (errors.length > 0 || !parsed.success) throw invalid(errors);
  const doubts = problemsOf('warning');
  return {
    config: deepFreeze(withAbsolutePaths(parsed.data, folder)),
    warnings: doubts.map((doubt) => doubt.text),
    doubts,
  };
}

function invalid(problems: readonly Problem[]): ConfigError {
  return new ConfigError('CONFIG_INVALID', inOrder(problems));
}

function inOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
}

/** What says no more of a value than its kind. */
const KINDS: ReadonlySet<string> = new Set(['a mapping', 'a list', 'nothing']);

function problems(
  source: ConfigSource,
  root: unknown,
  findings: readonly Finding[],
  severity: Finding['severity'],
): Problem[] {
  const seen = new Set<string>();
  const found = findings
    .filter((finding) => finding.severity === severity && !source.isBroken(finding.path))
    .map(({ path, message, at, withoutFound }) => {
      const given = source.found(path);
      const shown = KINDS.has(given) || !mayBeSecret(path, root) ? given : '(hidden)';
      return source.problem(
        path,
        withoutFound ? message : `${message}${/[.?]$/.test(message) ? '' : '.'} Found: ${shown}`,
        at,
      );
    })
    .filter(({ text }) => !seen.has(text) && seen.add(text));
  return inOrder(found);
}

function withAbsolutePaths(config: Config, folder: string): Config {
  const { audit, console } = config;
  const { values, ...log } = config.log;
  return {
    ...config,
    listeners: mapped(config.listeners, (each) => withTls(withKeys(each, folder), folder)),
    upstreams: mapped(config.upstreams, (each) =>
      each.protocol === 'ris'
        ? { ...each, entries: each.entries.map((entries) => resolve(folder, entries)) }
        : withTls(each, folder),
    ),
    ...(audit && { audit: withAuditPaths(audit, folder) }),
    ...(console && { console: withTls(console, folder) }),
    store: { ...config.store, path: resolve(folder, config.store.path) },
    log: values === undefined ? log : { ...log, values: { ...values, file: resolve(folder, values.file) } },
  };
}

function mapped<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

function withAuditPaths(audit: NonNullable<Config['audit']>, folder: string): NonNullable<Config['audit']> {
  return {
    ...audit,
    to: audit.to.map((each) =>
      'file' in each ? { ...each, file: resolve(folder, each.file) } : withTls(each, folder),
    ),
    spool: { ...audit.spool, path: resolve(folder, audit.spool.path) },
  };
}

function withTls<Part extends { readonly tls?: TlsFiles }>(part: Part, folder: string): Part {
  const { certificate, key, authorities, ...rest } = part.tls ?? {};
  if (part.tls === undefined) return part;
  const tls = {
    ...rest,
    ...(certificate !== undefined && { certificate: resolve(folder, certificate) }),
    ...(key !== undefined && { key: resolve(folder, key) }),
    ...(authorities !== undefined && { authorities: authorities.map((each) => resolve(folder, each)) }),
  };
  return { ...part, tls };
}

function withKeys(listener: ListenerConfig, folder: string): ListenerConfig {
  const absolute = <Jwt extends { readonly keys: string }>(jwt: Jwt): Jwt => ({
    ...jwt,
    keys: /^https:/i.test(jwt.keys) ? jwt.keys : resolve(folder, jwt.keys),
  });
  if (listener.protocol === 'dicomweb') {
    const { authentication } = listener;
    if (authentication?.jwt === undefined) return listener;
    return { ...listener, authentication: { ...authentication, jwt: absolute(authentication.jwt) } };
  }
  const { userIdentity } = listener;
  if (userIdentity?.jwt === undefined) return listener;
  return { ...listener, userIdentity: { ...userIdentity, jwt: absolute(userIdentity.jwt) } };
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
}
