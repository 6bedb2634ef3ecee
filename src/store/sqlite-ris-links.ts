/** Which performed steps belong to which entries, and what state that gives the entries. */
import type { StatementSync } from 'node:sqlite';
import type { MppsState } from '../services/mpps/state.ts';
import type { RisEntryKey, RisStepKey } from './ris-records.ts';
import type { SqliteConnection } from './sqlite-connection.ts';

/** Its methods are steps of a transaction: call them inside `SqliteConnection.write`. */
export class SqliteRisLinks {
  readonly #link: StatementSync;
  readonly #unlink: StatementSync;
  readonly #follow: StatementSync;

  constructor(connection: SqliteConnection) {
    this.#link = connection.prepare(
      'INSERT OR REPLACE INTO ris_performed (upstream, entry_id, uid, state) VALUES (:upstream, :entryId, :uid, :state)',
    );
    this.#unlink = connection.prepare('DELETE FROM ris_performed WHERE upstream = :upstream AND entry_id = :id');
    const linked = 'FROM ris_performed WHERE upstream = :upstream AND entry_id = :id';
    this.#follow = connection.prepare(
      `WITH followed (state) AS (SELECT CASE
         WHEN EXISTS (SELECT 1 ${linked} AND state = 'IN PROGRESS') THEN 'STARTED'
         ELSE coalesce((SELECT state ${linked} ORDER BY number DESC LIMIT 1), 'SCHEDULED') END)
       UPDATE ris_entries SET state = (SELECT state FROM followed), updated_at = :now
       WHERE upstream = :upstream AND id = :id AND state <> (SELECT state FROM followed)`,
    );
  }

  /** The entry performs what the step does: it follows its state from now on. */
  link({ upstream, uid }: RisStepKey, entryId: string, state: MppsState, now: number): void {
    this.#link.run({ upstream, entryId, uid, state });
    this.follow({ upstream, id: entryId }, now);
  }

  unlink({ upstream, id }: RisEntryKey): void {
    this.#unlink.run({ upstream, id });
  }

  /** Gives the entry, where there is one, the state that its links give it. */
  follow({ upstream, id }: RisEntryKey, now: number): void {
    this.#follow.run({ upstream, id, now });
  }
}
