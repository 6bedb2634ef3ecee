/**
 * The spool in PostgreSQL, for any number of processes. Who takes lanes skips those that another is just taking; times are
 * those of the server's clock; what is said about a claim counts only while its token is that of the lane.
 *
 * That an attempt begins is on the server's disk before it does: the server may crash while this process goes on, and a
 * message that had been sent would be sent again as if for the first time. What ends an attempt may get lost so: then the
 * message is in doubt, which its delivery resolves.
 */
import { COMMIT_TO_DISK, prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Row, Session } from './postgres-connection.ts';
import { LANE, NOW, laneOf, lanesOf } from './postgres-lanes.ts';
import { SPOOL_COLUMNS, fromSpoolRow, unreadableFailure } from './spool-rows.ts';
import type {
  Claim,
  Destination,
  Spool,
  SpoolDepth,
  SpoolFailure,
  SpoolFilter,
  SpoolMessage,
} from './spool-records.ts';
import type { MppsKey } from './store.ts';

const DEFAULT_LIMIT = 100;

const COLUMNS = SPOOL_COLUMNS.join();
const OF_MESSAGE = SPOOL_COLUMNS.map((column) => `m.${column}`).join();

const TAKE_LANES = prepared(
  `WITH due AS MATERIALIZED (
     SELECT uid FROM spool_lanes
     WHERE route = $1 AND upstream = $2 AND due_at IS NOT NULL AND coalesce(lease_until, due_at) <= ${NOW}
     ORDER BY coalesce(lease_until, due_at) LIMIT $3 FOR UPDATE SKIP LOCKED
   )
   UPDATE spool_lanes l SET lease_until = ${NOW} + $4, token = nextval('spool_claims')
   FROM due WHERE l.uid = due.uid AND l.route = $1 AND l.upstream = $2 RETURNING l.uid, l.token, l.due_at`,
);
/** Sees what was committed before the lanes were locked, unlike a part of the statement that locks them. */
const BEGIN_ATTEMPTS = prepared(
  `UPDATE spool_messages m SET attempts = m.attempts + 1, in_doubt = true
   FROM unnest($3::text[]) AS lane (uid), LATERAL (
     SELECT id, in_doubt FROM spool_messages WHERE uid = lane.uid AND route = $1 AND upstream = $2 ORDER BY id LIMIT 1
   ) AS first
   WHERE m.id = first.id RETURNING ${OF_MESSAGE}, first.in_doubt AS was_in_doubt`,
);
const LOCK_LANE = prepared(`SELECT 1 FROM spool_lanes WHERE ${LANE} FOR UPDATE`);
/** After LOCK_LANE: what was accepted while that waited is seen. */
const DONE = prepared(
  `WITH gone AS (
     DELETE FROM spool_messages WHERE id = $5 AND EXISTS (SELECT FROM spool_lanes WHERE ${LANE} AND token = $4)
   ), next AS (
     SELECT id, in_doubt FROM spool_messages WHERE ${LANE} AND id <> $5 ORDER BY id LIMIT 1
   ), held AS (
     UPDATE spool_lanes SET due_at = ${NOW}, lease_until = ${NOW} + $6, token = nextval('spool_claims')
     WHERE ${LANE} AND token = $4 AND EXISTS (SELECT FROM next) RETURNING token
   ), closed AS (
     DELETE FROM spool_lanes WHERE ${LANE} AND token = $4 AND NOT EXISTS (SELECT FROM next)
   )
   UPDATE spool_messages m SET attempts = m.attempts + 1, in_doubt = true
   FROM next, held WHERE m.id = next.id RETURNING ${OF_MESSAGE}, next.in_doubt AS was_in_doubt, held.token`,
);
/** `$5` null: it waits for a person. */
const FAIL = prepared(
  `WITH released AS (
     UPDATE spool_lanes SET lease_until = NULL, token = NULL, due_at = ${NOW} + $5::bigint
     WHERE ${LANE} AND token = $4 RETURNING 1
   )
   UPDATE spool_messages SET state = CASE WHEN $5::bigint IS NULL THEN 'dead' ELSE 'queued' END, in_doubt = $7,
     failed_at = ${NOW}, failure_code = $8, failure_problem = $9
   WHERE id = $6 AND EXISTS (SELECT FROM released)`,
);
const GIVE_BACK = prepared(
  `WITH released AS (
     UPDATE spool_lanes SET lease_until = NULL, token = NULL WHERE ${LANE} AND token = $4 RETURNING 1
   )
   UPDATE spool_messages SET attempts = attempts - 1, in_doubt = $6 WHERE id = $5 AND EXISTS (SELECT FROM released)`,
);
const UNBEGIN = prepared('UPDATE spool_messages SET attempts = attempts - 1 WHERE id = $1');
const RENEW = prepared(
  `WITH ours AS MATERIALIZED (
     SELECT l.uid, l.route, l.upstream FROM spool_lanes l
     JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[]) AS c (uid, route, upstream, token)
       USING (uid, route, upstream, token)
     ORDER BY l.uid, l.route, l.upstream FOR UPDATE OF l
   )
   UPDATE spool_lanes l SET lease_until = ${NOW} + $5
   FROM ours WHERE l.uid = ours.uid AND l.route = ours.route AND l.upstream = ours.upstream RETURNING l.token`,
);
const NEXT_DUE = prepared(
  `SELECT greatest(0, coalesce(lease_until, due_at) - ${NOW}) AS due_ms FROM spool_lanes
   WHERE route = $1 AND upstream = $2 AND due_at IS NOT NULL AND (lease_until IS NULL OR lease_until <= ${NOW})
   ORDER BY coalesce(lease_until, due_at) LIMIT 1`,
);
const WAKE = prepared(
  `UPDATE spool_lanes SET due_at = ${NOW} WHERE route = $1 AND upstream = $2 AND uid IN (
     SELECT uid FROM spool_lanes WHERE route = $1 AND upstream = $2 AND lease_until IS NULL AND due_at > ${NOW}
     ORDER BY uid FOR UPDATE
   )`,
);
const COUNT = prepared(`SELECT count(*) AS count FROM spool_messages WHERE ${LANE}`);
const GET = prepared(`SELECT ${COLUMNS} FROM spool_messages WHERE id = $1`);
const GET_FIRST = prepared(`SELECT id FROM spool_messages WHERE ${LANE} ORDER BY id LIMIT 1`);
const REVIVE = prepared(`UPDATE spool_messages SET state = 'queued' WHERE id = $1 AND state = 'dead'`);
const RESTART = prepared(`UPDATE spool_lanes SET lease_until = NULL, token = NULL, due_at = ${NOW} WHERE ${LANE}`);
const HASTEN = prepared(`UPDATE spool_lanes SET due_at = ${NOW} WHERE ${LANE} AND due_at > ${NOW}`);
const IS_HELD = prepared(`SELECT 1 FROM spool_lanes WHERE ${LANE} AND lease_until > ${NOW}`);
const REMOVE = prepared('DELETE FROM spool_messages WHERE id = $1');
const CLOSE_LANE = prepared(`DELETE FROM spool_lanes WHERE ${LANE}`);
const DEPTHS = prepared(
  `SELECT route, upstream, count(*) AS total, count(*) FILTER (WHERE state = 'dead') AS dead,
     greatest(0, ${NOW} - min(accepted_at)) AS oldest_ms, max(attempts) AS attempts
   FROM spool_messages GROUP BY route, upstream`,
);

