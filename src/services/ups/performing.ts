/** A workitem that is performed, as an MPPS (proxy flows 7.3 to 7.6): its N-CREATE, its N-SETs, its end. */
import { sameAttribute } from '../../dataset/comparison.ts';
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import {
  DISCONTINUATION_REASON_CODE_SEQUENCE,
  PERFORMED_PROCEDURE_STEP_STATUS,
  PERFORMED_SERIES_SEQUENCE,
} from '../mpps/attributes.ts';
import { localDateTime } from '../mpps/complete.ts';
import { hasValue } from '../mpps/conditions.ts';
import { createFromWorklist } from '../mpps/from-worklist.ts';
import { stateOf } from '../mpps/state.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../worklist/attributes.ts';
import { CODE, UPS, workitemStateOf } from './attributes.ts';
import { localDateAndTimeOf } from './date-times.ts';
import { emptySeries, seriesOf } from './output.ts';
import type { SeriesDefaults } from './output.ts';
import { MPPS, performedItem, performedUpdate } from './performed.ts';
import { TIMEZONE } from './scheduled-table.ts';
import { entryOf, STEP } from './scheduled.ts';
import { mppsStateOf, workitemStateOfMpps } from './state.ts';
import { derivedUid, performedStepIdOf } from './step-id.ts';

export interface MppsCreateOptions {
  readonly stationScheme: string;
  readonly mppsUid: string;
  /** The start. */
  readonly startMs: number;
  /** Default: that of the schedule, else left out. */
  readonly stationAeTitle?: string | undefined;
  /** Default: that of the schedule, else left out. */
  readonly modality?: string | undefined;
}

/**
 * @param entry its worklist entry; without attributes, for a workitem that is on no worklist: one that was not scheduled
 *   there, without Scheduled Procedure Step ID
 * @throws ServiceFailure INVALID_VALUE never but for entries of several patients
 */
export function mppsCreateOf(workitem: DataSet, entry: DataSet, options: MppsCreateOptions): DataSet {
  const isScheduled = Object.keys(entry).length > 0;
  return createFromWorklist(isScheduled ? [entry] : unscheduled(workitem, options), {
    now: new Date(options.startMs),
    stepId: performedStepIdOf(options.mppsUid),
    stationAeTitle: options.stationAeTitle,
    modality: options.modality,
  });
}

function unscheduled(workitem: DataSet, { stationScheme }: MppsCreateOptions): DataSet[] {
  return entryOf(workitem, { stationScheme }).map((entry) => {
    const [step = createDataSet()] = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]);
    const unknown = dataSetOf({ ...step, [STEP.id]: attribute('SH') });
    const study = studyOf(workitem, entry);
    return dataSetOf({ ...entry, ...study, [SCHEDULED_PROCEDURE_STEP_SEQUENCE]: attribute('SQ', unknown) });
  });
}

/** An MPPS needs a study; where nobody has named one, it is this workitem's own. */
function studyOf(workitem: DataSet, entry: DataSet): DataSet {
  if (firstText(entry, UPS.studyInstanceUid) !== undefined) return createDataSet();
  const uid = derivedUid('study', firstText(workitem, UPS.sopInstanceUid) ?? '');
  return dataSetOf({ [UPS.studyInstanceUid]: attribute('UI', uid) });
}

export interface MppsUpdateOptions {
  /** Of each series; default: the label of the workitem, or the meaning of its code. */
  readonly protocolName?: string | undefined;
  /** Of a series, where the workitem does not say it. */
  readonly retrieveAeTitle?: string | undefined;
}

/**
 * The N-SET of an update; undefined: nothing has changed that an MPPS can hold before its end. Attributes come whole.
 * Start, station and the like were fixed at N-CREATE: see `unsettable`.
 */
export function mppsUpdateOf(before: DataSet, after: DataSet, options: MppsUpdateOptions): DataSet | undefined {
  const [old, next] = [performedAttributes(before, options), performedAttributes(after, options)];
  const changes = createDataSet();
  for (const [tag, value] of Object.entries(next)) {
    const known = old[tag];
    if (known === undefined || !sameAttribute(known, value)) changes[tag] = value;
  }
  return Object.keys(changes).length === 0 ? undefined : changes;
}

/** What an N-CREATE has fixed (Table F.7.2-1), in the item of 00741216. */
const FIXED: readonly Tag[] = [
  UPS.performedStationName,
  UPS.performedStationClass,
  UPS.performedLocation,
  UPS.performedStart,
];

/** Attributes of 00741216 that have changed and that an MPPS cannot change any more; ascending. */
export function unsettable(before: DataSet, after: DataSet): Tag[] {
  const [old, next] = [performedItemOf(before), performedItemOf(after)];
  return FIXED.filter((tag) => {
    const [known, value] = [old[tag], next[tag]];
    if (value === undefined || !hasValue(value)) return false;
    return known === undefined || !sameAttribute(known, value);
  }).sort();
}

export interface MppsFinalOptions extends MppsUpdateOptions {
  /** The end, where the workitem does not say it. */
  readonly nowMs: number;
}

/**
 * The last N-SET: COMPLETED, or DISCONTINUED, with all that it may set and a series in any case. The same for the same
 * workitem and options.
 */
