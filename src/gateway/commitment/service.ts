/**
 * Storage commitment in both directions (PS3.4 J.3, PS3.18 13; proxy flows 8 and 9): whatever was taken in is answered sooner
 * or later, through restarts, by any process that shares the store. One service for each process, as long as its store is open.
 */
import type { DataSet } from '../../dataset/model.ts';
import { generateUid } from '../../dataset/uid.ts';
import { errorFacts } from '../../observe/error-facts.ts';
import type { Logger } from '../../observe/log.ts';
import { ServiceFailure } from '../../services/port.ts';
import type { CommitmentAnswer, CommitmentRequestContext, RequestContext } from '../../services/port.ts';
import type { ToldEvent } from '../../services/storage-commitment/commitment.ts';
import type { CommitmentRecord, Commitments } from '../../store/commitment-records.ts';
import { systemClock, within } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { CommitmentAttendances } from './attendances.ts';
import { CommitmentCalls } from './calls.ts';
import { commitmentAnswer, CommitmentIntake, keyOf } from './intake.ts';
import { CommitmentLedger } from './ledger.ts';
import { Silences } from './silences.ts';
import { CommitmentSteps, leaseMsOf } from './steps.ts';
import { placeOf } from './route.ts';
import type { CommitmentPeer, CommitmentPlace, CommitmentTarget } from './route.ts';
import { strayPlace, Strays } from './strays.ts';
import { afterTold, whenDue } from './transitions.ts';
import { CommitmentWorker } from './worker.ts';
import { toFailure } from '../mapping.ts';

export interface CommitmentsOptions {
  readonly clock?: Clock;
  /** From 0 to below 1, for the jitter of pauses. */
  readonly random?: () => number;
  /** How often it looks for what other processes on the same store have left, ms. */
  readonly lookMs?: number;
}

/** After the attempts were ended, for what they came to to be written down. */
const LAST_WORDS_MS = 1_000;

export class CommitmentService {
  readonly #store: Commitments;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #attendances: CommitmentAttendances;
  readonly #ledger: CommitmentLedger;
  readonly #calls: CommitmentCalls;
  readonly #silences: Silences;
  readonly #steps: CommitmentSteps;
  readonly #intake: CommitmentIntake;
  readonly #strays: Strays;
  readonly #worker: CommitmentWorker;
  readonly #underWay = new Set<Promise<unknown>>();
  #targets: ReadonlyMap<string, CommitmentTarget> = new Map();
  #peers: readonly CommitmentPeer[] = [];
  #storeFails = false;
  #closing: Promise<void> | undefined;

