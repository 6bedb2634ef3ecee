import { toJson } from '../dataset/json.ts';
import type { GatewayError } from '../errors.ts';
import { prepared } from './postgres-connection.ts';
import type { PostgresConnections } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import { linkAndFollow, shareRis } from './postgres-ris-links.ts';
import type { RisStep, RisStepChange, RisStepKey, RisSteps } from './ris-records.ts';
import { fromStepRow } from './ris-rows.ts';
import type { Durability } from './store.ts';

const GET = prepared('SELECT attributes, revision FROM ris_steps WHERE upstream = $1 AND uid = $2');
const CREATE = prepared(
  `INSERT INTO ris_steps (upstream, uid, attributes, state, revision) VALUES ($1, $2, $3, $4, 1) ON CONFLICT DO NOTHING`,
);
/** The ids stand in the order of the last change. */
const CHANGE = prepared(
  `UPDATE ris_steps SET attributes = $3, state = $4, revision = revision + 1, id = nextval('ris_steps_changes')
   WHERE upstream = $1 AND uid = $2 AND revision = $5`,
);
const RAISE = prepared(
  `INSERT INTO ris_exceptions (upstream, uid, entry_id, attributes, raised_at) VALUES ($1, $2, $3, $4, ${NOW})
   ON CONFLICT (upstream, uid, entry_id) DO NOTHING`,
);

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
}
