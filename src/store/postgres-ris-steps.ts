import { toJson } from '../dataset/json.ts';
import type { GatewayError } from '../errors.ts';
import { prepared } from './postgres-connection.ts';
import type { PostgresConnections } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import { excludeFromRis, linkAndFollow, shareRis } from './postgres-ris-links.ts';
import type { RisStep, RisStepChange, RisStepExpiry, RisStepKey, RisSteps } from './ris-records.ts';
import { fromStepRow } from './ris-rows.ts';
import type { Durability } from './store.ts';

const GET = prepared('SELECT attributes, revision FROM ris_steps WHERE upstream = $1 AND uid = $2');
const CREATE = prepared(
  `INSERT INTO ris_steps (upstream, uid, attributes, state, revision, updated_at) VALUES ($1, $2, $3, $4, 1, ${NOW})
   ON CONFLICT DO NOTHING`,
);
/** The ids stand in the order of the last change. */
const CHANGE = prepared(
  `UPDATE ris_steps SET attributes = $3, state = $4, revision = revision + 1, id = nextval('ris_steps_changes'),
     updated_at = ${NOW}
   WHERE upstream = $1 AND uid = $2 AND revision = $5`,
);
const RAISE = prepared(
  `INSERT INTO ris_exceptions (upstream, uid, entry_id, attributes, raised_at) VALUES ($1, $2, $3, $4, ${NOW})
   ON CONFLICT (upstream, uid, entry_id) DO NOTHING`,
);
const EXPIRE = prepared(
  `SELECT uid FROM ris_steps s WHERE upstream = $1 AND updated_at < $2
   AND NOT EXISTS (SELECT FROM ris_links l JOIN ris_entries e ON e.upstream = l.upstream AND e.id = l.entry_id
                   WHERE l.upstream = s.upstream AND l.uid = s.uid)
   AND NOT EXISTS (SELECT FROM ris_exceptions x
                   WHERE x.upstream = s.upstream AND x.uid = s.uid AND x.resolution IS NULL)
   LIMIT $3`,
);
const ERASE = ['ris_links', 'ris_exceptions', 'ris_steps'].map((table) =>
  prepared(`DELETE FROM ${table} WHERE upstream = $1 AND uid = ANY ($2::text[])`),
);

const DEFAULT_LIMIT = 1_000;

export class PostgresRisSteps implements RisSteps {
  readonly #connections: PostgresConnections;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;

  constructor(connections: PostgresConnections, damaged: (detail: string, cause: unknown) => GatewayError) {
    this.#connections = connections;
    this.#damaged = damaged;
  }

  async get({ upstream, uid }: RisStepKey): Promise<RisStep | undefined> {
    const { rows } = await this.#connections.query(GET, [upstream, uid]);
    if (rows[0] === undefined) return undefined;
    try {
      return { upstream, uid, ...fromStepRow(rows[0]) };
    } catch (error) {
      throw this.#damaged('a step of the RIS cannot be read', error);
    }
  }

  async save(change: RisStepChange, durability: Durability): Promise<boolean> {
    const { upstream, uid, state, revision, performs, mismatches } = change;
    const values = [upstream, uid, toJson(change.attributes), state];
    return this.#connections.transaction(durability, async (session) => {
      await shareRis(session, upstream);
      const { count } =
        revision === undefined
          ? await session.query(CREATE, values)
          : await session.query(CHANGE, [...values, revision]);
      if (count === 0) return false;
      await Promise.all([
        linkAndFollow(session, change, performs),
        ...mismatches.map(({ entryId, attributes }) =>
          session.query(RAISE, [upstream, uid, entryId, JSON.stringify(attributes)]),
        ),
      ]);
      return true;
    });
  }

  async expire(upstream: string, { changedBeforeMs, limit = DEFAULT_LIMIT }: RisStepExpiry): Promise<number> {
    return this.#connections.transaction('process', async (session) => {
      await excludeFromRis(session, upstream);
      const { rows } = await session.query(EXPIRE, [upstream, changedBeforeMs, limit]);
      const uids = rows.map((row) => row['uid'] as string);
      if (uids.length > 0) await Promise.all(ERASE.map((erase) => session.query(erase, [upstream, uids])));
      return uids.length;
    });
  }
}
