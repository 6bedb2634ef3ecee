/**
 * Composition root: builds every part from the configuration, starts and stops them in order, and swaps them on reload.
 * A reload builds all that is new first; only when nothing failed is it put in place of the old.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Config, ListenerConfig, UpstreamConfig } from './config/schema.ts';
import { consoleRouters } from './console-parts.ts';
import { ConsoleServer } from './console/server.ts';
import { GatewayError } from './errors.ts';
import { Gateway } from './gateway/gateway.ts';
import { housekeep, HOUSEKEEPING_MS } from './housekeeping.ts';
import { healthOf, upstreamHealth } from './observe/health.ts';
import type { Health } from './observe/health.ts';
import type { AdjustableLogger } from './observe/log.ts';
import { Metrics } from './observe/metrics.ts';
import { lookAtCommitments } from './observe/commitments.ts';
import type { CommitmentSource } from './observe/commitments.ts';
import { lookAtSpool } from './observe/spool.ts';
import type { SpoolSource } from './observe/spool.ts';
import { buildListener, createUpstream, hasStore, needsStore, openConfiguredStore, recordersOf } from './parts.ts';
import type { Listener, Recorders } from './parts.ts';
import { Ris } from './ris/ris.ts';
import { buildRoutes, reportersOf } from './route-parts.ts';
import { closeSecurity, loadListenerSecurity } from './security-parts.ts';
import type { ListenerSecurity } from './security-parts.ts';
import { importSeeds, readSeeds } from './seeds.ts';
import type { Upstream } from './services/port.ts';
import { StoreServices } from './store-services.ts';
import type { Store } from './store/store.ts';

/** What the ready line of `serve` tells. */
export interface BoundPorts {
  readonly listeners: Readonly<Record<string, { readonly port: number }>>;
  readonly console?: { readonly port: number };
}

/** Reads the configuration again. Rejects with a GatewayError (CONFIG_…) when it is bad. */
export type ConfigSource = () => Promise<{ config: Config; warnings: readonly string[] }>;

interface RunningListener {
  readonly config: ListenerConfig;
  readonly security: ListenerSecurity;
  readonly listener: Listener;
  readonly port: number;
}

interface RunningUpstream {
  readonly config: UpstreamConfig;
  readonly upstream: Upstream;
  /** The store it was given. */
  readonly store: Store | undefined;
}

/** All parts that a reload replaces together. */
interface Parts {
  readonly config: Config;
  readonly listeners: ReadonlyMap<string, RunningListener>;
  readonly upstreams: ReadonlyMap<string, RunningUpstream>;
  readonly recorders: Recorders;
  /** Undefined where no route has the MPPS service and no upstream is a RIS. */
  readonly store: Store | undefined;
  readonly console: { readonly server: ConsoleServer; readonly port: number } | undefined;
}

const NOTHING: Pick<Parts, 'listeners' | 'upstreams' | 'console' | 'store'> & {
  recorders: undefined;
  config: undefined;
} = {
  config: undefined,
  store: undefined,
  listeners: new Map(),
  upstreams: new Map(),
  recorders: undefined,
  console: undefined,
};

/** Listeners with the same key share their socket across a reload, whatever they are called. */
function socketOf(name: string, { protocol, host, port, tls }: ListenerConfig): string {
  return `${protocol} ${host} ${port === 0 ? name : port} ${JSON.stringify(tls)}`;
}

