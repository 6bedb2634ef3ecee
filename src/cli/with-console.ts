/**
 * What the operator's commands share: they ask the console of the gateway that runs, since a SQLite store belongs to one
 * process. Where none answers the command opens the store itself and asks a console of its own over it: there is one way in
 * which things are done, and one place that logs them.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { commitmentsApi } from '../console/commitments-api.ts';
import { ConsoleServer } from '../console/server.ts';
import { spoolApi } from '../console/spool-api.ts';
import { storeApi } from '../console/store-api.ts';
import { GatewayError } from '../errors.ts';
import { healthOf } from '../observe/health.ts';
import { createLogger } from '../observe/log.ts';
import { openConfiguredStore } from '../parts.ts';
import type { Store } from '../store/store.ts';
import { ConsoleClient, ConsoleRefusal, ConsoleUnreachable } from './console-client.ts';
import type { ConsoleAddress } from './console-client.ts';
import { EXIT, report } from './report.ts';

/**
 * Runs `work` against the console of the gateway with this configuration, or against its store.
 * @returns 0 done; 1 the gateway refused; 2 usage or configuration; 3 the store cannot be opened
 */
export async function withConsole(configFile: string, work: (client: ConsoleClient) => Promise<void>): Promise<number> {
  try {
    const { config } = await loadConfig(configFile, process.env);
    const address = await addressOf(config);
    const client = address === undefined ? undefined : new ConsoleClient(address);
    try {
      if (client !== undefined && (await client.isThere())) {
        await work(client);
        return EXIT.done;
      }
    } finally {
      await client?.close();
    }
    return await withStore(config, address, work);
  } catch (error) {
    return reportConsole(error);
  }
}

/** Undefined: there is no console, or nobody knows its port. */
async function addressOf({ console: options }: Config): Promise<ConsoleAddress | undefined> {
  if (options === undefined || options.port === 0) return undefined;
  const { host, port, tls } = options;
  const token = tokenOf(options);
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const origin = `${tls === undefined ? 'http' : 'https'}://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`;
  return tls === undefined ? { origin, token } : { origin, token, certificate: await readFile(tls.certificate) };
}

/** Whoever can read the configuration has them all: the one that may most. */
function tokenOf({ token, tokens = [] }: NonNullable<Config['console']>): string | undefined {
  const [most] = (['values', 'operator', 'viewer'] as const).flatMap(
    (role) => tokens.find((each) => each.role === role) ?? [],
  );
  return most?.role === 'values' ? most.token : (token ?? most?.token);
}

async function withStore(
  config: Config,
  address: ConsoleAddress | undefined,
  work: (client: ConsoleClient) => Promise<void>,
): Promise<number> {
  const { kind, path } = config.store;
  const place = kind === 'sqlite' ? path : 'the data base of PostgreSQL';
  const why = address === undefined ? 'No console is configured' : `No gateway answers at ${address.origin}`;
  process.stderr.write(`${why}: opening the store itself, ${place}.\n`);
  let store: Store;
  try {
    if (kind === 'sqlite' && !existsSync(path)) throw missing(path);
    store = await openConfiguredStore(config.store);
  } catch (error) {
    report(isLocked(error) ? lockedBy(error, address) : error);
    return EXIT.cannotStart;
  }
  try {
    await withOwnConsole(store, work);
    return EXIT.done;
  } finally {
    await store.close();
  }
}

/** Nobody else knows its token. */
async function withOwnConsole(store: Store, work: (client: ConsoleClient) => Promise<void>): Promise<void> {
  const log = createLogger('info');
  const over = { store: () => store, log };
  const options = { host: '127.0.0.1', port: 0, token: randomUUID() };
  const server = new ConsoleServer(
    options,
    {
      health: () => healthOf({}, {}),
      reload: () => Promise.reject(new Error('there is nothing to reload')),
      routers: [
        spoolApi({ ...over, wake: () => undefined }),
        commitmentsApi({ ...over, wake: () => undefined }),
        storeApi(over),
      ],
    },
    log,
  );
  const { port } = await server.listen();
  const client = new ConsoleClient({ origin: `http://${options.host}:${port}`, token: options.token });
  try {
    await work(client);
  } finally {
    await client.close();
    await server.close();
  }
}

/** Looking at a store must not make one. */
function missing(path: string): GatewayError {
  return new GatewayError('STORE_UNREADABLE', `There is no store at ${path}`, {
    fix: 'Check --config and store.path; the gateway makes the file when it starts.',
  });
}

function isLocked(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.code === 'STORE_LOCKED';
}

/** A gateway works on the store, and the configuration does not lead to its console. */
function lockedBy(error: GatewayError, address: ConsoleAddress | undefined): GatewayError {
  const how = address === undefined ? 'Give the gateway a console' : 'Mend `console` in the configuration';
  return new GatewayError(error.code, error.message, { fix: `${how}, so that it can be asked; or stop it first.` });
}

/** What the caller gave, the token included, is usage; what is not possible now is a refusal. */
const OF_USAGE: readonly number[] = [400, 401, 413, 422];

/** Where the console speaks of headers and bodies, a person at the command line has other means. */
const FIXES: Readonly<Record<string, string>> = {
  TOKEN_NEEDED:
    'Name the configuration of the gateway that runs by --config: its console.token, or one of its console.tokens, is sent.',
  REASON_NEEDED: 'Give --reason in words, without the name of a patient: it goes into the log.',
};

function reportConsole(error: unknown): number {
  if (error instanceof ConsoleRefusal) {
    const text = FIXES[error.code] ?? error.fix;
    const fix = text === undefined ? '' : `Fix: ${text}\n`;
    process.stderr.write(`${error.code}: ${error.message}\n${fix}`);
    return OF_USAGE.includes(error.status) ? EXIT.usage : EXIT.failed;
  }
  if (error instanceof ConsoleUnreachable) {
    process.stderr.write(`${error.message}\n`);
    return EXIT.failed;
  }
  return report(error);
}
