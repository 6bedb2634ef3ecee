/** What was performed: from an MPPS to its workitem (proxy flows 6.2 to 6.5). Sequences are whole, since UPS replaces them. */
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { DISCONTINUATION_REASON_CODE_SEQUENCE, PERFORMED_SERIES_SEQUENCE, SCHEDULED_STEP_ATTRIBUTES_SEQUENCE } from '../mpps/attributes.ts'; // prettier-ignore
import { hasValue } from '../mpps/conditions.ts';
import { isFinal, stateOf } from '../mpps/state.ts';
import { CODE, codeItem, UPS } from './attributes.ts';
import type { Code } from './attributes.ts';
import { dateTimeAt, dateTimeOf } from './date-times.ts';
import { outputOf, performersOf } from './output.ts';
import type { PerformerDefaults } from './performers.ts';
import { REQUEST_TAGS, TIMEZONE } from './scheduled-table.ts';
import { STEP, workitemCodes } from './scheduled.ts';
import type { StationOptions } from './scheduled.ts';
import { codesOf, localCode, modalityCode, stationCode } from './stations.ts';

export const MPPS = {
  stationAeTitle: '00400241',
  stationName: '00400242',
  location: '00400243',
  startDate: '00400244',
  startTime: '00400245',
  endDate: '00400250',
  endTime: '00400251',
  stepId: '00400253',
  description: '00400254',
  comments: '00400280',
  protocolCode: '00400260',
  procedureCode: '00081032',
  modality: '00080060',
} as const satisfies Record<string, Tag>;

export interface PerformedOptions extends StationOptions {
  /** Of performers of whom only the name is known; absent: such names are left out. */
  readonly performer?: PerformerDefaults | undefined;
  /** Reason of a discontinued step that gives none. */
  readonly discontinuation: Code;
  /** Of images, where a series does not say it. */
  readonly retrieveAeTitle?: string | undefined;
  /** Where the step ended without saying when. */
  readonly nowMs: number;
}

/**
 * 00741216, and 00741002 of a step that is DISCONTINUED: the modifications of an Update.
 * @param picture the MPPS as it stands, all updates merged
 * @param workitem as the server has it: its codes stand in where the MPPS has none (final state code P), and what it says of
 *   the progress stays
 */
export function performedUpdate(picture: DataSet, workitem: DataSet, options: PerformedOptions): DataSet {
  const update = dataSetOf({ [UPS.performed]: attribute('SQ', performedItem(picture, workitem, options)) });
  if (stateOf(picture) === 'DISCONTINUED') {
    update[UPS.progress] = attribute('SQ', canceledItem(picture, workitem, options));
  }
  return update;
}

/** The item of 00741216. */
export function performedItem(
  picture: DataSet,
  workitem: DataSet,
  options: Omit<PerformedOptions, 'discontinuation'>,
): DataSet {
  const series = itemsOf(picture[PERFORMED_SERIES_SEQUENCE]);
  const start = dateTimeOf(firstText(picture, MPPS.startDate), firstText(picture, MPPS.startTime), zoneOf(picture));
  const end = endOf(picture, options.nowMs);
  const item = dataSetOf({
    [UPS.performedStationName]: codesOf(picture[MPPS.stationAeTitle], (text) =>
      stationCode(text, options, firstText(picture, MPPS.stationName)),
    ),
    [UPS.performedStationClass]: codesOf(picture[MPPS.modality], modalityCode),
    [UPS.performedLocation]: codesOf(picture[MPPS.location], (text) => localCode(text, options)),
    [UPS.performedWorkitemCode]: workitemCode(picture, workitem, options),
    [UPS.output]: attribute('SQ', ...outputOf(series, studyOf(picture, workitem), options.retrieveAeTitle)),
  });
  if (start !== undefined) item[UPS.performedStart] = attribute('DT', start);
  if (end !== undefined) item[UPS.performedEnd] = attribute('DT', end);
  const performers = performersOf(series, options.performer);
  if (performers.length > 0) item[UPS.actualPerformers] = attribute('SQ', ...performers);
  for (const tag of [MPPS.description, MPPS.comments]) {
    const text = picture[tag];
    if (text !== undefined && hasValue(text)) item[tag] = text;
  }
  return item;
}

/** The item of 00741002: what was told of the progress stays. */
function canceledItem(picture: DataSet, workitem: DataSet, options: PerformedOptions): DataSet {
  const [before = createDataSet()] = itemsOf(workitem[UPS.progress]);
  const reasons = picture[DISCONTINUATION_REASON_CODE_SEQUENCE];
  return dataSetOf({
    ...before,
    [UPS.cancellationDateTime]: attribute('DT', endOf(picture, options.nowMs) ?? dateTimeAt(options.nowMs)),
    [UPS.discontinuationReason]:
      reasons !== undefined && hasValue(reasons) ? reasons : attribute('SQ', codeItem(options.discontinuation)),
  });
}

/** Undefined: it has not ended. */
function endOf(picture: DataSet, nowMs: number): string | undefined {
  const end = dateTimeOf(firstText(picture, MPPS.endDate), firstText(picture, MPPS.endTime), zoneOf(picture));
  return end ?? (isFinal(stateOf(picture)) ? dateTimeAt(nowMs) : undefined);
}

