/**
 * The embedded RIS behind the same port as every upstream, so that the gateway runs with nothing else installed and a
 * site has a worklist for tests and downtime. What it has is in the store: it may end at any time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import type { CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';
import { matches } from '../services/worklist/matching.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import type { Store } from '../store/store.ts';
import { answersOf } from './answer.ts';
import { commitmentOf } from './commitment.ts';
import { filterOf } from './entry-filter.ts';
import { currentOf, DEFAULT_ENTRY_WHEN, expiryAt, hasAged, statesShown } from './entry-state.ts';
import type { Ageing, EntryWhen } from './entry-state.ts';
import { matchKeysOf } from './match-keys.ts';
import { PerformedSteps } from './performed-steps.ts';
import type { Validation } from './performed-steps.ts';
import { RisWorklist } from './worklist.ts';

export interface RisOptions {
  /** Whether the worklist still shows a step that was begun or has ended; default: all but the completed. */
  readonly entryWhen?: Partial<EntryWhen> | undefined;
  /** After what time entries leave the list by themselves, and performed steps the store; default: never. */
  readonly ageing?: Ageing | undefined;
  /** What becomes of performed steps that break the tables of MPPS; default: strict. */
  readonly validation?: Validation | undefined;
  /** Storage commitment says yes to everything: for demonstrations. */
  readonly simulateCommitment?: boolean | undefined;
}

export type RisStore = Pick<Store, 'worklist' | 'steps' | 'exceptions'>;

/** A long list is read in pieces, between which the other peers get their turn. */
const ENTRIES_PER_TURN = 100;

/** At most so many entries or steps age out in one write. */
const EXPIRED_AT_ONCE = 1_000;

export class Ris implements Upstream {
  readonly commitmentResult = 'checked';
  readonly entries: RisWorklist;
  readonly #name: string;
  readonly #options: RisOptions;
  readonly #store: RisStore;
  readonly #now: () => number;
  readonly #performed: PerformedSteps;

  private constructor(name: string, options: RisOptions, store: RisStore, logger: Logger, now: () => number) {
    this.#name = name;
    this.#options = options;
    this.#store = store;
    this.#now = now;
    this.entries = new RisWorklist(name, store.worklist, logger);
    this.#performed = new PerformedSteps(name, store, logger, options.validation);
  }

  /**
   * The RIS that goes on where the one of this name was left, its worklist brought up to date with the files.
   * @param name of the RIS among the upstreams: under another name it knows nothing of its entries and steps
   * @param seed entries of the files, one Scheduled Procedure Step each
   * @param now wall clock, ms since 1970
   * @throws GatewayError ENTRY_INVALID, STORE_*
   */
  static async open(
    name: string,
    seed: Iterable<DataSet> | AsyncIterable<DataSet>,
    options: RisOptions,
    store: RisStore,
    logger: Logger,
    now: () => number = Date.now,
  ): Promise<Ris> {
    const ris = Ris.resume(name, options, store, logger, now);
    await ris.entries.importSeed(seed);
    return ris;
  }

  /** The RIS that goes on where the one of this name was left, its worklist as it is; see `open`. */
  static resume(name: string, options: RisOptions, store: RisStore, logger: Logger, now: () => number = Date.now): Ris {
    return new Ris(name, options, store, logger, now);
  }

