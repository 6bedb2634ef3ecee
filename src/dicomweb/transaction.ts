/**
 * A transaction of an origin server (PS3.18 8.1.2): what it is, for Retrieve Capabilities, and what it does. One table of
 * these registers the routes and is described by `OPTIONS`, so neither can differ from the other.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { RequestContext, ServiceName } from '../services/port.ts';

/** One HTTP request, as a transaction sees it. */
export interface WebRequest {
  readonly method: string;
  /** The query as it came, without `?`; empty when there is none. */
  readonly rawQuery: string;
  readonly headers: IncomingHttpHeaders;
  /** E.g. `http://gateway:8080/dicomweb`, as the client called it; no slash at the end. */
  readonly baseUri: string;
  readonly context: RequestContext;
  /** `performance.now()` when the request came. */
  readonly startedMs: number;
}

export interface WebAnswer {
  readonly status: number;
  /** Several values of one name go out as several fields. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly contentType?: string;
  /** Pieces of the body; absent or empty: no body. */
  readonly body?: readonly Buffer[];
}

export interface ParameterDescription {
  readonly name: string;
  readonly style: 'query' | 'header';
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

export interface Transaction {
  readonly id: string;
  readonly title: string;
  readonly method: 'GET' | 'OPTIONS';
  /** Below the Base URI, with a slash in front. */
  readonly path: string;
  /** Offered only where a route has this service; absent: always. */
  readonly service?: ServiceName;
  readonly parameters: readonly ParameterDescription[];
  readonly statuses: readonly StatusDescription[];
  /** @throws ServiceFailure; HttpRefusal where the status is the origin server's own */
  run(request: WebRequest): Promise<WebAnswer>;
}
