/**
 * The one port between the two halves: what a listener asks for and what an upstream answers. Outcomes cross it, never
 * status codes: a service ends in results or in a `ServiceFailure` with a canonical code, and each protocol edge reads
 * its own status from the service's table (services/<service>/outcomes.ts).
 */
import type { AttributePath } from '../dataset/attribute-path.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import type { MppsEvent } from './mpps/notification.ts';
import type { MppsContext, RequestContext, Requester } from './request.ts';
import type { CommitmentResult, CommitmentStatus, SopReference, ToldEvent } from './storage-commitment/commitment.ts';
import type { WorkitemHandler } from './ups/workitem.ts';

export * from './request.ts';

export const SERVICES = ['worklist', 'mpps', 'storageCommitment', 'workitems'] as const;
export type ServiceName = (typeof SERVICES)[number];

/**
 * What can be asked, by the name of the DICOMweb transaction (PS3.18 11, 13 to 15; `report` and `notify` are
 * N-EVENT-REPORT, which the web does not have), and the service it belongs to.
 */
export const SERVICE_OF = {
  search: 'worklist',
  create: 'mpps',
  update: 'mpps',
  retrieve: 'mpps',
  notify: 'mpps',
  request: 'storageCommitment',
  check: 'storageCommitment',
  report: 'storageCommitment',
  searchWorkitems: 'workitems',
  retrieveWorkitem: 'workitems',
  createWorkitem: 'workitems',
  updateWorkitem: 'workitems',
  changeWorkitemState: 'workitems',
  requestCancellation: 'workitems',
  subscribe: 'workitems',
  unsubscribe: 'workitems',
  suspendSubscription: 'workitems',
  openChannel: 'workitems',
} as const;
export type Operation = keyof typeof SERVICE_OF;

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

/** What can go wrong in every service. */
export const COMMON_FAILURE_CODES = [
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
  'UNEXPECTED_STATUS',
  'OUT_OF_RESOURCES',
  'NOT_SUPPORTED',
  'CANCELED',
  'SHUTTING_DOWN',
  'LOOP_DETECTED', // the request came by the same route of the same gateway before
  'INTERNAL_ERROR',
] as const;

/** What goes wrong with a search only. */
export const SEARCH_FAILURE_CODES = ['QUERY_TOO_LONG', 'PAGING_NOT_SUPPORTED', 'TOO_MANY_RESULTS'] as const;

/** What goes wrong with one instance that is created, changed or read. */
export const INSTANCE_FAILURE_CODES = [
  'OPERATION_NOT_SUPPORTED', // the service is there, this transaction is not
  'DUPLICATE_INSTANCE',
  'NO_SUCH_INSTANCE',
  'INSTANCE_DELETED',
  'INSTANCE_FINAL',
  'INSTANCE_CONFLICT',
  'NO_SUCH_ATTRIBUTE',
  'MISSING_ATTRIBUTE',
  'MISSING_VALUE',
  'INVALID_VALUE',
  'INVALID_UID',
  'OUTCOME_UNKNOWN',
] as const;

/** What goes wrong with a workitem only (PS3.4 CC.2). */
export const WORKITEM_FAILURE_CODES = [
  'TRANSACTION_UID_MISSING', // C301H
  'TRANSACTION_UID_WRONG', // C301H
  'STATE_CONFLICT', // C302H, C303H, C310H, C304H: not from this state, or not with what is there
  'WORKITEM_NOT_SCHEDULED', // C309H: created in another state
  'FILTER_NOT_SUPPORTED',
  'SUBSCRIPTION_UNKNOWN', // C307H, C308H
] as const;

export type CommonFailureCode = (typeof COMMON_FAILURE_CODES)[number];
export type SearchFailureCode = (typeof SEARCH_FAILURE_CODES)[number];
export type InstanceFailureCode = (typeof INSTANCE_FAILURE_CODES)[number];
export type WorkitemFailureCode = (typeof WORKITEM_FAILURE_CODES)[number];

