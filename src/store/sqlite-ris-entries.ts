import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { GatewayError } from '../errors.ts';
import type { NewRisEntry, RisEntries, RisEntry, RisEntryExpiry, RisEntryFilter, RisEntryKey } from './ris-records.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { SqliteRisLinks } from './sqlite-ris-links.ts';
import type { Durability } from './store.ts';

/** Entries in memory at a time while a search goes through them. */
const PAGE = 200;
const DEFAULT_LIMIT = 1_000;

const COLUMNS = 'upstream, id, source, state, created_at, updated_at, sort_key, scheduled';

/** Texts an entry is found by where the filter names some of them. */
const NAMED = {
  modalities: 'modality',
  patientIds: 'patient_id',
  accessionNumbers: 'accession_number',
  studyInstanceUids: 'study_instance_uid',
  stepIds: 'step_id',
  states: 'state',
} as const;

export class SqliteRisEntries implements RisEntries {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #links: SqliteRisLinks;
  readonly #get: StatementSync;
  readonly #has: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #seedIds: StatementSync;

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#links = new SqliteRisLinks(connection);
    const byKey = 'upstream = :upstream AND id = :id';
    this.#get = connection.prepare(`SELECT ${COLUMNS} FROM ris_entries WHERE ${byKey}`);
    this.#has = connection.prepare(`SELECT 1 FROM ris_entries WHERE ${byKey}`);
    const content = [
      'source', 'updated_at', 'start_date', 'modality', 'stations', 'patient_id', 'accession_number',
      'study_instance_uid', 'step_id', 'sort_key', 'scheduled',
    ]; // prettier-ignore
    const columns = ['upstream', 'id', 'state', 'created_at', ...content];
    this.#put = connection.prepare(
      `INSERT INTO ris_entries (${columns.join()}) VALUES (${columns.map((column) => `:${column}`).join()})
       ON CONFLICT (upstream, id) DO UPDATE SET ${content.map((column) => `${column} = excluded.${column}`).join()}`,
    );
    this.#remove = connection.prepare(`DELETE FROM ris_entries WHERE ${byKey}`);
    this.#seedIds = connection.prepare(`SELECT id FROM ris_entries WHERE upstream = :upstream AND source = 'seed'`);
  }

  async get({ upstream, id }: RisEntryKey): Promise<RisEntry | undefined> {
    const row = this.#connection.read(() => this.#get.get({ upstream, id }));
    return row === undefined ? undefined : this.#entryOf(row);
  }

  async *find(upstream: string, filter: RisEntryFilter): AsyncGenerator<RisEntry, void, void> {
    const { conditions, parameters } = conditionsOf(filter);
    const where = ['upstream = :upstream', '(sort_key, id) > (:sortKey, :after)', ...conditions].join(' AND ');
    const page = this.#connection.read(() =>
      this.#connection.prepare(`SELECT ${COLUMNS} FROM ris_entries WHERE ${where} ORDER BY sort_key, id LIMIT ${PAGE}`),
    );
    let [sortKey, after] = ['', ''];
    for (;;) {
      const rows = this.#connection.read(() => page.all({ ...parameters, upstream, sortKey, after }));
      for (const row of rows) yield this.#entryOf(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      [sortKey, after] = [last['sort_key'] as string, last['id'] as string];
    }
  }

  async put(entries: readonly NewRisEntry[], durability: Durability): Promise<number> {
    const rows = entries.map((entry) => toRow(entry));
    return this.#connection.write(durability, () => {
      const now = this.#now();
      let added = 0;
      rows.forEach((row, i) => {
        const { upstream, id } = entries[i] as NewRisEntry;
        if (this.#has.get({ upstream, id }) === undefined) added++;
        this.#put.run({ ...row, state: 'SCHEDULED', created_at: now, updated_at: now });
        this.#links.follow({ upstream, id }, now);
      });
      return added;
    });
  }

  async remove({ upstream, id }: RisEntryKey, durability: Durability): Promise<boolean> {
    return this.#connection.write(durability, () => {
      this.#links.unlink({ upstream, id });
      return this.#remove.run({ upstream, id }).changes === 1;
    });
  }

  async removeSeedExcept(upstream: string, ids: ReadonlySet<string>): Promise<number> {
    return this.#connection.write('disk', () => {
      const gone = this.#seedIds.all({ upstream }).filter(({ id }) => !ids.has(id as string));
      for (const { id } of gone) this.#remove.run({ upstream, id: id as string });
      return gone.length;
    });
  }

  async expire(upstream: string, expiry: RisEntryExpiry): Promise<number> {
    const { scheduledBefore, doneBeforeMs, source, limit = DEFAULT_LIMIT } = expiry;
    const aged = [
      // The day they came stands for a start date they do not have.
      ...(scheduledBefore === undefined
        ? []
        : [
            `(state = 'SCHEDULED' AND start_date < :scheduledBefore AND (start_date <> '' OR
              strftime('%Y%m%d', created_at / 1000, 'unixepoch') < :scheduledBefore))`,
          ]),
      ...(doneBeforeMs === undefined
        ? []
        : [`(state IN ('COMPLETED', 'DISCONTINUED') AND updated_at < :doneBeforeMs)`]),
    ];
    if (aged.length === 0) return 0;
    const conditions = ['upstream = :upstream', ...(source === undefined ? [] : ['source = :source'])];
    const parameters = {
      upstream,
      limit,
      ...(scheduledBefore === undefined ? {} : { scheduledBefore }),
      ...(doneBeforeMs === undefined ? {} : { doneBeforeMs }),
      ...(source === undefined ? {} : { source }),
    };
    return this.#connection.write('process', () => {
      const expired = this.#connection
        .prepare(
          `SELECT id FROM ris_entries WHERE ${conditions.join(' AND ')} AND (${aged.join(' OR ')})
           ORDER BY number LIMIT :limit`,
        )
        .all(parameters);
      for (const { id } of expired) {
        this.#links.unlink({ upstream, id: id as string });
        this.#remove.run({ upstream, id: id as string });
      }
      return expired.length;
    });
  }

  // Read as it was written: the reader for other people's JSON would mend value representations.
  #entryOf(row: Record<string, SQLOutputValue>): RisEntry {
    try {
      return {
        upstream: row['upstream'] as string,
        id: row['id'] as string,
        source: row['source'] as RisEntry['source'],
        scheduled: cloneDataSet(JSON.parse(row['scheduled'] as string) as DataSet),
        state: row['state'] as RisEntry['state'],
        createdAt: row['created_at'] as number,
        updatedAt: row['updated_at'] as number,
      };
    } catch (error) {
      throw this.#damaged('an entry of the worklist cannot be read', error);
    }
  }
}

