/**
 * What the pages of the console and its API say to each other, as JSON. Server and page are held to the same types. Values
 * of patients are in none of it unless the caller's role may see them: see `Role`. The pages are compiled for browsers: this
 * file imports nothing.
 */

/** `viewer`: reads, values masked; `operator`: changes things too; `values`: an operator who may see values. */
export type Role = 'viewer' | 'operator' | 'values';

/** GET /api/me */
export interface Me {
  /** Name of the token; absent where nobody is asked. */
  readonly name?: string;
  readonly role: Role;
  readonly version: string;
  /** Of the store; several processes that share it are one instance. */
  readonly instance?: string;
  /** ISO 8601 in UTC. */
  readonly startedAt: string;
  /** Captures of data sets: none are made, or until when. */
  readonly capture?: { readonly until: string };
}

/** Of the last five minutes. */
export interface Traffic {
  readonly exchanges: number;
  readonly failures: number;
  readonly perMinute: number;
  /** Of those that went well; absent without any. */
  readonly p50Ms?: number;
  readonly p95Ms?: number;
}

export interface OverviewListener {
  readonly name: string;
  readonly protocol: 'dimse' | 'dicomweb';
  readonly address: string;
  /** AE titles, or base paths. */
  readonly names: readonly string[];
  readonly tls: boolean;
  readonly listening: boolean;
  /** Associations or connections that are open. */
  readonly open: number;
  readonly traffic: Traffic;
}

export interface OverviewUpstream {
  readonly name: string;
  readonly protocol: string;
  readonly address: string;
  readonly tls: boolean;
  /** As HealthState. */
  readonly state: 'unknown' | 'ok' | 'failing';
  readonly lastSuccess?: string;
  readonly lastFailure?: string;
  readonly lastFailureCode?: string;
  readonly traffic: Traffic;
}

export interface OverviewRoute {
  readonly name: string;
  /** Names of the listeners whose requests may take it. */
  readonly listeners: readonly string[];
  /** Its conditions in words, e.g. `calling CT1 or CT2`. */
  readonly conditions: string;
  /** Service to names of upstreams: the first is asked, then the others; copies of MPPS by `forward`, listeners by `notify`. */
  readonly services: Readonly<Record<string, readonly string[]>>;
  readonly traffic: Traffic;
}

/** GET /api/overview */
export interface Overview {
  readonly status: 'ready' | 'not-ready';
  readonly listeners: readonly OverviewListener[];
  readonly routes: readonly OverviewRoute[];
  readonly upstreams: readonly OverviewUpstream[];
  readonly spool: { readonly queued: number; readonly dead: number; readonly oldestSeconds?: number };
  readonly commitments: { readonly open: number; readonly oldestSeconds?: number };
}

export interface ExchangeSummary {
  /** Ascending in the order of their ends; of this process. */
  readonly id: number;
  readonly traceId: string;
  /** Its begin, ISO 8601 in UTC. */
  readonly at: string;
  readonly listener: string;
  readonly protocol: 'dimse' | 'dicomweb';
  readonly address: string;
  readonly callingAeTitle?: string;
  readonly calledAeTitle?: string;
  readonly subject?: string;
  readonly service: string;
  readonly transaction: string;
  readonly route?: string;
  readonly upstream?: string;
  /** Of the MPPS, the workitem or the commitment. */
  readonly uid?: string;
  /** As the requester sees it, in its own protocol. */
  readonly status: string;
  readonly ms: number;
  /** Results of a search. */
  readonly count?: number;
  readonly warnings: readonly string[];
  /** Canonical failure code; absent: it went well. */
  readonly outcome?: string;
  readonly reason?: string;
}

/** One thing that passed between the gateway and a peer on behalf of an exchange. */
export interface Hop {
  /** ms since the begin of the exchange. */
  readonly atMs: number;
  readonly side: 'requester' | 'upstream';
  readonly peer: string;
  readonly direction: 'in' | 'out';
  /** `C-FIND-RQ Modality Worklist`, `GET /modality-scheduled-procedure-steps?00400100.00080060=…`: without values. */
  readonly text: string;
  readonly status?: string;
}

/** A data set that was captured, its values masked unless the role may see them. */
export interface Captured {
  readonly stage: 'query' | 'query-mapped' | 'received' | 'sent' | 'result' | 'result-mapped';
  readonly atMs: number;
  /** For whom it is, or from whom it comes, where an exchange may have several. */
  readonly upstream?: string;
  /** DICOM JSON. */
  readonly dataSet: Readonly<Record<string, unknown>>;
  readonly masked: boolean;
}

