/** `dimseway check FILE`: every problem of a configuration at once, or what it sets up. */
import { ConfigError, loadConfig } from '../config/load.ts';
import type { Config, ListenerConfig, MppsConfig, RouteConfig, StoreConfig, UpstreamConfig } from '../config/schema.ts';
import { sizeText, sumOf, worstCaseOf } from '../config/memory.ts';
import { needsStore } from '../parts.ts';
import { EXIT } from './report.ts';

/** @returns the exit status: 0 valid (there may be warnings), 2 not */
export async function check({ config: file }: { readonly config: string }): Promise<number> {
  try {
    const { config, warnings } = await loadConfig(file, process.env);
    process.stdout.write(
      `${[`${file} is valid.`, ...summary(config), ...warnings.map((each) => `Warning: ${each}`)].join('\n')}\n`,
    );
    return EXIT.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const { problems } = error;
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    process.stdout.write(`${problems.map(({ text }) => text).join('\n')}\n${count}.\n`);
    return EXIT.usage;
  }
}

function summary(config: Config): string[] {
  const consoleLines = config.console === undefined ? [] : [`${config.console.host}:${config.console.port}`];
  return [
    ...section('Listeners', config.listeners, listenerText),
    ...section('Upstreams', config.upstreams, upstreamText),
    ...section('Routes', Object.fromEntries(config.routes.map((route) => [route.name, route])), routeText),
    ...(needsStore(config) ? [`Store: ${storeText(config.store)}`] : []),
    `Memory: at worst ${sizeText(sumOf(worstCaseOf(config)))}, all peers at their limits at once`,
    ...consoleLines.map((address) => `Console: ${address}`),
  ];
}

function section<T>(title: string, entries: Readonly<Record<string, T>>, toText: (entry: T) => string): string[] {
  const width = Math.max(0, ...Object.keys(entries).map((name) => name.length));
  return [`${title}:`, ...Object.entries(entries).map(([name, entry]) => `  ${name.padEnd(width)}  ${toText(entry)}`)];
}

function listenerText(listener: ListenerConfig): string {
  const { protocol, host, port } = listener;
  const names = protocol === 'dimse' ? listener.aeTitles : listener.basePaths.map((path) => (path === '' ? '/' : path));
  return `${protocol} ${host}:${port}, ${names.join(', ')}`;
}

function upstreamText(upstream: UpstreamConfig): string {
  switch (upstream.protocol) {
    case 'dicomweb':
    case 'ups-rs':
      return `${upstream.protocol} ${upstream.baseUrl}`;
    case 'dimse':
      return `dimse ${upstream.host}:${upstream.port}, ${upstream.aeTitle}, called by ${upstream.callingAeTitle}`;
    case 'ris':
      return upstream.entries.length === 0 ? 'ris, fed by /api/worklist' : `ris ${upstream.entries.join(', ')}`;
  }
}

function routeText({ from, worklist, mpps, storageCommitment, workitems, notifications }: RouteConfig): string {
  const conditions = [
    from.listener,
    from.basePath === undefined ? undefined : `base path ${from.basePath === '' ? '/' : from.basePath}`,
    from.callingAeTitles === undefined ? undefined : `calling ${from.callingAeTitles.join(' or ')}`,
    from.calledAeTitles === undefined ? undefined : `called ${from.calledAeTitles.join(' or ')}`,
    from.addresses === undefined ? undefined : `from ${from.addresses.join(' or ')}`,
  ].filter((condition) => condition !== undefined);
  const services = [
    worklist === undefined ? undefined : `worklist of ${worklist.to.join(', else ')}`,
    mpps === undefined ? undefined : mppsText(mpps),
    storageCommitment === undefined ? undefined : `storage commitment by ${storageCommitment.to}`,
    workitems === undefined ? undefined : 'workitems',
    notifications === undefined ? undefined : `${notifications.to.join(', ')} notified of its MPPS`,
  ].filter((service) => service !== undefined);
  const to = services.length === 0 ? 'refused' : services.join('; ');
  return `${conditions.length === 0 ? 'anything' : conditions.join(', ')} → ${to}`;
}

function mppsText({ to, delivery, forwardTo }: MppsConfig): string {
  const forwards = forwardTo.length === 0 ? '' : `, forwarded to ${forwardTo.map((forward) => forward.to).join(', ')}`;
  return `MPPS ${delivery === 'direct' ? 'to' : 'stored, then to'} ${to}${forwards}`;
}

/** Without the user and the password that the URL of a data base may hold. */
function storeText({ kind, path, url }: StoreConfig): string {
  if (kind === 'sqlite' || url === undefined) return `${kind} ${path}`;
  const { host, pathname } = new URL(url);
  return `${kind} ${host}${pathname}`;
}
