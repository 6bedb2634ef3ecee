/**
 * The one port between the two halves: what a listener asks for and what an upstream answers. Outcomes cross it, never
 * status codes: a service ends in results or in a `ServiceFailure` with a canonical code, and each protocol edge reads
 * its own status from the service's table (services/worklist/outcomes.ts).
 */
import type { DataSet, Tag } from '../dataset/model.ts';

export const SERVICES = ['worklist'] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Who asks, as far as the protocol tells. */
export interface Requester {
  /** Name of the listener in the configuration. */
  readonly listener: string;
  readonly protocol: 'dimse' | 'dicomweb';
  /** Remote IP address. */
  readonly address: string;
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  /** Base path a web request came in under, e.g. `/dicomweb`. */
  readonly basePath?: string;
  /** Authenticated subject of the web side. */
  readonly subject?: string;
}

/** Something worth telling the peer that does not change the outcome. */
export interface ServiceWarning {
  readonly code:
    | 'OPTIONAL_KEYS_NOT_SUPPORTED' // FF01
    | 'FUZZY_MATCHING_NOT_SUPPORTED'
    | 'EMPTY_VALUE_MATCHING_NOT_SUPPORTED'
    | 'MULTIPLE_VALUE_MATCHING_NOT_SUPPORTED'
    | 'TIMEZONE_NOT_SUPPORTED'
    | 'MORE_RESULTS' // `remaining` says how many, a lower bound
    | 'RESULTS_MAY_BE_INCOMPLETE' // B001 and the like
    | 'PARAMETER_IGNORED'
    | 'UPSTREAM_WARNING'; // passed on as text
  readonly text: string;
  readonly remaining?: number;
  readonly dimseStatus?: number;
}

/** The life of one request, handed through to the upstream. */
export interface RequestContext {
  /** Ends the work: the peer cancelled or went away, the deadline passed, the gateway shuts down. */
  readonly signal: AbortSignal;
  /**
   * Milliseconds the caller still waits, counted by the monotonic clock: `deadline - performance.now()`. It may move on
   * while results flow: read it when it is needed, and hand the context on by `withWarn`, not by copying it.
   */
  readonly deadline: number;
  readonly traceId: string;
  readonly requester: Requester;
  /** Called before the result it concerns is yielded, or before the search ends. */
  warn(warning: ServiceWarning): void;
}

/** The same request with warnings that go elsewhere. */
export function withWarn(context: RequestContext, warn: RequestContext['warn']): RequestContext {
  return {
    signal: context.signal,
    get deadline() {
      return context.deadline;
    },
    traceId: context.traceId,
    requester: context.requester,
    warn,
  };
}

/**
 * A worklist search (PS3.18 14.4, PS3.4 K.4.1). `identifier` is the C-FIND identifier in neutral form: attributes with
 * a value match, empty ones are return keys, a sequence holds at most one item; it never holds 00080005.
 */
export interface WorklistQuery {
  readonly identifier: DataSet;
  /**
   * Which attributes to return besides those in `identifier`: none (DIMSE semantics), the return types 1 and 2 of
   * Table K.6-1 (PS3.18 14.4 without includefield), or all that are known (`includefield=all`).
   */
  readonly returnKeys: 'requested' | 'default' | 'all';
  readonly fuzzyMatching: boolean;
  readonly emptyValueMatching: boolean;
  readonly multipleValueMatching: boolean;
  /** Timezone query adjustment was negotiated, or 00080201 was given on the web side. */
  readonly timezoneAdjustment: boolean;
  /** At most so many results; undefined: no limit of the caller. */
  readonly limit?: number;
  /** So many results are skipped first. */
  readonly offset: number;
  /** The caller pages: the same query over unchanged data must give the same order (PS3.18 8.3.4.4). */
  readonly stableOrder: boolean;
}

/** May the same request be sent again? `safe`: nothing was done; `ambiguous`: unknown; `permanent`: useless. */
export type RetryClass = 'safe' | 'ambiguous' | 'permanent';

