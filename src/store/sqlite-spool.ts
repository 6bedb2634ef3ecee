/**
 * The spool in SQLite. What looks for work reads an index that holds only lanes that wait; a message is loaded when it is
 * claimed. One process has the file: a lease outlives its claim only where that process forgot it.
 */
import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { SPOOL_COLUMNS, fromSpoolRow } from './spool-rows.ts';
import type { SpoolRow } from './spool-rows.ts';
import type {
  Claim,
  Destination,
  Spool,
  SpoolDepth,
  SpoolFailure,
  SpoolFilter,
  SpoolMessage,
  SpoolState,
} from './spool-records.ts';
import type { MppsKey } from './store.ts';

const DEFAULT_LIMIT = 100;

/** Literals, for the index of the dead. */
const IN_STATE: Readonly<Record<SpoolState, string>> = { queued: `state = 'queued'`, dead: `state = 'dead'` };

const COLUMNS = SPOOL_COLUMNS.join();
const DESTINATION = 'route = :route AND upstream = :upstream';
const LANE = `uid = :uid AND ${DESTINATION}`;

export class SqliteSpool implements Spool {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #statements: ReturnType<typeof prepare>;
  readonly #inDoubtThrough: number;

  /** Lanes that an earlier process held are free. */
  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#statements = prepare(connection);
    connection.database.exec('UPDATE spool_lanes SET lease_until = NULL, token = NULL WHERE lease_until IS NOT NULL');
    this.#inDoubtThrough = Number(this.#statements.inDoubtThrough.get()?.['value']);
  }

  async claim({ route, upstream }: Destination, limit: number, leaseMs: number): Promise<Claim[]> {
    return this.#connection.write('process', () => {
      const now = this.#now();
      this.#statements.freeExpired.run({ route, upstream, now });
      const lanes = this.#statements.due.all({ route, upstream, now, limit });
      return lanes
        .map(({ uid, due_at: dueAt }) =>
          this.#take({ route, upstream, uid: uid as string }, dueAt as number, now + leaseMs),
        )
        .filter((claim) => claim !== undefined);
    });
  }

  async done(claim: Claim, leaseMs: number): Promise<Claim | undefined> {
    return this.#connection.write('process', () => {
      if (!this.#holds(claim)) return undefined;
      const lane = laneOf(claim.message);
      this.#statements.remove.run({ id: claim.message.id });
      const now = this.#now();
      return this.#take(lane, now, now + leaseMs);
    });
  }

  async later(claim: Claim, delayMs: number, failure: SpoolFailure, inDoubt: boolean): Promise<void> {
    await this.#connection.write('process', () => {
      const now = this.#now();
      if (!this.#release(claim, now + delayMs)) return;
      this.#fail(claim.message.id, 'queued', failure, inDoubt, now);
    });
  }

  async dead(claim: Claim, failure: SpoolFailure, inDoubt = claim.wasInDoubt): Promise<void> {
    await this.#connection.write('process', () => {
      if (!this.#release(claim, null)) return;
      this.#fail(claim.message.id, 'dead', failure, inDoubt, this.#now());
    });
  }

  async giveBack({ message, token, wasInDoubt }: Claim): Promise<void> {
    await this.#connection.write('process', () => {
      if (this.#statements.giveBack.run({ ...laneOf(message), token }).changes === 0) return;
      this.#statements.unbegin.run({ id: message.id, inDoubt: Number(wasInDoubt) });
    });
  }

  async renew(claims: readonly Claim[], leaseMs: number): Promise<ReadonlySet<number>> {
    return this.#connection.write('process', () => {
      const until = this.#now() + leaseMs;
      const held = ({ message, token }: Claim): boolean =>
        this.#statements.renew.run({ ...laneOf(message), token, until }).changes === 1;
      return new Set(claims.filter((claim) => !held(claim)).map(({ token }) => token));
    });
  }

  async nextDueMs({ route, upstream }: Destination): Promise<number | undefined> {
    return this.#connection.read(() => {
      const now = this.#now();
      if (this.#statements.expired.get({ route, upstream, now }) !== undefined) return 0;
      const dueAt = this.#statements.nextDue.get({ route, upstream })?.['due_at'];
      return dueAt === undefined ? undefined : Math.max(0, Number(dueAt) - now);
    });
  }

  async wake({ route, upstream }: Destination): Promise<number> {
    return this.#connection.write('process', () =>
      Number(this.#statements.wake.run({ route, upstream, now: this.#now() }).changes),
    );
  }

  async countOf(lane: MppsKey): Promise<number> {
    return this.#connection.read(() => Number(this.#statements.countOf.get(laneOf(lane))?.['count']));
  }

  async list({ destination, uid, state, after = 0, limit = DEFAULT_LIMIT }: SpoolFilter): Promise<SpoolMessage[]> {
    const conditions = ['id > :after'];
    const values: Record<string, SQLInputValue> = { after, limit };
    if (destination !== undefined) {
      conditions.push(DESTINATION);
      Object.assign(values, { route: destination.route, upstream: destination.upstream });
    }
    if (uid !== undefined) {
      conditions.push('uid = :uid');
      values['uid'] = uid;
    }
    if (state !== undefined) conditions.push(IN_STATE[state]);
    const sql = `SELECT ${COLUMNS} FROM spool_messages WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT :limit`;
    const rows = this.#connection.read(() => this.#connection.prepare(sql).all(values));
    return rows.map((row) => this.#messageOf(row));
  }

  async get(id: number): Promise<SpoolMessage | undefined> {
    const row = this.#connection.read(() => this.#statements.get.get({ id }));
    return row === undefined ? undefined : this.#messageOf(row);
  }

  async retry(id: number): Promise<boolean> {
    return this.#connection.write('disk', () => {
      const row = this.#statements.get.get({ id });
      if (row === undefined) return false;
      const lane = { ...laneOf(row as unknown as MppsKey), now: this.#now() };
      const revived = this.#statements.revive.run({ id }).changes === 1;
      (revived ? this.#statements.restart : this.#statements.hasten).run(lane);
      return true;
    });
  }

  async discard(id: number): Promise<SpoolMessage | undefined> {
    return this.#connection.write('disk', () => {
      const row = this.#statements.get.get({ id });
      if (row === undefined) return undefined;
      const message = this.#messageOf(row);
      const lane = laneOf(message);
      const isFirst = this.#statements.head.get(lane)?.['id'] === id;
      const now = this.#now();
      if (isFirst && this.#statements.isHeld.get({ ...lane, now }) !== undefined) return undefined;
      this.#statements.remove.run({ id });
      if (this.#statements.head.get(lane) === undefined) this.#statements.closeLane.run(lane);
      else if (isFirst) this.#statements.restart.run({ ...lane, now });
      return message;
    });
  }

  async depths(): Promise<SpoolDepth[]> {
    return this.#connection.read(() => {
      const now = this.#now();
      return this.#statements.depths.all().map((row) => ({
        route: row['route'] as string,
        upstream: row['upstream'] as string,
        queued: Number(row['total']) - Number(row['dead']),
        dead: Number(row['dead']),
        oldestMs: Math.max(0, now - Number(row['oldest'])),
        attempts: Number(row['attempts']),
      }));
    });
  }

  /** Begins an attempt of the first message of a lane; undefined: there is none, or it cannot be read and waits for a person. */
  #take(lane: Lane, dueAt: number, until: number): Claim | undefined {
    const row = this.#statements.head.get(lane);
    if (row === undefined) {
      this.#statements.closeLane.run(lane);
      return undefined;
    }
    let message: SpoolMessage;
    try {
      message = this.#messageOf(row);
    } catch {
      // It must not hold up the others of its destination, which all come by here.
      this.#statements.hold.run({ ...lane, dueAt: null, until: null, token: null });
      this.#fail(row['id'] as number, 'dead', UNREADABLE, row['in_doubt'] === 1, this.#now());
      return undefined;
    }
    const token = Number(this.#statements.nextToken.get()?.['value']);
    this.#statements.hold.run({ ...lane, dueAt, until, token });
    this.#statements.begin.run({ id: message.id });
    const { inDoubt: wasInDoubt, attempts } = message;
    return { message: { ...message, attempts: attempts + 1, inDoubt: true }, wasInDoubt, token };
  }

  #holds({ message, token }: Claim): boolean {
    return this.#statements.holds.get({ ...laneOf(message), token }) !== undefined;
  }

  /** False: the claim is void. */
  #release({ message, token }: Claim, dueAt: number | null): boolean {
    return this.#statements.release.run({ ...laneOf(message), token, dueAt }).changes === 1;
  }

  #fail(id: number, state: string, { code, problem }: SpoolFailure, inDoubt: boolean, now: number): void {
    this.#statements.fail.run({ id, state, code, problem, inDoubt: Number(inDoubt), now });
  }

  #messageOf(row: SpoolRow): SpoolMessage {
    try {
      const message = fromSpoolRow(row);
      return { ...message, inDoubt: message.inDoubt || message.id <= this.#inDoubtThrough };
    } catch (error) {
      throw this.#damaged(`message ${Number(row['id'])} of the spool cannot be read`, error);
    }
  }
}

