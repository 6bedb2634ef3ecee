/**
 * Connections to a PostgreSQL data base: single statements, transactions of either durability, errors with our codes. A
 * connection that is lost is replaced by the next call; what was under way on it is repeated where it is certain that
 * nothing was done.
 */
import { createHash } from 'node:crypto';
import { Pool, types } from 'pg';
import type { ClientConfig, CustomTypesConfig, PoolClient } from 'pg';
import type { GatewayError } from '../errors.ts';
import { isConnectionLost, isSessionUseless } from './postgres-errors.ts';
import type { PostgresErrors } from './postgres-errors.ts';
import { ServerLives } from './postgres-life.ts';
import type { InSession } from './postgres-life.ts';
import type { Durability } from './store.ts';

export interface PostgresOptions {
  /** postgres://role:password@host:port/database; its parameters sslmode, sslrootcert, sslcert and sslkey are those of TLS. */
  readonly url: string;
  /** Connections at most, the one that holds the locks included; at least 2, default 10. */
  readonly poolSize?: number;
  /** How long a call waits for a connection, and how long a lost one may leave the outcome of a write open; default 5,000. */
  readonly connectTimeoutMs?: number;
  /** How long a statement may take, waiting for others included; default 30,000. */
  readonly statementTimeoutMs?: number;
  /** What `pg_stat_activity` shows; default `dimseway`. */
  readonly applicationName?: string;
}

/** A statement that a connection prepares once, or, without a name, each time. */
export interface Statement {
  readonly name?: string;
  readonly text: string;
}

export type Parameter = string | number | boolean | null | readonly (string | number)[];
export type Row = Readonly<Record<string, unknown>>;

export interface Result {
  readonly rows: readonly Row[];
  /** Rows that were given or changed. */
  readonly count: number;
}

/** Inside a transaction. Statements run in the order they were given; none needs to wait for the one before. */
export interface Session {
  query(statement: Statement, values?: readonly Parameter[]): Promise<Result>;
}

/** By what its text is, so that no two statements meet under one name. */
export function prepared(text: string): Statement {
  return { name: `dw_${createHash('sha256').update(text).digest('base64url').slice(0, 24)}`, text };
}

/**
 * Whatever the data base has for others: what waited for the lock of a lane must see what was committed meanwhile, or it
 * closes the lane over a message.
 */
export const READ_COMMITTED = `SET default_transaction_isolation TO 'read committed'`;

/**
 * A commit with synchronous_commit waits until the server's log is on the disk, with all that was committed before; without
 * it the commit is seen by all at once and reaches the disk within a second: only the end of the server can lose it, ours
 * cannot. By its number it can be learned what became of a transaction when the connection is lost (ServerLives).
 */
const DISK = 'SET LOCAL synchronous_commit TO on';
const BEGIN: Readonly<Record<Durability, string>> = {
  disk: `BEGIN; ${DISK}; SELECT pg_current_xact_id()::text AS id`,
  process: 'BEGIN; SELECT pg_current_xact_id()::text AS id',
};

/** Makes a transaction that began as `process` durable as `disk`. */
export const COMMIT_TO_DISK = prepared(DISK);

const ATTEMPTS = 3;
const IDLE_MS = 60_000;
/** So much longer than the server waits, in case nothing comes back at all. */
const ANSWER_GRACE_MS = 5_000;

/** Of pg_type. */
const INT8: number = types.builtins.INT8;

/** BIGINT is a number: times in ms and ids stay below 2^53. */
const TYPES: CustomTypesConfig = {
  getTypeParser: ((id: number, format?: 'text'): unknown =>
    id === INT8 ? Number : types.getTypeParser(id, format)) as typeof types.getTypeParser,
};

/** How every connection to the data base is made. */
export function clientConfig(options: PostgresOptions): ClientConfig {
  const { url, connectTimeoutMs = 5_000, statementTimeoutMs = 30_000, applicationName = 'dimseway' } = options;
  return {
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: statementTimeoutMs + ANSWER_GRACE_MS,
    keepAlive: true,
    pipeline: true,
    types: TYPES,
  };
}

