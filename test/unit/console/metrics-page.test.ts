import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { metricsPage } from '../../../src/console/metrics-page.ts';
import type { WatchedCount } from '../../../src/observe/commitments.ts';
import { Metrics } from '../../../src/observe/metrics.ts';
import type { WatchedDepth, WatchedDestination } from '../../../src/observe/spool.ts';
import { openConsole } from '../../support/console.ts';
import type { ConsoleBed } from '../../support/console.ts';

const RIS = { route: 'ct', upstream: 'ris' };

let depths: () => Promise<readonly WatchedDepth[]> | undefined;
let destinations: readonly WatchedDestination[];
let counts: () => Promise<readonly WatchedCount[]> | undefined;
let asked: readonly { route: string; upstream: string }[];
let metrics: Metrics;
let console: ConsoleBed;

beforeEach(async () => {
  depths = () => Promise.resolve([]);
  destinations = [];
  counts = () => Promise.resolve([]);
  asked = [];
  metrics = new Metrics({
    spool: { depths: () => depths(), destinations: () => destinations },
    commitments: { counts: () => counts(), destinations: () => asked },
  });
  console = await openConsole([metricsPage(metrics)]);
});
afterEach(() => console.close());

interface Family {
  readonly type: string;
  readonly help: string;
  /** `name{labels}`, as it stands, with its value. */
  readonly samples: Readonly<Record<string, number>>;
}

