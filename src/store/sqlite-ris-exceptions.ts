import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import type { RisException, RisExceptions, RisResolution } from './ris-records.ts';
import { EXCEPTION_COLUMNS, fromExceptionRow } from './ris-rows.ts';
import type { RisRow } from './ris-rows.ts';
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

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#links = new SqliteRisLinks(connection);
    this.#get = connection.prepare(`SELECT ${EXCEPTION_COLUMNS} FROM ris_exceptions WHERE id = :id`);
    this.#resolve = connection.prepare(
      `UPDATE ris_exceptions SET resolution = :resolution, resolved_at = :now, reason = :reason
       WHERE id = :id AND resolution IS NULL RETURNING upstream, uid, entry_id`,
    );
  }

  async list(filter: Parameters<RisExceptions['list']>[0] = {}): Promise<RisException[]> {
    const { upstream, uid, open = false, after, limit = DEFAULT_LIMIT } = filter;
    const values: Record<string, SQLInputValue> = { limit };
    const conditions = ['TRUE'];
    for (const [name, value] of Object.entries({ upstream, uid })) {
      if (value === undefined) continue;
      conditions.push(`${name} = :${name}`);
      values[name] = value;
    }
    if (open) conditions.push('resolution IS NULL');
    if (after !== undefined) {
      conditions.push('id > :after');
      values['after'] = after;
    }
    const sql = `SELECT ${EXCEPTION_COLUMNS} FROM ris_exceptions WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT :limit`;
    const rows = this.#connection.read(() => this.#connection.prepare(sql).all(values));
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
      if (resolution === 'merged') {
        const step = { upstream: row['upstream'] as string, uid: row['uid'] as string };
        this.#links.add(step, row['entry_id'] as string);
        this.#links.follow(step, now);
      }
      return true;
    });
  }

  #exceptionOf(row: RisRow): RisException {
    try {
      return fromExceptionRow(row);
    } catch (error) {
      throw this.#damaged('an exception of the RIS cannot be read', error);
    }
  }
}
