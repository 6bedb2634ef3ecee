import type { GatewayError } from '../errors.ts';
import { prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Row, Session } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import { excludeFromRis, stateOfEntry } from './postgres-ris-links.ts';
import { startOfDay } from './ris-records.ts';
import type { NewRisEntry, RisEntries, RisEntry, RisEntryExpiry, RisEntryFilter, RisEntryKey } from './ris-records.ts';
import { ENTRY_BROUGHT, ENTRY_COLUMNS, fromEntryRow, toEntryRow } from './ris-rows.ts';
import type { Durability } from './store.ts';

/** How many entries are in memory at a time while many are read. */
const PAGE = 100;
/** Entries of one statement. */
const CHUNK = 500;
/** From so many new ones on the planner should know at once what there is, not when autovacuum comes by. */
const MANY = 500;

const DEFAULT_LIMIT = 1_000;

const PUT_COLUMNS = ['upstream', 'id', ...ENTRY_BROUGHT] as const;

const BY_KEY = 'upstream = $1 AND id = $2';
const GET = prepared(`SELECT ${ENTRY_COLUMNS} FROM ris_entries WHERE ${BY_KEY}`);
/** A row that was inserted has no xmax yet, one that was updated is locked by this transaction. */
const PUT = prepared(
  `INSERT INTO ris_entries (${PUT_COLUMNS.join()}, state, created_at, updated_at)
   SELECT ${PUT_COLUMNS.map((column) => (column === 'stations' ? listOf('r.stations') : `r.${column}`)).join()},
     ${stateOfEntry('r.upstream', 'r.id')}, ${NOW}, ${NOW}
   FROM unnest(${PUT_COLUMNS.map((_, i) => `$${i + 1}::text[]`).join()}) AS r (${PUT_COLUMNS.join()})
   ON CONFLICT (upstream, id) DO UPDATE SET updated_at = excluded.updated_at,
     ${ENTRY_BROUGHT.map((column) => `${column} = excluded.${column}`).join()}
   RETURNING xmax::text = '0' AS is_new`,
);
const ANALYZE = prepared('ANALYZE ris_entries');
const REMOVE = prepared(`DELETE FROM ris_entries WHERE ${BY_KEY}`);
const UNLINK = prepared('DELETE FROM ris_links WHERE upstream = $1 AND entry_id = $2');
const REMOVE_SEED = prepared(
  `DELETE FROM ris_entries e WHERE upstream = $1 AND source = 'seed'
   AND NOT EXISTS (SELECT FROM unnest($2::text[]) AS kept (id) WHERE kept.id = e.id)`,
);
const EXPIRE_SCHEDULED = expire(
  `state = 'SCHEDULED' AND (start_date > '' AND start_date < $4 OR start_date = '' AND created_at < $5)`,
);
const EXPIRE_STARTED = expire(`state = 'STARTED' AND updated_at < $4`);
const EXPIRE_DONE = expire(`state IN ('COMPLETED', 'DISCONTINUED') AND updated_at < $4`);

function expire(condition: string): ReturnType<typeof prepared> {
  return prepared(
    `DELETE FROM ris_entries WHERE number IN (SELECT number FROM ris_entries
     WHERE upstream = $1 AND ${condition} AND source = coalesce($2::text, source) LIMIT $3 FOR UPDATE SKIP LOCKED)`,
  );
}

/** Of a JSON list of texts. */
function listOf(text: string): string {
  return `ARRAY(SELECT json_array_elements_text(${text}::json))`;
}

export class PostgresRisEntries implements RisEntries {
  readonly #connections: PostgresConnections;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;

  constructor(connections: PostgresConnections, damaged: (detail: string, cause: unknown) => GatewayError) {
    this.#connections = connections;
    this.#damaged = damaged;
  }

  async get({ upstream, id }: RisEntryKey): Promise<RisEntry | undefined> {
    const { rows } = await this.#connections.query(GET, [upstream, id]);
    return rows[0] && this.#entryOf(rows[0]);
  }

  async *find(upstream: string, filter: RisEntryFilter): AsyncGenerator<RisEntry, void, void> {
    const { conditions, values } = conditionsOf(upstream, filter);
    // Without a name: planned for these values, of which one is rare and another is that of nearly every entry.
    const text = `SELECT ${ENTRY_COLUMNS} FROM ris_entries WHERE ${conditions.join(' AND ')}
      AND (sort_key, id) > ($${values.length + 1}, $${values.length + 2}) ORDER BY sort_key, id LIMIT ${PAGE}`;
    let after = ['', ''];
    for (;;) {
      const { rows } = await this.#connections.query({ text }, [...values, ...after]);
      for (const row of rows) yield this.#entryOf(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = [last['sort_key'] as string, last['id'] as string];
    }
  }

