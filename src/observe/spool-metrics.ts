/** The spool as metrics: what waits, looked at in the store at each scrape, and attempts, counted as they end. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { CALL_SECONDS, DESTINATION } from './metric-labels.ts';
import { DELIVERY_OUTCOMES } from './spool.ts';
import type { DeliveryAttempt, SpoolSight } from './spool.ts';

export function spoolGaugesIn(registry: Registry): (sight: SpoolSight) => void {
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

export function deliveryCountersIn(registry: Registry): (attempt: DeliveryAttempt) => void {
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
    buckets: CALL_SECONDS,
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
