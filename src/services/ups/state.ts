/** The states of a workitem and what leads from one to another (PS3.4 Table CC.1.1-2). */
import { ServiceFailure } from '../port.ts';
import type { FailureCode } from '../port.ts';
import type { MppsState } from '../mpps/state.ts';
import type { WorkitemState } from './workitem.ts';

/** The Transaction UID of a request, against the one of the claim; before it is claimed any is `right`. */
export type Lock = 'right' | 'wrong' | 'missing';

export type Transition =
  | { readonly result: 'allowed' }
  /** In the state that is wanted: B304H, B306H. */
  | { readonly result: 'already'; readonly dimseStatus: number }
  | { readonly result: 'refused'; readonly code: FailureCode; readonly dimseStatus: number };

export function lockOf(transactionUid: string | undefined, claimedBy: string | undefined): Lock {
  if (transactionUid === undefined) return 'missing';
  return claimedBy === undefined || claimedBy === transactionUid ? 'right' : 'wrong';
}

/**
 * Change Workitem State. That its final state is complete is asked of `missingForFinal` (C304H).
 * @param state undefined: there is no such workitem
 */
export function transitionOf(state: WorkitemState | undefined, wanted: WorkitemState, lock: Lock): Transition {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [state, wanted, lock] });
}

/** Update. */
export function updateOf(state: WorkitemState | undefined, lock: Lock): Transition {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [state, lock] });
}

/** Request Cancellation. */
export function cancellationOf(state: WorkitemState | undefined): Transition {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [state] });
}

/** What to throw for a transition that is refused. */
export function failureOf(transition: Transition & { result: 'refused' }): ServiceFailure {
  return new ServiceFailure(transition.code, { dimseStatus: transition.dimseStatus });
}

const OF_MPPS: Readonly<Record<MppsState, WorkitemState>> = {
  'IN PROGRESS': 'IN PROGRESS',
  COMPLETED: 'COMPLETED',
  DISCONTINUED: 'CANCELED',
};

export function workitemStateOfMpps(state: MppsState): WorkitemState {
  return OF_MPPS[state];
}

/** Undefined: SCHEDULED, there is no MPPS yet. */
export function mppsStateOf(state: WorkitemState): MppsState | undefined {
  if (state === 'SCHEDULED') return undefined;
  return state === 'CANCELED' ? 'DISCONTINUED' : state;
}