  async put(entries: readonly NewRisEntry[], durability: Durability): Promise<number> {
    // A statement takes a key once only.
    const rows = [...new Map(entries.map((entry) => [JSON.stringify([entry.upstream, entry.id]), entry])).values()].map(
      toEntryRow,
    );
    return this.#connections.transaction(durability, async (session) => {
      for (const upstream of new Set(rows.map((row) => row.upstream).sort())) await excludeFromRis(session, upstream);
      let added = 0;
      for (let at = 0; at < rows.length; at += CHUNK) added += await put(session, rows.slice(at, at + CHUNK));
      if (added >= MANY) await session.query(ANALYZE);
      return added;
    });
  }

  async remove({ upstream, id }: RisEntryKey, durability: Durability): Promise<boolean> {
    return this.#connections.transaction(durability, async (session) => {
      await excludeFromRis(session, upstream);
      if ((await session.query(REMOVE, [upstream, id])).count === 0) return false;
      await session.query(UNLINK, [upstream, id]);
      return true;
    });
  }

  async removeSeedExcept(upstream: string, ids: ReadonlySet<string>): Promise<number> {
    return this.#connections.transaction('process', async (session) => {
      await excludeFromRis(session, upstream);
      return (await session.query(REMOVE_SEED, [upstream, [...ids]])).count;
    });
  }

  async expire(upstream: string, expiry: RisEntryExpiry): Promise<number> {
    const { scheduledBefore: day, startedBeforeMs, doneBeforeMs, source = null, limit = DEFAULT_LIMIT } = expiry;
    return this.#connections.transaction('process', async (session) => {
      let expired = 0;
      if (day !== undefined) {
        expired += (await session.query(EXPIRE_SCHEDULED, [upstream, source, limit, day, startOfDay(day)])).count;
      }
      if (startedBeforeMs !== undefined) {
        expired += (await session.query(EXPIRE_STARTED, [upstream, source, limit - expired, startedBeforeMs])).count;
      }
      if (doneBeforeMs !== undefined) {
        expired += (await session.query(EXPIRE_DONE, [upstream, source, limit - expired, doneBeforeMs])).count;
      }
      return expired;
    });
  }

  #entryOf(row: Row): RisEntry {
    try {
      return fromEntryRow(row);
    } catch (error) {
      throw this.#damaged('an entry of the worklist cannot be read', error);
    }
  }
}

/** Gives how many were new. */
async function put(session: Session, rows: readonly ReturnType<typeof toEntryRow>[]): Promise<number> {
  const columns = PUT_COLUMNS.map((column) => rows.map((row) => row[column]));
  const result = await session.query(PUT, columns);
  return result.rows.filter((row) => row['is_new'] === true).length;
}

function conditionsOf(upstream: string, filter: RisEntryFilter): { conditions: string[]; values: Parameter[] } {
  const values: Parameter[] = [upstream];
  const conditions = ['upstream = $1'];
  const add = (value: Parameter | undefined, condition: (parameter: string) => string): void => {
    if (value !== undefined) conditions.push(condition(`$${values.push(value)}`));
  };
  const oneOf = (column: string, texts: readonly string[] | undefined): void =>
    add(texts, (parameter) => `${column} = ANY (${parameter}::text[])`);
  add(filter.id, (id) => `id = ${id}`);
  add(filter.source, (source) => `source = ${source}`);
  add(filter.startDateFrom, (from) => `start_date >= ${from}`);
  add(filter.startDateTo, (to) => `start_date <= ${to}`);
  if (filter.startDateFrom !== undefined || filter.startDateTo !== undefined) conditions.push(`start_date > ''`);
  oneOf('state', filter.states);
  oneOf('modality', filter.modalities);
  oneOf('patient_id', filter.patientIds);
  oneOf('accession_number', filter.accessionNumbers);
  oneOf('study_instance_uid', filter.studyInstanceUids);
  oneOf('step_id', filter.stepIds);
  add(filter.stations, (stations) => `stations && ${stations}::text[]`);
  return { conditions, values };
}
