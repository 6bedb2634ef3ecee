/**
 * Metrics in the text format of Prometheus. What is in the store is asked at each scrape; what happens is counted as it is
 * told. Each instance has a registry of its own, and nothing runs between scrapes.
 */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { lookAtCommitments, OPEN_PHASES, WATCHED_PHASES } from './commitments.ts';
import type { CommitmentSource, SeenCommitments } from './commitments.ts';
import { DELIVERY_OUTCOMES, lookAtSpool } from './spool.ts';
import type { DeliveryAttempt, SpoolSight, SpoolSource } from './spool.ts';

const DESTINATION = ['route', 'upstream'] as const;

/** From an SCP in the next room to one that is given up. */
const ATTEMPT_SECONDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

const NO_COMMITMENTS: CommitmentSource = { counts: () => undefined, destinations: () => [] };

/** A certificate that is in use. */
export interface SeenCertificate {
  /** Part of the configuration it belongs to. */
  readonly owner: string;
  readonly role: string;
  readonly subject: string;
  /** ms since 1970 */
  readonly notAfter: number;
}

export class Metrics {
  readonly #registry = new Registry();
  readonly #source: SpoolSource;
  readonly #commitments: CommitmentSource;
  readonly #show: (sight: SpoolSight) => void;
  readonly #showCommitments: (seen: readonly SeenCommitments[]) => void;
  readonly #count: (attempt: DeliveryAttempt) => void;
  readonly #certificates: () => readonly SeenCertificate[];
  readonly #showCertificates: (seen: readonly SeenCertificate[]) => void;

  constructor(
    source: SpoolSource,
    commitments: CommitmentSource = NO_COMMITMENTS,
    certificates: () => readonly SeenCertificate[] = () => [],
  ) {
    this.#certificates = certificates;
    this.#showCertificates = certificateGaugeIn(this.#registry);
    this.#source = source;
    this.#commitments = commitments;
    this.#show = gaugesIn(this.#registry);
    this.#showCommitments = commitmentGaugesIn(this.#registry);
    this.#count = countersIn(this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** A DeliveryObserver. */
  readonly observeDelivery = (attempt: DeliveryAttempt): void => this.#count(attempt);

  /** What a scrape gets. */
  async text(): Promise<string> {
    const [sight, commitments] = await Promise.all([lookAtSpool(this.#source), lookAtCommitments(this.#commitments)]);
    this.#show(sight);
    this.#showCommitments(commitments);
    this.#showCertificates(this.#certificates());
    return this.#registry.metrics();
  }
}

function certificateGaugeIn(registry: Registry): (seen: readonly SeenCertificate[]) => void {
  const gauge = new Gauge({
    name: 'dimseway_certificate_not_after_seconds',
    help: 'Until when a certificate of TLS is good, in seconds since 1970.',
    labelNames: ['owner', 'role', 'subject'],
    registers: [registry],
  });
  return (seen) => {
    gauge.reset();
    for (const { owner, role, subject, notAfter } of seen) {
      gauge.set({ owner, role, subject }, Math.floor(notAfter / 1_000));
    }
  };
}

function gaugesIn(registry: Registry): (sight: SpoolSight) => void {
  const registers = [registry];
  const up = new Gauge({
    name: 'dimseway_store_up',
    help: 'Whether the store answers (1) or not (0); absent where there is none.',
    labelNames: [],
    registers,
  });
  const messages = new Gauge({
    name: 'dimseway_spool_messages',
    help: 'Messages that wait for a destination: queued ones are tried, dead ones wait for a person.',
    labelNames: [...DESTINATION, 'state'],
    registers,
  });
  const age = new Gauge({
    name: 'dimseway_spool_oldest_message_age_seconds',
    help: 'Age of the oldest message that waits for a destination; 0 where there is none.',
    labelNames: DESTINATION,
    registers,
  });
  const attempts = new Gauge({
    name: 'dimseway_spool_attempts_max',
    help: 'Most attempts of any message that waits for a destination.',
    labelNames: DESTINATION,
    registers,
  });
  const open = new Gauge({
    name: 'dimseway_spool_circuit_open',
    help: 'Whether this process sends nothing but probes to a destination (1) or delivers to it (0); absent where it is in no route.',
    labelNames: DESTINATION,
    registers,
  });
  return ({ store, destinations }) => {
    // A destination that is gone is not to be told of for ever.
    for (const gauge of [messages, age, attempts, open]) gauge.reset();
    up.remove();
    if (store !== undefined) up.set(store === 'ok' ? 1 : 0);
    for (const { route, upstream, isServed, depth, circuitOpenSince } of destinations) {
      if (isServed) open.set({ route, upstream }, circuitOpenSince === undefined ? 0 : 1);
      if (depth === undefined) continue;
      messages.set({ route, upstream, state: 'queued' }, depth.queued);
      messages.set({ route, upstream, state: 'dead' }, depth.dead);
      age.set({ route, upstream }, depth.oldestMs / 1_000);
      attempts.set({ route, upstream }, depth.attempts);
    }
  };
}

function commitmentGaugesIn(registry: Registry): (seen: readonly SeenCommitments[]) => void {
  const registers = [registry];
  const labelNames = [...DESTINATION, 'phase'];
  const counts = new Gauge({
    name: 'dimseway_commitments',
    help: 'Storage commitments by phase: asking, waiting, reporting or done.',
    labelNames,
    registers,
  });
  const age = new Gauge({
    name: 'dimseway_commitment_oldest_seconds',
    help: 'Time since the oldest storage commitment that is asking, waiting or reporting was asked for; 0 where there is none.',
    labelNames,
    registers,
  });
  return (seen) => {
    for (const gauge of [counts, age]) gauge.reset();
    for (const { route, upstream, phases } of seen) {
      if (phases === undefined) continue;
      for (const phase of WATCHED_PHASES) counts.set({ route, upstream, phase }, phases[phase].count);
      for (const phase of OPEN_PHASES) age.set({ route, upstream, phase }, phases[phase].oldestMs / 1_000);
    }
  };
}

function countersIn(registry: Registry): (attempt: DeliveryAttempt) => void {
  const registers = [registry];
  const deliveries = new Counter({
    name: 'dimseway_spool_deliveries_total',
    help: 'Attempts to deliver a message by how they ended: delivered, later (it is tried again) or dead.',
    labelNames: [...DESTINATION, 'kind', 'outcome'],
    registers,
  });
  const failures = new Counter({
    name: 'dimseway_spool_failures_total',
    help: 'Attempts to deliver a message that failed, by failure code.',
    labelNames: [...DESTINATION, 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'dimseway_spool_attempt_duration_seconds',
    help: 'Time that an attempt to deliver a message took.',
    labelNames: DESTINATION,
    buckets: ATTEMPT_SECONDS,
    registers,
  });
  return ({ route, upstream, kind, outcome, failureCode, ms }) => {
    // Every outcome from the first attempt on: a counter that begins at 1 has no increase.
    for (const each of DELIVERY_OUTCOMES) {
      deliveries.inc({ route, upstream, kind, outcome: each }, each === outcome ? 1 : 0);
    }
    if (failureCode !== undefined) failures.inc({ route, upstream, code: failureCode });
    durations.observe({ route, upstream }, ms / 1_000);
  };
}
