/**
 * Storage commitments in SQLite. One process has the file: a lease outlives its holder only where that process forgot it, or
 * has ended.
 */
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
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
import type { CommitmentRow } from './commitment-rows.ts';
import type { Durability } from './durability.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteRoom } from './sqlite-room.ts';

type Values = Record<string, SQLInputValue>;
type Revision = Pick<CommitmentRecord, 'id' | 'revision'>;

const DEFAULT_LIST = 100;
const DEFAULT_EXPIRY = 100;

const RECORD = `SELECT ${COMMITMENT_COLUMNS.map((column) => `c.${column}`).join()}, module, result,
    deadline_at - :now AS remaining_ms, coalesce(lease_until > :now, 0) AS is_held
  FROM commitments c LEFT JOIN commitment_modules USING (id) LEFT JOIN commitment_results USING (id)`;
const THIS = 'WHERE id = :id AND revision = :revision';
/** Where no destinations are given: of all. */
const OF_THESE = `(:destinations IS NULL
  OR (route, upstream) IN (SELECT value ->> 'route', value ->> 'upstream' FROM json_each(:destinations)))`;

/** A start does not believe in a longer pause before a record's deadline: the clock was wrong when it was written. */
const LONGEST_PAUSE_MS = 60 * 60_000;

/** What an earlier process held, or meant to do at the end of its lease, is due. */
const FREE = `UPDATE commitments SET lease_until = NULL,
    due_at = CASE WHEN due_at <= lease_until THEN min(due_at, :now) ELSE due_at END WHERE lease_until IS NOT NULL`;
/** What was asked for while the clock was ahead was asked for now. */
const SET_BACK = `UPDATE commitments SET created_at = :now, deadline_at = deadline_at - created_at + :now,
    due_at = CASE WHEN due_at > :now THEN :now ELSE due_at END WHERE created_at > :now`;
const CUT_PAUSES = `UPDATE commitments SET due_at = :now
  WHERE due_at IS NOT NULL AND due_at > max(deadline_at, :now + ${LONGEST_PAUSE_MS})`;

function prepareCommitments(connection: SqliteConnection) {
  const statement = (sql: string): StatementSync => connection.prepare(sql);
  return {
    insert: statement(
      `INSERT INTO commitments (${BROUGHT.join()}, revision, phase, in_doubt, is_restarted, is_synthetic, attempts,
         created_at, deadline_at, due_at, lease_until)
       VALUES (${BROUGHT.map((column) => `:${column}`).join()}, 1, 'asking', 0, 0, 0, 0,
         :now, :now + :patienceMs, :now + :leaseMs, :now + :leaseMs)
       ON CONFLICT DO NOTHING RETURNING id`,
    ),
    putModule: statement('INSERT INTO commitment_modules VALUES (:id, :module)'),
    putResult: statement(
      'INSERT INTO commitment_results VALUES (:id, :result) ON CONFLICT DO UPDATE SET result = excluded.result',
    ),
    get: statement(`${RECORD} WHERE c.id = :id`),
    find: statement(
      `${RECORD} WHERE transaction_uid = :transactionUid AND listener = :listener AND requestor = :requestor`,
    ),
    findAtUpstream: statement(`${RECORD} WHERE upstream_uid = :upstreamUid AND upstream = :upstream`),
    due: statement(
      `SELECT id FROM commitments
       WHERE due_at IS NOT NULL AND due_at <= :now AND (lease_until IS NULL OR lease_until <= :now) AND ${OF_THESE}
       ORDER BY due_at, id LIMIT :limit`,
    ),
    hold: statement('UPDATE commitments SET lease_until = :until, revision = revision + 1 WHERE id = :id'),
    setAside: statement(
      `UPDATE commitments SET lease_until = NULL, due_at = NULL, failed_at = :now, failure_code = :code,
       failure_problem = :problem WHERE id = :id`,
    ),
    remove: statement(`DELETE FROM commitments ${THIS}`),
    nextDue: statement(
      `SELECT min(at) AS at FROM (
         SELECT * FROM (SELECT due_at AS at FROM commitments INDEXED BY commitments_due
           WHERE due_at IS NOT NULL AND lease_until IS NULL AND ${OF_THESE} ORDER BY due_at LIMIT 1)
         UNION ALL
         SELECT max(due_at, lease_until) FROM commitments INDEXED BY commitments_held
           WHERE lease_until IS NOT NULL AND due_at IS NOT NULL AND ${OF_THESE})`,
    ),
    counts: statement(
      `SELECT route, upstream, phase, count(*) AS count, min(created_at) AS oldest FROM commitments
       WHERE phase <> 'forgotten' GROUP BY phase, route, upstream`,
    ),
    removeTombstones: statement(
      `DELETE FROM commitments WHERE id IN (
         SELECT id FROM commitments WHERE phase = 'forgotten' AND created_at < :before LIMIT :limit)`,
    ),
    old: statement(
      `SELECT id, phase, listener, requestor, transaction_uid, route FROM commitments
       WHERE phase IN ('reporting', 'done') AND coalesce(settled_at, created_at) < :before
         AND (lease_until IS NULL OR lease_until <= :now)
       LIMIT :limit`,
    ),
    forget: statement(`UPDATE commitments SET ${COMMITMENT_TOMBSTONE}, revision = revision + 1 WHERE id = :id`),
    eraseModule: statement('DELETE FROM commitment_modules WHERE id = :id'),
    eraseResult: statement('DELETE FROM commitment_results WHERE id = :id'),
  };
}

