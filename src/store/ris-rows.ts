/** What the embedded RIS keeps as rows of `ris_entries`, `ris_steps` and `ris_exceptions`, in every data base. */
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { NewRisEntry, RisEntry, RisException, RisResolution, RisStep } from './ris-records.ts';

export type RisRow = Readonly<Record<string, unknown>>;

/** What an entry brings with it; the rest of its row is the store's. */
export const ENTRY_BROUGHT = [
  'source', 'sort_key', 'start_date', 'modality', 'stations', 'patient_id', 'accession_number', 'study_instance_uid', 'step_id',
  'scheduled',
] as const; // prettier-ignore

type EntryColumn = 'upstream' | 'id' | (typeof ENTRY_BROUGHT)[number];

export const ENTRY_COLUMNS = 'upstream, id, source, state, created_at, updated_at, sort_key, scheduled';
export const EXCEPTION_COLUMNS = 'id, upstream, uid, entry_id, attributes, raised_at, resolution, resolved_at, reason';

/** `stations` is a JSON list. */
export function toEntryRow({ upstream, id, source, scheduled, index }: NewRisEntry): Record<EntryColumn, string> {
  return {
    upstream,
    id,
    source,
    sort_key: index.sortKey,
    start_date: index.startDate,
    modality: index.modality,
    stations: JSON.stringify(index.stations),
    patient_id: index.patientId,
    accession_number: index.accessionNumber,
    study_instance_uid: index.studyInstanceUid,
    step_id: index.stepId,
    scheduled: toJson(scheduled),
  };
}

/** The table checks source and state. @throws SyntaxError */
export function fromEntryRow(row: RisRow): RisEntry {
  return {
    upstream: row['upstream'] as string,
    id: row['id'] as string,
    source: row['source'] as RisEntry['source'],
    state: row['state'] as RisEntry['state'],
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
    scheduled: dataSetOf(row['scheduled']),
  };
}

/** Of the columns `attributes` and `revision`. @throws SyntaxError */
export function fromStepRow(row: RisRow): Pick<RisStep, 'attributes' | 'revision'> {
  return { attributes: dataSetOf(row['attributes']), revision: row['revision'] as number };
}

/** The table checks the resolution. @throws SyntaxError */
export function fromExceptionRow(row: RisRow): RisException {
  const { resolution, resolved_at: resolvedAt, reason } = row;
  return {
    id: row['id'] as number,
    upstream: row['upstream'] as string,
    uid: row['uid'] as string,
    entryId: row['entry_id'] as string,
    attributes: JSON.parse(row['attributes'] as string) as RisException['attributes'],
    raisedAt: row['raised_at'] as number,
    ...(resolution === null
      ? {}
      : { resolution: resolution as RisResolution, resolvedAt: resolvedAt as number, reason: reason as string }),
  };
}

/** As it was written: the reader for other people's JSON would mend value representations. */
function dataSetOf(text: unknown): DataSet {
  return cloneDataSet(JSON.parse(text as string) as DataSet);
}
