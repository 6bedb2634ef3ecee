/** What a running gateway tells Prometheus, and that the dashboard and the rules for alarms ask for what it tells. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { App } from '../../src/app.ts';
import { loadConfig } from '../../src/config/load.ts';
import { toJson } from '../../src/dataset/json.ts';
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import { metricsReference } from '../../src/observe/metrics-reference.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import type { DescribedMetric } from '../../src/observe/metrics.ts';
import { upstreamTo } from '../support/beds.ts';
import { collect, contextOf, entryOf, keepingLogger, queryOf } from '../support/requests.ts';

const DOCS = join(import.meta.dirname, '../../docs');
const CONFIG = `
listeners:
  ward: { protocol: dimse, aeTitle: FAREND, port: 0 }
  strict: { protocol: dimse, aeTitle: OTHER, port: 0 }
  web: { protocol: dicomweb, basePath: /far, port: 0 }
upstreams:
  ris: { protocol: ris, entries: worklist.json }
  gone: { protocol: dimse, host: 127.0.0.1, port: 1, aeTitle: GONE, callingAeTitle: GATEWAY }
routes:
  - { name: lost, from: { callingAeTitles: [LOST] }, worklist: { to: gone } }
  - { name: all, worklist: { to: ris }, mpps: { to: ris } }
console: { port: 0 }
timers: { shutdown: 500ms }
`;

let folder: string;
let app: App;
/** Sample by `name{labels}`, after the exchanges of `beforeAll`. */
let samples: ReadonlyMap<string, number>;
let families: ReadonlySet<string>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dimseway-'));
  await writeFile(join(folder, 'worklist.json'), `[${toJson(entryOf('MARKED-ID'))}]`);
  await writeFile(join(folder, 'gateway.yaml'), CONFIG);
  app = new App({ ...keepingLogger(), setLevel: () => undefined });
  const { config } = await loadConfig(join(folder, 'gateway.yaml'), {});
  const { listeners, console } = await app.start(config);
  const portOf = (name: string): number => listeners[name]?.port ?? 0;
  await search('dimse', portOf('ward'), 2);
  await search('dicomweb', portOf('web'), 1);
  await expect(search('dimse', portOf('ward'), 1, { callingAeTitle: 'LOST' })).rejects.toThrow();
  await expect(search('dimse', portOf('strict'), 1)).rejects.toThrow();
  const response = await fetch(`http://127.0.0.1:${console?.port}/metrics`);
  const lines = (await response.text()).split('\n');
  families = new Set(lines.flatMap((line) => /^# TYPE (\S+)/.exec(line)?.[1] ?? []));
  samples = new Map(
    lines.flatMap((line) => {
      const [, name, value] = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(value)] as const];
    }),
  );
});

afterAll(async () => {
  await app.close();
  await rm(folder, { recursive: true });
});

async function search(protocol: 'dimse' | 'dicomweb', port: number, times: number, more: object = {}): Promise<void> {
  const upstream = await upstreamTo(protocol, port, more);
  try {
    const query = queryOf(dataSetOf({ '00100020': attribute('LO') }));
    for (let i = 0; i < times; i++) await collect(upstream.search(query, contextOf()));
  } finally {
    await upstream.close();
  }
}

const sample = (name: string): number | undefined => samples.get(name);

test('exchanges are counted by route, listener, transaction and status, their failures by code', () => {
  const ward = 'route="all",listener="ward",transaction="search"';
  const lost = 'route="lost",listener="ward",transaction="search"';
  expect(sample(`dimseway_exchanges_total{${ward},status="0000H"}`)).toBe(2);
  expect(sample('dimseway_exchanges_total{route="all",listener="web",transaction="search",status="200"}')).toBe(1);
  expect(sample(`dimseway_exchange_failures_total{${lost},code="UPSTREAM_UNREACHABLE"}`)).toBe(1);
  expect(sample(`dimseway_exchange_duration_seconds_count{${ward}}`)).toBe(2);
  expect(sample(`dimseway_exchange_duration_seconds_bucket{le="+Inf",${ward}}`)).toBe(2);
});

test('calls of upstreams are counted by how they ended', () => {
  expect(sample('dimseway_upstream_calls_total{upstream="ris",transaction="search",outcome="ok"}')).toBe(3);
  expect(
    sample('dimseway_upstream_calls_total{upstream="gone",transaction="search",outcome="UPSTREAM_UNREACHABLE"}'),
  ).toBe(1);
  expect(sample('dimseway_upstream_call_duration_seconds_count{upstream="ris",transaction="search"}')).toBe(3);
});

test('associations and connections are told by listener, rejections by reason', () => {
  expect(sample('dimseway_associations_accepted_total{listener="ward"}')).toBe(2);
  expect(sample('dimseway_associations_rejected_total{listener="strict",reason="calledAeTitle"}')).toBe(1);
  expect(sample('dimseway_associations_rejected_total{listener="ward",reason="calledAeTitle"}')).toBe(0);
  expect(sample('dimseway_requests_total{listener="web"}')).toBe(1);
  expect(sample('dimseway_upstream_associations{upstream="gone",state="busy"}')).toBe(0);
});