export class SqliteCommitments implements Commitments {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #room: SqliteRoom | undefined;
  readonly #statements: ReturnType<typeof prepareCommitments>;

  /** @param room of the disk, for transactions; undefined: there is none to look at */
  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
    room: SqliteRoom | undefined,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#room = room;
    this.#statements = prepareCommitments(connection);
    for (const sql of [FREE, SET_BACK, CUT_PAUSES]) connection.prepare(sql).run({ now: now() });
  }

  async add(transaction: NewCommitment, leaseMs: number): Promise<{ isNew: boolean; record: CommitmentRecord }> {
    const { module, ...brought } = toCommitmentRow(transaction);
    const patienceMs = wholeMs(transaction.patienceMs);
    return this.#connection.write('disk', () => {
      this.#room?.check();
      const values = { ...brought, now: this.#now(), patienceMs, leaseMs: wholeMs(leaseMs) };
      const id = this.#statements.insert.get(values)?.['id'];
      if (id !== undefined) this.#statements.putModule.run({ id, module });
      const record =
        id === undefined
          ? (this.#readByKey(transaction) ?? this.#readAtUpstream(transaction.upstream, transaction.upstreamUid))
          : this.#readById(Number(id));
      return { isNew: id !== undefined, record: record as CommitmentRecord };
    });
  }

  async find(key: CommitmentKey): Promise<CommitmentRecord | undefined> {
    return this.#connection.read(() => this.#readByKey(key));
  }

  async findAtUpstream(upstream: string, upstreamUid: string): Promise<CommitmentRecord | undefined> {
    return this.#connection.read(() => this.#readAtUpstream(upstream, upstreamUid));
  }

  async get(id: number): Promise<CommitmentRecord | undefined> {
    return this.#connection.read(() => this.#readById(id));
  }

  async claim(
    destinations: readonly CommitmentDestination[],
    limit: number,
    leaseMs: number,
  ): Promise<CommitmentRecord[]> {
    return this.#connection.write('process', () => {
      const now = this.#now();
      const due = this.#statements.due.all({ now, limit, destinations: JSON.stringify(destinations) });
      return due
        .map(({ id }) => this.#take(Number(id), now, now + wholeMs(leaseMs)))
        .filter((record) => record !== undefined);
    });
  }

  async change(
    { id, revision }: Revision,
    change: CommitmentChange,
    durability: Durability,
  ): Promise<CommitmentRecord | undefined> {
    const result = change.result && toResultText(change.result);
    return this.#connection.write(durability, () => {
      const { values, bind } = binding({ id, revision });
      const set = assignments(change, bind, String(this.#now()));
      const update = this.#connection.prepare(`UPDATE commitments SET ${set}, revision = revision + 1 ${THIS}
        AND phase <> 'forgotten'`);
      if (update.run(values).changes === 0) return undefined;
      if (result !== undefined) this.#statements.putResult.run({ id, result });
      return this.#readById(id);
    });
  }

  async remove({ id, revision }: Revision, durability: Durability): Promise<boolean> {
    return this.#connection.write(durability, () => this.#statements.remove.run({ id, revision }).changes === 1);
  }

  async nextDueMs(destinations?: readonly CommitmentDestination[]): Promise<number | undefined> {
    return this.#connection.read(() => {
      const at = this.#statements.nextDue.get({
        destinations: destinations === undefined ? null : JSON.stringify(destinations),
      })?.['at'];
      return typeof at === 'number' ? Math.max(0, at - this.#now()) : undefined;
    });
  }

  async list(filter: CommitmentFilter): Promise<CommitmentRecord[]> {
    return this.#connection.read(() => {
      const { values, bind } = binding({ now: this.#now(), limit: filter.limit ?? DEFAULT_LIST });
      // Their ids first: of what is not listed no text is read.
      const list = this.#connection.prepare(
        `${RECORD} WHERE c.id IN (SELECT id FROM commitments WHERE ${conditionsOf(filter, bind)}
           ORDER BY id LIMIT :limit) ORDER BY c.id`,
      );
      return list.all(values).map(fromCommitmentRow);
    });
  }

  async counts(): Promise<CommitmentCount[]> {
    return this.#connection.read(() => {
      const now = this.#now();
      return this.#statements.counts.all().map((row) => ({
        route: row['route'] as string,
        upstream: row['upstream'] as string,
        phase: row['phase'] as CommitmentPhase,
        count: row['count'] as number,
        oldestMs: Math.max(0, now - Number(row['oldest'])),
      }));
    });
  }

  async expire({ resultsMs, tombstonesMs, limit = DEFAULT_EXPIRY }: CommitmentRetention): Promise<CommitmentExpiry> {
    return this.#connection.write('process', () => {
      const now = this.#now();
      // First, so that a transaction passes both stages in two rounds, never in one.
      const removed = this.#statements.removeTombstones.run({ before: now - wholeMs(tombstonesMs), limit }).changes;
      const old = this.#statements.old.all({ before: now - wholeMs(resultsMs), now, limit });
      for (const { id = null } of old) {
        this.#statements.forget.run({ id });
        this.#statements.eraseModule.run({ id });
        this.#statements.eraseResult.run({ id });
      }
      const unreported = old
        .filter(({ phase }) => phase === 'reporting')
        .map((row) => ({ ...fromKeyColumns(row), route: row['route'] as string }));
      return { forgotten: old.length, removed: Number(removed), unreported };
    });
  }

  /** Undefined: it cannot be read, and must not hold up the others, which all come by here. */
  #take(id: number, now: number, until: number): CommitmentRecord | undefined {
    this.#statements.hold.run({ id, until });
    const record = fromCommitmentRow(this.#statements.get.get({ id, now }) as CommitmentRow);
    const failure = unreadableFailure(record);
    if (failure === undefined) return record;
    this.#statements.setAside.run({ id, now, code: failure.code, problem: failure.problem });
    return undefined;
  }

  #readById(id: number): CommitmentRecord | undefined {
    const row = this.#statements.get.get({ id, now: this.#now() });
    return row && fromCommitmentRow(row);
  }

  #readByKey({ listener, requestor, transactionUid }: CommitmentKey): CommitmentRecord | undefined {
    return this.#sound(this.#statements.find.get({ listener, requestor, transactionUid, now: this.#now() }));
  }

  #readAtUpstream(upstream: string, upstreamUid: string): CommitmentRecord | undefined {
    return this.#sound(this.#statements.findAtUpstream.get({ upstream, upstreamUid, now: this.#now() }));
  }

  #sound(row: CommitmentRow | undefined): CommitmentRecord | undefined {
    if (row === undefined) return undefined;
    const record = fromCommitmentRow(row);
    const failure = unreadableFailure(record);
    if (failure !== undefined) throw this.#damaged(`storage commitment ${record.id}: ${failure.problem}`, undefined);
    return record;
  }
}

/** Parameters that a text gets as it is made. */
function binding(values: Values): { values: Values; bind: (value: string | number | null) => string } {
  let count = 0;
  return {
    values,
    bind: (value) => {
      const name = `p${count++}`;
      values[name] = value;
      return `:${name}`;
    },
  };
}
