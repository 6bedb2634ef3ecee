/** `dimseway openapi`: the OpenAPI document of a web listener, by the configuration, or that of the console. */
import { consoleOpenApi } from '../console/openapi.ts';
import { baseUriOf } from '../papers/configuration.ts';
import { webListeners } from '../papers/site.ts';
import type { Site } from '../papers/site.ts';
import { listenerOpenApi } from '../papers/web-api.ts';
import { siteOf, writePaper } from './paper.ts';
import { UsageError } from './report.ts';

export interface OpenApiOptions {
  readonly config: string;
  /** Undefined: the only one there is. */
  readonly listener?: string;
  /** Undefined: its first. */
  readonly basePath?: string;
  /** The API of the console instead. */
  readonly console: boolean;
  /** Undefined: standard output. */
  readonly output?: string;
}

/** @returns the exit status: 0 written, 2 usage or configuration */
export function openapi(options: OpenApiOptions): Promise<number> {
  const write = async (): Promise<string> => {
    const site = await siteOf(options.config);
    const document = options.console ? ofConsole(site, options) : ofListener(site, options);
    return `${JSON.stringify(document, undefined, 2)}\n`;
  };
  return writePaper(write, options.output);
}

function ofConsole({ config, version }: Site, { config: file }: OpenApiOptions): unknown {
  const options = config.console;
  if (options === undefined) throw new UsageError(`${file} has no console.`);
  const isOpen = options.token === undefined && options.tokens === undefined;
  return consoleOpenApi({ url: baseUriOf(options, ''), version, isOpen });
}

function ofListener(site: Site, { listener, basePath, config: file }: OpenApiOptions): unknown {
  const all = webListeners(site);
  const names = all.map(([name]) => name).join(', ');
  if (listener === undefined && all.length > 1) throw new UsageError(`Say which: --listener, one of ${names}.`);
  const found = all.find(([name]) => listener === undefined || name === listener);
  if (found === undefined) {
    const what = listener === undefined ? 'no web listener' : `no web listener "${listener}"`;
    throw new UsageError(`There is ${what} in ${file}. Known: ${names || 'none'}.`);
  }
  const [name, options] = found;
  const path = (basePath ?? options.basePaths[0] ?? '').replace(/\/$/, '');
  if (!options.basePaths.includes(path)) {
    const known = options.basePaths.map((one) => one || '/').join(', ');
    throw new UsageError(`Listener "${name}" has no base path "${path}". Known: ${known}.`);
  }
  return listenerOpenApi(site, name, options, path);
}
