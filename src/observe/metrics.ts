/**
 * Metrics in the text format of Prometheus. What is in the store, and what listeners and upstreams hold, is asked at each
 * scrape; what happens is counted as it is told. Each instance has a registry of its own.
 */
import { Registry } from 'prom-client';
import type { MetricObject } from 'prom-client';
import { certificateGaugeIn } from './certificate-metrics.ts';
import type { SeenCertificate } from './certificate-metrics.ts';
import { commitmentGaugesIn } from './commitment-metrics.ts';
import { lookAtCommitments } from './commitments.ts';
import type { CommitmentSource } from './commitments.ts';
import { callMetricsIn, exchangeMetricsIn } from './exchange-metrics.ts';
import type { ExchangeObserver } from './exchanges.ts';
import { listenerMetricsIn, upstreamMetricsIn } from './listener-metrics.ts';
import type { SeenListener, SeenUpstream } from './listener-metrics.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { lookAtSpool } from './spool.ts';
import type { DeliveryObserver, SpoolSource } from './spool.ts';
import { deliveryCountersIn, spoolGaugesIn } from './spool-metrics.ts';
import type { SeenCall } from './watched-upstream.ts';
import { workitemMetricsIn } from './workitem-metrics.ts';
import { lookAtWorkitems } from './workitems.ts';
import type { WorkitemSource } from './workitems.ts';

/** Where a scrape looks. */
export interface MetricSources {
  readonly spool: SpoolSource;
  readonly commitments: CommitmentSource;
  readonly workitems: WorkitemSource;
  readonly certificates: () => readonly SeenCertificate[];
  readonly listeners: () => readonly SeenListener[];
  readonly upstreams: () => readonly SeenUpstream[];
}

export interface DescribedMetric {
  readonly name: string;
  /** `counter`, `gauge` or `histogram`. */
  readonly type: string;
  readonly help: string;
  readonly labels: readonly string[];
}

/** There is no store, and nothing is running. */
const NOTHING: MetricSources = {
  spool: { depths: () => undefined, destinations: () => [] },
  commitments: { counts: () => undefined, destinations: () => [] },
  workitems: { workitems: () => undefined, reports: () => undefined, openClaims: () => undefined },
  certificates: () => [],
  listeners: () => [],
  upstreams: () => [],
};

export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricSources;
  readonly #process: ProcessMetrics;
  readonly #showSpool = spoolGaugesIn(this.#registry);
  readonly #showCommitments = commitmentGaugesIn(this.#registry);
  readonly #showWorkitems = workitemMetricsIn(this.#registry);
  readonly #showCertificates = certificateGaugeIn(this.#registry);
  readonly #showListeners = listenerMetricsIn(this.#registry);
  readonly #showUpstreams = upstreamMetricsIn(this.#registry);
  readonly observeDelivery: DeliveryObserver = deliveryCountersIn(this.#registry);
  readonly observeExchange: ExchangeObserver = exchangeMetricsIn(this.#registry);
  readonly observeCall: (call: SeenCall) => void = callMetricsIn(this.#registry);

  /** @param version of the gateway */
  constructor(sources: Partial<MetricSources>, version = '') {
    this.#sources = { ...NOTHING, ...sources };
    this.#process = new ProcessMetrics(this.#registry, version);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** From now on the event loop is watched, until `stop`. */
  start(): void {
    this.#process.start();
  }

  stop(): void {
    this.#process.stop();
  }

  /** What a scrape gets. */
  async text(): Promise<string> {
    const { spool, commitments, workitems, certificates, listeners, upstreams } = this.#sources;
    this.#process.look();
    const seen = await Promise.all([lookAtSpool(spool), lookAtCommitments(commitments), lookAtWorkitems(workitems)]);
    this.#showSpool(seen[0]);
    this.#showCommitments(seen[1]);
    this.#showWorkitems(seen[2]);
    this.#showCertificates(certificates());
    this.#showListeners(listeners());
    this.#showUpstreams(upstreams());
    return this.#registry.metrics();
  }

  /** Every metric, by name. */
  async described(): Promise<DescribedMetric[]> {
    const types = new Map((await this.#registry.getMetricsAsJSON()).map(({ name, type }) => [name, String(type)]));
    const metrics = this.#registry.getMetricsAsArray() as readonly (MetricObject & {
      labelNames?: readonly string[];
    })[];
    return metrics
      .map(({ name, help, labelNames: labels = [] }) => ({ name, help, labels, type: types.get(name) ?? '' }))
      .toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }
}
