import type { StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import type { GatewayError } from '../errors.ts';
import type { RisStep, RisStepChange, RisStepExpiry, RisStepKey, RisSteps } from './ris-records.ts';
import { fromStepRow } from './ris-rows.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { SqliteRisLinks } from './sqlite-ris-links.ts';
import type { Durability } from './store.ts';

const DEFAULT_LIMIT = 1_000;

export class SqliteRisSteps implements RisSteps {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #links: SqliteRisLinks;
  readonly #get: StatementSync;
  readonly #revision: StatementSync;
  readonly #put: StatementSync;
  readonly #raise: StatementSync;
  readonly #expire: StatementSync;
  readonly #erase: readonly StatementSync[];

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#links = new SqliteRisLinks(connection);
    const byKey = 'upstream = :upstream AND uid = :uid';
    this.#get = connection.prepare(`SELECT attributes, revision FROM ris_steps WHERE ${byKey}`);
    this.#revision = connection.prepare(`SELECT revision FROM ris_steps WHERE ${byKey}`);
    // A row that is replaced gets a new id, the greatest: the ids stand in the order of the last change.
    this.#put = connection.prepare(
      `INSERT OR REPLACE INTO ris_steps (upstream, uid, attributes, state, revision, updated_at)
       VALUES (:upstream, :uid, :attributes, :state, :revision, :now)`,
    );
    this.#raise = connection.prepare(
      `INSERT INTO ris_exceptions (upstream, uid, entry_id, attributes, raised_at)
       VALUES (:upstream, :uid, :entryId, :attributes, :now) ON CONFLICT (upstream, uid, entry_id) DO NOTHING`,
    );
    this.#expire = connection.prepare(
      `SELECT uid FROM ris_steps AS s INDEXED BY ris_steps_by_age WHERE upstream = :upstream AND updated_at < :before
       AND NOT EXISTS (SELECT 1 FROM ris_links AS l JOIN ris_entries AS e ON e.upstream = l.upstream AND e.id = l.entry_id
                       WHERE l.upstream = s.upstream AND l.uid = s.uid)
       AND NOT EXISTS (SELECT 1 FROM ris_exceptions AS x
                       WHERE x.upstream = s.upstream AND x.uid = s.uid AND x.resolution IS NULL)
       LIMIT :limit`,
    );
    this.#erase = ['ris_links', 'ris_exceptions', 'ris_steps'].map((table) =>
      connection.prepare(`DELETE FROM ${table} WHERE ${byKey}`),
    );
  }

  async get({ upstream, uid }: RisStepKey): Promise<RisStep | undefined> {
    const row = this.#connection.read(() => this.#get.get({ upstream, uid }));
    if (row === undefined) return undefined;
    try {
      return { upstream, uid, ...fromStepRow(row) };
    } catch (error) {
      throw this.#damaged('a step of the RIS cannot be read', error);
    }
  }

  async save(change: RisStepChange, durability: Durability): Promise<boolean> {
    const { upstream, uid, state, revision = 0 } = change;
    const key = { upstream, uid };
    const row = { ...key, attributes: toJson(change.attributes), state, revision: revision + 1 };
    return this.#connection.write(durability, () => {
      const before = this.#revision.get(key)?.['revision'] ?? 0;
      if (before !== revision) return false;
      const now = this.#now();
      this.#put.run({ ...row, now });
      for (const entryId of change.performs) this.#links.add(key, entryId);
      for (const { entryId, attributes } of change.mismatches) {
        this.#raise.run({ ...key, entryId, attributes: JSON.stringify(attributes), now });
      }
      this.#links.follow(key, now);
      return true;
    });
  }

  async expire(upstream: string, { changedBeforeMs, limit = DEFAULT_LIMIT }: RisStepExpiry): Promise<number> {
    return this.#connection.write('process', () => {
      const aged = this.#expire.all({ upstream, before: changedBeforeMs, limit });
      for (const { uid } of aged) for (const erase of this.#erase) erase.run({ upstream, uid: uid as string });
      return aged.length;
    });
  }
}
