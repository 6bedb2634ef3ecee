/** What was performed: from an MPPS to its workitem (proxy flows 6.2 to 6.5). Sequences are whole, since UPS replaces them. */
import type { DataSet } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import type { Code } from './attributes.ts';
import type { StationOptions } from './scheduled.ts';

export interface PerformedOptions extends StationOptions {
  /** Of performers of whom only the name is known; absent: such names are left out. */
  readonly performer?: { readonly code: Code; readonly organization: string } | undefined;
  /** Reason of a discontinued step that gives none. */
  readonly discontinuation: Code;
  /** Of images, where a series does not say it. */
  readonly retrieveAeTitle?: string | undefined;
  /** Where the step ended without saying when. */
  readonly nowMs: number;
}

/**
 * 00741216, and 00741002 of a step that is DISCONTINUED: the modifications of an Update.
 * @param picture the MPPS as it stands, all updates merged
 * @param workitem as the server has it: its codes stand in where the MPPS has none (final state code P)
 */
export function performedUpdate(picture: DataSet, workitem: DataSet, options: PerformedOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [picture, workitem, options] });
}

export interface CreatedOptions extends StationOptions {
  readonly nowMs: number;
}

/**
 * The payload of Create, without a UID: for a step that was not scheduled, or is appended.
 * @param picture attributes of the N-CREATE
 * @param item the one of Scheduled Step Attributes Sequence it is made for
 */
export function createdWorkitem(picture: DataSet, item: DataSet, options: CreatedOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [picture, item, options] });
}

/**
 * The MPPS of a workitem, as an N-GET has it.
 * @param kept what the MPPS was made of, which holds what workitems have no place for; empty: made by others
 */
export function mppsOf(workitem: DataSet, kept: DataSet, options: StationOptions): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, kept, options] });
}
