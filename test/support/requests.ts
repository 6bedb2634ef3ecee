/** Builders of what a listener hands to the gateway. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { Logger, LogFields } from '../../src/observe/log.ts';
import type { RequestContext, Requester, ServiceWarning, WorklistQuery } from '../../src/services/port.ts';

export const WARD: Requester = {
  listener: 'ward',
  protocol: 'dimse',
  address: '127.0.0.1',
  callingAeTitle: 'CT1',
  calledAeTitle: 'DIMSEWAY',
};

export function contextOf(
  requester: Requester = WARD,
  signal: AbortSignal = new AbortController().signal,
): RequestContext & { warnings: ServiceWarning[] } {
  const warnings: ServiceWarning[] = [];
  return {
    signal,
    deadline: performance.now() + 20_000,
    traceId: 'test-trace',
    requester,
    warnings,
    warn: (warning) => void warnings.push(warning),
  };
}

export function queryOf(identifier: DataSet, more: Partial<WorklistQuery> = {}): WorklistQuery {
  return {
    identifier,
    returnKeys: 'requested',
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    timezoneAdjustment: false,
    offset: 0,
    stableOrder: false,
    ...more,
  };
}

/** A worklist entry with the given Patient ID, Scheduled Procedure Step ID and modality. */
export function entryOf(patientId: string, stepId = 'SPS1', modality = 'CT'): DataSet {
  return dataSetOf({
    '00080050': attribute('SH', `ACC-${patientId}`),
    '00100010': attribute('PN', { Alphabetic: `DOE^${patientId}` }),
    '00100020': attribute('LO', patientId),
    '0020000D': attribute('UI', '1.2.3.4'),
    '00400100': attribute(
      'SQ',
      dataSetOf({
        '00080060': attribute('CS', modality),
        '00400001': attribute('AE', 'STATION1'),
        '00400002': attribute('DA', '20260301'),
        '00400003': attribute('TM', '0800'),
        '00400009': attribute('SH', stepId),
      }),
    ),
  });
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of source) all.push(one);
  return all;
}

export interface LogLine extends LogFields {
  level: 'error' | 'warn' | 'info' | 'debug';
  message: string;
}

/** A logger that keeps its lines. */
export function keepingLogger(lines: LogLine[] = [], fields: LogFields = {}): Logger & { lines: LogLine[] } {
  const at = (level: LogLine['level']) => (message: string, more?: LogFields) =>
    void lines.push({ ...fields, ...more, level, message });
  return {
    lines,
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (more) => keepingLogger(lines, { ...fields, ...more }),
  };
}
