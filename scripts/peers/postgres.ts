/** A private PostgreSQL server: a cluster in a folder of its own on a free port of loopback, run as an unprivileged user. */
import { randomBytes } from 'node:crypto';
import { chmod, chown, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import { findFreePort, makeTemporaryFolder, runOrThrow, startProgram, type Running } from './process.ts';

/** Debian's packages keep the programs of each version apart, off the PATH. */
const VERSIONS = '/usr/lib/postgresql';
const USER = 'dimseway';

export interface PostgresOptions {
  /** Whether commits wait for the disk; without it a test is faster and a measurement says nothing. Default true. */
  readonly fsync?: boolean;
  /** Certificate and key as PEM: the server takes TLS connections too. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Further settings, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

export interface Postgres {
  readonly port: number;
  /** Of the one role, which may do everything here. */
  readonly password: string;
  /** `postgres://…` of a data base. */
  url(database?: string): string;
  /** Makes an empty data base and gives its URL. */
  createDatabase(name: string): Promise<string>;
  /** Runs SQL as the superuser. */
  query(sql: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Ends all connections of a data base, as a network or an administrator might; gives how many. */
  terminateConnections(database: string): Promise<number>;
  /** SIGINT: a fast, clean end; SIGQUIT: as if it had crashed. */
  stop(signal?: 'SIGINT' | 'SIGQUIT'): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  /** Starts it again as a standby of nobody, which only reads; the result promotes it. */
  startAsStandby(): Promise<() => Promise<void>>;
  /** Stops it and removes its folder. */
  remove(): Promise<void>;
}

/** Makes and starts a cluster: about two seconds. */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const bin = join(await newestVersion(), 'bin');
  const folder = await makeTemporaryFolder('dimseway-postgres-');
  const data = join(folder, 'data');
  const password = randomBytes(12).toString('base64url');
  const port = await findFreePort();
  const asUser = await unprivileged(folder);
  const write = async (name: string, text: string): Promise<string> => {
    const file = join(folder, name);
    await writeFile(file, text, { mode: 0o600 });
    if (asUser.ids !== undefined) await chown(file, asUser.ids.user, asUser.ids.group);
    return file;
  };

  const passwordFile = await write('password', password);
  const initdb = ['-D', data, '-U', USER, '-E', 'UTF8', '--locale=C.UTF-8', '-A', 'scram-sha-256', '--no-sync'];
  await runOrThrow(...asUser.command(join(bin, 'initdb'), [...initdb, `--pwfile=${passwordFile}`]));
  const tls = options.tls && {
    ssl: 'on',
    ssl_cert_file: await write('server.crt', options.tls.certificate),
    ssl_key_file: await write('server.key', options.tls.key),
  };
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: folder,
    fsync: options.fsync === false ? 'off' : 'on',
    max_connections: '100',
    ...tls,
    ...options.settings,
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);

  let running: Running | undefined;
  const start = async (readyText = /database system is ready to accept connections/): Promise<void> => {
    running = await startProgram(...asUser.command(join(bin, 'postgres'), ['-D', data, ...flags]), {
      readyText,
      deadlineMs: 30_000,
    });
  };
  const stop = async (signal: NodeJS.Signals = 'SIGINT'): Promise<void> => {
    await running?.stop(signal);
    running = undefined;
  };
  const url = (database = 'postgres'): string => `postgres://${USER}:${password}@127.0.0.1:${port}/${database}`;
  const query: Postgres['query'] = async (sql, database) => {
    const client = new Client({ connectionString: url(database) });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  await start();
  return {
    port,
    password,
    url,
    query,
    start: () => start(),
    stop,
    startAsStandby: async () => {
      await stop();
      await write(join('data', 'standby.signal'), '');
      await start(/database system is ready to accept read-only connections/);
      return async () => void (await query('SELECT pg_promote()'));
    },
    createDatabase: async (name) => {
      await query(`CREATE DATABASE "${name}"`);
      return url(name);
    },
    terminateConnections: async (database) => {
      const ended = await query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`);
      return ended.length;
    },
    remove: async () => {
      await stop('SIGQUIT');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function newestVersion(): Promise<string> {
  const versions = (await readdir(VERSIONS)).map(Number).filter((version) => !Number.isNaN(version));
  return join(VERSIONS, String(Math.max(...versions)));
}

/** initdb and postgres refuse to run as root: then they run as the user of Debian's package, who gets the folder. */
async function unprivileged(folder: string): Promise<{
  ids: { user: number; group: number } | undefined;
  command(program: string, args: readonly string[]): [string, string[]];
}> {
  if (process.getuid?.() !== 0) return { ids: undefined, command: (program, args) => [program, [...args]] };
  const idOf = async (flag: string): Promise<number> => Number((await runOrThrow('id', [flag, 'postgres'])).stdout);
  const ids = { user: await idOf('-u'), group: await idOf('-g') };
  await chmod(folder, 0o700);
  await chown(folder, ids.user, ids.group);
  const setpriv = [`--reuid=${ids.user}`, `--regid=${ids.group}`, '--init-groups'];
  return { ids, command: (program, args) => ['setpriv', [...setpriv, program, ...args]] };
}