export const FAILURE_CODES = [
  'BAD_REQUEST',
  'NOT_AUTHORIZED',
  'RESOURCE_NOT_FOUND',
  'UPSTREAM_TIMEOUT',
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_UNTRUSTED',
  'UPSTREAM_REJECTED',
  'UPSTREAM_ERROR',
  'UPSTREAM_PROTOCOL_ERROR',
  'CONNECTION_LOST',
  'ANSWER_TRUNCATED',
  'ANSWER_UNREADABLE',
  'NO_COMMON_MEDIA_TYPE',
  'CONVERSION_FAILED',
  'QUERY_TOO_LONG',
  'UNEXPECTED_STATUS',
  'PAGING_NOT_SUPPORTED',
  'TOO_MANY_RESULTS',
  'OUT_OF_RESOURCES',
  'NOT_SUPPORTED',
  'CANCELED',
  'SHUTTING_DOWN',
  'INTERNAL_ERROR',
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export interface ServiceFailureOptions {
  retry?: RetryClass;
  /** What a person reads: no patient values. Defaults to the meaning of the code. */
  comment?: string;
  /** Attributes at fault. */
  attributes?: readonly Tag[];
  /** The very status the upstream gave, when it gave one; edges pass it on where it is legal. */
  dimseStatus?: number;
  httpStatus?: number;
  /** Seconds after which the upstream asks to try again. */
  retryAfter?: number;
  cause?: unknown;
}

/** A service ended without a result. Thrown by every upstream; edges translate it to their protocol. */
export class ServiceFailure extends Error {
  override readonly name: string = 'ServiceFailure';
  readonly code: FailureCode;
  readonly retry: RetryClass;
  readonly attributes: readonly Tag[];
  readonly dimseStatus: number | undefined;
  readonly httpStatus: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: FailureCode, options: ServiceFailureOptions = {}) {
    super(options.comment ?? code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? 'permanent';
    this.attributes = options.attributes ?? [];
    this.dimseStatus = options.dimseStatus;
    this.httpStatus = options.httpStatus;
    this.retryAfter = options.retryAfter;
  }
}

/** One far end: an origin server, a classic SCP, or the embedded RIS. One contract suite runs over every one. */
export interface Upstream {
  /**
   * Yields results as they arrive, in stable order when `stableOrder` is set; stops when `context.signal` aborts.
   * Honours `limit` and `offset`; when it stops at `limit` and more exist it warns MORE_RESULTS. Each result has exactly
   * what the far end sent (the edges reduce it), one Scheduled Procedure Step per result.
   * @throws ServiceFailure
   */
  search(query: WorklistQuery, context: RequestContext): AsyncIterable<DataSet>;
  /** C-ECHO, or Retrieve Capabilities. @throws ServiceFailure */
  verify(context: RequestContext): Promise<void>;
  /** Ends idle connections at once, busy ones after their exchange. */
  close(): Promise<void>;
}

/** What the chosen route says about the answer towards the requester. */
export interface RouteOptions {
  readonly route: string;
  /** Preference list of Specific Character Sets towards a calling SCU; each entry is the text of 00080005. */
  readonly characterSets: readonly string[];
  readonly unencodable: 'utf-8' | 'replace' | 'fail';
  /** Whether extended negotiation may answer 1 for fuzzy matching and timezone adjustment on this route. */
  readonly fuzzyMatching: boolean;
  readonly timezoneAdjustment: boolean;
}

/** What a listener is handed: the gateway behind it. */
export interface ServiceHandler {
  /** The options of the first matching route that offers the service to this requester, undefined when there is none. */
  routeFor(service: ServiceName, requester: Requester): RouteOptions | undefined;
  /** Routes, maps and forwards a search. Throws NOT_SUPPORTED when no route offers it. @throws ServiceFailure */
  search(query: WorklistQuery, context: RequestContext): AsyncIterable<DataSet>;
  /**
   * A listener refused a request by itself (unreadable identifier, bad parameter, no acceptable media type): the
   * exchange leaves its log line all the same. `startedMs` is `performance.now()` at its begin.
   */
  refused(service: ServiceName, context: RequestContext, startedMs: number, failure: ServiceFailure): void;
}
