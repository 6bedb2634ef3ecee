/** Everything that watches the running gateway, besides its log and its audit trail; it looks anew each time. */
import type { Config } from './config/schema.ts';
import { CaptureRecorder } from './observe/capture.ts';
import type { CommitmentSource } from './observe/commitments.ts';
import { ExchangeRing } from './observe/exchange-history.ts';
import { isFailed } from './observe/exchanges.ts';
import type { SeenExchange } from './observe/exchanges.ts';
import { Metrics } from './observe/metrics.ts';
import type { SpoolSource } from './observe/spool.ts';
import { TrafficWindows } from './observe/traffic.ts';
import { UpstreamStates } from './observe/upstream-states.ts';
import { WatchedUpstream } from './observe/watched-upstream.ts';
import type { SeenCall, UpstreamWatch } from './observe/watched-upstream.ts';
import { NOTHING } from './running.ts';
import type { Parts, RunningUpstream } from './running.ts';
import { certificatesOfSecurity } from './security-parts.ts';
import type { DataSet } from './dataset/model.ts';
import type { TraceStep, Upstream } from './services/port.ts';
import type { StoreServices } from './store-services.ts';
import type { CertificateFacts } from './tls/tls-options.ts';
import { certificatesOf, connectionsOf } from './upstream-parts.ts';
import { versionOfPackage } from './version.ts';

export class Observation implements UpstreamWatch {
  readonly #running: () => Parts | undefined;
  /** Empty without a console, since nobody would see it. */
  readonly history = new ExchangeRing(1);
  readonly traffic = new TrafficWindows();
  readonly capture = new CaptureRecorder();
  readonly upstreams = new UpstreamStates();
  readonly spool: SpoolSource;
  readonly commitments: CommitmentSource;
  readonly metrics: Metrics;
  #hasConsole = false;

  /** @param running what the gateway consists of now */
  constructor(running: () => Parts | undefined, services: () => StoreServices | undefined) {
    this.#running = running;
    const store = (): Parts['store'] => running()?.store;
    this.spool = {
      depths: () => store()?.spool.depths(),
      destinations: () => services()?.spool.states().values() ?? [],
    };
    this.commitments = {
      counts: () => store()?.commitments.counts(),
      destinations: () =>
        (running()?.config.routes ?? []).flatMap(({ name, storageCommitment }) =>
          storageCommitment === undefined ? [] : [{ route: name, upstream: storageCommitment.to }],
        ),
    };
    this.metrics = new Metrics(
      {
        spool: this.spool,
        commitments: this.commitments,
        workitems: {
          workitems: () => store()?.workitems.counts(),
          reports: () => store()?.subscriptions.counts(),
          openClaims: () => store()?.claims.openCounts(),
        },
        certificates: () => this.#certificates(),
        listeners: () =>
          [...(running() ?? NOTHING).listeners].map(([name, { listener }]) => ({ name, ...listener.counts })),
        upstreams: () =>
          [...(running() ?? NOTHING).upstreams].map(([name, each]) => connectionsOf(name, each.upstream)),
      },
      versionOfPackage(),
    );
  }

  /** From now on the event loop is watched, until `stop`. */
  start(): void {
    this.metrics.start();
  }

  /** What was captured is forgotten. */
  stop(): void {
    this.metrics.stop();
    this.capture.options = undefined;
  }

  /** A configuration is put in place. */
  follow({ console }: Pick<Config, 'console'>): void {
    this.#hasConsole = console !== undefined;
    this.history.capacity = console?.exchanges ?? 1;
    const { until, maximumSize } = console?.capture ?? {};
    this.capture.options =
      until === undefined || maximumSize === undefined
        ? undefined
        : { untilMs: until.getTime(), maximumBytes: maximumSize };
  }

  /** The same upstreams, each call of them seen. */
  watched(upstreams: ReadonlyMap<string, RunningUpstream>): ReadonlyMap<string, { readonly upstream: Upstream }> {
    const all = [...upstreams].map(([name, { upstream }]) => {
      return [name, { upstream: new WatchedUpstream(name, upstream, this) }] as const;
    });
    return new Map(all);
  }

  /** An ExchangeObserver. */
  readonly exchanged = (exchange: SeenExchange): void => {
    this.metrics.observeExchange(exchange);
    if (!this.#hasConsole) return;
    this.history.observe(exchange);
    const { requester, route, ms } = exchange;
    this.traffic.note('listener', requester.listener, ms, isFailed(exchange));
    if (route !== undefined) this.traffic.note('route', route, ms, isFailed(exchange));
  };

  called(call: SeenCall): void {
    this.metrics.observeCall(call);
    this.upstreams.note(call);
    const { upstream, ms, failureCode } = call;
    if (!this.#hasConsole || failureCode === 'CANCELED') return;
    this.traffic.note('upstream', upstream, ms, failureCode !== undefined);
  }

  trace(peer: string, traceId: string, step: TraceStep): void {
    if (this.#hasConsole) this.history.trace(traceId, { ...step, peer, atMs: performance.now() });
  }

  passed(upstream: string, stage: 'sent' | 'result', traceId: string, dataSet: DataSet): void {
    this.capture.record(stage, traceId, dataSet, upstream);
  }

  /** Every certificate of TLS that is in use. */
  #certificates(): CertificateFacts[] {
    const { listeners, upstreams, console, audit } = this.#running() ?? NOTHING;
    return [
      ...[...listeners.values()].flatMap(({ security }) => certificatesOfSecurity(security)),
      ...[...upstreams.values()].flatMap(({ upstream }) => certificatesOf(upstream)),
      ...(console?.tls?.certificates() ?? []),
      ...(audit?.certificates() ?? []),
    ];
  }
}