export function mppsFinalOf(workitem: DataSet, state: 'COMPLETED' | 'CANCELED', options: MppsFinalOptions): DataSet {
  const final = performedAttributes(workitem, options);
  final[PERFORMED_PROCEDURE_STEP_STATUS] = attribute('CS', mppsStateOf(state) ?? 'COMPLETED');
  const known = localDateAndTimeOf(endOf(workitem, state) ?? '', firstText(workitem, TIMEZONE));
  const { date, time = MIDNIGHT } = known ?? localDateTime(new Date(options.nowMs));
  final[MPPS.endDate] = attribute('DA', date);
  final[MPPS.endTime] = attribute('TM', time);
  if (final[PERFORMED_SERIES_SEQUENCE] === undefined) {
    const uid = derivedUid('series', firstText(workitem, UPS.sopInstanceUid) ?? '');
    const performers = performedItemOf(workitem)[UPS.actualPerformers];
    const series = emptySeries(uid, performers, seriesDefaults(workitem, options));
    final[PERFORMED_SERIES_SEQUENCE] = attribute('SQ', series);
  }
  const reasons = reasonsOf(workitem);
  if (state === 'CANCELED' && reasons !== undefined) final[DISCONTINUATION_REASON_CODE_SEQUENCE] = reasons;
  return final;
}

/** An end without a time is that of the day it began on. */
const MIDNIGHT = '000000';

/** DT of the end as the workitem has it. */
export function endOf(workitem: DataSet, state: 'COMPLETED' | 'CANCELED'): string | undefined {
  const ended = firstText(performedItemOf(workitem), UPS.performedEnd);
  const [progress = createDataSet()] = itemsOf(workitem[UPS.progress]);
  return ended ?? (state === 'CANCELED' ? firstText(progress, UPS.cancellationDateTime) : undefined);
}

/** Why it was canceled; undefined where nobody says. */
export function reasonsOf(workitem: DataSet): Attribute | undefined {
  const [progress = createDataSet()] = itemsOf(workitem[UPS.progress]);
  const reasons = progress[UPS.discontinuationReason];
  return reasons !== undefined && hasValue(reasons) ? reasons : undefined;
}

/** The first item of 00741216: what an MPPS is about; an empty one where there is none. */
export function performedItemOf(workitem: DataSet): DataSet {
  return itemsOf(workitem[UPS.performed])[0] ?? createDataSet();
}

/** What an N-SET can say of the item of 00741216, as far as it has values. */
export function performedAttributes(workitem: DataSet, options: MppsUpdateOptions): DataSet {
  const item = performedItemOf(workitem);
  const series = seriesOf(itemsOf(item[UPS.output]), item[UPS.actualPerformers], seriesDefaults(workitem, options));
  const attributes = createDataSet();
  const known: readonly [Tag, Attribute | undefined][] = [
    [MPPS.description, item[MPPS.description]],
    [MPPS.comments, item[MPPS.comments]],
    [MPPS.protocolCode, item[UPS.performedWorkitemCode]],
    [PERFORMED_SERIES_SEQUENCE, attribute('SQ', ...series)],
  ];
  for (const [tag, value] of known) if (value !== undefined && hasValue(value)) attributes[tag] = value;
  return attributes;
}

/** Protocol Name is of type 1 and workitems have none. */
function seriesDefaults(workitem: DataSet, options: MppsUpdateOptions): SeriesDefaults {
  const [performed = createDataSet()] = itemsOf(performedItemOf(workitem)[UPS.performedWorkitemCode]);
  const [scheduled = createDataSet()] = itemsOf(workitem[UPS.workitemCode]);
  const names = [
    options.protocolName,
    firstText(workitem, UPS.label),
    firstText(performed, CODE.meaning),
    firstText(scheduled, CODE.meaning),
  ];
  const protocolName = names.find((name) => name !== undefined && name.trim() !== '') ?? UNNAMED;
  return { protocolName, retrieveAeTitle: options.retrieveAeTitle };
}

const UNNAMED = 'Procedure step';

export interface RefreshOptions {
  readonly stationScheme: string;
  readonly nowMs: number;
}

/** A reason is needed where the far end gives none (CID 9300). */
const UNSPECIFIED = { value: '110513', scheme: 'DCM', meaning: 'Discontinued for unspecified reason' };

/**
 * Its state follows 00400252; what the workitem says of itself stays, since an MPPS has no place for all of it.
 * @param mpps attributes of an N-GET, or of the N-CREATE
 */
export function refreshedWorkitem(workitem: DataSet, mpps: DataSet, options: RefreshOptions): DataSet {
  const state = stateOf(mpps);
  const told = performedItem(mpps, workitem, options);
  const [item, ...others] = [performedItemOf(workitem), ...itemsOf(workitem[UPS.performed]).slice(1)];
  const refreshed = dataSetOf({
    ...workitem,
    [UPS.performed]: attribute('SQ', dataSetOf({ ...told, ...withValues(item) }), ...others),
  });
  if (state !== undefined && !isEnded(workitem)) refreshed[UPS.state] = attribute('CS', workitemStateOfMpps(state));
  if (state !== 'DISCONTINUED') return refreshed;
  const { [UPS.progress]: canceled } = performedUpdate(mpps, workitem, { ...options, discontinuation: UNSPECIFIED });
  const [known] = itemsOf(workitem[UPS.progress]);
  const [progress] = itemsOf(canceled);
  refreshed[UPS.progress] = attribute('SQ', dataSetOf({ ...progress, ...withValues(known) }));
  return refreshed;
}

/** A final state is left by nothing. */
function isEnded(workitem: DataSet): boolean {
  const state = workitemStateOf(workitem);
  return state === 'COMPLETED' || state === 'CANCELED';
}

function withValues(dataSet: DataSet = createDataSet()): DataSet {
  const known = Object.entries(dataSet).filter(([, value]) => hasValue(value));
  return dataSetOf(Object.fromEntries(known));
}
