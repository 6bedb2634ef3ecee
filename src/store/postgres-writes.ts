import type { PostgresConnections, Session } from './postgres-connection.ts';
import { isConnectionLost } from './postgres-errors.ts';
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

  /** A write that fails fails alone. @throws GatewayError STORE_* */
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
        else for (const write of batch) await this.#commit([write]).catch(write.reject);
      });
    }
    this.#isRunning = false;
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
