/**
 * What becomes of a storage commitment: of its record and of what has happened follows a change, and nothing else (proxy
 * flows 8 and 9, status mapping 7). Pure, so that two who know of something new at once may each decide again by what is so.
 *
 * `inDoubt` of a record that is still asking: its request may have been sent under this upstream UID; of one that waits:
 * it may have been sent more than once, so that a refusal as a duplicate is about the first of them.
 */
import { nextAfterCheck } from '../../services/storage-commitment/answers.ts';
import { DUPLICATE_TRANSACTION_UID } from '../../services/storage-commitment/commitment.ts';
import type {
  CommitmentResult,
  CommitmentStatus,
  ToldCommitment,
} from '../../services/storage-commitment/commitment.ts';
import { referencesOf } from '../../services/storage-commitment/modules.ts';
import { failAll, isDuplicateTransaction, settle } from '../../services/storage-commitment/settle.ts';
import type { Settlement } from '../../services/storage-commitment/settle.ts';
import { ServiceFailure } from '../../services/port.ts';
import type { CommitmentChange, CommitmentRecord } from '../../store/commitment-records.ts';
import type { Durability } from '../../store/store.ts';
import { checkDelayMs, retryDelayMs } from './delays.ts';
import { isSameResult, problemOf } from './outcome.ts';
import type { CommitmentOptions } from './route.ts';
import { NotTried } from './silences.ts';

/** What a decision needs to know besides the record. */
export interface Situation {
  readonly options: CommitmentOptions;
  /** The upstream is asked for results; else it reports them by itself. */
  readonly isChecked: boolean;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly newUid: () => string;
}

/** What an upstream answered, or did not, when it was asked under a UID. */
export type Answer =
  | {
      readonly to: 'request';
      readonly upstreamUid: string;
      /** The same request may have been sent before. */
      readonly isRepeat: boolean;
      readonly end: CommitmentStatus | ServiceFailure;
    }
  | { readonly to: 'check'; readonly upstreamUid: string; readonly end: CommitmentStatus | ServiceFailure };

/** A line of the log that a change is worth, once it is written. */
export interface Note {
  readonly level: 'info' | 'warn' | 'error';
  readonly text: string;
  readonly fields?: Readonly<Record<string, unknown>>;
}

export interface Decision {
  /** Absent: there is only something to say. */
  readonly change?: CommitmentChange;
  /** When there is something to do: at once, in so many ms, or nothing by itself. */
  readonly due: 'now' | number | null;
  readonly durability: Durability;
  readonly notes: readonly Note[];
  /** What a requestor that still waits is told instead of all this: then nothing is kept. */
  readonly refusal?: ServiceFailure;
}

const ABOUT_THE_REPEAT: Note = {
  level: 'warn',
  text: 'a repeated request for storage commitment was a duplicate: the result of the first is waited for',
};

/**
 * Where no route leads to the upstream: not long, so that whoever has the route finds it due soon; and no multiple of the pace
 * of such looks, so that it is due before the next of them.
 */
const STRAY_PAUSE_MS = 55_000;
/** The same after the deadline, for so long. */
const LAST_PAUSE_MS = 5_000;
export const LAST_WORD_MS = 60_000;
const NO_ROUTE = { retry: 'safe', comment: 'no route leads to this upstream any more' } as const;

export function afterAnswer(record: CommitmentRecord, answer: Answer, situation: Situation): Decision | undefined {
  // About an earlier UID of this transaction: nobody waits for that any more.
  if (answer.upstreamUid !== record.upstreamUid) return undefined;
  const { end } = answer;
  const isRepeat = answer.to === 'request' ? answer.isRepeat : record.inDoubt;
  if ('state' in end && end.state === 'done') {
    if (!isRepeat || !isUnderWay(record) || !isDuplicate(record, end.told)) {
      return afterTold({ ...record, inDoubt: false }, end.told, situation.newUid);
    }
    const goesOn = pending(record, answer, { state: 'pending' }, situation);
    return goesOn && { ...goesOn, notes: [...goesOn.notes, ABOUT_THE_REPEAT] };
  }
  if (!isUnderWay(record)) return undefined;
  if ('state' in end) return pending(record, answer, end, situation);
  return answer.to === 'request' ? refused(record, end, isRepeat, situation) : unchecked(record, end, situation);
}