/** GET /api/exchanges/{id} */
export interface ExchangeDetail extends ExchangeSummary {
  readonly hops: readonly Hop[];
  readonly captured: readonly Captured[];
}

/** GET /api/exchanges?after&limit&listener&route&upstream&service&failed&text */
export interface ExchangeList {
  readonly exchanges: readonly ExchangeSummary[];
  /** Of the newest that there is, whether listed or not. */
  readonly last: number;
}

export interface TimelineEntry {
  readonly at: string;
  /** `exchange`, `spool`, `commitment`, `workitem`, `claim`, `record`. */
  readonly kind: string;
  readonly text: string;
  readonly status?: string;
  readonly exchange?: number;
  readonly spool?: number;
  /** Of the message, which for a workitem is that of its MPPS. */
  readonly uid?: string;
  readonly commitment?: number;
}

/** GET /api/steps/{uid}: an MPPS, a workitem or a storage commitment, whatever it is known as. */
export interface Timeline {
  readonly uid: string;
  readonly entries: readonly TimelineEntry[];
}

/** POST /api/try/search */
export interface TrySearch {
  readonly upstream: string;
  /** KEY=VALUE as `dimseway find` takes it. */
  readonly keys: readonly string[];
  readonly include: readonly string[];
  readonly limit?: number;
  /** Only shows what would be asked. */
  readonly dryRun?: boolean;
}

export interface TriedSearch {
  /** What the web is asked. */
  readonly url: string;
  /** What DIMSE is asked, as DICOM JSON. */
  readonly identifier: Readonly<Record<string, unknown>>;
  readonly ms?: number;
  readonly warnings: readonly string[];
  readonly results?: readonly Readonly<Record<string, unknown>>[];
  readonly masked: boolean;
  readonly failure?: { readonly code: string; readonly message: string; readonly fix: string };
}

/** POST /api/try/dataset: what the caller has pasted, which is shown to the caller alone. */
export interface TryDataSet {
  /** DICOM JSON or native XML. */
  readonly text: string;
  readonly route?: string;
  readonly service?: string;
  readonly direction?: 'request' | 'response';
}

export interface TriedDataSet {
  readonly json: string;
  readonly xml: string;
  readonly dump: string;
  /** What the rules of the route make of it, for each destination. */
  readonly rules?: readonly {
    readonly destination: string;
    readonly steps: readonly string[];
    readonly after: Readonly<Record<string, unknown>>;
    readonly failure?: string;
  }[];
}

/** GET /api/config */
export interface ConfigView {
  readonly file?: string;
  /** As it is written, secrets replaced. */
  readonly lines: readonly string[];
  readonly problems: readonly {
    readonly severity: 'error' | 'warning';
    readonly line?: number;
    readonly column?: number;
    readonly message: string;
  }[];
  /** The file on the disk is not what runs. */
  readonly changed: boolean;
}

/** What a list of the spool shows; moments are ISO 8601 in UTC, by the clock of the store. */
export interface SpoolSummary {
  readonly id: number;
  readonly route: string;
  readonly upstream: string;
  /** SOP Instance UID of the performed procedure step. */
  readonly uid: string;
  readonly kind: 'create' | 'update' | 'event';
  /** Of an event: what an SCU of MPPS Notification is told. */
  readonly event?: 'inProgress' | 'completed' | 'discontinued' | 'updated' | 'deleted';
  readonly state: 'queued' | 'dead';
  readonly acceptedAt: string;
  readonly attempts: number;
  /** The destination may have it already. */
  readonly inDoubt: boolean;
  readonly lastFailure?: { readonly code: string; readonly problem: string; readonly at: string };
  /** What of it is damaged in the store, and empty where it is shown. */
  readonly unreadable?: readonly string[];
  readonly traceId: string;
}

export interface DestinationSummary {
  readonly route: string;
  readonly upstream: string;
  readonly queued: number;
  readonly dead: number;
  readonly oldestSeconds: number;
  readonly attempts: number;
}

/** Answer of `GET /api/spool`. */
export interface SpoolListing {
  readonly destinations: readonly DestinationSummary[];
  readonly messages: readonly SpoolSummary[];
  /** There are more: ask again with `after` this id. */
  readonly next?: number;
}

/** Of every answer that is no success. */
export interface ApiError {
  readonly code: string;
  readonly message: string;
  readonly fix: string;
}
