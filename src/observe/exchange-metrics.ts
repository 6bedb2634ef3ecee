/** Exchanges and the calls of upstreams as metrics, counted as they end. */
import { Counter, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { isFailed } from './exchanges.ts';
import type { ExchangeObserver } from './exchanges.ts';
import { BoundedLabel, CALL_SECONDS, NO_ROUTE } from './metric-labels.ts';
import type { SeenCall } from './watched-upstream.ts';

/** Statuses of DIMSE and HTTP that are told apart; an upstream whose own are passed on may think of many. */
const STATUSES = 64;

const SCOPE = ['route', 'listener', 'transaction'] as const;

export function exchangeMetricsIn(registry: Registry): ExchangeObserver {
  const registers = [registry];
  const statuses = new BoundedLabel(STATUSES);
  const exchanges = new Counter({
    name: 'dimseway_exchanges_total',
    help: 'Exchanges with requesters by the status they saw, in the notation of their protocol.',
    labelNames: [...SCOPE, 'status'],
    registers,
  });
  const failures = new Counter({
    name: 'dimseway_exchange_failures_total',
    help: 'Exchanges that failed, by failure code; those that the requester has cancelled are none.',
    labelNames: [...SCOPE, 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'dimseway_exchange_duration_seconds',
    help: 'Time from the request to its outcome; of a search to its last result.',
    labelNames: SCOPE,
    buckets: CALL_SECONDS,
    registers,
  });
  return (exchange) => {
    const { route = NO_ROUTE, requester, operation: transaction, status, failure, ms } = exchange;
    const { listener } = requester;
    exchanges.inc({ route, listener, transaction, status: statuses.of(status) });
    if (failure !== undefined && isFailed(exchange)) failures.inc({ route, listener, transaction, code: failure.code });
    durations.observe({ route, listener, transaction }, ms / 1_000);
  };
}

/** Of every call, those of the spool and of storage commitment included. */
export function callMetricsIn(registry: Registry): (call: SeenCall) => void {
  const registers = [registry];
  const calls = new Counter({
    name: 'dimseway_upstream_calls_total',
    help: 'Calls of upstreams by outcome: ok, or the failure code.',
    labelNames: ['upstream', 'transaction', 'outcome'],
    registers,
  });
  const durations = new Histogram({
    name: 'dimseway_upstream_call_duration_seconds',
    help: 'Time that a call of an upstream took; of a search to its last result.',
    labelNames: ['upstream', 'transaction'],
    buckets: CALL_SECONDS,
    registers,
  });
  return ({ upstream, transaction, failureCode = 'ok', ms }) => {
    calls.inc({ upstream, transaction, outcome: failureCode });
    durations.observe({ upstream, transaction }, ms / 1_000);
  };
}