/** What a keeper has told, asked or not. A result that is there stays, unless the gateway had made it itself for the web. */
export function afterTold(record: CommitmentRecord, told: ToldCommitment, newUid: () => string): Decision | undefined {
  if (record.phase === 'forgotten') return undefined;
  const settlement = settle(referencesOf(record.module), told);
  const { result } = settlement;
  if (record.result !== undefined) {
    if (isSameResult(record.result, result)) return undefined;
    const isReplaced = record.isSynthetic && record.phase === 'done' && record.requester.protocol === 'dicomweb';
    if (isReplaced && !isDuplicateTransaction(result)) return settled(record, settlement);
    const text = 'another result came for a storage commitment that has one; the first is kept';
    return remark({ level: 'warn', text, fields: countsOf(settlement) });
  }
  if (!isDuplicateTransaction(result)) return settled(record, settlement);
  if (record.inDoubt) return remark(ABOUT_THE_REPEAT);
  return mayRestart(record) ? restart(record, newUid) : settled(record, settlement);
}

/** Its time has come, and there is nobody to ask. */
export function whenDue(record: CommitmentRecord): Decision {
  if (isUnderWay(record) && record.remainingMs <= 0) return overdue(record);
  return { change: {}, due: isUnderWay(record) ? leftMs(record) : null, durability: 'process', notes: [] };
}

/**
 * Its time has come, and no route leads to its upstream here. A process that has the route is left to ask, also for the last
 * time at the deadline: only what nobody has ended by then fails.
 */
export function whenStray(record: CommitmentRecord): Decision {
  if (!isUnderWay(record)) return whenDue(record);
  const { remainingMs } = record;
  if (remainingMs <= -LAST_WORD_MS) return overdue(record, new ServiceFailure('UPSTREAM_UNREACHABLE', NO_ROUTE));
  const due = remainingMs > 0 ? Math.min(STRAY_PAUSE_MS, remainingMs) : LAST_PAUSE_MS;
  return { change: {}, due, durability: 'process', notes: [] };
}

/** It begins anew under another upstream UID, of which no keeper can have heard. */
export function restart(record: CommitmentRecord, newUid: () => string): Decision {
  const change: CommitmentChange = {
    phase: 'asking',
    upstreamUid: newUid(),
    inDoubt: false,
    isRestarted: true,
    attempts: record.phase === 'asking' ? record.attempts + 1 : 1,
  };
  const text = 'storage commitment begins once more under another Transaction UID towards the upstream';
  return { change, due: 'now', durability: 'disk', notes: [{ level: 'info', text }] };
}

function isUnderWay({ phase }: CommitmentRecord): boolean {
  return phase === 'asking' || phase === 'waiting';
}

function pending(
  record: CommitmentRecord,
  answer: Answer,
  { retryAfterMs }: Extract<CommitmentStatus, { state: 'pending' }>,
  situation: Situation,
): Decision | undefined {
  const isFirst = record.phase === 'asking';
  if (!isFirst && answer.to === 'request') return undefined;
  if (record.remainingMs <= 0) return overdue(record);
  const checks = isFirst ? 0 : record.attempts;
  const due = situation.isChecked ? checkDelayMs(situation, checks, retryAfterMs) : record.remainingMs;
  return {
    change: isFirst
      ? { phase: 'waiting', inDoubt: answer.to === 'request' && answer.isRepeat, failure: null }
      : { attempts: checks + 1, failure: null },
    due: Math.min(due, leftMs(record)),
    // That the request has arrived must not be forgotten: an SCP would be asked twice.
    durability: isFirst ? 'disk' : 'process',
    notes: [],
  };
}

function refused(
  record: CommitmentRecord,
  failure: ServiceFailure,
  isRepeat: boolean,
  situation: Situation,
): Decision | undefined {
  if (record.phase !== 'asking') return undefined;
  const { isChecked, options } = situation;
  const isOfUid = failure.code === 'DUPLICATE_INSTANCE';
  const waiting = (inDoubt: boolean): Decision => ({
    change: { phase: 'waiting', inDoubt, failure: problemOf(failure) },
    due: Math.min(isChecked ? checkDelayMs(situation, 0) : record.remainingMs, leftMs(record)),
    durability: 'disk',
    notes: failureNotes(record, failure, 'storage commitment was asked for without an answer that can be relied on'),
  });
  if (isRepeat && (isOfUid || saysNothing(failure))) return waiting(true);
  if (isOfUid && mayRestart(record)) return restart(record, situation.newUid);
  const isAmbiguous = failure.retry === 'ambiguous';
  if (isAmbiguous && !isChecked) return record.remainingMs <= 0 ? overdue(record) : waiting(isRepeat);
  if (!isAmbiguous && !isPassing(failure)) {
    const reason = isOfUid ? DUPLICATE_TRANSACTION_UID : undefined;
    return { ...made(record, 'storage commitment was refused', reason, failure), refusal: failure };
  }
  if (record.remainingMs <= 0) return overdue(record);
  const decision: Decision = {
    change: { inDoubt: isAmbiguous || isRepeat, attempts: record.attempts + 1, failure: problemOf(failure) },
    due: Math.min(retryDelayMs(situation, record.attempts, failure), leftMs(record)),
    durability: isAmbiguous ? 'disk' : 'process',
    notes: failureNotes(record, failure, 'storage commitment could not be asked for, and will be again'),
  };
  return isAmbiguous || options.delivery === 'store-and-forward' ? decision : { ...decision, refusal: failure };
}

