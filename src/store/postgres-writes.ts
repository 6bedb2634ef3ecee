import type { PostgresConnections, Session } from './postgres-connection.ts';
import { isConnectionLost, isHeldUp } from './postgres-errors.ts';
import { OPEN_LANES, lanesOf } from './postgres-lanes.ts';
import { LOST_LOCKS } from './postgres-locks.ts';
import type { WorkLock } from './postgres-locks.ts';
import type { Durability, MppsKey } from './store.ts';

export interface Write<T> {
  /** Lanes of the spool that get messages. */
  readonly lanes?: readonly MppsKey[];
  /** Without which it must not be done. */
  readonly lock?: WorkLock | undefined;
  /** Gives all its statements at once, waiting for none: that keeps the order of the writes. */
  work(session: Session): Promise<T>;
}

interface Waiting extends Write<unknown> {
  readonly durability: Durability;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Of one write in a transaction or several: all are taken back, and who has lost his lock is told apart. */
class LockLost extends Error {}

/** In one transaction. */
const MOST = 100;
/** So many of a transaction that are held up by others, then the rest of it is refused too. */
const MOST_HELD_UP = 2;

/**
 * Writes that take effect in the order in which they were given. Those that come while others are under way share the next
 * transaction: under load one sync of the server's disk serves many.
 */
export class PostgresWrites {
  readonly #connections: PostgresConnections;
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(connections: PostgresConnections) {
    this.#connections = connections;
  }

  /** A write that fails fails alone, unless what holds it up holds up others too. @throws GatewayError STORE_* */
  write<T>(durability: Durability, write: Write<T>): Promise<T> {
    return this.#connections.whileOpen(() => {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      this.#waiting.push({ ...write, durability, resolve: resolve as (result: unknown) => void, reject });
      if (!this.#isRunning) void this.#run();
      return promise;
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    // What else is written in this turn comes along.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MOST);
      await this.#commit(batch).catch(async (error: unknown) => {
        if (batch.length === 1 || isConnectionLost(error)) for (const write of batch) reject(write, error);
        else await this.#commitEach(batch);
      });
    }
    this.#isRunning = false;
  }

  /** Who is held up waits for as long as a statement may take: if that is not one write's own trouble, not one after another. */
  async #commitEach(batch: readonly Waiting[]): Promise<void> {
    const heldUp: unknown[] = [];
    for (const write of batch) {
      if (heldUp.length === MOST_HELD_UP) write.reject(heldUp[0]);
      else {
        await this.#commit([write]).catch((error: unknown) => {
          if (isHeldUp(error)) heldUp.push(error);
          reject(write, error);
        });
      }
    }
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const durability = batch.some((write) => write.durability === 'disk') ? 'disk' : 'process';
    const lanes = batch.flatMap((write) => write.lanes ?? []);
    const locks = batch.flatMap((write) => write.lock ?? []);
    const results = await this.#connections.commit(durability, async (session) => {
      const opened = lanes.length === 0 ? undefined : session.query(OPEN_LANES, lanesOf(lanes));
      const [lock] = locks;
      const lost = lock && session.query(LOST_LOCKS, sessionsOf(locks));
      const written = Promise.all(batch.map((write) => write.work(session)));
      written.catch(() => undefined);
      await opened; // what it failed of is the reason, not that the transaction has failed since
      const answers = await written;
      if (lock !== undefined && (await lost)?.rows[0]?.['count'] !== 0) throw new LockLost();
      return answers;
    });
    batch.forEach(({ resolve }, i) => resolve(results[i]));
  }
}

function sessionsOf(locks: readonly WorkLock[]): [numbers: string[], sessions: string[]] {
  return [locks.map(({ number }) => number), locks.map(({ session }) => session)];
}

function reject({ reject, lock }: Waiting, error: unknown): void {
  reject(error instanceof LockLost ? lock?.lost() : error);
}
