/** What the commands that talk to one upstream share: load the configuration, build the upstream, run, close. */
import { randomUUID } from 'node:crypto';
import { loadConfig } from '../config/load.ts';
import type { UpstreamConfig } from '../config/schema.ts';
import { SILENT } from '../observe/log.ts';
import { createUpstream } from '../upstream-parts.ts';
import type { RequestContext, ServiceWarning, Upstream } from '../services/port.ts';
import { printable } from '../dataset/dump.ts';
import { EXIT, report } from './report.ts';

/** Time a person at the command line waits for an upstream. */
export const PATIENCE_MS = 60_000;

const RIS_FILES =
  'these are the entries of its files alone. What a running gateway has in its store it tells by its listeners and by ' +
  '/api/worklist of its console.';

/**
 * Runs `work` against the named upstream, as it is configured. Warnings and failures go to stderr.
 * @returns 0 done, 1 the peer failed or refused, 2 usage or configuration
 */
export async function withUpstream(
  configFile: string,
  name: string,
  work: (upstream: Upstream, context: RequestContext, options: UpstreamConfig) => Promise<void>,
): Promise<number> {
  const aborter = new AbortController();
  const onInterrupt = (): void => aborter.abort();
  process.once('SIGINT', onInterrupt);
  try {
    const { config } = await loadConfig(configFile, process.env);
    const options = config.upstreams[name];
    if (options === undefined) {
      const known = Object.keys(config.upstreams).join(', ');
      process.stderr.write(`There is no upstream "${name}" in ${configFile}. Known: ${known || 'none'}.\n`);
      return EXIT.usage;
    }
    if (options.protocol === 'ris') process.stderr.write(`Warning: ${RIS_FILES}\n`);
    const upstream = await createUpstream(name, options, SILENT);
    try {
      const context: RequestContext = {
        signal: aborter.signal,
        deadline: performance.now() + PATIENCE_MS,
        traceId: randomUUID(),
        requester: { listener: 'command line', protocol: 'dicomweb', address: '127.0.0.1' },
        warn: (warning: ServiceWarning) =>
          void process.stderr.write(`Warning: ${printable(warning.words ?? warning.text)}\n`),
      };
      await work(upstream, context, options);
    } finally {
      await upstream.close();
    }
    return EXIT.done;
  } catch (error) {
    return report(error);
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}
