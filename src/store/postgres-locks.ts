/**
 * Locks across the processes that share a data base: advisory locks of one session, hundreds at a time, on a connection of
 * their own. The server drops them with the session, however the process ends.
 *
 * When the connection is lost the locks are gone, while the work that held them goes on: it cannot be taken back. They are
 * taken again as soon as there is a connection, and new work waits for that; in between another process may begin work of
 * the same key. What must not suffer from that is guarded by more than a lock: the spool by the token of a claim, a step of
 * the RIS by its revision, and what is accepted by asking in its transaction whether the lock of its work was never lost.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import type { GatewayError } from '../errors.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { clientConfig, prepared } from './postgres-connection.ts';
import type { PostgresOptions } from './postgres-connection.ts';
import type { PostgresErrors } from './postgres-errors.ts';
import { isConnectionLost } from './postgres-errors.ts';

/** The wait for another process's work grows between these. */
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;
/** Longer than any work of a key may take: an exchange with an upstream, its resolution included. */
const DEFAULT_LOCK_TIMEOUT_MS = 300_000;
/** No statement here waits for anybody. */
const TIMEOUT_MS = 5_000;

/**
 * A process whose machine has vanished holds its locks for about 25 seconds; one whose work takes long is not idle.
 * PostgreSQL 13 knows no end of idle sessions.
 */
const SETTINGS = `SET tcp_keepalives_idle TO 10; SET tcp_keepalives_interval TO 5; SET tcp_keepalives_count TO 3;
  SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'`;
const TRY = { name: 'dw_try_lock', text: 'SELECT pg_try_advisory_lock($1) AS taken' };
/** Of the other kind of advisory locks: it names a session for as long as that lives. */
const SIGN = 'SELECT pg_try_advisory_lock($1::int, $2::int)';
const RELEASE = { name: 'dw_release_lock', text: 'SELECT pg_advisory_unlock($1)' };

/**
 * How many of the locks `$1` are not held by the sessions `$2` that they were taken in. Asked when the lanes of a message are
 * locked: what another process accepts for them under the same lock then comes after it.
 */
export const LOST_LOCKS = prepared(
  `WITH held AS MATERIALIZED (
     SELECT pid, objsubid, (classid::bigint << 32) | objid::bigint AS number FROM pg_locks
     WHERE locktype = 'advisory' AND granted
   )
   SELECT count(*) AS count FROM unnest($1::bigint[], $2::bigint[]) AS work (number, session)
   WHERE NOT EXISTS (
     SELECT FROM held l JOIN held s USING (pid)
     WHERE l.objsubid = 1 AND l.number = work.number AND s.objsubid = 2 AND s.number = work.session
   )`,
);

/** The lock under which work runs. */
export interface WorkLock {
  readonly number: string;
  /** In which it was taken, and with which it is lost. */
  readonly session: string;
  /** What work is refused with whose lock is lost. */
  lost(): GatewayError;
}

interface Session {
  readonly client: Client;
  /** Of SIGN. */
  readonly name: string;
}

export interface PostgresLockOptions extends PostgresOptions {
  /** How long work waits for that of another process on the same key; default 300,000. */
  readonly lockTimeoutMs?: number;
}

export class PostgresLocks {
  readonly #options: PostgresLockOptions;
  readonly #errors: PostgresErrors;
  readonly #instanceId: string;
  readonly #queue = new KeyedQueue();
  /** Numbers of the locks that are held, or were when the connection was lost. */
  readonly #held = new Set<string>();
  readonly #leadership: string;
  readonly #work = new AsyncLocalStorage<WorkLock>();
  #session: Promise<Session> | undefined;
  #isClosed = false;

  constructor(options: PostgresLockOptions, errors: PostgresErrors, instanceId: string) {
    this.#options = options;
    this.#errors = errors;
    this.#instanceId = instanceId;
    this.#leadership = this.#numberOf('leader');
  }

