/**
 * Filters of the worklist as statements of SQLite. Its planner knows nothing of how many entries a value has, so the index
 * is chosen here: either few entries are found and sorted, or the entries are walked through in their order.
 */
import type { SQLInputValue, SQLOutputValue } from 'node:sqlite';
import type { RisEntryFilter } from './ris-records.ts';
import type { SqliteConnection } from './sqlite-connection.ts';

/** Up to so many entries are looked through and sorted anew for each page. */
const FEW = 1_000;

type Values = Record<string, SQLInputValue>;

interface Condition {
  readonly sql: string;
  readonly values: Values;
  /** What finds the entries that meet it. */
  readonly index?: string;
}

/** Gives the next page behind an entry. */
export type Search = (after: { readonly sortKey: string; readonly id: string }) => Record<string, SQLOutputValue>[];

export function prepareSearch(
  connection: SqliteConnection,
  columns: string,
  upstream: string,
  filter: RisEntryFilter,
  pageSize: number,
): Search {
  const conditions = conditionsOf(filter);
  const findsFew = ({ sql, values, index }: Condition): boolean => {
    if (index === undefined) return false;
    const found = connection.prepare(
      `SELECT count(*) AS n FROM (SELECT 1 FROM ris_entries INDEXED BY ${index}
       WHERE upstream = :upstream AND ${sql} LIMIT ${FEW})`,
    );
    return Number(found.get({ ...values, upstream })?.['n']) < FEW;
  };
  const index = conditions.find(findsFew)?.index ?? 'ris_entries_in_order';
  const values = conditions.reduce<Values>((all, condition) => ({ ...all, ...condition.values }), { upstream });
  const page = connection.prepare(
    `SELECT ${columns} FROM ris_entries INDEXED BY ${index}
     WHERE ${['upstream = :upstream', ...conditions.map(({ sql }) => sql)].join(' AND ')}
       AND (sort_key, id) > (:afterKey, :afterId)
     ORDER BY sort_key, id LIMIT ${pageSize}`,
  );
  return ({ sortKey, id }) => page.all({ ...values, afterKey: sortKey, afterId: id });
}

/** Those that find the fewest entries first. */
function conditionsOf(filter: RisEntryFilter): Condition[] {
  const { id, source, startDateFrom, startDateTo } = filter;
  const conditions: (Condition | undefined)[] = [
    id === undefined ? undefined : { sql: 'id = :id', values: { id }, index: 'ris_entries_by_id' },
    oneOf('study_instance_uid', filter.studyInstanceUids, 'ris_entries_by_study'),
    oneOf('accession_number', filter.accessionNumbers, 'ris_entries_by_accession'),
    oneOf('step_id', filter.stepIds, 'ris_entries_by_step'),
    oneOf('patient_id', filter.patientIds, 'ris_entries_by_patient'),
    startDateFrom === undefined && startDateTo === undefined ? undefined : between(startDateFrom, startDateTo),
    oneOf('modality', filter.modalities),
    oneOf('state', filter.states),
    source === undefined ? undefined : { sql: 'source = :source', values: { source } },
    named(filter.stations),
  ];
  return conditions.filter((condition) => condition !== undefined);
}

function oneOf(column: string, texts: readonly string[] | undefined, index?: string): Condition | undefined {
  if (texts === undefined) return undefined;
  return {
    sql: `${column} IN (SELECT value FROM json_each(:${column}))`,
    values: { [column]: JSON.stringify(texts) },
    ...(index === undefined ? {} : { index }),
  };
}

/** Behind the empty text of those without a date; before what is behind every digit. */
function between(from = '0', to = ':'): Condition {
  const values = { from, to };
  return { sql: 'start_date BETWEEN :from AND :to', values, index: 'ris_entries_by_date' };
}

function named(stations: readonly string[] | undefined): Condition | undefined {
  const condition = oneOf('value', stations);
  return condition && { ...condition, sql: `EXISTS (SELECT 1 FROM json_each(stations) WHERE ${condition.sql})` };
}
