/** Whether an MPPS and a workitem are about the same patient and study: a claim cannot be taken back (proxy flows 6.2). */
import { firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { UPS } from '../services/ups/attributes.ts';

export const PATIENT_ID: Tag = '00100020';
const ISSUER_OF_PATIENT_ID: Tag = '00100021';

/**
 * Patient ID and Study Instance UID must be the same on both sides, and so must Issuer of Patient ID where both name one.
 * @param picture the MPPS
 * @param item its item of Scheduled Step Attributes Sequence that is about the workitem
 * @returns attributes that differ; [] none
 */
export function disagreement(picture: DataSet, item: DataSet, workitem: DataSet): Tag[] {
  const [ours, theirs] = [trimmed(picture, ISSUER_OF_PATIENT_ID), trimmed(workitem, ISSUER_OF_PATIENT_ID)];
  const studies = [workitem, ...itemsOf(workitem[UPS.request])].map((each) => trimmed(each, UPS.studyInstanceUid));
  const study = trimmed(item, UPS.studyInstanceUid);
  return [
    ...(trimmed(picture, PATIENT_ID) === trimmed(workitem, PATIENT_ID) ? [] : [PATIENT_ID]),
    ...(ours === '' || theirs === '' || ours === theirs ? [] : [ISSUER_OF_PATIENT_ID]),
    ...(study !== '' && studies.includes(study) ? [] : [UPS.studyInstanceUid]),
  ];
}

/** The value without padding; empty where there is none. */
export function trimmed(dataSet: DataSet, tag: Tag): string {
  return firstText(dataSet, tag)?.trim() ?? '';
}
