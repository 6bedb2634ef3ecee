/** What the embedded RIS keeps: its worklist, the performed procedure steps, and what a person has to look at. */
import type { DataSet, Tag } from '../dataset/model.ts';
import type { MppsState } from '../services/mpps/state.ts';
import type { Durability } from './durability.ts';

/** How far a scheduled step has come: SCHEDULED until a performed step names it, then as its performed steps are. */
export const RIS_ENTRY_STATES = ['SCHEDULED', 'STARTED', 'COMPLETED', 'DISCONTINUED'] as const;
export type RisEntryState = (typeof RIS_ENTRY_STATES)[number];

export interface RisEntryKey {
  /** Name of the RIS among the upstreams: the entries of each are its own. */
  readonly upstream: string;
  /** Stable, unique within the RIS. */
  readonly id: string;
}

/** What an entry is looked up by; texts without padding, empty where the entry has no value. */
export interface RisEntryIndex {
  /** Scheduled Procedure Step Start Date, YYYYMMDD. */
  readonly startDate: string;
  readonly modality: string;
  /** Scheduled Station AE Titles. */
  readonly stations: readonly string[];
  readonly patientId: string;
  readonly accessionNumber: string;
  readonly studyInstanceUid: string;
  readonly stepId: string;
  /** Ascending by code point, it gives the order in which a search answers. */
  readonly sortKey: string;
}

/** An entry as it was scheduled, before the store adds what became of it. */
export interface NewRisEntry extends RisEntryKey {
  /** `seed`: from the file of the configuration; `api`: sent by an interface engine. */
  readonly source: 'seed' | 'api';
  /** One Scheduled Procedure Step. */
  readonly scheduled: DataSet;
  readonly index: RisEntryIndex;
}

export interface RisEntry extends Omit<NewRisEntry, 'index'> {
  readonly state: RisEntryState;
  /** Wall clock, ms since 1970. */
  readonly createdAt: number;
  /** Of the last change of the entry or of its state. */
  readonly updatedAt: number;
}

/** A coarse filter: what it lets through still has to be matched, what it holds back cannot match. Absent: any. */
export interface RisEntryFilter {
  readonly states?: readonly RisEntryState[];
  readonly id?: string;
  readonly source?: 'seed' | 'api';
  /** Inclusive, YYYYMMDD; an entry without a date passes no bound. */
  readonly startDateFrom?: string;
  readonly startDateTo?: string;
  /** One of them. */
  readonly modalities?: readonly string[];
  /** The entry names one of them. */
  readonly stations?: readonly string[];
  readonly patientIds?: readonly string[];
  readonly accessionNumbers?: readonly string[];
  readonly studyInstanceUids?: readonly string[];
  readonly stepIds?: readonly string[];
}

export interface RisEntryExpiry {
  /** SCHEDULED entries whose start date (the day they came, where they have none) is before this day, YYYYMMDD. */
  readonly scheduledBefore?: string;
  /** STARTED entries that last changed before this moment, ms since 1970. */
  readonly startedBeforeMs?: number;
  /** COMPLETED and DISCONTINUED entries that last changed before this moment, ms since 1970. */
  readonly doneBeforeMs?: number;
  /** Only entries of this source: one of the file would come back with the next import, as if nothing had become of it. */
  readonly source?: 'seed' | 'api';
  /** At most so many in one call (default 1,000). */
  readonly limit?: number;
}

/** When a day, YYYYMMDD, began where this process is; ms since 1970. */
export function startOfDay(day: string): number {
  return new Date(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6, 8))).getTime();
}