export class PostgresConnections {
  readonly #errors: PostgresErrors;
  readonly #pool: Pool;
  readonly #lives = new ServerLives();
  readonly #connectTimeoutMs: number;
  readonly #underWay = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(options: PostgresOptions, errors: PostgresErrors) {
    const { poolSize = 10, connectTimeoutMs = 5_000, statementTimeoutMs = 30_000 } = options;
    this.#errors = errors;
    this.#connectTimeoutMs = connectTimeoutMs;
    const settings = `${READ_COMMITTED};
      SET synchronous_commit TO off; SET statement_timeout TO ${statementTimeoutMs};
      SET idle_in_transaction_session_timeout TO ${statementTimeoutMs}`;
    this.#pool = new Pool({
      ...clientConfig(options),
      max: poolSize - 1,
      idleTimeoutMillis: IDLE_MS,
      onConnect: (client) => {
        client.query(settings).catch(ignore); // what comes next fails with it
        this.#lives.ask(client);
      },
    });
    // A lost connection is told to whoever uses it; one that nobody uses is dropped by the pool.
    this.#pool.on('error', ignore).on('connect', (client) => client.on('error', ignore));
  }

  /**
   * One statement on its own, durable as `process`. It is repeated when the connection was lost, done or not: only for what
   * may be done twice.
   * @throws GatewayError STORE_*
   */
  query(statement: Statement, values: readonly Parameter[] = []): Promise<Result> {
    return this.whileOpen(async () => {
      for (let attempt = 1; ; attempt++) {
        const client = await this.#connect();
        try {
          const result = await ask(client, statement, values);
          client.release();
          return result;
        } catch (thrown) {
          const error = this.#errors.from(thrown);
          client.release(isSessionUseless(error));
          if (attempt === ATTEMPTS || !isConnectionLost(error)) throw error;
        }
      }
    });
  }

  /**
   * Runs work in a transaction, and again when the connection was lost and it is certain that nothing was done. The work must
   * leave it to the errors of its statements to reject.
   * @throws GatewayError STORE_*: nothing was done; STORE_UNREACHABLE says where that is not known
   */
  transaction<T>(durability: Durability, work: (session: Session) => Promise<T>): Promise<T> {
    return this.whileOpen(() => this.commit(durability, work));
  }

  /** The same for who has come in by `whileOpen`: it goes on although the store is being closed. */
  async commit<T>(durability: Durability, work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const outcome = await this.#attempt(durability, work);
      if ('result' in outcome) return outcome.result;
      if (attempt === ATTEMPTS) throw outcome.lost;
    }
  }

  /** A call that the close of the store waits for. @throws GatewayError STORE_FAILED after it */
  async whileOpen<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw this.#errors.of('STORE_FAILED', 'it is closed');
    const running = call();
    this.#underWay.add(running);
    try {
      return await running;
    } finally {
      this.#underWay.delete(running);
    }
  }

  /** Waits for what is under way; whatever is asked later is STORE_FAILED. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await Promise.allSettled(this.#underWay);
    await this.#pool.end();
  }

  /** `lost`: the connection broke before anything was done. */
  async #attempt<T>(
    durability: Durability,
    work: (session: Session) => Promise<T>,
  ): Promise<{ result: T } | { lost: GatewayError }> {
    const client = await this.#connect();
    let begun: Promise<string> | undefined;
    let done: { result: T; id: string } | undefined;
    try {
      const answerOf = <A>(answer: Promise<A>): Promise<A> => {
        const mapped = answer.catch((error: unknown) => {
          throw this.#errors.from(error);
        });
        mapped.catch(ignore); // of several answers only the first that rejects is waited for
        return mapped;
      };
      begun = answerOf(idOf(client.query(BEGIN[durability])));
      const result = await work({
        query: (statement, values = []) => answerOf(ask(client, statement, values)),
      });
      done = { result, id: await begun };
      const { command } = await answerOf(client.query('COMMIT'));
      if (command !== 'COMMIT') throw this.#errors.of('STORE_FAILED', 'the transaction was given up');
      client.release();
      return done;
    } catch (thrown) {
      // Of a transaction that did not begin the others only say that there is none.
      const error =
        (await begun?.then(
          () => undefined,
          (reason: unknown) => reason,
        )) ?? thrown;
      if (!isConnectionLost(error)) {
        await client.query('ROLLBACK').then(
          () => client.release(isSessionUseless(error)),
          () => client.release(true),
        );
        throw error;
      }
      client.release(true);
      if (done !== undefined && (await this.#isCommitted(done.id, client))) return done;
      return { lost: this.#errors.from(error) };
    }
  }

  /** Whether a transaction was committed whose COMMIT was sent and not answered. @throws GatewayError STORE_UNREACHABLE */
  async #isCommitted(id: string, lost: PoolClient): Promise<boolean> {
    const life = await this.#lives.of(lost);
    const inSession: InSession = (work) => this.#inSession(work);
    const isCommitted = await this.#lives.isCommitted({ id, life }, inSession, this.#connectTimeoutMs);
    if (isCommitted !== undefined) return isCommitted;
    throw this.#errors.of('STORE_UNREACHABLE', 'whether the last write was done is not known');
  }

  async #inSession<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async #connect(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw this.#errors.from(error);
    }
  }
}

async function ask(client: PoolClient, { name, text }: Statement, values: readonly Parameter[]): Promise<Result> {
  const { rows, rowCount } = await client.query<Row>({
    ...(name === undefined ? {} : { name }),
    text,
    values: [...values],
  });
  return { rows, count: rowCount ?? 0 };
}

/** Several statements in one text give a list of results. */
async function idOf(answer: Promise<unknown>): Promise<string> {
  const results = (await answer) as readonly { rows: readonly Row[] }[];
  return results.at(-1)?.rows[0]?.['id'] as string;
}

function ignore(): void {}
