/**
 * `dimseway explain`: which route a request takes and why each one before it does not; with a data set also what the
 * rules of the route make of it.
 */
import { isIP } from 'node:net';
import { loadConfig } from '../config/load.ts';
import { SERVICES_WITH_RULES } from '../config/rule-runs.ts';
import type { Config, ListenerConfig, RouteConfig } from '../config/schema.ts';
import { compileRouteMatcher, explainRoutes } from '../gateway/routes.ts';
import type { Requester, ServiceName } from '../services/port.ts';
import { readDataSetOrExport } from './data-set-file.ts';
import type { GivenDataSet } from './data-set-file.ts';
import { dryRun } from './explain-rules.ts';
import type { DryRun } from './explain-rules.ts';
import { EXIT, report, UsageError } from './report.ts';

const LOOPBACK = '127.0.0.1';

export interface ExplainOptions {
  readonly config: string;
  /** A route by name, instead of a request that takes one. */
  readonly route?: string;
  readonly listener?: string;
  readonly called?: string;
  readonly calling?: string;
  /** 127.0.0.1 where it is undefined. */
  readonly address?: string;
  /** Path of a web request; its base path is found by the listener's. */
  readonly path?: string;
  /** Undefined: the worklist for a request, every service of a route that is named. */
  readonly service?: ServiceName;
  /** A file with a data set in the DICOM JSON model, or what `dimseway spool export` wrote. */
  readonly dataset?: string;
}

/** What was found out, and whether a rule does not fit the values of the data set. */
type Explanation = DryRun;

/** @returns the exit status: 0 explained; 2 usage or configuration, or a rule that does not fit the data set */
export async function explain(options: ExplainOptions): Promise<number> {
  try {
    const { config } = await loadConfig(options.config, process.env);
    const given = options.dataset === undefined ? [] : await readDataSetOrExport(options.dataset);
    const { lines, failed } =
      options.listener === undefined ? explainNamed(options, config, given) : explainRequest(options, config, given);
    process.stdout.write(`${lines.join('\n')}\n`);
    return failed ? EXIT.usage : EXIT.done;
  } catch (error) {
    return report(error);
  }
}

/** By the name of the route, or by the routes that the messages of an export took. */
function explainNamed(options: ExplainOptions, config: Config, given: readonly GivenDataSet[]): Explanation {
  const named = (name: string): RouteConfig => {
    const route = config.routes.find((each) => each.name === name);
    if (route !== undefined) return route;
    const known = config.routes.map((each) => each.name).join(', ');
    throw new UsageError(`There is no route "${name}" in ${options.config}. Known: ${known || 'none'}.`);
  };
  const asked = options.route === undefined ? undefined : named(options.route);
  if (asked === undefined && given.every(({ message }) => message === undefined)) {
    throw new UsageError('Give --route or --listener: only the messages of a spool export tell their route.');
  }
  const offered = SERVICES_WITH_RULES.filter((service) => (options.service ?? service) === service);
  const heads =
    asked === undefined
      ? []
      : offered.map((service) => `${asked.name}: ${asked[service] ? serviceText(asked, service) : `no ${service}`}.`);
  return inOrder(
    { lines: heads, failed: false },
    given.map((each) => {
      const services: readonly ServiceName[] = each.message === undefined ? offered : ['mpps'];
      return dryRun(asked ?? named(each.message?.route ?? ''), services, each);
    }),
  );
}

function explainRequest(options: ExplainOptions, config: Config, given: readonly GivenDataSet[]): Explanation {
  const { listener: name = '', service = 'worklist' } = options;
  const listener = config.listeners[name];
  const wrong = listener === undefined ? unknownListener(options, config) : misfit(options, listener);
  if (listener === undefined || wrong !== undefined) throw new UsageError(wrong);
  const requester = requesterOf(name, options, listener);
  const { lines, route } = explainRoute(config, requester, service);
  return inOrder(
    { lines: [...explainListener(listener, requester), ...lines], failed: false },
    route === undefined ? [] : given.map((each) => dryRun(route, [service], each)),
  );
}

function inOrder(first: Explanation, others: readonly Explanation[]): Explanation {
  const all = [first, ...others];
  return { lines: all.flatMap(({ lines }) => lines), failed: all.some(({ failed }) => failed) };
}

function unknownListener({ listener, config: file }: ExplainOptions, { listeners }: Config): string {
  return `There is no listener "${listener}" in ${file}. Known: ${Object.keys(listeners).join(', ') || 'none'}.`;
}

