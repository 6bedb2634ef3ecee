import type { SQLInputValue, SQLOutputValue, StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { GatewayError } from '../errors.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { SqliteSpoolIntake } from './sqlite-spool-intake.ts';
import type { NewSpoolMessage } from './spool-records.ts';
import type { Durability, Expired, MppsKey, MppsRecord, MppsRecords, MppsRetention } from './store.ts';

const KEY = ['route', 'upstream', 'uid'];
const CONTENT = [
  'listener', 'phase', 'state', 'delivered', 'created_at', 'updated_at', 'requester', 'character_set', 'create_digest',
  'last_digest', 'pending_digest', 'created_tags', 'set_tags', 'sequences', 'copy',
]; // prettier-ignore
const COLUMNS = [...KEY, ...CONTENT];

const BY_KEY = 'route = :route AND upstream = :upstream AND uid = :uid';

/** What is left of a record whose content is erased. */
const TOMBSTONE = `phase = 'deleted', character_set = NULL, create_digest = '', last_digest = NULL,
  pending_digest = NULL, created_tags = '{}', set_tags = '{}', sequences = '{}', copy = NULL`;

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
  readonly #tombstone: StatementSync;
  readonly #markDelivered: StatementSync;
  readonly #expireFinal: StatementSync;
  readonly #expireOpen: StatementSync;
  readonly #removeTombstones: StatementSync;
  readonly #eraseCopy: StatementSync;
  readonly #intake: SqliteSpoolIntake;

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#intake = new SqliteSpoolIntake(connection, now);
    const expire = (states: string): StatementSync =>
      connection.prepare(
        `UPDATE mpps SET ${TOMBSTONE} WHERE id IN (SELECT id FROM mpps WHERE ${LIVE} AND state IN (${states}) AND ${OLDER})`,
      );
    this.#get = connection.prepare(`SELECT ${COLUMNS.join()} FROM mpps WHERE ${BY_KEY}`);
    this.#find = connection.prepare(
      `SELECT ${COLUMNS.join()} FROM mpps WHERE listener = :listener AND uid = :uid
       ORDER BY phase = 'deleted', created_at DESC, id DESC LIMIT 1`,
    );
    this.#put = connection.prepare(
      `INSERT INTO mpps (${COLUMNS.join()}) VALUES (${COLUMNS.map((column) => `:${column}`).join()})
       ON CONFLICT (${KEY.join()}) DO UPDATE SET ${CONTENT.map((column) => `${column} = excluded.${column}`).join()}`,
    );
    this.#remove = connection.prepare(`DELETE FROM mpps WHERE ${BY_KEY}`);
    this.#markDelivered = connection.prepare(`UPDATE mpps SET delivered = 1 WHERE ${BY_KEY} AND phase = 'stored'`);
    this.#tombstone = connection.prepare(`UPDATE mpps SET ${TOMBSTONE} WHERE ${BY_KEY}`);
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
    const row = toRow(record);
    await this.#connection.write(durability, () => this.#put.run(row));
  }

  async accept(record: MppsRecord | undefined, messages: readonly NewSpoolMessage[]): Promise<number[]> {
    const row = record && toRow(record);
    const enqueue = this.#intake.prepare(messages);
    return this.#connection.write('disk', () => {
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

  async tombstone(key: MppsKey, durability: Durability): Promise<boolean> {
    return this.#connection.write(durability, () => this.#tombstone.run(keyOf(key)).changes === 1);
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

  #recordOf(row: Row | undefined): MppsRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromRow(row);
    } catch (error) {
      throw this.#damaged('a record cannot be read', error);
    }
  }
}

type Row = Record<string, SQLOutputValue>;

function keyOf({ route, upstream, uid }: MppsKey): Record<string, SQLInputValue> {
  return { route, upstream, uid };
}

function toRow(record: MppsRecord): Record<string, SQLInputValue> {
  return {
    ...keyOf(record),
    listener: record.listener,
    phase: record.phase,
    state: record.state,
    delivered: Number(record.delivered),
    created_at: record.createdAt,
    updated_at: record.updatedAt,
    requester: JSON.stringify(record.requester),
    character_set: record.characterSet ?? null,
    create_digest: record.createDigest,
    last_digest: record.lastDigest ?? null,
    pending_digest: record.pendingDigest ?? null,
    created_tags: JSON.stringify(record.created),
    set_tags: JSON.stringify(record.set),
    sequences: JSON.stringify(record.sequences),
    copy: record.copy === undefined ? null : toJson(record.copy),
  };
}

// The table is strict and checks phase and state, so the columns have the types of the record. A copy is read as it was
// written: the reader for other people's JSON would mend value representations.
function fromRow(row: Row): MppsRecord {
  const optional = <Name extends string>(name: Name, value: SQLOutputValue | undefined): { [name in Name]?: string } =>
    (value === null ? {} : { [name]: value }) as { [name in Name]?: string };
  const json = (column: string): unknown => JSON.parse(row[column] as string);
  return {
    route: row['route'] as string,
    upstream: row['upstream'] as string,
    uid: row['uid'] as string,
    listener: row['listener'] as string,
    requester: json('requester') as MppsRecord['requester'],
    ...optional('characterSet', row['character_set']),
    phase: row['phase'] as MppsRecord['phase'],
    state: row['state'] as MppsRecord['state'],
    delivered: row['delivered'] === 1,
    createDigest: row['create_digest'] as string,
    ...optional('lastDigest', row['last_digest']),
    ...optional('pendingDigest', row['pending_digest']),
    created: json('created_tags') as MppsRecord['created'],
    set: json('set_tags') as MppsRecord['set'],
    sequences: json('sequences') as MppsRecord['sequences'],
    ...(row['copy'] === null ? {} : { copy: cloneDataSet(json('copy') as DataSet) }),
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
  };
}
