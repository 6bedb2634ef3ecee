/** MPPS Notification (PS3.4 F.9): what becomes of a performed procedure step, told to those who did not make it. */
export const MPPS_NOTIFICATION = '1.2.840.10008.3.1.2.3.5';

/** Event Type IDs (PS3.4 Table F.9.2-1); `updated` never stands for a change of the state. */
export const MPPS_EVENT = { inProgress: 1, completed: 2, discontinued: 3, updated: 4, deleted: 5 } as const;
export type MppsEventType = (typeof MPPS_EVENT)[keyof typeof MPPS_EVENT];

export interface MppsEvent {
  /** SOP Instance UID of the MPPS. */
  readonly uid: string;
  readonly type: MppsEventType;
}
