/**
 * The rows of lanes. Whoever puts a message into a lane or takes one out of it locks the row first, and gives numbers or
 * looks for the next message only then: so the ids of a lane stand in the order in which they were committed, and no lane
 * is closed over a message that is just coming. Several lanes are locked in the order of their keys, which rules out that
 * two wait for each other.
 */
import { prepared } from './postgres-connection.ts';
import type { MppsKey } from './store.ts';

/** The server's clock, ms since 1970; as a subquery it is read once, and an index can be searched by it. */
export const NOW = '(SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint)';

/** For `$1`, `$2` and `$3`. */
export const LANE = 'uid = $1 AND route = $2 AND upstream = $3';
export const LANES = 'unnest($1::text[], $2::text[], $3::text[])';

/** Opens the lanes that are not there and locks them all; `WHERE false` locks a row without a new version of it. */
export const OPEN_LANES = prepared(
  `INSERT INTO spool_lanes (uid, route, upstream, due_at)
   SELECT DISTINCT l.uid COLLATE "C" AS uid, l.route COLLATE "C" AS route, l.upstream COLLATE "C" AS upstream, ${NOW}
   FROM ${LANES} AS l (uid, route, upstream) ORDER BY uid, route, upstream
   ON CONFLICT (uid, route, upstream) DO UPDATE SET due_at = excluded.due_at WHERE false`,
);

export function laneOf({ route, upstream, uid }: MppsKey): [uid: string, route: string, upstream: string] {
  return [uid, route, upstream];
}

export function lanesOf(keys: readonly MppsKey[]): [uids: string[], routes: string[], upstreams: string[]] {
  return [keys.map(({ uid }) => uid), keys.map(({ route }) => route), keys.map(({ upstream }) => upstream)];
}
