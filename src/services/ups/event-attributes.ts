/** Event reports of workitems (PS3.4 CC.2.4, PS3.18 11.13), and what they are in MPPS Notification (PS3.4 F.9). */
import type { DataSet } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import { MPPS_EVENT } from '../mpps/notification.ts';
import type { MppsEventType } from '../mpps/notification.ts';
import type { CancellationRequest, UpsEvent, WorkitemState } from './workitem.ts';

/** UPS State Report: state and readiness, and why it was canceled. */
export function stateReport(workitemUid: string, workitem: DataSet): UpsEvent {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitemUid, workitem] });
}

export function cancelRequested(workitemUid: string, request: CancellationRequest): UpsEvent {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitemUid, request] });
}

/** UPS Progress Report: Procedure Step Progress Information Sequence as it stands. */
export function progressReport(workitemUid: string, workitem: DataSet): UpsEvent {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [workitemUid, workitem] });
}

/** As it is sent: attributes of the event and of the command (00000002, 00000110, 00001000, 00001002). */
export function eventReport(event: UpsEvent, messageId: number): DataSet {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [event, messageId] });
}

/** Undefined: it is none, or of a type that nobody knows. Whichever UPS class it names (PS3.18 11.13 says UPS Event). */
export function readEventReport(report: DataSet): UpsEvent | undefined {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [report] });
}

/**
 * Undefined: nothing that an SCU of MPPS is told of.
 * @param isKnown there is an MPPS: progress and assignment are changes of it
 */
export function mppsEventTypeOf(event: UpsEvent, isKnown: boolean): MppsEventType | undefined {
  throw new ServiceFailure('INTERNAL_ERROR', { cause: [event, isKnown] });
}

/** State an MPPS event tells of; undefined: it has changed otherwise, or is deleted. */
export function workitemStateOfEvent(type: MppsEventType): WorkitemState | undefined {
  if (type === MPPS_EVENT.inProgress) return 'IN PROGRESS';
  if (type === MPPS_EVENT.completed) return 'COMPLETED';
  return type === MPPS_EVENT.discontinued ? 'CANCELED' : undefined;
}
