/** What a tap saw pass: one request or one whole answer, as it was on the wire. */
import type { DataSet } from '../dataset/model.ts';
import type { AcceptedContext } from '../dimse/message-channel.ts';
import type { CommandSet } from '../dimse/command-set.ts';

/** Data sets of one message: how many, and the first of them. */
export interface SeenData<T> {
  readonly count: number;
  readonly first: T | undefined;
}

/** One data set as it stood in a JSON body, by tag. */
export type JsonObject = Readonly<Record<string, unknown>>;

interface SeenDimse {
  /** Who it goes to: the one who associated, the peer, may be asked on its association too (N-EVENT-REPORT). */
  readonly towards: 'listener' | 'peer';
  readonly callingAeTitle: string;
  readonly calledAeTitle: string;
  readonly context: AcceptedContext;
  readonly command: CommandSet;
  readonly data: SeenData<DataSet>;
}

export interface SeenDimseRequest extends SeenDimse {
  readonly kind: 'dimse-request';
}

/** All responses to one request: `command` is of the last one, `pending` of those before it. */
export interface SeenDimseAnswer extends SeenDimse {
  readonly kind: 'dimse-answer';
  /** Status of the pending responses, undefined when there were none. */
  readonly pending: number | undefined;
}

interface SeenHttp {
  /** Request target, of the request in an answer too. */
  readonly target: string;
  /** Names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  /** After undoing content codings. */
  readonly bodyBytes: number;
  /** None where the body is not DICOM JSON. */
  readonly data: SeenData<JsonObject>;
}

export interface SeenHttpRequest extends SeenHttp {
  readonly kind: 'http-request';
  readonly method: string;
}

export interface SeenHttpAnswer extends SeenHttp {
  readonly kind: 'http-answer';
  readonly status: number;
  readonly reason: string;
}

export type Seen = SeenDimseRequest | SeenDimseAnswer | SeenHttpRequest | SeenHttpAnswer;

export const NO_DATA: SeenData<never> = { count: 0, first: undefined };

/** Reads one connection as its bytes pass; throws at what it cannot read. */
export interface ConnectionReader {
  /** Bytes towards the listener. */
  request(chunk: Buffer): void;
  /** Bytes back from it. */
  answer(chunk: Buffer): void;
}
