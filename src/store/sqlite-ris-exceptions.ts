import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import type { DataSet } from '../dataset/model.ts';
import type { GatewayError } from '../errors.ts';
import { stateOf } from '../services/mpps/state.ts';
import type { RisException, RisExceptions, RisResolution } from './ris-records.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { SqliteRisLinks } from './sqlite-ris-links.ts';

const DEFAULT_LIMIT = 1_000;

export class SqliteRisExceptions implements RisExceptions {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #links: SqliteRisLinks;
  readonly #get: StatementSync;
  readonly #resolve: StatementSync;
  readonly #step: StatementSync;

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#links = new SqliteRisLinks(connection);
    this.#get = connection.prepare('SELECT * FROM ris_exceptions WHERE id = :id');
    this.#resolve = connection.prepare(
      `UPDATE ris_exceptions SET resolution = :resolution, resolved_at = :now, reason = :reason
       WHERE id = :id AND resolution IS NULL RETURNING upstream, uid, entry_id`,
    );
    this.#step = connection.prepare('SELECT attributes FROM ris_steps WHERE upstream = :upstream AND uid = :uid');
  }

  async list(filter: Parameters<RisExceptions['list']>[0] = {}): Promise<RisException[]> {
    const { upstream, uid, open, after = 0, limit = DEFAULT_LIMIT } = filter;
    const conditions = [
      'id > :after',
      ...(upstream === undefined ? [] : ['upstream = :upstream']),
      ...(uid === undefined ? [] : ['uid = :uid']),
      ...(open === true ? ['resolution IS NULL'] : []),
    ];
    const rows = this.#connection.read(() =>
      this.#connection
        .prepare(`SELECT * FROM ris_exceptions WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT :limit`)
        .all({
          after,
          limit,
          ...(upstream === undefined ? {} : { upstream }),
          ...(uid === undefined ? {} : { uid }),
        }),
    );
    return rows.map((row) => this.#exceptionOf(row));
  }

  async get(id: number): Promise<RisException | undefined> {
    const row = this.#connection.read(() => this.#get.get({ id }));
    return row === undefined ? undefined : this.#exceptionOf(row);
  }

  async resolve(id: number, resolution: RisResolution, reason: string): Promise<boolean> {
    return this.#connection.write('disk', () => {
      const now = this.#now();
      const row = this.#resolve.get({ id, resolution, reason, now });
      if (row === undefined) return false;
      const [upstream, uid, entryId] = [row['upstream'], row['uid'], row['entry_id']] as [string, string, string];
      const step = resolution === 'merged' ? this.#step.get({ upstream, uid }) : undefined;
      const state = step && stateOf(this.#dataSetOf(step));
      if (state !== undefined) this.#links.link({ upstream, uid }, entryId, state, now);
      return true;
    });
  }

  #dataSetOf(row: Record<string, SQLOutputValue>): DataSet {
    try {
      return JSON.parse(row['attributes'] as string) as DataSet;
    } catch (error) {
      throw this.#damaged('a step of the RIS cannot be read', error);
    }
  }

  #exceptionOf(row: Record<string, SQLOutputValue>): RisException {
    try {
      const resolved = row['resolution'] as RisResolution | null;
      return {
        id: row['id'] as number,
        upstream: row['upstream'] as string,
        uid: row['uid'] as string,
        entryId: row['entry_id'] as string,
        attributes: JSON.parse(row['attributes'] as string) as RisException['attributes'],
        raisedAt: row['raised_at'] as number,
        ...(resolved === null
          ? {}
          : { resolution: resolved, resolvedAt: row['resolved_at'] as number, reason: row['reason'] as string }),
      };
    } catch (error) {
      throw this.#damaged('an exception of the RIS cannot be read', error);
    }
  }
}