function toRow({ upstream, id, source, scheduled, index }: NewRisEntry): Record<string, SQLInputValue> {
  return {
    upstream,
    id,
    source,
    start_date: index.startDate,
    modality: index.modality,
    stations: JSON.stringify(index.stations),
    patient_id: index.patientId,
    accession_number: index.accessionNumber,
    study_instance_uid: index.studyInstanceUid,
    step_id: index.stepId,
    sort_key: index.sortKey,
    scheduled: toJson(scheduled),
  };
}

function conditionsOf(filter: RisEntryFilter): { conditions: string[]; parameters: Record<string, SQLInputValue> } {
  const conditions: string[] = [];
  const parameters: Record<string, SQLInputValue> = {};
  const parameter = (value: SQLInputValue): string => {
    const name = `p${Object.keys(parameters).length}`;
    parameters[name] = value;
    return `:${name}`;
  };
  const isOneOf = (column: string, values: readonly string[]): string =>
    `${column} IN (${values.map(parameter).join()})`;
  for (const [name, column] of Object.entries(NAMED) as [keyof typeof NAMED, string][]) {
    const values = filter[name];
    // An index on the state would put the whole list out of order for what nearly every entry fulfils.
    if (values !== undefined) conditions.push(isOneOf(name === 'states' ? `+${column}` : column, values));
  }
  if (filter.id !== undefined) conditions.push(`id = ${parameter(filter.id)}`);
  if (filter.source !== undefined) conditions.push(`source = ${parameter(filter.source)}`);
  if (filter.stations !== undefined) {
    const found = filter.stations.map((title) => `instr(stations, ${parameter(JSON.stringify(title))}) > 0`);
    conditions.push(`(${found.join(' OR ') || 'FALSE'})`);
  }
  const { startDateFrom, startDateTo } = filter;
  const days = daysOf(startDateFrom, startDateTo);
  if (days !== undefined) conditions.push(isOneOf('start_date', days));
  else {
    // A long range is most of the list: in its order, without the index of the days.
    if (startDateFrom !== undefined) conditions.push(`+start_date >= ${parameter(startDateFrom)}`);
    if (startDateTo !== undefined) conditions.push(`+start_date <= ${parameter(startDateTo)}`, `start_date <> ''`);
  }
  return { conditions, parameters };
}

const MAXIMUM_DAYS = 31;
const DAY_MS = 86_400_000;

/** The days of a short range, which an index finds one by one; undefined for a long or open range, or bounds that are no days. */
function daysOf(from: string | undefined, to: string | undefined): string[] | undefined {
  if (from === undefined || to === undefined) return undefined;
  const [first, last] = [timeOf(from), timeOf(to)];
  if (first === undefined || last === undefined || last - first >= MAXIMUM_DAYS * DAY_MS) return undefined;
  const days: string[] = [];
  for (let time = first; time <= last; time += DAY_MS) days.push(dayOf(time));
  return days;
}

function timeOf(day: string): number | undefined {
  const time = Date.parse(day.replace(/^(\d{4})(\d{2})(\d{2})$/, '$1-$2-$3'));
  return Number.isNaN(time) || dayOf(time) !== day ? undefined : time;
}

function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10).replaceAll('-', '');
}
