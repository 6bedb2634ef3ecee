/** Claims of workitems, and what searches found, in PostgreSQL, for any number of processes; revisions as those of workitems. */
import type { GatewayError } from '../errors.ts';
import {
  CLAIM_BROUGHT,
  CLAIM_COLUMNS,
  CLAIM_CONTENT,
  distinctSteps,
  fromClaimRow,
  toClaimRow,
  workitemUidsOf,
} from './claim-rows.ts';
import type { Durability } from './durability.ts';
import { prepared } from './postgres-connection.ts';
import type { Parameter, PostgresConnections, Row, Statement } from './postgres-connection.ts';
import { NOW } from './postgres-lanes.ts';
import type { Claim, ClaimRecord, ClaimRetention, Claims, OpenClaimCount, SeenStep } from './workitem-records.ts';
import { SEEN_EVERY_MS, queueOfRow, readable } from './workitem-rows.ts';

const DEFAULT_EXPIRY = 1_000;

const COLUMNS = CLAIM_COLUMNS.join();
const BY_KEY = 'mpps_uid = $1 AND upstream = $2';

const GET = prepared(`SELECT ${COLUMNS} FROM claims WHERE ${BY_KEY}`);
const FIND_BY_WORKITEM = prepared(
  `SELECT ${COLUMNS} FROM claims WHERE upstream = $1
     AND id IN (SELECT claim_id FROM claimed_workitems WHERE workitem_uid = $2)
   ORDER BY is_open DESC, created_at DESC, id DESC LIMIT 1`,
);
const ADD = prepared(
  `INSERT INTO claims (${CLAIM_BROUGHT.join()}, revision, created_at, updated_at)
   VALUES (${CLAIM_BROUGHT.map((_, i) => `$${i + 1}`).join()}, ${NOW}, ${NOW}, ${NOW})
   ON CONFLICT DO NOTHING RETURNING id, ${COLUMNS}`,
);
const CHANGE = prepared(
  `UPDATE claims SET ${CLAIM_CONTENT.map((column, i) => `${column} = $${i + 4}`).join()},
     revision = greatest(revision + 1, ${NOW}), updated_at = ${NOW}
   WHERE ${BY_KEY} AND revision = $3 RETURNING id, ${COLUMNS}`,
);
const UNLINK = prepared('DELETE FROM claimed_workitems WHERE claim_id = $1');
const LINK = prepared('INSERT INTO claimed_workitems (claim_id, workitem_uid) SELECT $1, unnest($2::text[])');
const REMOVE = prepared(`DELETE FROM claims WHERE ${BY_KEY} AND revision = $3`);
const OPEN = prepared(
  `SELECT ${COLUMNS} FROM claims WHERE upstream = $1 AND is_open AND mpps_uid > $2 ORDER BY mpps_uid LIMIT $3`,
);
const OPEN_COUNTS = prepared(
  `SELECT upstream, count(*) AS count, min(created_at) AS oldest, ${NOW} AS now
   FROM claims WHERE is_open GROUP BY upstream`,
);
/** In the order of the keys, so that no two that see the same wait for each other. */
const SEE = prepared(
  `INSERT INTO seen_steps (upstream, study_uid, step_id, workitem_uid, seen_at)
   SELECT upstream, study_uid, step_id, workitem_uid, ${NOW}
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]) AS s (upstream, study_uid, step_id, workitem_uid)
   ORDER BY study_uid COLLATE "C", step_id COLLATE "C", upstream COLLATE "C"
   ON CONFLICT (study_uid, step_id, upstream) DO UPDATE
     SET workitem_uid = excluded.workitem_uid, seen_at = excluded.seen_at
   WHERE seen_steps.workitem_uid <> excluded.workitem_uid OR seen_steps.seen_at <= excluded.seen_at - ${SEEN_EVERY_MS}`,
);
const FIND_STEP = prepared(
  'SELECT workitem_uid FROM seen_steps WHERE study_uid = $1 AND step_id = $2 AND upstream = $3',
);
const EXPIRE = prepared(
  `DELETE FROM claims WHERE id IN (
     SELECT id FROM claims WHERE is_open = $1 AND updated_at < ${NOW} - $2 LIMIT $3 FOR UPDATE SKIP LOCKED)`,
);
const EXPIRE_STEPS = prepared(
  `DELETE FROM seen_steps WHERE (study_uid, step_id, upstream) IN (
     SELECT study_uid, step_id, upstream FROM seen_steps WHERE seen_at < ${NOW} - $1 LIMIT $2 FOR UPDATE SKIP LOCKED)`,
);

