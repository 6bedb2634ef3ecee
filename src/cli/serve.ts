/** `dimseway serve --config FILE`: runs the gateway until it is told to stop. */
import { App } from '../app.ts';
import type { BoundPorts } from '../binding.ts';
import { ConfigFile } from '../config/config-file.ts';
import type { LoadedConfig } from '../config/load.ts';
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import { createLogger } from '../observe/log.ts';
import { EXIT, report } from './report.ts';

export interface ServeOptions {
  readonly config: string;
}

/**
 * Writes one line to stdout when all is bound. SIGHUP reloads; SIGINT and SIGTERM let requests under way finish, a
 * second one ends at once.
 * An error that nobody catches ends the process with 1.
 * @returns the exit status: 0 stopped, 2 bad configuration, 3 cannot start
 */
export async function serve({ config: file }: ServeOptions): Promise<number> {
  // A log reader that goes away must not take the worklist of a ward with it.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  const configFile = new ConfigFile(file, process.env);
  let loaded: LoadedConfig;
  try {
    loaded = await configFile.load();
  } catch (error) {
    return report(error);
  }
  const logger = createLogger(loaded.config.log.level);
  for (const warning of loaded.warnings) logger.warn('configuration', { problem: warning });
  // Node would print its message, which may quote a value.
  const onFault = (error: unknown): never => {
    logger.error('unexpected error, the gateway ends', errorFacts(error));
    process.exit(EXIT.failed);
  };
  process.on('uncaughtException', onFault);
  const app = new App(logger, () => configFile.load(), configFile);
  let ports: BoundPorts;
  try {
    ports = await app.start(loaded.config);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    report(error);
    return EXIT.cannotStart;
  }
  const onReload = (): void => {
    app.reload().catch((error: unknown) => {
      const fix = error instanceof GatewayError ? { fix: error.fix } : {};
      logger.error('reload failed, the running configuration stays', { ...errorFacts(error), ...fix });
    });
  };
  process.on('SIGHUP', onReload);
  const stopped = new Promise<NodeJS.Signals>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  // Only now: whoever reads the line may send a signal at once.
  process.stdout.write(`${JSON.stringify({ event: 'ready', ...ports })}\n`);
  const signal = await stopped;
  logger.info('stopping', { signal });
  const now = (): never => process.exit(EXIT.done);
  process.once('SIGINT', now);
  process.once('SIGTERM', now);
  await app.close();
  process.off('SIGHUP', onReload).off('SIGINT', now).off('SIGTERM', now).off('uncaughtException', onFault);
  logger.info('stopped');
  return EXIT.done;
}
