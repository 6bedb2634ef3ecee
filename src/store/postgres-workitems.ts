/**
 * Workitems in PostgreSQL, for any number of processes. Revisions follow the server's clock: one that was lost with a crash of
 * the server is never given again, as with storage commitments.
 */
import { toJson } from '../dataset/json.ts';
import type { GatewayError } from '../errors.ts';
import { WORKITEM_STATES } from '../services/ups/workitem.ts';
import type { Durability } from './durability.ts';
import { prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Row, Statement } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
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

type Found = Pick<Workitem, 'route' | 'uid' | 'workitem' | 'entry'>;

const DEFAULT_LIST = 100;
const DEFAULT_EXPIRY = 1_000;
/** In one transaction: a worklist may be long, and its entries large. */
const SEEN_AT_ONCE = 200;

const COLUMNS = WORKITEM_COLUMNS.join();
const BY_KEY = 'uid = $1 AND route = $2';
const CHANGED = `revision = greatest(workitems.revision + 1, ${NOW}), updated_at = ${NOW}, aged_from = ${NOW}`;

const COUNTS = prepared(
  'SELECT route, state, count(*) AS count FROM workitems WHERE NOT is_deleted GROUP BY route, state',
);
const GET = prepared(`SELECT ${COLUMNS} FROM workitems WHERE ${BY_KEY}`);
const FIND_BY_MPPS = prepared(`SELECT ${COLUMNS} FROM workitems WHERE mpps_uid = $1 AND route = $2`);
/** In the order of the keys, so that no two that see the same wait for each other. A row that is new has no `xmax`. */
const SEE = prepared(
  `INSERT INTO workitems (route, uid, workitem, entry, state, is_deleted, revision, created_at, updated_at, aged_from,
     polled_at)
   SELECT route, uid, workitem, entry, 'SCHEDULED', false, ${NOW}, ${NOW}, ${NOW}, ${NOW}, 0
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS f (route, uid, workitem, entry)
   ORDER BY uid COLLATE "C", route COLLATE "C"
   ON CONFLICT (uid, route) DO UPDATE SET workitem = excluded.workitem, entry = excluded.entry, is_deleted = false, ${CHANGED}
   WHERE workitems.state = 'SCHEDULED' AND workitems.pending IS NULL
     AND (workitems.entry <> excluded.entry OR workitems.is_deleted)
   RETURNING uid, xmax = 0 AS is_new`,
);
/** What another is just changing is not touched: its change counts as well. */
const TOUCH = prepared(
  `UPDATE workitems SET aged_from = ${NOW} WHERE id IN (
     SELECT id FROM workitems WHERE (route, uid) IN (SELECT * FROM unnest($1::text[], $2::text[]))
       AND state = 'SCHEDULED' AND aged_from <= ${NOW} - ${SEEN_EVERY_MS} FOR UPDATE SKIP LOCKED)`,
);
const ADD = prepared(
  `INSERT INTO workitems (${WORKITEM_BROUGHT.join()}, revision, created_at, updated_at, aged_from, polled_at)
   VALUES (${WORKITEM_BROUGHT.map((_, i) => `$${i + 1}`).join()}, ${NOW}, ${NOW}, ${NOW}, ${NOW}, 0)
   ON CONFLICT DO NOTHING RETURNING ${COLUMNS}`,
);
const CHANGE = prepared(
  `UPDATE workitems SET ${WORKITEM_CONTENT.map((column, i) => `${column} = $${i + 4}`).join()}, ${CHANGED}
   WHERE ${BY_KEY} AND revision = $3 RETURNING ${COLUMNS}`,
);
const [LIST, LIST_ALL] = [listing('state = ANY ($5::text[])'), listing('true')];
const LIST_KEPT = listing(`state = ANY ($5::text[]) AND ${KEPT}`);
const TAKE_OPEN = prepared(
  `WITH open AS MATERIALIZED (
     SELECT id AS open_id, polled_at AS last FROM workitems
     WHERE route = $1 AND state = 'IN PROGRESS' AND NOT is_deleted AND polled_at <= ${NOW} - $2
     ORDER BY polled_at, id LIMIT $3 FOR UPDATE SKIP LOCKED
   )
   UPDATE workitems SET polled_at = ${NOW} FROM open WHERE id = open_id RETURNING ${COLUMNS}, last, id`,
);
const [AGED_FINAL, AGED_OPEN, AGED_SCHEDULED] = [
  aged(`'COMPLETED', 'CANCELED'`),
  aged(`'IN PROGRESS'`),
  aged(`'SCHEDULED'`),
];
const ERASE = prepared('DELETE FROM workitems WHERE id = ANY ($1::bigint[])');
const ERASE_OTHERS = [
  ['workitem_reports', 'workitem_uid'],
  ['workitem_subscriptions', 'resource'],
].map(([table, uid]) =>
  prepared(`DELETE FROM ${table} WHERE (route, ${uid}) IN (SELECT * FROM unnest($1::text[], $2::text[]))`),
);

function aged(states: string): Statement {
  return prepared(
    `SELECT id, route, uid FROM workitems WHERE state IN (${states}) AND aged_from < ${NOW} - $1
       AND (aged_from < ${NOW} - $2 OR NOT (${LOCKED} OR ${LASTING})) LIMIT $3 FOR UPDATE SKIP LOCKED`,
  );
}

