/** What is scheduled: a workitem as worklist entries, and a worklist entry as a workitem (proxy flows 6.1 and 7.1). */
import type { DataSet } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';

export interface StationOptions {
  /** Coding Scheme Designator of AE titles and locations as codes. */
  readonly stationScheme: string;
  /** Where a station code has the AE title; default `value`. */
  readonly stationAeTitle?: 'value' | 'meaning';
}

/** One worklist entry for each item of Referenced Request Sequence, one in any case. */
export function entryOf(workitem: DataSet, options: StationOptions): DataSet[] {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, options] });
}

export interface ScheduledOptions extends StationOptions {
  /** SOP Instance UID of the workitem. */
  readonly uid: string;
  /** Scheduled Procedure Step Modification DateTime. */
  readonly nowMs: number;
}

/** A workitem in state SCHEDULED, with 00080016 and 00080018, without 00081195. */
export function workitemOf(entry: DataSet, options: ScheduledOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [entry, options] });
}
