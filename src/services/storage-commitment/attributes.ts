/** The attributes of storage commitment (PS3.3 C.14, PS3.18 J.1 and J.2) and the well-known UIDs of PS3.4 J.3. */
import type { Tag } from '../../dataset/model.ts';

export const STORAGE_COMMITMENT_PUSH_MODEL = '1.2.840.10008.1.20.1';
/** The SOP instance every N-ACTION and N-EVENT-REPORT is about. */
export const STORAGE_COMMITMENT_PUSH_MODEL_INSTANCE = '1.2.840.10008.1.20.1.1';

/** N-ACTION: request storage commitment (PS3.4 J.3.2.1). */
export const REQUEST_STORAGE_COMMITMENT = 1;
/** N-EVENT-REPORT: every instance is committed (PS3.4 J.3.3.1). */
export const ALL_COMMITTED = 1;
/** N-EVENT-REPORT: complete, failures exist. */
export const FAILURES_EXIST = 2;

export const RETRIEVE_AE_TITLE: Tag = '00080054';
export const REFERENCED_STUDY_SEQUENCE: Tag = '00081110';
export const REFERENCED_INSTANCES_BY_SOP_CLASS_SEQUENCE: Tag = '00081112';
export const REFERENCED_SERIES_SEQUENCE: Tag = '00081115';
export const REFERENCED_INSTANCE_SEQUENCE: Tag = '0008114A';
export const REFERENCED_SOP_CLASS_UID: Tag = '00081150';
export const REFERENCED_SOP_INSTANCE_UID: Tag = '00081155';
export const TRANSACTION_UID: Tag = '00081195';
export const FAILURE_REASON: Tag = '00081197';
export const FAILED_SOP_SEQUENCE: Tag = '00081198';
export const REFERENCED_SOP_SEQUENCE: Tag = '00081199';
export const FAILED_STUDY_SEQUENCE: Tag = '0008119B';
export const STUDY_INSTANCE_UID: Tag = '0020000D';
export const SERIES_INSTANCE_UID: Tag = '0020000E';
