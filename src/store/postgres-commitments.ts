/**
 * Storage commitments in PostgreSQL, for any number of processes. Who takes what is due skips what another is just taking;
 * times are those of the server's clock.
 *
 * Revisions follow that clock, and a claim is on the server's disk before its work begins: the server may crash while a
 * process goes on, and what it had not written comes to nothing. A revision that was lost so is never given again, so the one
 * who had it changes nothing of what others have done since.
 */
import type {
  CommitmentChange,
  CommitmentCount,
  CommitmentDestination,
  CommitmentExpiry,
  CommitmentFilter,
  CommitmentKey,
  CommitmentPhase,
  CommitmentRecord,
  CommitmentRetention,
  Commitments,
  NewCommitment,
} from './commitment-records.ts';
import {
  BROUGHT,
  COMMITMENT_COLUMNS,
  COMMITMENT_TOMBSTONE,
  assignments,
  conditionsOf,
  fromCommitmentRow,
  fromKeyColumns,
  toCommitmentRow,
  toResultText,
  unreadableFailure,
  wholeMs,
} from './commitment-rows.ts';
import type { Durability } from './durability.ts';
import { COMMIT_TO_DISK, prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Result, Row, Session } from './postgres-connection.ts';
import type { PostgresErrors } from './postgres-errors.ts';
import { NOW } from './postgres-lanes.ts';

type Revision = Pick<CommitmentRecord, 'id' | 'revision'>;

const DEFAULT_LIST = 100;
const DEFAULT_EXPIRY = 100;
/** Of another process that adds and removes the same transaction meanwhile. */
const ATTEMPTS = 3;

const RECORD = `${COMMITMENT_COLUMNS.join()}, module, result, deadline_at - ${NOW} AS remaining_ms,
  coalesce(lease_until > ${NOW}, false) AS is_held`;
const NEXT_REVISION = `revision = greatest(revision + 1, ${NOW})`;
/** Without destinations: of all. */
const OF_THESE = `($1::text[] IS NULL OR (route, upstream) IN (SELECT * FROM unnest($1::text[], $2::text[])))`;

const PLACES = [...BROUGHT, 'module'].map((_, i) => `$${i + 3}`).join();
const ADD = prepared(
  `INSERT INTO commitments (revision, phase, in_doubt, is_restarted, is_synthetic, attempts, created_at, deadline_at,
     due_at, lease_until, ${BROUGHT.join()}, module)
   VALUES (${NOW}, 'asking', false, false, false, 0, ${NOW}, ${NOW} + $1, ${NOW} + $2, ${NOW} + $2, ${PLACES})
   ON CONFLICT DO NOTHING RETURNING ${RECORD}`,
);
const GET = prepared(`SELECT ${RECORD} FROM commitments WHERE id = $1`);
const FIND = prepared(
  `SELECT ${RECORD} FROM commitments WHERE transaction_uid = $1 AND listener = $2 AND requestor = $3`,
);
const FIND_AT_UPSTREAM = prepared(`SELECT ${RECORD} FROM commitments WHERE upstream_uid = $1 AND upstream = $2`);
const CLAIM = prepared(
  `WITH due AS MATERIALIZED (
     SELECT id AS due_id FROM commitments
     WHERE due_at IS NOT NULL AND due_at <= ${NOW} AND (lease_until IS NULL OR lease_until <= ${NOW}) AND ${OF_THESE}
     ORDER BY due_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
   )
   UPDATE commitments SET lease_until = ${NOW} + $4, ${NEXT_REVISION}
   FROM due WHERE id = due_id RETURNING ${RECORD}, due_at`,
);
const SET_ASIDE = prepared(
  `UPDATE commitments SET lease_until = NULL, due_at = NULL, failed_at = ${NOW}, failure_code = $2, failure_problem = $3
   WHERE id = $1`,
);
const REMOVE = prepared('DELETE FROM commitments WHERE id = $1 AND revision = $2');
const NEXT_DUE = prepared(
  `SELECT min(at) - ${NOW} AS due_ms FROM (
     (SELECT due_at AS at FROM commitments
      WHERE due_at IS NOT NULL AND lease_until IS NULL AND ${OF_THESE} ORDER BY due_at LIMIT 1)
     UNION ALL
     SELECT greatest(due_at, lease_until) FROM commitments
     WHERE lease_until IS NOT NULL AND due_at IS NOT NULL AND ${OF_THESE}
   ) AS next`,
);
const COUNTS = prepared(
  `SELECT route, upstream, phase, count(*) AS count, greatest(0, ${NOW} - min(created_at)) AS oldest_ms
   FROM commitments WHERE phase <> 'forgotten' GROUP BY phase, route, upstream`,
);
const REMOVE_TOMBSTONES = prepared(
  `DELETE FROM commitments WHERE id IN (
     SELECT id FROM commitments WHERE phase = 'forgotten' AND created_at < ${NOW} - $1
     LIMIT $2 FOR UPDATE SKIP LOCKED)`,
);
const FORGET = prepared(
  `WITH old AS MATERIALIZED (
     SELECT id AS old_id, phase AS old_phase FROM commitments
     WHERE phase IN ('reporting', 'done') AND coalesce(settled_at, created_at) < ${NOW} - $1
       AND (lease_until IS NULL OR lease_until <= ${NOW})
     LIMIT $2 FOR UPDATE SKIP LOCKED
   )
   UPDATE commitments SET ${COMMITMENT_TOMBSTONE}, module = NULL, result = NULL, ${NEXT_REVISION}
   FROM old WHERE id = old_id RETURNING old_phase, listener, requestor, transaction_uid, route`,
);

