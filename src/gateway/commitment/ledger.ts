/**
 * Writes what is decided of a storage commitment. Whoever finds that somebody else was faster, here or in another process,
 * decides again by what is so now.
 */
import { errorFacts } from '../../observe/error-facts.ts';
import type { Logger } from '../../observe/log.ts';
import type { ServiceFailure } from '../../services/port.ts';
import type { CommitmentRecord, Commitments } from '../../store/commitment-records.ts';
import type { Decision } from './transitions.ts';

export type Decide = (record: CommitmentRecord) => Decision | undefined;

export interface ApplyOptions {
  /** Keeps the record for so long where there is something to do at once; absent: anybody may take it. ms */
  readonly leaseMs?: number | undefined;
  /** Whether a requestor is still there to be refused. */
  readonly mayRefuse?: () => boolean;
}

export interface Applied {
  /** As it is now; undefined: it is not there any more. */
  readonly record: CommitmentRecord | undefined;
  /** It is kept for what is to be done at once. */
  readonly isHeld: boolean;
  /** The record was taken back, and this is what its requestor is told. */
  readonly refusal?: ServiceFailure;
}

export class CommitmentLedger {
  readonly #store: Commitments;
  readonly #logger: Logger;
  readonly #onResult: (id: number) => void;

  /** @param onResult a transaction has a result now */
  constructor(store: Commitments, logger: Logger, onResult: (id: number) => void) {
    this.#store = store;
    this.#logger = logger;
    this.#onResult = onResult;
  }

  /** @throws GatewayError STORE_*; then nothing was changed, or it is not known */
  async apply(record: CommitmentRecord, decide: Decide, options: ApplyOptions = {}): Promise<Applied> {
    for (let current: CommitmentRecord | undefined = record; current !== undefined;) {
      const decision = decide(current);
      if (decision === undefined) return { record: current, isHeld: false };
      if (decision.refusal !== undefined && options.mayRefuse?.() === true) {
        if (await this.#takenBack(current)) return { record: undefined, isHeld: false, refusal: decision.refusal };
      } else {
        const applied = await this.#write(current, decision, options.leaseMs);
        if (applied !== undefined) return applied;
      }
      current = await this.#store.get(current.id);
    }
    return { record: undefined, isHeld: false };
  }

  /**
   * False: somebody was faster. Where the store fails it may be there or not: one who is refused and told of failed instances
   * later loses nothing, one who waits for a record that is gone is never told.
   */
  async #takenBack(record: CommitmentRecord): Promise<boolean> {
    try {
      return await this.#store.remove(record, 'disk');
    } catch (error) {
      const { traceId, transactionUid: uid, route, upstream } = record;
      const text = 'a storage commitment that was refused could not be taken back';
      this.#logger.error(text, { traceId, uid, route, upstream, ...errorFacts(error) });
      return true;
    }
  }

  /** Undefined: somebody was faster. */
  async #write(record: CommitmentRecord, decision: Decision, leaseMs?: number): Promise<Applied | undefined> {
    const { change, due, durability } = decision;
    if (change === undefined) {
      this.#tell(record, decision);
      return { record, isHeld: false };
    }
    const isHeld = due === 'now' && leaseMs !== undefined;
    const whole = { ...change, dueInMs: due === 'now' ? 0 : due, ...(isHeld && { leaseMs }) };
    const changed = await this.#store.change(record, whole, durability);
    if (changed === undefined) return undefined;
    this.#tell(changed, decision);
    if (change.result !== undefined) this.#onResult(record.id);
    return { record: changed, isHeld };
  }

  #tell({ traceId, transactionUid: uid, route, upstream }: CommitmentRecord, { notes }: Decision): void {
    for (const { level, text, fields } of notes)
      this.#logger[level](text, { traceId, uid, route, upstream, ...fields });
  }
}
