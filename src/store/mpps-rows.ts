/** Records of performed procedure steps as rows of `mpps`, in every data base. */
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { MppsRecord } from './store.ts';

export type MppsRow = Readonly<Record<string, unknown>>;

export const MPPS_KEY = ['route', 'upstream', 'uid'] as const;
export const MPPS_CONTENT = [
  'listener', 'phase', 'state', 'delivered', 'created_at', 'updated_at', 'requester', 'character_set', 'create_digest',
  'last_digest', 'pending_digest', 'created_tags', 'set_tags', 'sequences', 'copy',
  'updates',
] as const; // prettier-ignore
export const MPPS_COLUMNS = [...MPPS_KEY, ...MPPS_CONTENT];

/** What is left of a record whose content is erased. */
export const MPPS_TOMBSTONE = `phase = 'deleted', character_set = NULL, create_digest = '', last_digest = NULL,
  pending_digest = NULL, created_tags = '{}', set_tags = '{}', sequences = '{}', copy = NULL, updates = NULL`;

export function toMppsRow(record: MppsRecord): Record<string, string | number | null> {
  return {
    route: record.route,
    upstream: record.upstream,
    uid: record.uid,
    listener: record.listener,
    phase: record.phase,
    state: record.state,
    delivered: Number(record.delivered),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    requester: JSON.stringify(record.requester),
    character_set: record.characterSet ?? null,
    create_digest: record.createDigest,
    last_digest: record.lastDigest ?? null,
    pending_digest: record.pendingDigest ?? null,
    created_tags: JSON.stringify(record.created),
    set_tags: JSON.stringify(record.set),
    sequences: JSON.stringify(record.sequences),
    copy: record.copy === undefined ? null : toJson(record.copy),
    updates: record.updates === undefined ? null : JSON.stringify(record.updates),
  };
}

/**
 * The table checks phase and state, so the columns have the types of the record. A copy is read as it was written: the
 * reader for other people's JSON would mend value representations.
 * @throws SyntaxError
 */
export function fromMppsRow(row: MppsRow): MppsRecord {
  const optional = <Name extends string>(name: Name, value: unknown): { [name in Name]?: string } =>
    (value === null ? {} : { [name]: value }) as { [name in Name]?: string };
  const json = (column: string): unknown => JSON.parse(row[column] as string);
  return {
    route: row['route'] as string,
    upstream: row['upstream'] as string,
    uid: row['uid'] as string,
    listener: row['listener'] as string,
    requester: json('requester') as MppsRecord['requester'],
    ...optional('characterSet', row['character_set']),
    phase: row['phase'] as MppsRecord['phase'],
    state: row['state'] as MppsRecord['state'],
    delivered: Boolean(row['delivered']), // 0 and 1, or a boolean
    createDigest: row['create_digest'] as string,
    ...optional('lastDigest', row['last_digest']),
    ...optional('pendingDigest', row['pending_digest']),
    created: json('created_tags') as MppsRecord['created'],
    set: json('set_tags') as MppsRecord['set'],
    sequences: json('sequences') as MppsRecord['sequences'],
    ...(row['copy'] === null ? {} : { copy: cloneDataSet(json('copy') as DataSet) }),
    ...(row['updates'] === null ? {} : { updates: json('updates') as NonNullable<MppsRecord['updates']> }),
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
  };
}
