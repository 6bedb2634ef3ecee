/** Workitems of user agents, which a worklist has no place for (PS3.4 CC.2.5, PS3.18 11.4): kept here until they are claimed. */
import { attribute, createDataSet, dataSetOf, isEmpty } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { generateUid, isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { mergeWorkitem, UPS, workitemStateOf } from '../services/ups/attributes.ts';
import { stateReport } from '../services/ups/event-attributes.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import { FILTERED_WORKLIST_UID, UPS_PUSH, WORKLIST_UID } from '../services/ups/workitem.ts';
import type { WorkitemRoute } from '../services/ups/workitem.ts';
import type { Workitems } from '../store/workitem-records.ts';
import type { FacadeParts } from './facade-parts.ts';

/** Of type 1 at N-CREATE (PS3.4 Table CC.2.5-3). */
const REQUIRED: readonly Tag[] = [UPS.priority, UPS.label, UPS.scheduledStart, UPS.readiness];
/** Empty at N-CREATE, all else is C309H. */
const EMPTY: readonly Tag[] = [UPS.transactionUid, UPS.progress, UPS.performed];
/** The gateway says these itself. */
const OWN: readonly Tag[] = [UPS.sopClassUid, UPS.sopInstanceUid, UPS.modified, UPS.transactionUid];
/** Type 2 in the request, 1 in the result: an SCP fills it. */
const DEFAULT_WORKLIST_LABEL = 'dimseway';

/** @returns its UID @throws ServiceFailure */
export async function createWorkitem(
  { events, clock }: FacadeParts,
  workitems: Pick<Workitems, 'add'>,
  route: WorkitemRoute,
  requestedUid: string | undefined,
  workitem: DataSet,
  context: RequestContext,
): Promise<string> {
  if (route.options.create === 'refuse') {
    throw new ServiceFailure('OPERATION_NOT_SUPPORTED', { comment: 'workitems are those of the worklist' });
  }
  const uid = requestedUid ?? generateUid();
  if (!isUid(uid) || uid === WORKLIST_UID || uid === FILTERED_WORKLIST_UID) throw new ServiceFailure('INVALID_UID');
  checkCreated(workitem);
  const { workitem: complete, isChanged } = completed(uid, workitem, clock.now());
  const added = await workitems.add(
    {
      route: route.route,
      uid,
      state: 'SCHEDULED',
      isDeleted: false,
      workitem: complete,
      entry: createDataSet(),
    },
    'disk',
  );
  if (added === undefined) throw new ServiceFailure('DUPLICATE_INSTANCE');
  const tell = await events.queue(route, uid, [stateReport(uid, complete)]);
  tell();
  if (isChanged) context.warn(WORKITEM_WARNINGS.createdWithModifications);
  return uid;
}

/** @throws ServiceFailure WORKITEM_NOT_SCHEDULED, MISSING_ATTRIBUTE, MISSING_VALUE */
function checkCreated(workitem: DataSet): void {
  const absent = REQUIRED.filter((tag) => workitem[tag] === undefined);
  if (absent.length > 0) {
    throw new ServiceFailure('MISSING_ATTRIBUTE', { comment: `missing: ${absent.join(', ')}`, attributes: absent });
  }
  const empty = REQUIRED.filter((tag) => hasNoValue(workitem, tag));
  if (empty.length > 0) {
    throw new ServiceFailure('MISSING_VALUE', { comment: `without a value: ${empty.join(', ')}`, attributes: empty });
  }
  const early = EMPTY.filter((tag) => !hasNoValue(workitem, tag));
  if (workitemStateOf(workitem) === 'SCHEDULED' && early.length === 0) return;
  const attributes = early.length === 0 ? [UPS.state] : early;
  const comment = `a workitem is created in state SCHEDULED: ${attributes.join(', ')}`;
  throw new ServiceFailure('WORKITEM_NOT_SCHEDULED', { comment, attributes, dimseStatus: 0xc309 });
}

function completed(uid: string, workitem: DataSet, nowMs: number): { workitem: DataSet; isChanged: boolean } {
  const isChanged = hasNoValue(workitem, UPS.worklistLabel);
  const given = dataSetOf(Object.fromEntries(Object.entries(workitem).filter(([tag]) => !OWN.includes(tag))));
  const whole = dataSetOf({
    ...given,
    [UPS.sopClassUid]: attribute('UI', UPS_PUSH),
    [UPS.sopInstanceUid]: attribute('UI', uid),
    ...(isChanged && { [UPS.worklistLabel]: attribute('LO', DEFAULT_WORKLIST_LABEL) }),
  });
  return { workitem: mergeWorkitem(whole, createDataSet(), nowMs), isChanged };
}

function hasNoValue(workitem: DataSet, tag: Tag): boolean {
  const value = workitem[tag];
  return value === undefined || isEmpty(value);
}
