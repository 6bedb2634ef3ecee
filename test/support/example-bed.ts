/**
 * A configuration as it is shipped, run in this process: its listeners on free ports of loopback, its store in a
 * temporary folder, and in the place of each far end another gateway with an embedded RIS, with a tap in between that
 * tells what passed.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app.ts';
import { DimseReader } from '../../src/cli/demo-dimse-reader.ts';
import { HttpReader } from '../../src/cli/demo-http-reader.ts';
import type { Seen } from '../../src/cli/demo-seen.ts';
import { Tap } from '../../src/cli/demo-tap.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Config, ListenerConfig, UpstreamConfig } from '../../src/config/schema.ts';
import { upstream as upstreamSchema } from '../../src/config/upstream-schema.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { SILENT } from '../../src/observe/log.ts';
import type { AdjustableLogger } from '../../src/observe/log.ts';
import { createUpstream } from '../../src/upstream-parts.ts';
import type { Upstream } from '../../src/services/port.ts';

const CONFIG = join(import.meta.dirname, '../../config');
const LOOPBACK = '127.0.0.1';
const QUIET: AdjustableLogger = { ...SILENT, setLevel() {} };

/** What passes between two ends. */
export interface Passage {
  readonly tap: Tap;
  readonly seen: readonly Seen[];
  /** The first that is accepted, waited for until the test's own time is over. */
  until(accepts: (seen: Seen) => boolean): Promise<Seen>;
}

/** A tap in front of an end of that protocol; `tap.relayTo` says where the end is. */
export async function openPassage(protocol: 'dimse' | 'dicomweb'): Promise<Passage> {
  const seen: Seen[] = [];
  let changed = Promise.withResolvers<void>();
  const take = (message: Seen): void => {
    seen.push(message);
    changed.resolve();
    changed = Promise.withResolvers();
  };
  const Reader = protocol === 'dimse' ? DimseReader : HttpReader;
  const tap = await Tap.open({
    read: () => new Reader(take),
    onUnreadable: (error) => {
      throw error;
    },
  });
  const until = async (accepts: (seen: Seen) => boolean): Promise<Seen> => {
    for (;;) {
      const found = seen.find(accepts);
      if (found !== undefined) return found;
      await changed.promise;
    }
  };
  return { tap, seen, until };
}

/** A far end in the place of an upstream. */
export interface FarEnd {
  readonly passage: Passage;
  /** Ends it, as if its machine were gone. */
  stop(): Promise<void>;
  /** It comes back with what it had. */
  restart(): Promise<void>;
}

export interface ExampleBed {
  readonly consolePort: number;
  far(upstream: string): FarEnd;
  /** In front of a listener of the example. */
  front(listener: string): Passage;
  /** Of the listener itself, for callers whose address counts. */
  port(listener: string): number;
  /** A classic modality; the first AE title of the listener is called where none is named. */
  classic(listener: string, titles: { calling: string; called?: string }): Promise<Upstream>;
  /** A web modality at the first base path of the listener. */
  web(listener: string): Promise<Upstream>;
  close(): Promise<void>;
}

export interface BedOptions {
  /** Worklist of every far end. */
  readonly entries?: readonly DataSet[];
  readonly env?: Readonly<Record<string, string>>;
}

