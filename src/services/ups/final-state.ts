/** What a workitem must hold before its last state (final state codes of PS3.4 Table CC.2.5-3). */
import { attribute, createDataSet, dataSetOf, isEmpty, itemsOf } from '../../dataset/model.ts';
import type { DataSet, Tag } from '../../dataset/model.ts';
import { hasValue } from '../mpps/conditions.ts';
import { UPS } from './attributes.ts';
import { dateTimeAt } from './date-times.ts';

export type FinalState = 'COMPLETED' | 'CANCELED';

/** Code R: in either state. */
const ALWAYS: readonly Tag[] = [
  UPS.sopClassUid,
  UPS.sopInstanceUid,
  UPS.priority,
  UPS.modified,
  UPS.scheduledStart,
  UPS.readiness,
  UPS.state,
];

/** Code P: of each item of Unified Procedure Step Performed Procedure Sequence. */
const PERFORMED: readonly Tag[] = [
  UPS.performedStationName,
  UPS.performedStart,
  UPS.performedWorkitemCode,
  UPS.performedEnd,
];

/** Code X: of Procedure Step Progress Information Sequence. */
const CANCELED: readonly Tag[] = [UPS.cancellationDateTime, UPS.discontinuationReason];

/** Attributes that are missing for the state, at any depth; ascending. [] none. */
export function missingForFinal(workitem: DataSet, state: FinalState): Tag[] {
  const missing = ALWAYS.filter((tag) => !hasValue(workitem[tag]));
  missing.push(...(state === 'COMPLETED' ? missingPerformed(workitem) : missingCanceled(workitem)));
  return [...new Set(missing)].sort();
}

function missingPerformed(workitem: DataSet): Tag[] {
  const items = itemsOf(workitem[UPS.performed]);
  if (items.length === 0) return [UPS.performed];
  return items.flatMap((item) => {
    const missing = PERFORMED.filter((tag) => !hasValue(item[tag]));
    // The output must be there, yet may be none.
    return item[UPS.output] === undefined ? [...missing, UPS.output] : missing;
  });
}

function missingCanceled(workitem: DataSet): Tag[] {
  const [item] = itemsOf(workitem[UPS.progress]);
  return item === undefined ? [UPS.progress] : CANCELED.filter((tag) => !hasValue(item[tag]));
}

/** What an SCP fills by itself: Procedure Step Cancellation DateTime (code X). */
export function withCancellationTime(workitem: DataSet, nowMs: number): DataSet {
  const [item = createDataSet(), ...others] = itemsOf(workitem[UPS.progress]);
  const time = item[UPS.cancellationDateTime];
  if (time !== undefined && !isEmpty(time)) return workitem;
  const filled = dataSetOf({ ...item, [UPS.cancellationDateTime]: attribute('DT', dateTimeAt(nowMs)) });
  return dataSetOf({ ...workitem, [UPS.progress]: attribute('SQ', filled, ...others) });
}
