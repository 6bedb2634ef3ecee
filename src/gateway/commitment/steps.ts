/**
 * The steps of a storage commitment, one after another: ask the upstream, ask for the result, report it. Before anything is
 * sent that must not be sent twice without knowing, it is on the disk that it may have been.
 */
import { generateUid } from '../../dataset/uid.ts';
import type { Logger } from '../../observe/log.ts';
import { ServiceFailure } from '../../services/port.ts';
import type { ServiceWarning } from '../../services/port.ts';
import type { CommitmentRecord, Commitments } from '../../store/commitment-records.ts';
import type { CommitmentAttendances } from './attendances.ts';
import type { CommitmentCalls } from './calls.ts';
import type { Applied, CommitmentLedger } from './ledger.ts';
import { FIRST_REPORT_DELAY_MS } from './delays.ts';
import { afterReport } from './report-transitions.ts';
import type { CommitmentPlace, CommitmentTarget } from './route.ts';
import type { Silences } from './silences.ts';
import { afterAnswer, restart, whenDue, whenStray } from './transitions.ts';
import type { Answer, Situation } from './transitions.ts';
import { toFailure } from '../mapping.ts';
import type { NamedUpstream } from '../routes.ts';

export interface StepsHost {
  readonly store: Pick<Commitments, 'change'>;
  readonly ledger: CommitmentLedger;
  readonly calls: CommitmentCalls;
  readonly attendances: CommitmentAttendances;
  readonly silences: Silences;
  readonly logger: Logger;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** The process ends: nothing new is begun. */
  isStopping(): boolean;
  /** Where an SCU of this AE title takes reports. */
  addressOf(aeTitle: string): NamedUpstream | undefined;
}

/** Who waits while an upstream is asked for the first time. */
export interface WaitingRequestor {
  isWaiting: boolean;
  /** The upstream has answered: what is made of it is waited for. */
  hasAnswer: boolean;
  /** When the upstream asks to be asked for the result. */
  retryAfterMs?: number | undefined;
  readonly warn: (warning: ServiceWarning) => void;
}

/** Beside the time of an attempt itself: for its last words, and for writing down what it came to. */
const LEASE_RESERVE_MS = 30_000;

/** How long a process keeps what it works on, ms. */
export function leaseMsOf({ options }: CommitmentPlace): number {
  return options.attemptTimeoutMs + LEASE_RESERVE_MS;
}

export class CommitmentSteps {
  readonly #host: StepsHost;
  /** Reports that were taken while the store could not be told. */
  readonly #taken = new Set<number>();

  constructor(host: StepsHost) {
    this.#host = host;
  }

  /** Takes one step after another as long as there is something to do at once. @throws GatewayError STORE_* */
  async run(record: CommitmentRecord, place: CommitmentPlace): Promise<void> {
    for (let held: CommitmentRecord | undefined = record; held !== undefined;) {
      if (this.#host.isStopping()) {
        await this.#host.store.change(held, { dueInMs: 0 }, 'process');
        return;
      }
      const { record: next, isHeld } = await this.#step(held, place);
      held = isHeld ? next : undefined;
    }
  }

  /**
   * Asks until the upstream has answered for good, or is to be asked again later.
   * @param requestor it is the first time, and it waits
   * @throws GatewayError STORE_*
   */
  async askFirst(record: CommitmentRecord, target: CommitmentTarget, requestor: WaitingRequestor): Promise<Applied> {
    let applied = await this.#send(record, target, false, requestor);
    while (applied.isHeld && applied.record?.phase === 'asking') {
      applied = await this.#ask(applied.record, target, requestor);
    }
    return applied;
  }

