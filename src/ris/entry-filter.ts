/**
 * From a query to what the store can look up. The filter is coarse: it may let through what does not match, and must
 * never hold back what does, whatever `matches` of services/worklist/matching.ts makes of padding, case and ranges.
 */
import { vrOf } from '../dataset/dictionary.ts';
import { createDataSet, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import type { WorklistQuery } from '../services/port.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../services/worklist/attributes.ts';
import { parseDateTimeKey } from '../services/worklist/date-time.ts';
import { EMPTY_VALUE_KEY, hasWildcards, isUniversalKey, keyText } from '../services/worklist/keys.ts';
import type { RisEntryFilter } from '../store/ris-records.ts';
import { dateOfDay, indexText, TAGS } from './entry.ts';

/** Beyond so many values a key is left to the exact match: it would make a statement longer than data bases take. */
const MAXIMUM_VALUES = 100;

/** Dates have years of four digits. */
const LAST_DAY = Date.UTC(9999, 11, 31) / 86_400_000;

type Switches = Pick<WorklistQuery, 'emptyValueMatching'>;

export function filterOf(keys: DataSet, switches: Switches): RisEntryFilter {
  const step = itemsOf(keys[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? createDataSet();
  const texts = {
    modalities: singleValues(step, TAGS.modality, switches),
    stations: singleValues(step, TAGS.stationAeTitle, switches),
    stepIds: singleValues(step, TAGS.stepId, switches),
    patientIds: singleValues(keys, TAGS.patientId, switches),
    accessionNumbers: singleValues(keys, TAGS.accessionNumber, switches),
    studyInstanceUids: singleValues(keys, TAGS.studyInstanceUid, switches),
  };
  const known = Object.entries(texts).filter(([, values]) => values !== undefined);
  return { ...Object.fromEntries(known), ...datesOf(step) };
}

/** The values of a key that an entry must equal one of; undefined where equality is not what the key asks for. */
function singleValues(keys: DataSet, tag: Tag, { emptyValueMatching }: Switches): string[] | undefined {
  const key = keys[tag];
  const vr = vrOf(tag);
  if (key?.Value === undefined || key.vr !== vr || isUniversalKey(key)) return undefined;
  const texts = key.Value.filter((value) => value !== null).map(keyText);
  if (texts.length === 0 || texts.length > MAXIMUM_VALUES) return undefined;
  if (emptyValueMatching && texts.includes(EMPTY_VALUE_KEY)) return undefined;
  if (hasWildcards(vr) && texts.some((text) => /[*?]/.test(text))) return undefined;
  return [...new Set(texts.map(indexText))];
}

/** The days around all dates and ranges of the key. */
function datesOf(step: DataSet): Pick<RisEntryFilter, 'startDateFrom' | 'startDateTo'> {
  const key = step[TAGS.startDate];
  if (key?.Value === undefined || key.vr !== 'DA' || isUniversalKey(key)) return {};
  const spans = key.Value.map((value) => (value === null ? undefined : parseDateTimeKey('DA', keyText(value))));
  const known = spans.filter((span) => span !== undefined);
  if (known.length === 0 || known.length < spans.length) return {};
  // Where date and time are one interval (K.2.2.1.2), the leap second at the end of a day lies in the next.
  const margin = step[TAGS.startTime] === undefined ? 0 : 1;
  const from = Math.min(...known.map((span) => span.from)) - margin;
  const to = Math.max(...known.map((span) => span.to)) + margin;
  return {
    ...(Number.isFinite(from) && { startDateFrom: dateOfDay(from) }),
    ...(Number.isFinite(to) && { startDateTo: dateOfDay(Math.min(to, LAST_DAY)) }),
  };
}
