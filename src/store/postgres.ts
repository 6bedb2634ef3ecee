/**
 * The store in a PostgreSQL data base, which several gateway processes may share. Its tables lie in the first schema on the
 * search path; they are made where they are missing.
 */
import { GatewayError } from '../errors.ts';
import type { Commitments } from './commitment-records.ts';
import { MIGRATIONS } from './migrations/migrations.ts';
import type { Migration } from './migrations/migration.ts';
import { PostgresClaims } from './postgres-claims.ts';
import { PostgresCommitments } from './postgres-commitments.ts';
import { PostgresConnections } from './postgres-connection.ts';
import { PostgresErrors } from './postgres-errors.ts';
import { PostgresLocks } from './postgres-locks.ts';
import type { PostgresLockOptions } from './postgres-locks.ts';
import { migratePostgres } from './postgres-migrate.ts';
import { PostgresMppsRecords } from './postgres-mpps.ts';
import { PostgresRisEntries } from './postgres-ris-entries.ts';
import { PostgresRisExceptions } from './postgres-ris-exceptions.ts';
import { PostgresRisSteps } from './postgres-ris-steps.ts';
import { PostgresSpool } from './postgres-spool.ts';
import { PostgresSubscriptions } from './postgres-subscriptions.ts';
import { PostgresWorkitems } from './postgres-workitems.ts';
import type { RisEntries, RisExceptions, RisSteps } from './ris-records.ts';
import type { Spool } from './spool-records.ts';
import type { MppsRecords, Store } from './store.ts';
import type { Claims, Subscriptions, Workitems } from './workitem-records.ts';

export interface PostgresStoreOptions extends PostgresLockOptions {
  /** Steps of the schema; for tests of migrations. */
  readonly migrations?: readonly Migration[];
}

/**
 * Opens or makes a store; an older one is brought to this version, by one process of several that start at once.
 * @throws GatewayError STORE_FOREIGN, STORE_TOO_NEW: everything stays as it is; STORE_UNREACHABLE, STORE_UNREADABLE,
 *   STORE_FULL, STORE_FAILED
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const errors = new PostgresErrors(options.url);
  try {
    const instanceId = await migratePostgres(options, errors, options.migrations ?? MIGRATIONS);
    return new PostgresStore(options, errors, instanceId);
  } catch (error) {
    throw errors.from(error);
  }
}

class PostgresStore implements Store {
  readonly instanceId: string;
  readonly mpps: MppsRecords;
  readonly spool: Spool;
  readonly commitments: Commitments;
  readonly workitems: Workitems;
  readonly subscriptions: Subscriptions;
  readonly claims: Claims;
  readonly worklist: RisEntries;
  readonly steps: RisSteps;
  readonly exceptions: RisExceptions;
  readonly #connections: PostgresConnections;
  readonly #locks: PostgresLocks;

  constructor(options: PostgresStoreOptions, errors: PostgresErrors, instanceId: string) {
    const connections = new PostgresConnections(options, errors);
    const damaged = (detail: string, cause: unknown): GatewayError => errors.of('STORE_DAMAGED', detail, cause);
    this.instanceId = instanceId;
    const locks = new PostgresLocks(options, errors, instanceId);
    this.mpps = new PostgresMppsRecords(connections, damaged, () => locks.current);
    this.spool = new PostgresSpool(connections);
    this.commitments = new PostgresCommitments(connections, errors);
    this.workitems = new PostgresWorkitems(connections, damaged);
    this.subscriptions = new PostgresSubscriptions(connections);
    this.claims = new PostgresClaims(connections, damaged);
    this.worklist = new PostgresRisEntries(connections, damaged);
    this.steps = new PostgresRisSteps(connections, damaged);
    this.exceptions = new PostgresRisExceptions(connections, damaged);
    this.#connections = connections;
    this.#locks = locks;
  }

  /** Across processes it holds while the connection of the locks does: see PostgresLocks. */
  exclusively<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#locks.exclusively(key, work);
  }

  leads(): Promise<boolean> {
    return this.#locks.leads();
  }

  async backup(path: string): Promise<void> {
    throw new GatewayError('STORE_BACKUP_FAILED', `The store is in PostgreSQL: it is not copied to ${path}`, {
      fix: 'Use pg_dump, which takes a consistent copy while the gateway works',
    });
  }

  async close(): Promise<void> {
    await this.#connections.close();
    await this.#locks.close();
  }
}