/** @param name of a file in `config` */
export async function startExample(name: string, { entries, env = {} }: BedOptions = {}): Promise<ExampleBed> {
  const closers: (() => Promise<unknown>)[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'dimseway-example-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  const close = async (): Promise<void> => {
    for (const end of closers.splice(0).toReversed()) await end();
  };
  try {
    const { config } = await loadConfig(join(CONFIG, name), env);
    const seed = entries === undefined ? join(CONFIG, 'worklist.yaml') : join(folder, 'entries.json');
    if (entries !== undefined) await writeFile(seed, JSON.stringify(entries));

    const farEnds = new Map<string, FarEnd>();
    for (const [upstream, options] of Object.entries(config.upstreams)) {
      if (options.protocol === 'ris') continue;
      const far = await startFarEnd(join(folder, upstream), options, seed);
      closers.push(
        () => far.stop(),
        () => far.passage.tap.close(),
      );
      farEnds.set(upstream, far);
    }
    const app = new App(QUIET);
    closers.push(() => app.close());
    const ports = await app.start(nearConfig(config, folder, farEnds));
    const fronts = new Map<string, Passage>();
    for (const [listener, { protocol }] of Object.entries(config.listeners)) {
      const front = await openPassage(protocol);
      front.tap.relayTo(ports.listeners[listener]?.port ?? 0);
      closers.push(() => front.tap.close());
      fronts.set(listener, front);
    }
    const client = async (options: object): Promise<Upstream> => {
      const upstream = await createUpstream('modality', upstreamSchema.parse(options), SILENT);
      closers.push(() => upstream.close());
      return upstream;
    };
    return {
      consolePort: ports.console?.port ?? 0,
      far: (upstream) => the(farEnds, upstream),
      front: (listener) => the(fronts, listener),
      port: (listener) => ports.listeners[listener]?.port ?? 0,
      classic: (listener, { calling, called }) =>
        client({
          protocol: 'dimse',
          host: LOOPBACK,
          port: the(fronts, listener).tap.port,
          aeTitle: called ?? titlesOf(config.listeners[listener])[0],
          callingAeTitle: calling,
        }),
      web: (listener) => {
        const { port } = the(fronts, listener).tap;
        return client({
          protocol: 'dicomweb',
          baseUrl: `http://${LOOPBACK}:${port}${pathOf(config.listeners[listener])}`,
        });
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function the<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
}

function titlesOf(listener: ListenerConfig | undefined): readonly string[] {
  return listener?.protocol === 'dimse' ? listener.aeTitles : [];
}

function pathOf(listener: ListenerConfig | undefined): string {
  return listener?.protocol === 'dicomweb' ? (listener.basePaths[0] ?? '') : '';
}

/** 10.1.0.0/16 of a hospital is 127.1.0.0/16 here, where every address of 127/8 is this machine. */
function onLoopback(addresses: readonly string[]): string[] {
  return addresses.map((address) => address.replace(/^10\./, '127.'));
}

function nearConfig(config: Config, folder: string, farEnds: ReadonlyMap<string, FarEnd>): Config {
  const mapped = <T, U>(
    values: Readonly<Record<string, T>>,
    change: (name: string, value: T) => U,
  ): Record<string, U> =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(name, value)]));
  return {
    ...config,
    listeners: mapped(config.listeners, (_name, listener) => {
      const near = listener.access.addresses === undefined ? {} : { addresses: [`${LOOPBACK}/8`] };
      if (listener.protocol === 'dicomweb') {
        return { ...listener, host: LOOPBACK, port: 0, access: { ...listener.access, ...near } };
      }
      return { ...listener, host: LOOPBACK, port: 0, access: { ...listener.access, ...near } };
    }),
    upstreams: mapped(config.upstreams, (name, options) => {
      if (options.protocol === 'ris') return options;
      const { port } = the(farEnds, name).passage.tap;
      // Nobody here wants to wait for a second attempt.
      const spool = { ...options.spool, firstDelay: 20, maximumDelay: 100 };
      if (options.protocol === 'dimse') return { ...options, spool, host: LOOPBACK, port };
      return { ...options, spool, baseUrl: `http://${LOOPBACK}:${port}${new URL(options.baseUrl).pathname}` };
    }),
    routes: config.routes.map((route) => {
      const { addresses } = route.from;
      return addresses === undefined ? route : { ...route, from: { ...route.from, addresses: onLoopback(addresses) } };
    }),
    store: { ...config.store, kind: 'sqlite', path: join(folder, 'near', 'dimseway.db') },
    ...(config.console === undefined ? {} : { console: { ...config.console, host: LOOPBACK, port: 0 } }),
  };
}

async function startFarEnd(folder: string, options: UpstreamConfig, seed: string): Promise<FarEnd> {
  const isDimse = options.protocol === 'dimse';
  const passage = await openPassage(isDimse ? 'dimse' : 'dicomweb');
  const own = isDimse
    ? { protocol: 'dimse', aeTitle: options.aeTitle }
    : {
        protocol: 'dicomweb',
        basePath: new URL((options as { baseUrl: string }).baseUrl).pathname,
        draftMethods: true,
      };
  // A listener takes MPPS Notifications of those only whose MPPS it hears of.
  const peer = { protocol: 'dimse', host: LOOPBACK, port: 104 };
  const tellers = isDimse && {
    teller: { ...peer, aeTitle: options.callingAeTitle, callingAeTitle: options.aeTitle },
    watcher: { ...peer, aeTitle: 'WATCHER', callingAeTitle: options.aeTitle },
  };
  const told = isDimse
    ? [{ name: 'told', mpps: { to: 'teller' }, notifications: { to: 'watcher', source: 'upstream' } }]
    : [];
  const file = `${folder}.json`;
  const settings = {
    listeners: { far: { ...own, port: 0 } },
    upstreams: { ris: { protocol: 'ris', entries: seed, simulateCommitment: true }, ...tellers },
    routes: [
      {
        name: 'all',
        worklist: { to: 'ris' },
        mpps: { to: 'ris', validation: 'off' },
        storageCommitment: { to: 'ris' },
        ...(options.protocol === 'ups-rs' && { workitems: {} }),
      },
      ...told,
    ],
    store: { path: join(folder, 'dimseway.db') },
    timers: { shutdown: '100ms' },
  };
  await writeFile(file, JSON.stringify(settings));
  const { config } = await loadConfig(file, {});
  let app: App | undefined;
  const restart = async (): Promise<void> => {
    app = new App(QUIET);
    const { listeners } = await app.start(config);
    passage.tap.relayTo(listeners['far']?.port ?? 0);
  };
  const stop = async (): Promise<void> => {
    // Its port is free from now on, and may be anybody's soon.
    passage.tap.relayTo(undefined);
    await app?.close();
    app = undefined;
  };
  await restart();
  return { passage, stop, restart };
}
