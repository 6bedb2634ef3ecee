/**
 * Delivers the messages of one destination: so many lanes at a time, each strictly in order, as far as the circuit allows.
 * What it holds it holds by a lease that it renews; when the process ends, the lease does too, and another takes over.
 */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import type { DeliveryObserver, DeliveryOutcome } from '../observe/spool.ts';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode, RequestContext, ServiceWarning } from '../services/port.ts';
import type { Claim, Destination } from '../store/spool-records.ts';
import type { Store } from '../store/store.ts';
import { Circuit, growing, OPENING_FAILURES } from './circuit.ts';
import type { Clock, Timer } from './clock.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import type { Running } from './lease-keeper.ts';
import type { Mapping } from './mapping.ts';
import type { NamedUpstream } from './routes.ts';
import { attemptDelivery, problemOf } from './spool-outcome.ts';
import type { AttemptEnd } from './spool-outcome.ts';

export interface DestinationOptions {
  /** Messages delivered at a time, each of another instance. */
  readonly concurrency: number;
  /** Pause after a first failure; it doubles with each. */
  readonly firstDelayMs: number;
  /** The longest pause, also between probes. */
  readonly maximumDelayMs: number;
  readonly attemptTimeoutMs: number;
  /** How long a process that says nothing keeps what it took. */
  readonly leaseMs: number;
}

/** Where messages of the spool go, and how. */
export interface SpoolTarget {
  readonly route: string;
  readonly upstream: NamedUpstream;
  readonly request: Mapping | undefined;
  readonly options: DestinationOptions;
  /** Its messages went to the route's own upstream before. */
  readonly isForward?: boolean;
  /** The route keeps copies of its instances after they are final and delivered. */
  readonly keepsCopy?: boolean;
}

export interface DestinationState extends Destination {
  /** Wall clock, ms since 1970, since when it is stuck; absent: it is not. */
  readonly circuitOpenSince?: number;
  readonly consecutiveFailures: number;
  readonly lastFailureCode?: FailureCode;
  /** Deliveries under way. */
  readonly running: number;
}

export interface WorkerHost {
  readonly store: Pick<Store, 'spool' | 'mpps'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly observer: DeliveryObserver | undefined;
}

/** Other processes accept messages for the destination too, and what they held may have become free. */
const LOOK_MS = 1_000;
const SHORTEST_LOOK_MS = 10;
/** After its time an attempt may still tell whether it sent anything. */
const LAST_WORDS_MS = 2_000;
/** Further than this a far end cannot put us off. */
const LONGEST_RETRY_AFTER_MS = 60 * 60_000;

export class DestinationWorker {
  readonly #host: WorkerHost;
  readonly #circuit: Circuit;
  readonly #running: LeaseKeeper;
  #target: SpoolTarget;
  #lastFailureCode: FailureCode | undefined;
  #timer: Timer | undefined;
  #isLooking = false;
  #looking: Promise<void> | undefined;
  #looksAgain = false;
  #storeFails = false;
  #isStopped = false;

  constructor(target: SpoolTarget, host: WorkerHost) {
    this.#target = target;
    this.#host = host;
    this.#circuit = new Circuit(target.options, host.random);
    this.#running = new LeaseKeeper(host.store.spool, host.clock, (error) => this.#noteStoreFailure(error));
  }

  get state(): DestinationState {
    const { openSince, consecutiveFailures } = this.#circuit;
    const lastFailureCode = this.#lastFailureCode;
    return {
      ...this.#destination,
      ...(openSince === undefined ? {} : { circuitOpenSince: openSince }),
      consecutiveFailures,
      ...(lastFailureCode === undefined ? {} : { lastFailureCode }),
      running: this.#running.size,
    };
  }

  /** For the attempts that begin from now on, also after a stop. */
  update(target: SpoolTarget): void {
    this.#target = target;
    this.#isStopped = false;
    this.#circuit.options = target.options;
    this.wake();
  }

