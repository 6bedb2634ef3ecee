import type { StatementSync } from 'node:sqlite';
import type { SqliteConnection } from './sqlite-connection.ts';
import { BROUGHT, toSpoolRow } from './spool-rows.ts';
import type { NewSpoolMessage } from './spool-records.ts';

/** Puts messages at the end of their lanes, inside a transaction of the one who accepts them. */
export class SqliteSpoolIntake {
  readonly #now: () => number;
  readonly #insert: StatementSync;
  readonly #openLane: StatementSync;

  constructor(connection: SqliteConnection, now: () => number) {
    this.#now = now;
    this.#insert = connection.prepare(
      `INSERT INTO spool_messages (${BROUGHT.join()}, state, attempts, in_doubt, accepted_at)
       VALUES (${BROUGHT.map((column) => `:${column}`).join()}, 'queued', 0, 0, :now)`,
    );
    this.#openLane = connection.prepare(
      `INSERT INTO spool_lanes (route, upstream, uid, due_at) VALUES (:route, :upstream, :uid, :now)
       ON CONFLICT DO NOTHING`,
    );
  }

  /** Encodes the messages at once; the result writes them and gives their ids. */
  prepare(messages: readonly NewSpoolMessage[]): () => number[] {
    const rows = messages.map((message) => toSpoolRow(message));
    return () => {
      const now = this.#now();
      return rows.map((row) => {
        const { route, upstream, uid } = row;
        this.#openLane.run({ route, upstream, uid, now });
        return Number(this.#insert.run({ ...row, now }).lastInsertRowid);
      });
    };
  }
}