export class PostgresSpool implements Spool {
  readonly #connections: PostgresConnections;

  constructor(connections: PostgresConnections) {
    this.#connections = connections;
  }

  async claim({ route, upstream }: Destination, limit: number, leaseMs: number): Promise<Claim[]> {
    return this.#connections.transaction('process', async (session) => {
      const { rows: lanes } = await session.query(TAKE_LANES, [route, upstream, limit, leaseMs]);
      if (lanes.length === 0) return [];
      void session.query(COMMIT_TO_DISK);
      const uids = lanes.map(({ uid }) => uid as string);
      const { rows } = await session.query(BEGIN_ATTEMPTS, [route, upstream, uids]);
      const messages = new Map(rows.map((row) => [row['uid'], row]));
      const oldestFirst = lanes.toSorted((a, b) => Number(a['due_at']) - Number(b['due_at']));
      const claims = await Promise.all(
        oldestFirst.map(async ({ uid, token }) => {
          const row = messages.get(uid);
          if (row !== undefined) return this.#claimOf(session, row, Number(token));
          await session.query(CLOSE_LANE, laneOf({ route, upstream, uid: uid as string }));
          return undefined;
        }),
      );
      return claims.filter((claim) => claim !== undefined);
    });
  }

  async done({ message, token }: Claim, leaseMs: number): Promise<Claim | undefined> {
    return this.#connections.transaction('process', async (session) => {
      const lane = laneOf(message);
      const answers = [session.query(LOCK_LANE, lane), session.query(DONE, [...lane, token, message.id, leaseMs])];
      const row = (await Promise.all(answers))[1]?.rows[0];
      if (row === undefined) return undefined;
      void session.query(COMMIT_TO_DISK);
      return this.#claimOf(session, row, Number(row['token']));
    });
  }

  async later(claim: Claim, delayMs: number, failure: SpoolFailure, inDoubt: boolean): Promise<void> {
    await this.#connections.query(FAIL, failing(claim.message, claim.token, delayMs, failure, inDoubt));
  }

  async dead(claim: Claim, failure: SpoolFailure, inDoubt = claim.wasInDoubt): Promise<void> {
    await this.#connections.query(FAIL, failing(claim.message, claim.token, null, failure, inDoubt));
  }

  async giveBack({ message, token, wasInDoubt }: Claim): Promise<void> {
    await this.#connections.query(GIVE_BACK, [...laneOf(message), token, message.id, wasInDoubt]);
  }

  async renew(claims: readonly Claim[], leaseMs: number): Promise<ReadonlySet<number>> {
    const tokens = claims.map(({ token }) => token);
    const lanes = lanesOf(claims.map(({ message }) => message));
    const { rows } = await this.#connections.query(RENEW, [...lanes, tokens, leaseMs]);
    const held = new Set(rows.map(({ token }) => token));
    return new Set(tokens.filter((token) => !held.has(token)));
  }

  async nextDueMs({ route, upstream }: Destination): Promise<number | undefined> {
    const { rows } = await this.#connections.query(NEXT_DUE, [route, upstream]);
    return rows[0]?.['due_ms'] as number | undefined;
  }

  async wake({ route, upstream }: Destination): Promise<number> {
    return (await this.#connections.query(WAKE, [route, upstream])).count;
  }

  async countOf(lane: MppsKey): Promise<number> {
    const { rows } = await this.#connections.query(COUNT, laneOf(lane));
    return rows[0]?.['count'] as number;
  }

  async list({ destination, uid, state, after = 0, limit = DEFAULT_LIMIT }: SpoolFilter): Promise<SpoolMessage[]> {
    const values: Parameter[] = [after, limit];
    const parameter = (value: Parameter): string => `$${values.push(value)}`;
    const conditions = ['id > $1'];
    if (destination !== undefined) {
      conditions.push(`route = ${parameter(destination.route)}`, `upstream = ${parameter(destination.upstream)}`);
    }
    if (uid !== undefined) conditions.push(`uid = ${parameter(uid)}`);
    if (state !== undefined) conditions.push(`state = ${parameter(state)}`);
    const text = `SELECT ${COLUMNS} FROM spool_messages WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT $2`;
    const { rows } = await this.#connections.query({ text }, values);
    return rows.map(fromSpoolRow);
  }

  async get(id: number): Promise<SpoolMessage | undefined> {
    const { rows } = await this.#connections.query(GET, [id]);
    return rows[0] && fromSpoolRow(rows[0]);
  }

  async retry(id: number): Promise<boolean> {
    return this.#connections.transaction('disk', async (session) => {
      const row = await lockMessage(session, id);
      if (row === undefined) return false;
      const isRevived = (await session.query(REVIVE, [id])).count === 1;
      await session.query(isRevived ? RESTART : HASTEN, laneOf(row as unknown as MppsKey));
      return true;
    });
  }

  async discard(id: number): Promise<SpoolMessage | undefined> {
    return this.#connections.transaction('disk', async (session) => {
      const row = await lockMessage(session, id);
      if (row === undefined) return undefined;
      const message = fromSpoolRow(row);
      const lane = laneOf(message);
      const first = async (): Promise<unknown> => (await session.query(GET_FIRST, lane)).rows[0]?.['id'];
      const isFirst = (await first()) === id;
      if (isFirst && (await session.query(IS_HELD, lane)).count > 0) return undefined;
      await session.query(REMOVE, [id]);
      if ((await first()) === undefined) await session.query(CLOSE_LANE, lane);
      else if (isFirst) await session.query(RESTART, lane);
      return message;
    });
  }

  async depths(): Promise<SpoolDepth[]> {
    const { rows } = await this.#connections.query(DEPTHS);
    return rows.map((row) => ({
      route: row['route'] as string,
      upstream: row['upstream'] as string,
      queued: Number(row['total']) - Number(row['dead']),
      dead: row['dead'] as number,
      oldestMs: row['oldest_ms'] as number,
      attempts: row['attempts'] as number,
    }));
  }

  /** A message whose attempt has begun; undefined: it cannot be read and waits for a person. */
  async #claimOf(session: Session, row: Row, token: number): Promise<Claim | undefined> {
    const wasInDoubt = row['was_in_doubt'] as boolean;
    const message = fromSpoolRow(row);
    const failure = unreadableFailure(message);
    if (failure === undefined) return { message, wasInDoubt, token };
    // It must not hold up the others of its destination, which all come by here.
    await Promise.all([
      session.query(FAIL, failing(message, token, null, failure, wasInDoubt)),
      session.query(UNBEGIN, [message.id]),
    ]);
    return undefined;
  }
}

function failing(
  message: MppsKey & { readonly id: number },
  token: number,
  delayMs: number | null,
  { code, problem }: SpoolFailure,
  inDoubt: boolean,
): Parameter[] {
  return [...laneOf(message), token, delayMs, message.id, inDoubt, code, problem];
}

/** The row of a message as it is while its lane is locked; undefined: there is none. */
async function lockMessage(session: Session, id: number): Promise<Row | undefined> {
  const find = async (): Promise<Row | undefined> => (await session.query(GET, [id])).rows[0];
  const row = await find();
  if (row === undefined) return undefined;
  await session.query(LOCK_LANE, laneOf(row as unknown as MppsKey));
  return find();
}