  /** There may be something to do. */
  wake(): void {
    this.#looksAgain = true;
    if (!this.#isLooking) this.#looking = this.#look();
  }

  /** Takes nothing new; what is under way goes on. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Resolves when, after a stop, nothing is under way any more. */
  async idle(): Promise<void> {
    // What is just being taken is given back, too.
    await this.#looking;
    await this.#running.idle;
  }

  /** Ends what is under way; what it came to is written down. */
  abort(): void {
    this.#running.abort(new ServiceFailure('SHUTTING_DOWN', IN_DOUBT));
  }

  get #destination(): Destination {
    return { route: this.#target.route, upstream: this.#target.upstream.name };
  }

  /** Takes what may be taken; one look at a time. */
  async #look(): Promise<void> {
    this.#isLooking = true;
    try {
      while (this.#looksAgain && !this.#isStopped) {
        this.#looksAgain = false;
        await this.#take();
      }
    } catch (error) {
      this.#noteStoreFailure(error);
      this.#lookIn(LOOK_MS);
    } finally {
      this.#isLooking = false;
    }
  }

  async #take(): Promise<void> {
    const { store, clock } = this.#host;
    const free = this.#circuit.limit(clock.now()) - this.#running.size;
    if (free <= 0) {
      if (this.#running.size === 0) this.#lookIn(this.#circuit.pauseMs(clock.now()));
      return;
    }
    const claims = await store.spool.claim(this.#destination, free, this.#target.options.leaseMs);
    for (const claim of claims) void this.#deliver(claim);
    if (claims.length === free) return;
    const dueMs = (await store.spool.nextDueMs(this.#destination)) ?? LOOK_MS;
    this.#storeFails = false;
    this.#lookIn(this.#circuit.openSince === undefined ? Math.min(LOOK_MS, dueMs) : dueMs);
  }

  #lookIn(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isStopped) return;
    this.#timer = this.#host.clock.setTimer(() => this.wake(), Math.max(SHORTEST_LOOK_MS, delayMs));
  }

  /** A lane, as long as one of its messages after the other is taken. */
  async #deliver(first: Claim): Promise<void> {
    const running: Running = { claim: first, controller: new AbortController() };
    this.#running.add(running, this.#target.options.leaseMs);
    try {
      if (this.#isStopped) await this.#host.store.spool.giveBack(first);
      else for (let claim: Claim | undefined = first; claim !== undefined;) claim = await this.#attempt(running, claim);
    } catch (error) {
      // The lane is free again when its lease has ended, and its message then in doubt.
      this.#noteStoreFailure(error);
    }
    this.#running.remove(running);
    this.wake();
  }

  /** Gives the next message of the lane. @throws GatewayError STORE_* */
  async #attempt(running: Running, claim: Claim): Promise<Claim | undefined> {
    Object.assign(running, { claim, controller: new AbortController() });
    const startedMs = performance.now();
    const end = await this.#end(claim, running.controller);
    const observe = (outcome: DeliveryOutcome, failureCode?: FailureCode): void => {
      const { kind } = claim.message;
      const ms = performance.now() - startedMs;
      this.#host.observer?.({ ...this.#destination, kind, outcome, failureCode, ms });
    };
    switch (end.end) {
      case 'dead':
        await this.#bury(claim, end.failure);
        observe('dead', end.failure.code);
        return undefined;
      case 'later':
        await this.#postpone(claim, end);
        observe('later', end.failure.code);
        return undefined;
      default: {
        const failure = end.end === 'refused' ? end.failure : undefined;
        const next = await this.#finish(claim, end.end, failure);
        observe('delivered', failure?.code);
        return next;
      }
    }
  }

  async #bury(claim: Claim, failure: ServiceFailure): Promise<void> {
    const problem = problemOf(failure);
    await this.#host.store.spool.dead(claim, problem);
    this.#log('warn', claim, 'dead', { outcome: failure.code, problem: problem.problem });
    // Only rules of ours fail without the far end.
    if (failure.code !== 'CONVERSION_FAILED') await this.#noteAnswer();
  }