  constructor(
    store: Commitments,
    logger: Logger,
    { clock = systemClock, random = Math.random, lookMs = 1_000 }: CommitmentsOptions = {},
  ) {
    this.#store = store;
    this.#logger = logger;
    this.#clock = clock;
    const attendances = new CommitmentAttendances(clock);
    const ledger = new CommitmentLedger(store, logger, (id) => {
      attendances.noteResult(id);
      calls.noteResult(id);
    });
    const calls = new CommitmentCalls(clock, logger, (upstream, event, traceId) =>
      this.#takeFrom([upstream], event, traceId),
    );
    const addressOf: CommitmentPeersLookup = (aeTitle) =>
      this.#peers.find((each) => each.aeTitle === aeTitle)?.upstream;
    const isStopping = (): boolean => this.#closing !== undefined;
    const silences = new Silences(clock, logger);
    this.#silences = silences;
    const talk = { calls, attendances, silences, addressOf };
    const steps = new CommitmentSteps({ store, ledger, logger, random, isStopping, ...talk });
    const noteStore = (failure: unknown): void => this.#noteStore(failure);
    const run = (record: CommitmentRecord): Promise<void> => this.#run(record);
    this.#attendances = attendances;
    this.#ledger = ledger;
    this.#calls = calls;
    this.#steps = steps;
    this.#intake = new CommitmentIntake({
      store,
      steps,
      attendances,
      run: (record) => void run(record),
      noteStore,
      watch: (work) => void this.#watched(work.then(() => this.#worker.wake())),
    });
    this.#worker = new CommitmentWorker({
      store,
      clock,
      lookMs: () => lookMs,
      places: () => [...this.#targets.values()],
      run,
      tidy: () => {
        attendances.sweep();
        this.#strays.tidy();
      },
      noteStore,
    });
    const watch = (work: Promise<unknown>): void => void this.#watched(work);
    this.#strays = new Strays({ store, logger, clock, run, noteStore, watch });
  }

  /** Where routes lead from now on, and who may report or be reported to; of several targets for one upstream the first counts. */
  replaceTargets(targets: readonly CommitmentTarget[], peers: readonly CommitmentPeer[]): void {
    const reversed = targets.toReversed();
    this.#targets = new Map(reversed.map((each) => [placeOf(each.route, each.upstream.name), each]));
    this.#peers = peers;
    if (this.#isClosing) return;
    this.#worker.wake();
    void this.#watched(this.#strays.serve(new Set(this.#targets.keys())).then(() => this.#worker.wake()));
  }

  /**
   * Once it resolves, the request is on the disk and is answered sooner or later.
   * @throws ServiceFailure: then nothing is kept; GatewayError STORE_*
   */
  request(
    target: CommitmentTarget,
    transactionUid: string,
    module: DataSet,
    context: CommitmentRequestContext,
  ): Promise<CommitmentAnswer> {
    if (this.#isClosing) return Promise.reject(new ServiceFailure('SHUTTING_DOWN', { retry: 'safe' }));
    return this.#intake.take(target, transactionUid, module, context);
  }

  /** Result Check. @throws ServiceFailure NO_SUCH_INSTANCE, also for another's; INSTANCE_DELETED; GatewayError STORE_* */
  async check(
    { options }: CommitmentTarget,
    transactionUid: string,
    { requester }: RequestContext,
  ): Promise<CommitmentAnswer> {
    const record = await this.#store.find(keyOf(requester, transactionUid));
    if (record === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE');
    if (record.phase === 'forgotten') throw new ServiceFailure('INSTANCE_DELETED');
    // Of an upstream in no route, nobody else sees that the deadline has passed.
    const isStranded = 'isStray' in this.#placeOf(record) && record.result === undefined && record.remainingMs <= 0;
    const { record: now = record } = isStranded ? await this.#ledger.apply(record, whenDue) : { record };
    return commitmentAnswer(now, options);
  }

  /** Takes an event that came in by a listener; resolves once it is on the disk. @throws ServiceFailure */
  async report(event: ToldEvent, { requester, traceId }: RequestContext): Promise<void> {
    const aeTitle = requester.callingAeTitle?.trim();
    const senders = this.#peers.filter((peer) => peer.aeTitle === aeTitle).map(({ upstream }) => upstream.name);
    await this.#takeFrom(senders, event, traceId, aeTitle);
  }

  /** Somebody has seen to it that there is something to do, and wants it tried: also where it was silent. */
  wake(): void {
    this.#silences.forget();
    this.#worker.wake();
    this.#strays.lookAgain();
  }

  /**
   * Takes nothing new and lets what is under way finish within the deadline; then it is ended, and goes on where there is a
   * process again. A second close waits for the first.
   */
  close(deadlineMs: number): Promise<void> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  get #isClosing(): boolean {
    return this.#closing !== undefined;
  }

  async #close(deadlineMs: number): Promise<void> {
    this.#attendances.end();
    await Promise.all([this.#worker.stop(), this.#strays.stop()]);
    if (await within(this.#idle(), deadlineMs, this.#clock)) return;
    this.#calls.abort();
    await within(this.#idle(), LAST_WORDS_MS, this.#clock);
  }

  /** @throws ServiceFailure */
  async #takeFrom(upstreams: readonly string[], event: ToldEvent, traceId: string, aeTitle?: string): Promise<void> {
    let isForgotten = false;
    try {
      const known: CommitmentRecord[] = [];
      for (const upstream of upstreams) {
        const record = await this.#store.findAtUpstream(upstream, event.transactionUid);
        if (record !== undefined) known.push(record);
      }
      const [record, ...others] = known;
      if (others.length > 0) throw this.#ofSeveral(known, event, traceId);
      isForgotten = record?.phase === 'forgotten';
      if (record !== undefined && !isForgotten && (await this.#take(record, event))) return;
    } catch (error) {
      throw toFailure(error, this.#logger, traceId);
    }
    this.#logger.warn('a report of storage commitment is about nothing that this upstream was asked', {
      traceId,
      uid: event.transactionUid,
      ...(aeTitle === undefined ? { upstream: upstreams[0] } : { aeTitle }),
    });
    const isTaken = this.#peers.some(
      ({ upstream, unknownReports }) => unknownReports === 'accept' && upstreams.includes(upstream.name),
    );
    if (!isTaken) throw new ServiceFailure(isForgotten ? 'INSTANCE_DELETED' : 'INVALID_VALUE', UNKNOWN_TRANSACTION);
  }

  /** An AE title is all that is known of who reports: what one archive has says nothing about another of the same title. */
  #ofSeveral(
    records: readonly CommitmentRecord[],
    { transactionUid: uid }: ToldEvent,
    traceId: string,
  ): ServiceFailure {
    const upstreams = records.map(({ upstream }) => upstream).join(', ');
    const text =
      'a report of storage commitment could be of several upstreams with one AE title, and counts for none: ' +
      'give them different ones, or their routes `transactionUids: own`';
    this.#logger.error(text, { traceId, uid, upstreams });
    return new ServiceFailure('INVALID_VALUE', { comment: 'several were asked about this UID' });
  }

  /** False: the record is not there any more. @throws GatewayError STORE_* */
  async #take(record: CommitmentRecord, event: ToldEvent): Promise<boolean> {
    const place = this.#placeOf(record);
    // The short way: the association of the request is in this process.
    const isHere = this.#attendances.has(record.id) && !this.#isClosing;
    const leaseMs = isHere ? leaseMsOf(place) : undefined;
    const applied = await this.#ledger.apply(record, (now) => afterTold(now, event, generateUid), { leaseMs });
    if (applied.isHeld && applied.record !== undefined) void this.#run(applied.record);
    else this.#worker.wake();
    return applied.record !== undefined;
  }

  /** Goes on with what is held. Never rejects. */
  #run(record: CommitmentRecord): Promise<void> {
    const place = this.#placeOf(record);
    if ('isStray' in place) this.#strays.note(record);
    // Who waits for its answer here gets it before its result is reported.
    if (record.result !== undefined) this.#attendances.noteResult(record.id);
    return this.#watched(
      this.#steps.run(record, place).then(
        () => this.#worker.wake(),
        (error: unknown) => this.#noteStore(error),
      ),
    );
  }

  #placeOf({ route, upstream }: CommitmentRecord): CommitmentPlace {
    return this.#targets.get(placeOf(route, upstream)) ?? strayPlace(route, upstream);
  }

  #watched<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work);
    const ended = (): void => void this.#underWay.delete(work);
    work.then(ended, ended);
    return work;
  }

  async #idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
  }

  /** Once, until the store works again. */
  #noteStore(failure: unknown): void {
    const isFailing = failure !== undefined;
    if (isFailing && !this.#storeFails) {
      this.#logger.error('the store failed storage commitment', errorFacts(failure));
    }
    this.#storeFails = isFailing;
  }
}

type CommitmentPeersLookup = (aeTitle: string) => CommitmentPeer['upstream'] | undefined;

const UNKNOWN_TRANSACTION = { comment: 'no such Transaction UID was asked about' };
