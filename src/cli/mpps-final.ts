/** The message that ends a performed procedure step: what it must hold (PS3.4 F.7.2), made of what a person gives. */
import { attribute, createDataSet, dataSetOf, itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import {
  DISCONTINUATION_REASON_CODE_SEQUENCE,
  PERFORMED_PROCEDURE_STEP_STATUS,
  PERFORMED_SERIES_SEQUENCE,
} from '../services/mpps/attributes.ts';
import { localDateTime } from '../services/mpps/complete.ts';
import type { MppsState } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, Upstream } from '../services/port.ts';
import { UsageError } from './report.ts';

export type FinalState = Exclude<MppsState, 'IN PROGRESS'>;

/** DA and TM. */
export interface Moment {
  readonly date: string;
  readonly time: string;
}

export interface FinalOptions {
  readonly state: FinalState;
  /** Goes along as it is; its end and series are kept. */
  readonly given: DataSet;
  readonly end: Moment | undefined;
  /** An item of the reason for a discontinuation. */
  readonly reason: DataSet | undefined;
  /** Send a series without images where none is given, whatever the step has. */
  readonly emptySeries: boolean;
  /** Its Protocol Name, which may not be empty. */
  readonly protocol: string;
  readonly now: Date;
}

const END_DATE = '00400250';
const END_TIME = '00400251';

/**
 * State, end, and at least one series, since none is not legal; one without images is (PS3.4 Table F.7.2-1 note 2).
 * The series of a step would be lost by it, so the upstream is asked whether there are any.
 * @throws ServiceFailure NO_SUCH_INSTANCE and the like, of that question
 */
export async function finalModifications(
  upstream: Upstream,
  uid: string,
  context: RequestContext,
  options: FinalOptions,
): Promise<DataSet> {
  const { state, given, end, reason, emptySeries, protocol, now } = options;
  const result = Object.assign(createDataSet(), given);
  result[PERFORMED_PROCEDURE_STEP_STATUS] = attribute('CS', state);
  const { date, time } = end ?? localDateTime(now);
  if (end !== undefined || given[END_DATE] === undefined) {
    result[END_DATE] = attribute('DA', date);
    result[END_TIME] = attribute('TM', time);
  }
  if (reason !== undefined) result[DISCONTINUATION_REASON_CODE_SEQUENCE] = attribute('SQ', reason);
  if (given[PERFORMED_SERIES_SEQUENCE] === undefined && (emptySeries || (await hasNoSeries(upstream, uid, context)))) {
    result[PERFORMED_SERIES_SEQUENCE] = attribute('SQ', seriesWithoutImages(protocol));
  }
  return result;
}

async function hasNoSeries(upstream: Upstream, uid: string, context: RequestContext): Promise<boolean> {
  try {
    const found = await upstream.retrieveMpps(uid, [[PERFORMED_SERIES_SEQUENCE]], context);
    return itemsOf(found[PERFORMED_SERIES_SEQUENCE]).length === 0;
  } catch (error) {
    const isUnable =
      error instanceof ServiceFailure && ['NOT_SUPPORTED', 'OPERATION_NOT_SUPPORTED'].includes(error.code);
    if (!isUnable) throw error;
    const text = 'The upstream does not tell which series the step has, so none are sent; see --empty-series';
    context.warn({ code: 'UPSTREAM_WARNING', text });
    return false;
  }
}

function seriesWithoutImages(protocol: string): DataSet {
  return dataSetOf({
    '00080054': attribute('AE'),
    '0008103E': attribute('LO'),
    '00081050': attribute('PN'),
    '00081070': attribute('PN'),
    '00081140': attribute('SQ'),
    '00181030': attribute('LO', protocol),
    '0020000E': attribute('UI', generateUid()),
    '00400220': attribute('SQ'),
  });
}

const MOMENT = /^(\d{4})-?(\d\d)-?(\d\d)[ T](\d\d):?(\d\d)(?::?(\d\d))?$/;

/** `20250102 101500`, `2025-01-02T10:15`. @throws UsageError */
export function momentFrom(text: string): Moment {
  const [, year = '', month = '', day = '', hour = '', minute = '', second = '00'] = MOMENT.exec(text) ?? [];
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  const parsed = new Date(`${iso}Z`);
  if (Number.isNaN(parsed.getTime()) || parsed.toISOString().slice(0, 19) !== iso) {
    throw new UsageError(`--end should be a date and a time such as 20250102 101500. Found: ${text}`);
  }
  return { date: `${year}${month}${day}`, time: `${hour}${minute}${second}` };
}

/** `CODE^SCHEME^MEANING` as an item of a code sequence (PS3.3 8.8). @throws UsageError */
export function reasonFrom(text: string): DataSet {
  const [code = '', scheme = '', meaning = '', ...rest] = text.split('^').map((part) => part.trim());
  if (rest.length > 0 || [code, scheme, meaning].includes('') || code.length > 16 || scheme.length > 16) {
    throw new UsageError(
      `--reason should be CODE^SCHEME^MEANING, code and scheme at most 16 characters. Found: ${text}`,
    );
  }
  return dataSetOf({
    '00080100': attribute('SH', code),
    '00080102': attribute('SH', scheme),
    '00080104': attribute('LO', meaning),
  });
}
