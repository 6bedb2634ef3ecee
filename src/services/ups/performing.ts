/** A workitem that is performed, as an MPPS (proxy flows 7.3 to 7.6): its N-CREATE, its N-SETs, its end. */
import type { DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';

export interface MppsCreateOptions {
  readonly stationScheme: string;
  readonly mppsUid: string;
  /** The start; with `mppsUid` it makes Performed Procedure Step ID. */
  readonly startMs: number;
  /** Default: that of the schedule, else left out. */
  readonly stationAeTitle?: string | undefined;
  /** Default: that of the schedule, else left out. */
  readonly modality?: string | undefined;
}

/** @param entry its worklist entry; without attributes: made from the workitem */
export function mppsCreateOf(workitem: DataSet, entry: DataSet, options: MppsCreateOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, entry, options] });
}

export interface MppsFinalOptions {
  readonly stationScheme: string;
  /** The end, where the workitem does not say it. */
  readonly nowMs: number;
  /** Of each series; default: the label of the workitem, or the meaning of its code. */
  readonly protocolName?: string | undefined;
  /** Of a series, where the workitem does not say it. */
  readonly retrieveAeTitle?: string | undefined;
}

/** The N-SET of an update; undefined: nothing has changed that an MPPS can hold. */
export function mppsUpdateOf(
  before: DataSet,
  after: DataSet,
  options: Pick<MppsFinalOptions, 'stationScheme'>,
): DataSet | undefined {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [before, after, options] });
}

/** Attributes of 00741216 that have changed and that an MPPS cannot change any more (start, station); ascending. */
export function unsettable(before: DataSet, after: DataSet): Tag[] {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [before, after] });
}

/** The last N-SET: COMPLETED, or DISCONTINUED, with a series in any case. The same for the same workitem and options. */
export function mppsFinalOf(workitem: DataSet, state: 'COMPLETED' | 'CANCELED', options: MppsFinalOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, state, options] });
}

export interface RefreshOptions {
  readonly stationScheme: string;
  readonly nowMs: number;
}

/** The workitem with what an N-GET of its MPPS tells; its state follows 00400252. */
export function refreshedWorkitem(workitem: DataSet, mpps: DataSet, options: RefreshOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, mpps, options] });
}
