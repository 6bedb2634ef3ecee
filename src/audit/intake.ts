/** What stands between those who record and a disk: recording never waits and never fails, whatever the disk does. */
import type { Logger } from '../observe/log.ts';
import { inTime } from './audit-clock.ts';
import type { AuditClock } from './audit-clock.ts';

export interface IntakeOptions {
  /** Puts messages on the disk, says how many it has taken: there was no room for the rest. */
  readonly write: (messages: readonly Buffer[]) => Promise<number>;
  /** Messages are held in memory up to so many bytes while the disk is slow, or does not write. */
  readonly memoryBytes: number;
  /** After a failure of the disk. */
  readonly retryMs: number;
  /** Called once messages are taken again after some were lost. */
  readonly recovered: (lost: number) => void;
}

export class Intake {
  readonly #options: IntakeOptions;
  readonly #clock: AuditClock;
  readonly #logger: Logger;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #underWay: readonly Buffer[] = [];
  #working: Promise<void> | undefined;
  #hurry: (() => void) | undefined;
  #closing = false;
  #lost = 0;
  #lostNow = 0;
  #isFailing = false;

  constructor(options: IntakeOptions, clock: AuditClock, logger: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** Messages lost since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** In memory, not on the disk yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** The last write failed. */
  get isFailing(): boolean {
    return this.#isFailing;
  }

  put(message: Buffer): void {
    if (this.#closing) this.lose(1, 'the gateway ends');
    else if (this.#waitingBytes + message.length > this.#options.memoryBytes) this.lose(1, 'the disk is too slow');
    else {
      this.#waiting.push(message);
      this.#waitingBytes += message.length;
      this.#working ??= this.#work();
    }
  }

  /** Counts messages that are lost; the first of each time is told. */
  lose(count: number, why: string): void {
    if (this.#lostNow === 0) this.#logger.error('audit messages are lost', { why });
    this.#lost += count;
    this.#lostNow += count;
  }

  /** Takes nothing more; resolves once the disk has what it takes, at once where it fails. Never rejects. */
  async close(limitMs: number): Promise<void> {
    this.#closing = true;
    this.#hurry?.();
    if (this.#working !== undefined) await inTime(this.#working, limitMs, this.#clock);
    const left = this.#underWay.length + this.#waiting.length;
    if (left > 0) this.lose(left, 'the disk does not write');
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (this.#lostNow > 0) this.#logger.error('audit messages were lost', { lost: this.#lostNow });
  }

  async #work(): Promise<void> {
    // What comes in the same turn is written with it.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const messages = this.#waiting;
      this.#underWay = messages;
      this.#waiting = [];
      try {
        const taken = await this.#options.write(messages);
        this.#underWay = [];
        this.#waitingBytes -= bytesOf(messages);
        this.#isFailing = false;
        if (taken < messages.length) this.lose(messages.length - taken, 'there is no room for more');
        else this.#recover();
      } catch (error) {
        this.#underWay = [];
        this.#waiting = [...messages, ...this.#waiting];
        if (!this.#isFailing) this.#logger.error('audit messages cannot be written', { why: codeOf(error) });
        this.#isFailing = true;
        if (this.#closing) break;
        await this.#pause();
      }
    }
    // In the turn that has seen nothing more: what comes next begins anew.
    this.#working = undefined;
  }

  #recover(): void {
    const lost = this.#lostNow;
    if (lost === 0) return;
    this.#lostNow = 0;
    this.#logger.warn('audit messages are taken again', { lost });
    this.#options.recovered(lost);
  }

  async #pause(): Promise<void> {
    const over = Promise.withResolvers<void>();
    this.#hurry = over.resolve;
    const timer = this.#clock.setTimer(over.resolve, this.#options.retryMs);
    await over.promise;
    timer.cancel();
  }
}

function bytesOf(messages: readonly Buffer[]): number {
  return messages.reduce((sum, { length }) => sum + length, 0);
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
