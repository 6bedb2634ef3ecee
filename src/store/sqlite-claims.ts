/** Claims of workitems, and what searches found, in SQLite. */
import type { StatementSync } from 'node:sqlite';
import type { GatewayError } from '../errors.ts';
import { CLAIM_BROUGHT, CLAIM_COLUMNS, CLAIM_CONTENT, fromClaimRow, toClaimRow, workitemUidsOf } from './claim-rows.ts';
import type { Durability } from './durability.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { SqliteRoom } from './sqlite-room.ts';
import type { Claim, ClaimRecord, ClaimRetention, Claims, OpenClaimCount, SeenStep } from './workitem-records.ts';
import { SEEN_EVERY_MS, queueOfRow, readable } from './workitem-rows.ts';
import type { WorkitemRow } from './workitem-rows.ts';

const DEFAULT_EXPIRY = 1_000;

const COLUMNS = CLAIM_COLUMNS.join();
const BY_KEY = 'mpps_uid = :mppsUid AND upstream = :upstream';

function prepareClaims(connection: SqliteConnection) {
  const statement = (sql: string): StatementSync => connection.prepare(sql);
  return {
    get: statement(`SELECT ${COLUMNS} FROM claims WHERE ${BY_KEY}`),
    findByWorkitem: statement(
      `SELECT ${COLUMNS} FROM claims WHERE upstream = :upstream
         AND id IN (SELECT claim_id FROM claimed_workitems WHERE workitem_uid = :workitemUid)
       ORDER BY is_open DESC, created_at DESC, id DESC LIMIT 1`,
    ),
    add: statement(
      `INSERT INTO claims (${CLAIM_BROUGHT.join()}, revision, created_at, updated_at)
       VALUES (${CLAIM_BROUGHT.map((column) => `:${column}`).join()}, :now, :now, :now)
       ON CONFLICT DO NOTHING RETURNING id, ${COLUMNS}`,
    ),
    // Revisions begin with the time: a claim that was removed and added anew has none of those it had before.
    change: statement(
      `UPDATE claims SET ${CLAIM_CONTENT.map((column) => `${column} = :${column}`).join()},
         revision = revision + 1, updated_at = :now
       WHERE mpps_uid = :mpps_uid AND upstream = :upstream AND revision = :revision RETURNING id, ${COLUMNS}`,
    ),
    unlink: statement('DELETE FROM claimed_workitems WHERE claim_id = :id'),
    link: statement('INSERT INTO claimed_workitems (workitem_uid, claim_id) VALUES (:workitemUid, :id)'),
    remove: statement(`DELETE FROM claims WHERE ${BY_KEY} AND revision = :revision`),
    open: statement(
      `SELECT ${COLUMNS} FROM claims WHERE upstream = :upstream AND is_open = 1 AND mpps_uid > :after
       ORDER BY mpps_uid LIMIT :limit`,
    ),
    openCounts: statement(
      `SELECT upstream, count(*) AS count, min(created_at) AS oldest FROM claims WHERE is_open = 1 GROUP BY upstream`,
    ),
    see: statement(
      `INSERT INTO seen_steps (upstream, study_uid, step_id, workitem_uid, seen_at)
       VALUES (:upstream, :studyUid, :stepId, :workitemUid, :now)
       ON CONFLICT DO UPDATE SET workitem_uid = excluded.workitem_uid, seen_at = excluded.seen_at
       WHERE workitem_uid <> excluded.workitem_uid OR seen_at <= excluded.seen_at - ${SEEN_EVERY_MS}`,
    ),
    findStep: statement(
      `SELECT workitem_uid FROM seen_steps WHERE study_uid = :studyUid AND step_id = :stepId AND upstream = :upstream`,
    ),
    expire: statement(
      `DELETE FROM claims WHERE id IN (
         SELECT id FROM claims WHERE is_open = :isOpen AND updated_at < :before LIMIT :limit)`,
    ),
    expireSteps: statement(
      `DELETE FROM seen_steps WHERE (study_uid, step_id, upstream) IN (
         SELECT study_uid, step_id, upstream FROM seen_steps WHERE seen_at < :before LIMIT :limit)`,
    ),
  };
}

