/**
 * The N-CREATE of a step that was found on the worklist: what is copied from the entry (PS3.4 F.7.2.1, IHE RAD TF-2
 * 4.6, Appendix A), also of several entries done in one step (the group case).
 */
import { attribute, createDataSet, firstText, isEmpty, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import { MPPS_ATTRIBUTES, PERFORMED_PROCEDURE_STEP_STATUS, SCHEDULED_STEP_ATTRIBUTES_SEQUENCE } from './attributes.ts';
import { fillType2, preCreateOptional, supplyDefaults, type MppsDefaults } from './complete.ts';
import { hasValue } from './conditions.ts';

export interface PerformedStep extends MppsDefaults {
  /** PerformedProcedureStepID; default: a short one made of the time. */
  readonly stepId?: string | undefined;
  /** Group case: one study for all steps; the entries' own studies become referenced ones (PS3.4 F.7.2.1.2). */
  readonly studyInstanceUid?: string | undefined;
}

const SCHEDULED_PROCEDURE_STEP_SEQUENCE: Tag = '00400100';
const STUDY_INSTANCE_UID: Tag = '0020000D';
const REFERENCED_STUDY_SEQUENCE: Tag = '00081110';
const PATIENT_ID: Tag = '00100020';
const MODALITY: Tag = '00080060';
const SCHEDULED_STATION_AE_TITLE: Tag = '00400001';

/** Detached Study Management (retired): the class that Referenced Study Sequence names (PS3.3 C.4.10). */
const DETACHED_STUDY_MANAGEMENT = '1.2.840.10008.3.1.2.3.1';

/** Patient, visit and episode: what the relationship module has outside the scheduled steps. */
const RELATIONSHIP_TAGS: readonly Tag[] = [...MPPS_ATTRIBUTES.keys()].filter(
  (tag) => /^0010|^0038/.test(tag) || tag === '00081120',
);

/**
 * @param entries worklist entries, one Scheduled Procedure Step each; at least one, all of one patient
 * @returns what passes `checkCreate`, provided the entries have a Study Instance UID and `performed` or the first
 *   entry names station and modality
 * @throws ServiceFailure INVALID_VALUE when the entries are of several patients
 */
export function createFromWorklist(entries: readonly DataSet[], performed: PerformedStep): DataSet {
  const [first] = entries;
  if (first === undefined) throw new ServiceFailure('BAD_REQUEST', { comment: 'no worklist entry' });
  if (entries.some((entry) => firstText(entry, PATIENT_ID) !== firstText(first, PATIENT_ID))) {
    const comment = 'worklist entries of several patients cannot be one step';
    throw new ServiceFailure('INVALID_VALUE', { comment, attributes: [PATIENT_ID] });
  }
  const result = createDataSet();
  for (const tag of RELATIONSHIP_TAGS) copyTo(result, tag, first[tag]);
  const steps = entries.map((entry) => scheduledStep(entry, performed.studyInstanceUid));
  result[SCHEDULED_STEP_ATTRIBUTES_SEQUENCE] = attribute('SQ', ...steps);
  result[PERFORMED_PROCEDURE_STEP_STATUS] = attribute('CS', 'IN PROGRESS');
  if (performed.stepId !== undefined) result['00400253'] = attribute('SH', performed.stepId);
  const scheduled = itemsOf(first[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? createDataSet();
  const { attributes } = supplyDefaults(result, {
    now: performed.now,
    stationAeTitle: performed.stationAeTitle ?? firstText(scheduled, SCHEDULED_STATION_AE_TITLE),
    modality: performed.modality ?? firstText(scheduled, MODALITY),
  });
  return preCreateOptional(fillType2(attributes).attributes).attributes;
}

/** One item of Scheduled Step Attributes Sequence: of the scheduled step, else of the request around it. */
function scheduledStep(entry: DataSet, studyInstanceUid: string | undefined): DataSet {
  const scheduled = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE])[0] ?? createDataSet();
  const item = createDataSet();
  for (const tag of MPPS_ATTRIBUTES.get(SCHEDULED_STEP_ATTRIBUTES_SEQUENCE)?.items.keys() ?? []) {
    copyTo(item, tag, scheduled[tag] ?? entry[tag]);
  }
  const own = firstText(item, STUDY_INSTANCE_UID);
  if (studyInstanceUid === undefined || studyInstanceUid === own) return item;
  item[STUDY_INSTANCE_UID] = attribute('UI', studyInstanceUid);
  if (own !== undefined && !hasValue(item[REFERENCED_STUDY_SEQUENCE])) {
    item[REFERENCED_STUDY_SEQUENCE] = attribute('SQ', reference(DETACHED_STUDY_MANAGEMENT, own));
  }
  return item;
}

function reference(sopClassUid: string, sopInstanceUid: string): DataSet {
  return Object.assign(createDataSet(), {
    '00081150': attribute('UI', sopClassUid),
    '00081155': attribute('UI', sopInstanceUid),
  });
}

/** An empty one is left to `fillType2`, which knows which must be there. */
function copyTo(target: DataSet, tag: Tag, source: Attribute | undefined): void {
  if (source === undefined || isEmpty(source)) return;
  const items = itemsOf(source);
  if (items.length === 0) target[tag] = source;
  else copyItems(target, tag, items);
}

/** Worklist sequences come with items whose attributes are all empty where nothing is known. */
function copyItems(target: DataSet, tag: Tag, items: readonly DataSet[]): void {
  const telling = items.filter((item) => Object.values(item).some(hasValue));
  if (telling.length > 0) target[tag] = attribute('SQ', ...telling);
}
