/**
 * What became of a transaction whose COMMIT was sent and not answered.
 *
 * Its number tells, but only as long as the server lives: a crash takes the end of its log, and with it the numbers that
 * were given there. They are given again, and what is said of such a number then is said of another transaction; so it is
 * with a standby that takes the server's place. Therefore each life of a server, from one crash to the next, has a name: in
 * a table that PostgreSQL empties after a crash and on a promoted standby, since it is unlogged (CREATE TABLE, UNLOGGED). A
 * session does not outlive a crash, so it asks once.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { ClientBase } from 'pg';

export const SERVER_LIFE = `
  CREATE UNLOGGED TABLE server_life (
    is_the_one BOOLEAN PRIMARY KEY DEFAULT true CHECK (is_the_one),
    id         UUID    NOT NULL DEFAULT gen_random_uuid()
  )`;

/** The first session of a life names it. */
const NAME = 'INSERT INTO server_life DEFAULT VALUES ON CONFLICT DO NOTHING';
/** A statement of its own: it sees what NAME may have waited for. */
const GET = 'SELECT id::text AS id FROM server_life';

/** A number that was not given yet is an error to `pg_xact_status`; after a crash it may be ours. */
const STATUS = `SELECT CASE WHEN $1::xid8 < pg_snapshot_xmax(pg_current_snapshot()) THEN pg_xact_status($1::xid8)
  ELSE 'in progress' END AS status`;
/** A server that has not heard of the loss of a connection goes on holding its locks. */
const END_SESSION =
  'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid = $1::xid8::xid AND pid <> pg_backend_pid()';
/** A session that is just at its commit gets so long. */
const COMMIT_GRACE_MS = 100;

/** A transaction: its number, and the life of the server in which that was given; undefined: not known. */
export interface Numbered {
  readonly id: string;
  readonly life: string | undefined;
}

/** `unknown`: nobody can tell any more; `open`: it may still end either way. */
type Outcome = 'committed' | 'not committed' | 'unknown' | 'open';

/** Runs work in a session that was asked for its life; one in which it fails is not used again. */
export type InSession = (work: (client: ClientBase) => Promise<Outcome>) => Promise<Outcome>;

/** In which life of the server each session is, and what that says of transactions. */
export class ServerLives {
  readonly #ofSessions = new WeakMap<ClientBase, Promise<string | undefined>>();

  /** To be called once for every new session, after its settings. */
  ask(client: ClientBase): void {
    client.query(NAME).catch(ignore); // who may not write may still read
    const asked = client.query<{ id: string }>(GET).then(
      ({ rows }) => rows[0]?.id,
      () => undefined, // a standby has no unlogged tables
    );
    this.#ofSessions.set(client, asked);
  }

  /** Undefined: not known. */
  async of(client: ClientBase): Promise<string | undefined> {
    return this.#ofSessions.get(client);
  }

  /** Whether a transaction was committed whose session is lost; undefined: that was not to be learned within the time. */
  async isCommitted(transaction: Numbered, inSession: InSession, limitMs: number): Promise<boolean | undefined> {
    const began = performance.now();
    for (let pauseMs = 10; ; pauseMs = Math.min(2 * pauseMs, 200)) {
      const waitedMs = performance.now() - began;
      const endsIt = waitedMs > COMMIT_GRACE_MS;
      const outcome = await inSession((client) => this.#outcomeOf(transaction, client, endsIt)).catch(() => 'open');
      if (outcome !== 'open') return outcome === 'unknown' ? undefined : outcome === 'committed';
      if (waitedMs > limitMs) return undefined;
      await wait(pauseMs);
    }
  }

  async #outcomeOf({ id, life }: Numbered, client: ClientBase, endsIt: boolean): Promise<Outcome> {
    const itsLife = await this.of(client);
    if (itsLife === undefined) throw new Error('a session whose server is not known says nothing');
    const status = (await client.query<{ status: string | null }>(STATUS, [id])).rows[0]?.status;
    const isOurs = life === itsLife;
    switch (status) {
      case 'aborted':
        return 'not committed';
      case 'committed':
        return isOurs ? 'committed' : 'unknown';
      case 'in progress':
        // What was committed before a crash has kept its number.
        if (!isOurs) return life === undefined ? 'open' : 'not committed';
        if (endsIt) await client.query(END_SESSION, [id]);
        return 'open';
      default:
        return 'unknown'; // so long ago that the server has forgotten it
    }
  }
}

function ignore(): void {}
