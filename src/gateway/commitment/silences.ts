/**
 * Far ends that do not answer at all: each attempt would take its whole time, and with many transactions nobody else's would
 * have a turn. After a few in a row one attempt at a time goes there, with growing pauses; the others fail as the last one did,
 * at once. In memory only.
 */
import type { Logger } from '../../observe/log.ts';
import { ServiceFailure } from '../../services/port.ts';
import { growing, OPENING_FAILURES } from '../circuit.ts';
import type { Clock } from '../clock.ts';
import type { NamedUpstream } from '../routes.ts';

/** There was no attempt, and nothing is new: of the silence itself there is a line in the log. */
export class NotTried extends ServiceFailure {}

interface Silence {
  readonly failure: NotTried;
  /** In a row. */
  readonly failures: number;
  readonly untilMs: number;
  isProbed: boolean;
  /** Somebody was turned away, and there is a line in the log. */
  isTold: boolean;
}

const LONGEST_PAUSE_MS = 60_000;

export class Silences {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** By the upstream as it runs, so that one with a new address begins anew. */
  #silences = new WeakMap<object, Silence>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Each is tried as if nothing had been. */
  forget(): void {
    this.#silences = new WeakMap();
  }

  /** Why there is to be no attempt now; undefined: there may be one, and `note` is told what it came to. */
  turnedAway(farEnd: NamedUpstream): NotTried | undefined {
    const silence = this.#silences.get(farEnd.upstream);
    if (silence === undefined || silence.failures < OPENING_FAILURES) return undefined;
    if (!silence.isProbed && this.#clock.now() >= silence.untilMs) {
      silence.isProbed = true;
      return undefined;
    }
    if (!silence.isTold) {
      silence.isTold = true;
      const text = 'a far end of storage commitment is silent: one attempt at a time goes there until it answers';
      this.#logger.warn(text, { upstream: farEnd.name, outcome: silence.failure.code });
    }
    return silence.failure;
  }

  /** @param firstMs pause of a transaction after its first failure; those here are shorter, so that a single one is always tried */
  note({ name, upstream }: NamedUpstream, firstMs: number, end: unknown): void {
    const { failures = 0, untilMs = 0, isProbed = false, isTold = false } = this.#silences.get(upstream) ?? {};
    if (end instanceof ServiceFailure && isOfUs(end)) {
      const silence = this.#silences.get(upstream);
      if (silence !== undefined) silence.isProbed = false;
      return;
    }
    if (!(end instanceof ServiceFailure) || !isOfSilence(end)) {
      this.#silences.delete(upstream);
      if (isTold) this.#logger.info('a far end of storage commitment answers again', { upstream: name });
      return;
    }
    const { code } = end;
    // Those that were under way together count once for the pause.
    const counts = isProbed || failures < OPENING_FAILURES;
    const pauseMs = growing(firstMs / 2, LONGEST_PAUSE_MS, Math.max(0, failures - OPENING_FAILURES + 1));
    const comment = 'not tried: the far end has been silent';
    this.#silences.set(upstream, {
      failure: new NotTried(code, { retry: 'safe', comment }),
      failures: counts ? failures + 1 : failures,
      untilMs: counts ? this.#clock.now() + pauseMs : untilMs,
      isProbed: false,
      isTold,
    });
  }
}

/** It took its time, and there was nobody. */
function isOfSilence({ code, dimseStatus, httpStatus }: ServiceFailure): boolean {
  return (code === 'UPSTREAM_TIMEOUT' || code === 'UPSTREAM_UNREACHABLE') && (dimseStatus ?? httpStatus) === undefined;
}

/** No place for another association, or the end of the process: nothing was heard of the far end. */
function isOfUs({ code, dimseStatus, httpStatus }: ServiceFailure): boolean {
  return (code === 'OUT_OF_RESOURCES' || code === 'SHUTTING_DOWN') && (dimseStatus ?? httpStatus) === undefined;
}
