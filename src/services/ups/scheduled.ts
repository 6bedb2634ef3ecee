/** What is scheduled: a workitem as worklist entries, and a worklist entry as a workitem (proxy flows 6.1 and 7.1). */
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { hasValue } from '../mpps/conditions.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../worklist/attributes.ts';
import { CODE, UPS, workitemStateOf } from './attributes.ts';
import { dateAndTimeOf, dateTimeAt, dateTimeOf } from './date-times.ts';
import { humanPerformers, identificationsOf, namesOf } from './performers.ts';
import { COPIED_TAGS, REQUEST_TAGS, STEP_TAGS, TIMEZONE } from './scheduled-table.ts';
import { aeTitlesOf, codesOf, localCode, locationOf, modalityCode, modalityOf, stationCode } from './stations.ts';
import type { StationOptions } from './stations.ts';
import { stepIdOf } from './step-id.ts';
import { UPS_PUSH } from './workitem.ts';

export type { StationOptions } from './stations.ts';

/** Of the item of Scheduled Procedure Step Sequence, and of the request around it. */
export const STEP = {
  aeTitle: '00400001',
  startDate: '00400002',
  startTime: '00400003',
  endDate: '00400004',
  endTime: '00400005',
  physician: '00400006',
  physicianIdentification: '0040000B',
  description: '00400007',
  protocolCode: '00400008',
  id: '00400009',
  location: '00400011',
  status: '00400020',
  modality: '00080060',
} as const satisfies Record<string, Tag>;

export const REQUESTED_PROCEDURE_PRIORITY: Tag = '00401003';
const REQUESTED_PROCEDURE_DESCRIPTION: Tag = '00321060';
/** Not part of a workitem code, which is a plain one. */
export const PROTOCOL_CONTEXT: Tag = '00400440';

/** Procedure Step Label must have a value. */
const UNNAMED = 'Scheduled procedure step';
/** Worklist Label must have one too. */
const WORKLIST = 'Modality Worklist';

const PRIORITIES: Readonly<Record<string, string>> = { STAT: 'HIGH', HIGH: 'HIGH', LOW: 'LOW' };
const REQUESTED_PRIORITIES: Readonly<Record<string, string>> = { HIGH: 'HIGH', MEDIUM: 'ROUTINE', LOW: 'LOW' };
/** Scheduled Procedure Step Status: those that are over are on no worklist. */
const STATUSES: Readonly<Record<string, string>> = { SCHEDULED: 'SCHEDULED', 'IN PROGRESS': 'STARTED' };

/** Scheduled Procedure Step Priority of a Requested Procedure Priority. */
export function priorityOf(requested: string | undefined): string {
  return PRIORITIES[requested?.trim() ?? ''] ?? 'MEDIUM';
}

/** The reverse; undefined where there is none. */
export function requestedPriorityOf(priority: string | undefined): string | undefined {
  return REQUESTED_PRIORITIES[priority?.trim() ?? ''];
}

/** One worklist entry for each item of Referenced Request Sequence, one in any case. */
export function entryOf(workitem: DataSet, options: StationOptions): DataSet[] {
  const requests = itemsOf(workitem[UPS.request]);
  const step = stepOf(workitem, options);
  return (requests.length > 0 ? requests : [createDataSet()]).map((request) => {
    const entry = createDataSet();
    copy(workitem, entry, COPIED_TAGS);
    copy(workitem, entry, [UPS.studyInstanceUid]);
    copy(request, entry, REQUEST_TAGS, hasValue);
    const priority = requestedPriorityOf(firstText(workitem, UPS.priority));
    if (priority !== undefined) entry[REQUESTED_PROCEDURE_PRIORITY] = attribute('SH', priority);
    const zone = zoneOf(workitem);
    if (zone !== undefined) entry[TIMEZONE] = attribute('SH', zone);
    entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE] = attribute('SQ', step);
    return entry;
  });
}

/** The zone that dates and times of an entry are in: of the workitem, else the one its start has of itself. */
function zoneOf(workitem: DataSet): string | undefined {
  const own = /[+-]\d{4}$/.exec(firstText(workitem, UPS.scheduledStart)?.trim() ?? '')?.[0];
  return firstText(workitem, TIMEZONE) ?? own;
}

function stepOf(workitem: DataSet, options: StationOptions): DataSet {
  const step = createDataSet();
  const texts = (tag: Tag, vr: 'AE' | 'CS' | 'SH' | 'LO', ...values: (string | undefined)[]): void => {
    const known = values.filter((value) => value !== undefined);
    if (known.length > 0) step[tag] = attribute(vr, ...known);
  };
  const zone = zoneOf(workitem);
  const whole = (tag: Tag): Attribute | undefined => (hasValue(workitem[tag]) ? workitem[tag] : undefined);
  texts(STEP.aeTitle, 'AE', ...aeTitlesOf(workitem[UPS.stationName], options));
  dateAndTime(step, firstText(workitem, UPS.scheduledStart), zone, [STEP.startDate, STEP.startTime]);
  dateAndTime(step, firstText(workitem, UPS.expectedCompletion), zone, [STEP.endDate, STEP.endTime]);
  texts(STEP.modality, 'CS', modalityOf(workitem[UPS.stationClass]));
  texts(STEP.description, 'LO', firstText(workitem, UPS.label));
  texts(STEP.location, 'SH', shortened(locationOf(workitem[UPS.stationLocation])));
  texts(STEP.id, 'SH', stepIdOf(firstText(workitem, UPS.sopInstanceUid) ?? ''));
  texts(STEP.status, 'CS', STATUSES[workitemStateOf(workitem) ?? '']);
  const names = namesOf(workitem[UPS.humanPerformers]);
  const people = identificationsOf(workitem[UPS.humanPerformers]);
  const codes = whole(UPS.workitemCode);
  if (names !== undefined) step[STEP.physician] = names;
  if (people !== undefined) step[STEP.physicianIdentification] = people;
  if (codes !== undefined) step[STEP.protocolCode] = codes;
  copy(workitem, step, STEP_TAGS, hasValue);
  return step;
}