export class PostgresCommitments implements Commitments {
  readonly #connections: PostgresConnections;
  readonly #errors: PostgresErrors;

  constructor(connections: PostgresConnections, errors: PostgresErrors) {
    this.#connections = connections;
    this.#errors = errors;
  }

  async add(transaction: NewCommitment, leaseMs: number): Promise<{ isNew: boolean; record: CommitmentRecord }> {
    const row = toCommitmentRow(transaction);
    const brought = [...BROUGHT, 'module' as const].map((column) => row[column]);
    const values = [wholeMs(transaction.patienceMs), wholeMs(leaseMs), ...brought];
    const key = keyOf(transaction);
    const atUpstream = [transaction.upstreamUid, transaction.upstream];
    return this.#connections.transaction('disk', async (session) => {
      for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
        const added = firstOf(await session.query(ADD, values));
        if (added !== undefined) return { isNew: true, record: added };
        const known =
          firstOf(await session.query(FIND, key)) ?? firstOf(await session.query(FIND_AT_UPSTREAM, atUpstream));
        if (known !== undefined) return { isNew: false, record: this.#sound(known) };
      }
      throw this.#errors.of('STORE_LOCKED', 'a storage commitment comes and goes in another process');
    });
  }

  async find(key: CommitmentKey): Promise<CommitmentRecord | undefined> {
    const record = firstOf(await this.#connections.query(FIND, keyOf(key)));
    return record && this.#sound(record);
  }

  async findAtUpstream(upstream: string, upstreamUid: string): Promise<CommitmentRecord | undefined> {
    const record = firstOf(await this.#connections.query(FIND_AT_UPSTREAM, [upstreamUid, upstream]));
    return record && this.#sound(record);
  }

  async get(id: number): Promise<CommitmentRecord | undefined> {
    return firstOf(await this.#connections.query(GET, [id]));
  }

  async claim(
    destinations: readonly CommitmentDestination[],
    limit: number,
    leaseMs: number,
  ): Promise<CommitmentRecord[]> {
    return this.#connections.transaction('process', async (session) => {
      const { rows } = await session.query(CLAIM, [...placesOf(destinations), limit, wholeMs(leaseMs)]);
      if (rows.length === 0) return [];
      void session.query(COMMIT_TO_DISK);
      const oldestFirst = rows.toSorted((a, b) => order(a, b, 'due_at') || order(a, b, 'id'));
      const records = await Promise.all(oldestFirst.map((row) => this.#taken(session, row)));
      return records.filter((record) => record !== undefined);
    });
  }

  async change(
    { id, revision }: Revision,
    change: CommitmentChange,
    durability: Durability,
  ): Promise<CommitmentRecord | undefined> {
    const values: Parameter[] = [id, revision];
    const bind = (value: Parameter): string => `$${values.push(value)}`;
    const set = [assignments(change, bind, NOW), NEXT_REVISION];
    if (change.result !== undefined) set.push(`result = ${bind(toResultText(change.result))}`);
    const text = `UPDATE commitments SET ${set.join()}
      WHERE id = $1 AND revision = $2 AND phase <> 'forgotten' RETURNING ${RECORD}`;
    return this.#connections.transaction(durability, async (session) => firstOf(await session.query({ text }, values)));
  }

  async remove({ id, revision }: Revision, durability: Durability): Promise<boolean> {
    return this.#connections.transaction(durability, async (session) => {
      return (await session.query(REMOVE, [id, revision])).count === 1;
    });
  }

  async nextDueMs(destinations?: readonly CommitmentDestination[]): Promise<number | undefined> {
    const places = destinations === undefined ? [null, null] : placesOf(destinations);
    const dueMs = (await this.#connections.query(NEXT_DUE, places)).rows[0]?.['due_ms'];
    return typeof dueMs === 'number' ? Math.max(0, dueMs) : undefined;
  }

  async list(filter: CommitmentFilter): Promise<CommitmentRecord[]> {
    const values: Parameter[] = [filter.limit ?? DEFAULT_LIST];
    const conditions = conditionsOf(filter, (value) => `$${values.push(value)}`);
    const text = `SELECT ${RECORD} FROM commitments WHERE ${conditions} ORDER BY id LIMIT $1`;
    return (await this.#connections.query({ text }, values)).rows.map(fromCommitmentRow);
  }

  async counts(): Promise<CommitmentCount[]> {
    const { rows } = await this.#connections.query(COUNTS);
    return rows.map((row) => ({
      route: row['route'] as string,
      upstream: row['upstream'] as string,
      phase: row['phase'] as CommitmentPhase,
      count: row['count'] as number,
      oldestMs: row['oldest_ms'] as number,
    }));
  }

  async expire({ resultsMs, tombstonesMs, limit = DEFAULT_EXPIRY }: CommitmentRetention): Promise<CommitmentExpiry> {
    return this.#connections.transaction('process', async (session) => {
      // First, so that a transaction passes both stages in two rounds, never in one.
      const removed = await session.query(REMOVE_TOMBSTONES, [wholeMs(tombstonesMs), limit]);
      const { rows: old } = await session.query(FORGET, [wholeMs(resultsMs), limit]);
      const unreported = old
        .filter((row) => row['old_phase'] === 'reporting')
        .map((row) => ({ ...fromKeyColumns(row), route: row['route'] as string }));
      return { forgotten: old.length, removed: removed.count, unreported };
    });
  }

  /** Undefined: it cannot be read, and must not hold up the others, which all come by here. */
  async #taken(session: Session, row: Row): Promise<CommitmentRecord | undefined> {
    const record = fromCommitmentRow(row);
    const failure = unreadableFailure(record);
    if (failure === undefined) return record;
    await session.query(SET_ASIDE, [record.id, failure.code, failure.problem]);
    return undefined;
  }

  #sound(record: CommitmentRecord): CommitmentRecord {
    const failure = unreadableFailure(record);
    if (failure === undefined) return record;
    throw this.#errors.of('STORE_DAMAGED', `storage commitment ${record.id}: ${failure.problem}`);
  }
}

function keyOf({ listener, requestor, transactionUid }: CommitmentKey): Parameter[] {
  return [transactionUid, listener, requestor];
}

function placesOf(destinations: readonly CommitmentDestination[]): [routes: string[], upstreams: string[]] {
  return [destinations.map(({ route }) => route), destinations.map(({ upstream }) => upstream)];
}

function firstOf({ rows: [row] }: Result): CommitmentRecord | undefined {
  return row && fromCommitmentRow(row);
}

function order(a: Row, b: Row, column: 'due_at' | 'id'): number {
  return Number(a[column]) - Number(b[column]);
}