  #step(record: CommitmentRecord, place: CommitmentPlace): Promise<Applied> {
    const { ledger } = this.#host;
    const { phase, revision } = record;
    if (phase === 'reporting') return this.#report(record, place);
    // Somebody who was faster may be one who can ask.
    if ('isStray' in place)
      return ledger.apply(record, (now) => (now.revision === revision ? whenStray(now) : undefined));
    if (phase === 'asking') return this.#ask(record, place);
    return phase === 'waiting' && isChecked(place) ? this.#check(record, place) : ledger.apply(record, whenDue);
  }

  async #ask(record: CommitmentRecord, target: CommitmentTarget, requestor?: WaitingRequestor): Promise<Applied> {
    const { ledger, store } = this.#host;
    // Without a first attempt that came to an end, the process that began it may have sent it before it was gone.
    const mayHaveBeenSent = record.inDoubt || record.attempts === 0;
    if (mayHaveBeenSent && isChecked(target)) {
      const answer = await this.#checked(record, target);
      if (!isUnknown(answer) || record.remainingMs <= 0) return this.#apply(record, answer, target, requestor);
    } else if (record.remainingMs <= 0) {
      return ledger.apply(record, whenDue);
    } else if (mayHaveBeenSent && record.upstreamUid !== record.transactionUid) {
      return ledger.apply(record, (now) => (now.phase === 'asking' ? restart(now, generateUid) : undefined), {
        leaseMs: leaseMsOf(target),
      });
    }
    const change = { inDoubt: true, dueInMs: 0, leaseMs: leaseMsOf(target) };
    const marked = await store.change(record, change, 'disk');
    if (marked === undefined) return { record, isHeld: false };
    return this.#send(marked, target, mayHaveBeenSent, requestor);
  }

  async #send(
    record: CommitmentRecord,
    target: CommitmentTarget,
    isRepeat: boolean,
    requestor?: WaitingRequestor,
  ): Promise<Applied> {
    if (requestor !== undefined) requestor.hasAnswer = false;
    const answer = await this.#requested(record, target, isRepeat, requestor);
    if (requestor !== undefined) noteAnswer(requestor, answer);
    return this.#apply(record, answer, target, requestor);
  }

  async #check(record: CommitmentRecord, target: CommitmentTarget): Promise<Applied> {
    return this.#apply(record, await this.#checked(record, target), target);
  }

  /** For one that waits itself, it is always tried. */
  async #requested(
    record: CommitmentRecord,
    target: CommitmentTarget,
    isRepeat: boolean,
    requestor?: WaitingRequestor,
  ): Promise<Answer> {
    const { calls, silences } = this.#host;
    const { upstreamUid } = record;
    const { upstream } = target;
    const silent = requestor === undefined ? silences.turnedAway(upstream) : undefined;
    if (silent !== undefined) return { to: 'request', upstreamUid, isRepeat, end: silent };
    const answer = await calls.request(record, target, isRepeat, requestor?.warn);
    silences.note(upstream, target.options.firstPollMs, answer.end);
    return answer;
  }

  async #checked(record: CommitmentRecord, target: CommitmentTarget): Promise<Answer> {
    const { calls, silences } = this.#host;
    const { upstream } = target;
    const silent = silences.turnedAway(upstream);
    if (silent !== undefined) return { to: 'check', upstreamUid: record.upstreamUid, end: silent };
    const answer = await calls.check(record, target);
    silences.note(upstream, target.options.firstPollMs, answer.end);
    return answer;
  }

  #apply(
    record: CommitmentRecord,
    answer: Answer,
    target: CommitmentTarget,
    requestor?: WaitingRequestor,
  ): Promise<Applied> {
    const situation: Situation = {
      options: target.options,
      isChecked: isChecked(target),
      random: this.#host.random,
      newUid: generateUid,
    };
    return this.#host.ledger.apply(record, (now) => afterAnswer(now, answer, situation), {
      leaseMs: leaseMsOf(target),
      mayRefuse: () => requestor?.isWaiting === true,
    });
  }

  async #report(record: CommitmentRecord, place: CommitmentPlace): Promise<Applied> {
    const { ledger, attendances, random } = this.#host;
    const failure = this.#taken.has(record.id) ? undefined : await this.#tell(record, place);
    if (failure === undefined) this.#taken.add(record.id);
    const applied = await ledger.apply(record, (now) => afterReport(now, failure, random));
    this.#taken.delete(record.id);
    if (applied.record?.phase !== 'reporting') attendances.forget(record.id);
    return applied;
  }

  /** On the association of the request while it is open, else on a new one. Undefined: the SCU has taken it. */
  async #tell(record: CommitmentRecord, place: CommitmentPlace): Promise<ServiceFailure | undefined> {
    const { id, transactionUid, result, requester, traceId } = record;
    const { calls, attendances, logger, silences } = this.#host;
    if (result === undefined) return new ServiceFailure('INTERNAL_ERROR', { comment: 'there is no result to report' });
    const aeTitle = requester.callingAeTitle?.trim() ?? '';
    const address = this.#host.addressOf(aeTitle);
    const mayBeOpen = place.options.reportOn === 'open-association';
    const open = mayBeOpen ? await attendances.reporterOf(id) : undefined;
    const silent = open === undefined && address !== undefined ? silences.turnedAway(address) : undefined;
    if (silent !== undefined) return silent;
    const failure = await calls.report(record, place, async (context) => {
      if (open !== undefined) {
        try {
          await open.report(transactionUid, result, context.retrieveAeTitle);
          return;
        } catch (error) {
          const failed = toFailure(error, logger, traceId);
          // Some take reports on a new association only, and say nothing to the point on the old one.
          if (address === undefined) throw failed;
          attendances.forget(id);
          // Most SCUs release at once, and cross a report that is quick: one that is gone has not answered, and will not.
          if (failed.retry === 'ambiguous' && failed.code !== 'CONNECTION_LOST') throw failed;
        }
      }
      if (address === undefined) throw withoutAddress(aeTitle);
      await address.upstream.reportCommitment(transactionUid, result, context);
    });
    if (open === undefined && address !== undefined) silences.note(address, FIRST_REPORT_DELAY_MS, failure);
    return failure;
  }
}

function noteAnswer(requestor: WaitingRequestor, { end }: Answer): void {
  requestor.hasAnswer = true;
  if ('state' in end && end.state === 'pending') requestor.retryAfterMs = end.retryAfterMs;
}

function isChecked({ upstream }: CommitmentTarget): boolean {
  return upstream.upstream.commitmentResult === 'checked';
}

/** The upstream has never heard of it: the request has not arrived. */
function isUnknown({ end }: Answer): boolean {
  return end instanceof ServiceFailure && end.code === 'NO_SUCH_INSTANCE';
}

function withoutAddress(aeTitle: string): ServiceFailure {
  const comment = `the SCU has no address: no dimse upstream has the AE title ${aeTitle}`;
  return new ServiceFailure('RESOURCE_NOT_FOUND', { retry: 'safe', comment });
}
