/** Attributes of a workitem (PS3.4 Table CC.2.5-3) and the codes in it (PS3.3 8). */
import { sameAttribute } from '../../dataset/comparison.ts';
import { attribute, createDataSet, dataSetOf, firstText } from '../../dataset/model.ts';
import type { DataSet, Tag } from '../../dataset/model.ts';
import { hasValue } from '../mpps/conditions.ts';
import { dateTimeAt } from './date-times.ts';
import { WORKITEM_STATES } from './workitem.ts';
import type { WorkitemState } from './workitem.ts';

export const UPS = {
  sopClassUid: '00080016',
  sopInstanceUid: '00080018',
  transactionUid: '00081195',
  studyInstanceUid: '0020000D',
  state: '00741000',
  progress: '00741002',
  priority: '00741200',
  worklistLabel: '00741202',
  label: '00741204',
  performed: '00741216',
  cancellationReason: '00741238',
  discontinuationReason: '0074100E',
  contactUri: '0074100A',
  contactDisplayName: '0074100C',
  request: '0040A370',
  performedStationName: '00404028',
  performedStationClass: '00404029',
  performedLocation: '00404030',
  performedStart: '00404050',
  performedEnd: '00404051',
  performedWorkitemCode: '00404019',
  output: '00404033',
  actualPerformers: '00404035',
  performerName: '00404037',
  performerCode: '00404009',
  performerOrganization: '00404036',
  cancellationDateTime: '00404052',
  processingParameters: '00741210',
  inputInformation: '00404021',
  modified: '00404010',
  scheduledStart: '00404005',
  expectedCompletion: '00404011',
  workitemCode: '00404018',
  stationName: '00404025',
  stationClass: '00404026',
  stationLocation: '00404027',
  humanPerformers: '00404034',
  readiness: '00404041',
} as const satisfies Record<string, Tag>;

/** Of an item of a code sequence. */
export const CODE = { value: '00080100', scheme: '00080102', meaning: '00080104' } as const satisfies Record<
  string,
  Tag
>;

/** A code, and what it is called. */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** One item of a code sequence. */
export function codeItem({ value, scheme, meaning }: Code): DataSet {
  return dataSetOf({
    [CODE.value]: attribute('SH', value),
    [CODE.scheme]: attribute('SH', scheme),
    [CODE.meaning]: attribute('LO', meaning),
  });
}

/** Procedure Step State; undefined when there is none, or none that exists. */
export function workitemStateOf(workitem: DataSet): WorkitemState | undefined {
  const text = firstText(workitem, UPS.state)?.trim();
  return WORKITEM_STATES.find((state) => state === text);
}

/** What no update names: identity, lock and state (CC.2.6.2), who it is about, and what it was requested by. */
const UNCHANGEABLE: ReadonlySet<Tag> = new Set<Tag>([
  UPS.sopClassUid,
  UPS.sopInstanceUid,
  UPS.transactionUid,
  UPS.state,
  UPS.request,
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
]);

/**
 * The workitem with what an update brings: whole attributes, sequences replaced with all their items (PS3.4 CC.2.6.2).
 * What no update may change stays as it is.
 * @param nowMs becomes Scheduled Procedure Step Modification DateTime
 */
export function mergeWorkitem(workitem: DataSet, modifications: DataSet, nowMs: number): DataSet {
  const merged = dataSetOf({ ...workitem });
  for (const [tag, value] of Object.entries(modifications)) if (!UNCHANGEABLE.has(tag)) merged[tag] = value;
  merged[UPS.modified] = attribute('DT', dateTimeAt(nowMs));
  return merged;
}

/** Attributes of an update that no update may change and that it would change (N-SET of Table CC.2.5-3); ascending. */
export function unchangeable(workitem: DataSet, modifications: DataSet): Tag[] {
  const changes = (tag: Tag): boolean => {
    const [before, after] = [workitem[tag], modifications[tag]];
    return after !== undefined && (before === undefined ? hasValue(after) : !sameAttribute(before, after));
  };
  return Object.keys(modifications)
    .filter((tag) => UNCHANGEABLE.has(tag) && changes(tag))
    .sort();
}

/** Return Key Types 1 and 2, with and without condition, of Table CC.2.5-3: what a search returns unasked. */
const RETURNED: ReadonlySet<Tag> = new Set<Tag>([
  '00080005', // SpecificCharacterSet
  '00080201', // TimezoneOffsetFromUTC, without which dates and times would say something else
  UPS.sopClassUid,
  UPS.sopInstanceUid,
  UPS.priority,
  UPS.modified,
  UPS.label,
  UPS.worklistLabel,
  UPS.processingParameters,
  UPS.stationName,
  UPS.stationClass,
  UPS.stationLocation,
  UPS.humanPerformers,
  UPS.scheduledStart,
  UPS.expectedCompletion,
  UPS.workitemCode,
  '00400400', // CommentsOnTheScheduledProcedureStep
  UPS.readiness,
  UPS.inputInformation,
  UPS.studyInstanceUid,
  '00100010', // PatientName
  '00100020', // PatientID
  '00100021', // IssuerOfPatientID
  '00100024', // IssuerOfPatientIDQualifiersSequence
  '00100030', // PatientBirthDate
  '00100040', // PatientSex
  '00101002', // OtherPatientIDsSequence
  '00380010', // AdmissionID
  '00380014', // IssuerOfAdmissionIDSequence
  '00081080', // AdmittingDiagnosesDescription
  '00081084', // AdmittingDiagnosesCodeSequence
  UPS.request,
  '00741224', // ReplacedProcedureStepSequence
  UPS.state,
  UPS.progress,
  UPS.performed,
]);

/**
 * What a search returns of a workitem: never 00081195; what was asked for and what is returned unasked, or everything.
 * Top-level attributes come whole.
 */
export function selectWorkitem(workitem: DataSet, identifier: DataSet, returnKeys: 'default' | 'all'): DataSet {
  const selected = createDataSet();
  for (const [tag, value] of Object.entries(workitem)) {
    if (tag === UPS.transactionUid) continue;
    if (returnKeys === 'all' || RETURNED.has(tag) || tag in identifier) selected[tag] = value;
  }
  return selected;
}
