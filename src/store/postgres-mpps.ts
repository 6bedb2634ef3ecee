import type { GatewayError } from '../errors.ts';
import { MPPS_COLUMNS, MPPS_CONTENT, MPPS_TOMBSTONE, fromMppsRow, toMppsRow } from './mpps-rows.ts';
import { prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Result, Session, Statement } from './postgres-connection.ts';
import { LANE, NOW, laneOf } from './postgres-lanes.ts';
import type { WorkLock } from './postgres-locks.ts';
import { PostgresWrites } from './postgres-writes.ts';
import { BROUGHT, toSpoolRow } from './spool-rows.ts';
import type { NewSpoolMessage } from './spool-records.ts';
import type { Durability, Expired, MppsKey, MppsRecord, MppsRecords, MppsRetention } from './store.ts';

const COLUMNS = MPPS_COLUMNS.join();
const FINAL = `'COMPLETED', 'DISCONTINUED'`;
const DEFAULT_LIMIT = 1_000;

/** Records under way in another process wait for the next round. */
function agedOut(states: string, phases: string): string {
  return `(SELECT id FROM mpps WHERE phase IN (${phases}) AND state IN (${states}) AND updated_at < $1
    AND (phase = 'deleted' OR NOT EXISTS (SELECT FROM spool_lanes l
      WHERE l.uid = mpps.uid AND l.route = mpps.route AND l.upstream = mpps.upstream))
    LIMIT $2 FOR UPDATE SKIP LOCKED)`;
}

const GET = prepared(`SELECT ${COLUMNS} FROM mpps WHERE ${LANE}`);
const FIND = prepared(
  `SELECT ${COLUMNS} FROM mpps WHERE listener = $1 AND uid = $2 ORDER BY phase = 'deleted', created_at DESC, id DESC LIMIT 1`,
);
const PUT = prepared(
  `INSERT INTO mpps (${COLUMNS}) VALUES (${MPPS_COLUMNS.map((_, i) => `$${i + 1}`).join()})
   ON CONFLICT (uid, route, upstream) DO UPDATE SET ${MPPS_CONTENT.map((column) => `${column} = excluded.${column}`).join()}`,
);
const REMOVE = prepared(`DELETE FROM mpps WHERE ${LANE}`);
const MARK_DELIVERED = prepared(`UPDATE mpps SET delivered = true WHERE ${LANE} AND phase = 'stored'`);
const LOCK = prepared(`SELECT 1 FROM mpps WHERE ${LANE} FOR UPDATE`);
const ERASE_COPY = prepared(
  `UPDATE mpps SET copy = NULL WHERE ${LANE} AND copy IS NOT NULL AND state IN (${FINAL})
   AND NOT EXISTS (SELECT FROM spool_messages m WHERE m.uid = $1 AND m.route = $2 AND m.upstream = $3)`,
);
const EXPIRE_FINAL = prepared(`UPDATE mpps SET ${MPPS_TOMBSTONE} WHERE id IN ${agedOut(FINAL, `'pending', 'stored'`)}`);
const EXPIRE_OPEN = prepared(
  `UPDATE mpps SET ${MPPS_TOMBSTONE} WHERE id IN ${agedOut(`'IN PROGRESS'`, `'pending', 'stored'`)}`,
);
const REMOVE_TOMBSTONES = prepared(`DELETE FROM mpps WHERE id IN ${agedOut(`'IN PROGRESS', ${FINAL}`, `'deleted'`)}`);
const ENQUEUE = prepared(
  `INSERT INTO spool_messages (${BROUGHT.join()}, state, attempts, in_doubt, accepted_at)
   VALUES (${BROUGHT.map((_, i) => `$${i + 1}`).join()}, 'queued', 0, false, ${NOW}) RETURNING id`,
);

export class PostgresMppsRecords implements MppsRecords {
  readonly #connections: PostgresConnections;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #lock: () => WorkLock | undefined;
  readonly #writes: PostgresWrites;

  /** @param lock gives the one under which the caller runs */
  constructor(
    connections: PostgresConnections,
    damaged: (detail: string, cause: unknown) => GatewayError,
    lock: () => WorkLock | undefined,
  ) {
    this.#connections = connections;
    this.#damaged = damaged;
    this.#lock = lock;
    this.#writes = new PostgresWrites(connections);
  }

  async get(key: MppsKey): Promise<MppsRecord | undefined> {
    return this.#recordOf(await this.#connections.query(GET, laneOf(key)));
  }

  async findByListener(listener: string, uid: string): Promise<MppsRecord | undefined> {
    return this.#recordOf(await this.#connections.query(FIND, [listener, uid]));
  }

  async put(record: MppsRecord, durability: Durability): Promise<void> {
    await this.#run(durability, PUT, valuesOf(record));
  }

  async accept(record: MppsRecord | undefined, messages: readonly NewSpoolMessage[]): Promise<number[]> {
    const values = record && valuesOf(record);
    const rows = messages.map((message) => {
      const row = toSpoolRow(message);
      return BROUGHT.map((column) => row[column]);
    });
    return this.#writes.write('disk', {
      lanes: messages,
      lock: this.#lock(),
      work: async (session) => {
        const put = values && session.query(PUT, values);
        const answers = rows.map((row) => session.query(ENQUEUE, row));
        await put;
        return (await Promise.all(answers)).map((answer) => answer.rows[0]?.['id'] as number);
      },
    });
  }

  async eraseDeliveredCopy(key: MppsKey): Promise<boolean> {
    return this.#writes.write('process', {
      work: async (session) => {
        // A statement sees what was committed before it began: the second one what came while the first waited.
        const answers = [session.query(LOCK, laneOf(key)), session.query(ERASE_COPY, laneOf(key))];
        return (await Promise.all(answers))[1]?.count === 1;
      },
    });
  }

  async remove(key: MppsKey, durability: Durability): Promise<void> {
    await this.#run(durability, REMOVE, laneOf(key));
  }

  async markDelivered(key: MppsKey, durability: Durability): Promise<void> {
    await this.#run(durability, MARK_DELIVERED, laneOf(key));
  }

  async expire(retention: MppsRetention): Promise<Expired> {
    const { finalBeforeMs, openBeforeMs, tombstonesBeforeMs, limit = DEFAULT_LIMIT } = retention;
    const run = async (session: Session, statement: Statement, before: number | undefined): Promise<number> =>
      before === undefined ? 0 : (await session.query(statement, [before, limit])).count;
    return this.#connections.transaction('process', async (session) => {
      // First, so that a record passes both stages in two rounds, never in one.
      const removed = await run(session, REMOVE_TOMBSTONES, tombstonesBeforeMs);
      const final = await run(session, EXPIRE_FINAL, finalBeforeMs);
      return { removed, tombstoned: final + (await run(session, EXPIRE_OPEN, openBeforeMs)) };
    });
  }

  #run(durability: Durability, statement: Statement, values: readonly Parameter[]): Promise<Result> {
    return this.#writes.write(durability, { work: (session) => session.query(statement, values) });
  }

  #recordOf({ rows: [row] }: Result): MppsRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromMppsRow(row);
    } catch (error) {
      throw this.#damaged('a record cannot be read', error);
    }
  }
}

function valuesOf(record: MppsRecord): Parameter[] {
  const row = toMppsRow(record);
  return MPPS_COLUMNS.map((column) => row[column] ?? null);
}
