/** Associations to one peer: so many at a time, kept for a while for requests of the same kind. */
import { createHash } from 'node:crypto';
import { ServiceFailure } from '../services/port.ts';
import { traceAssociation } from './association-trace.ts';
import { ScuAssociation } from './scu.ts';
import type { Budget, ScuOptions } from './scu.ts';

export interface PoolOptions {
  /** Associations at a time; further requests wait. 0: no limit, and each is released after its request. */
  readonly maximum: number;
  /** An association is kept so long for the next request; 0 releases it after each. */
  readonly idleMs: number;
}

/** An association on loan. */
export interface Lease {
  readonly association: ScuAssociation;
  /** It served others before: the peer may have closed it meanwhile without our knowing. */
  readonly isReused: boolean;
}

/** For the metrics. */
export interface PoolCounts {
  /** Associations that exist or are being opened or released. */
  readonly open: number;
  /** Those of them that are kept for the next request. */
  readonly idle: number;
  /** Requests that wait for one. */
  readonly waiting: number;
}

interface Idle {
  readonly key: string;
  readonly association: ScuAssociation;
  readonly timer: NodeJS.Timeout;
}

interface Waiter {
  readonly admit: () => void;
}

export class AssociationPool {
  readonly #options: PoolOptions;
  readonly #keys = new Map<ScuAssociation, string>();
  readonly #waiters: Waiter[] = [];
  #idle: Idle[] = [];
  /** Associations that exist or are being opened or released. */
  #places = 0;
  #isClosing = false;
  #emptied: (() => void) | undefined;

  constructor(options: PoolOptions) {
    this.#options = options.maximum === 0 ? { maximum: Infinity, idleMs: 0 } : options;
  }

  get counts(): PoolCounts {
    return { open: this.#places, idle: this.#idle.length, waiting: this.#waiters.length };
  }

  /**
   * An association for one request; give it back with `giveBack`.
   * @param fresh never one that was kept, and the kept ones of its kind are released: they are likely stale too
   * @throws ServiceFailure SHUTTING_DOWN, OUT_OF_RESOURCES (no place within the budget); ScuError from opening; the
   * reason of the budget's signal
   */
  async lease(options: ScuOptions, budget: Budget, fresh = false): Promise<Lease> {
    const key = keyOf(options);
    for (;;) {
      if (this.#isClosing) throw new ServiceFailure('SHUTTING_DOWN', { retry: 'safe' });
      if (fresh) this.#releaseIdle((idle) => idle.key === key);
      const kept = fresh ? undefined : this.#takeIdle(key);
      if (kept !== undefined) {
        traceAssociation(budget.trace, true);
        return { association: kept, isReused: true };
      }
      if (this.#places < this.#options.maximum) return this.#open(key, options, budget);
      // One kept for another purpose makes room.
      this.#releaseIdle((idle) => idle === this.#idle[0]);
      await this.#placeFree(budget);
    }
  }

  /** @param keep false when it shall not be used again. */
  giveBack({ association }: Lease, keep = true): void {
    const key = this.#keys.get(association);
    const { idleMs } = this.#options;
    if (key === undefined || association.hasEnded) return;
    if (!association.isFree || !keep || idleMs === 0 || this.#isClosing) {
      void association.release();
      return;
    }
    const timer = setTimeout(() => this.#releaseIdle((idle) => idle.association === association), idleMs);
    this.#idle.push({ key, association, timer });
    this.#admitNext();
  }

  /** Releases what is kept; what is on loan is released when it is given back. Resolves when all are gone. */
  close(): Promise<void> {
    this.#isClosing = true;
    this.#releaseIdle(() => true);
    this.#admitAll();
    if (this.#places === 0) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    return promise;
  }

  async #open(key: string, options: ScuOptions, budget: Budget): Promise<Lease> {
    this.#places++;
    try {
      const association = await ScuAssociation.open(options, budget);
      this.#keys.set(association, key);
      void association.closed.then(() => this.#gone(association));
      traceAssociation(budget.trace, false);
      return { association, isReused: false };
    } catch (error) {
      this.#freePlace();
      throw error;
    }
  }

  #gone(association: ScuAssociation): void {
    this.#keys.delete(association);
    for (const { timer } of this.#idle.filter((idle) => idle.association === association)) clearTimeout(timer);
    this.#idle = this.#idle.filter((idle) => idle.association !== association);
    this.#freePlace();
  }

  #freePlace(): void {
    this.#places--;
    this.#admitNext();
    if (this.#places === 0) this.#emptied?.();
  }

  /** The one used last: it is the least likely to be stale. */
  #takeIdle(key: string): ScuAssociation | undefined {
    const at = this.#idle.findLastIndex((idle) => idle.key === key && idle.association.isFree);
    const [taken] = at < 0 ? [] : this.#idle.splice(at, 1);
    clearTimeout(taken?.timer);
    return taken?.association;
  }

  #releaseIdle(isChosen: (idle: Idle) => boolean): void {
    const chosen = this.#idle.filter(isChosen);
    this.#idle = this.#idle.filter((idle) => !chosen.includes(idle));
    for (const { association, timer } of chosen) {
      clearTimeout(timer);
      void association.release();
    }
  }

  async #placeFree(budget: Budget): Promise<void> {
    budget.signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { admit: resolve };
    this.#waiters.push(waiter);
    const onAbort = (): void => reject(budget.signal.reason as Error);
    budget.signal.addEventListener('abort', onAbort, { once: true });
    const timer = setTimeout(
      () => {
        const comment = 'every association to this peer is in use';
        reject(new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment }));
      },
      Math.max(1, Math.ceil(budget.deadline() - performance.now())),
    );
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      budget.signal.removeEventListener('abort', onAbort);
      const at = this.#waiters.indexOf(waiter);
      if (at >= 0) this.#waiters.splice(at, 1);
    }
  }

  #admitNext(): void {
    this.#waiters.shift()?.admit();
  }

  #admitAll(): void {
    while (this.#waiters.length > 0) this.#admitNext();
  }
}

/** Associations of one key are interchangeable. */
function keyOf(options: ScuOptions): string {
  const { host, port, calledAeTitle, callingAeTitle, abstractSyntaxes, extended, userIdentity } = options;
  const negotiated = extended.map(({ information }) => Buffer.from(information).toString('hex'));
  return JSON.stringify([
    host,
    port,
    calledAeTitle,
    callingAeTitle,
    abstractSyntaxes,
    negotiated,
    digestOf(userIdentity),
  ]);
}

/** Tells identities apart without being one. */
function digestOf(identity: ScuOptions['userIdentity']): string | undefined {
  if (identity === undefined) return undefined;
  const { type, primary, secondary } = identity;
  const lengths = `${type} ${primary.length} `;
  return createHash('sha256').update(lengths).update(primary).update(secondary).digest('base64');
}
