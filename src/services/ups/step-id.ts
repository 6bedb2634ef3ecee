/** What each side lacks: a short id for a workitem, a UID for a worklist entry. Both follow from what is there, always alike. */
import type { DataSet } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';

/** Scheduled Procedure Step ID of a workitem: 16 characters of A-Z and 2-7 (SH holds no more). */
export function stepIdOf(workitemUid: string): string {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitemUid] });
}

/** UID of the workitem that stands for a worklist entry: of its study, Requested Procedure ID and Scheduled Procedure Step ID. */
export function workitemUidOf(entry: DataSet): string {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [entry] });
}

/** A UID that always follows from these texts, under 2.25 (PS3.5 B.2); for what must be the same when a step is repeated. */
export function derivedUid(...texts: readonly string[]): string {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [texts] });
}