/** The text format of Prometheus 0.0.4, of which every line must be one of its kinds. */
function parse(text: string): Map<string, Family> {
  const families = new Map<string, { type: string; help: string; samples: Record<string, number> }>();
  let name = '';
  for (const line of text.split('\n').filter((each) => each !== '')) {
    const [, what, of = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? [];
    if (what === 'HELP') families.set((name = of), { type: '', help: rest, samples: {} });
    const family = families.get(name);
    if (family === undefined) throw new Error(`no family for ${line}`);
    if (what === 'TYPE') family.type = rest;
    if (what !== undefined) continue;
    const [, sample = '', value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
    if (!sample.startsWith(name)) throw new Error(`not a sample of ${name}: ${line}`);
    family.samples[sample] = Number(value);
  }
  return families;
}

async function scrape(): Promise<Map<string, Family>> {
  const response = await fetch(`http://127.0.0.1:${console.port}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return parse(await response.text());
}

async function samples(name: string): Promise<Family['samples'] | undefined> {
  return (await scrape()).get(name)?.samples;
}

test('each metric has our prefix or is of every process, a type, a help text, and a name by the conventions of Prometheus', async () => {
  const families = await scrape();
  expect(families.size).toBeGreaterThan(40);
  for (const [name, { type, help }] of families) {
    expect(name).toMatch(/^(dimseway|process|nodejs)_[a-z_]+$/);
    expect(help).toMatch(/\.$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(ms|minutes|kilobytes)$/);
  }
});

test('depth, age and attempts are read from the store at each scrape', async () => {
  destinations = [RIS, { route: 'ct', upstream: 'archive' }];
  depths = () => Promise.resolve([{ ...RIS, queued: 3, dead: 1, oldestMs: 90_500, attempts: 7 }]);
  const families = await scrape();
  expect(families.get('dimseway_spool_messages')?.samples).toEqual({
    'dimseway_spool_messages{route="ct",upstream="archive",state="queued"}': 0,
    'dimseway_spool_messages{route="ct",upstream="archive",state="dead"}': 0,
    'dimseway_spool_messages{route="ct",upstream="ris",state="queued"}': 3,
    'dimseway_spool_messages{route="ct",upstream="ris",state="dead"}': 1,
  });
  expect(families.get('dimseway_spool_oldest_message_age_seconds')?.samples).toEqual({
    'dimseway_spool_oldest_message_age_seconds{route="ct",upstream="archive"}': 0,
    'dimseway_spool_oldest_message_age_seconds{route="ct",upstream="ris"}': 90.5,
  });
  expect(families.get('dimseway_spool_attempts_max')?.samples).toMatchObject({
    'dimseway_spool_attempts_max{route="ct",upstream="ris"}': 7,
  });
  [destinations, depths] = [[], () => Promise.resolve([])];
  expect(await samples('dimseway_spool_messages')).toEqual({});
});

test('the circuit of each destination that is served is shown', async () => {
  destinations = [
    { ...RIS, circuitOpenSince: 1 },
    { route: 'ct', upstream: 'archive' },
  ];
  depths = () => Promise.resolve([{ route: 'gone', upstream: 'ris', queued: 1, dead: 0, oldestMs: 1, attempts: 0 }]);
  expect(await samples('dimseway_spool_circuit_open')).toEqual({
    'dimseway_spool_circuit_open{route="ct",upstream="archive"}': 0,
    'dimseway_spool_circuit_open{route="ct",upstream="ris"}': 1,
  });
});

test('storage commitments are read from the store at each scrape, with the age of those that have something to be done', async () => {
  asked = [{ route: 'ct', upstream: 'pacs' }];
  const gone = { route: 'old', upstream: 'pacs' };
  counts = () =>
    Promise.resolve([
      { route: 'ct', upstream: 'pacs', phase: 'waiting', count: 3, oldestMs: 90_500 },
      { route: 'ct', upstream: 'pacs', phase: 'done', count: 40, oldestMs: 9_000_000 },
      { ...gone, phase: 'reporting', count: 1, oldestMs: 1_000 },
    ]);
  const families = await scrape();
  const of = (route: string, name: string, values: Record<string, number>): Record<string, number> =>
    Object.fromEntries(
      Object.entries(values).map(([phase, value]) => [
        `${name}{route="${route}",upstream="pacs",phase="${phase}"}`,
        value,
      ]),
    );
  expect(families.get('dimseway_commitments')?.samples).toEqual({
    ...of('ct', 'dimseway_commitments', { asking: 0, waiting: 3, reporting: 0, done: 40 }),
    ...of('old', 'dimseway_commitments', { asking: 0, waiting: 0, reporting: 1, done: 0 }),
  });
  expect(families.get('dimseway_commitment_oldest_seconds')?.samples).toEqual({
    ...of('ct', 'dimseway_commitment_oldest_seconds', { asking: 0, waiting: 90.5, reporting: 0 }),
    ...of('old', 'dimseway_commitment_oldest_seconds', { asking: 0, waiting: 0, reporting: 1 }),
  });
  counts = () => Promise.reject(new Error('no connection'));
  expect(await samples('dimseway_commitments')).toEqual({});
});

test('attempts are counted by how they ended, failures by code, and their time is in seconds', async () => {
  metrics.observeDelivery({ ...RIS, kind: 'create', outcome: 'later', failureCode: 'UPSTREAM_TIMEOUT', ms: 2_000 });
  metrics.observeDelivery({ ...RIS, kind: 'create', outcome: 'delivered', ms: 40 });
  metrics.observeDelivery({ ...RIS, kind: 'create', outcome: 'delivered', ms: 60 });
  const families = await scrape();
  expect(families.get('dimseway_spool_deliveries_total')?.samples).toEqual({
    'dimseway_spool_deliveries_total{route="ct",upstream="ris",kind="create",outcome="delivered"}': 2,
    'dimseway_spool_deliveries_total{route="ct",upstream="ris",kind="create",outcome="later"}': 1,
    'dimseway_spool_deliveries_total{route="ct",upstream="ris",kind="create",outcome="dead"}': 0,
  });
  expect(families.get('dimseway_spool_failures_total')?.samples).toEqual({
    'dimseway_spool_failures_total{route="ct",upstream="ris",code="UPSTREAM_TIMEOUT"}': 1,
  });
  expect(families.get('dimseway_spool_attempt_duration_seconds')?.samples).toMatchObject({
    'dimseway_spool_attempt_duration_seconds_bucket{le="0.05",route="ct",upstream="ris"}': 1,
    'dimseway_spool_attempt_duration_seconds_bucket{le="+Inf",route="ct",upstream="ris"}': 3,
    'dimseway_spool_attempt_duration_seconds_sum{route="ct",upstream="ris"}': 2.1,
    'dimseway_spool_attempt_duration_seconds_count{route="ct",upstream="ris"}': 3,
  });
});

test('a store that fails is told, and what was counted is told all the same', async () => {
  expect(await samples('dimseway_store_up')).toEqual({ dimseway_store_up: 1 });
  metrics.observeDelivery({ ...RIS, kind: 'update', outcome: 'delivered', ms: 1 });
  depths = () => Promise.reject(new Error('no connection'));
  const families = await scrape();
  expect(families.get('dimseway_store_up')?.samples).toEqual({ dimseway_store_up: 0 });
  expect(Object.keys(families.get('dimseway_spool_deliveries_total')?.samples ?? {})).toHaveLength(3);
  depths = () => undefined;
  expect(await samples('dimseway_store_up')).toEqual({});
});

test('two gateways in one process count apart', async () => {
  metrics.observeDelivery({ ...RIS, kind: 'create', outcome: 'delivered', ms: 1 });
  const other = new Metrics({});
  expect(parse(await other.text()).get('dimseway_spool_deliveries_total')?.samples).toEqual({});
});

test('a name with a quote or a line break stays one label', async () => {
  destinations = [{ route: 'a"b\nc\\', upstream: 'ris' }];
  expect(await samples('dimseway_spool_circuit_open')).toEqual({
    'dimseway_spool_circuit_open{route="a\\"b\\nc\\\\",upstream="ris"}': 0,
  });
});

test('another method is 405', async () => {
  expect(await console.call('POST', '/metrics')).toMatchObject({ status: 405 });
});
