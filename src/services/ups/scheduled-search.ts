/** Searches in the attributes of the other side (proxy flows 6.1 and 7.1), and what the far end cannot match by itself. */
import { attribute, createDataSet, dataSetOf, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../worklist/attributes.ts';
import { isNoKey, isUniversalKey } from '../worklist/keys.ts';
import { matches } from '../worklist/matching.ts';
import { CODE, UPS, workitemStateOf } from './attributes.ts';
import { datesOfKey, dateTimeKeyOf } from './search-dates.ts';
import { isPlainKey, itemOf, sequenceKey, singleText } from './search-keys.ts';
import { INSTITUTION_NAME, PERSON_IDENTIFICATION_CODE } from './performers.ts';
import { priorityOf, PROTOCOL_CONTEXT, REQUESTED_PROCEDURE_PRIORITY, requestedPriorityOf, STEP } from './scheduled.ts';
import type { StationOptions } from './scheduled.ts';
import { COPIED_TAGS, REQUEST_TAGS, STEP_TAGS, TIMEZONE } from './scheduled-table.ts';
import { WORKITEM_STATES } from './workitem.ts';
import type { WorkitemState } from './workitem.ts';

export interface WorkitemSearchOptions extends StationOptions {
  /** Procedure Step States to show; [] any. */
  readonly states: readonly WorkitemState[];
  /** Of the query. */
  readonly emptyValueMatching?: boolean;
  /** The server matches names its own way: they are not looked at again. */
  readonly fuzzyMatching?: boolean;
}

export interface WorkitemSearch {
  /** Keys in attributes of workitems, sequences with one item; return keys are left to `includefield`. */
  readonly identifier: DataSet;
  /** The states, for servers that did not look at them; of the workitem as it came. */
  readonly takes: (workitem: DataSet) => boolean;
  /** The whole query, of an entry that `entryOf` gives. */
  readonly postFilter: (entry: DataSet) => boolean;
  /** Keys with values that workitems have no attribute for, top-level or of the step; ascending: FF01. */
  readonly unmatched: Tag[];
}

/** Top-level attributes that servers match on both sides alike (matching key type R of Table CC.2.5-3). */
const MATCHED_IN_BOTH: readonly Tag[] = ['00100010', '00100020', '00100021', '00100030', '00100040', '00380010'];
/** The same of the request. */
const MATCHED_OF_REQUEST: readonly Tag[] = [UPS.studyInstanceUid, '00080050', '00401001'];

/** What `entryOf` may give a value to, at top level and in the step. */
const ENTRY_TAGS: ReadonlySet<Tag> = new Set<Tag>([...COPIED_TAGS, ...REQUEST_TAGS, REQUESTED_PROCEDURE_PRIORITY]);
const ENTRY_STEP_TAGS: ReadonlySet<Tag> = new Set<Tag>([...Object.values(STEP), ...STEP_TAGS]);
/** The same in items of sequences that it makes of others: what a workitem has of protocol codes, and of people. */
const HAS_IN_ITEMS: ReadonlyMap<Tag, (tag: Tag) => boolean> = new Map([
  [STEP.protocolCode, (tag) => tag !== PROTOCOL_CONTEXT],
  [STEP.physicianIdentification, (tag) => tag === PERSON_IDENTIFICATION_CODE || tag === INSTITUTION_NAME],
]);

/** @param identifier of a worklist query */
export function workitemQueryOf(identifier: DataSet, options: WorkitemSearchOptions): WorkitemSearch {
  const step = itemOf(identifier, SCHEDULED_PROCEDURE_STEP_SEQUENCE);
  const { states, emptyValueMatching = false } = options;
  const { keys, unmatched } = keysOfEntries(identifier, options.fuzzyMatching === true);
  const query = { identifier: keys, emptyValueMatching };
  const takes = (workitem: DataSet): boolean => {
    const state = workitemStateOf(workitem);
    // A server that was asked for one state, and does not say which it is, has looked.
    if (state === undefined) return states.length <= 1;
    return states.length === 0 || states.includes(state);
  };
  return {
    identifier: dataSetOf({
      ...zoneKey(identifier),
      ...plainKeys(identifier, MATCHED_IN_BOTH),
      ...sequenceKey(UPS.request, plainKeys(identifier, MATCHED_OF_REQUEST)),
      ...priorityKey(identifier[REQUESTED_PROCEDURE_PRIORITY]),
      ...stepKeys(step, options),
      ...(states.length === 1 && { [UPS.state]: attribute('CS', ...states) }),
    }),
    takes,
    postFilter: (entry) => matches(entry, query),
    unmatched,
  };
}

function stepKeys(step: DataSet, options: StationOptions): DataSet {
  const start = dateTimeKeyOf(step[STEP.startDate], step[STEP.startTime]);
  const [title, modality] = [singleText(step[STEP.aeTitle]), singleText(step[STEP.modality])];
  // Code Meaning is no matching key (Table CC.2.5-2a): what stands there only, is looked for here.
  const isTitleMatched = title !== undefined && options.stationAeTitle !== 'meaning';
  return dataSetOf({
    ...(start !== undefined && { [UPS.scheduledStart]: attribute('DT', start) }),
    ...(isTitleMatched && sequenceKey(UPS.stationName, codeKey(title))),
    ...(modality !== undefined && sequenceKey(UPS.stationClass, codeKey(modality))),
    ...sequenceKey(UPS.humanPerformers, renamed(plainKeys(step, [STEP.physician]), STEP.physician, UPS.performerName)),
    ...sequenceKey(UPS.workitemCode, plainKeys(itemOf(step, STEP.protocolCode), [CODE.value, CODE.scheme])),
  });
}

/** Priorities of both sides are not the same: what is asked for comes back under another name. */
function priorityKey(key: Attribute | undefined): DataSet {
  const text = singleText(key);
  return text === undefined ? createDataSet() : dataSetOf({ [UPS.priority]: attribute('CS', priorityOf(text)) });
}

/** The query as entries answer it: without the values of keys that they have no attribute for. */
function keysOfEntries(identifier: DataSet, isFuzzy: boolean): { keys: DataSet; unmatched: Tag[] } {
  const unmatched = new Set<Tag>();
  const inTop = (tag: Tag): boolean => ENTRY_TAGS.has(tag);
  const inStep = (tag: Tag): boolean => ENTRY_STEP_TAGS.has(tag);
  const known = (keys: DataSet, isThere: (tag: Tag) => boolean): DataSet => {
    const result = createDataSet();
    for (const [tag, key] of Object.entries(keys)) {
      const isStep = tag === SCHEDULED_PROCEDURE_STEP_SEQUENCE && isThere === inTop;
      const inItems = isStep ? inStep : isThere === inStep ? HAS_IN_ITEMS.get(tag) : undefined;
      if (inItems !== undefined) {
        result[tag] = attribute('SQ', ...itemsOf(key).map((item) => known(item, inItems)));
      } else if (isNoKey(tag) || isThere(tag)) {
        result[tag] = isFuzzy && key.vr === 'PN' ? { vr: 'PN' } : key;
      } else if (!isUniversal(key)) {
        unmatched.add(tag);
      }
    }
    return result;
  };
  const keys = known(identifier, inTop);
  const priority = singleText(keys[REQUESTED_PROCEDURE_PRIORITY]);
  const asReturned = priority === undefined ? undefined : requestedPriorityOf(priorityOf(priority));
  if (asReturned !== undefined) keys[REQUESTED_PROCEDURE_PRIORITY] = attribute('SH', asReturned);
  return { keys, unmatched: [...unmatched].sort() };
}

function isUniversal(key: Attribute): boolean {
  if (key.vr !== 'SQ') return isUniversalKey(key);
  return itemsOf(key).every((item) => Object.values(item).every(isUniversal));
}

export interface WorklistSearch {
  /** Keys in attributes of a worklist. */
  readonly identifier: DataSet;
  /** The whole query, of a workitem. */
  readonly postFilter: (workitem: DataSet) => boolean;
  /** Keys with values that were left out: a worklist has them, a workitem made of it does not. */
  readonly unmatched: Tag[];
  /** What 00741000 asks for; undefined: any. Without SCHEDULED the worklist has nothing to tell. */
  readonly states: readonly WorkitemState[] | undefined;
}

/** @param identifier of a search for workitems */
export function worklistIdentifierOf(identifier: DataSet, options: StationOptions): WorklistSearch {
  const request = itemOf(identifier, UPS.request);
  const { [PROTOCOL_CONTEXT]: context, ...code } = itemOf(identifier, UPS.workitemCode);
  const plain = context === undefined ? {} : { [UPS.workitemCode]: attribute('SQ', dataSetOf(code)) };
  const query = { identifier: dataSetOf({ ...identifier, ...plain }), emptyValueMatching: false };
  return {
    identifier: dataSetOf({
      ...plainKeys(identifier, MATCHED_IN_BOTH),
      ...plainKeys(identifier, [UPS.studyInstanceUid]),
      ...plainKeys(request, MATCHED_OF_REQUEST),
      ...sequenceKey(SCHEDULED_PROCEDURE_STEP_SEQUENCE, worklistStepKeys(identifier, options)),
    }),
    postFilter: (workitem) => matches(workitem, query),
    unmatched: context === undefined || isUniversal(context) ? [] : [PROTOCOL_CONTEXT],
    states: statesOf(identifier[UPS.state]),
  };
}

function worklistStepKeys(identifier: DataSet, options: StationOptions): DataSet {
  const station = itemOf(identifier, UPS.stationName);
  const places = options.stationAeTitle === 'meaning' ? [CODE.meaning, CODE.value] : [CODE.value, CODE.meaning];
  const title = places.map((tag) => singleText(station[tag])).find((text) => text !== undefined);
  const modality = singleText(itemOf(identifier, UPS.stationClass)[CODE.value]);
  const names = plainKeys(itemOf(identifier, UPS.humanPerformers), [UPS.performerName]);
  const dates = datesOfKey(identifier[UPS.scheduledStart], identifier[TIMEZONE] !== undefined);
  return dataSetOf({
    ...(title !== undefined && { [STEP.aeTitle]: attribute('AE', title) }),
    ...(dates !== undefined && { [STEP.startDate]: attribute('DA', dates) }),
    ...(modality !== undefined && { [STEP.modality]: attribute('CS', modality) }),
    ...renamed(names, UPS.performerName, STEP.physician),
  });
}

/** The states that a key matches, wildcards and all. */
function statesOf(key: Attribute | undefined): WorkitemState[] | undefined {
  if (key === undefined || isUniversalKey(key)) return undefined;
  const query = { identifier: dataSetOf({ [UPS.state]: key }), emptyValueMatching: false };
  return WORKITEM_STATES.filter((state) => matches(dataSetOf({ [UPS.state]: attribute('CS', state) }), query));
}

function plainKeys(keys: DataSet, tags: readonly Tag[]): DataSet {
  const plain = createDataSet();
  for (const tag of tags) if (isPlainKey(keys[tag])) plain[tag] = keys[tag];
  return plain;
}

/** It is no key: it says what dates and times of the others mean. */
function zoneKey(keys: DataSet): DataSet {
  return keys[TIMEZONE] === undefined ? createDataSet() : dataSetOf({ [TIMEZONE]: keys[TIMEZONE] });
}

function renamed(keys: DataSet, from: Tag, to: Tag): DataSet {
  return keys[from] === undefined ? createDataSet() : dataSetOf({ [to]: keys[from] });
}

function codeKey(value: string): DataSet {
  return dataSetOf({ [CODE.value]: attribute('SH', value) });
}
