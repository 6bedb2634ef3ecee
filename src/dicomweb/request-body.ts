/** The body of a request: read under limits without ending the connection, or thrown away so that an answer arrives. */
import type { IncomingMessage } from 'node:http';
import type { HeldBytes } from '../access/byte-budget.ts';
import { ServiceFailure } from '../services/port.ts';
import { HttpRefusal } from './http-refusal.ts';

export interface BodyLimits {
  /** As it comes, before its content coding is undone. */
  readonly maximumBytes: number;
  /** From the first look at the body to its end. */
  readonly timeoutMs: number;
  /** Grows with what is read. */
  readonly held: HeldBytes;
}

/** A client that has sent nothing for so long has seen our answer. */
const DISCARD_IDLE_MS = 250;
const DISCARD_MS = 5_000;

export class RequestBody {
  readonly #request: IncomingMessage;
  readonly #limits: BodyLimits;
  #isAwaited = false;
  #isComplete = false;

  constructor(request: IncomingMessage, limits: BodyLimits) {
    this.#request = request;
    this.#limits = limits;
  }

  /** It is being read, and its end has not come. */
  get isAwaited(): boolean {
    return this.#isAwaited;
  }

  /** It was read to its end. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /**
   * The whole body; to be called once.
   * @throws HttpRefusal 413 as soon as it is too long, 408 when its end does not come in time
   * @throws ServiceFailure CANCELED when the client goes away before its end; OUT_OF_RESOURCES when others hold the memory;
   *   the reason of the signal
   */
  async read(signal: AbortSignal): Promise<Buffer> {
    this.#isAwaited = true;
    try {
      const bytes = await this.#collect(signal);
      this.#isComplete = true;
      return bytes;
    } finally {
      this.#isAwaited = false;
    }
  }

  #collect(signal: AbortSignal): Promise<Buffer> {
    const request = this.#request;
    const { maximumBytes, timeoutMs, held } = this.#limits;
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const stop = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        // Not destroyed: that would take the connection from under the answer.
        request.off('data', onData).off('end', onEnd).off('close', onGone).off('error', onGone).pause();
      };
      const fail = (failure: Error): void => {
        stop();
        reject(failure);
      };
      const onData = (chunk: Buffer): void => {
        bytes += chunk.length;
        if (bytes > maximumBytes) fail(tooLong(maximumBytes));
        else if (!held.grow(chunk.length)) fail(noMemory());
        else chunks.push(chunk);
      };
      const onEnd = (): void => {
        stop();
        resolve(Buffer.concat(chunks));
      };
      const onGone = (): void => fail(new ServiceFailure('CANCELED', { comment: 'The body broke off' }));
      const onAbort = (): void => fail(signal.reason as Error);
      const timer = setTimeout(() => fail(bodyTooLate()), timeoutMs);
      if (signal.aborted) onAbort();
      else if (request.destroyed && !request.complete) onGone();
      else {
        signal.addEventListener('abort', onAbort, { once: true });
        request.on('data', onData).on('end', onEnd).on('close', onGone).on('error', onGone).resume();
      }
    });
  }
}

export function tooLong(maximumBytes: number): HttpRefusal {
  return new HttpRefusal(413, 'BAD_REQUEST', `The body is longer than ${maximumBytes} bytes`);
}

/** The listener holds as much as it may, for all requests together: 503. */
export function noMemory(): ServiceFailure {
  return new ServiceFailure('OUT_OF_RESOURCES', { retry: 'safe', comment: 'Others hold the memory for this request' });
}

export function bodyTooLate(): HttpRefusal {
  return new HttpRefusal(408, 'BAD_REQUEST', 'The body did not come in time');
}

/**
 * Takes what is left of a body and drops it: a connection that is closed with bytes unread is reset, which takes the
 * answer away from a client that is still sending. Ends with the body, or when it has gone on for long enough.
 */
export function discardBody(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(idle);
      clearTimeout(limit);
      resolve();
    };
    const idle = setTimeout(done, DISCARD_IDLE_MS);
    const limit = setTimeout(done, DISCARD_MS);
    request
      .on('data', () => idle.refresh())
      .on('end', done)
      .on('close', done)
      .on('error', done)
      .resume();
  });
}
