/** One notification connection to a UPS-RS server (PS3.18 8.10): a WebSocket that is read at the pace of its reader. */
import { on } from 'node:events';
import { WebSocket } from 'ws';
import type { ClientOptions } from 'ws';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode } from '../services/port.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import type { Clock, Timer } from './clock.ts';

export interface EventSocketOptions {
  readonly headers: Readonly<Record<string, string>>;
  /** Of `wss:`; absent: the authorities of Node. */
  readonly tls: ClientTls | undefined;
  /** From the call to the answer of the server. */
  readonly handshakeTimeoutMs: number;
  readonly maximumReportBytes: number;
}

/** Between two pings; one that is not answered until the next ends the connection. */
const PING_EVERY_MS = 30_000;
/** Frames that are read ahead of the reader. */
const READ_AHEAD = 64;
const CLOSE_WITHIN_MS = 1_000;
const GOING_AWAY = 1001;

export class EventSocket {
  readonly #socket: WebSocket;
  readonly #clock: Clock;
  readonly #frames: AsyncIterable<unknown[]>;
  #timer: Timer | undefined;
  #isAlive = true;

  private constructor(socket: WebSocket, clock: Clock, signal: AbortSignal) {
    this.#socket = socket;
    this.#clock = clock;
    // From the first frame on, which may come with the answer.
    this.#frames = on(socket, 'message', { signal, close: ['close'], highWaterMark: READ_AHEAD, lowWaterMark: 1 });
    socket.on('pong', () => (this.#isAlive = true));
  }

  /** @throws ServiceFailure; with `httpStatus` where the server has refused */
  static async open(url: URL, options: EventSocketOptions, clock: Clock, signal: AbortSignal): Promise<EventSocket> {
    const socket = new WebSocket(url, clientOptions(url, options));
    const events = new EventSocket(socket, clock, signal);
    const end = (): void => socket.terminate();
    signal.addEventListener('abort', end);
    try {
      await opened(socket);
    } catch (error) {
      socket.terminate();
      throw signal.aborted ? new ServiceFailure('CANCELED', { cause: error }) : error;
    } finally {
      signal.removeEventListener('abort', end);
    }
    events.#watch();
    return events;
  }

  /** Text frames as they come; ends with the connection. @throws ServiceFailure, also when the signal aborts */
  async *texts(): AsyncGenerator<string, void, undefined> {
    try {
      for await (const [data, isBinary] of this.#frames) {
        if (isBinary !== true && Buffer.isBuffer(data)) yield data.toString('utf8');
      }
    } catch (error) {
      throw failureOf(error, 'UPSTREAM_PROTOCOL_ERROR', 'The notification connection broke');
    }
  }

  /** Resolves when it is closed, by force after a second. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    if (this.#socket.readyState === WebSocket.CLOSED) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    const force = this.#clock.setTimer(() => this.#socket.terminate(), CLOSE_WITHIN_MS);
    // A reader that has stopped would not see the end.
    this.#socket.resume();
    this.#socket.close(GOING_AWAY);
    await closed;
    force.cancel();
  }

  #watch(): void {
    this.#timer = this.#clock.setTimer(() => {
      // A connection that is not read has its pongs unread, too.
      if (!this.#isAlive && !this.#socket.isPaused) return this.#socket.terminate();
      this.#isAlive = false;
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
      this.#watch();
    }, PING_EVERY_MS);
  }
}

function clientOptions(url: URL, options: EventSocketOptions): ClientOptions {
  const { tls, headers, handshakeTimeoutMs, maximumReportBytes } = options;
  const { hostname, port } = url;
  return {
    headers: { ...headers },
    handshakeTimeout: handshakeTimeoutMs,
    maxPayload: maximumReportBytes,
    perMessageDeflate: false,
    followRedirects: false,
    ...(url.protocol === 'wss:' &&
      tls !== undefined && {
        createConnection: () =>
          tls.connect({ host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) }),
      }),
  };
}

function opened(socket: WebSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    // Stays: what goes wrong later is told by the end of the frames.
    socket.on('error', (error) => reject(failureOf(error, 'UPSTREAM_UNREACHABLE', 'No notification connection')));
    socket.once('unexpected-response', (request, { statusCode: httpStatus }) => {
      request.destroy();
      const comment = `HTTP ${httpStatus} to the notification connection`;
      reject(new ServiceFailure('UNEXPECTED_STATUS', { comment, ...(httpStatus !== undefined && { httpStatus }) }));
    });
  });
}

function failureOf(error: unknown, failure: FailureCode, what: string): ServiceFailure {
  const { code } = error as { code?: unknown };
  const comment = typeof code === 'string' ? `${what} (${code})` : what;
  return new ServiceFailure(failure, { retry: 'safe', comment, cause: error });
}
