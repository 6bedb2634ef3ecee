import type { DatabaseSync } from 'node:sqlite';
import type { Migration } from './migrations/migration.ts';

/** Version of the schema in the file; 0: nothing yet. */
export function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version']);
}

export function newestVersion(migrations: readonly Migration[]): number {
  return migrations.at(-1)?.version ?? 0;
}

/** Brings the schema to the newest version, each step whole or not at all. Gives the number of steps. */
export function migrate(database: DatabaseSync, migrations: readonly Migration[]): number {
  const before = versionOf(database);
  const steps = migrations.filter(({ version }) => version > before);
  for (const { version, sqlite } of steps) {
    database.exec('BEGIN IMMEDIATE');
    try {
      database.exec(`${sqlite}; PRAGMA user_version = ${version}`);
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
  }
  // The header of the file names the version then, not only its log: an older dimseway sees it at once.
  if (steps.length > 0) database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return steps.length;
}