test('the process, its event loop and its version are told in base units', () => {
  const now = Date.now() / 1_000;
  expect(Math.abs((sample('process_start_time_seconds') ?? 0) - now)).toBeLessThan(3_600);
  expect(sample('process_resident_memory_bytes')).toBeGreaterThan(1e7);
  expect(sample('process_cpu_seconds_total')).toBeGreaterThan(0);
  for (const quantile of ['0.5', '0.99', '1']) {
    expect(sample(`dimseway_event_loop_lag_seconds{quantile="${quantile}"}`)).toBeGreaterThanOrEqual(0);
  }
  const info = [...samples.keys()].find((name) => name.startsWith('dimseway_build_info'));
  expect(info).toContain(`node_version="${process.versions.node}"`);
  expect(info).toMatch(/version="\d+\.\d+\.\d+/);
});

test('no value of a patient is in any of it', () => {
  expect([...samples.keys()].join('\n')).not.toContain('MARKED-ID');
});

/** Metric and labels that a query asks for: those in braces, and those behind `by`. */
function askedBy(query: string): { names: string[]; labels: string[] } {
  const names = [...query.matchAll(/\b(?:dimseway|process|nodejs)_[a-z_]+/g)].map(([name]) => name);
  const inBraces = [...query.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = '']) =>
    [...inside.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label),
  );
  const grouped = [...query.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inside = '']) => inside.split(/,\s*/));
  return { names, labels: [...inBraces, ...grouped] };
}

/** Prometheus' own, of where a sample is from and which bucket it is. */
const OF_PROMETHEUS = ['instance', 'job', 'le'];

function problemsOf(query: string, described: readonly DescribedMetric[]): string[] {
  const { names, labels } = askedBy(query);
  const found = names.map((name) => {
    const family = name.replace(/_(bucket|sum|count)$/, '');
    return described.find((each) => each.name === name || (each.type === 'histogram' && each.name === family));
  });
  const known = new Set([...found.flatMap((each) => each?.labels ?? []), ...OF_PROMETHEUS]);
  return [
    ...(names.length === 0 ? [`no metric in ${query}`] : []),
    ...names.filter((_name, index) => found[index] === undefined || !families.has(found[index].name)),
    ...labels.filter((label) => !known.has(label)).map((label) => `${label} in ${query}`),
  ];
}

describe('what asks for them', () => {
  test('the dashboard has no metric and no label that a running gateway does not have', async () => {
    const dashboard = JSON.parse(await readFile(join(DOCS, 'grafana/dimseway.json'), 'utf8')) as {
      panels: { title: string; targets?: { expr: string }[] }[];
      templating: { list: { query: string | { query: string } }[] };
    };
    const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const described = await new Metrics({}).described();
    expect(queries.length).toBeGreaterThan(30);
    expect(queries.flatMap((query) => problemsOf(query, described))).toEqual([]);
    const variables = dashboard.templating.list.flatMap(({ query }) => (typeof query === 'string' ? [] : query.query));
    for (const variable of variables) {
      const [, name = '', label = ''] = /^label_values\((\w+), (\w+)\)$/.exec(variable) ?? [];
      expect(problemsOf(`${name}{${label}=""}`, described)).toEqual([]);
    }
    const titles = dashboard.panels.map(({ title }) => title);
    expect(new Set(titles).size).toBeGreaterThan(30);
  });

  test('nor have the rules for alarms; each names what a person reads', async () => {
    const { groups } = parse(await readFile(join(DOCS, 'alerts/dimseway.rules.yml'), 'utf8')) as {
      groups: { rules: { alert: string; expr: string; labels: object; annotations: { summary: string } }[] }[];
    };
    const rules = groups.flatMap((group) => group.rules);
    const described = await new Metrics({}).described();
    expect(rules.flatMap(({ expr }) => problemsOf(expr, described))).toEqual([]);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { annotations, labels } of rules) {
      expect(annotations.summary).not.toBe('');
      expect(labels).toHaveProperty('severity');
    }
  });

  test('docs/metrics.md has every metric of a running gateway, and no other (npm run generate)', async () => {
    const described = await new Metrics({}).described();
    expect(described.map(({ name }) => name).toSorted()).toEqual([...families].toSorted());
    const cells = (text: string): string[][] =>
      text.split('\n').flatMap((line) => {
        const row = line.split('|').map((cell) => cell.trim());
        return row[1]?.startsWith('`') ? [row] : [];
      });
    expect(cells(await readFile(join(DOCS, 'metrics.md'), 'utf8'))).toEqual(cells(metricsReference(described)));
  });
});
