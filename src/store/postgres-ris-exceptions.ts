import type { GatewayError } from '../errors.ts';
import { prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Row } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import { linkAndFollow, shareRis } from './postgres-ris-links.ts';
import type { RisException, RisExceptions, RisResolution } from './ris-records.ts';
import { EXCEPTION_COLUMNS, fromExceptionRow } from './ris-rows.ts';

const DEFAULT_LIMIT = 1_000;

const GET = prepared(`SELECT ${EXCEPTION_COLUMNS} FROM ris_exceptions WHERE id = $1`);
const RESOLVE = prepared(
  `UPDATE ris_exceptions SET resolution = $2, resolved_at = ${NOW}, reason = $3 WHERE id = $1 AND resolution IS NULL`,
);

export class PostgresRisExceptions implements RisExceptions {
  readonly #connections: PostgresConnections;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;

  constructor(connections: PostgresConnections, damaged: (detail: string, cause: unknown) => GatewayError) {
    this.#connections = connections;
    this.#damaged = damaged;
  }

  async list(filter: Parameters<RisExceptions['list']>[0] = {}): Promise<RisException[]> {
    const { upstream, uid, open = false, after = 0, limit = DEFAULT_LIMIT } = filter;
    const values: Parameter[] = [after, limit];
    const conditions = ['id > $1'];
    if (upstream !== undefined) conditions.push(`upstream = $${values.push(upstream)}`);
    if (uid !== undefined) conditions.push(`uid = $${values.push(uid)}`);
    if (open) conditions.push('resolution IS NULL');
    const text = `SELECT ${EXCEPTION_COLUMNS} FROM ris_exceptions WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT $2`;
    const { rows } = await this.#connections.query({ text }, values);
    return rows.map((row) => this.#exceptionOf(row));
  }

  async get(id: number): Promise<RisException | undefined> {
    const { rows } = await this.#connections.query(GET, [id]);
    return rows[0] && this.#exceptionOf(rows[0]);
  }

  async resolve(id: number, resolution: RisResolution, reason: string): Promise<boolean> {
    return this.#connections.transaction('disk', async (session) => {
      const [row] = (await session.query(GET, [id])).rows;
      if (row === undefined) return false;
      const { upstream, uid, entryId } = this.#exceptionOf(row);
      await shareRis(session, upstream);
      if ((await session.query(RESOLVE, [id, resolution, reason])).count === 0) return false;
      if (resolution === 'merged') await linkAndFollow(session, { upstream, uid }, [entryId]);
      return true;
    });
  }

  #exceptionOf(row: Row): RisException {
    try {
      return fromExceptionRow(row);
    } catch (error) {
      throw this.#damaged('an exception of the RIS cannot be read', error);
    }
  }
}
