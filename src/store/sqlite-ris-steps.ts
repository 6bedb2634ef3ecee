import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { GatewayError } from '../errors.ts';
import type { RisStep, RisStepChange, RisStepKey, RisSteps } from './ris-records.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import { SqliteRisLinks } from './sqlite-ris-links.ts';
import type { Durability } from './store.ts';

export class SqliteRisSteps implements RisSteps {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #now: () => number;
  readonly #links: SqliteRisLinks;
  readonly #get: StatementSync;
  readonly #create: StatementSync;
  readonly #update: StatementSync;
  readonly #raise: StatementSync;

  constructor(
    connection: SqliteConnection,
    damaged: (detail: string, cause: unknown) => GatewayError,
    now: () => number,
  ) {
    this.#connection = connection;
    this.#damaged = damaged;
    this.#now = now;
    this.#links = new SqliteRisLinks(connection);
    this.#get = connection.prepare(
      'SELECT upstream, uid, attributes, revision FROM ris_steps WHERE upstream = :upstream AND uid = :uid',
    );
    this.#create = connection.prepare(
      'INSERT OR IGNORE INTO ris_steps (upstream, uid, attributes) VALUES (:upstream, :uid, :attributes)',
    );
    this.#update = connection.prepare(
      `UPDATE ris_steps SET attributes = :attributes, revision = revision + 1
       WHERE upstream = :upstream AND uid = :uid AND revision = :revision`,
    );
    this.#raise = connection.prepare(
      `INSERT OR IGNORE INTO ris_exceptions (upstream, uid, entry_id, attributes, raised_at)
       VALUES (:upstream, :uid, :entryId, :attributes, :now)`,
    );
  }

  async get({ upstream, uid }: RisStepKey): Promise<RisStep | undefined> {
    const row = this.#connection.read(() => this.#get.get({ upstream, uid }));
    return row === undefined ? undefined : this.#stepOf(row);
  }

  async save(change: RisStepChange, durability: Durability): Promise<boolean> {
    const { upstream, uid, revision, state } = change;
    const attributes = toJson(change.attributes);
    return this.#connection.write(durability, () => {
      const { changes } =
        revision === undefined
          ? this.#create.run({ upstream, uid, attributes })
          : this.#update.run({ upstream, uid, attributes, revision });
      if (changes === 0) return false;
      const now = this.#now();
      for (const entryId of change.performs) this.#links.link(change, entryId, state, now);
      for (const { entryId, attributes: differing } of change.mismatches) {
        this.#raise.run({ upstream, uid, entryId, attributes: JSON.stringify(differing), now });
      }
      return true;
    });
  }

  // Read as it was written: the reader for other people's JSON would mend value representations.
  #stepOf(row: Record<string, SQLOutputValue>): RisStep {
    try {
      return {
        upstream: row['upstream'] as string,
        uid: row['uid'] as string,
        attributes: cloneDataSet(JSON.parse(row['attributes'] as string) as DataSet),
        revision: row['revision'] as number,
      };
    } catch (error) {
      throw this.#damaged('a step of the RIS cannot be read', error);
    }
  }
}
