/** Upstreams of ours and the requests put to them. */
import { DimseUpstream } from '../../src/dimse/upstream.ts';
import type { DimseUpstreamOptions } from '../../src/dimse/upstream.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { RequestContext, ServiceWarning, WorklistQuery } from '../../src/services/port.ts';
import { EXPLICIT, IMPLICIT } from './dimse-bytes.ts';
import { IDENTIFIER, RecordingLogger } from './dimse-listener.ts';

export const UPSTREAM_OPTIONS: Omit<DimseUpstreamOptions, 'port'> = {
  name: 'oldRis',
  host: '127.0.0.1',
  aeTitle: 'DIMSEWAY',
  callingAeTitle: 'GATEWAY',
  maximumResults: 10_000,
  transferSyntaxes: [EXPLICIT, IMPLICIT],
  maximumPduLength: 16_384,
  maximumMessageBytes: 1 << 20,
  fuzzyMatching: true,
  timezoneAdjustment: true,
  emptyValueMatching: false,
  multipleValueMatching: false,
  omitKeys: [],
  pool: { maximum: 4, idleMs: 5_000 },
  connectTimeoutMs: 2_000,
  associationTimeoutMs: 2_000,
  responseTimeoutMs: 2_000,
  drainTimeoutMs: 500,
  artimMs: 500,
};

export function createUpstream(port: number, options: Partial<DimseUpstreamOptions> = {}): DimseUpstream {
  return new DimseUpstream({ ...UPSTREAM_OPTIONS, port, ...options }, new RecordingLogger());
}

export const QUERY: WorklistQuery = {
  identifier: IDENTIFIER,
  returnKeys: 'requested',
  fuzzyMatching: false,
  emptyValueMatching: false,
  multipleValueMatching: false,
  timezoneAdjustment: false,
  offset: 0,
  stableOrder: false,
};

export interface TestContext extends RequestContext {
  readonly warnings: ServiceWarning[];
}

export function createContext(overrides: Partial<RequestContext> = {}): TestContext {
  const warnings: ServiceWarning[] = [];
  return {
    signal: new AbortController().signal,
    deadline: performance.now() + 10_000,
    traceId: 'trace',
    requester: { listener: 'web', protocol: 'dicomweb', address: '127.0.0.1' },
    warn: (warning) => void warnings.push(warning),
    ...overrides,
    warnings,
  };
}

export async function collect(source: AsyncIterable<DataSet>): Promise<DataSet[]> {
  const all: DataSet[] = [];
  for await (const item of source) all.push(item);
  return all;
}
