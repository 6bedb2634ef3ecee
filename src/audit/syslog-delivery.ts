/**
 * Brings messages to one collector in order, through the spool. Syslog has no acknowledgement: a message counts as arrived
 * once its connection has outlived it by a while. What was sent last before a connection broke is sent again, so that a
 * collector may see it twice but does not miss it.
 */
import type { Logger } from '../observe/log.ts';
import { inTime } from './audit-clock.ts';
import type { AuditClock, AuditTimer } from './audit-clock.ts';
import { Intake } from './intake.ts';
import type { Spool, SpoolPosition } from './spool.ts';
import type { OpenLink, SyslogLink } from './syslog-links.ts';

export interface DeliveryTimes {
  /** Between attempts to reach the collector: the first, doubled up to the longest. */
  readonly firstRetryMs: number;
  readonly longestRetryMs: number;
  /** How long a connection must outlive a message. */
  readonly settleMs: number;
}

export interface DeliveryState {
  /** The last thing the collector did was to take a message. */
  readonly isUp: boolean;
  /** Not arrived yet, as far as is known. */
  readonly waitingBytes: number;
  /** Since the start. */
  readonly lost: number;
}

/** For what is left of the spool, however late it is. */
const LAST_WRITES_MS = 1_000;
/** So much waits in memory for a disk that is slow. */
const MEMORY_BYTES = 4 * 1024 * 1024;

export class SyslogDelivery {
  readonly #spool: Spool;
  readonly #open: OpenLink;
  readonly #times: DeliveryTimes;
  readonly #clock: AuditClock;
  readonly #logger: Logger;
  readonly #intake: Intake;
  readonly #running: Promise<void>;
  #link: SyslogLink | undefined;
  /** Everything before it is with the link. */
  #sent: SpoolPosition | undefined;
  #settling: AuditTimer | undefined;
  #hasNews = false;
  #wake: (() => void) | undefined;
  #isUp = true;
  #isClosing = false;
  #isClosed = false;
  #retryMs: number;

  /** @param recovered called once messages are taken again after some were lost */
  constructor(
    spool: Spool,
    open: OpenLink,
    times: DeliveryTimes,
    recovered: (lost: number) => void,
    clock: AuditClock,
    logger: Logger,
  ) {
    this.#spool = spool;
    this.#open = open;
    this.#times = times;
    this.#clock = clock;
    this.#logger = logger;
    this.#retryMs = times.firstRetryMs;
    const write = async (messages: readonly Buffer[]): Promise<number> => {
      const taken = await spool.append(messages);
      this.#tell();
      return taken;
    };
    this.#intake = new Intake(
      { write, memoryBytes: MEMORY_BYTES, retryMs: times.firstRetryMs, recovered },
      clock,
      logger,
    );
    this.#running = this.#run();
  }

  get state(): DeliveryState {
    return {
      isUp: this.#isUp,
      waitingBytes: this.#intake.waitingBytes + this.#spool.bytes,
      lost: this.#intake.lost,
    };
  }

  /** Never waits, never fails. */
  put(message: Buffer): void {
    this.#intake.put(message);
  }

  /** Sends what there is if the collector is there; the rest stays on the disk. Never rejects. */
  async close(limitMs: number): Promise<void> {
    const endMs = this.#clock.now() + limitMs;
    const left = (): number => Math.max(0, endMs - this.#clock.now());
    await this.#intake.close(left());
    this.#isClosing = true;
    this.#tell();
    await inTime(this.#running, left(), this.#clock);
    this.#isClosed = true;
    this.#settling?.cancel();
    const sent = this.#sent;
    const hasArrived = (await this.#link?.close(left())) === true;
    if (hasArrived && sent !== undefined) await this.#spool.confirm(sent);
    await inTime(this.#spool.close(), Math.max(left(), LAST_WRITES_MS), this.#clock);
  }

  /** Ends when there is nothing more to send, or no collector, and it is time to. */
  async #run(): Promise<void> {
    for (;;) {
      try {
        this.#hasNews = false;
        this.#checkLink();
        const messages = await this.#spool.read();
        if (messages.length > 0) await this.#send(messages);
        else if (this.#isClosing) return;
        else await this.#rest();
      } catch (error) {
        this.#failed(error);
        if (this.#isClosing) return;
        await this.#rest(this.#retryMs);
        this.#retryMs = Math.min(this.#retryMs * 2, this.#times.longestRetryMs);
      }
    }
  }

  #checkLink(): void {
    if (this.#link?.isBroken !== true) return;
    // A collector may end a connection on which nothing is under way.
    if (this.#settling === undefined) this.#link = undefined;
    else throw new Error('the connection has ended');
  }

  async #send(messages: readonly Buffer[]): Promise<void> {
    const link = (this.#link ??= await this.#open(() => this.#tell()));
    if (this.#isClosed) {
      link.destroy();
      throw new Error('too late');
    }
    const fitting = messages.filter(({ length }) => length <= link.maximumMessageBytes);
    const tooLong = messages.length - fitting.length;
    if (tooLong > 0) this.#intake.lose(tooLong, 'too long for a datagram');
    await link.send(fitting);
    this.#sent = this.#spool.position;
    if (this.#settling === undefined) this.#settle(link, this.#sent);
  }

  /** One timer at a time, whatever is sent meanwhile. */
  #settle(link: SyslogLink, sent: SpoolPosition): void {
    this.#settling = this.#clock.setTimer(() => {
      this.#settling = undefined;
      if (link.isBroken) {
        // Noticed before anything else is sent.
        this.#settle(link, sent);
        return;
      }
      if (!this.#isUp) this.#logger.info('the audit collector takes messages again');
      this.#isUp = true;
      this.#retryMs = this.#times.firstRetryMs;
      void this.#spool.confirm(sent);
      if (this.#sent !== undefined && this.#sent !== sent) this.#settle(link, this.#sent);
    }, this.#times.settleMs);
  }

  #failed(error: unknown): void {
    if (this.#isUp) {
      const { code } = error as NodeJS.ErrnoException;
      this.#logger.warn('the audit collector is not there; messages wait in the spool', {
        why: code ?? 'connection ended',
      });
    }
    this.#isUp = false;
    this.#settling?.cancel();
    this.#settling = undefined;
    this.#link?.destroy();
    this.#link = undefined;
    this.#sent = undefined;
    this.#spool.rewind();
  }

  /** There is something to do. */
  #tell(): void {
    this.#hasNews = true;
    this.#wake?.();
  }

  /** Until there is something to do. @param limitMs instead: so long, or until the end */
  async #rest(limitMs?: number): Promise<void> {
    const isOver = (): boolean => this.#isClosing || (limitMs === undefined && this.#hasNews);
    if (isOver()) return;
    const over = Promise.withResolvers<void>();
    const timer = limitMs === undefined ? undefined : this.#clock.setTimer(over.resolve, limitMs);
    this.#wake = () => {
      if (isOver()) over.resolve();
    };
    await over.promise;
    this.#wake = undefined;
    timer?.cancel();
  }
}
