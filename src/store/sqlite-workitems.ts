/** Workitems in SQLite. One process has the file, and its writes follow one another. */
import type { StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import type { GatewayError } from '../errors.ts';
import { WORKITEM_STATES } from '../services/ups/workitem.ts';
import type { Durability } from './durability.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type {
  Workitem,
  WorkitemCount,
  WorkitemFilter,
  WorkitemKey,
  WorkitemRecord,
  WorkitemRetention,
  Workitems,
} from './workitem-records.ts';
import {
  KEPT,
  LASTING,
  LOCKED,
  SEEN_EVERY_MS,
  WORKITEM_BROUGHT,
  WORKITEM_COLUMNS,
  WORKITEM_CONTENT,
  countOfRow,
  fromWorkitemRow,
  readable,
  toWorkitemRow,
} from './workitem-rows.ts';
import type { WorkitemRow } from './workitem-rows.ts';

const DEFAULT_LIST = 100;
const DEFAULT_EXPIRY = 1_000;

const COLUMNS = WORKITEM_COLUMNS.join();
const BY_KEY = 'uid = :uid AND route = :route';
/** Revisions begin with the time: one that was erased and added anew has none of those it had before. */
const CHANGED = 'revision = revision + 1, updated_at = :now, aged_from = :now';

/** A start does not wait for a moment that only a wrong clock knew. */
const CUT_POLLS = `UPDATE workitems SET polled_at = 0
  WHERE state = 'IN PROGRESS' AND is_deleted = 0 AND polled_at > :now`;

