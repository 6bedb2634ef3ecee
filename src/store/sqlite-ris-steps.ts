import type { SQLOutputValue, StatementSync } from 'node:sqlite';
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { GatewayError } from '../errors.ts';
import type { SqliteConnection } from './sqlite-connection.ts';
import type { Durability, RisStep, RisStepKey, RisSteps } from './store.ts';

/** How many steps are in memory at a time while all are read. */
const PAGE = 100;

export class SqliteRisSteps implements RisSteps {
  readonly #connection: SqliteConnection;
  readonly #damaged: (detail: string, cause: unknown) => GatewayError;
  readonly #get: StatementSync;
  readonly #page: StatementSync;
  readonly #put: StatementSync;

  constructor(connection: SqliteConnection, damaged: (detail: string, cause: unknown) => GatewayError) {
    this.#connection = connection;
    this.#damaged = damaged;
    const columns = 'id, upstream, uid, attributes';
    this.#get = connection.prepare(`SELECT ${columns} FROM ris_steps WHERE upstream = :upstream AND uid = :uid`);
    this.#page = connection.prepare(
      `SELECT ${columns} FROM ris_steps WHERE upstream = :upstream AND id > :after ORDER BY id LIMIT ${PAGE}`,
    );
    this.#put = connection.prepare(
      'INSERT OR REPLACE INTO ris_steps (upstream, uid, attributes) VALUES (:upstream, :uid, :attributes)',
    );
  }

  async get({ upstream, uid }: RisStepKey): Promise<RisStep | undefined> {
    const row = this.#connection.read(() => this.#get.get({ upstream, uid }));
    return row === undefined ? undefined : this.#stepOf(row);
  }

  async *all(upstream: string): AsyncGenerator<RisStep, void, void> {
    let after = 0;
    for (;;) {
      const rows = this.#connection.read(() => this.#page.all({ upstream, after }));
      for (const row of rows) yield this.#stepOf(row);
      if (rows.length < PAGE) return;
      after = rows.at(-1)?.['id'] as number;
    }
  }

  async put({ upstream, uid, attributes }: RisStep, durability: Durability): Promise<void> {
    const row = { upstream, uid, attributes: toJson(attributes) };
    await this.#connection.write(durability, () => this.#put.run(row));
  }

  // Read as it was written: the reader for other people's JSON would mend value representations.
  #stepOf(row: Record<string, SQLOutputValue>): RisStep {
    try {
      const attributes = cloneDataSet(JSON.parse(row['attributes'] as string) as DataSet);
      return { upstream: row['upstream'] as string, uid: row['uid'] as string, attributes };
    } catch (error) {
      throw this.#damaged('a step of the RIS cannot be read', error);
    }
  }
}
