/**
 * Who is there for a storage commitment in this process, in memory only: the association an SCU keeps for its report, and the
 * user agents that wait for a result. When the process ends they are gone, and nothing is lost but the short way.
 */
import type { CommitmentReporter } from '../../services/port.ts';
import type { Clock } from '../clock.ts';

interface Attendance {
  readonly reporter: CommitmentReporter | undefined;
  /** It has its answer. */
  readonly answered: PromiseWithResolvers<void>;
  /** The result is known, or nobody waits for it any longer. */
  readonly ended: PromiseWithResolvers<void>;
}

export class CommitmentAttendances {
  readonly #clock: Clock;
  readonly #here = new Map<number, Attendance>();
  #isEnded = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A requestor has asked; the function given says that it has its answer. */
  begin(id: number, reporter: CommitmentReporter | undefined): () => void {
    const attendance = {
      reporter,
      answered: Promise.withResolvers<void>(),
      ended: Promise.withResolvers<void>(),
    };
    this.#here.set(id, attendance);
    if (this.#isEnded) attendance.ended.resolve();
    return () => {
      attendance.answered.resolve();
      attendance.ended.resolve();
      if (reporter === undefined) this.#here.delete(id);
    };
  }

  /** The association of a request whose SCU has its answer, as long as it is open. */
  async reporterOf(id: number): Promise<CommitmentReporter | undefined> {
    const attendance = this.#here.get(id);
    await attendance?.answered.promise;
    return attendance?.reporter?.isOpen === true ? attendance.reporter : undefined;
  }

  has(id: number): boolean {
    return this.#here.has(id);
  }

  forget(id: number): void {
    this.#here.delete(id);
  }

  /** Lets associations go that are closed. */
  sweep(): void {
    for (const [id, { reporter }] of this.#here) if (reporter?.isOpen === false) this.#here.delete(id);
  }

  noteResult(id: number): void {
    this.#here.get(id)?.ended.resolve();
  }

  /** Resolves when a result becomes known in this process or nobody waits any more, after the time at the latest. */
  async untilResult(id: number, ms: number): Promise<void> {
    const attendance = this.#here.get(id);
    if (attendance === undefined) return;
    const late = Promise.withResolvers<void>();
    const timer = this.#clock.setTimer(() => late.resolve(), ms);
    await Promise.race([attendance.ended.promise, late.promise]);
    timer.cancel();
  }

  /** Nobody waits any longer. */
  end(): void {
    this.#isEnded = true;
    for (const { ended } of this.#here.values()) ended.resolve();
  }
}
