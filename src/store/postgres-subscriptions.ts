/**
 * Subscriptions to workitems, and the reports that wait for subscribers, in PostgreSQL. Who puts reports into the queue of a
 * subscriber keeps others out of it until they are there: so the ids stand in the order in which they were committed, and
 * none comes to light below one that was delivered.
 */
import { toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { WORKLIST_UID } from '../services/ups/workitem.ts';
import { prepared } from './postgres-connection.ts';
import type { PostgresConnections } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import type { ReportCount, Subscription, Subscriptions, WaitingReport, WorkitemKey } from './workitem-records.ts';
import { fromReportRow, fromSubscriptionRow, queueOfRow, readable, subscriptionsTo } from './workitem-rows.ts';

const BY_KEY = 'resource = $1 AND route = $2 AND ae_title = $3';
const OF_SUBSCRIBER = 'route = $1 AND ae_title = $2';
const NEWEST = '(SELECT coalesce(max(id), 0) FROM workitems)';

/** To suspend what is suspended changes nothing of what is older than the suspension. */
const PUT = prepared(
  `INSERT INTO workitem_subscriptions (resource, route, ae_title, standing, deletion_lock, through_id)
   VALUES ($1, $2, $3, $4, $5, CASE WHEN $4::text = 'suspended' THEN ${NEWEST} END)
   ON CONFLICT (resource, route, ae_title) DO UPDATE SET standing = excluded.standing,
     deletion_lock = excluded.deletion_lock,
     through_id = CASE WHEN excluded.standing = 'suspended'
       THEN coalesce(workitem_subscriptions.through_id, excluded.through_id) END`,
);
const REMOVE = prepared(`DELETE FROM workitem_subscriptions WHERE ${BY_KEY}`);
const REMOVE_ALL = prepared(`DELETE FROM workitem_subscriptions WHERE ${OF_SUBSCRIBER}`);
const GET = prepared(`SELECT * FROM workitem_subscriptions WHERE ${BY_KEY}`);
const SUBSCRIBERS = prepared(`SELECT s.ae_title ${subscriptionsTo('$1', '$2')} ORDER BY s.ae_title`);
const WATCHED = prepared(`SELECT 1 FROM workitem_subscriptions WHERE route = $1 AND standing <> 'off' LIMIT 1`);
const LOCKED = prepared(`SELECT 1 ${subscriptionsTo('$1', '$2')} AND s.deletion_lock LIMIT 1`);
const HOLD = prepared(
  `SELECT pg_advisory_xact_lock(
     hashtextextended('dimseway reports ' || current_schema() || ' ' || $1 || ' ' || $2, 0))`,
);
const ENQUEUE = prepared(
  `INSERT INTO workitem_reports (route, ae_title, workitem_uid, created_at, report) VALUES ($1, $2, $3, ${NOW}, $4)`,
);
const DROP = prepared(
  `DELETE FROM workitem_reports WHERE id IN (
     SELECT id FROM workitem_reports WHERE ${OF_SUBSCRIBER} ORDER BY id DESC OFFSET $3)`,
);
const WAITING = prepared(`SELECT id, report FROM workitem_reports WHERE ${OF_SUBSCRIBER} ORDER BY id LIMIT $3`);
const DELIVERED = prepared(`DELETE FROM workitem_reports WHERE ${OF_SUBSCRIBER} AND id <= $3`);
const COUNTS = prepared(
  `SELECT route, count(*) AS count, min(created_at) AS oldest, ${NOW} AS now FROM workitem_reports GROUP BY route`,
);
const EXPIRE = prepared(`DELETE FROM workitem_reports WHERE created_at < ${NOW} - $1`);

export class PostgresSubscriptions implements Subscriptions {
  readonly #connections: PostgresConnections;

  constructor(connections: PostgresConnections) {
    this.#connections = connections;
  }

  async put({ route, resource, aeTitle, standing, deletionLock }: Subscription): Promise<void> {
    await this.#connections.transaction('disk', async (session) => {
      const isForAll = resource === WORKLIST_UID && standing === 'on';
      await Promise.all([
        ...(isForAll ? [session.query(REMOVE_ALL, [route, aeTitle])] : []),
        session.query(PUT, [resource, route, aeTitle, standing, deletionLock]),
      ]);
    });
  }

  async remove(route: string, resource: string, aeTitle: string): Promise<boolean> {
    return this.#connections.transaction('disk', async (session) => {
      const { count } = await session.query(REMOVE, [resource, route, aeTitle]);
      if (count === 1 && resource === WORKLIST_UID) await session.query(REMOVE_ALL, [route, aeTitle]);
      return count === 1;
    });
  }

  async get(route: string, resource: string, aeTitle: string): Promise<Subscription | undefined> {
    const { rows } = await this.#connections.query(GET, [resource, route, aeTitle]);
    return rows[0] && fromSubscriptionRow(rows[0]);
  }

  async subscribersOf({ route, uid }: WorkitemKey): Promise<readonly string[]> {
    const { rows } = await this.#connections.query(SUBSCRIBERS, [route, uid]);
    return rows.map((row) => row['ae_title'] as string);
  }

  async isWatched(route: string): Promise<boolean> {
    return (await this.#connections.query(WATCHED, [route])).count === 1;
  }

  async isLocked({ route, uid }: WorkitemKey): Promise<boolean> {
    return (await this.#connections.query(LOCKED, [route, uid])).count === 1;
  }

  async enqueue(
    route: string,
    aeTitles: readonly string[],
    workitemUid: string,
    report: DataSet,
    maximum: number,
  ): Promise<number> {
    const text = toJson(report);
    // In one order, so that no two that hold several wait for each other.
    const subscribers = [...new Set(aeTitles)].sort();
    if (subscribers.length === 0) return 0;
    return this.#connections.transaction('disk', async (session) => {
      const answers = subscribers.map(async (aeTitle) => {
        const written = [
          session.query(HOLD, [route, aeTitle]),
          session.query(ENQUEUE, [route, aeTitle, workitemUid, text]),
        ];
        const { count } = await session.query(DROP, [route, aeTitle, maximum]);
        await Promise.all(written);
        return count;
      });
      return (await Promise.all(answers)).reduce((total, count) => total + count, 0);
    });
  }

  async waiting(route: string, aeTitle: string, limit: number): Promise<WaitingReport[]> {
    const { rows } = await this.#connections.query(WAITING, [route, aeTitle, limit]);
    return readable(rows, fromReportRow);
  }

  async delivered(route: string, aeTitle: string, upTo: number): Promise<void> {
    await this.#connections.query(DELIVERED, [route, aeTitle, upTo]);
  }

  async counts(): Promise<ReportCount[]> {
    const { rows } = await this.#connections.query(COUNTS);
    return rows.map((row) => ({ route: row['route'] as string, ...queueOfRow(row, Number(row['now'])) }));
  }

  async expireReports(olderThanMs: number): Promise<number> {
    return this.#connections.transaction('process', async (session) => {
      return (await session.query(EXPIRE, [Math.ceil(olderThanMs)])).count;
    });
  }
}
