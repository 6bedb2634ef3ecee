/**
 * The workitems of an origin server for tests, by the state table of PS3.4 CC.1.1 and the rules of CC.2: it knows nothing of
 * dimseway's facade. Every operation ends in a DIMSE status of Table CC.2, 0000H among them.
 */
import { attribute, cloneDataSet, dataSetOf, firstText, isEmpty, itemsOf } from '../../../src/dataset/model.ts';
import type { DataSet, Tag } from '../../../src/dataset/model.ts';

export const UPS_STATUS = {
  done: 0x0000,
  lockNotGranted: 0xb301,
  alreadyCanceled: 0xb304,
  alreadyCompleted: 0xb306,
  duplicate: 0x0111,
  invalidValue: 0x0106,
  missingAttribute: 0x0120,
  missingValue: 0x0121,
  final: 0xc300,
  wrongTransactionUid: 0xc301,
  alreadyInProgress: 0xc302,
  neverScheduledAgain: 0xc303,
  finalRequirements: 0xc304,
  unknown: 0xc307,
  notCreatedScheduled: 0xc309,
  notInProgress: 0xc310,
  completed: 0xc311,
} as const;
export type UpsStatus = (typeof UPS_STATUS)[keyof typeof UPS_STATUS];

export const WORKLIST = '1.2.840.10008.5.1.4.34.5';

/** One event as a subscriber is sent it (PS3.18 11.13): command elements and attributes. */
export type EventReport = DataSet;

interface Item {
  state: string;
  transactionUid: string | undefined;
  readonly attributes: DataSet;
  /** AE titles subscribed to it, and whether each holds a deletion lock. */
  readonly subscribers: Map<string, boolean>;
}

/** What a workitem is created with, none of them empty, besides attributes that may be (PS3.4 Table CC.2.5-3). */
const TYPE_1: readonly Tag[] = ['00404005', '00404041', '00741000', '00741200', '00741204'];
const TYPE_2: readonly Tag[] = [
  '00081080', '00100010', '00100020', '00100030', '00100040', '00380010', '00404018', '00404021', '00404025', '00404026',
  '00404027', '0040A370', '00741002', '00741216',
]; // prettier-ignore
/** Of the performer only, so not there when it is created. */
const EMPTY_AT_CREATE: readonly Tag[] = ['00081195', '00741002', '00741216'];
/** Those an update shall not touch: the state, the lock, and who the patient is. */
const NOT_SETTABLE: readonly Tag[] = [
  '00080016', '00080018', '00100010', '00100020', '00100021', '00100030', '00100040', '0020000D', '00380010', '0040A370',
  '00741000',
]; // prettier-ignore
/** Final state codes P and X of Table CC.2.5-3. */
const COMPLETED_NEEDS: readonly Tag[] = ['00404019', '00404028', '00404050', '00404051'];

export class UpsWorklist {
  readonly #items = new Map<string, Item>();
  readonly #deleted = new Set<string>();
  /** AE titles that are subscribed to workitems to come. */
  readonly #worldwide = new Map<string, boolean>();
  readonly #tell: (aeTitle: string, report: EventReport) => void;
  readonly #now: () => string;
  #lastMessageId = 0;
  #lastUid = 0;

  /** @param now a DT value */
  constructor(tell: (aeTitle: string, report: EventReport) => void, now: () => string = () => '20260301120000') {
    this.#tell = tell;
    this.#now = now;
  }

  /** As it is stored, with its state and SOP Instance UID, without the Transaction UID; undefined: unknown or deleted. */
  get(uid: string): DataSet | undefined {
    const item = this.#items.get(uid);
    if (item === undefined) return undefined;
    return dataSetOf({
      ...cloneDataSet(item.attributes),
      '00080016': attribute('UI', '1.2.840.10008.5.1.4.34.6.1'),
      '00080018': attribute('UI', uid),
      '00741000': attribute('CS', item.state),
    });
  }