export interface RisEntries {
  get(key: RisEntryKey): Promise<RisEntry | undefined>;
  /** In the order of the sort keys, then of the ids; memory holds one page at a time. What changes meanwhile may come either way. */
  find(upstream: string, filter: RisEntryFilter): AsyncIterable<RisEntry>;
  /**
   * Writes entries, all or none, in place of those with their keys, whose `createdAt` they take over; performed steps that
   * were linked to a key stay linked. Of several with one key the last counts. Gives how many were new.
   */
  put(entries: readonly NewRisEntry[], durability: Durability): Promise<number>;
  /** False: there is none. Links to performed steps go too. */
  remove(key: RisEntryKey, durability: Durability): Promise<boolean>;
  /** Removes the seed entries of a RIS whose ids are not named: the file no longer has them. Links stay. Gives how many. */
  removeSeedExcept(upstream: string, ids: ReadonlySet<string>): Promise<number>;
  /** One round of housekeeping; call again while the count reaches the limit. Links stay. Durable as `process`. */
  expire(upstream: string, expiry: RisEntryExpiry): Promise<number>;
}

export interface RisStepKey {
  readonly upstream: string;
  /** SOP Instance UID of the performed procedure step. */
  readonly uid: string;
}

/** A performed procedure step whose keeper is the embedded RIS, whole: unlike a record, this is the thing itself. */
export interface RisStep extends RisStepKey {
  readonly attributes: DataSet;
  /** Grows with each change. */
  readonly revision: number;
}

/** A change of a performed step with all that follows from it, written in one transaction. */
export interface RisStepChange extends RisStepKey {
  readonly attributes: DataSet;
  readonly state: MppsState;
  /** The revision that was read; undefined: there was no such step. */
  readonly revision: number | undefined;
  /** Ids of the entries whose scheduled step it performs: they follow its state. */
  readonly performs: readonly string[];
  /** Entries it names and whose patient is another: raised where no exception of this step and entry is there yet. */
  readonly mismatches: readonly RisMismatch[];
}

export interface RisMismatch {
  readonly entryId: string;
  /** Attributes that differ. */
  readonly attributes: readonly Tag[];
}

export interface RisStepExpiry {
  /** Wall clock, ms since 1970. */
  readonly changedBeforeMs: number;
  /** At most so many in one call (default 1,000). */
  readonly limit?: number;
}

export interface RisSteps {
  get(key: RisStepKey): Promise<RisStep | undefined>;
  /**
   * Writes a change. Every entry that is linked to the step follows it, also one that it no longer names. The state of an
   * entry is STARTED while any performed step that is linked to it is IN PROGRESS, else the state of the one that changed
   * last.
   * False: the step is no longer of that revision, and nothing was written.
   */
  save(change: RisStepChange, durability: Durability): Promise<boolean>;
  /**
   * One round of housekeeping: erases steps of a RIS that last changed before a moment, with their links and exceptions. One
   * that an entry in the store is linked to stays, and one about which an exception is open. Gives how many; call again while
   * the count reaches the limit. Durable as `process`.
   */
  expire(upstream: string, expiry: RisStepExpiry): Promise<number>;
}

export const RIS_RESOLUTIONS = ['merged', 'dismissed'] as const;
export type RisResolution = (typeof RIS_RESOLUTIONS)[number];

/** A performed step that names an order of another patient: it is kept, but the order does not follow it unless a person says so. */
export interface RisException extends RisMismatch {
  readonly id: number;
  readonly upstream: string;
  /** SOP Instance UID of the performed procedure step. */
  readonly uid: string;
  readonly raisedAt: number;
  readonly resolution?: RisResolution;
  readonly resolvedAt?: number;
  /** What the person gave as the reason. */
  readonly reason?: string;
}

export interface RisExceptions {
  /** Oldest first; `open` only those that nobody has resolved. At most `limit` (default 1,000) with a greater id than `after`. */
  list(filter?: {
    upstream?: string;
    uid?: string;
    open?: boolean;
    after?: number;
    limit?: number;
  }): Promise<RisException[]>;
  get(id: number): Promise<RisException | undefined>;
  /** `merged` links the entry to the step as it is now, in the same transaction. False: there is none that is open. */
  resolve(id: number, resolution: RisResolution, reason: string): Promise<boolean>;
}
