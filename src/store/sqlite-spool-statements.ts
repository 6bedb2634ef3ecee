/** The SQL of the spool in SQLite. */
import type { StatementSync } from 'node:sqlite';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SpoolFilter, SpoolState } from './spool-records.ts';
import { SPOOL_COLUMNS } from './spool-rows.ts';

const COLUMNS = SPOOL_COLUMNS.join();
const DESTINATION = 'route = :route AND upstream = :upstream';
const LANE = `uid = :uid AND ${DESTINATION}`;

/** By the index that leaves least to read: rows are large, so their ids are found first. */
export function listing({ destination, uid, state }: SpoolFilter): string {
  const index = state === 'dead' ? 'spool_messages_dead' : 'spool_messages_by_lane';
  const indexed = state === 'dead' || destination !== undefined || uid !== undefined ? `INDEXED BY ${index}` : '';
  const conditions = [
    'id > :after',
    ...(destination === undefined ? [] : [DESTINATION]),
    ...(uid === undefined
      ? []
      : ['(route, upstream, uid) IN (SELECT route, upstream, uid FROM spool_lanes WHERE uid = :uid)']),
    ...(state === undefined ? [] : [IN_STATE[state]]),
  ];
  return `SELECT ${COLUMNS} FROM spool_messages WHERE id IN (SELECT id FROM spool_messages ${indexed}
    WHERE ${conditions.join(' AND ')} ORDER BY id LIMIT :limit) ORDER BY id`;
}

/** Literals, for the index of the dead. */
const IN_STATE: Readonly<Record<SpoolState, string>> = { queued: `state = 'queued'`, dead: `state = 'dead'` };

export type SpoolStatements = ReturnType<typeof prepareSpool>;

export function prepareSpool(connection: SqliteConnection) {
  const statement = (sql: string): StatementSync => connection.prepare(sql);
  return {
    freeExpired: statement(`UPDATE spool_lanes SET lease_until = NULL WHERE ${DESTINATION} AND lease_until <= :now`),
    due: statement(
      `SELECT uid, due_at FROM spool_lanes WHERE ${DESTINATION} AND lease_until IS NULL AND due_at <= :now
       ORDER BY due_at LIMIT :limit`,
    ),
    nextToken: statement(`UPDATE meta SET value = value + 1 WHERE name = 'last_claim' RETURNING value`),
    cutPauses: statement('UPDATE spool_lanes SET due_at = :now WHERE due_at > :latest'),
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
      `SELECT route, upstream, total,
         (SELECT count(*) FROM spool_lanes l WHERE l.route = m.route AND l.upstream = m.upstream AND l.due_at IS NULL)
           AS dead,
         (SELECT accepted_at FROM spool_messages o WHERE o.id = m.first) AS oldest,
         coalesce((SELECT max(attempts) FROM spool_messages a
           WHERE a.route = m.route AND a.upstream = m.upstream AND a.attempts > 0), 0) AS attempts
       FROM (SELECT route, upstream, count(*) AS total, min(id) AS first FROM spool_messages GROUP BY route, upstream) m`,
    ),
  };
}
