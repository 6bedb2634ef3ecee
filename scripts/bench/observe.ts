/** What it costs that the gateway is watched: of one search, the call of its upstream, its hops, its metrics and its record. */
import { createDataSet } from '../../src/dataset/model.ts';
import { CaptureRecorder } from '../../src/observe/capture.ts';
import { ExchangeRing } from '../../src/observe/exchange-history.ts';
import type { SeenExchange } from '../../src/observe/exchanges.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { TrafficWindows } from '../../src/observe/traffic.ts';
import { WatchedUpstream } from '../../src/observe/watched-upstream.ts';
import type { RequestContext, TraceStep, Upstream } from '../../src/services/port.ts';
import { median } from './measure.ts';
import type { Row } from './measure.ts';

const SEARCHES = 20_000;
const ROUNDS = 7;
const TARGET_US = 20;

const REQUESTER = {
  listener: 'ward',
  protocol: 'dimse',
  address: '192.0.2.7',
  callingAeTitle: 'CT1',
  calledAeTitle: 'DIMSEWAY',
} as const;

const STEPS: readonly TraceStep[] = [
  { direction: 'out', text: 'association in use again' },
  { direction: 'out', text: 'C-FIND-RQ Modality Worklist' },
  { direction: 'in', text: 'C-FIND-RSP after 12 that were pending', status: '0000H' },
];

/** An upstream that finds nothing, and tells what a far end tells. */
const FAR_END = {
  async *search(_query: unknown, { trace }: RequestContext) {
    if (trace !== undefined) for (const step of STEPS) trace(step);
  },
} as unknown as Upstream;

function contextOf(traceId: string): RequestContext {
  const { signal } = new AbortController();
  return { signal, deadline: Infinity, traceId, requester: REQUESTER, warn: () => undefined };
}

const QUERY = {
  identifier: createDataSet(),
  returnKeys: 'requested',
  fuzzyMatching: false,
  emptyValueMatching: false,
  multipleValueMatching: false,
  timezoneAdjustment: false,
  offset: 0,
  stableOrder: false,
} as const;

async function searchesUs(upstream: Upstream, seen: (exchange: SeenExchange) => void): Promise<number> {
  const startMs = performance.now();
  for (let i = 0; i < SEARCHES; i++) {
    const traceId = `trace ${i}`;
    for await (const _found of upstream.search(QUERY, contextOf(traceId)));
    seen({
      operation: 'search',
      requester: REQUESTER,
      traceId,
      route: 'ct',
      upstream: 'ris',
      startedMs: startMs,
      ms: 12.5,
      status: '0000H',
      count: 12,
      warnings: [],
      dataSet: QUERY.identifier,
    });
  }
  return ((performance.now() - startMs) / SEARCHES) * 1_000;
}

export async function benchObserve(): Promise<Row[]> {
  const metrics = new Metrics({});
  const history = new ExchangeRing(1_000);
  const traffic = new TrafficWindows();
  const capture = new CaptureRecorder();
  const watched = new WatchedUpstream('ris', FAR_END, {
    called: (call) => {
      metrics.observeCall(call);
      traffic.note('upstream', call.upstream, call.ms, false);
    },
    trace: (peer, traceId, step) => history.trace(traceId, { ...step, peer, atMs: performance.now() }),
    passed: (upstream, stage, traceId, dataSet) => capture.record(stage, traceId, dataSet, upstream),
  });
  const seen = (exchange: SeenExchange): void => {
    metrics.observeExchange(exchange);
    history.observe(exchange);
    traffic.note('listener', exchange.requester.listener, exchange.ms, false);
    traffic.note('route', 'ct', exchange.ms, false);
  };
  const plain: number[] = [];
  const all: number[] = [];
  for (let round = -1; round < ROUNDS; round++) {
    const without = await searchesUs(FAR_END, () => undefined);
    const withAll = await searchesUs(watched, seen);
    if (round < 0) continue;
    plain.push(without);
    all.push(withAll);
  }
  const value = median(all) - median(plain);
  const detail = `watched ${median(all).toFixed(2)} µs, not watched ${median(plain).toFixed(2)} µs`;
  return [{ name: 'a search that is watched, more', value, unit: 'µs', target: { atMost: TARGET_US }, detail }];
}
