/**
 * How a transaction of the UPS-RS worklist service fails (PS3.18 11.4 to 11.12), with the Warning that the standard words.
 * DIMSE has no part in it: workitems are offered on the web only.
 */
import { nServiceHttpOutcome } from '../n-service-outcome.ts';
import type { NServiceHttpOutcome, NServiceOutcome } from '../n-service-outcome.ts';
import { SERVICE_OF } from '../port.ts';
import type {
  CommonFailureCode,
  FailureCode,
  InstanceFailureCode,
  Operation,
  SearchFailureCode,
  ServiceFailure,
  WorkitemFailureCode,
} from '../port.ts';

export type WorkitemOperation = {
  [Each in Operation]: (typeof SERVICE_OF)[Each] extends 'workitems' ? Each : never;
}[Operation];

export function isWorkitemOperation(operation: Operation): operation is WorkitemOperation {
  return SERVICE_OF[operation] === 'workitems';
}

type WorkitemServiceFailureCode = CommonFailureCode | SearchFailureCode | InstanceFailureCode | WorkitemFailureCode;

const NOT_CLAIMED = 'The target URI did not reference a claimed Workitem.';
const NOT_IN_THAT_STATE = 'The submitted request is inconsistent with the current state of the Workitem.';
const INCONSISTENT = 'The submitted request is inconsistent with the state of the UPS Instance.';

const TRY_AGAIN_SECONDS = 10;
const NONE = 0x0110;
const same = (httpStatus: number, comment: string, retryAfter?: number): NServiceOutcome => ({
  dimseStatus: NONE,
  httpStatus,
  comment,
  ...(retryAfter !== undefined && { retryAfter }),
});

export const WORKITEM_OUTCOMES: Readonly<Record<WorkitemServiceFailureCode, NServiceOutcome>> = {
  BAD_REQUEST: same(400, 'request not understood'),
  NOT_AUTHORIZED: same(403, 'not authorized'),
  RESOURCE_NOT_FOUND: same(502, 'service of the far end not found'),
  UPSTREAM_TIMEOUT: same(504, 'no answer in time'),
  UPSTREAM_UNREACHABLE: same(503, 'far end not reachable', TRY_AGAIN_SECONDS),
  UPSTREAM_UNTRUSTED: same(502, 'far end not trusted'),
  UPSTREAM_REJECTED: same(502, 'association rejected by SCP'),
  UPSTREAM_ERROR: same(502, 'far end failed'),
  UPSTREAM_PROTOCOL_ERROR: same(502, 'protocol broken by the far end'),
  CONNECTION_LOST: same(502, 'connection lost'),
  ANSWER_TRUNCATED: same(502, 'answer truncated'),
  ANSWER_UNREADABLE: same(502, 'unreadable answer'),
  NO_COMMON_MEDIA_TYPE: same(502, 'no common media type'),
  CONVERSION_FAILED: same(500, 'conversion failed'),
  UNEXPECTED_STATUS: same(502, 'unexpected status'),
  OUT_OF_RESOURCES: same(503, 'out of resources: try again later', TRY_AGAIN_SECONDS),
  NOT_SUPPORTED: same(501, 'workitems not supported'),
  CANCELED: same(502, 'canceled'),
  SHUTTING_DOWN: same(503, 'gateway is shutting down', TRY_AGAIN_SECONDS),
  LOOP_DETECTED: same(508, 'loop: the message came by this route before'),
  INTERNAL_ERROR: same(500, 'internal error'),
  QUERY_TOO_LONG: same(413, 'query too long'),
  PAGING_NOT_SUPPORTED: same(502, 'paging not supported by the far end'),
  TOO_MANY_RESULTS: same(413, 'too many results'),
  OPERATION_NOT_SUPPORTED: same(501, 'transaction not supported'),
  DUPLICATE_INSTANCE: same(409, 'the workitem exists already'),
  NO_SUCH_INSTANCE: same(404, 'no such workitem'),
  INSTANCE_DELETED: same(410, 'the workitem was deleted'),
  // PS3.18 11.6.2 says 400 where 409 would also fit (C15).
  INSTANCE_FINAL: same(400, 'the workitem is COMPLETED or CANCELED'),
  INSTANCE_CONFLICT: same(409, 'conflict with the workitem'),
  NO_SUCH_ATTRIBUTE: same(409, 'attribute cannot be changed'),
  MISSING_ATTRIBUTE: same(400, 'missing attribute'),
  MISSING_VALUE: same(400, 'missing attribute value'),
  INVALID_VALUE: same(400, 'invalid attribute value'),
  INVALID_UID: same(400, 'invalid UID'),
  OUTCOME_UNKNOWN: same(504, 'outcome unknown'),
  TRANSACTION_UID_MISSING: same(400, 'The Transaction UID is missing.'),
  TRANSACTION_UID_WRONG: same(400, 'The Transaction UID is incorrect.'),
  STATE_CONFLICT: same(409, INCONSISTENT),
  WORKITEM_NOT_SCHEDULED: same(400, 'a workitem is created in state SCHEDULED'),
  FILTER_NOT_SUPPORTED: same(403, 'Filtered Worklist Subscriptions are not supported.'),
  SUBSCRIPTION_UNKNOWN: same(404, 'no such subscription'),
};

/** A change of state from a final state is a conflict; an update is a bad request (PS3.18 11.6.2, 11.7.2). */
const OF_CHANGE_OF_STATE = 409;

/** What the Warning of a refusal says (PS3.18 11.6.3.2, 11.7.3.2, 11.10.3.2), word for word. */
const REFUSALS: Partial<Record<WorkitemOperation, Partial<Record<FailureCode, string>>>> = {
  updateWorkitem: {
    TRANSACTION_UID_MISSING: NOT_CLAIMED,
    TRANSACTION_UID_WRONG: NOT_CLAIMED,
    STATE_CONFLICT: NOT_IN_THAT_STATE,
    INSTANCE_FINAL: NOT_IN_THAT_STATE,
    INSTANCE_CONFLICT: NOT_IN_THAT_STATE,
  },
  changeWorkitemState: {
    TRANSACTION_UID_MISSING: 'The Transaction UID is missing.',
    TRANSACTION_UID_WRONG: 'The Transaction UID is incorrect.',
    STATE_CONFLICT: INCONSISTENT,
    INSTANCE_FINAL: INCONSISTENT,
    INSTANCE_CONFLICT: INCONSISTENT,
  },
  subscribe: { FILTER_NOT_SUPPORTED: 'Filtered Worklist Subscriptions are not supported.' },
};

export interface WorkitemHttpOutcome extends NServiceHttpOutcome {
  /** Text of the Warning that goes with it. */
  readonly warning?: string;
}

export function workitemHttpOutcome(failure: ServiceFailure, operation: WorkitemOperation): WorkitemHttpOutcome {
  const row = WORKITEM_OUTCOMES[failure.code];
  const isConflict = failure.code === 'INSTANCE_FINAL' && operation !== 'updateWorkitem';
  const own = isConflict ? { ...row, httpStatus: OF_CHANGE_OF_STATE } : row;
  const warning = REFUSALS[operation]?.[failure.code];
  return { ...nServiceHttpOutcome(failure, own, 0, undefined), ...(warning !== undefined && { warning }) };
}
