/**
 * The embedded default on free ports with a temporary data folder, and a tap in front of each of its listeners: what is
 * shown is what crossed the sockets of the running product. The default's own upstreams call the taps too, since it
 * learns their ports as its own.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../app.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createLogger } from '../observe/log.ts';
import { DimseReader } from './demo-dimse-reader.ts';
import { HttpReader } from './demo-http-reader.ts';
import type { Seen } from './demo-seen.ts';
import { Tap } from './demo-tap.ts';
import { packagedConfig } from './options.ts';

export interface DemoBed {
  readonly dimsePort: number;
  readonly webPort: number;
  readonly consolePort: number;
  close(): Promise<void>;
}

export interface BedOptions {
  /** Told in the order of the wire, before the message goes on. */
  readonly onSeen: (seen: Seen) => void;
  readonly onUnreadable: (error: Error) => void;
}

/** @throws GatewayError CONFIG_*, LISTENER_FAILED, SEED_INVALID, STORE_*; nothing is left behind then */
export async function startBed({ onSeen, onUnreadable }: BedOptions): Promise<DemoBed> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).toReversed()) await end();
  };
  try {
    const folder = await mkdtemp(join(tmpdir(), 'dimseway-demo-'));
    closers.push(() => rm(folder, { recursive: true, force: true }));
    const ward = await Tap.open({ read: () => new DimseReader(onSeen), onUnreadable });
    closers.push(() => ward.close());
    const web = await Tap.open({ read: () => new HttpReader(onSeen), onUnreadable });
    closers.push(() => web.close());
    const config = await demoConfig(folder, ward.port, web.port);
    const app = new App(createLogger(config.log.level));
    closers.push(() => app.close());
    const { listeners, console } = await app.start(config);
    ward.relayTo(portOf(listeners, 'ward'));
    web.relayTo(portOf(listeners, 'web'));
    return { dimsePort: ward.port, webPort: web.port, consolePort: console?.port ?? 0, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Everybody calls the taps; behind them the listeners take any free ports. */
async function demoConfig(folder: string, wardPort: number, webPort: number): Promise<Config> {
  const { config } = await loadConfig(packagedConfig(), {
    DIMSEWAY_HOST: '127.0.0.1',
    DIMSEWAY_DIMSE_PORT: String(wardPort),
    DIMSEWAY_WEB_PORT: String(webPort),
    DIMSEWAY_CONSOLE_PORT: '0',
    DIMSEWAY_DATA: folder,
  });
  const listeners = Object.entries(config.listeners).map(([name, options]) => [name, { ...options, port: 0 }]);
  return {
    ...config,
    listeners: Object.fromEntries(listeners) as Config['listeners'],
    log: { ...config.log, level: 'warn' },
  };
}

function portOf(listeners: Readonly<Record<string, { readonly port: number }>>, name: string): number {
  const { port } = listeners[name] ?? {};
  if (port === undefined) throw new Error(`the embedded default has no listener ${name}`);
  return port;
}