export class SqliteClaims implements Claims {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #room: SqliteRoom | undefined;
  readonly #statements: ReturnType<typeof prepareClaims>;

  /** @param room of the disk, for new claims; undefined: there is none to look at */
  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
    room: SqliteRoom | undefined,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#room = room;
    this.#statements = prepareClaims(connection);
  }

  async get(upstream: string, mppsUid: string): Promise<ClaimRecord | undefined> {
    return this.#recordOf(this.#connection.read(() => this.#statements.get.get({ upstream, mppsUid })));
  }

  async findByWorkitem(upstream: string, workitemUid: string): Promise<ClaimRecord | undefined> {
    return this.#recordOf(this.#connection.read(() => this.#statements.findByWorkitem.get({ upstream, workitemUid })));
  }

  async add(claim: Claim, durability: Durability): Promise<ClaimRecord | undefined> {
    const row = toClaimRow(claim);
    return this.#connection.write(durability, () => {
      this.#room?.check();
      return this.#written(claim, this.#statements.add.get({ ...row, now: this.#now() }));
    });
  }

  async change(claim: Claim, revision: number, durability: Durability): Promise<ClaimRecord | undefined> {
    const row = toClaimRow(claim);
    return this.#connection.write(durability, () =>
      this.#written(claim, this.#statements.change.get({ ...row, revision, now: this.#now() })),
    );
  }

  async remove(upstream: string, mppsUid: string, revision: number): Promise<boolean> {
    return this.#connection.write(
      'process',
      () => this.#statements.remove.run({ upstream, mppsUid, revision }).changes === 1,
    );
  }

  async listOpen(upstream: string, after: string | undefined, limit: number): Promise<ClaimRecord[]> {
    return readable(
      this.#connection.read(() => this.#statements.open.all({ upstream, after: after ?? '', limit })),
      fromClaimRow,
    );
  }

  async openCounts(): Promise<OpenClaimCount[]> {
    const rows = this.#connection.read(() => this.#statements.openCounts.all());
    return rows.map(({ upstream, ...row }) => ({ upstream: upstream as string, ...queueOfRow(row, this.#now()) }));
  }

  async see(steps: readonly SeenStep[]): Promise<void> {
    await this.#connection.write('process', () => {
      const now = this.#now();
      for (const { upstream, studyUid, stepId, workitemUid } of steps) {
        this.#statements.see.run({ upstream, studyUid, stepId, workitemUid, now });
      }
    });
  }

  async findStep(upstream: string, studyUid: string, stepId: string): Promise<string | undefined> {
    const row = this.#connection.read(() => this.#statements.findStep.get({ upstream, studyUid, stepId }));
    return row?.['workitem_uid'] as string | undefined;
  }

  async expire({ finalMs, openMs, seenMs, limit = DEFAULT_EXPIRY }: ClaimRetention): Promise<number> {
    const { expire, expireSteps } = this.#statements;
    return this.#connection.write('process', () => {
      const before = (ageMs: number): number => this.#now() - Math.ceil(ageMs);
      const gone = [
        expire.run({ isOpen: 0, before: before(finalMs), limit }),
        expire.run({ isOpen: 1, before: before(openMs), limit }),
        expireSteps.run({ before: before(seenMs), limit }),
      ];
      return gone.reduce((total, { changes }) => total + Number(changes), 0);
    });
  }

  #written(claim: Claim, row: WorkitemRow | undefined): ClaimRecord | undefined {
    if (row === undefined) return undefined;
    const id = row['id'] as number;
    this.#statements.unlink.run({ id });
    for (const workitemUid of workitemUidsOf(claim)) this.#statements.link.run({ workitemUid, id });
    return this.#recordOf(row);
  }

  #recordOf(row: WorkitemRow | undefined): ClaimRecord | undefined {
    if (row === undefined) return undefined;
    try {
      return fromClaimRow(row);
    } catch (error) {
      throw this.#damaged('a claim of a workitem cannot be read', error);
    }
  }
}
