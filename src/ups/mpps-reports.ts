/**
 * Events of workitems as events of the MPPS that claimed them (proxy flows 6.6): each change of the state of an MPPS is told
 * once, whether the server reports it, we have made it, or it is found after a connection was lost.
 */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { MppsEvent, MppsEventType } from '../services/mpps/notification.ts';
import { stateOf } from '../services/mpps/state.ts';
import { mppsEventTypeOf } from '../services/ups/event-attributes.ts';
import { UPS_EVENT } from '../services/ups/workitem.ts';
import type { UpsEvent } from '../services/ups/workitem.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import type { ClaimRecord } from '../store/workitem-records.ts';
import { distinct, inPhase, isFinished } from './claim-book.ts';
import type { ClaimBook } from './claim-book.ts';
import type { Call } from './client.ts';
import type { OwnedWorkitems, StateThere } from './owned-workitems.ts';

export type Told = (event: MppsEvent) => Promise<void>;

/** Claims read at a time. */
const PAGE = 100;
/** Workitems of others whose last event is remembered. */
const MAXIMUM_OTHERS = 10_000;

export class MppsReports {
  readonly #book: ClaimBook;
  readonly #owned: OwnedWorkitems;
  readonly #others: 'ignore' | 'tell';
  readonly #told: Told;
  readonly #logger: Logger;
  /** What is told of one MPPS, in order. */
  readonly #tellings = new KeyedQueue();
  readonly #ofOthers = new Map<string, MppsEventType>();

  /** @param told resolves once what follows from the event is on the disk */
  constructor(book: ClaimBook, owned: OwnedWorkitems, others: 'ignore' | 'tell', told: Told, logger: Logger) {
    this.#book = book;
    this.#owned = owned;
    this.#others = others;
    this.#told = told;
    this.#logger = logger;
  }

  /** The server reports. Rejects when it could not be taken in: then it is to come again. */
  async report(event: UpsEvent): Promise<void> {
    const { workitemUid, type } = event;
    const told = mppsEventTypeOf(event, true);
    if (told === undefined) {
      const isRequest = type === UPS_EVENT.cancelRequested;
      const text = isRequest ? 'somebody asks for a workitem to be canceled' : 'an event is of no MPPS';
      this.#logger[isRequest ? 'info' : 'debug'](text, { workitemUid, type });
      return;
    }
    const record = await this.#book.findByWorkitem(workitemUid);
    const isOurs = record?.workitems.some((each) => each.workitemUid === workitemUid && each.phase !== 'refused');
    if (record === undefined || isOurs !== true) return this.#tellOther(workitemUid, told);
    // Before its create is done there is no MPPS; what has happened until then is told then.
    if (!record.isComplete) return;
    if (told === MPPS_EVENT.inProgress) return this.#tellState(record.mppsUid, told);
    if (told === MPPS_EVENT.updated) {
      if (!isFinished(record.workitems)) await this.#told({ uid: record.mppsUid, type: told });
      return;
    }
    const ended = await this.#noteEnd(record, [workitemUid]);
    if (isFinished(ended.workitems)) await this.#tellState(record.mppsUid, told);
  }

  /** An MPPS was created or has ended by us. Never rejects: what cannot be told now is caught up on. */
  async changed(mppsUid: string): Promise<void> {
    try {
      const record = await this.#book.get(mppsUid);
      if (record === undefined) return;
      const state = isFinished(record.workitems) ? stateOf(record.picture) : undefined;
      await this.#tellState(mppsUid, OF_STATE[state ?? 'IN PROGRESS']);
    } catch (error) {
      this.#logger.error('an event of an MPPS could not be told', { uid: mppsUid, ...errorFacts(error) });
    }
  }

  /** Asks for every workitem of ours that may have changed while nobody listened. @throws what `told` does */
  async catchUp(call: Call): Promise<void> {
    let after: string | undefined;
    for (let count = PAGE; count === PAGE;) {
      const open = await this.#book.listOpen(after, PAGE);
      for (const record of open) {
        if (call.signal.aborted) return;
        if (record.isComplete) await this.#catchUpOn(record, call);
      }
      count = open.length;
      after = open.at(-1)?.mppsUid;
    }
  }

  async #catchUpOn(record: ClaimRecord, call: Call): Promise<void> {
    const workitems = distinct(record.workitems);
    const states: StateThere[] = [];
    for (const { workitemUid } of workitems) states.push(await this.#owned.stateOf(workitemUid, call));
    const { mppsUid: uid } = record;
    if (states.some((state) => state === 'unknown' || state === 'SCHEDULED')) {
      this.#logger.warn('the state of an MPPS cannot be learned from its workitems', { uid, states });
      return;
    }
    const over = workitems.filter((_, index) => states[index] !== 'IN PROGRESS').map((each) => each.workitemUid);
    if (over.length > 0) await this.#noteEnd(record, over);
    await this.#tellState(uid, eventOf(states));
  }

  /** What was not told yet up to this event. */
  #tellState(mppsUid: string, type: MppsEventType): Promise<void> {
    return this.#tellings.run(mppsUid, async () => {
      let record = await this.#book.get(mppsUid);
      if (record === undefined || !record.isComplete) return;
      for (const due of dueOf(record.told, type)) {
        await this.#told({ uid: mppsUid, type: due });
        record = await this.#book.change(record, () => ({ told: due }), 'process');
      }
    });
  }

  #noteEnd(record: ClaimRecord, workitemUids: readonly string[]): Promise<ClaimRecord> {
    const changes = ({ workitems }: ClaimRecord) => ({
      workitems: workitemUids.reduce((ended, uid) => inPhase(ended, uid, 'final'), [...workitems]),
    });
    return this.#book.change(record, changes, 'process');
  }

  /** There is no MPPS of ours: its workitem stands for it. */
  async #tellOther(uid: string, type: MppsEventType): Promise<void> {
    if (this.#others === 'ignore') return;
    const before = this.#ofOthers.get(uid);
    if (type !== MPPS_EVENT.updated && rank(before) >= rank(type)) return;
    await this.#told({ uid, type });
    if (type === MPPS_EVENT.updated) return;
    this.#ofOthers.delete(uid);
    this.#ofOthers.set(uid, type);
    const [oldest] = this.#ofOthers.keys();
    if (oldest !== undefined && this.#ofOthers.size > MAXIMUM_OTHERS) this.#ofOthers.delete(oldest);
  }
}

const OF_STATE = {
  'IN PROGRESS': MPPS_EVENT.inProgress,
  COMPLETED: MPPS_EVENT.completed,
  DISCONTINUED: MPPS_EVENT.discontinued,
} as const;

/** Of an MPPS with several workitems: it goes on while one does. */
function eventOf(states: readonly StateThere[]): MppsEventType {
  if (states.includes('IN PROGRESS')) return MPPS_EVENT.inProgress;
  if (states.includes('COMPLETED')) return MPPS_EVENT.completed;
  return states.includes('CANCELED') ? MPPS_EVENT.discontinued : MPPS_EVENT.deleted;
}

/** Nobody hears of the end of what has not begun. */
function dueOf(told: MppsEventType | undefined, type: MppsEventType): MppsEventType[] {
  if (rank(told) >= rank(type)) return [];
  const isEnd = type !== MPPS_EVENT.inProgress;
  return isEnd && told === undefined ? [MPPS_EVENT.inProgress, type] : [type];
}

function rank(type: MppsEventType | undefined): number {
  if (type === undefined) return 0;
  return type === MPPS_EVENT.inProgress ? 1 : 2;
}
