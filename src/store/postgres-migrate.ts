/** The tables of a store in a PostgreSQL data base: recognised, made, brought to this version. */
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import { newestVersion } from './migrate.ts';
import type { Migration } from './migrations/migration.ts';
import { READ_COMMITTED, clientConfig } from './postgres-connection.ts';
import type { PostgresOptions } from './postgres-connection.ts';
import type { PostgresErrors } from './postgres-errors.ts';
import { SERVER_LIFE } from './postgres-life.ts';

/** Of `pg_current_xact_id` and `pg_xact_status`. */
const OLDEST_SERVER = 130_000;
/** `DIMS`: the number of the lock that those who open a store wait for. */
const LOCK = 0x44494d53;
/** A migration may have to read every row of a table. */
const MIGRATION_TIMEOUT_MS = 600_000;

/**
 * Brings the schema, the first on the search path, to the newest version in one transaction: all steps or none. Of several
 * processes that open a store at once one does it, the others wait. Gives the id of the store.
 * @throws GatewayError STORE_FOREIGN, STORE_TOO_NEW: everything stays as it is; STORE_UNREADABLE, STORE_UNREACHABLE
 */
export async function migratePostgres(
  options: PostgresOptions,
  errors: PostgresErrors,
  migrations: readonly Migration[],
): Promise<string> {
  const client = new Client(clientConfig({ ...options, statementTimeoutMs: MIGRATION_TIMEOUT_MS }));
  client.on('error', () => undefined); // the statement under way rejects with it
  try {
    await client.connect();
    await client.query(READ_COMMITTED);
    await client.query(`BEGIN; SET LOCAL lock_timeout TO ${MIGRATION_TIMEOUT_MS}; SET LOCAL synchronous_commit TO on`);
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await checkServer(client, errors);
    const instanceId = await bringUp(client, errors, migrations);
    await client.query('COMMIT');
    return instanceId;
  } catch (error) {
    throw errors.from(error);
  } finally {
    await client.end(); // takes back what was not committed
  }
}

async function checkServer(client: Client, errors: PostgresErrors): Promise<void> {
  const { rows } = await client.query<{ version: number; encoding: string; schema: string | null }>(
    `SELECT current_setting('server_version_num')::int AS version, current_setting('server_encoding') AS encoding,
       current_schema() AS schema`,
  );
  const { version = 0, encoding, schema } = rows[0] ?? {};
  if (version < OLDEST_SERVER) throw errors.of('STORE_UNREADABLE', 'it needs PostgreSQL 13 or later');
  if (encoding !== 'UTF8') throw errors.of('STORE_UNREADABLE', 'its encoding is not UTF8');
  if (schema === null) throw errors.of('STORE_UNREADABLE', 'no schema of its search path exists');
}

/** Tables of extensions are nobody's data. */
const TABLES = `
  SELECT c.relname AS name FROM pg_class c
  WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
    AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')`;

const MAKE = `
  CREATE TABLE dimseway_store (
    is_the_one  BOOLEAN PRIMARY KEY DEFAULT true CHECK (is_the_one),
    version     INTEGER NOT NULL,
    instance_id TEXT    NOT NULL
  )`;

async function bringUp(client: Client, errors: PostgresErrors, migrations: readonly Migration[]): Promise<string> {
  const { rows: tables } = await client.query<{ name: string }>(TABLES);
  if (!tables.some(({ name }) => name === 'dimseway_store')) {
    if (tables.length > 0) throw errors.of('STORE_FOREIGN', `${tables.length} of them`);
    await client.query(MAKE);
    await client.query('INSERT INTO dimseway_store (version, instance_id) VALUES (0, $1)', [randomUUID()]);
  }
  const { rows } = await client.query<{ version: number; instance_id: string }>(
    'SELECT version, instance_id FROM dimseway_store',
  );
  const [store] = rows;
  if (store === undefined) throw errors.of('STORE_DAMAGED', 'its version is not there');
  const newest = newestVersion(migrations);
  if (store.version > newest) {
    throw errors.of('STORE_TOO_NEW', `version ${store.version}, this dimseway knows ${newest}`);
  }
  // No step of the schema: it holds nothing to keep, and an older dimseway does not mind it.
  if (!tables.some(({ name }) => name === 'server_life')) await client.query(SERVER_LIFE);
  const steps = migrations.filter(({ version }) => version > store.version);
  for (const { postgres } of steps) await client.query(postgres);
  if (steps.length > 0) await client.query('UPDATE dimseway_store SET version = $1', [newest]);
  return store.instance_id;
}
