/** N-EVENT-REPORT of MPPS Notification as a message: a command alone, without data set (PS3.4 F.9.2, PS3.7 10.1.1). */
import { isUid } from '../dataset/uid.ts';
import { MPPS_EVENT, MPPS_NOTIFICATION } from '../services/mpps/notification.ts';
import type { MppsEvent, MppsEventType } from '../services/mpps/notification.ts';
import { ServiceFailure } from '../services/port.ts';
import { COMMAND_FIELD } from './command-set.ts';
import type { CommandSet } from './command-set.ts';

const EVENT_TYPES: readonly number[] = Object.values(MPPS_EVENT);

/** Of the request, but for its Message ID. */
export function notificationFields({ uid, type }: MppsEvent): CommandSet {
  return {
    commandField: COMMAND_FIELD.nEventReportRq,
    affectedSopClassUid: MPPS_NOTIFICATION,
    affectedSopInstanceUid: uid,
    eventTypeId: type,
  };
}

/**
 * What an N-EVENT-REPORT-RQ of the class tells.
 * @throws ServiceFailure INVALID_UID (0117H) for an instance that is none, OPERATION_NOT_SUPPORTED (0113H) for an event type
 */
export function readNotification(command: CommandSet): MppsEvent {
  const { eventTypeId: type, affectedSopInstanceUid, requestedSopInstanceUid } = command;
  if (type === undefined || !EVENT_TYPES.includes(type)) {
    throw new ServiceFailure('OPERATION_NOT_SUPPORTED', { comment: 'no such event type' });
  }
  // Affected in N-EVENT-REPORT; it is read wherever it stands.
  const uid = affectedSopInstanceUid ?? requestedSopInstanceUid;
  if (uid === undefined || !isUid(uid))
    throw new ServiceFailure('INVALID_UID', { comment: 'invalid SOP Instance UID' });
  return { uid, type: type as MppsEventType };
}
