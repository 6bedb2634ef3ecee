/** What a route says about the MPPS service. */
import type { Requester } from '../services/port.ts';
import type { MppsRecord } from '../store/store.ts';
import type { NamedUpstream } from './routes.ts';
import type { Mapping } from './mapping.ts';

export interface MppsRouteOptions {
  /**
   * `direct`: the one who asks gets the upstream's own answer. `store-and-forward`: the message is acknowledged once it is on
   * the disk of the store, and the spool delivers it.
   */
  readonly delivery: 'direct' | 'store-and-forward';
  /** `strict` refuses whatever breaks Table F.7.2-1, `warn` logs it (and refuses it from the web), `off` does not look. */
  readonly validation: 'strict' | 'warn' | 'off';
  /** An N-CREATE that names no instance: 0117H, or a UID is made and returned. */
  readonly missingInstanceUid: 'refuse' | 'generate';
  /**
   * A direct update of an instance nobody created here: the upstream decides, or 0112H and 404. A notification of one by its
   * upstream: taken, or 0112H.
   */
  readonly unknownInstance: 'pass' | 'refuse';
  /** From the web: missing type 2 attributes are added empty. */
  readonly fillType2: boolean;
  /** From the web: optional attributes that may be set later are created empty, since else they never can. */
  readonly preCreateOptional: boolean;
  /** From the web: what may be supplied where a client leaves it out. */
  readonly defaults: { readonly stationAeTitle?: string; readonly modality?: string } | undefined;
  /** Keep a copy of each instance and answer Retrieve from it where the upstream cannot. */
  readonly retrieveFromCopy: boolean;
}

/** Another destination of every create and update that was accepted. */
export interface ForwardTarget {
  readonly upstream: NamedUpstream;
  readonly request: Mapping | undefined;
  /** Of a DIMSE upstream: a message is never forwarded to the application entity it came from. */
  readonly aeTitle?: string;
}

/** An SCU of MPPS Notification. */
export interface NotificationScu {
  readonly upstream: NamedUpstream;
  /** One is never told of what came from it. */
  readonly aeTitle?: string;
}

/** Where the messages of one instance go: the route of its create and the upstream behind it. */
export interface MppsTarget {
  readonly route: string;
  readonly upstream: NamedUpstream;
  /** Of a DIMSE upstream: under it it notifies of its MPPS. */
  readonly aeTitle?: string;
  readonly request: Mapping | undefined;
  readonly response: Mapping | undefined;
  readonly forwardTo: readonly ForwardTarget[];
  /** Told of every message that was accepted; default nobody. */
  readonly notifyTo?: readonly NotificationScu[];
  readonly options: MppsRouteOptions;
}

export function isRecordOf(record: MppsRecord, target: MppsTarget): boolean {
  return record.route === target.route && record.upstream === target.upstream.name;
}

/** Whether a far end is the application entity that a message came from. */
export function isFrom({ aeTitle }: { readonly aeTitle?: string }, { callingAeTitle }: Requester): boolean {
  return aeTitle !== undefined && aeTitle === callingAeTitle?.trim();
}
