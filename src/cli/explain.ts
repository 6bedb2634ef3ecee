/**
 * `dimseway explain`: which route a request takes and why each one before it does not; with a data set also what the
 * rules of the route make of it.
 */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { loadConfig } from '../config/load.ts';
import type { Config, ListenerConfig, RouteConfig } from '../config/schema.ts';
import { parseJsonDataSets, toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { explainRules } from '../dataset/rules.ts';
import type { Rule } from '../dataset/rules.ts';
import { compileRouteMatcher, explainRoutes } from '../gateway/routes.ts';
import type { Requester } from '../services/port.ts';
import { EXIT, report } from './report.ts';

export interface ExplainOptions {
  readonly config: string;
  readonly listener: string;
  readonly called?: string;
  readonly calling?: string;
  readonly address: string;
  /** Path of a web request; its base path is found by the listener's. */
  readonly path?: string;
  /** A file with a data set in the DICOM JSON model; of an array the first. */
  readonly dataset?: string;
}

/** @returns the exit status: 0 explained, 2 usage or configuration */
export async function explain(options: ExplainOptions): Promise<number> {
  try {
    const { config } = await loadConfig(options.config, process.env);
    const listener = config.listeners[options.listener];
    const wrong = listener === undefined ? unknownListener(options, config) : misfit(options, listener);
    if (listener === undefined || wrong !== undefined) {
      process.stderr.write(`${wrong}\n`);
      return EXIT.usage;
    }
    const requester = requesterOf(options, listener);
    const dataSet = options.dataset === undefined ? undefined : await readDataSet(options.dataset);
    const lines = [...explainListener(listener, requester), ...explainRoute(config, requester, dataSet)];
    process.stdout.write(`${lines.join('\n')}\n`);
    return EXIT.done;
  } catch (error) {
    if (error instanceof UnreadableDataSet) {
      process.stderr.write(`${error.message}\n`);
      return EXIT.usage;
    }
    return report(error);
  }
}

class UnreadableDataSet extends Error {}

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

function explainRoute(config: Config, requester: Requester, dataSet: DataSet | undefined): string[] {
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
  const { worklist } = route;
  if (worklist === undefined) return [...passed, `${route.name} matches, but has no worklist: the request is refused.`];
  return [
    ...passed,
    `${route.name} matches: the worklist of ${worklist.to.join(', else of ')}.`,
    ...(dataSet === undefined ? [] : explainDataSet(worklist, dataSet)),
  ];
}

function explainDataSet({ rules }: NonNullable<RouteConfig['worklist']>, dataSet: DataSet): string[] {
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

async function readDataSet(file: string): Promise<DataSet> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UnreadableDataSet(`${file} cannot be read: ${error.code ?? 'unknown error'}`);
  });
  const [dataSet] = parseJsonDataSets(text);
  if (dataSet === undefined) throw new UnreadableDataSet(`${file} holds no data set`);
  return dataSet;
}
