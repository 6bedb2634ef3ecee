/**
 * `dimseway explain`: which route a request takes and why each one before it does not; with a data set also what the
 * rules of the route make of it.
 */
import { isIP } from 'node:net';
import { loadConfig } from '../config/load.ts';
import type { Config, ListenerConfig, RouteConfig } from '../config/schema.ts';
import { toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { explainRules } from '../dataset/rules.ts';
import type { Rule } from '../dataset/rules.ts';
import { compileRouteMatcher, explainRoutes } from '../gateway/routes.ts';
import type { Requester, ServiceName } from '../services/port.ts';
import { readDataSet } from './data-set-file.ts';
import { EXIT, report, UsageError } from './report.ts';

export interface ExplainOptions {
  readonly config: string;
  readonly listener: string;
  readonly called?: string;
  readonly calling?: string;
  readonly address: string;
  /** Path of a web request; its base path is found by the listener's. */
  readonly path?: string;
  readonly service: ServiceName;
  /** A file with a data set in the DICOM JSON model. */
  readonly dataset?: string;
}

/** @returns the exit status: 0 explained, 2 usage or configuration */
export async function explain(options: ExplainOptions): Promise<number> {
  try {
    const { config } = await loadConfig(options.config, process.env);
    const listener = config.listeners[options.listener];
    const wrong = listener === undefined ? unknownListener(options, config) : misfit(options, listener);
    if (listener === undefined || wrong !== undefined) throw new UsageError(wrong);
    const requester = requesterOf(options, listener);
    const dataSet = options.dataset === undefined ? undefined : await readDataSet(options.dataset);
    const lines = [
      ...explainListener(listener, requester),
      ...explainRoute(config, requester, options.service, dataSet),
    ];
    process.stdout.write(`${lines.join('\n')}\n`);
    return EXIT.done;
  } catch (error) {
    return report(error);
  }
}

function unknownListener({ listener, config: file }: ExplainOptions, { listeners }: Config): string {
  return `There is no listener "${listener}" in ${file}. Known: ${Object.keys(listeners).join(', ') || 'none'}.`;
}

/** What was given that the listener has no use for. */
function misfit(options: ExplainOptions, listener: ListenerConfig): string | undefined {
  if (isIP(options.address) === 0) return `--address should be an IP address. Found: ${options.address}`;
  if (listener.protocol === 'dimse') {
    if (options.path !== undefined) return `--path is of web listeners; ${options.listener} is a DIMSE listener.`;
    if (options.called !== undefined || listener.aeTitles.length === 1) return undefined;
    return `--called is needed: ${options.listener} answers to ${listener.aeTitles.join(', ')}.`;
  }
  if ((options.called ?? options.calling) === undefined) return undefined;
  return `--called and --calling are of DIMSE listeners; ${options.listener} is a web listener.`;
}

function requesterOf(options: ExplainOptions, listener: ListenerConfig): Requester {
  const { listener: name, address, calling } = options;
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

function explainRoute(
  config: Config,
  requester: Requester,
  service: ServiceName,
  dataSet: DataSet | undefined,
): string[] {
  const explanations = explainRoutes(
    config.routes.map((route) => compileRouteMatcher(route.name, route.from)),
    requester,
  );
  const index = explanations.findIndex(({ matches }) => matches);
  const passed = (index < 0 ? explanations : explanations.slice(0, index)).map(
    ({ route, reasons }) => `${route} does not match: ${reasons.join('; ')}.`,
  );
  const route = config.routes[index];
  if (route === undefined) return [...passed, 'No route matches: the request is refused (context result 3, HTTP 501).'];
  const offered = route[service];
  if (offered === undefined)
    return [...passed, `${route.name} matches, but has no ${service}: the request is refused.`];
  return [
    ...passed,
    `${route.name} matches: ${serviceText(route, service)}.`,
    ...(service === 'mpps' ? [FOLLOWING] : []),
    ...(dataSet === undefined ? [] : explainDataSet(offered, dataSet)),
  ];
}

type Offered = NonNullable<RouteConfig[ServiceName]>;

const FOLLOWING =
  'An update or retrieve follows the create of its step, if that came in at this listener by another route.';

function serviceText({ worklist, mpps }: RouteConfig, service: ServiceName): string {
  if (service === 'worklist') return `the worklist of ${worklist?.to.join(', else of ')}`;
  return `MPPS to ${mpps?.to}, delivery ${mpps?.delivery}, validation ${mpps?.validation}`;
}

function explainDataSet({ rules }: Offered, dataSet: DataSet): string[] {
  return [
    `Before: ${toJson(dataSet)}`,
    ...explainDirection('request', rules.request, dataSet),
    ...explainDirection('response', rules.response, dataSet),
  ];
}

function explainDirection(direction: string, rules: readonly Rule[], dataSet: DataSet): string[] {
  if (rules.length === 0) return [`There are no ${direction} rules.`];
  const { steps, after } = explainRules(rules, dataSet);
  return [
    ...steps.map(({ changed }, i) => {
      const what = changed.length === 0 ? 'changes nothing' : `changes ${changed.join(', ')}`;
      return `The ${direction} rule ${i + 1} ${what}.`;
    }),
    `After the ${direction} rules: ${toJson(after)}`,
  ];
}
