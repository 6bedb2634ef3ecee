/**
 * A notification connection (PS3.18 8.10): a WebSocket on which event reports go to one subscriber, each a text of one DICOM
 * JSON data set. The standard has no answer to a report; a ping behind it that is answered says that it has arrived.
 */
import type { WebSocket } from 'ws';
import type { HeldBytes } from '../access/byte-budget.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { EventChannel } from '../services/ups/workitem.ts';
import { UTF_8 } from './charset.ts';
import { encodeRepresentation } from './representation.ts';

export interface EventConnectionOptions {
  /** A connection on which nothing happens is asked so often whether it is there, and has so long to answer. */
  readonly idleTimeoutMs: number;
  /** Then whoever listens has to say anew who it is; wall clock, ms since 1970. */
  readonly expiresAtMs: number;
  /** Bytes of the listener that are held by reports under way; released with the connection. */
  readonly held: HeldBytes;
  /** Called once, when it has ended. */
  readonly ended: () => void;
}

interface Waiting {
  /** Number of the ping behind it. */
  readonly ping: number;
  readonly resolve: () => void;
  readonly reject: (failure: ServiceFailure) => void;
}

/** Codes of RFC 6455 7.4.1, and 1012 and 1013 of the registry of IANA. */
export const CLOSE = { normal: 1000, goingAway: 1001, policy: 1008, restart: 1012, tryAgain: 1013 } as const;
export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE];

/** A subscriber has nothing to say; some send a sign of life. So many in a row between two signs of ours are too many. */
const MAXIMUM_UNASKED = 50;
/** A far end that is told of the end has so long to agree. */
const CLOSING_MS = 500;

export class EventConnection implements EventChannel {
  readonly aeTitle: string;
  readonly #options: EventConnectionOptions;
  readonly #logger: Logger;
  readonly #opened = Promise.withResolvers<WebSocket>();
  /** Reports that went out and were not answered. */
  readonly #waiting: Waiting[] = [];
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** The reports before, one after the other. */
  #before: Promise<unknown> = Promise.resolve();
  #pinged = 0;
  #answered = 0;
  #unasked = 0;
  #isEnded = false;
  #why = 'the far end closed it';

  constructor(aeTitle: string, options: EventConnectionOptions, logger: Logger) {
    this.aeTitle = aeTitle;
    this.#options = options;
    this.#logger = logger;
    // Nobody may be waiting for it to open.
    this.#opened.promise.catch(() => undefined);
  }

  /** The handshake is done. */
  open(socket: WebSocket): void {
    this.#socket = socket;
    socket.on('message', () => this.#unaskedCame());
    socket.on('ping', () => this.#unaskedCame());
    socket.on('pong', (data) => this.#pongCame(data));
    // What the far end did wrong ends the connection, which is told once, by 'close'.
    socket.on('error', (error) => (this.#why = `protocol error ${(error as { code?: string }).code ?? ''}`.trim()));
    socket.on('close', () => this.lost());
    if (this.#isEnded) {
      socket.terminate();
      return;
    }
    this.#opened.resolve(socket);
    this.#beIdle();
  }

  /**
   * Resolves when the far end has it. One goes out after the other. Where others hold the memory the connection ends: what
   * waits is asked for anew.
   * @throws ServiceFailure CONNECTION_LOST
   */
  async send(report: DataSet): Promise<void> {
    const text = encodeRepresentation(report, 'json', UTF_8) as Buffer;
    const { held } = this.#options;
    if (this.#isEnded) throw connectionLost();
    if (!held.grow(text.length)) {
      this.end(CLOSE.tryAgain, 'no memory for a report');
      throw connectionLost();
    }
    const sent = this.#before.then(() => this.#deliver(text));
    this.#before = sent.catch(() => undefined);
    try {
      await sent;
    } finally {
      held.shrink(text.length);
    }
  }

  close(): void {
    this.end(CLOSE.normal, 'closed');
  }

  /** Says why, and ends; what was sent and not answered is lost. */
  end(code: CloseCode, why: string): void {
    if (this.#isEnded) return;
    this.#why = why;
    this.#socket?.close(code, why);
    this.lost();
    // It may not agree, or not even read that it should.
    const socket = this.#socket;
    if (socket === undefined) return;
    const timer = setTimeout(() => socket.terminate(), CLOSING_MS);
    socket.once('close', () => clearTimeout(timer));
  }

  /** Ends without a word. */
  terminate(): void {
    this.lost();
    this.#socket?.terminate();
  }

  /** The connection is gone, or never came to be. */
  lost(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#timer);
    const failure = connectionLost();
    this.#opened.reject(failure);
    for (const { reject } of this.#waiting.splice(0)) reject(failure);
    this.#options.held.release();
    this.#logger.info('event connection ended', { subscriber: this.aeTitle, why: this.#why });
    this.#options.ended();
  }

  async #deliver(text: Buffer): Promise<void> {
    const socket = await this.#opened.promise;
    this.#endExpired();
    if (this.#isEnded) throw connectionLost();
    socket.send(text, { binary: false });
    const ping = this.#ping(socket);
    await new Promise<void>((resolve, reject) => this.#waiting.push({ ping, resolve, reject }));
  }

  #ping(socket: WebSocket): number {
    this.#pinged++;
    socket.ping(String(this.#pinged));
    if (this.#pinged - this.#answered === 1) this.#expectAnswer();
    return this.#pinged;
  }

  /** An answer to a ping answers those before as well (RFC 6455 5.5.3). */
  #pongCame(data: Buffer): void {
    const ping = Number(data.toString('latin1'));
    if (!(ping > this.#answered && ping <= this.#pinged)) {
      this.#unaskedCame();
      return;
    }
    this.#answered = ping;
    this.#unasked = 0;
    while (this.#waiting[0] !== undefined && this.#waiting[0].ping <= ping) this.#waiting.shift()?.resolve();
    if (this.#answered === this.#pinged) this.#beIdle();
    else this.#expectAnswer();
  }

  /** A report that waits for this one is kept, and goes out on the next. */
  #endExpired(): void {
    if (Date.now() > this.#options.expiresAtMs) this.end(CLOSE.policy, 'the token of the connection has expired');
  }

  #unaskedCame(): void {
    if (++this.#unasked > MAXIMUM_UNASKED) this.end(CLOSE.policy, 'too much that nobody asked for');
  }

  #beIdle(): void {
    this.#after(() => {
      this.#endExpired();
      if (this.#socket !== undefined && !this.#isEnded) this.#ping(this.#socket);
    });
  }

  #expectAnswer(): void {
    this.#after(() => {
      this.#why = 'the far end does not read';
      this.terminate();
    });
  }

  #after(act: () => void): void {
    clearTimeout(this.#timer);
    if (!this.#isEnded) this.#timer = setTimeout(act, this.#options.idleTimeoutMs);
  }
}

function connectionLost(): ServiceFailure {
  return new ServiceFailure('CONNECTION_LOST', { retry: 'safe', comment: 'the event connection is gone' });
}
