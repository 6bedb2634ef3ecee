/** Subscriptions to workitems, and the reports that wait for subscribers, in SQLite. */
import type { StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { WORKLIST_UID } from '../services/ups/workitem.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteRoom } from './sqlite-room.ts';
import type { ReportCount, Subscription, Subscriptions, WaitingReport, WorkitemKey } from './workitem-records.ts';
import { fromReportRow, fromSubscriptionRow, queueOfRow, readable, subscriptionsTo } from './workitem-rows.ts';

const BY_KEY = 'resource = :resource AND route = :route AND ae_title = :aeTitle';
const OF_SUBSCRIBER = 'route = :route AND ae_title = :aeTitle';
const NEWEST = '(SELECT coalesce(max(id), 0) FROM workitems)';

function prepareSubscriptions(connection: SqliteConnection) {
  const statement = (sql: string): StatementSync => connection.prepare(sql);
  return {
    // To suspend what is suspended changes nothing of what is older than the suspension.
    put: statement(
      `INSERT INTO workitem_subscriptions (route, resource, ae_title, standing, deletion_lock, through_id)
       VALUES (:route, :resource, :aeTitle, :standing, :deletionLock,
         CASE WHEN :standing = 'suspended' THEN ${NEWEST} END)
       ON CONFLICT DO UPDATE SET standing = excluded.standing, deletion_lock = excluded.deletion_lock,
         through_id = CASE WHEN excluded.standing = 'suspended' THEN coalesce(through_id, excluded.through_id) END`,
    ),
    remove: statement(`DELETE FROM workitem_subscriptions WHERE ${BY_KEY}`),
    removeAll: statement(`DELETE FROM workitem_subscriptions WHERE ${OF_SUBSCRIBER}`),
    get: statement(`SELECT * FROM workitem_subscriptions WHERE ${BY_KEY}`),
    subscribers: statement(`SELECT s.ae_title ${subscriptionsTo(':route', ':uid')} ORDER BY s.ae_title`),
    watched: statement(`SELECT 1 FROM workitem_subscriptions WHERE route = :route AND standing <> 'off' LIMIT 1`),
    locked: statement(`SELECT 1 ${subscriptionsTo(':route', ':uid')} AND s.deletion_lock LIMIT 1`),
    enqueue: statement(
      `INSERT INTO workitem_reports (route, ae_title, workitem_uid, created_at, report)
       VALUES (:route, :aeTitle, :workitemUid, :now, :report)`,
    ),
    drop: statement(
      `DELETE FROM workitem_reports WHERE id IN (
         SELECT id FROM workitem_reports WHERE ${OF_SUBSCRIBER} ORDER BY id DESC LIMIT -1 OFFSET :maximum)`,
    ),
    waiting: statement(`SELECT id, report FROM workitem_reports WHERE ${OF_SUBSCRIBER} ORDER BY id LIMIT :limit`),
    delivered: statement(`DELETE FROM workitem_reports WHERE ${OF_SUBSCRIBER} AND id <= :upTo`),
    counts: statement(
      'SELECT route, count(*) AS count, min(created_at) AS oldest FROM workitem_reports GROUP BY route',
    ),
    expire: statement('DELETE FROM workitem_reports WHERE created_at < :before'),
  };
}

export class SqliteSubscriptions implements Subscriptions {
  readonly #connection: SqliteConnection;
  readonly #now: () => number;
  readonly #room: SqliteRoom | undefined;
  readonly #statements: ReturnType<typeof prepareSubscriptions>;

  /** @param room of the disk, for reports; undefined: there is none to look at */
  constructor(connection: SqliteConnection, now: () => number, room: SqliteRoom | undefined) {
    this.#connection = connection;
    this.#now = now;
    this.#room = room;
    this.#statements = prepareSubscriptions(connection);
  }

  async put(subscription: Subscription): Promise<void> {
    const { route, resource, aeTitle, standing, deletionLock } = subscription;
    await this.#connection.write('disk', () => {
      if (resource === WORKLIST_UID && standing === 'on') this.#statements.removeAll.run({ route, aeTitle });
      this.#statements.put.run({ route, resource, aeTitle, standing, deletionLock: Number(deletionLock) });
    });
  }

  async remove(route: string, resource: string, aeTitle: string): Promise<boolean> {
    return this.#connection.write('disk', () => {
      const { changes } = this.#statements.remove.run({ route, resource, aeTitle });
      if (changes === 1 && resource === WORKLIST_UID) this.#statements.removeAll.run({ route, aeTitle });
      return changes === 1;
    });
  }

  async get(route: string, resource: string, aeTitle: string): Promise<Subscription | undefined> {
    const row = this.#connection.read(() => this.#statements.get.get({ route, resource, aeTitle }));
    return row && fromSubscriptionRow(row);
  }

  async subscribersOf({ route, uid }: WorkitemKey): Promise<readonly string[]> {
    const rows = this.#connection.read(() => this.#statements.subscribers.all({ route, uid }));
    return rows.map((row) => row['ae_title'] as string);
  }

  async isWatched(route: string): Promise<boolean> {
    return this.#connection.read(() => this.#statements.watched.get({ route })) !== undefined;
  }

  async isLocked({ route, uid }: WorkitemKey): Promise<boolean> {
    return this.#connection.read(() => this.#statements.locked.get({ route, uid })) !== undefined;
  }

  async enqueue(
    route: string,
    aeTitles: readonly string[],
    workitemUid: string,
    report: DataSet,
    maximum: number,
  ): Promise<number> {
    const text = toJson(report);
    return this.#connection.write('disk', () => {
      this.#room?.check();
      const now = this.#now();
      let dropped = 0;
      for (const aeTitle of new Set(aeTitles)) {
        this.#statements.enqueue.run({ route, aeTitle, workitemUid, now, report: text });
        dropped += Number(this.#statements.drop.run({ route, aeTitle, maximum }).changes);
      }
      return dropped;
    });
  }

  async waiting(route: string, aeTitle: string, limit: number): Promise<WaitingReport[]> {
    return readable(
      this.#connection.read(() => this.#statements.waiting.all({ route, aeTitle, limit })),
      fromReportRow,
    );
  }

  async delivered(route: string, aeTitle: string, upTo: number): Promise<void> {
    await this.#connection.write('process', () => this.#statements.delivered.run({ route, aeTitle, upTo }));
  }

  async counts(): Promise<ReportCount[]> {
    const rows = this.#connection.read(() => this.#statements.counts.all());
    return rows.map(({ route, ...row }) => ({ route: route as string, ...queueOfRow(row, this.#now()) }));
  }

  async expireReports(olderThanMs: number): Promise<number> {
    return this.#connection.write('process', () =>
      Number(this.#statements.expire.run({ before: this.#now() - Math.ceil(olderThanMs) }).changes),
    );
  }
}
