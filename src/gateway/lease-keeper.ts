/** Holds the lanes that are being delivered: their leases are renewed while they run, and a lane that is lost is let go. */
import { ServiceFailure } from '../services/port.ts';
import type { Claim, Spool } from '../store/spool-records.ts';
import type { Clock, Timer } from './clock.ts';

/** A lane that is being delivered: the message it is at, and what ends its attempt. */
export interface Running {
  claim: Claim;
  controller: AbortController;
}

export class LeaseKeeper {
  readonly #spool: Spool;
  readonly #clock: Clock;
  readonly #running = new Set<Running>();
  readonly #onFailure: (error: unknown) => void;
  #timer: Timer | undefined;
  #idle = Promise.withResolvers<void>();

  /** @param onFailure a renewal failed: the store's error */
  constructor(spool: Spool, clock: Clock, onFailure: (error: unknown) => void) {
    this.#spool = spool;
    this.#clock = clock;
    this.#onFailure = onFailure;
    this.#idle.resolve();
  }

  get size(): number {
    return this.#running.size;
  }

  /** Resolves when nothing runs any more. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  add(running: Running, leaseMs: number): void {
    if (this.#running.size === 0) {
      this.#idle = Promise.withResolvers();
      this.#renewIn(leaseMs / 3, leaseMs);
    }
    this.#running.add(running);
  }

  remove(running: Running): void {
    this.#running.delete(running);
    if (this.#running.size > 0) return;
    this.#timer?.cancel();
    this.#idle.resolve();
  }

  /** Ends every attempt under way. */
  abort(reason: ServiceFailure): void {
    for (const { controller } of this.#running) controller.abort(reason);
  }

  #renewIn(delayMs: number, leaseMs: number): void {
    this.#timer = this.#clock.setTimer(() => {
      this.#renewIn(delayMs, leaseMs);
      this.#renew(leaseMs).catch(this.#onFailure);
    }, delayMs);
  }

  async #renew(leaseMs: number): Promise<void> {
    const held = new Map([...this.#running].map((running) => [running.claim, running.controller]));
    const lost = await this.#spool.renew([...held.keys()], leaseMs);
    for (const [claim, controller] of held) {
      if (lost.has(claim.token)) controller.abort(new ServiceFailure('CANCELED', { retry: 'ambiguous' }));
    }
  }
}
