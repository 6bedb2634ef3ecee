/** Workitems of the UPS service, in the web's form (PS3.18 11, PS3.4 CC.2): their states, what is asked and what is told. */
import type { DataSet } from '../../dataset/model.ts';
import type { MppsContext, RequestContext } from '../request.ts';

export const WORKITEM_STATES = ['SCHEDULED', 'IN PROGRESS', 'COMPLETED', 'CANCELED'] as const;
export type WorkitemState = (typeof WORKITEM_STATES)[number];

/** In place of a workitem's UID: every workitem (PS3.4 CC.2.3.2). */
export const WORKLIST_UID = '1.2.840.10008.5.1.4.34.5';
/** The same by a filter. */
export const FILTERED_WORKLIST_UID = '1.2.840.10008.5.1.4.34.5.1';
/** UPS Push: what event reports name, whatever was negotiated (PS3.4 CC.2.4.3). */
export const UPS_PUSH = '1.2.840.10008.5.1.4.34.6.1';

/** Event Type IDs of UPS (PS3.4 Table CC.2.4-1). */
export const UPS_EVENT = {
  stateReport: 1,
  cancelRequested: 2,
  progressReport: 3,
  scpStatusChange: 4,
  assigned: 5,
} as const;
export type UpsEventType = (typeof UPS_EVENT)[keyof typeof UPS_EVENT];

export interface UpsEvent {
  readonly workitemUid: string;
  readonly type: UpsEventType;
  /** Attributes of the event (PS3.4 Table CC.2.4-1), without those of the command. */
  readonly attributes: DataSet;
}

/** A search for workitems (PS3.18 11.9): the identifier is in UPS attributes, as a WorklistQuery otherwise. */
export interface WorkitemQuery {
  readonly identifier: DataSet;
  readonly returnKeys: 'default' | 'all';
  readonly fuzzyMatching: boolean;
  readonly limit?: number;
  readonly offset: number;
}

/** `asked` is what the requester of an event is told as Requesting AE; it names itself, or is its subject. */
export interface CancellationRequest {
  readonly requesterAeTitle: string;
  /** 00741238, 0074100E, 0074100A, 0074100C: what was given (PS3.18 11.8.1.4). */
  readonly attributes: DataSet;
}

/** `workitems` of a route. */
export interface WorkitemOptions {
  /** Workitems that user agents create: 501, or kept here until they are claimed. */
  readonly create: 'refuse' | 'keep';
  /** Updates of a SCHEDULED workitem: 409, or kept here. */
  readonly updateScheduled: 'refuse' | 'keep';
  /** A request to cancel a SCHEDULED one: 409, or an MPPS is begun and discontinued. */
  readonly cancelScheduled: 'refuse' | 'perform';
  /** A request to cancel one IN PROGRESS: its performer is told, or its MPPS is discontinued. */
  readonly cancelRequest: 'inform' | 'act';
  readonly deletionLocks: boolean;
  readonly stationAeTitle?: string | undefined;
  readonly stationScheme: string;
  readonly protocolName?: string | undefined;
  readonly retrieveAeTitle?: string | undefined;
  /** 0: the MPPS of workitems in progress are not asked for. */
  readonly pollMs: number;
  /** Reports that wait for one subscriber. */
  readonly maximumReports: number;
}

/** A route that offers workitems. */
export interface WorkitemRoute {
  readonly route: string;
  /** Name of the upstream of its MPPS: who tells of them. */
  readonly upstream: string;
  readonly options: WorkitemOptions;
}

/** Who has opened a notification connection (PS3.18 8.10). */
export interface EventChannel {
  readonly aeTitle: string;
  /** Resolves when the far end has the report (it has answered a ping sent after it). @throws when the connection is lost */
  send(report: DataSet): Promise<void>;
  close(): void;
}

/**
 * The workitems a listener offers, behind a route: UPS-RS in front of a worklist and MPPS (proxy flows 7). What is not
 * possible is thrown as a ServiceFailure; the table of services/ups/outcomes.ts has the status and the Warning of each.
 */
export interface WorkitemHandler {
  search(query: WorkitemQuery, context: RequestContext): AsyncIterable<DataSet>;
  /** Never with 00081195. @throws ServiceFailure NO_SUCH_INSTANCE, INSTANCE_DELETED */
  retrieve(uid: string, context: RequestContext): Promise<DataSet>;
  /** @param uid undefined: neither target nor payload names one. Resolves with that of the workitem. */
  create(uid: string | undefined, workitem: DataSet, context: RequestContext): Promise<string>;
  /** @param modifications without 00081195 */
  update(uid: string, transactionUid: string | undefined, modifications: DataSet, context: MppsContext): Promise<void>;
  /** Warns ALREADY_IN_STATE where it is so (200 with its Warning). */
  changeState(
    uid: string,
    state: WorkitemState,
    transactionUid: string | undefined,
    context: MppsContext,
  ): Promise<void>;
  requestCancellation(uid: string, request: CancellationRequest, context: MppsContext): Promise<void>;
  /**
   * @param resource UID of a workitem or a well-known one
   * Warns DELETION_LOCK_NOT_GRANTED where it is not. @throws ServiceFailure NO_SUCH_INSTANCE, FILTER_NOT_SUPPORTED (403)
   */
  subscribe(
    resource: string,
    aeTitle: string,
    options: { readonly deletionLock: boolean; readonly filter?: string },
    context: RequestContext,
  ): Promise<void>;
  unsubscribe(resource: string, aeTitle: string, context: RequestContext): Promise<void>;
  /** Of the worklist only: what comes from now on is not subscribed to (PS3.18 11.12). */
  suspend(resource: string, aeTitle: string, context: RequestContext): Promise<void>;
  /**
   * The subscriber listens: what waits for it is sent, then what happens, in order. Another channel of the same AE title
   * takes over. The function given ends it. @throws ServiceFailure NOT_SUPPORTED
   */
  connect(channel: EventChannel, context: RequestContext): () => void;
}