/** SH has 16 characters, the meaning of a code 64. */
function shortened(text: string | undefined): string | undefined {
  return text === undefined ? undefined : Array.from(text).slice(0, 16).join('').trim();
}

function dateAndTime(
  target: DataSet,
  dateTime: string | undefined,
  zone: string | undefined,
  tags: readonly [Tag, Tag],
): void {
  const parts = dateTime === undefined ? undefined : dateAndTimeOf(dateTime, zone);
  if (parts === undefined) return;
  target[tags[0]] = attribute('DA', parts.date);
  if (parts.time !== undefined) target[tags[1]] = attribute('TM', parts.time);
}

export interface ScheduledOptions extends StationOptions {
  /** SOP Instance UID of the workitem. */
  readonly uid: string;
  /** Scheduled Procedure Step Modification DateTime. */
  readonly nowMs: number;
}

/** A workitem in state SCHEDULED, with 00080016 and 00080018, without 00081195. */
export function workitemOf(entry: DataSet, options: ScheduledOptions): DataSet {
  const step = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? createDataSet();
  const zone = firstText(entry, TIMEZONE);
  const workitem = dataSetOf({
    [UPS.sopClassUid]: attribute('UI', UPS_PUSH),
    [UPS.sopInstanceUid]: attribute('UI', options.uid),
    [UPS.state]: attribute('CS', 'SCHEDULED'),
    [UPS.modified]: attribute('DT', dateTimeAt(options.nowMs)),
    [UPS.priority]: attribute('CS', priorityOf(firstText(entry, REQUESTED_PROCEDURE_PRIORITY))),
    [UPS.label]: attribute('LO', labelOf(entry, step)),
    [UPS.worklistLabel]: attribute('LO', WORKLIST),
    [UPS.readiness]: attribute('CS', 'READY'),
    [UPS.request]: attribute('SQ', requestOf(entry)),
    [UPS.stationName]: codesOf(step[STEP.aeTitle], (title) => stationCode(title, options)),
    [UPS.stationClass]: codesOf(step[STEP.modality], modalityCode),
    [UPS.stationLocation]: codesOf(step[STEP.location], (location) => localCode(location, options)),
    [UPS.humanPerformers]: attribute(
      'SQ',
      ...humanPerformers(step[STEP.physician], step[STEP.physicianIdentification]),
    ),
    [UPS.workitemCode]: attribute('SQ', ...workitemCodes(step)),
    [UPS.scheduledStart]: dateTime(step, [STEP.startDate, STEP.startTime], zone),
    [UPS.processingParameters]: attribute('SQ'),
    [UPS.inputInformation]: attribute('SQ'),
    [UPS.progress]: attribute('SQ'),
    [UPS.performed]: attribute('SQ'),
  });
  copy(entry, workitem, [...COPIED_TAGS, UPS.studyInstanceUid, TIMEZONE]);
  copy(step, workitem, STEP_TAGS);
  const end = dateTime(step, [STEP.endDate, STEP.endTime], zone);
  if (hasValue(end)) workitem[UPS.expectedCompletion] = end;
  return workitem;
}

/** The item of Referenced Request Sequence (Table CC.2.5-3: Study Instance UID stands in it too). */
function requestOf(entry: DataSet): DataSet {
  const request = createDataSet();
  copy(entry, request, REQUEST_TAGS);
  return request;
}

/** Procedure Step Label: what the step is called, else what it belongs to. */
function labelOf(entry: DataSet, step: DataSet): string {
  const [protocol = createDataSet()] = itemsOf(step[STEP.protocolCode]);
  const names = [
    firstText(step, STEP.description),
    firstText(entry, REQUESTED_PROCEDURE_DESCRIPTION),
    firstText(protocol, CODE.meaning),
  ];
  return names.find((name) => name !== undefined && name.trim() !== '') ?? UNNAMED;
}

/** Scheduled Workitem Code: Protocol Codes without their context. */
export function workitemCodes(step: DataSet): DataSet[] {
  return itemsOf(step[STEP.protocolCode]).map((code) => {
    const plain = dataSetOf({ ...code });
    delete plain[PROTOCOL_CONTEXT];
    return plain;
  });
}

function dateTime(dataSet: DataSet, [date, time]: readonly [Tag, Tag], zone: string | undefined): Attribute {
  const text = dateTimeOf(firstText(dataSet, date), firstText(dataSet, time), zone);
  return text === undefined ? { vr: 'DT' } : attribute('DT', text);
}

function copy(
  source: DataSet,
  target: DataSet,
  tags: readonly Tag[],
  isWanted: (attribute: Attribute) => boolean = () => true,
): void {
  for (const tag of tags) {
    const value = source[tag];
    if (value !== undefined && isWanted(value)) target[tag] = value;
  }
}