  /**
   * Matches by every kind of PS3.4 C.2.2.2 but fuzzy, optional keys like required ones. One page of the store is in
   * memory at a time; the order is the one of `compareSteps`.
   */
  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const { keys, unsupported } = matchKeysOf(query.identifier);
    if (query.fuzzyMatching) context.warn(WARNINGS.fuzzyMatchingNotSupported);
    if (query.timezoneAdjustment) context.warn(WARNINGS.timezoneNotSupported);
    if (unsupported) context.warn(WARNINGS.optionalKeysNotSupported);
    const end = query.offset + (query.limit ?? Infinity);
    const answer = answersOf(query);
    let position = 0;
    for await (const entry of this.#current({ ...query, identifier: keys }, context.signal)) {
      if (position >= query.offset && position < end) yield answer(entry);
      position++;
    }
    if (position > end) context.warn(moreResults(position - end));
  }

  async createMpps(uid: string, attributes: DataSet, { signal }: RequestContext): Promise<Completion> {
    refuseAborted(signal);
    await this.#performed.create(uid, attributes);
    return { uid };
  }

  async updateMpps(uid: string, modifications: DataSet, { signal }: RequestContext): Promise<Completion> {
    refuseAborted(signal);
    await this.#performed.update(uid, modifications);
    return { uid };
  }

  async retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    refuseAborted(context.signal);
    const { attributes, unsupported } = await this.#performed.retrieve(uid, selection);
    if (unsupported.length > 0) {
      const text = `attributes that no MPPS has were left out: ${unsupported.join(', ')}`;
      context.warn({ code: 'ATTRIBUTES_IGNORED', text, attributes: unsupported });
    }
    return attributes;
  }

  /** N-ACTION of storage commitment; its result is there at once. @throws ServiceFailure */
  async requestCommitment(
    transactionUid: string,
    references: readonly SopReference[],
    { signal }: RequestContext,
  ): Promise<CommitmentStatus> {
    refuseAborted(signal);
    return commitmentOf(transactionUid, references, this.#options.simulateCommitment === true);
  }

  /** What was answered is over: the Transaction UID is inactive then (PS3.4 J.3.3). @throws ServiceFailure */
  async checkCommitment(_transactionUid: string, { signal }: RequestContext): Promise<CommitmentStatus> {
    refuseAborted(signal);
    throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'no transaction of this UID is under way' });
  }

  notifyMpps(): Promise<never> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment: 'a RIS takes no notifications' }));
  }

  reportCommitment(): Promise<void> {
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment: 'a RIS takes no reports of commitment' }));
  }

  /**
   * Removes what has aged out of the store; a search does not find such an entry before. Entries of the files stay in the
   * store: the next import would bring them back as if nothing had become of them. So do performed steps while an entry
   * follows them, or an exception about them is open.
   * @param nowMs wall clock, ms since 1970
   * @throws GatewayError STORE_*
   */
  async housekeep(nowMs: number): Promise<{ agedOut: number; stepsErased: number }> {
    const { ageing = {} } = this.#options;
    const { worklist, steps } = this.#store;
    const expiry = { ...expiryAt(ageing, nowMs), source: 'api', limit: EXPIRED_AT_ONCE } as const;
    const agedOut = await untilNoneLeft(() => worklist.expire(this.#name, expiry));
    const { stepsMs } = ageing;
    if (stepsMs === undefined) return { agedOut, stepsErased: 0 };
    const aged = { changedBeforeMs: nowMs - stepsMs, limit: EXPIRED_AT_ONCE };
    return { agedOut, stepsErased: await untilNoneLeft(() => steps.expire(this.#name, aged)) };
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** The entries that match, as they are now. */
  async *#current(query: WorklistQuery, signal: AbortSignal): AsyncGenerator<DataSet, void, void> {
    const { entryWhen, ageing = {} } = this.#options;
    const states = statesShown({ ...DEFAULT_ENTRY_WHEN, ...entryWhen });
    const expiry = expiryAt(ageing, this.#now());
    let read = 0;
    refuseAborted(signal);
    for await (const entry of this.entries.find({ ...filterOf(query.identifier, query), states })) {
      if (++read % ENTRIES_PER_TURN === 0) await nextTurn();
      refuseAborted(signal);
      if (hasAged(entry, expiry)) continue;
      const current = currentOf(entry);
      if (matches(current, query)) yield current;
    }
  }
}

async function untilNoneLeft(expire: () => Promise<number>): Promise<number> {
  let total = 0;
  for (let count = EXPIRED_AT_ONCE; count >= EXPIRED_AT_ONCE; total += count) {
    count = await expire();
    await nextTurn();
  }
  return total;
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new ServiceFailure('CANCELED');
}