/** What was given that the listener has no use for. */
function misfit(options: ExplainOptions, listener: ListenerConfig): string | undefined {
  const { address = LOOPBACK } = options;
  if (isIP(address) === 0) return `--address should be an IP address. Found: ${address}`;
  if (listener.protocol === 'dimse') {
    if (options.path !== undefined) return `--path is of web listeners; ${options.listener} is a DIMSE listener.`;
    if (options.called !== undefined || listener.aeTitles.length === 1) return undefined;
    return `--called is needed: ${options.listener} answers to ${listener.aeTitles.join(', ')}.`;
  }
  if ((options.called ?? options.calling) === undefined) return undefined;
  return `--called and --calling are of DIMSE listeners; ${options.listener} is a web listener.`;
}

function requesterOf(name: string, options: ExplainOptions, listener: ListenerConfig): Requester {
  const { address = LOOPBACK, calling } = options;
  if (listener.protocol === 'dicomweb') {
    const path = options.path ?? (listener.basePaths.length === 1 ? listener.basePaths[0] : undefined) ?? '/';
    const basePath = listener.basePaths
      .filter((base) => path === base || path.startsWith(`${base}/`))
      .toSorted((a, b) => b.length - a.length)[0];
    return { listener: name, protocol: 'dicomweb', address, ...(basePath === undefined ? {} : { basePath }) };
  }
  const called = options.called ?? listener.aeTitles[0];
  return {
    listener: name,
    protocol: 'dimse',
    address,
    ...(called === undefined ? {} : { calledAeTitle: called }),
    ...(calling === undefined ? {} : { callingAeTitle: calling }),
  };
}

/** What the listener itself says, before any route is asked. */
function explainListener(listener: ListenerConfig, requester: Requester): string[] {
  const admission =
    listener.protocol === 'dimse'
      ? compileRouteMatcher('listener', { calledAeTitles: listener.aeTitles, ...listener.access })
      : undefined;
  const reasons = admission === undefined ? [] : (explainRoutes([admission], requester)[0]?.reasons ?? []);
  const unserved = listener.protocol === 'dicomweb' && requester.basePath === undefined;
  return [
    ...reasons.map((reason) => `The listener rejects the association: ${reason}.`),
    ...(unserved
      ? [`The listener answers 404: it serves ${listener.basePaths.map((path) => path || '/').join(', ')}.`]
      : []),
  ];
}

/** The route that is taken and offers the service; undefined: the request is refused. */
function explainRoute(
  config: Config,
  requester: Requester,
  service: ServiceName,
): { readonly lines: readonly string[]; readonly route?: RouteConfig } {
  const explanations = explainRoutes(
    config.routes.map((route) => compileRouteMatcher(route.name, route.from)),
    requester,
  );
  const index = explanations.findIndex(({ matches }) => matches);
  const passed = (index < 0 ? explanations : explanations.slice(0, index)).map(
    ({ route, reasons }) => `${route} does not match: ${reasons.join('; ')}.`,
  );
  const route = config.routes[index];
  if (route === undefined) {
    return { lines: [...passed, 'No route matches: the request is refused (context result 3, HTTP 501).'] };
  }
  if (route[service] === undefined) {
    return { lines: [...passed, `${route.name} matches, but has no ${service}: the request is refused.`] };
  }
  const following = service === 'mpps' ? [FOLLOWING] : [];
  return { lines: [...passed, `${route.name} matches: ${serviceText(route, service)}.`, ...following], route };
}

const FOLLOWING =
  'An update or retrieve follows the create of its step, if that came in at this listener by another route.';

function serviceText({ worklist, mpps, storageCommitment, notifications }: RouteConfig, service: ServiceName): string {
  if (service === 'worklist') return `the worklist of ${worklist?.to.join(', else of ')}`;
  if (service === 'storageCommitment') {
    return `storage commitment by ${storageCommitment?.to}, delivery ${storageCommitment?.delivery}, deadline ${Number(storageCommitment?.deadline) / 3_600_000} h`;
  }
  if (service === 'workitems')
    return `workitems in front of ${worklist?.to.join(', else of ')} and of MPPS at ${mpps?.to}`;
  const told = notifications === undefined ? '' : `, ${notifications.to.join(', ')} told of it`;
  const copies = (mpps?.forwardTo ?? []).map(({ to }) => to);
  const forwarding = copies.length === 0 ? '' : `, forwarded to ${copies.join(', ')}`;
  return `MPPS to ${mpps?.to}${forwarding}${told}, delivery ${mpps?.delivery}, validation ${mpps?.validation}`;
}