function prepareWorkitems(connection: SqliteConnection) {
  const statement = (sql: string): StatementSync => connection.prepare(sql);
  const aged = (states: string): StatementSync =>
    statement(
      `SELECT id, route, uid FROM workitems WHERE state IN (${states}) AND aged_from < :before
       AND (aged_from < :lockedBefore OR NOT (${LOCKED} OR ${LASTING})) LIMIT :limit`,
    );
  // Rows are large: which ones they are is found first. Those of one state have an index of their own, the final ones many.
  const list = (condition: string): StatementSync =>
    statement(
      `SELECT ${COLUMNS} FROM workitems WHERE id IN (
         SELECT id FROM workitems WHERE route = :route AND ${condition} AND uid > :after
           AND (is_deleted = 0 OR :withDeleted)
         ORDER BY uid LIMIT :limit) ORDER BY uid`,
    );
  return {
    get: statement(`SELECT ${COLUMNS} FROM workitems WHERE ${BY_KEY}`),
    findByMpps: statement(`SELECT ${COLUMNS} FROM workitems WHERE mpps_uid = :mppsUid AND route = :route`),
    discover: statement(
      `INSERT INTO workitems (route, uid, workitem, entry, state, is_deleted, revision, created_at, updated_at, aged_from,
         polled_at)
       VALUES (:route, :uid, :workitem, :entry, 'SCHEDULED', 0, :now, :now, :now, :now, 0) ON CONFLICT DO NOTHING`,
    ),
    refresh: statement(
      `UPDATE workitems SET workitem = :workitem, entry = :entry, is_deleted = 0, ${CHANGED}
       WHERE ${BY_KEY} AND state = 'SCHEDULED' AND pending IS NULL AND (entry <> :entry OR is_deleted = 1)`,
    ),
    touch: statement(
      `UPDATE workitems SET aged_from = :now
       WHERE ${BY_KEY} AND state = 'SCHEDULED' AND aged_from <= :now - ${SEEN_EVERY_MS}`,
    ),
    add: statement(
      `INSERT INTO workitems (${WORKITEM_BROUGHT.join()}, revision, created_at, updated_at, aged_from, polled_at)
       VALUES (${WORKITEM_BROUGHT.map((column) => `:${column}`).join()}, :now, :now, :now, :now, 0)
       ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
    ),
    change: statement(
      `UPDATE workitems SET ${WORKITEM_CONTENT.map((column) => `${column} = :${column}`).join()}, ${CHANGED}
       WHERE ${BY_KEY} AND revision = :revision RETURNING ${COLUMNS}`,
    ),
    listAll: list('true'),
    listState: list('state = :state'),
    listStates: list('state IN (SELECT value FROM json_each(:states))'),
    listKept: list(`state IN (SELECT value FROM json_each(:states)) AND ${KEPT}`),
    counts: statement(
      'SELECT route, state, count(*) AS count FROM workitems WHERE is_deleted = 0 GROUP BY route, state',
    ),
    toPoll: statement(
      `SELECT id FROM workitems WHERE route = :route AND state = 'IN PROGRESS' AND is_deleted = 0 AND polled_at <= :before
       ORDER BY polled_at, id LIMIT :limit`,
    ),
    polled: statement(`UPDATE workitems SET polled_at = :now WHERE id = :id RETURNING ${COLUMNS}`),
    agedScheduled: aged(`'SCHEDULED'`),
    agedOpen: aged(`'IN PROGRESS'`),
    agedFinal: aged(`'COMPLETED', 'CANCELED'`),
    erase: statement('DELETE FROM workitems WHERE id = :id'),
    eraseReports: statement('DELETE FROM workitem_reports WHERE workitem_uid = :uid AND route = :route'),
    eraseSubscriptions: statement('DELETE FROM workitem_subscriptions WHERE resource = :uid AND route = :route'),
  };
}

export class SqliteWorkitems implements Workitems {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #statements: ReturnType<typeof prepareWorkitems>;

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#statements = prepareWorkitems(connection);
    connection.prepare(CUT_POLLS).run({ now: now() });
  }

  async get({ route, uid }: WorkitemKey): Promise<WorkitemRecord | undefined> {
    return this.#recordOf(this.#connection.read(() => this.#statements.get.get({ route, uid })));
  }

  async findByMpps(route: string, mppsUid: string): Promise<WorkitemRecord | undefined> {
    return this.#recordOf(this.#connection.read(() => this.#statements.findByMpps.get({ route, mppsUid })));
  }

  async see(found: readonly Pick<Workitem, 'route' | 'uid' | 'workitem' | 'entry'>[]): Promise<readonly string[]> {
    const rows = found.map(({ route, uid, workitem, entry }) => ({
      key: { route, uid },
      content: { workitem: toJson(workitem), entry: toJson(entry) },
    }));
    const { discover, refresh, touch } = this.#statements;
    return this.#connection.write('process', () => {
      const now = this.#now();
      const added: string[] = [];
      for (const { key, content } of rows) {
        const row = { ...key, ...content, now };
        if (discover.run(row).changes === 1) added.push(key.uid);
        else if (refresh.run(row).changes === 0) touch.run({ ...key, now });
      }
      return added;
    });
  }

  async add(workitem: Workitem, durability: Durability): Promise<WorkitemRecord | undefined> {
    const row = toWorkitemRow(workitem);
    return this.#connection.write(durability, () =>
      this.#recordOf(this.#statements.add.get({ ...row, now: this.#now() })),
    );
  }

  async change(workitem: Workitem, revision: number, durability: Durability): Promise<WorkitemRecord | undefined> {
    const row = toWorkitemRow(workitem);
    return this.#connection.write(durability, () =>
      this.#recordOf(this.#statements.change.get({ ...row, revision, now: this.#now() })),
    );
  }

  async list(filter: WorkitemFilter): Promise<WorkitemRecord[]> {
    const { route, states, withDeleted = false, isKept = false, after = '', limit = DEFAULT_LIST } = filter;
    const { listAll, listKept, listState, listStates } = this.#statements;
    const values = { route, after, limit, withDeleted: Number(withDeleted) };
    const [state, ...others] = states ?? [];
    const rows = this.#connection.read(() => {
      if (isKept) return listKept.all({ ...values, states: JSON.stringify(states ?? WORKITEM_STATES) });
      if (states === undefined) return listAll.all(values);
      if (state !== undefined && others.length === 0) return listState.all({ ...values, state });
      return listStates.all({ ...values, states: JSON.stringify(states) });
    });
    return readable(rows, fromWorkitemRow);
  }

  async takeOpen(route: string, limit: number, notPolledForMs: number): Promise<WorkitemRecord[]> {
    const { toPoll, polled } = this.#statements;
    return this.#connection.write('process', () => {
      const now = this.#now();
      const taken = toPoll.all({ route, limit, before: now - Math.ceil(notPolledForMs) });
      const rows = taken.map(({ id }) => polled.get({ id: id as number, now }) as WorkitemRow);
      return readable(rows, fromWorkitemRow);
    });
  }

  async counts(): Promise<WorkitemCount[]> {
    return this.#connection.read(() => this.#statements.counts.all()).map(countOfRow);
  }

  async expire(retention: WorkitemRetention): Promise<number> {
    const { finalMs, openMs, scheduledMs, lockedMs, limit = DEFAULT_EXPIRY } = retention;
    const { agedFinal, agedOpen, agedScheduled, erase, eraseReports, eraseSubscriptions } = this.#statements;
    return this.#connection.write('process', () => {
      const now = this.#now();
      const lockedBefore = now - Math.ceil(lockedMs);
      let erased = 0;
      for (const [aged, ageMs] of [
        [agedFinal, finalMs],
        [agedOpen, openMs],
        [agedScheduled, scheduledMs],
      ] as const) {
        const rows = aged.all({ before: now - Math.ceil(ageMs), lockedBefore, limit: limit - erased });
        for (const { id, route, uid } of rows as Record<string, string | number>[]) {
          erase.run({ id: id as number });
          eraseReports.run({ route: route as string, uid: uid as string });
          eraseSubscriptions.run({ route: route as string, uid: uid as string });
        }
        erased += rows.length;
      }
      return erased;
    });
  }

  #recordOf(row: WorkitemRow | undefined): WorkitemRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromWorkitemRow(row);
    } catch (error) {
      throw this.#damaged('a workitem cannot be read', error);
    }
  }
}