/** Protocol Codes, else Procedure Codes, else what was scheduled; else its label, since without a code nothing can be COMPLETED. */
function workitemCode(picture: DataSet, workitem: DataSet, options: StationOptions): Attribute {
  const candidates = [picture[MPPS.protocolCode], picture[MPPS.procedureCode], workitem[UPS.workitemCode]];
  const codes = candidates.find((each) => each !== undefined && hasValue(each));
  return codes ?? codesOf(workitem[UPS.label], (label) => localCode(label, options));
}

/** Of the images: the study the modality was told to use. */
function studyOf(picture: DataSet, workitem: DataSet): string | undefined {
  const steps = itemsOf(picture[SCHEDULED_STEP_ATTRIBUTES_SEQUENCE]);
  const studies = [...steps, workitem].map((each) => firstText(each, UPS.studyInstanceUid));
  return studies.find((uid) => uid !== undefined);
}

function zoneOf(picture: DataSet): string | undefined {
  return firstText(picture, TIMEZONE);
}

/** For an MPPS that has no workitem: not scheduled, or appended to one that is over. */
export interface CreatedOptions extends StationOptions {
  /** The start, where the MPPS does not say it. */
  readonly nowMs: number;
}

/** Of the MPPS, as they are: they can be set by no update. */
const COPIED: readonly Tag[] = [
  TIMEZONE,
  '00100010', // PatientName
  '00100020', // PatientID
  '00100021', // IssuerOfPatientID
  '00100024', // IssuerOfPatientIDQualifiersSequence
  '00100030', // PatientBirthDate
  '00100040', // PatientSex
  '00101002', // OtherPatientIDsSequence
  '00380010', // AdmissionID
  '00380014', // IssuerOfAdmissionIDSequence
  '00380060', // ServiceEpisodeID
  '00380062', // ServiceEpisodeDescription
  '00380064', // IssuerOfServiceEpisodeIDSequence
];

/** What a workitem must hold, maybe empty, when it is created (Table CC.2.5-3). */
const EMPTY: DataSet = dataSetOf({
  [UPS.worklistLabel]: attribute('LO'),
  [UPS.processingParameters]: attribute('SQ'),
  [UPS.inputInformation]: attribute('SQ'),
  [UPS.progress]: attribute('SQ'),
  [UPS.performed]: attribute('SQ'),
  [UPS.transactionUid]: attribute('UI'),
  '00081080': attribute('LO'), // AdmittingDiagnosesDescription
  '00081084': attribute('SQ'), // AdmittingDiagnosesCodeSequence
  '00100010': attribute('PN'), // PatientName
  '00100020': attribute('LO'), // PatientID
  '00100021': attribute('LO'), // IssuerOfPatientID
  '00100030': attribute('DA'), // PatientBirthDate
  '00100040': attribute('CS'), // PatientSex
  '00101002': attribute('SQ'), // OtherPatientIDsSequence
  '00380010': attribute('LO'), // AdmissionID
  '00380014': attribute('SQ'), // IssuerOfAdmissionIDSequence
  '00400400': attribute('LT'), // CommentsOnTheScheduledProcedureStep
});

const UNNAMED = 'Unscheduled procedure step';

/**
 * The payload of Create, without a UID.
 * @param picture attributes of the N-CREATE
 * @param item the one of Scheduled Step Attributes Sequence it is made for
 */
export function createdWorkitem(picture: DataSet, item: DataSet, options: CreatedOptions): DataSet {
  const zone = firstText(picture, TIMEZONE);
  const start = dateTimeOf(firstText(picture, MPPS.startDate), firstText(picture, MPPS.startTime), zone);
  return dataSetOf({
    ...EMPTY,
    ...withValue(picture, COPIED),
    ...withValue(item, [UPS.studyInstanceUid]),
    [UPS.state]: attribute('CS', 'SCHEDULED'),
    [UPS.priority]: attribute('CS', 'MEDIUM'),
    [UPS.label]: attribute('LO', labelOf(picture, item)),
    [UPS.readiness]: attribute('CS', 'READY'),
    [UPS.scheduledStart]: attribute('DT', start ?? dateTimeAt(options.nowMs)),
    [UPS.request]: attribute('SQ', withValue(item, REQUEST_TAGS)),
    [UPS.stationName]: codesOf(picture[MPPS.stationAeTitle], (text) =>
      stationCode(text, options, firstText(picture, MPPS.stationName)),
    ),
    [UPS.stationClass]: codesOf(picture[MPPS.modality], modalityCode),
    [UPS.stationLocation]: codesOf(picture[MPPS.location], (text) => localCode(text, options)),
    [UPS.workitemCode]: attribute('SQ', ...workitemCodes(item)),
  });
}

/** Procedure Step Label: whatever names the step. */
function labelOf(picture: DataSet, item: DataSet): string {
  const [protocol = createDataSet()] = itemsOf(item[STEP.protocolCode]);
  const names = [
    firstText(item, STEP.description),
    firstText(item, '00321060'), // RequestedProcedureDescription
    firstText(picture, MPPS.description),
    firstText(protocol, CODE.meaning),
  ];
  return names.find((name) => name !== undefined && name.trim() !== '') ?? UNNAMED;
}

function withValue(source: DataSet, tags: readonly Tag[]): DataSet {
  const found = createDataSet();
  for (const tag of tags) {
    const value = source[tag];
    if (value !== undefined && hasValue(value)) found[tag] = value;
  }
  return found;
}
