/** The MPPS of a workitem, as an N-GET has it (proxy flows 6.7): `performed` read backwards, completed from what is kept. */
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import {
  DISCONTINUATION_REASON_CODE_SEQUENCE,
  MPPS_ATTRIBUTES,
  PERFORMED_PROCEDURE_STEP_STATUS,
  RETRIEVABLE_TAGS,
  SCHEDULED_STEP_ATTRIBUTES_SEQUENCE,
} from '../mpps/attributes.ts';
import { fillType2 } from '../mpps/complete.ts';
import { hasValue } from '../mpps/conditions.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../worklist/attributes.ts';
import { CODE, UPS, workitemStateOf } from './attributes.ts';
import { localDateAndTimeOf } from './date-times.ts';
import { MPPS } from './performed.ts';
import { endOf, performedAttributes, performedItemOf, reasonsOf } from './performing.ts';
import { entryOf } from './scheduled.ts';
import type { StationOptions } from './scheduled.ts';
import { TIMEZONE } from './scheduled-table.ts';
import { aeTitlesOf, locationOf, modalityOf } from './stations.ts';
import { mppsStateOf } from './state.ts';
import { performedStepIdOf } from './step-id.ts';

/**
 * @param kept the MPPS the workitem was claimed for, all updates merged: what the modality said goes before what was made of
 *   it, but for how it ended; empty: others perform the workitem
 */
export function mppsOf(workitem: DataSet, kept: DataSet, options: StationOptions): DataSet {
  const mpps = fillType2(dataSetOf({ ...read(workitem, options), ...kept })).attributes;
  const ended = endOfMpps(workitem);
  for (const [tag, value] of Object.entries(ended)) if (!hasValue(mpps[tag])) mpps[tag] = value;
  const state = mppsStateOf(workitemStateOf(workitem) ?? 'SCHEDULED');
  if (state !== undefined) mpps[PERFORMED_PROCEDURE_STEP_STATUS] = attribute('CS', state);
  return mpps;
}

/** When and why it ended, if it has: not only its performer may have ended it. */
function endOfMpps(workitem: DataSet): DataSet {
  const state = workitemStateOf(workitem);
  if (state !== 'COMPLETED' && state !== 'CANCELED') return createDataSet();
  const end = localDateAndTimeOf(endOf(workitem, state) ?? '', firstText(workitem, TIMEZONE));
  const reasons = state === 'CANCELED' ? reasonsOf(workitem) : undefined;
  return dataSetOf({
    ...(end !== undefined && { [MPPS.endDate]: attribute('DA', end.date) }),
    ...(end?.time !== undefined && { [MPPS.endTime]: attribute('TM', end.time) }),
    ...(reasons !== undefined && { [DISCONTINUATION_REASON_CODE_SEQUENCE]: reasons }),
  });
}

/** What the workitem alone tells. */
function read(workitem: DataSet, options: StationOptions): DataSet {
  const item = performedItemOf(workitem);
  const entries = entryOf(workitem, options);
  const [station = createDataSet()] = itemsOf(item[UPS.performedStationName]);
  const [aeTitle] = aeTitlesOf(item[UPS.performedStationName], options);
  const name = firstText(station, CODE.meaning);
  const start = localDateAndTimeOf(firstText(item, UPS.performedStart) ?? '', firstText(workitem, TIMEZONE));
  const mpps = createDataSet();
  for (const tag of RETRIEVABLE_TAGS) {
    const value = workitem[tag];
    if (value !== undefined && hasValue(value) && MPPS_ATTRIBUTES.has(tag)) mpps[tag] = value;
  }
  const texts: readonly [Tag, string | undefined][] = [
    [MPPS.stepId, performedStepIdOf(firstText(workitem, UPS.sopInstanceUid) ?? '')],
    [MPPS.stationAeTitle, aeTitle],
    [MPPS.stationName, name === aeTitle ? undefined : name],
    [MPPS.location, locationOf(item[UPS.performedLocation])],
    [MPPS.modality, modalityOf(item[UPS.performedStationClass]) ?? modalityOf(workitem[UPS.stationClass])],
    [MPPS.startDate, start?.date],
    [MPPS.startTime, start?.time],
  ];
  for (const [tag, text] of texts) if (text !== undefined) mpps[tag] = shortText(tag, text);
  mpps[SCHEDULED_STEP_ATTRIBUTES_SEQUENCE] = attribute('SQ', ...entries.map(scheduledStep));
  return Object.assign(mpps, performedAttributes(workitem, {}));
}

/** SH has 16 characters, the meaning of a code 64. */
function shortText(tag: Tag, text: string): Attribute {
  const vr = MPPS_ATTRIBUTES.get(tag)?.vr ?? 'SH';
  return attribute(vr, vr === 'SH' ? Array.from(text).slice(0, 16).join('').trim() : text);
}

function scheduledStep(entry: DataSet): DataSet {
  const [step = createDataSet()] = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]);
  const item = createDataSet();
  for (const tag of MPPS_ATTRIBUTES.get(SCHEDULED_STEP_ATTRIBUTES_SEQUENCE)?.items.keys() ?? []) {
    const value = step[tag] ?? entry[tag];
    if (value !== undefined && hasValue(value)) item[tag] = value;
  }
  return item;
}
