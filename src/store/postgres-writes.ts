import type { PostgresConnections, Session } from './postgres-connection.ts';
import { isConnectionLost, isHeldUp } from './postgres-errors.ts';
import { OPEN_LANES, lanesOf } from './postgres-lanes.ts';
import type { Durability, MppsKey } from './store.ts';

export interface Write<T> {
  /** Lanes of the spool that get messages. */
  readonly lanes?: readonly MppsKey[];
  /** Gives all its statements at once, waiting for none: that keeps the order of the writes. */
  work(session: Session): Promise<T>;
}

interface Waiting extends Write<unknown> {
  readonly durability: Durability;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

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
        if (batch.length === 1 || isConnectionLost(error)) for (const write of batch) write.reject(error);
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
          write.reject(error);
        });
      }
    }
  }

  async #commit(batch: readonly Waiting[]): Promise<void> {
    const durability = batch.some((write) => write.durability === 'disk') ? 'disk' : 'process';
    const lanes = batch.flatMap((write) => write.lanes ?? []);
    const results = await this.#connections.commit(durability, async (session) => {
      const opened = lanes.length === 0 ? undefined : session.query(OPEN_LANES, lanesOf(lanes));
      const written = Promise.all(batch.map((write) => write.work(session)));
      written.catch(() => undefined);
      await opened; // what it failed of is the reason, not that the transaction has failed since
      return written;
    });
    batch.forEach(({ resolve }, i) => resolve(results[i]));
  }
}
