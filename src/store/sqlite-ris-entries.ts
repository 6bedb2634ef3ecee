import type { StatementSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import { startOfDay } from './ris-records.ts';
import type { NewRisEntry, RisEntries, RisEntry, RisEntryExpiry, RisEntryFilter, RisEntryKey } from './ris-records.ts';
import { ENTRY_BROUGHT, ENTRY_COLUMNS, fromEntryRow, toEntryRow } from './ris-rows.ts';
import type { RisRow } from './ris-rows.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { stateOfEntry } from './sqlite-ris-links.ts';
import { prepareSearch } from './sqlite-ris-search.ts';
import type { Durability } from './store.ts';

const BY_KEY = 'upstream = :upstream AND id = :id';

/** How many entries are in memory at a time while many are read. */
const PAGE = 100;

const DEFAULT_LIMIT = 1_000;

export class SqliteRisEntries implements RisEntries {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #get: StatementSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #remove: StatementSync;
  readonly #unlink: StatementSync;
  readonly #removeSeed: StatementSync;
  readonly #expireScheduled: StatementSync;
  readonly #expireStarted: StatementSync;
  readonly #expireDone: StatementSync;

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    const expire = (index: string, condition: string): StatementSync =>
      connection.prepare(
        `DELETE FROM ris_entries WHERE number IN (SELECT number FROM ris_entries INDEXED BY ${index}
         WHERE upstream = :upstream AND ${condition} AND source = coalesce(:source, source) LIMIT :limit)`,
      );
    this.#get = connection.prepare(`SELECT ${ENTRY_COLUMNS} FROM ris_entries WHERE ${BY_KEY}`);
    this.#insert = connection.prepare(
      `INSERT INTO ris_entries (upstream, id, state, created_at, updated_at, ${ENTRY_BROUGHT.join()})
       VALUES (:upstream, :id, ${stateOfEntry(':upstream', ':id')}, :now, :now, ${ENTRY_BROUGHT.map((name) => `:${name}`).join()})
       ON CONFLICT (upstream, id) DO NOTHING`,
    );
    this.#update = connection.prepare(
      `UPDATE ris_entries SET updated_at = :now, ${ENTRY_BROUGHT.map((name) => `${name} = :${name}`).join()} WHERE ${BY_KEY}`,
    );
    this.#remove = connection.prepare(`DELETE FROM ris_entries WHERE ${BY_KEY}`);
    this.#unlink = connection.prepare('DELETE FROM ris_links WHERE upstream = :upstream AND entry_id = :id');
    this.#removeSeed = connection.prepare(
      `DELETE FROM ris_entries WHERE upstream = :upstream AND source = 'seed'
       AND id NOT IN (SELECT value FROM json_each(:ids))`,
    );
    this.#expireScheduled = expire(
      'ris_entries_by_date',
      `state = 'SCHEDULED' AND (start_date > '' AND start_date < :day OR start_date = '' AND created_at < :before)`,
    );
    this.#expireStarted = expire('ris_entries_by_age', `state = 'STARTED' AND updated_at < :before`);
    this.#expireDone = expire('ris_entries_by_age', `state IN ('COMPLETED', 'DISCONTINUED') AND updated_at < :before`);
  }

  async get({ upstream, id }: RisEntryKey): Promise<RisEntry | undefined> {
    const row = this.#connection.read(() => this.#get.get({ upstream, id }));
    return row === undefined ? undefined : this.#entryOf(row);
  }

  async *find(upstream: string, filter: RisEntryFilter): AsyncGenerator<RisEntry, void, void> {
    const connection = this.#connection;
    const next = connection.read(() => prepareSearch(connection, ENTRY_COLUMNS, upstream, filter, PAGE));
    let after = { sortKey: '', id: '' };
    for (;;) {
      const rows = connection.read(() => next(after));
      for (const row of rows) yield this.#entryOf(row);
      const last = rows.at(-1);
      if (last === undefined || rows.length < PAGE) return;
      after = { sortKey: last['sort_key'] as string, id: last['id'] as string };
    }
  }

  async put(entries: readonly NewRisEntry[], durability: Durability): Promise<number> {
    const rows = entries.map(toEntryRow);
    return this.#connection.write(durability, () => {
      const now = this.#now();
      let added = 0;
      for (const row of rows) {
        if (this.#insert.run({ ...row, now }).changes === 1) added++;
        else this.#update.run({ ...row, now });
      }
      return added;
    });
  }

  async remove({ upstream, id }: RisEntryKey, durability: Durability): Promise<boolean> {
    return this.#connection.write(durability, () => {
      if (this.#remove.run({ upstream, id }).changes === 0) return false;
      this.#unlink.run({ upstream, id });
      return true;
    });
  }

  async removeSeedExcept(upstream: string, ids: ReadonlySet<string>): Promise<number> {
    const values = { upstream, ids: JSON.stringify([...ids]) };
    return this.#connection.write('process', () => Number(this.#removeSeed.run(values).changes));
  }

  async expire(upstream: string, expiry: RisEntryExpiry): Promise<number> {
    const { scheduledBefore: day, startedBeforeMs, doneBeforeMs, source = null, limit = DEFAULT_LIMIT } = expiry;
    return this.#connection.write('process', () => {
      let expired = 0;
      if (day !== undefined) {
        const values = { upstream, source, day, before: startOfDay(day), limit };
        expired += Number(this.#expireScheduled.run(values).changes);
      }
      if (startedBeforeMs !== undefined) {
        const values = { upstream, source, before: startedBeforeMs, limit: limit - expired };
        expired += Number(this.#expireStarted.run(values).changes);
      }
      if (doneBeforeMs !== undefined) {
        const values = { upstream, source, before: doneBeforeMs, limit: limit - expired };
        expired += Number(this.#expireDone.run(values).changes);
      }
      return expired;
    });
  }

  #entryOf(row: RisRow): RisEntry {
    try {
      return fromEntryRow(row);
    } catch (error) {
      throw this.#damaged('an entry of the worklist cannot be read', error);
    }
  }
}