const UNREADABLE: SpoolFailure = { code: 'STORE_DAMAGED', problem: 'the message cannot be read from the store' };

type Lane = Record<keyof MppsKey, string>;

function laneOf({ route, upstream, uid }: MppsKey): Lane {
  return { route, upstream, uid };
}

function prepare(connection: SqliteConnection) {
  const statement = (sql: string): StatementSync => connection.prepare(sql);
  return {
    freeExpired: statement(`UPDATE spool_lanes SET lease_until = NULL WHERE ${DESTINATION} AND lease_until <= :now`),
    due: statement(
      `SELECT uid, due_at FROM spool_lanes WHERE ${DESTINATION} AND lease_until IS NULL AND due_at <= :now
       ORDER BY due_at LIMIT :limit`,
    ),
    nextToken: statement(`UPDATE meta SET value = value + 1 WHERE name = 'last_claim' RETURNING value`),
    inDoubtThrough: statement(`SELECT value FROM meta WHERE name = 'in_doubt_through'`),
    head: statement(`SELECT ${COLUMNS} FROM spool_messages WHERE ${LANE} ORDER BY id LIMIT 1`),
    hold: statement(`UPDATE spool_lanes SET due_at = :dueAt, lease_until = :until, token = :token WHERE ${LANE}`),
    begin: statement('UPDATE spool_messages SET attempts = attempts + 1, in_doubt = 1 WHERE id = :id'),
    unbegin: statement('UPDATE spool_messages SET attempts = attempts - 1, in_doubt = :inDoubt WHERE id = :id'),
    fail: statement(
      `UPDATE spool_messages SET state = :state, in_doubt = :inDoubt, failed_at = :now, failure_code = :code,
       failure_problem = :problem WHERE id = :id`,
    ),
    holds: statement(`SELECT 1 FROM spool_lanes WHERE ${LANE} AND token = :token`),
    isHeld: statement(`SELECT 1 FROM spool_lanes WHERE ${LANE} AND lease_until > :now`),
    release: statement(
      `UPDATE spool_lanes SET lease_until = NULL, token = NULL, due_at = :dueAt WHERE ${LANE} AND token = :token`,
    ),
    giveBack: statement(`UPDATE spool_lanes SET lease_until = NULL, token = NULL WHERE ${LANE} AND token = :token`),
    renew: statement(`UPDATE spool_lanes SET lease_until = :until WHERE ${LANE} AND token = :token`),
    closeLane: statement(`DELETE FROM spool_lanes WHERE ${LANE}`),
    restart: statement(`UPDATE spool_lanes SET lease_until = NULL, token = NULL, due_at = :now WHERE ${LANE}`),
    hasten: statement(`UPDATE spool_lanes SET due_at = :now WHERE ${LANE} AND due_at > :now`),
    expired: statement(`SELECT 1 FROM spool_lanes WHERE ${DESTINATION} AND lease_until <= :now LIMIT 1`),
    nextDue: statement(
      `SELECT due_at FROM spool_lanes WHERE ${DESTINATION} AND lease_until IS NULL AND due_at IS NOT NULL
       ORDER BY due_at LIMIT 1`,
    ),
    wake: statement(
      `UPDATE spool_lanes SET due_at = :now WHERE ${DESTINATION} AND lease_until IS NULL AND due_at > :now`,
    ),
    countOf: statement(`SELECT count(*) AS count FROM spool_messages WHERE ${LANE}`),
    get: statement(`SELECT ${COLUMNS} FROM spool_messages WHERE id = :id`),
    revive: statement(`UPDATE spool_messages SET state = 'queued' WHERE id = :id AND state = 'dead'`),
    remove: statement('DELETE FROM spool_messages WHERE id = :id'),
    depths: statement(
      `SELECT route, upstream, count(*) AS total,
         (SELECT count(*) FROM spool_messages d WHERE d.route = m.route AND d.upstream = m.upstream AND d.state = 'dead')
           AS dead,
         (SELECT accepted_at FROM spool_messages o WHERE o.route = m.route AND o.upstream = m.upstream ORDER BY id LIMIT 1)
           AS oldest,
         coalesce((SELECT max(attempts) FROM spool_messages a
           WHERE a.route = m.route AND a.upstream = m.upstream AND a.attempts > 0), 0) AS attempts
       FROM spool_messages m GROUP BY route, upstream`,
    ),
  };
}
