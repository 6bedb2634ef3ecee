import type { SQLInputValue, StatementSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import { MPPS_COLUMNS, MPPS_CONTENT, MPPS_KEY, MPPS_TOMBSTONE, fromMppsRow, toMppsRow } from './mpps-rows.ts';
import type { MppsRow } from './mpps-rows.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteRoom } from './sqlite-room.ts';
import { SqliteSpoolIntake } from './sqlite-spool-intake.ts';
import type { NewSpoolMessage } from './spool-records.ts';
import type { Durability, Expired, MppsKey, MppsRecord, MppsRecords, MppsRetention } from './store.ts';

const BY_KEY = 'route = :route AND upstream = :upstream AND uid = :uid';

/** Ranges of the index `mpps_by_age`, which names the phases and states it is asked for. */
const LIVE = `phase IN ('pending', 'stored')`;
const FINAL = `'COMPLETED', 'DISCONTINUED'`;
const OLDER = 'updated_at < :before LIMIT :limit';

const DEFAULT_LIMIT = 1_000;

export class SqliteMppsRecords implements MppsRecords {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #get: StatementSync;
  readonly #find: StatementSync;
  readonly #put: StatementSync;
  readonly #remove: StatementSync;
  readonly #markDelivered: StatementSync;
  readonly #expireFinal: StatementSync;
  readonly #expireOpen: StatementSync;
  readonly #removeTombstones: StatementSync;
  readonly #eraseCopy: StatementSync;
  readonly #intake: SqliteSpoolIntake;
  readonly #room: SqliteRoom | undefined;

  /** @param room of the disk, for messages; undefined: there is none to look at */
  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
    room: SqliteRoom | undefined,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#room = room;
    this.#intake = new SqliteSpoolIntake(connection, now);
    const expire = (states: string): StatementSync =>
      connection.prepare(
        `UPDATE mpps SET ${MPPS_TOMBSTONE} WHERE id IN (SELECT id FROM mpps
         WHERE ${LIVE} AND state IN (${states}) AND NOT EXISTS (SELECT 1 FROM spool_lanes l
           WHERE l.uid = mpps.uid AND l.route = mpps.route AND l.upstream = mpps.upstream) AND ${OLDER})`,
      );
    this.#get = connection.prepare(`SELECT ${MPPS_COLUMNS.join()} FROM mpps WHERE ${BY_KEY}`);
    this.#find = connection.prepare(
      `SELECT ${MPPS_COLUMNS.join()} FROM mpps WHERE listener = :listener AND uid = :uid
       ORDER BY phase = 'deleted', created_at DESC, id DESC LIMIT 1`,
    );
    this.#put = connection.prepare(
      `INSERT INTO mpps (${MPPS_COLUMNS.join()}) VALUES (${MPPS_COLUMNS.map((column) => `:${column}`).join()})
       ON CONFLICT (${MPPS_KEY.join()}) DO UPDATE SET ${MPPS_CONTENT.map((column) => `${column} = excluded.${column}`).join()}`,
    );
    this.#remove = connection.prepare(`DELETE FROM mpps WHERE ${BY_KEY}`);
    this.#markDelivered = connection.prepare(`UPDATE mpps SET delivered = 1 WHERE ${BY_KEY} AND phase = 'stored'`);
    this.#eraseCopy = connection.prepare(
      `UPDATE mpps SET copy = NULL WHERE ${BY_KEY} AND copy IS NOT NULL AND state IN (${FINAL}) AND NOT EXISTS
       (SELECT 1 FROM spool_messages m WHERE m.uid = :uid AND m.route = :route AND m.upstream = :upstream)`,
    );
    this.#expireFinal = expire(FINAL);
    this.#expireOpen = expire(`'IN PROGRESS'`);
    this.#removeTombstones = connection.prepare(
      `DELETE FROM mpps WHERE id IN (SELECT id FROM mpps
       WHERE phase = 'deleted' AND state IN ('IN PROGRESS', 'COMPLETED', 'DISCONTINUED') AND ${OLDER})`,
    );
  }

  async get(key: MppsKey): Promise<MppsRecord | undefined> {
    return this.#recordOf(this.#connection.read(() => this.#get.get(keyOf(key))));
  }

  async findByListener(listener: string, uid: string): Promise<MppsRecord | undefined> {
    return this.#recordOf(this.#connection.read(() => this.#find.get({ listener, uid })));
  }

  async put(record: MppsRecord, durability: Durability): Promise<void> {
    const row = toMppsRow(record);
    await this.#connection.write(durability, () => this.#put.run(row));
  }

  async accept(record: MppsRecord | undefined, messages: readonly NewSpoolMessage[]): Promise<number[]> {
    const row = record && toMppsRow(record);
    const enqueue = this.#intake.prepare(messages);
    return this.#connection.write('disk', () => {
      this.#room?.check();
      if (row !== undefined) this.#put.run(row);
      return enqueue();
    });
  }

  async eraseDeliveredCopy(key: MppsKey): Promise<boolean> {
    return this.#connection.write('process', () => this.#eraseCopy.run(keyOf(key)).changes === 1);
  }

  async remove(key: MppsKey, durability: Durability): Promise<void> {
    await this.#connection.write(durability, () => this.#remove.run(keyOf(key)));
  }

  async markDelivered(key: MppsKey, durability: Durability): Promise<void> {
    await this.#connection.write(durability, () => this.#markDelivered.run(keyOf(key)));
  }

  async expire(retention: MppsRetention): Promise<Expired> {
    const { finalBeforeMs, openBeforeMs, tombstonesBeforeMs, limit = DEFAULT_LIMIT } = retention;
    const run = (statement: StatementSync, before: number | undefined): number =>
      before === undefined ? 0 : Number(statement.run({ before, limit }).changes);
    return this.#connection.write('process', () => ({
      // First, so that a record passes both stages in two rounds, never in one.
      removed: run(this.#removeTombstones, tombstonesBeforeMs),
      tombstoned: run(this.#expireFinal, finalBeforeMs) + run(this.#expireOpen, openBeforeMs),
    }));
  }

  #recordOf(row: MppsRow | undefined): MppsRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromMppsRow(row);
    } catch (error) {
      throw this.#damaged('a record cannot be read', error);
    }
  }
}

function keyOf({ route, upstream, uid }: MppsKey): Record<string, SQLInputValue> {
  return { route, upstream, uid };
}
