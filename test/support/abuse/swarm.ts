/** The connections of one attack: opened again as they are closed, ended together, counted. */
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Intruder } from './windows.ts';

/** They come one after another, not all in one turn of the attacker. */
const RAMP_MS = 200;

/** What an attack came to. */
export interface Spoils {
  /** Connections that were opened. */
  readonly connections: number;
  /** Bytes sent and received. */
  readonly sent: number;
  readonly received: number;
  /** What came back, by the first byte of a PDU or the status line. */
  readonly answers: Readonly<Record<string, number>>;
}

export class Swarm {
  readonly #ports: Readonly<Record<'dimse' | 'web', number>>;
  readonly intruder: Intruder;
  readonly #sockets = new Set<Socket>();
  readonly #answers: Record<string, number> = {};
  #connections = 0;
  #sent = 0;
  #received = 0;
  #isOver = false;

  constructor(ports: Readonly<Record<'dimse' | 'web', number>>, intruder: Intruder) {
    this.#ports = ports;
    this.intruder = intruder;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  end(): Spoils {
    this.#isOver = true;
    for (const socket of this.#sockets) {
      this.#sent += socket.bytesWritten;
      socket.destroy();
    }
    return { connections: this.#connections, sent: this.#sent, received: this.#received, answers: this.#answers };
  }

  /** So many of these at a time, again and again, each after a pause. */
  async keepUp(count: number, one: () => Promise<void>, pauseMs = 0): Promise<void> {
    await Promise.all(
      Array.from({ length: count }, async (_value, i) => {
        await sleep((RAMP_MS * i) / count);
        while (!this.#isOver) {
          await one();
          // Also without a pause others get their turn.
          await sleep(pauseMs);
        }
      }),
    );
  }

  /**
   * One connection; resolves when it is closed, or after `lifeMs`.
   * @param play what is done once it is open
   */
  async visit(
    listener: 'dimse' | 'web',
    play: (visitor: Visitor) => Promise<void> | void,
    lifeMs = 60_000,
  ): Promise<void> {
    const { promise: gone, resolve } = Promise.withResolvers<void>();
    const socket = connect({ host: '127.0.0.1', port: this.#ports[listener], localAddress: this.intruder.address });
    this.#sockets.add(socket);
    const visitor = new Visitor(socket, (chunk) => this.#heard(chunk));
    socket.on('connect', () => {
      this.#connections++;
      void play(visitor);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (this.#sockets.delete(socket) && !this.#isOver) this.#sent += socket.bytesWritten;
      resolve();
    });
    const timer = setTimeout(() => socket.destroy(), lifeMs);
    await gone;
    clearTimeout(timer);
  }

  #heard(chunk: Buffer): void {
    this.#received += chunk.length;
    const kind = chunk.toString('latin1', 0, 5) === 'HTTP/' ? chunk.toString('latin1', 9, 12) : `PDU ${chunk[0] ?? ''}`;
    this.#answers[kind] = (this.#answers[kind] ?? 0) + 1;
  }
}

/** One connection of the attacker. */
export class Visitor {
  readonly #socket: Socket;
  #wake: (() => void) | undefined;

  constructor(socket: Socket, heard: (chunk: Buffer) => void) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      heard(chunk);
      this.#wake?.();
    });
    socket.on('close', () => this.#wake?.());
  }

  get isGone(): boolean {
    return this.#socket.destroyed;
  }

  send(...parts: readonly (Buffer | string)[]): void {
    for (const part of parts) if (this.#socket.writable) this.#socket.write(part);
  }

  /** Something came, or the connection is gone. */
  answer(): Promise<void> {
    return this.isGone ? Promise.resolve() : new Promise((resolve) => (this.#wake = resolve));
  }

  /** A byte at a time. */
  async drip(bytes: Buffer, everyMs: number): Promise<void> {
    for (let i = 0; i < bytes.length && !this.isGone; i++) {
      this.send(bytes.subarray(i, i + 1));
      await sleep(everyMs);
    }
  }

  stopReading(): void {
    this.#socket.pause();
  }

  close(): void {
    this.#socket.destroy();
  }
}
