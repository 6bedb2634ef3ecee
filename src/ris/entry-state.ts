/**
 * How far an entry has come, as a search shows it: Scheduled Procedure Step Status (0040,0020) is STARTED, as PS3.3
 * C.4.10 defines it, while any performed step is IN PROGRESS; once all are final, COMPLETED or DISCONTINUED, which
 * extend the standard's defined terms, by the one that ended last. In the append case a step thus comes back as STARTED
 * when it is taken up again.
 */
import { attribute, createDataSet, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { localDateTime } from '../services/mpps/complete.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../services/worklist/attributes.ts';
import type { RisEntry, RisEntryExpiry, RisEntryState } from '../store/ris-records.ts';
import { startDateOf } from './entry.ts';

/** Whether a search still finds an entry whose step has come so far. */
export interface EntryWhen {
  readonly inProgress: 'keep' | 'remove';
  readonly completed: 'keep' | 'remove';
  readonly discontinued: 'keep' | 'remove';
}

/** What is done is off the list; what was abandoned waits to be taken up again. */
export const DEFAULT_ENTRY_WHEN: EntryWhen = { inProgress: 'keep', completed: 'remove', discontinued: 'keep' };

/** After what time an entry leaves the list by itself, and a performed step the store; absent: never. */
export interface Ageing {
  /** Since the day it was scheduled for, or came where it has none, while nothing was begun. */
  readonly scheduledMs?: number | undefined;
  /** Since it was begun, or taken up again: a modality that died never ends it. */
  readonly startedMs?: number | undefined;
  /** Since it was completed or discontinued. */
  readonly doneMs?: number | undefined;
  /** Of a performed step whose entry is gone, or that had none, since its last message. */
  readonly stepsMs?: number | undefined;
}

const SCHEDULED_PROCEDURE_STEP_STATUS: Tag = '00400020';

/** The states in which a search finds an entry. */
export function statesShown(when: EntryWhen): RisEntryState[] {
  const states: RisEntryState[] = ['SCHEDULED'];
  if (when.inProgress === 'keep') states.push('STARTED');
  if (when.completed === 'keep') states.push('COMPLETED');
  if (when.discontinued === 'keep') states.push('DISCONTINUED');
  return states;
}

/** The entry as it was scheduled, with its status as it is now. */
export function currentOf({ scheduled, state }: RisEntry): DataSet {
  if (state === 'SCHEDULED') return scheduled;
  const steps = itemsOf(scheduled[SCHEDULED_PROCEDURE_STEP_SEQUENCE]).map((step) =>
    Object.assign(createDataSet(), step, { [SCHEDULED_PROCEDURE_STEP_STATUS]: attribute('CS', state) }),
  );
  return Object.assign(createDataSet(), scheduled, { [SCHEDULED_PROCEDURE_STEP_SEQUENCE]: attribute('SQ', ...steps) });
}

/** What is too old at a moment. */
export function expiryAt({ scheduledMs, startedMs, doneMs }: Ageing, nowMs: number): RisEntryExpiry {
  return {
    ...(scheduledMs !== undefined && { scheduledBefore: localDateTime(new Date(nowMs - scheduledMs)).date }),
    ...(startedMs !== undefined && { startedBeforeMs: nowMs - startedMs }),
    ...(doneMs !== undefined && { doneBeforeMs: nowMs - doneMs }),
  };
}

/** Whether an entry is too old, by the rule of `RisEntries.expire`. */
export function hasAged(entry: RisEntry, { scheduledBefore, startedBeforeMs, doneBeforeMs }: RisEntryExpiry): boolean {
  switch (entry.state) {
    case 'SCHEDULED': {
      if (scheduledBefore === undefined) return false;
      const day = startDateOf(entry.scheduled) || localDateTime(new Date(entry.createdAt)).date;
      return day < scheduledBefore;
    }
    case 'STARTED':
      return startedBeforeMs !== undefined && entry.updatedAt < startedBeforeMs;
    case 'COMPLETED':
    case 'DISCONTINUED':
      return doneBeforeMs !== undefined && entry.updatedAt < doneBeforeMs;
  }
}
