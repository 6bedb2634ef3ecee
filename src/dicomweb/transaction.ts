/**
 * A transaction of an origin server (PS3.18 8.1.2): what it is, for Retrieve Capabilities, and what it does. One table of
 * these registers the routes and is described by `OPTIONS`, so neither can differ from the other.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { HeldBytes } from '../access/byte-budget.ts';
import type { Tag } from '../dataset/model.ts';
import type { RequestContext, ServiceFailure, Operation } from '../services/port.ts';

/** What a request holds of the memory of its listener. */
export interface RequestMemory {
  /** Grows with the body, as it came and as its content coding leaves it. */
  readonly body: HeldBytes;
  /** Grows with what is made of it: its data set, and the answer. */
  readonly made: HeldBytes;
}

/** A request whose connection may go on with another protocol (RFC 9110 7.8): what there is of it. */
export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** Bytes that came behind the request. */
  readonly head: Buffer;
}

/** One HTTP request, as a transaction sees it. */
export interface WebRequest {
  readonly method: string;
  /** What stands for the names in braces of the transaction's path, decoded. */
  readonly pathValues: Readonly<Record<string, string>>;
  /** The query as it came, without `?`; empty when there is none. */
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  /** E.g. `http://gateway:8080/dicomweb`, as the client called it; no slash at the end. */
  readonly baseUri: string;
  readonly context: RequestContext;
  /** `performance.now()` when the request came. */
  readonly startedMs: number;
  /** The bytes of the body; to be called once. @throws HttpRefusal 408, 413; ServiceFailure CANCELED, OUT_OF_RESOURCES */
  readBody(): Promise<Buffer>;
  /** Released when the request ends. */
  readonly held: RequestMemory;
  /** Whether the whole answer has left before the connection closed; never rejects. */
  readonly answerDelivered: Promise<boolean>;
  /** Of what its requester has shown; wall clock, ms since 1970. */
  readonly expiresAtMs: number;
  /** Of a request for WebSocket. */
  readonly upgrade?: Upgrade;
}

export interface WebAnswer {
  readonly status: number;
  /** Several values of one name go out as several fields. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly contentType?: string;
  /** Pieces of the body; absent or empty: no body. */
  readonly body?: readonly Buffer[];
  /** In place of all this: answers by itself, and goes on with the socket of the request. */
  readonly takeOver?: () => void;
}

export interface ParameterDescription {
  readonly name: string;
  readonly style: 'query' | 'header' | 'template';
  /** XML Schema type. */
  readonly type: 'xs:string' | 'xs:boolean' | 'xs:unsignedInt';
  readonly title: string;
  readonly required?: boolean;
  readonly repeating?: boolean;
  readonly default?: string;
  readonly options?: readonly string[];
}

export interface StatusDescription {
  readonly status: number;
  readonly title: string;
  readonly mediaTypes?: readonly string[];
}

/** How a failure shows on the web: what the tables of every service give. */
export interface FailureOutcome {
  readonly status: number;
  readonly comment: string;
  readonly attributes: readonly Tag[];
  /** Four hex digits. */
  readonly dimseStatus?: string;
  readonly errorId?: string;
  /** Seconds. */
  readonly retryAfter?: number;
  /** Text of the Warning, where the standard words it; absent: it tells the DIMSE status, if there is one. */
  readonly warning?: string;
}

export interface Transaction {
  readonly id: string;
  readonly title: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** Below the Base URI, with a slash in front; a name in braces stands for one segment. */
  readonly path: string;
  /** Query parameter that tells it from another transaction of the same method and path. */
  readonly selector?: string;
  /** Offered only where a route has the service of this; absent: always. */
  readonly operation?: Operation;
  /** It changes something at the far end, so it is finished even when its client has gone (status-mapping 2.1). */
  readonly isWrite?: boolean;
  /** The table of its failures; absent: that of the search. */
  readonly outcomeOf?: (failure: ServiceFailure) => FailureOutcome;
  readonly parameters: readonly ParameterDescription[];
  /** Bytes of a payload, before and after its content coding is undone; absent: the limit of the listener. */
  readonly maximumBodyBytes?: number;
  /** Media types of the payload of a request; absent: it has none. */
  readonly requestTypes?: readonly string[];
  readonly statuses: readonly StatusDescription[];
  /** @throws ServiceFailure; HttpRefusal where the status is the origin server's own */
  run(request: WebRequest): Promise<WebAnswer>;
}

/** What Retrieve Capabilities says of one, beside its method and path. */
export type TransactionDescription = Pick<
  Transaction,
  'title' | 'operation' | 'isWrite' | 'parameters' | 'requestTypes' | 'statuses'
>;
