/** What a peer asks on an association that we have requested: N-EVENT-REPORT of storage commitment (PS3.4 J.3.3). */
import { GatewayError } from '../errors.ts';
import { DIMSE_STATUS, responseTo } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { Message } from './message.ts';
import type { AcceptedContext } from './message-channel.ts';

export interface PeerAnswer {
  readonly status: number;
  readonly errorComment?: string;
  readonly errorId?: number;
}

/** Answers a request; a rejection is answered 0110H. */
export type ServePeer = (message: Message, context: AcceptedContext) => Promise<PeerAnswer>;

/** What the requests need of their association. */
export interface PeerLine {
  /** @throws when there is no association any more */
  send(context: AcceptedContext, response: CommandSet): Promise<void>;
  /** Every request that has come is answered. */
  answered(): void;
}

/** Requests without an answer: more at a time is no client of these services. */
const MAXIMUM_OUTSTANDING = 64;

/** One after another: without an asynchronous operations window there is one outstanding (PS3.7 D.3.3.3). */
export class PeerRequests {
  readonly #serve: ServePeer;
  readonly #line: PeerLine;
  readonly #maximumBytes: number;
  #last: Promise<void> = Promise.resolve();
  #outstanding = 0;
  #outstandingBytes = 0;

  /** @param maximumBytes of the requests that wait for their answers, together */
  constructor(serve: ServePeer, line: PeerLine, maximumBytes: number) {
    this.#serve = serve;
    this.#line = line;
    this.#maximumBytes = maximumBytes;
  }

  get isEmpty(): boolean {
    return this.#outstanding === 0;
  }

  /** @throws GatewayError MESSAGE_INVALID for more than any peer has to ask */
  receive(message: Message, context: AcceptedContext): void {
    const bytes = message.dataSet?.length ?? 0;
    if (this.#outstanding === MAXIMUM_OUTSTANDING || this.#outstandingBytes + bytes > this.#maximumBytes) {
      throw new GatewayError('MESSAGE_INVALID', 'Too many requests without waiting for their answers');
    }
    this.#outstanding++;
    this.#outstandingBytes += bytes;
    this.#last = this.#last.then(async () => {
      await this.#answer(message, context);
      this.#outstanding--;
      this.#outstandingBytes -= bytes;
      if (this.isEmpty) this.#line.answered();
    });
  }

  /** What came whole is served although the association has ended meanwhile; then nobody is left to be told. */
  async #answer(message: Message, context: AcceptedContext): Promise<void> {
    const failed: PeerAnswer = { status: DIMSE_STATUS.processingFailure };
    const { status, ...fields } = await this.#serve(message, context).catch(() => failed);
    await this.#line.send(context, { ...responseTo(message.command, status), ...fields }).catch(() => undefined);
  }
}
