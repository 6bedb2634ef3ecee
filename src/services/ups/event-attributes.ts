/** Event reports of workitems (PS3.4 CC.2.4, PS3.18 11.13), and what they are in MPPS Notification (PS3.4 F.9). */
import { attribute, createDataSet, dataSetOf, firstText, itemsOf } from '../../dataset/model.ts';
import type { DataSet, Tag } from '../../dataset/model.ts';
import { isUid } from '../../dataset/uid.ts';
import { MPPS_EVENT } from '../mpps/notification.ts';
import type { MppsEventType } from '../mpps/notification.ts';
import { UPS, workitemStateOf } from './attributes.ts';
import { UPS_EVENT, UPS_PUSH } from './workitem.ts';
import type { CancellationRequest, UpsEvent, UpsEventType, WorkitemState } from './workitem.ts';

/** Attributes of the command, which stand beside those of the event (PS3.7 E.1). */
const AFFECTED_SOP_CLASS_UID: Tag = '00000002';
const MESSAGE_ID: Tag = '00000110';
const AFFECTED_SOP_INSTANCE_UID: Tag = '00001000';
const EVENT_TYPE_ID: Tag = '00001002';
const REQUESTING_AE: Tag = '00741236';

const REASONS: readonly Tag[] = [UPS.cancellationReason, UPS.discontinuationReason];

/** UPS State Report: state and readiness, and why it was canceled. */
export function stateReport(workitemUid: string, workitem: DataSet): UpsEvent {
  const [progress] = itemsOf(workitem[UPS.progress]);
  const reasons = workitemStateOf(workitem) === 'CANCELED' ? REASONS : [];
  const attributes = { ...picked(workitem, [UPS.state, UPS.readiness]), ...picked(progress, reasons) };
  attributes[UPS.readiness] ??= attribute('CS', 'READY');
  return { workitemUid, type: UPS_EVENT.stateReport, attributes: dataSetOf(attributes) };
}

/** UPS Cancel Requested, for its performer. */
export function cancelRequested(workitemUid: string, request: CancellationRequest): UpsEvent {
  const attributes = dataSetOf({
    [REQUESTING_AE]: attribute('AE', request.requesterAeTitle),
    ...picked(request.attributes, [...REASONS, UPS.contactUri, UPS.contactDisplayName]),
  });
  return { workitemUid, type: UPS_EVENT.cancelRequested, attributes };
}

/** UPS Progress Report: Procedure Step Progress Information Sequence as it stands. */
export function progressReport(workitemUid: string, workitem: DataSet): UpsEvent {
  const progress = workitem[UPS.progress] ?? attribute('SQ');
  return { workitemUid, type: UPS_EVENT.progressReport, attributes: dataSetOf({ [UPS.progress]: progress }) };
}

/**
 * As it is sent: attributes of the event and of the command.
 * @param messageId 1 to 65535
 */
export function eventReport(event: UpsEvent, messageId: number): DataSet {
  return dataSetOf({
    [AFFECTED_SOP_CLASS_UID]: attribute('UI', UPS_PUSH),
    [MESSAGE_ID]: attribute('US', messageId),
    [AFFECTED_SOP_INSTANCE_UID]: attribute('UI', event.workitemUid),
    [EVENT_TYPE_ID]: attribute('US', event.type),
    ...event.attributes,
  });
}

/** Undefined: it is none, or of a type that nobody knows. Which class it names is not looked at: examples name UPS Event. */
export function readEventReport(report: DataSet): UpsEvent | undefined {
  const workitemUid = firstText(report, AFFECTED_SOP_INSTANCE_UID)?.trim();
  const number = Number(firstText(report, EVENT_TYPE_ID) ?? Number.NaN);
  const type = Object.values(UPS_EVENT).find((each): each is UpsEventType => each === number);
  if (workitemUid === undefined || !isUid(workitemUid) || type === undefined) return undefined;
  const attributes = createDataSet();
  for (const [tag, value] of Object.entries(report)) if (!tag.startsWith('0000')) attributes[tag] = value;
  return { workitemUid, type, attributes };
}

const OF_STATE: Readonly<Record<WorkitemState, MppsEventType | undefined>> = {
  SCHEDULED: undefined,
  'IN PROGRESS': MPPS_EVENT.inProgress,
  COMPLETED: MPPS_EVENT.completed,
  CANCELED: MPPS_EVENT.discontinued,
};

/**
 * Undefined: nothing that an SCU of MPPS is told of.
 * @param isKnown there is an MPPS: progress and assignment are changes of it
 */
export function mppsEventTypeOf(event: UpsEvent, isKnown: boolean): MppsEventType | undefined {
  if (event.type === UPS_EVENT.stateReport) {
    const state = workitemStateOf(event.attributes);
    return state === undefined ? undefined : OF_STATE[state];
  }
  const isChange = event.type === UPS_EVENT.progressReport || event.type === UPS_EVENT.assigned;
  return isChange && isKnown ? MPPS_EVENT.updated : undefined;
}

/** State an MPPS event tells of; undefined: it has changed otherwise, or is deleted. */
export function workitemStateOfEvent(type: MppsEventType): WorkitemState | undefined {
  if (type === MPPS_EVENT.inProgress) return 'IN PROGRESS';
  if (type === MPPS_EVENT.completed) return 'COMPLETED';
  return type === MPPS_EVENT.discontinued ? 'CANCELED' : undefined;
}

function picked(dataSet: DataSet | undefined, tags: readonly Tag[]): DataSet {
  const found = createDataSet();
  for (const tag of tags) if (dataSet?.[tag] !== undefined) found[tag] = dataSet[tag];
  return found;
}
