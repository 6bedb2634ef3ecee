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

const ALLOWED: Transition = { result: 'allowed' };
const NOT_THERE = refused('NO_SUCH_INSTANCE', 0xc307);
const FINAL = refused('INSTANCE_FINAL', 0xc300);
const LOCK_WRONG = refused('TRANSACTION_UID_WRONG', 0xc301);
const LOCK_MISSING = refused('TRANSACTION_UID_MISSING', 0xc301);
const conflict = (dimseStatus: number): Transition => refused('STATE_CONFLICT', dimseStatus);
const already = (dimseStatus: number): Transition => ({ result: 'already', dimseStatus });

/**
 * Change Workitem State. That its final state is complete is asked of `missingForFinal` (C304H).
 * @param state undefined: there is no such workitem
 */
export function transitionOf(state: WorkitemState | undefined, wanted: WorkitemState, lock: Lock): Transition {
  if (state === undefined) return NOT_THERE;
  if (wanted === 'SCHEDULED') return conflict(0xc303);
  if (lock === 'missing') return LOCK_MISSING;
  if (lock === 'wrong') return wanted === 'IN PROGRESS' ? claimedByAnother(state) : LOCK_WRONG;
  if (wanted === 'IN PROGRESS') return toInProgress(state);
  if (state === 'SCHEDULED') return conflict(0xc310);
  if (state === 'IN PROGRESS') return ALLOWED;
  if (state !== wanted) return FINAL;
  return already(state === 'COMPLETED' ? 0xb306 : 0xb304);
}

/** Who claims with a lock of its own what another has claimed is told of the state, not that its lock is wrong. */
function claimedByAnother(state: WorkitemState): Transition {
  const code = state === 'IN PROGRESS' ? 'STATE_CONFLICT' : 'INSTANCE_FINAL';
  return refused(code, 0xc301);
}

function toInProgress(state: WorkitemState): Transition {
  if (state === 'SCHEDULED') return ALLOWED;
  return state === 'IN PROGRESS' ? conflict(0xc302) : FINAL;
}

/** Update: nobody's lock while it is SCHEDULED, its performer's while it is IN PROGRESS (CC.2.6.3). */
export function updateOf(state: WorkitemState | undefined, lock: Lock): Transition {
  if (state === undefined) return NOT_THERE;
  if (state === 'COMPLETED' || state === 'CANCELED') return FINAL;
  if (state === 'SCHEDULED') return lock === 'missing' ? ALLOWED : conflict(0xc310);
  if (lock === 'right') return ALLOWED;
  return lock === 'wrong' ? LOCK_WRONG : LOCK_MISSING;
}

/** Request Cancellation: what becomes of one that is IN PROGRESS is for its performer to say (CC.2.2.3). */
export function cancellationOf(state: WorkitemState | undefined): Transition {
  if (state === undefined) return NOT_THERE;
  if (state === 'COMPLETED') return conflict(0xc311);
  return state === 'CANCELED' ? already(0xb304) : ALLOWED;
}

function refused(code: FailureCode, dimseStatus: number): Transition & { result: 'refused' } {
  return { result: 'refused', code, dimseStatus };
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
