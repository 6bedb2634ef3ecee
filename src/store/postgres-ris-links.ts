/**
 * Which performed steps an entry of the RIS follows, and what state that gives it. Changes of one RIS by several processes
 * must not pass each other by unseen, since each writes what the other would have to know:
 * - those that change steps lock the entries that follow, in the order of their ids, and look at the steps only then;
 * - those that bring entries or take them away keep all others out meanwhile: an entry that is not there has no lock.
 */
import { prepared } from './postgres-connection.ts';
import type { Session } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import type { RisStepKey } from './ris-records.ts';

const NUMBER = `hashtextextended('dimseway ris ' || current_schema() || ' ' || $1, 0)`;
const SHARE = prepared(`SELECT pg_advisory_xact_lock_shared(${NUMBER})`);
const EXCLUDE = prepared(`SELECT pg_advisory_xact_lock(${NUMBER})`);

/** As in SQLite: a linked step in progress before the one which changed last. */
export function stateOfEntry(upstream: string, id: string): string {
  return `coalesce((
    SELECT CASE s.state WHEN 'IN PROGRESS' THEN 'STARTED' ELSE s.state END
    FROM ris_links l JOIN ris_steps s ON s.upstream = l.upstream AND s.uid = l.uid
    WHERE l.upstream = ${upstream} AND l.entry_id = ${id}
    ORDER BY s.state = 'IN PROGRESS' DESC, s.id DESC LIMIT 1
  ), 'SCHEDULED')`;
}

const ADD = prepared(
  `INSERT INTO ris_links (upstream, uid, entry_id) SELECT $1, $2, entry_id FROM unnest($3::text[]) AS e (entry_id)
   ON CONFLICT DO NOTHING`,
);
const LOCK_FOLLOWING = prepared(
  `SELECT 1 FROM ris_entries WHERE upstream = $1
     AND id IN (SELECT entry_id FROM ris_links WHERE upstream = $1 AND uid = $2) ORDER BY id FOR UPDATE`,
);
const FOLLOW = prepared(
  `UPDATE ris_entries e SET state = f.state, updated_at = ${NOW}
   FROM (
     SELECT number, ${stateOfEntry('ris_entries.upstream', 'ris_entries.id')} AS state FROM ris_entries
     WHERE upstream = $1 AND id IN (SELECT entry_id FROM ris_links WHERE upstream = $1 AND uid = $2)
   ) AS f
   WHERE e.number = f.number AND e.state <> f.state`,
);

/** Until the end of the transaction steps of this RIS change and its entries neither come nor go. */
export async function shareRis(session: Session, upstream: string): Promise<void> {
  await session.query(SHARE, [upstream]);
}

/** Until the end of the transaction nobody else changes what belongs to this RIS. */
export async function excludeFromRis(session: Session, upstream: string): Promise<void> {
  await session.query(EXCLUDE, [upstream]);
}

/** Links entries to a step, besides those that are linked already, and lets all of them take its change in. */
export async function linkAndFollow(
  session: Session,
  { upstream, uid }: RisStepKey,
  entryIds: readonly string[],
): Promise<void> {
  await Promise.all([
    ...(entryIds.length === 0 ? [] : [session.query(ADD, [upstream, uid, entryIds])]),
    session.query(LOCK_FOLLOWING, [upstream, uid]),
    session.query(FOLLOW, [upstream, uid]),
  ]);
}