  get uids(): string[] {
    return [...this.#items.keys()];
  }

  stateOf(uid: string): string | undefined {
    return this.#items.get(uid)?.state;
  }

  transactionUidOf(uid: string): string | undefined {
    return this.#items.get(uid)?.transactionUid;
  }

  wasDeleted(uid: string): boolean {
    return this.#deleted.has(uid);
  }

  newUid(): string {
    return `2.25.900000000000000${++this.#lastUid}`;
  }

  /** N-CREATE (PS3.4 CC.2.5). */
  create(uid: string, workitem: DataSet): UpsStatus {
    if (this.#items.has(uid) || this.#deleted.has(uid)) return UPS_STATUS.duplicate;
    if (firstText(workitem, '00741000') !== 'SCHEDULED') return UPS_STATUS.notCreatedScheduled;
    if (EMPTY_AT_CREATE.some((tag) => isFilled(workitem, tag))) return UPS_STATUS.notCreatedScheduled;
    if ([...TYPE_1, ...TYPE_2].some((tag) => workitem[tag] === undefined)) return UPS_STATUS.missingAttribute;
    if (TYPE_1.some((tag) => !isFilled(workitem, tag))) return UPS_STATUS.missingValue;
    const attributes = cloneDataSet(workitem);
    delete attributes['00081195'];
    if (!isFilled(attributes, '00741202')) attributes['00741202'] = attribute('LO', 'WORKLIST');
    attributes['00404010'] = attribute('DT', this.#now());
    this.#items.set(uid, {
      state: 'SCHEDULED',
      transactionUid: undefined,
      attributes,
      subscribers: new Map(this.#worldwide),
    });
    this.#report(uid);
    return UPS_STATUS.done;
  }

  /** N-SET (PS3.4 CC.2.6). Attributes given replace those there, sequences as a whole. */
  update(uid: string, transactionUid: string | undefined, modifications: DataSet): UpsStatus {
    const item = this.#items.get(uid);
    if (item === undefined) return UPS_STATUS.unknown;
    if (isFinal(item)) return UPS_STATUS.final;
    if (item.state === 'IN PROGRESS' && transactionUid !== item.transactionUid) return UPS_STATUS.wrongTransactionUid;
    if (item.state === 'SCHEDULED' && transactionUid !== undefined) return UPS_STATUS.notInProgress;
    if (NOT_SETTABLE.some((tag) => modifications[tag] !== undefined)) return UPS_STATUS.invalidValue;
    for (const [tag, value] of Object.entries(cloneDataSet(modifications))) {
      if (tag !== '00081195' && tag !== '00080005') item.attributes[tag] = value;
    }
    item.attributes['00404010'] = attribute('DT', this.#now());
    const progress = modifications['00741002'];
    if (progress !== undefined) this.#event(uid, 3, dataSetOf({ '00741002': progress }));
    return UPS_STATUS.done;
  }

  /** N-ACTION, Change UPS State (PS3.4 CC.2.1, Table CC.1.1-2). */
  changeState(uid: string, transactionUid: string | undefined, wanted: string | undefined): UpsStatus {
    const item = this.#items.get(uid);
    if (item === undefined) return UPS_STATUS.unknown;
    if (wanted === 'SCHEDULED') return UPS_STATUS.neverScheduledAgain;
    const isHeld = item.state !== 'SCHEDULED';
    if (transactionUid === undefined || (isHeld && transactionUid !== item.transactionUid)) {
      return UPS_STATUS.wrongTransactionUid;
    }
    if (wanted === 'IN PROGRESS') {
      if (isFinal(item)) return UPS_STATUS.final;
      if (isHeld) return UPS_STATUS.alreadyInProgress;
      item.transactionUid = transactionUid;
    } else if (wanted === 'COMPLETED' || wanted === 'CANCELED') {
      if (!isHeld) return UPS_STATUS.notInProgress;
      if (item.state === wanted) {
        return wanted === 'COMPLETED' ? UPS_STATUS.alreadyCompleted : UPS_STATUS.alreadyCanceled;
      }
      if (isFinal(item)) return UPS_STATUS.final;
      if (!this.#meetsFinalState(item, wanted)) return UPS_STATUS.finalRequirements;
    } else return UPS_STATUS.invalidValue;
    item.state = wanted;
    this.#report(uid);
    return UPS_STATUS.done;
  }

  /** N-ACTION, Request UPS Cancel (PS3.4 CC.2.2). */
  requestCancellation(uid: string, request: DataSet, requesterAeTitle: string): UpsStatus {
    const item = this.#items.get(uid);
    if (item === undefined) return UPS_STATUS.unknown;
    if (item.state === 'COMPLETED') return UPS_STATUS.completed;
    if (item.state === 'CANCELED') return UPS_STATUS.alreadyCanceled;
    if (item.state === 'IN PROGRESS') {
      this.#event(uid, 2, dataSetOf({ ...request, '00741236': attribute('AE', requesterAeTitle) }));
      return UPS_STATUS.done;
    }
    item.transactionUid = this.newUid();
    item.state = 'IN PROGRESS';
    this.#report(uid);
    item.state = 'CANCELED';
    item.attributes['00741002'] = attribute('SQ', dataSetOf({ '00404052': attribute('DT', this.#now()), ...request }));
    this.#report(uid, request);
    return UPS_STATUS.done;
  }

  /** N-ACTION, Subscribe (PS3.4 CC.2.3). A workitem that is subscribed to says its state at once. */
  subscribe(resource: string, aeTitle: string, deletionLock: boolean): UpsStatus {
    if (resource === WORKLIST) {
      this.#worldwide.set(aeTitle, deletionLock);
      for (const item of this.#items.values()) item.subscribers.set(aeTitle, deletionLock);
      return UPS_STATUS.done;
    }
    const item = this.#items.get(resource);
    if (item === undefined) return UPS_STATUS.unknown;
    item.subscribers.set(aeTitle, deletionLock);
    this.#event(resource, 1, stateAttributes(item), [aeTitle]);
    return UPS_STATUS.done;
  }

  unsubscribe(resource: string, aeTitle: string): UpsStatus {
    if (resource === WORKLIST) {
      let isKnown = this.#worldwide.delete(aeTitle);
      for (const item of this.#items.values()) if (item.subscribers.delete(aeTitle)) isKnown = true;
      return isKnown ? UPS_STATUS.done : UPS_STATUS.unknown;
    }
    return this.#items.get(resource)?.subscribers.delete(aeTitle) === true ? UPS_STATUS.done : UPS_STATUS.unknown;
  }

  /** Of the worklist: what is subscribed to stays (PS3.4 CC.2.3.1). */
  suspend(aeTitle: string): UpsStatus {
    return this.#worldwide.delete(aeTitle) ? UPS_STATUS.done : UPS_STATUS.unknown;
  }

  /** The server forgets it, as it may of what is final and nobody locks: 410 from now on. */
  remove(uid: string): void {
    if (this.#items.delete(uid)) this.#deleted.add(uid);
  }

  /** Somebody with the power to do so takes it from its performer: the lock is another's. */
  seize(uid: string): void {
    const item = this.#items.get(uid);
    if (item !== undefined) item.transactionUid = this.newUid();
  }

  #meetsFinalState(item: Item, wanted: string): boolean {
    if (wanted === 'COMPLETED') {
      const performed = itemsOf(item.attributes['00741216'])[0] ?? {};
      return COMPLETED_NEEDS.every((tag) => isFilled(performed, tag)) && performed['00404033'] !== undefined;
    }
    const [progress] = itemsOf(item.attributes['00741002']);
    if (progress === undefined || !isFilled(progress, '0074100E')) return false;
    if (!isFilled(progress, '00404052')) progress['00404052'] = attribute('DT', this.#now());
    return true;
  }

  #report(uid: string, more: DataSet = {}): void {
    const item = this.#items.get(uid) as Item;
    this.#event(uid, 1, dataSetOf({ ...stateAttributes(item), ...more }));
  }

  #event(uid: string, type: number, attributes: DataSet, to?: readonly string[]): void {
    for (const aeTitle of to ?? this.#items.get(uid)?.subscribers.keys() ?? []) {
      const messageId = (this.#lastMessageId = (this.#lastMessageId % 0xffff) + 1);
      this.#tell(
        aeTitle,
        dataSetOf({
          '00000002': attribute('UI', '1.2.840.10008.5.1.4.34.6.1'),
          '00000110': attribute('US', messageId),
          '00001000': attribute('UI', uid),
          '00001002': attribute('US', type),
          ...cloneDataSet(attributes),
        }),
      );
    }
  }
}

function stateAttributes(item: Item): DataSet {
  return dataSetOf({
    '00404041': attribute('CS', firstText(item.attributes, '00404041') ?? 'READY'),
    '00741000': attribute('CS', item.state),
  });
}

function isFinal(item: Item): boolean {
  return item.state === 'COMPLETED' || item.state === 'CANCELED';
}

function isFilled(dataSet: DataSet, tag: Tag): boolean {
  const found = dataSet[tag];
  return found !== undefined && !isEmpty(found);
}
