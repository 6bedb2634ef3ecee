/**
 * Listens to the events of a UPS-RS server (proxy flows 6.6): subscribes to its worklist, keeps a notification connection
 * open, and catches up whenever that stands again.
 */
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger, LogFields } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { UpsEvent } from '../services/ups/workitem.ts';
import type { Clock } from './clock.ts';
import { parseEventReport } from './event-report-text.ts';
import { EventSocket } from './event-socket.ts';
import type { EventSocketOptions } from './event-socket.ts';
import { eventUrlOf } from './event-url.ts';
import type { EventAddress } from './event-url.ts';

export interface EventClientOptions extends EventAddress, Omit<EventSocketOptions, 'headers'> {
  /** First pause before it is opened anew, ms; it doubles up to a minute. */
  readonly reopenMs: number;
  /** Of each handshake; ends with the signal. */
  headers(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** The server has answered 401 to these. */
  refused(headers: Readonly<Record<string, string>>): void;
  /** Subscribes; the URL of the connection where the server names one. @throws ServiceFailure */
  subscribe(signal: AbortSignal): Promise<string | undefined>;
  /** The connection stands: whatever happened before is to be asked for. Reports wait until it resolves. */
  opened(signal: AbortSignal): Promise<void>;
  /** Reports come one after another. Rejects: the same comes again a little later. */
  reported(event: UpsEvent): Promise<void>;
}

const MAXIMUM_PAUSE_MS = 60_000;
/** A server that wants the connection before the subscription says so with one of these. */
const NOT_YET: ReadonlySet<number> = new Set([400, 403, 404, 409]);

export class EventClient {
  readonly #options: EventClientOptions;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #end = new AbortController();
  #ended: Promise<void> = Promise.resolve();

  constructor(options: EventClientOptions, clock: Clock, logger: Logger) {
    this.#options = options;
    this.#clock = clock;
    this.#logger = logger;
  }

  start(): void {
    this.#ended = this.#run();
  }

  /** Resolves when the connection is closed and nothing is under way any more. */
  async close(): Promise<void> {
    this.#end.abort();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { reopenMs } = this.#options;
    for (let pauseMs = reopenMs; !this.#end.signal.aborted; pauseMs = Math.min(pauseMs * 2, MAXIMUM_PAUSE_MS)) {
      const beganMs = this.#clock.now();
      try {
        await this.#listen();
        this.#logger.warn('the notification connection has ended');
      } catch (error) {
        if (this.#end.signal.aborted) return;
        this.#logger.warn('no events of the server are heard', factsOf(error));
      }
      // One that stood for long was no failure to open it.
      if (this.#clock.now() - beganMs > MAXIMUM_PAUSE_MS) pauseMs = reopenMs;
      await this.#pause(pauseMs);
    }
  }

  async #listen(): Promise<void> {
    const { signal } = this.#end;
    const socket = await this.#open(signal);
    try {
      await this.#options.opened(signal);
      this.#logger.info('events of the server are listened to');
      for await (const text of socket.texts()) {
        const event = this.#read(text);
        if (event !== undefined) await this.#report(event);
      }
    } finally {
      await socket.close();
    }
  }

  /** Subscribed first, since the answer names the URL; or second, where the server wants it so. */
  async #open(signal: AbortSignal): Promise<EventSocket> {
    let named: string | undefined;
    try {
      named = await this.#options.subscribe(signal);
    } catch (error) {
      if (!(error instanceof ServiceFailure) || !NOT_YET.has(error.httpStatus ?? 0)) throw error;
      const socket = await this.#connect(undefined, signal);
      try {
        await this.#options.subscribe(signal);
      } catch (second) {
        await socket.close();
        throw second;
      }
      return socket;
    }
    return this.#connect(named, signal);
  }

  async #connect(named: string | undefined, signal: AbortSignal): Promise<EventSocket> {
    const url = eventUrlOf(named, this.#options);
    if (named !== undefined && url.isBuilt) {
      this.#logger.warn('the server names a notification connection elsewhere: ours is built from its base URL');
    }
    const headers = await this.#options.headers(signal);
    try {
      return await EventSocket.open(url.url, { ...this.#options, headers }, this.#clock, signal);
    } catch (error) {
      if (error instanceof ServiceFailure && error.httpStatus === 401) this.#options.refused(headers);
      throw error;
    }
  }

  #read(text: string): UpsEvent | undefined {
    try {
      const event = parseEventReport(text);
      if (event === undefined) this.#logger.debug('an event report tells of nothing that is known');
      return event;
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      this.#logger.warn('an event report cannot be read', { code: error.code });
      return undefined;
    }
  }

  /** What cannot be taken in now holds up what comes after it: nothing overtakes, nothing is lost. */
  async #report(event: UpsEvent): Promise<void> {
    const { reopenMs } = this.#options;
    for (let pauseMs = reopenMs; !this.#end.signal.aborted; pauseMs = Math.min(pauseMs * 2, MAXIMUM_PAUSE_MS)) {
      try {
        return await this.#options.reported(event);
      } catch (error) {
        this.#logger.error('an event could not be taken in, and is tried again', errorFacts(error));
      }
      await this.#pause(pauseMs);
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#end;
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#clock.setTimer(done, ms);
      signal.addEventListener('abort', done);
    });
  }
}

function factsOf(error: unknown): LogFields {
  if (!(error instanceof ServiceFailure)) return errorFacts(error);
  return { code: error.code, problem: error.message };
}
