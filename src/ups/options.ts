/** How one UPS-RS origin server is called, and what the gateway makes of its workitems (proxy flows 6). */
import type { UserAgentOptions } from '../dicomweb/user-agent.ts';
import type { Code } from '../services/ups/attributes.ts';
import type { CreateUidSpelling, TransactionUidSpelling } from '../services/ups/parameters.ts';
import type { WorkitemState } from '../services/ups/workitem.ts';

export interface UpsSubscriptionOptions {
  /** We subscribe to the worklist of the server as this. */
  readonly aeTitle: string;
  /** The server is asked to keep what we are told of. */
  readonly deletionLock: boolean;
  /** Workitems that others perform: their events are left out, or told under the UID of the workitem. */
  readonly others: 'ignore' | 'tell';
  /** First pause before a connection that was lost is opened anew, ms; it doubles up to a minute. */
  readonly reopenMs: number;
}

export interface UpsOptions extends Partial<UserAgentOptions> {
  /** Name in the configuration; claims are kept under it. */
  readonly name: string;
  /** Base URI, e.g. `https://ris.example/dicomweb`; a slash at the end says nothing. */
  readonly baseUrl: string;
  /** What payloads are, and what is asked for first; the other is tried when the server says 406 or 415. */
  readonly mediaType: 'json' | 'xml';
  /** How an update names its lock. */
  readonly transactionUid: TransactionUidSpelling;
  /** How a create names the workitem. */
  readonly createUid: CreateUidSpelling;
  /** Procedure Step States a search of the worklist shows; [] any. */
  readonly states: readonly WorkitemState[];
  /** Every workitem that a search finds is retrieved. */
  readonly retrieveEach: boolean;
  /** An MPPS of which no workitem is found: 0110H, or one is created. */
  readonly unscheduled: 'refuse' | 'create';
  /** An MPPS whose workitem is claimed by another, or final: 0110H, or a further one is created. */
  readonly append: 'refuse' | 'create';
  /** A discontinued step: Change State, as the owner does it, or Request Cancellation, as drafts had it. */
  readonly cancel: 'state' | 'request';
  /** Coding Scheme Designator of AE titles and locations as codes. */
  readonly stationScheme: string;
  /** Where a station code has the AE title. */
  readonly stationAeTitle: 'value' | 'meaning';
  /** Of performers of whom only the name is known; absent: such names are left out. */
  readonly performer?: { readonly code: Code; readonly organization: string };
  /** Reason of a discontinued step that gives none. */
  readonly discontinuation: Code;
  /** Of the images, where a series of the MPPS does not say it. */
  readonly retrieveAeTitle?: string;
  /** Absent: nobody listens to events of the server. */
  readonly subscription?: UpsSubscriptionOptions;
  /** Results asked for at a time; absent: the server decides. */
  readonly pageSize?: number;
  /** Characters of the query of a search; a longer one asks for includefield=all. Default 6,000. */
  readonly maximumUriLength?: number;
  /** Bytes of one workitem in its JSON or XML form, and of an event report. Default 4 MiB. */
  readonly maximumItemBytes?: number;
}