function unchecked(record: CommitmentRecord, failure: ServiceFailure, situation: Situation): Decision {
  if (record.remainingMs <= 0) return overdue(record);
  const next = nextAfterCheck(failure);
  if (next === 'never') return made(record, 'the upstream has no result of a storage commitment', undefined, failure);
  const { options } = situation;
  const due = next === 'slowly' ? options.maximumPollMs : retryDelayMs(situation, record.attempts, failure);
  // While it is asking, a result is asked for only where the request may have been sent: that is as open as before.
  const doubt = record.phase === 'asking' && { inDoubt: true };
  return {
    change: { attempts: record.attempts + 1, failure: problemOf(failure), ...doubt },
    due: Math.min(due, leftMs(record)),
    durability: 'process',
    notes: failureNotes(
      record,
      failure,
      'the result of a storage commitment could not be asked for, and will be again',
      // Somebody has to mend the credentials.
      next === 'slowly' ? 'error' : 'warn',
    ),
  };
}

function settled(record: CommitmentRecord, settlement: Settlement): Decision {
  const { unrequested, doublyListed, unlisted } = settlement;
  const level = unrequested + doublyListed + unlisted > 0 ? 'warn' : 'info';
  const note: Note = { level, text: 'storage commitment has its result', fields: countsOf(settlement) };
  return withResult(record, settlement.result, { isSynthetic: false, failure: null }, note);
}

function overdue(record: CommitmentRecord, failure?: ServiceFailure): Decision {
  return made(record, 'storage commitment got no result in time', undefined, failure);
}

/** A result that claims nothing. What a keeper tells later may still replace it where a user agent asks. */
function made(record: CommitmentRecord, text: string, reason?: number, failure?: ServiceFailure): Decision {
  const result = failAll(referencesOf(record.module), reason);
  const note: Note = {
    level: 'warn',
    text: `${text}: every instance has failed`,
    fields: { failed: result.failed.length, ...(failure && { outcome: failure.code }) },
  };
  // Without one of its own, the last failure says why no result came.
  const change = { isSynthetic: true, ...(failure && { failure: problemOf(failure) }) };
  return withResult(record, result, change, note);
}

function withResult(record: CommitmentRecord, result: CommitmentResult, more: CommitmentChange, note: Note): Decision {
  const isReported = record.requester.protocol === 'dimse';
  return {
    change: { ...more, phase: isReported ? 'reporting' : 'done', result, inDoubt: false },
    due: isReported ? 'now' : null,
    durability: 'disk',
    notes: [note],
  };
}

function remark(note: Note): Decision {
  return { due: null, durability: 'process', notes: [note] };
}

function isDuplicate({ module }: CommitmentRecord, told: ToldCommitment): boolean {
  return isDuplicateTransaction(settle(referencesOf(module), told).result);
}

/** Only what it may know as another's UID can be changed. */
function mayRestart({ isRestarted, upstreamUid, transactionUid }: CommitmentRecord): boolean {
  return upstreamUid !== transactionUid && !isRestarted;
}

/** Processing failure without more: an SCP answers a duplicate like this, too. */
function saysNothing({ code, dimseStatus }: ServiceFailure): boolean {
  return code === 'UPSTREAM_ERROR' && dimseStatus === 0x0110;
}

/** Nothing was done, and nothing is said about the request: it is worth another try where somebody else waits for it. */
function isPassing({ retry, code, httpStatus = 0 }: ServiceFailure): boolean {
  if (retry === 'safe') return true;
  return (
    code === 'UPSTREAM_REJECTED' || code === 'UPSTREAM_UNTRUSTED' || (code === 'UPSTREAM_ERROR' && httpStatus >= 500)
  );
}

/** Once for each kind of failure in a row. */
export function failureNotes(
  { attempts, lastFailure }: CommitmentRecord,
  failure: ServiceFailure,
  text: string,
  level: Note['level'] = 'warn',
): Note[] {
  if (failure instanceof NotTried) return [];
  const { code, problem } = problemOf(failure);
  return attempts > 0 && lastFailure?.code === code ? [] : [{ level, text, fields: { outcome: code, problem } }];
}

function countsOf({ result, unrequested, doublyListed, unlisted }: Settlement): Record<string, number> {
  return {
    committed: result.committed.length,
    failed: result.failed.length,
    ...(unrequested > 0 && { unrequested }),
    ...(doublyListed > 0 && { doublyListed }),
    ...(unlisted > 0 && { unlisted }),
  };
}

function leftMs({ remainingMs }: CommitmentRecord): number {
  return Math.max(0, remainingMs);
}