  /** @throws GatewayError STORE_UNREACHABLE, STORE_LOCKED: the work was not begun; and whatever it throws */
  async exclusively<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    this.#checkOpen();
    return this.#queue.run(key, async () => {
      const number = this.#numberOf(`key ${key}`);
      const session = await this.#acquire(number);
      const lost = (): GatewayError =>
        this.#errors.of('STORE_UNREACHABLE', 'the lock of this work was lost with its connection');
      try {
        return await this.#work.run({ number, session, lost }, work);
      } finally {
        this.#release(number);
      }
    });
  }

  /** The lock under which the caller runs. */
  get current(): WorkLock | undefined {
    return this.#work.getStore();
  }

  /** @throws GatewayError STORE_UNREACHABLE: who leads is not known */
  async leads(): Promise<boolean> {
    this.#checkOpen();
    return (await this.#tryOnce(this.#leadership)) !== undefined;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const session = this.#session;
    this.#session = undefined;
    await session?.then(({ client }) => client.end(), ignore);
  }

  /** Gives the session. */
  async #acquire(number: string): Promise<string> {
    const end = performance.now() + (this.#options.lockTimeoutMs ?? DEFAULT_LOCK_TIMEOUT_MS);
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(1.5 * pauseMs, LONGEST_PAUSE_MS)) {
      const session = await this.#tryOnce(number);
      if (session !== undefined) return session;
      if (performance.now() > end)
        throw this.#errors.of('STORE_LOCKED', 'work of another process on one key does not end');
      // Processes that wait for one key must not ask in step.
      await wait(pauseMs * (0.5 + Math.random()));
      this.#checkOpen();
    }
  }

  /** Gives the session in which the lock is held now; undefined: another one's. */
  async #tryOnce(number: string): Promise<string | undefined> {
    return this.#inSession(async ({ client, name }) => {
      if (!(await tryLock(client, number))) return undefined;
      // A session takes a lock that it has once more, and would have to give it back as often.
      if (this.#held.has(number)) await client.query({ ...RELEASE, values: [number] });
      this.#held.add(number);
      return name;
    });
  }

  /** Nobody waits for it: what comes next on this connection comes after it. */
  #release(number: string): void {
    if (this.#held.delete(number)) {
      void this.#session?.then(({ client }) => client.query({ ...RELEASE, values: [number] })).catch(ignore);
    }
  }

  async #inSession<T>(work: (session: Session) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      this.#checkOpen();
      const session = (this.#session ??= this.#open());
      try {
        return await work(await session);
      } catch (thrown) {
        const error: GatewayError = this.#errors.from(thrown);
        if (!isConnectionLost(error)) throw error;
        this.#forget(session);
        if (attempt === 2) throw error;
      }
    }
  }

  #open(): Promise<Session> {
    const session = this.#connect();
    session.then(
      ({ client }) => client.once('end', () => void this.#retake(session)),
      () => this.#forget(session), // whatever it failed of: the next call tries anew
    );
    return session;
  }

  async #connect(): Promise<Session> {
    const { applicationName = 'dimseway' } = this.#options;
    const client = new Client(
      clientConfig({ ...this.#options, applicationName: `${applicationName} locks`, statementTimeoutMs: TIMEOUT_MS }),
    );
    client.on('error', ignore); // `end` follows
    try {
      await client.connect();
      await client.query(SETTINGS);
      const sign = randomBytes(8);
      await client.query(SIGN, [sign.readInt32BE(0), sign.readInt32BE(4)]);
      for (const number of this.#held) if (!(await tryLock(client, number))) this.#held.delete(number);
      return { client, name: sign.readBigInt64BE().toString() };
    } catch (error) {
      client.end().catch(ignore);
      throw error;
    }
  }

  #forget(session: Promise<Session>): void {
    if (this.#session !== session) return;
    this.#session = undefined;
    session.then(({ client }) => client.end()).catch(ignore);
  }

  /** After a loss: as long as there is work under way, or this process leads. */
  async #retake(lost: Promise<Session>): Promise<void> {
    if (this.#session === lost) this.#session = undefined;
    for (let pauseMs = FIRST_PAUSE_MS; this.#held.size > 0 && !this.#isClosed; pauseMs = Math.min(2 * pauseMs, 1_000)) {
      try {
        await this.#inSession(async () => undefined);
        return;
      } catch {
        await wait(pauseMs, undefined, { ref: false });
      }
    }
  }

  /** Of another store in the same data base, the same key is another lock. */
  #numberOf(purpose: string): string {
    return createHash('sha256').update(`${this.#instanceId} ${purpose}`).digest().readBigInt64BE().toString();
  }

  #checkOpen(): void {
    if (this.#isClosed) throw this.#errors.of('STORE_FAILED', 'it is closed');
  }
}

async function tryLock(client: Client, number: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>({ ...TRY, values: [number] });
  return rows[0]?.taken === true;
}

function ignore(): void {}
