/**
 * Composition root: builds every part from the configuration, starts and stops them in order, and swaps them on reload.
 * A reload builds all that is new first; only when nothing failed is it put in place of the old.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { AccessRefusal } from './access/access-refusal.ts';
import type { ConfigFile } from './config/config-file.ts';
import type { Config, ListenerConfig } from './config/schema.ts';
import { Audit } from './audit-parts.ts';
import { bound } from './binding.ts';
import type { BoundPorts } from './binding.ts';
import { consoleRouters, staysInPlace } from './console-parts.ts';
import { ConsoleServer } from './console/server.ts';
import { GatewayError } from './errors.ts';
import { Gateway } from './gateway/gateway.ts';
import { housekeep, HOUSEKEEPING_MS } from './housekeeping.ts';
import type { AuthenticationEvent } from './identity/principal.ts';
import { errorFacts } from './observe/error-facts.ts';
import { healthOf, upstreamHealth } from './observe/health.ts';
import type { Health } from './observe/health.ts';
import type { AdjustableLogger } from './observe/log.ts';
import { lookAtCommitments } from './observe/commitments.ts';
import { lookAtSpool } from './observe/spool.ts';
import { Observation } from './observe-parts.ts';
import { buildListener, hasStore, needsStore, openConfiguredStore, recordersOf } from './parts.ts';
import type { Listener, Recorders } from './parts.ts';
import { Ris } from './ris/ris.ts';
import { buildRoutes, reportersOf } from './route-parts.ts';
import { NOTHING } from './running.ts';
import type { Parts, RunningListener, RunningUpstream } from './running.ts';
import { closeSecurity, loadListenerSecurity } from './security-parts.ts';
import { importSeeds, readSeeds } from './seeds.ts';
import type { Upstream } from './services/port.ts';
import { StoreServices } from './store-services.ts';
import type { Store } from './store/store.ts';
import { UpsUpstream } from './ups/upstream.ts';
import { createUpstream } from './upstream-parts.ts';

/** Reads the configuration again. Rejects with a GatewayError (CONFIG_…) when it is bad. */
export type ConfigSource = () => Promise<{ config: Config; warnings: readonly string[] }>;

/** Listeners with the same key share their socket across a reload, whatever they are called. */
function socketOf(name: string, { protocol, host, port, tls }: ListenerConfig): string {
  return `${protocol} ${host} ${port === 0 ? name : port} ${JSON.stringify(tls)}`;
}

