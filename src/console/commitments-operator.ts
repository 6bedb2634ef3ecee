/**
 * What an operator may do with storage commitments: look, try again at once, give up with a reason. Everything that changes
 * one leaves a line in the log that says who. Nothing done here makes an instance committed: that only the archive can say.
 */
import { setImmediate } from 'node:timers/promises';
import type { Logger } from '../observe/log.ts';
import { failAll } from '../services/storage-commitment/settle.ts';
import type {
  CommitmentChange,
  CommitmentCount,
  CommitmentPhase,
  CommitmentRecord,
  Commitments,
} from '../store/commitment-records.ts';
import { requestedIn } from './commitments-json.ts';
import { Refusal } from './refusal.ts';

/** What is absent fits any. */
export interface CommitmentQuery {
  readonly route?: string;
  readonly phase?: CommitmentPhase;
  readonly transactionUid?: string;
  /** Ids greater than this one. */
  readonly after?: number;
  /** At most so many. */
  readonly limit: number;
}

/** Records that are read at a time: each may be about ten thousand instances, and others are served between two pages. */
const PAGE = 4;
/** A record that changes oftener than this while somebody decides about it is being worked on. */
const TRIES = 3;

export class CommitmentOperator {
  readonly #commitments: Commitments;
  readonly #wake: () => void;
  readonly #log: Logger;

  /**
   * @param wake tells the worker that there is something to do
   * @param log bears who asks
   */
  constructor(commitments: Commitments, wake: () => void, log: Logger) {
    this.#commitments = commitments;
    this.#wake = wake;
    this.#log = log;
  }

  async counts(route?: string): Promise<CommitmentCount[]> {
    return (await this.#commitments.counts()).filter((each) => route === undefined || each.route === route);
  }

  /** In the order of their ids, read as they are taken. */
  async *records({ limit, after = 0, ...filter }: CommitmentQuery): AsyncGenerator<CommitmentRecord> {
    let left = limit;
    for (let last = after; left > 0;) {
      const size = Math.min(PAGE, left);
      const page = await this.#commitments.list({ ...filter, after: last, limit: size });
      yield* page;
      if (page.length < size) return;
      left -= page.length;
      last = page.at(-1)?.id ?? last;
      await setImmediate();
    }
  }

  /** @throws Refusal COMMITMENT_UNKNOWN; GatewayError STORE_* */
  async get(id: number): Promise<CommitmentRecord> {
    const record = await this.#commitments.get(id);
    if (record !== undefined) return record;
    const fix = 'Retention may have removed it: `dimseway commit list` shows what is there.';
    throw new Refusal(404, 'COMMITMENT_UNKNOWN', `There is no storage commitment ${id}`, fix);
  }

  /** What is to be done next is done now. @throws Refusal COMMITMENT_UNKNOWN, _DONE, _BUSY; GatewayError STORE_* */
  async retry(id: number): Promise<CommitmentRecord> {
    const { after } = await this.#change(id, (record) => {
      if (record.unreadable === undefined && requestedIn(record) !== undefined) return { dueInMs: 0 };
      const fix = 'Restore a backup elsewhere for what it held, or discard it.';
      throw new Refusal(409, 'COMMITMENT_DAMAGED', `Storage commitment ${id} is damaged in the store`, fix);
    });
    this.#log.info('storage commitment to be tried again', placeOf(after));
    this.#wake();
    return after;
  }

  /**
   * Gives up what is still to be done. Before there is a result, one is made that claims nothing: a user agent reads it, an
   * SCU is sent it. Where there is one, nobody tells the SCU any more. The Transaction UID stays remembered either way.
   * @throws Refusal COMMITMENT_UNKNOWN, _DONE, _BUSY; GatewayError STORE_*
   */
  async discard(id: number, reason: string): Promise<CommitmentRecord> {
    const { before, after } = await this.#change(id, givenUp);
    this.#log.warn('storage commitment given up', {
      ...placeOf(before),
      reason,
      next: after.phase,
      attempts: before.attempts,
      ...(before.lastFailure !== undefined && { lastFailureCode: before.lastFailure.code }),
    });
    this.#wake();
    return after;
  }

  async #change(
    id: number,
    changeOf: (record: CommitmentRecord) => CommitmentChange,
  ): Promise<{ before: CommitmentRecord; after: CommitmentRecord }> {
    for (let tries = 0; tries < TRIES; tries++) {
      const before = await this.get(id);
      if (before.phase === 'done' || before.phase === 'forgotten') {
        const fix =
          'Its result can be read until `store.retention.commitments` ends; there is nothing to try or to give up.';
        throw new Refusal(409, 'COMMITMENT_DONE', `Storage commitment ${id} has come to its end`, fix);
      }
      if (before.isHeld) break;
      const after = await this.#commitments.change(before, changeOf(before), 'disk');
      if (after !== undefined) return { before, after };
    }
    const fix = 'Wait until the attempt has ended, then try again.';
    throw new Refusal(409, 'COMMITMENT_BUSY', `Storage commitment ${id} is being worked on just now`, fix);
  }
}

/** One that is damaged gets no result, since nobody knows what was asked for; a report without instances would claim all. */
function givenUp(record: CommitmentRecord): CommitmentChange {
  const { phase, requester, unreadable } = record;
  const requested = unreadable === undefined ? requestedIn(record) : undefined;
  if (phase === 'reporting' || requested === undefined) return { phase: 'done', dueInMs: null };
  const settled = { result: failAll(requested), isSynthetic: true, inDoubt: false };
  return requester.protocol === 'dimse'
    ? { ...settled, phase: 'reporting', dueInMs: 0 }
    : { ...settled, phase: 'done', dueInMs: null };
}

function placeOf({ id, route, upstream, transactionUid, phase }: CommitmentRecord): Record<string, string | number> {
  return { id, route, upstream, transactionUid, phase };
}