/** Every canonical failure; each service's table covers the common ones and its own. */
export const FAILURE_CODES = [
  ...COMMON_FAILURE_CODES,
  ...SEARCH_FAILURE_CODES,
  ...INSTANCE_FAILURE_CODES,
  ...WORKITEM_FAILURE_CODES,
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export interface ServiceFailureOptions {
  retry?: RetryClass;
  /** What a person reads: no patient values. Defaults to the meaning of the code. */
  comment?: string;
  /** What the far end wrote about it. */
  words?: string | undefined;
  /** Attributes at fault. */
  attributes?: readonly Tag[];
  /** The very status the upstream gave, when it gave one; edges pass it on where it is legal. */
  dimseStatus?: number;
  httpStatus?: number;
  /** Error ID (0000,0903) the upstream gave, e.g. A710H. */
  errorId?: number;
  /** Seconds after which the upstream asks to try again. */
  retryAfter?: number;
  cause?: unknown;
}

/** A service ended without a result. Thrown by every upstream; edges translate it to their protocol. */
export class ServiceFailure extends Error {
  override readonly name: string = 'ServiceFailure';
  readonly code: FailureCode;
  readonly retry: RetryClass;
  /**
   * What the far end wrote about it, which may name a patient: for the person who asks it by the command line, never for a
   * peer, a log, the store or the console.
   */
  readonly words: string | undefined;
  readonly attributes: readonly Tag[];
  readonly dimseStatus: number | undefined;
  readonly httpStatus: number | undefined;
  readonly errorId: number | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: FailureCode, options: ServiceFailureOptions = {}) {
    super(options.comment ?? code, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retry = options.retry ?? 'permanent';
    this.words = options.words === '' ? undefined : options.words;
    this.attributes = options.attributes ?? [];
    this.dimseStatus = options.dimseStatus;
    this.httpStatus = options.httpStatus;
    this.errorId = options.errorId;
    this.retryAfter = options.retryAfter;
  }
}

/** Which attributes of an instance are asked for: every one, or these paths (PS3.18 15.6, PS3.4 F.8.2). */
export type AttributeSelection = 'all' | readonly AttributePath[];

/** A create or update was done; what was less than perfect came by `context.warn`. */
export interface Completion {
  /** SOP Instance UID of the instance, the upstream's own where the request named none. */
  readonly uid: string;
  /** Attributes as the far end stored them, where it told (N-CREATE-RSP and N-SET-RSP may). */
  readonly stored?: DataSet;
}

/** The life of a request for storage commitment, handed through to the upstream. */
export interface CommitmentContext extends RequestContext {
  /**
   * How long the association of the request is kept for the report of an upstream that reports by itself, ms from its
   * answer; 0: it is released at once.
   */
  readonly holdMs: number;
  /**
   * Takes a report that comes on the association of the request, be it before the answer to the request. Resolves once the
   * report is on the disk; only then the upstream is told that it has arrived.
   * @throws ServiceFailure what the upstream is told instead
   */
  reported(event: ToldEvent): Promise<void>;
  /**
   * Calls the listener once the result has come by another way, at once where it has already: the association need not be
   * kept for it any longer. The function given ends that. Absent: nobody tells.
   */
  onResult?(listener: () => void): () => void;
}

/** The life of a report to an SCU that had asked for storage commitment. */
export interface CommitmentReportContext extends RequestContext {
  /** AE title the SCU had called: the report comes from there (PS3.4 J.3.3); absent: that of the configuration. */
  readonly callingAeTitle?: string;
  /** Retrieve AE Title (0008,0054) of what was committed. */
  readonly retrieveAeTitle?: string;
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
  /**
   * Whether it can be searched, by asking for one result, whichever: where keys that find nothing would still have the far
   * end send all it has. Absent: by such keys. @throws ServiceFailure
   */
  trySearch?(context: RequestContext): Promise<void>;
  /**
   * N-CREATE, or Create (PS3.4 F.7.2.1, PS3.18 15.4). `attributes` holds neither 00080016 nor 00080018.
   * @throws ServiceFailure; `ambiguous` when the request was sent and no answer came
   */
  createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion>;
  /** N-SET, or Update (PS3.4 F.7.2.2, PS3.18 15.5): whole top-level attributes. @throws ServiceFailure */
  updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion>;
  /** N-GET, or Retrieve (PS3.4 F.8.2, PS3.18 15.6). @throws ServiceFailure */
  retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet>;
  /** How the result of a commitment comes that is pending: it is asked for, or the upstream reports it by itself. */
  readonly commitmentResult: 'checked' | 'reported';
  /**
   * N-ACTION, or Request (PS3.4 J.3.2, PS3.18 13.4), in the flat form. Resolves with the answer; what an upstream reports by
   * itself comes by `context.reported` or to a listener.
   * @throws ServiceFailure; `ambiguous` when the request was sent and no answer came
   */
  requestCommitment(
    transactionUid: string,
    references: readonly SopReference[],
    context: CommitmentContext,
  ): Promise<CommitmentStatus>;
  /** Result Check (PS3.18 13.5). @throws ServiceFailure; NOT_SUPPORTED where results are reported */
  checkCommitment(transactionUid: string, context: RequestContext): Promise<CommitmentStatus>;
  /**
   * N-EVENT-REPORT to an SCU on a new association, this side as SCP (PS3.4 J.3.3). Resolves when the SCU has taken it.
   * @throws ServiceFailure; NOT_SUPPORTED on the web, where a user agent asks
   */
  reportCommitment(transactionUid: string, result: CommitmentResult, context: CommitmentReportContext): Promise<void>;
  /**
   * MPPS Notification to an SCU on a new association, this side as SCP (PS3.4 F.9.2). Resolves when the SCU has answered.
   * @throws ServiceFailure; NOT_SUPPORTED but for DIMSE
   */
  notifyMpps(event: MppsEvent, context: RequestContext): Promise<void>;
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
  /** The requester needs each of these; default none. */
  readonly scopes?: readonly string[];
}

/** The association a request for storage commitment came in by, for its report. */
export interface CommitmentReporter {
  /** The SCU still keeps the association. */
  readonly isOpen: boolean;
  /**
   * Reports on it, once the request is answered. Resolves when the SCU has taken it.
   * @throws ServiceFailure; `safe` when the association is gone and nothing was sent, `ambiguous` when no answer came
   */
  report(transactionUid: string, result: CommitmentResult, retrieveAeTitle?: string): Promise<void>;
}

/** What the edge knows about a request for storage commitment besides its module. */
export interface CommitmentRequestContext extends RequestContext {
  /** Of DIMSE only. */
  readonly reporter?: CommitmentReporter;
}

/** What a requestor of storage commitment is told: 202 or 200 on the web, 0000H of N-ACTION either way. */
export type CommitmentAnswer =
  | { readonly state: 'pending'; readonly retryAfterMs: number }
  /** `module`: the response module (PS3.18 J.2) in the form or forms of the request. */
  | { readonly state: 'done'; readonly module: DataSet };

/** What a listener is handed: the gateway behind it. */
export interface ServiceHandler {
  /** The options of the first matching route that offers the service to this requester, undefined when there is none. */
  routeFor(service: ServiceName, requester: Requester): RouteOptions | undefined;
  /** Routes, maps and forwards a search. Throws NOT_SUPPORTED when no route offers it. @throws ServiceFailure */
  search(query: WorklistQuery, context: RequestContext): AsyncIterable<DataSet>;
  /** Checks, maps, orders and forwards an MPPS create; `uid` undefined: the peer named none. @throws ServiceFailure */
  createMpps(uid: string | undefined, attributes: DataSet, context: MppsContext): Promise<Completion>;
  /** The same for an update. @throws ServiceFailure */
  updateMpps(uid: string, modifications: DataSet, context: MppsContext): Promise<Completion>;
  /** The same for a retrieve. @throws ServiceFailure */
  retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet>;
  /**
   * Specific Character Set of the create of an instance, as the listener gave it: an N-SET without 00080005 that is not
   * plain ASCII is read by it.
   */
  characterSetOf(uid: string, requester: Requester): Promise<string | undefined>;
  /**
   * Takes a request for storage commitment: once it resolves, the request is on the disk and is answered sooner or later.
   * @param module the request module as it was received (PS3.18 J.1; of an N-ACTION, its Referenced SOP Sequence)
   * @throws ServiceFailure; then nothing is kept
   */
  requestCommitment(
    transactionUid: string,
    module: DataSet,
    context: CommitmentRequestContext,
  ): Promise<CommitmentAnswer>;
  /** Result Check (PS3.18 13.5). @throws ServiceFailure NO_SUCH_INSTANCE (404), INSTANCE_DELETED (410) */
  checkCommitment(transactionUid: string, context: RequestContext): Promise<CommitmentAnswer>;
  /**
   * Takes an N-EVENT-REPORT of an upstream, which `context.requester` names by its AE title; resolves once it is on the disk.
   * @throws ServiceFailure INVALID_VALUE (0115H) for a Transaction UID that this upstream was not asked about
   */
  reportCommitment(event: ToldEvent, context: RequestContext): Promise<void>;
  /**
   * Takes an MPPS Notification of an upstream, which `context.requester` names by its AE title; resolves once what follows
   * from it is on the disk. @throws ServiceFailure
   */
  notifyMpps(event: MppsEvent, context: RequestContext): Promise<void>;
  /** The workitems of the routes that offer them (UPS-RS); absent: none does. */
  readonly workitems?: WorkitemHandler | undefined;
  /**
   * A listener refused a request by itself (unreadable identifier, bad parameter, no acceptable media type): the
   * exchange leaves its log line all the same. `startedMs` is `performance.now()` at its begin.
   */
  refused(operation: Operation, context: RequestContext, startedMs: number, failure: ServiceFailure): void;
}
