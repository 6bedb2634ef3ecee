/** What a workitem must hold before its last state (final state codes of PS3.4 Table CC.2.5-3). */
import type { DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';

/** Attributes that are missing for the state, at any depth; ascending. [] none. */
export function missingForFinal(workitem: DataSet, state: 'COMPLETED' | 'CANCELED'): Tag[] {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, state] });
}

/** What the SCP fills by itself: Procedure Step Cancellation DateTime (CC.2.5.1.3). */
export function withCancellationTime(workitem: DataSet, nowMs: number): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitem, nowMs] });
}
