/** Which performed steps an entry of the RIS follows, and what state that gives it; all within the caller's transaction. */
import type { StatementSync } from 'node:sqlite';
import type { RisStepKey } from './ris-records.ts';
import type { SqliteConnection } from './sqlite-connection.ts';

/**
 * The state of the entry with these expressions as its key: that of a linked step in progress before that of the one which
 * changed last.
 */
export function stateOfEntry(upstream: string, id: string): string {
  return `coalesce((
    SELECT CASE s.state WHEN 'IN PROGRESS' THEN 'STARTED' ELSE s.state END
    FROM ris_links l CROSS JOIN ris_steps s ON s.upstream = l.upstream AND s.uid = l.uid
    WHERE l.upstream = ${upstream} AND l.entry_id = ${id}
    ORDER BY s.state = 'IN PROGRESS' DESC, s.id DESC LIMIT 1
  ), 'SCHEDULED')`;
}

export class SqliteRisLinks {
  readonly #add: StatementSync;
  readonly #follow: StatementSync;

  constructor(connection: SqliteConnection) {
    this.#add = connection.prepare(
      'INSERT OR IGNORE INTO ris_links (upstream, entry_id, uid) VALUES (:upstream, :entryId, :uid)',
    );
    const state = stateOfEntry('ris_entries.upstream', 'ris_entries.id');
    this.#follow = connection.prepare(
      `UPDATE ris_entries SET state = ${state}, updated_at = :now
       WHERE upstream = :upstream AND id IN (SELECT entry_id FROM ris_links WHERE upstream = :upstream AND uid = :uid)
         AND state <> ${state}`,
    );
  }

  add({ upstream, uid }: RisStepKey, entryId: string): void {
    this.#add.run({ upstream, uid, entryId });
  }

  /** Entries that are linked to a step take its change in; those whose state stays the same have not changed. */
  follow({ upstream, uid }: RisStepKey, now: number): void {
    this.#follow.run({ upstream, uid, now });
  }
}
