/**
 * Far ends that do not answer at all: each attempt would take its whole time, and with many transactions nobody else's would
 * have a turn. After a few in a row one attempt at a time goes there, with growing pauses; the others fail as the last one did,
 * at once. In memory only.
 */
import { ServiceFailure } from '../../services/port.ts';
import { growing, OPENING_FAILURES } from '../circuit.ts';
import type { Clock } from '../clock.ts';

interface Silence {
  readonly failure: ServiceFailure;
  /** In a row. */
  readonly failures: number;
  readonly untilMs: number;
  isProbed: boolean;
}

const LONGEST_PAUSE_MS = 60_000;

export class Silences {
  readonly #clock: Clock;
  /** By the upstream as it runs, so that one with a new address begins anew. */
  readonly #silences = new WeakMap<object, Silence>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Why there is to be no attempt now; undefined: there may be one, and `note` is told what it came to. */
  turnedAway(farEnd: object): ServiceFailure | undefined {
    const silence = this.#silences.get(farEnd);
    if (silence === undefined || silence.failures < OPENING_FAILURES) return undefined;
    if (silence.isProbed || this.#clock.now() < silence.untilMs) return silence.failure;
    silence.isProbed = true;
    return undefined;
  }

  /** @param firstMs pause of a transaction after its first failure; those here are shorter, so that a single one is always tried */
  note(farEnd: object, firstMs: number, end: unknown): void {
    if (!(end instanceof ServiceFailure) || !isOfSilence(end)) {
      this.#silences.delete(farEnd);
      return;
    }
    const { failures = 0, untilMs = 0, isProbed = false } = this.#silences.get(farEnd) ?? {};
    const nowMs = this.#clock.now();
    const { code } = end;
    // Those that were under way together count once for the pause.
    const isNew = isProbed || failures < OPENING_FAILURES;
    const pauseMs = growing(firstMs / 2, LONGEST_PAUSE_MS, Math.max(0, failures - OPENING_FAILURES + 1));
    this.#silences.set(farEnd, {
      failure: new ServiceFailure(code, { retry: 'safe', comment: 'not tried: the far end has been silent' }),
      failures: isNew ? failures + 1 : failures,
      untilMs: isNew ? nowMs + pauseMs : untilMs,
      isProbed: false,
    });
  }
}

/** It took its time, and there was nobody. */
function isOfSilence({ code, dimseStatus, httpStatus }: ServiceFailure): boolean {
  return (code === 'UPSTREAM_TIMEOUT' || code === 'UPSTREAM_UNREACHABLE') && (dimseStatus ?? httpStatus) === undefined;
}
