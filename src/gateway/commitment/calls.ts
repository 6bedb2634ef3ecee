/** What is asked and told over the wire of a storage commitment, each within its time; none rejects. */
import type { Logger } from '../../observe/log.ts';
import { ServiceFailure } from '../../services/port.ts';
import type { CommitmentReportContext, RequestContext, ServiceWarning } from '../../services/port.ts';
import type { ToldEvent } from '../../services/storage-commitment/commitment.ts';
import { referencesOf } from '../../services/storage-commitment/modules.ts';
import type { CommitmentRecord } from '../../store/commitment-records.ts';
import type { Clock } from '../clock.ts';
import type { CommitmentPlace, CommitmentTarget } from './route.ts';
import type { Answer } from './transitions.ts';
import { toFailure } from '../mapping.ts';

/** Takes an event that comes on the association of a request. @throws ServiceFailure */
export type TakeEvent = (upstream: string, event: ToldEvent, traceId: string) => Promise<void>;

/** After its time an attempt may still tell whether it sent anything. */
const LAST_WORDS_MS = 2_000;

export class CommitmentCalls {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #take: TakeEvent;
  readonly #underWay = new Set<AbortController>();
  /** Who keeps something for a result, by the id of its record. */
  readonly #keepers = new Map<number, Set<() => void>>();

  constructor(clock: Clock, logger: Logger, take: TakeEvent) {
    this.#clock = clock;
    this.#logger = logger;
    this.#take = take;
  }

  /** @param warn absent: warnings go to the log */
  async request(
    record: CommitmentRecord,
    { upstream, options }: CommitmentTarget,
    isRepeat: boolean,
    warn?: (warning: ServiceWarning) => void,
  ): Promise<Answer> {
    const { upstreamUid, module, traceId } = record;
    const reported = (event: ToldEvent): Promise<void> => this.#take(upstream.name, event, traceId);
    let isKnown = false;
    const forget = this.#whenKnown(record.id, () => (isKnown = true));
    const onResult = (listener: () => void): (() => void) => {
      if (!isKnown) return this.#whenKnown(record.id, listener);
      listener();
      return () => undefined;
    };
    const end = await this.#ended(record, options.attemptTimeoutMs, (context) =>
      upstream.upstream.requestCommitment(upstreamUid, referencesOf(module), {
        ...context,
        ...(warn && { warn }),
        holdMs: options.holdMs,
        reported,
        onResult,
      }),
    );
    forget();
    return { to: 'request', upstreamUid, isRepeat, end };
  }

  async check(record: CommitmentRecord, { upstream, options }: CommitmentTarget): Promise<Answer> {
    const { upstreamUid } = record;
    const end = await this.#ended(record, options.attemptTimeoutMs, (context) =>
      upstream.upstream.checkCommitment(upstreamUid, context),
    );
    return { to: 'check', upstreamUid, end };
  }

  /** Undefined: the SCU has taken the report. */
  async report(
    record: CommitmentRecord,
    { options }: CommitmentPlace,
    send: (context: CommitmentReportContext) => Promise<void>,
  ): Promise<ServiceFailure | undefined> {
    const { calledAeTitle } = record.requester;
    const { retrieveAeTitle } = options;
    return this.#ended(record, options.attemptTimeoutMs, async (context) => {
      await send({
        ...context,
        ...(calledAeTitle !== undefined && { callingAeTitle: calledAeTitle.trim() }),
        ...(retrieveAeTitle !== undefined && { retrieveAeTitle }),
      });
      return undefined;
    });
  }

  /** A transaction has its result. */
  noteResult(id: number): void {
    const keepers = this.#keepers.get(id);
    this.#keepers.delete(id);
    for (const keeper of keepers ?? []) keeper();
  }

  /** Ends what is under way; what it came to is still told. */
  abort(): void {
    const comment = 'the gateway ended while it was under way';
    const reason = new ServiceFailure('SHUTTING_DOWN', { retry: 'ambiguous', comment });
    for (const controller of this.#underWay) controller.abort(reason);
  }

  #whenKnown(id: number, keeper: () => void): () => void {
    const keepers = this.#keepers.get(id) ?? new Set();
    this.#keepers.set(id, keepers.add(keeper));
    return () => {
      keepers.delete(keeper);
      if (keepers.size === 0 && this.#keepers.get(id) === keepers) this.#keepers.delete(id);
    };
  }

  async #ended<Result>(
    record: CommitmentRecord,
    timeoutMs: number,
    work: (context: RequestContext) => Promise<Result>,
  ): Promise<Result | ServiceFailure> {
    const { traceId, requester, hops, transactionUid, route, upstream } = record;
    const controller = new AbortController();
    const gaveUp = Promise.withResolvers<ServiceFailure>();
    let timer = this.#clock.setTimer(() => {
      const comment = `no answer in ${timeoutMs / 1_000} s`;
      const tooLate = new ServiceFailure('UPSTREAM_TIMEOUT', { retry: 'ambiguous', comment });
      controller.abort(tooLate);
      timer = this.#clock.setTimer(() => gaveUp.resolve(tooLate), LAST_WORDS_MS);
    }, timeoutMs);
    // Its words may name a patient.
    const warn = ({ code, attributes = [] }: ServiceWarning): void => {
      const of = { traceId, uid: transactionUid, route, upstream };
      this.#logger.warn('a far end warns of a storage commitment', { ...of, warning: code, attributes });
    };
    const deadline = performance.now() + timeoutMs;
    this.#underWay.add(controller);
    try {
      return await Promise.race([
        work({ signal: controller.signal, deadline, traceId, requester, hops, warn }),
        gaveUp.promise,
      ]);
    } catch (error) {
      return toFailure(error, this.#logger, traceId);
    } finally {
      timer.cancel();
      this.#underWay.delete(controller);
    }
  }
}
