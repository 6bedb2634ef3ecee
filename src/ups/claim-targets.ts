/** The workitems an MPPS is about, all of them looked at before any is claimed (proxy flows 6.2, steps 2 and 3). */
import { createDataSet, itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { generateUid } from '../dataset/uid.ts';
import { SCHEDULED_STEP_ATTRIBUTES_SEQUENCE } from '../services/mpps/attributes.ts';
import { ServiceFailure } from '../services/port.ts';
import { workitemStateOf } from '../services/ups/attributes.ts';
import type { ClaimedWorkitem } from '../store/workitem-records.ts';
import { disagreement } from './agreement.ts';
import type { Call } from './client.ts';
import { conflict } from './performing-parts.ts';
import type { PerformingOptions, PerformingParts } from './performing-parts.ts';
import { workitemOfStep } from './step-workitem.ts';

/** An item of the MPPS, and the workitem it is about. */
export interface ClaimTarget {
  readonly item: DataSet;
  readonly claimed: ClaimedWorkitem;
  /** As the server has it; undefined: it is still to be created. */
  readonly workitem: DataSet | undefined;
  /** Of an earlier attempt, which may have claimed it. */
  readonly isKept: boolean;
}

/**
 * One for each item of Scheduled Step Attributes Sequence, in their order. All agree with the MPPS in patient and study, and
 * none is known to be another's.
 * @param kept of an earlier attempt; [] none
 * @throws ServiceFailure; nothing was changed at the server
 */
export async function claimTargetsOf(
  mppsUid: string,
  picture: DataSet,
  kept: readonly ClaimedWorkitem[],
  options: PerformingOptions,
  parts: PerformingParts,
  call: Call,
): Promise<ClaimTarget[]> {
  const sequence = itemsOf(picture[SCHEDULED_STEP_ATTRIBUTES_SEQUENCE]);
  const items = sequence.length > 0 ? sequence : [createDataSet()];
  const isHeld = kept.some(({ phase }) => phase !== 'refused');
  if (isHeld && kept.length !== items.length) {
    throw conflict('workitems are claimed for this MPPS by other steps');
  }
  const targets: ClaimTarget[] = [];
  for (const [index, item] of items.entries()) {
    const before = kept[index];
    const target =
      before === undefined || before.phase === 'refused'
        ? await foundTarget(picture, item, targets, options, parts, call)
        : await keptTarget(item, before, parts, call);
    refuseOthers(mppsUid, picture, target, parts);
    targets.push(target);
  }
  if (options.append === 'refuse' && targets.some(isTaken)) throw alreadyClaimed();
  return targets.map((target) => (isTaken(target) ? createdTarget(target.item) : target));
}

/** A workitem of our own, for a step that was not scheduled, or comes after it. */
export function createdTarget(item: DataSet): ClaimTarget {
  return { item, claimed: newClaim(generateUid(), true), workitem: undefined, isKept: false };
}

export function alreadyClaimed(): ServiceFailure {
  return conflict('workitem already claimed');
}

async function keptTarget(
  item: DataSet,
  claimed: ClaimedWorkitem,
  { finder }: PerformingParts,
  call: Call,
): Promise<ClaimTarget> {
  const workitem = await finder.retrieve(claimed.workitemUid, call);
  const isToBeCreated = claimed.isCreated && claimed.phase === 'claiming';
  if (workitem === undefined && !isToBeCreated) {
    throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'the claimed workitem is gone' });
  }
  const state = workitem && workitemStateOf(workitem);
  if (claimed.phase !== 'claiming' && (state === 'COMPLETED' || state === 'CANCELED')) {
    throw conflict(`the claimed workitem is ${state}`);
  }
  return { item, claimed, workitem, isKept: true };
}

async function foundTarget(
  picture: DataSet,
  item: DataSet,
  targets: readonly ClaimTarget[],
  { unscheduled }: PerformingOptions,
  { finder, book }: PerformingParts,
  call: Call,
): Promise<ClaimTarget> {
  const found = await workitemOfStep(picture, item, finder, book, call);
  if (found === 'none' || found === 'several') {
    if (unscheduled === 'create') return createdTarget(item);
    const comment = found === 'none' ? 'no workitem found' : 'several workitems found';
    throw new ServiceFailure('NO_SUCH_INSTANCE', { comment });
  }
  // One workitem may be for several requests, each with an item of its own.
  const same = targets.find(({ claimed }) => claimed.workitemUid === found.uid);
  const claimed = same?.claimed ?? newClaim(found.uid, false);
  return { item, claimed, workitem: found.workitem, isKept: same?.isKept ?? false };
}

function newClaim(workitemUid: string, isCreated: boolean): ClaimedWorkitem {
  return { workitemUid, transactionUid: generateUid(), phase: 'claiming', isCreated };
}

function refuseOthers(
  mppsUid: string,
  picture: DataSet,
  { item, claimed, workitem }: ClaimTarget,
  { logger }: PerformingParts,
): void {
  const attributes = workitem === undefined ? [] : disagreement(picture, item, workitem);
  if (attributes.length === 0) return;
  const { workitemUid } = claimed;
  const text = 'an MPPS names another patient or study than its workitem: nothing was claimed';
  logger.warn(text, { uid: mppsUid, workitemUid, attributes });
  throw conflict('patient or study differs from the workitem', attributes);
}

/** In another state than SCHEDULED, and not by us: somebody performs it, or it is over. */
function isTaken({ claimed, workitem, isKept }: ClaimTarget): boolean {
  if (workitem === undefined || claimed.phase !== 'claiming') return false;
  const state = workitemStateOf(workitem);
  const mayBeOurs = isKept && state === 'IN PROGRESS';
  return state !== 'SCHEDULED' && !mayBeOurs;
}
