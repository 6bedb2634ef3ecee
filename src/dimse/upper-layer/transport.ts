/** The TCP connection of an association: writes that leave together, back-pressure, an end that does not wait forever. */
import type { Socket } from 'node:net';

export interface TransportTimers {
  /** The peer must take what was written after so long. */
  readonly writeMs: number;
  /** A closed connection is destroyed after so long when what was written last does not leave. */
  readonly closeMs: number;
}

export interface TransportUser {
  received(chunk: Buffer): void;
  /** The peer does not take what was written. */
  stalled(): void;
  /** Nothing more will be received; may come twice. */
  finished(): void;
  /** The connection is gone. */
  closed(): void;
}

export class Transport {
  readonly #socket: Socket;
  readonly #timers: TransportTimers;
  readonly #stalled: () => void;
  #closeTimer: NodeJS.Timeout | undefined;
  #error: Error | undefined;
  #corked = false;
  #drain: { promise: Promise<void>; settle: (error?: Error) => void } | undefined;

  constructor(socket: Socket, timers: TransportTimers, user: TransportUser) {
    this.#socket = socket;
    this.#timers = timers;
    this.#stalled = () => user.stalled();
    socket.on('data', (chunk: Buffer) => user.received(chunk));
    socket.on('drain', () => this.#drain?.settle());
    socket.on('error', (error) => (this.#error = error));
    socket.on('end', () => user.finished());
    socket.on('close', () => {
      clearTimeout(this.#closeTimer);
      user.finished();
      user.closed();
    });
  }

  /** Why the connection was lost, where the system told. */
  get error(): Error | undefined {
    return this.#error;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? '';
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** What is written in one turn of the event loop leaves in one write of the system, as far as it takes it. */
  write(bytes: Buffer): void {
    const socket = this.#socket;
    if (!socket.writable) return;
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      process.nextTick(() => this.#uncork());
    }
    if (!socket.write(bytes)) this.#uncork();
  }

  /** Resolves when the peer takes more; rejects with what `stopWaiting` is given. */
  async drained(): Promise<void> {
    if (!this.#socket.writableNeedDrain) return;
    this.#drain ??= this.#createDrain();
    await this.#drain.promise;
  }

  /** @param error made only when somebody waits: its stack costs more than the rest of a short association. */
  stopWaiting(error: () => Error): void {
    this.#drain?.settle(error());
  }

  /** Closes when everything written has left, or when that takes too long. */
  closeSoon(): void {
    if (this.#socket.destroyed) return;
    this.#socket.destroySoon();
    clearTimeout(this.#closeTimer);
    this.#closeTimer = setTimeout(() => this.#socket.destroy(), this.#timers.closeMs);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  #uncork(): void {
    if (!this.#corked) return;
    this.#corked = false;
    this.#socket.uncork();
  }

  #createDrain(): { promise: Promise<void>; settle: (error?: Error) => void } {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // Whoever waited may have gone: a rejection nobody sees must not end the process.
    promise.catch(() => undefined);
    const timer = setTimeout(this.#stalled, this.#timers.writeMs);
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      this.#drain = undefined;
      if (error === undefined) resolve();
      else reject(error);
    };
    return { promise, settle };
  }
}