  async #finish(
    claim: Claim,
    status: 'delivered' | 'arrived' | 'loop' | 'refused',
    failure?: ServiceFailure,
  ): Promise<Claim | undefined> {
    const { spool, mpps } = this.#host.store;
    const { options, isForward, keepsCopy } = this.#target;
    const next = await spool.done(claim, options.leaseMs);
    const why = failure && { outcome: failure.code, problem: problemOf(failure).problem };
    this.#log(failure === undefined ? 'info' : 'warn', claim, status, why);
    await this.#noteAnswer();
    if (next !== undefined && this.#isStopped) {
      await spool.giveBack(next);
      return undefined;
    }
    if (next === undefined && isForward !== true && keepsCopy !== true) await mpps.eraseDeliveredCopy(claim.message);
    return next;
  }

  async #postpone(claim: Claim, { failure, inDoubt }: Extract<AttemptEnd, { end: 'later' }>): Promise<void> {
    const { spool } = this.#host.store;
    const { message } = claim;
    const { firstDelayMs, maximumDelayMs } = this.#target.options;
    if (failure.code === 'SHUTTING_DOWN' && this.#isStopped) {
      await (inDoubt ? spool.later(claim, 0, problemOf(failure), true) : spool.giveBack(claim));
      return;
    }
    const retryAfterMs = failure.retryAfter && Math.min(failure.retryAfter * 1_000, LONGEST_RETRY_AFTER_MS);
    const jitteredMs = this.#host.random() * growing(firstDelayMs, maximumDelayMs, message.attempts - 1);
    await spool.later(claim, Math.round(Math.max(jitteredMs, retryAfterMs ?? 0)), problemOf(failure), inDoubt);
    this.#noteFailure(claim, failure, retryAfterMs);
  }

  async #end(claim: Claim, controller: AbortController): Promise<AttemptEnd> {
    const { clock, logger } = this.#host;
    const { upstream, request, options, isForward } = this.#target;
    const { requester, traceId, hops, uid, kind } = claim.message;
    const { attemptTimeoutMs } = options;
    const { signal } = controller;
    const gaveUp = Promise.withResolvers<AttemptEnd>();
    let timer = clock.setTimer(() => {
      const comment = `no answer in ${attemptTimeoutMs / 1_000} s`;
      const tooLate = new ServiceFailure('UPSTREAM_TIMEOUT', { ...IN_DOUBT, comment });
      controller.abort(tooLate);
      const end = { end: 'later', failure: tooLate, inDoubt: true } as const;
      timer = clock.setTimer(() => gaveUp.resolve(end), LAST_WORDS_MS);
    }, attemptTimeoutMs);
    const deadline = performance.now() + attemptTimeoutMs;
    // Its words may name a patient.
    const warn = ({ code, attributes = [] }: ServiceWarning): void => {
      logger.warn('the destination warns', { traceId, uid, ...this.#destination, kind, warning: code, attributes });
    };
    const context: RequestContext = { signal, deadline, traceId, requester, hops, warn };
    const way = { upstream: upstream.upstream, request, isForward: isForward === true };
    try {
      return await Promise.race([attemptDelivery(way, claim, context, logger), gaveUp.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** The far end answers: what was waiting for that is due now, but not all at once. */
  async #noteAnswer(): Promise<void> {
    const stuckSince = this.#circuit.openSince;
    if (this.#circuit.succeeded() && stuckSince !== undefined) {
      const { store, clock, logger } = this.#host;
      const stuckMs = clock.now() - stuckSince;
      try {
        const waiting = await store.spool.wake(this.#destination);
        logger.info('destination answers again', { ...this.#destination, stuckMs, waiting });
      } catch (error) {
        this.#noteStoreFailure(error);
      }
    }
    this.wake();
  }

  #noteFailure({ message }: Claim, failure: ServiceFailure, retryAfterMs: number | undefined): void {
    const { logger, clock } = this.#host;
    this.#lastFailureCode = failure.code;
    const opened = this.#circuit.failed(failure.code, message.uid, clock.now(), retryAfterMs);
    const why = { ...this.#destination, outcome: failure.code, problem: problemOf(failure).problem };
    if (opened) logger.warn('destination is stuck', why);
    // Alone with its trouble it does not open the circuit, and must be seen all the same.
    else if (this.#circuit.openSince === undefined && message.attempts === OPENING_FAILURES) {
      logger.warn('message is stuck', { uid: message.uid, ...why });
    }
  }

  #log(level: 'info' | 'warn', { message }: Claim, status: string, more: Record<string, unknown> = {}): void {
    const { uid, route, upstream, kind, eventType, attempts, acceptedAt, traceId } = message;
    const ageMs = Math.max(0, this.#host.clock.now() - acceptedAt);
    this.#host.logger[level]('spool delivery', {
      traceId,
      uid,
      route,
      upstream,
      kind,
      ...(eventType !== undefined && { eventType }),
      attempts,
      ageMs,
      status,
      ...more,
    });
  }

  /** Once, until the store works again. */
  #noteStoreFailure(error: unknown): void {
    if (this.#storeFails) return;
    this.#storeFails = true;
    const text = 'the store failed the delivery of its messages';
    this.#host.logger.error(text, { ...this.#destination, ...errorFacts(error) });
  }
}

const IN_DOUBT = { retry: 'ambiguous' } as const;