export class App {
  readonly #logger: AdjustableLogger;
  readonly #gateway: Gateway;
  readonly #source: ConfigSource | undefined;
  readonly #file: ConfigFile | undefined;
  readonly #retiring = new Set<Promise<void>>();
  readonly #observation = new Observation(
    () => this.#parts,
    () => this.#services,
  );
  #services: StoreServices | undefined;
  #housekeeping: NodeJS.Timeout | undefined;
  #parts: Parts | undefined;
  #reloading: Promise<unknown> = Promise.resolve();
  #closing = false;
  /** Resolved once no listener waits for anything any more. */
  readonly #ended = Promise.withResolvers<void>();

  /** What listeners tell the audit trail. */
  readonly #told = {
    authenticated: (event: AuthenticationEvent): void => this.#parts?.audit.authenticated(event),
    refused: (listener: string, refusal: AccessRefusal): void => this.#parts?.audit.refused(listener, refusal),
  };

  /**
   * @param source for reloads; without it they are refused
   * @param file what `source` reads, for the console to show
   */
  constructor(logger: AdjustableLogger, source?: ConfigSource, file?: ConfigFile) {
    this.#logger = logger;
    this.#source = source;
    this.#file = file;
    this.#gateway = new Gateway([], logger);
  }

  /** Binds everything. @throws GatewayError LISTENER_FAILED, SEED_INVALID, STORE_*; nothing stays bound then */
  async start(config: Config): Promise<BoundPorts> {
    this.#put(await this.#build(config));
    this.#observation.start();
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
    const states = this.#observation.upstreams;
    return healthOf(
      Object.fromEntries(
        [...listeners].map(([name, { config, port, listener }]) => [
          name,
          { protocol: config.protocol, port, listening: listener.listening && !this.#closing },
        ]),
      ),
      Object.fromEntries(
        [...upstreams].map(([name, { config }]) => [name, upstreamHealth(config.protocol, states.of(name))]),
      ),
      await lookAtSpool(this.#observation.spool),
      await lookAtCommitments(this.#observation.commitments),
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
      const { config, warnings } = await this.#configured(this.#source);
      this.#logger.info('reloaded', { routes: config.routes.map((route) => route.name) });
      return { warnings };
    });
    this.#reloading = turn.catch(() => undefined);
    return turn;
  }

  /** A new configuration in place of the old, or why not; the audit trail has both. */
  async #configured(source: ConfigSource): ReturnType<ConfigSource> {
    try {
      const read = await source();
      this.#put(await this.#build(read.config));
      this.#parts?.audit.reloaded();
      return read;
    } catch (error) {
      this.#parts?.audit.reloaded(error instanceof GatewayError ? error.code : 'unforeseen');
      throw error;
    }
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
    this.#ended.resolve();
    const upstreams = [...parts.upstreams.values()].map(({ upstream }) => upstream.close());
    // A peer that does not answer a release must not hold up the end: what it was asked is answered already.
    await Promise.race([Promise.all([...upstreams, ...this.#retiring]), sleep(deadlineMs, undefined, { ref: false })]);
    await Promise.all([...parts.listeners.values()].map(({ security }) => closeSecurity(security, undefined)));
    clearInterval(this.#housekeeping);
    this.#observation.stop();
    await this.#services?.delivery.settled();
    parts.audit.stopped();
    await Promise.all([parts.recorders.close(), parts.audit.close(deadlineMs)]);
    await closeConsole(parts.console);
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
      const audit = await this.#openAudit(config, made);
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
        const security = await loadListenerSecurity(`listeners.${name}`, options, log, running);
        made.push({ close: () => closeSecurity(security, running?.security) });
        if (running !== undefined) listeners.set(name, { ...running, config: options, security });
        else {
          const listener = buildListener(name, options, this.#gateway, log, {
            ...{ reporters: reportersOf(config), security, ...this.#told },
          });
          const { port } = await bound(name, options, () => listener.listen(), this.ports());
          made.push({ close: () => listener.close(0) });
          listeners.set(name, { config: options, security, listener, port });
        }
      }
      const console = await this.#buildConsole(config, made);
      if (this.#parts !== undefined) await importSeeds(seeds, upstreams);
      return { config, listeners, upstreams, recorders, store, console, audit };
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

  /** The running one goes on where nothing that it says has changed. */
  async #openAudit(config: Config, made: { close(): Promise<void> }[]): Promise<Audit> {
    const old = this.#parts;
    if (old !== undefined && isDeepStrictEqual(old.config.audit, config.audit)) return old.audit;
    if (old?.config.audit !== undefined && config.audit !== undefined) {
      throw new GatewayError('RELOAD_FAILED', 'A reload cannot change the audit trail, whose spool has one owner', {
        fix: 'Stop the gateway and start it with the new one.',
      });
    }
    const audit = await Audit.open(config, this.#logger);
    made.push({ close: () => audit.close(0) });
    return audit;
  }

  #route(
    config: Config,
    upstreams: ReadonlyMap<string, RunningUpstream>,
    recorders: Recorders,
    store: Store | undefined,
  ): void {
    if (store !== undefined) {
      this.#services ??= new StoreServices(
        store,
        this.#gateway,
        this.#logger,
        this.#observation.metrics.observeDelivery,
      );
    }
    const watched = this.#observation.watched(upstreams);
    const capture = config.console?.capture && this.#observation.capture;
    const routes = buildRoutes(config, watched, recorders, capture);
    const { delivery, commitments, workitems } = this.#services ?? {};
    this.#gateway.replaceRoutes(routes, delivery, commitments);
    this.#gateway.workitems = workitems;
    this.#gateway.mppsObserver = workitems && ((upstream, event) => workitems.told(upstream, event));
    this.#services?.replaceTargets(config, routes, watched);
    for (const [name, { upstream }] of upstreams) {
      if (upstream instanceof UpsUpstream) upstream.listen((event) => this.#gateway.told(name, event));
    }
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
    if (old?.console !== undefined && staysInPlace(old.config.console, options)) return old.console;
    const log = this.#logger.child({ listener: 'console' });
    const routers = consoleRouters(
      {
        observation: this.#observation,
        running: () => this.#parts,
        health: () => this.health(),
        file: this.#file,
        services: () => this.#services,
        rises: () => this.#rises(),
      },
      log,
    );
    const { tls: _files, ...plain } = options;
    const { tls } = await loadListenerSecurity('console', options, log);
    if (tls !== undefined) made.push({ close: async () => tls.close() });
    const server = new ConsoleServer(
      {
        ...plain,
        ...(tls && { tls }),
        refused: (attempt) => this.#told.authenticated({ listener: 'console', outcome: 'failure', ...attempt }),
        acted: (action) => this.#parts?.audit.acted(action),
      },
      { health: () => this.health(), reload: () => this.reload(), routers },
      log,
    );
    const { port } = await bound('console', options, () => server.listen(), this.ports());
    made.push(server);
    return { server, port, ...(tls && { tls }) };
  }

  /** Puts new parts in place and retires what they replace. Cannot fail. */
  #put(parts: Parts): void {
    const old = this.#parts ?? NOTHING;
    this.#parts = parts;
    this.#logger.setLevel(parts.config.log.level);
    this.#observation.follow(parts.config);
    if (parts.console !== undefined) parts.console.server.tokens = parts.config.console ?? {};
    this.#route(parts.config, parts.upstreams, parts.recorders, parts.store);
    const keptListeners = new Set<Listener>();
    for (const [name, { config, listener, security }] of parts.listeners) {
      keptListeners.add(listener);
      const before = [...old.listeners.values()].find((running) => running.listener === listener);
      if (before === undefined) continue;
      const reporters = reportersOf(parts.config);
      listener.update(name, config, { reporters, security, ...this.#told });
      this.#retire(closeSecurity(before.security, security));
    }
    for (const { listener, security } of old.listeners.values()) {
      if (keptListeners.has(listener)) continue;
      const closed = listener.close(parts.config.timers.shutdown);
      this.#retire(closed.finally(() => closeSecurity(security, undefined)));
    }
    const keptUpstreams = new Set([...parts.upstreams.values()].map(({ upstream }) => upstream));
    for (const { upstream } of old.upstreams.values()) {
      if (!keptUpstreams.has(upstream)) this.#retire(this.#closeUnused(upstream));
    }
    if (old.recorders !== undefined && old.recorders !== parts.recorders) this.#retire(old.recorders.close());
    if (old.audit !== parts.audit) {
      old.audit?.stopped();
      parts.audit.started();
      if (old.audit !== undefined) this.#retire(old.audit.close(parts.config.timers.shutdown));
    }
    parts.audit.follow(parts.config);
    const secured = [...[...parts.listeners.values()].map(({ security }) => security.tls), parts.console?.tls];
    for (const tls of secured) if (tls !== undefined) tls.observer = parts.audit.handshakeFailed;
    const { exchanged } = this.#observation;
    this.#gateway.observers = [exchanged, ...(parts.audit.observer === undefined ? [] : [parts.audit.observer])];
    if (old.console !== undefined && old.console !== parts.console) this.#retire(closeConsole(old.console));
  }

  /** A message whose answer does not come asks its upstream again, and others wait behind it. */
  async #closeUnused(upstream: Upstream): Promise<void> {
    await Promise.race([this.#gateway.settled(), this.#ended.promise]);
    await upstream.close();
  }

  #retire(end: Promise<void>): void {
    const settled = end.catch((error: unknown) => {
      this.#logger.error('a retired part did not close', errorFacts(error));
    });
    this.#retiring.add(settled);
    void settled.then(() => this.#retiring.delete(settled));
  }
}

/** Also its certificates, which are looked at for changes as long as it is there. */
async function closeConsole(console: Parts['console']): Promise<void> {
  await console?.server.close();
  console?.tls?.close();
}