/** Rows are large: which ones they are is read from an index. */
function listing(condition: string): Statement {
  return prepared(
    `SELECT ${COLUMNS} FROM workitems WHERE id IN (
       SELECT id FROM workitems WHERE route = $1 AND ${condition} AND uid > $2 AND (NOT is_deleted OR $3::boolean)
       ORDER BY uid LIMIT $4) ORDER BY uid`,
  );
}

export class PostgresWorkitems implements Workitems {
  readonly #connections: PostgresConnections;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;

  constructor(connections: PostgresConnections, damaged: (detail: string, cause: unknown) => GatewayError) {
    this.#connections = connections;
    this.#damaged = damaged;
  }

  async get({ route, uid }: WorkitemKey): Promise<WorkitemRecord | undefined> {
    return this.#recordOf((await this.#connections.query(GET, [uid, route])).rows[0]);
  }

  async findByMpps(route: string, mppsUid: string): Promise<WorkitemRecord | undefined> {
    return this.#recordOf((await this.#connections.query(FIND_BY_MPPS, [mppsUid, route])).rows[0]);
  }

  async see(found: readonly Found[]): Promise<readonly string[]> {
    const distinct = [...new Map(found.map((each) => [JSON.stringify([each.route, each.uid]), each])).values()];
    const added: string[] = [];
    for (let i = 0; i < distinct.length; i += SEEN_AT_ONCE) {
      added.push(...(await this.#seeSome(distinct.slice(i, i + SEEN_AT_ONCE))));
    }
    return added;
  }

  async add(workitem: Workitem, durability: Durability): Promise<WorkitemRecord | undefined> {
    const row = toWorkitemRow(workitem);
    const values = WORKITEM_BROUGHT.map((column) => row[column]);
    return this.#write(durability, ADD, values);
  }

  async change(workitem: Workitem, revision: number, durability: Durability): Promise<WorkitemRecord | undefined> {
    const row = toWorkitemRow(workitem);
    const content = WORKITEM_CONTENT.map((column) => row[column]);
    return this.#write(durability, CHANGE, [row.uid, row.route, revision, ...content]);
  }

  async list(filter: WorkitemFilter): Promise<WorkitemRecord[]> {
    const { route, states, withDeleted = false, isKept = false, after = '', limit = DEFAULT_LIST } = filter;
    const values = [route, after, withDeleted, limit];
    const { rows } = await (states === undefined && !isKept
      ? this.#connections.query(LIST_ALL, values)
      : this.#connections.query(isKept ? LIST_KEPT : LIST, [...values, states ?? WORKITEM_STATES]));
    return readable(rows, fromWorkitemRow);
  }

  async takeOpen(route: string, limit: number, notPolledForMs: number): Promise<WorkitemRecord[]> {
    return this.#connections.transaction('process', async (session) => {
      const { rows } = await session.query(TAKE_OPEN, [route, Math.ceil(notPolledForMs), limit]);
      const oldestFirst = rows.toSorted((a, b) => order(a, b, 'last') || order(a, b, 'id'));
      return readable(oldestFirst, fromWorkitemRow);
    });
  }

  async counts(): Promise<WorkitemCount[]> {
    return (await this.#connections.query(COUNTS)).rows.map(countOfRow);
  }

  async expire(retention: WorkitemRetention): Promise<number> {
    const { finalMs, openMs, scheduledMs, lockedMs, limit = DEFAULT_EXPIRY } = retention;
    return this.#connections.transaction('process', async (session) => {
      let erased = 0;
      const kinds: [Statement, number][] = [
        [AGED_FINAL, finalMs],
        [AGED_OPEN, openMs],
        [AGED_SCHEDULED, scheduledMs],
      ];
      for (const [statement, ageMs] of kinds) {
        const { rows } = await session.query(statement, [Math.ceil(ageMs), Math.ceil(lockedMs), limit - erased]);
        const column = (name: string): string[] => rows.map((row) => row[name] as string);
        const keys = [column('route'), column('uid')];
        await Promise.all([
          session.query(ERASE, [rows.map(({ id }) => id as number)]),
          ...ERASE_OTHERS.map((statement) => session.query(statement, keys)),
        ]);
        erased += rows.length;
      }
      return erased;
    });
  }

  async #seeSome(found: readonly Found[]): Promise<string[]> {
    const keys = [found.map(({ route }) => route), found.map(({ uid }) => uid)];
    const content = [found.map(({ workitem }) => toJson(workitem)), found.map(({ entry }) => toJson(entry))];
    return this.#connections.transaction('process', async (session) => {
      const [seen] = await Promise.all([session.query(SEE, [...keys, ...content]), session.query(TOUCH, keys)]);
      return seen.rows.filter((row) => row['is_new']).map((row) => row['uid'] as string);
    });
  }

  #write(
    durability: Durability,
    statement: Statement,
    values: readonly Parameter[],
  ): Promise<WorkitemRecord | undefined> {
    return this.#connections.transaction(durability, async (session) =>
      this.#recordOf((await session.query(statement, values)).rows[0]),
    );
  }

  #recordOf(row: Row | undefined): WorkitemRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromWorkitemRow(row);
    } catch (error) {
      throw this.#damaged('a workitem cannot be read', error);
    }
  }
}

function order(a: Row, b: Row, column: 'last' | 'id'): number {
  return Number(a[column]) - Number(b[column]);
}
