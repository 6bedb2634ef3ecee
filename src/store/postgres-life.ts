/**
 * What became of a transaction whose COMMIT was sent and not answered.
 *
 * Its number tells, but only as long as the server lives: in a crash it loses the end of its log, and with it the numbers
 * that were given there. They are given again, and what is said of such a number then is said of another transaction. A
 * server that takes another one's place after a failure does the same. So each life of a server, from one crash to the
 * next, has a name: that of the row of a table that PostgreSQL empties after a crash and on a promoted standby, because it
 * is unlogged. A session does not outlive a crash: it asks once.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { PoolClient } from 'pg';

export const SERVER_LIFE = `
  CREATE UNLOGGED TABLE server_life (
    is_the_one BOOLEAN PRIMARY KEY DEFAULT true CHECK (is_the_one),
    id         UUID    NOT NULL DEFAULT gen_random_uuid()
  )`;

/** The first session of a life gives it its name. The second statement sees what the first has waited for. */
const GIVE = 'INSERT INTO server_life DEFAULT VALUES ON CONFLICT DO NOTHING';
const GET = 'SELECT id::text FROM server_life';

/** A number that is still to be given is none that PostgreSQL tells about. */
const STATUS = `SELECT CASE WHEN $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status($1::xid8)
  ELSE 'in progress' END AS status`;
/** A server that has not heard of the loss of a connection goes on holding its locks. */
const END_SESSION =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid = $1::xid8::xid AND pid <> pg_backend_pid()';
/** A session that is just at its commit gets so long. */
const COMMIT_GRACE_MS = 100;

/** A transaction, by its number and the life of the server in which it was given. */
export interface Begun {
  readonly id: string;
  /** Undefined: the life is not known. */
  readonly life: string | undefined;
}

/** The lives of the server, as the sessions of one pool met them. */
export class ServerLives {
  readonly #ofSessions = new WeakMap<PoolClient, Promise<string | undefined>>();

  /** To be called once for every new session, when its settings were made. */
  ask(client: PoolClient): void {
    const given = client.query(GIVE);
    const named = client.query<{ id: string }>(GET).then(({ rows }) => rows[0]?.id);
    // A standby has none, and who may not write gives none.
    const life = Promise.all([given, named]).then(
      ([, id]) => id,
      () => undefined,
    );
    this.#ofSessions.set(client, life);
  }

  /** Of a session that was asked; undefined: not known. */
  async of(client: PoolClient): Promise<string | undefined> {
    return this.#ofSessions.get(client);
  }
}

/**
 * Whether a transaction was committed; undefined: that cannot be learned in `limitMs`, or at all.
 * @param inSession runs work in any session of the pool
 */
export async function isCommitted(
  begun: Begun,
  lives: ServerLives,
  inSession: <T>(work: (client: PoolClient) => Promise<T>) => Promise<T>,
  limitMs: number,
): Promise<boolean | undefined> {
  const began = performance.now();
  for (let pauseMs = 10; ; pauseMs = Math.min(2 * pauseMs, 200)) {
    const waitedMs = performance.now() - began;
    const answer = await inSession((client) => statusOf(client, begun.id, lives)).catch(() => undefined);
    if (answer !== undefined) {
      const { status, isOver } = verdictOf(answer, begun);
      if (isOver) return status;
      if (waitedMs > COMMIT_GRACE_MS) {
        await inSession((client) => client.query(END_SESSION, [begun.id])).catch(() => undefined);
      }
    }
    if (waitedMs > limitMs) return undefined;
    await wait(pauseMs);
  }
}
