/** The workitem that an item of Scheduled Step Attributes Sequence is about (proxy flows 6.2 step 2). */
import { attribute, createDataSet, dataSetOf, firstText } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import { UPS, workitemStateOf } from '../services/ups/attributes.ts';
import { stepIdOf } from '../services/ups/step-id.ts';
import { disagreement, PATIENT_ID, trimmed } from './agreement.ts';
import type { ClaimBook } from './claim-book.ts';
import type { Call } from './client.ts';
import type { WorkitemFinder } from './workitem-finder.ts';

const ACCESSION_NUMBER: Tag = '00080050';
const REQUESTED_PROCEDURE_ID: Tag = '00401001';
const SCHEDULED_PROCEDURE_STEP_ID: Tag = '00400009';

/** Of one patient and study: more of them are not told apart. */
const MAXIMUM_CANDIDATES = 100;

/** `several`: they cannot be told apart. */
export type FoundWorkitem = { readonly uid: string; readonly workitem: DataSet } | 'none' | 'several';

/**
 * By what a search has shown under this study and Scheduled Procedure Step ID, else by what the MPPS says of the request;
 * then patient and study are equal. What was found is as the server has it now.
 * @throws ServiceFailure
 */
export async function workitemOfStep(
  picture: DataSet,
  item: DataSet,
  finder: WorkitemFinder,
  book: ClaimBook,
  call: Call,
): Promise<FoundWorkitem> {
  const seen = await book.findStep(trimmed(item, UPS.studyInstanceUid), trimmed(item, SCHEDULED_PROCEDURE_STEP_ID));
  const shown = seen === undefined ? undefined : await finder.retrieve(seen, call);
  if (seen !== undefined && shown !== undefined) return { uid: seen, workitem: shown };
  const identifier = requestKeys(picture, item);
  if (identifier === undefined) return 'none';
  const chosen = chosenOf(await candidatesOf(identifier, picture, item, finder, call), item);
  if (typeof chosen === 'string') return chosen;
  const uid = trimmed(chosen, UPS.sopInstanceUid);
  const workitem = await finder.retrieve(uid, call);
  return workitem === undefined ? 'none' : { uid, workitem };
}

/** Undefined: patient, or all that tells of the request, is not known. */
function requestKeys(picture: DataSet, item: DataSet): DataSet | undefined {
  const [patientId, studyUid] = [trimmed(picture, PATIENT_ID), trimmed(item, UPS.studyInstanceUid)];
  if (patientId === '' || studyUid === '') return undefined;
  const request = createDataSet();
  for (const tag of [ACCESSION_NUMBER, REQUESTED_PROCEDURE_ID]) {
    const text = trimmed(item, tag);
    if (text !== '') request[tag] = attribute('SH', text);
  }
  return dataSetOf({
    [PATIENT_ID]: attribute('LO', patientId),
    [UPS.studyInstanceUid]: attribute('UI', studyUid),
    ...(Object.keys(request).length > 0 && { [UPS.request]: attribute('SQ', request) }),
  });
}

/** Servers match more than was meant: wildcards, other letters, issuers. */
async function candidatesOf(
  identifier: DataSet,
  picture: DataSet,
  item: DataSet,
  finder: WorkitemFinder,
  call: Call,
): Promise<DataSet[]> {
  const candidates: DataSet[] = [];
  try {
    for await (const workitems of finder.find(identifier, call)) {
      const same = workitems.filter((workitem) => disagreement(picture, item, workitem).length === 0);
      candidates.push(...same.filter((workitem) => firstText(workitem, UPS.sopInstanceUid) !== undefined));
      if (candidates.length > MAXIMUM_CANDIDATES) break;
    }
  } catch (error) {
    throw error instanceof ServiceFailure ? asPartOfCreate(error) : error;
  }
  return candidates;
}

function chosenOf(candidates: readonly DataSet[], item: DataSet): DataSet | 'none' | 'several' {
  const scheduled = candidates.filter((workitem) => workitemStateOf(workitem) === 'SCHEDULED');
  const [first, ...more] = scheduled.length > 0 ? scheduled : candidates;
  if (first === undefined) return 'none';
  // Which of those that are over is named changes nothing.
  if (more.length === 0 || scheduled.length === 0) return first;
  const stepId = trimmed(item, SCHEDULED_PROCEDURE_STEP_ID);
  const [named] = scheduled.filter((workitem) => stepIdOf(trimmed(workitem, UPS.sopInstanceUid)) === stepId);
  return named ?? 'several';
}

const OF_SEARCHES: ReadonlySet<ServiceFailure['code']> = new Set([
  'QUERY_TOO_LONG',
  'PAGING_NOT_SUPPORTED',
  'TOO_MANY_RESULTS',
]);

/** Nothing was done yet; codes that only a search has mean that the server failed. */
function asPartOfCreate(failure: ServiceFailure): ServiceFailure {
  const { message: comment, words, httpStatus, retryAfter } = failure;
  const code = OF_SEARCHES.has(failure.code) ? 'UPSTREAM_ERROR' : failure.code;
  return new ServiceFailure(code, {
    retry: failure.retry === 'permanent' ? 'permanent' : 'safe',
    comment,
    words,
    ...(httpStatus !== undefined && { httpStatus }),
    ...(retryAfter !== undefined && { retryAfter }),
    cause: failure,
  });
}