export class App {
  readonly #logger: AdjustableLogger;
  readonly #gateway: Gateway;
  readonly #source: ConfigSource | undefined;
  readonly #retiring = new Set<Promise<void>>();
  readonly #spoolSource: SpoolSource = {
    depths: () => this.#parts?.store?.spool.depths(),
    destinations: () => this.#services?.spool.states().values() ?? [],
  };
  readonly #commitmentSource: CommitmentSource = {
    counts: () => this.#parts?.store?.commitments.counts(),
    destinations: () =>
      (this.#parts?.config.routes ?? []).flatMap(({ name, storageCommitment }) =>
        storageCommitment === undefined ? [] : [{ route: name, upstream: storageCommitment.to }],
      ),
  };
  readonly #metrics = new Metrics(this.#spoolSource, this.#commitmentSource);
  #services: StoreServices | undefined;
  #housekeeping: NodeJS.Timeout | undefined;
  #parts: Parts | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  #closing = false;
  /** Resolved once no listener waits for anything any more. */
  readonly #ended = Promise.withResolvers<void>();

  /** @param source for reloads; without it they are refused. */
  constructor(logger: AdjustableLogger, source?: ConfigSource) {
    this.#logger = logger;
    this.#source = source;
    this.#gateway = new Gateway([], logger);
  }

  /** Binds everything. @throws GatewayError LISTENER_FAILED, SEED_INVALID, STORE_*; nothing stays bound then */
  async start(config: Config): Promise<BoundPorts> {
    this.#put(await this.#build(config));
    this.#housekeeping = setInterval(() => void this.housekeep(), HOUSEKEEPING_MS).unref();
    await this.housekeep();
    return this.ports();
  }

  /** Forgets what has aged out. Never rejects. @param nowMs wall clock, ms since 1970 */
  async housekeep(nowMs = Date.now()): Promise<void> {
    const { store, config } = this.#parts ?? NOTHING;
    if (store === undefined || config === undefined) return;
    await housekeep(store, config.store.retention, this.#rises(), this.#logger, nowMs);
  }

  ports(): BoundPorts {
    const { listeners, console } = this.#parts ?? NOTHING;
    return {
      listeners: Object.fromEntries([...listeners].map(([name, { port }]) => [name, { port }])),
      ...(console === undefined ? {} : { console: { port: console.port } }),
    };
  }

  async health(): Promise<Health> {
    const { listeners, upstreams } = this.#parts ?? NOTHING;
    const states = this.#gateway.upstreamStates();
    return healthOf(
      Object.fromEntries(
        [...listeners].map(([name, { config, port, listener }]) => [
          name,
          { protocol: config.protocol, port, listening: listener.listening && !this.#closing },
        ]),
      ),
      Object.fromEntries(
        [...upstreams].map(([name, { config }]) => [name, upstreamHealth(config.protocol, states.get(name))]),
      ),
      await lookAtSpool(this.#spoolSource),
      await lookAtCommitments(this.#commitmentSource),
    );
  }

  /** Reads, checks and puts a new configuration in place; one at a time. Rejects with nothing changed. */
  reload(): Promise<{ warnings: readonly string[] }> {
    const turn = this.#reloading.then(async () => {
      if (this.#source === undefined || this.#closing) {
        throw new GatewayError('RELOAD_FAILED', 'The configuration cannot be reloaded now', {
          fix: 'Start it with `dimseway serve --config FILE`.',
        });
      }
      const { config, warnings } = await this.#source();
      this.#put(await this.#build(config));
      this.#logger.info('reloaded', { routes: config.routes.map((route) => route.name) });
      return { warnings };
    });
    this.#reloading = turn.catch(() => undefined);
    return turn;
  }

  /** Stops accepting, lets requests under way finish within `timers.shutdown`, then ends them. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#reloading;
    const parts = this.#parts;
    if (parts === undefined) return;
    const deadlineMs = parts.config.timers.shutdown;
    // Attempts to deliver need their upstreams; what still comes in waits for the next start.
    await Promise.all([
      ...[...parts.listeners.values()].map(({ listener }) => listener.close(deadlineMs)),
      this.#services?.close(deadlineMs),
    ]);
    const upstreams = [...parts.upstreams.values()].map(({ upstream }) => upstream.close());
    // A peer that does not answer a release must not hold up the end: what it was asked is answered already.
    await Promise.race([Promise.all(upstreams), sleep(deadlineMs, undefined, { ref: false })]);
    await Promise.all([...parts.listeners.values()].map(({ security }) => closeSecurity(security, false)));
    await Promise.all(this.#retiring);
    clearInterval(this.#housekeeping);
    await this.#services?.delivery.settled();
    await parts.recorders.close();
    await parts.console?.server.close();
    await parts.store?.close();
  }

  /** Builds what the configuration needs, keeping every running part that it does not change. */
  async #build(config: Config): Promise<Parts> {
    const old = this.#parts ?? NOTHING;
    const made: { close(): Promise<void> }[] = [];
    try {
      const seeds = await readSeeds(config.upstreams);
      const store = await this.#buildStore(config, made);
      const upstreams = new Map<string, RunningUpstream>();
      for (const [name, options] of Object.entries(config.upstreams)) {
        const running = old.upstreams.get(name);
        const isKept = running !== undefined && running.store === store && isDeepStrictEqual(running.config, options);
        if (isKept) upstreams.set(name, running);
        else {
          const upstream = await createUpstream(name, options, this.#logger.child({ upstream: name }), store);
          made.push(upstream);
          upstreams.set(name, { config: options, upstream, store });
        }
      }
      const recorders = isDeepStrictEqual(old.config?.log, config.log)
        ? (old.recorders ?? recordersOf(config.log, this.#logger))
        : recordersOf(config.log, this.#logger);
      // At the start nobody is to find a listener without routes, or an empty worklist.
      if (this.#parts === undefined) {
        await importSeeds(seeds, upstreams);
        this.#route(config, upstreams, recorders, store);
      }
      const sockets = new Map([...old.listeners].map(([name, running]) => [socketOf(name, running.config), running]));
      const listeners = new Map<string, RunningListener>();
      for (const [name, options] of Object.entries(config.listeners)) {
        const running = sockets.get(socketOf(name, options));
        const log = this.#logger.child({ listener: name });
        const security = await loadListenerSecurity(`listeners.${name}`, options, log, running?.security.tls);
        made.push({ close: () => closeSecurity(security, running !== undefined) });
        if (running !== undefined) listeners.set(name, { ...running, config: options, security });
        else {
          const listener = buildListener(name, options, this.#gateway, log, {
            reporters: reportersOf(config),
            security,
          });
          const { port } = await this.#bound(name, options, () => listener.listen());
          made.push({ close: () => listener.close(0) });
          listeners.set(name, { config: options, security, listener, port });
        }
      }
      const console = await this.#buildConsole(config, made);
      if (this.#parts !== undefined) await importSeeds(seeds, upstreams);
      return { config, listeners, upstreams, recorders, store, console };
    } catch (error) {
      if (this.#parts === undefined) await this.#stopDelivery();
      await Promise.allSettled(made.map((part) => part.close()));
      throw error;
    }
  }

  /** One store for the life of the process, opened when the first part needs it. */
  async #buildStore(config: Config, made: { close(): Promise<void> }[]): Promise<Store | undefined> {
    const old = this.#parts;
    if (old?.store !== undefined) {
      const placeOf = ({ kind, path, url }: Config['store']): string | undefined => (kind === 'sqlite' ? path : url);
      if (placeOf(old.config.store) === placeOf(config.store)) return old.store;
      throw new GatewayError('RELOAD_FAILED', 'A reload cannot move the store to another place', {
        fix: 'Stop the gateway and start it with the new one.',
      });
    }
    if (!needsStore(config) && !hasStore(config.store)) return undefined;
    const store = await openConfiguredStore(config.store);
    made.push(store);
    return store;
  }

  /** After a start that failed: the store it works on is about to close. */
  async #stopDelivery(): Promise<void> {
    await this.#services?.close(0);
    this.#services = undefined;
  }

  #route(
    config: Config,
    upstreams: ReadonlyMap<string, RunningUpstream>,
    recorders: Recorders,
    store: Store | undefined,
  ): void {
    if (store !== undefined) {
      this.#services ??= new StoreServices(store, this.#logger, this.#metrics.observeDelivery);
    }
    const routes = buildRoutes(config, upstreams, recorders);
    this.#gateway.replaceRoutes(routes, this.#services?.delivery, this.#services?.commitments);
    this.#services?.replaceTargets(config, routes, upstreams);
  }

  /** The embedded RIS by name. */
  #rises(): ReadonlyMap<string, Ris> {
    const { upstreams } = this.#parts ?? NOTHING;
    return new Map(
      [...upstreams].flatMap(([name, { upstream }]) => (upstream instanceof Ris ? [[name, upstream] as const] : [])),
    );
  }

  async #buildConsole(config: Config, made: { close(): Promise<void> }[]): Promise<Parts['console']> {
    const options = config.console;
    if (options === undefined) return undefined;
    const old = this.#parts;
    if (old?.console !== undefined && isDeepStrictEqual(old.config.console, options)) return old.console;
    const log = this.#logger.child({ listener: 'console' });
    const routers = consoleRouters(
      {
        metrics: this.#metrics,
        store: () => this.#parts?.store,
        services: () => this.#services,
        rises: () => this.#rises(),
      },
      log,
    );
    const server = new ConsoleServer(
      options,
      { health: () => this.health(), reload: () => this.reload(), routers },
      log,
    );
    const { port } = await this.#bound('console', options, () => server.listen());
    made.push(server);
    return { server, port };
  }

  /** @throws GatewayError LISTENER_FAILED */
  async #bound(
    name: string,
    { host, port }: { host: string; port: number },
    listen: () => Promise<{ port: number }>,
  ): Promise<{ port: number }> {
    try {
      return await listen();
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
      const { listeners, console } = this.ports();
      const isOurs = [...Object.values(listeners), console].some((ours) => ours?.port === port);
      throw new GatewayError('LISTENER_FAILED', `${name} cannot listen on ${host}:${port}: ${code}`, {
        fix: fixOf(code, isOurs),
        cause,
      });
    }
  }

  /** Puts new parts in place and retires what they replace. Cannot fail. */
  #put(parts: Parts): void {
    const old = this.#parts ?? NOTHING;
    this.#parts = parts;
    this.#logger.setLevel(parts.config.log.level);
    this.#route(parts.config, parts.upstreams, parts.recorders, parts.store);
    const keptListeners = new Set<Listener>();
    for (const [name, { config, listener, security }] of parts.listeners) {
      keptListeners.add(listener);
      const before = [...old.listeners.values()].find((running) => running.listener === listener);
      if (before === undefined) continue;
      listener.update(name, config, { reporters: reportersOf(parts.config), security });
      this.#retire(closeSecurity(before.security, true));
    }
    for (const { listener, security } of old.listeners.values()) {
      if (keptListeners.has(listener)) continue;
      const closed = listener.close(parts.config.timers.shutdown);
      this.#retire(closed.finally(() => closeSecurity(security, false)));
    }
    const keptUpstreams = new Set([...parts.upstreams.values()].map(({ upstream }) => upstream));
    for (const { upstream } of old.upstreams.values()) {
      if (!keptUpstreams.has(upstream)) this.#retire(this.#closeUnused(upstream));
    }
    if (old.recorders !== undefined && old.recorders !== parts.recorders) this.#retire(old.recorders.close());
    if (old.console !== undefined && old.console !== parts.console) this.#retire(old.console.server.close());
  }

  /** A message whose answer does not come asks its upstream again, and others wait behind it. */
  async #closeUnused(upstream: Upstream): Promise<void> {
    await Promise.race([this.#gateway.settled(), this.#ended.promise]);
    await upstream.close();
  }

  #retire(end: Promise<void>): void {
    const settled = end.catch((error: unknown) => {
      this.#logger.error('a retired part did not close', { name: error instanceof Error ? error.name : 'unknown' });
    });
    this.#retiring.add(settled);
    void settled.then(() => this.#retiring.delete(settled));
  }
}

function fixOf(code: string, isOurs: boolean): string {
  switch (code) {
    case 'EADDRINUSE':
      return isOurs
        ? 'The running gateway has this port itself: restart it, since a reload moves no port to another host or protocol.'
        : 'Another process has this port: end it, or choose another port.';
    case 'EACCES':
      return 'Ports below 1024 need a privilege: choose a higher port, or grant CAP_NET_BIND_SERVICE.';
    default:
      return 'Check host and port of the listener.';
  }
}