export class PostgresClaims implements Claims {
  readonly #connections: PostgresConnections;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;

  constructor(connections: PostgresConnections, damaged: (detail: string, cause: unknown) => GatewayError) {
    this.#connections = connections;
    this.#damaged = damaged;
  }

  async get(upstream: string, mppsUid: string): Promise<ClaimRecord | undefined> {
    return this.#recordOf((await this.#connections.query(GET, [mppsUid, upstream])).rows[0]);
  }

  async findByWorkitem(upstream: string, workitemUid: string): Promise<ClaimRecord | undefined> {
    return this.#recordOf((await this.#connections.query(FIND_BY_WORKITEM, [upstream, workitemUid])).rows[0]);
  }

  async add(claim: Claim, durability: Durability): Promise<ClaimRecord | undefined> {
    const row = toClaimRow(claim);
    const values = CLAIM_BROUGHT.map((column) => row[column]);
    return this.#write(claim, durability, ADD, values);
  }

  async change(claim: Claim, revision: number, durability: Durability): Promise<ClaimRecord | undefined> {
    const row = toClaimRow(claim);
    const content = CLAIM_CONTENT.map((column) => row[column]);
    return this.#write(claim, durability, CHANGE, [row.mpps_uid, row.upstream, revision, ...content]);
  }

  async remove(upstream: string, mppsUid: string, revision: number): Promise<boolean> {
    return this.#connections.transaction('process', async (session) => {
      return (await session.query(REMOVE, [mppsUid, upstream, revision])).count === 1;
    });
  }

  async listOpen(upstream: string, after: string | undefined, limit: number): Promise<ClaimRecord[]> {
    const { rows } = await this.#connections.query(OPEN, [upstream, after ?? '', limit]);
    return readable(rows, fromClaimRow);
  }

  async openCounts(): Promise<OpenClaimCount[]> {
    const { rows } = await this.#connections.query(OPEN_COUNTS);
    return rows.map((row) => ({ upstream: row['upstream'] as string, ...queueOfRow(row, Number(row['now'])) }));
  }

  async see(steps: readonly SeenStep[]): Promise<void> {
    if (steps.length === 0) return;
    const distinct = distinctSteps(steps);
    const columns = (['upstream', 'studyUid', 'stepId', 'workitemUid'] as const).map((name) =>
      distinct.map((step) => step[name]),
    );
    await this.#connections.query(SEE, columns);
  }

  async findStep(upstream: string, studyUid: string, stepId: string): Promise<string | undefined> {
    const { rows } = await this.#connections.query(FIND_STEP, [studyUid, stepId, upstream]);
    return rows[0]?.['workitem_uid'] as string | undefined;
  }

  async expire({ finalMs, openMs, seenMs, limit = DEFAULT_EXPIRY }: ClaimRetention): Promise<number> {
    return this.#connections.transaction('process', async (session) => {
      const gone = await Promise.all([
        session.query(EXPIRE, [false, Math.ceil(finalMs), limit]),
        session.query(EXPIRE, [true, Math.ceil(openMs), limit]),
        session.query(EXPIRE_STEPS, [Math.ceil(seenMs), limit]),
      ]);
      return gone.reduce((total, { count }) => total + count, 0);
    });
  }

  #write(
    claim: Claim,
    durability: Durability,
    statement: Statement,
    values: readonly Parameter[],
  ): Promise<ClaimRecord | undefined> {
    return this.#connections.transaction(durability, async (session) => {
      const [row] = (await session.query(statement, values)).rows;
      if (row === undefined) return undefined;
      const id = row['id'] as number;
      await Promise.all([session.query(UNLINK, [id]), session.query(LINK, [id, workitemUidsOf(claim)])]);
      return this.#recordOf(row);
    });
  }

  #recordOf(row: Row | undefined): ClaimRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromClaimRow(row);
    } catch (error) {
      throw this.#damaged('a claim of a workitem cannot be read', error);
    }
  }
}
