/**
 * What the gateway remembers, and what its embedded RIS keeps, behind one interface for every data base. What is
 * remembered is per hop: keyed by route and upstream besides the UID, since one UID may pass one process twice and two
 * hops must not meet in one record.
 *
 * Every method rejects with a GatewayError STORE_LOCKED, STORE_FULL, STORE_DAMAGED, STORE_UNREADABLE, STORE_UNREACHABLE or
 * STORE_FAILED; a write that was rejected left nothing behind, unless the text of a STORE_UNREACHABLE says that this is not
 * known.
 */
import type { DataSet, Tag } from '../dataset/model.ts';
import type { MppsState } from '../services/mpps/state.ts';
import type { Requester } from '../services/port.ts';
import type { Commitments } from './commitment-records.ts';
import type { Durability } from './durability.ts';
import type { MppsKey } from './mpps-key.ts';
import type { RisEntries, RisExceptions, RisSteps } from './ris-records.ts';
import type { NewSpoolMessage, Spool } from './spool-records.ts';
import type { Claims, Subscriptions, Workitems } from './workitem-records.ts';

export type { Durability } from './durability.ts';
export type { MppsKey } from './mpps-key.ts';

/** `pending`: the create was sent, its outcome is unknown; `deleted`: a tombstone, only the UID is remembered. */
export const MPPS_PHASES = ['pending', 'stored', 'deleted'] as const;
export type MppsPhase = (typeof MPPS_PHASES)[number];

/** One performed procedure step on one hop: enough to check, repeat and resolve its messages, no values. */
export interface MppsRecord extends MppsKey {
  /** Listener the create came in by. */
  readonly listener: string;
  /** Who sent the create. */
  readonly requester: Requester;
  /** Specific Character Set of the create, e.g. `\ISO 2022 IR 87`. */
  readonly characterSet?: string;
  readonly phase: MppsPhase;
  readonly state: MppsState;
  /** The answer to the create reached the one who sent it. */
  readonly delivered: boolean;
  readonly createDigest: string;
  /** Of the last update that was accepted. */
  readonly lastDigest?: string;
  /**
   * The last updates that were accepted, oldest first, where the route forwards: digest and address of the first who sent it.
   */
  readonly updates?: readonly (readonly [digest: string, address: string])[];
  /** Of an update that was sent and whose outcome is unknown. */
  readonly pendingDigest?: string;
  /** Attributes of the create with the digest of each. */
  readonly created: Readonly<Record<Tag, string>>;
  /** Attributes set since, with the digest of each. */
  readonly set: Readonly<Record<Tag, string>>;
  /** Per sequence the identifying UIDs or digests of its items. */
  readonly sequences: Readonly<Record<Tag, readonly string[]>>;
  /** The whole instance, where the route keeps it: the one member with values of the patient. */
  readonly copy?: DataSet;
  /** Wall clock, ms since 1970. */
  readonly createdAt: number;
  /** Time of the last message. */
  readonly updatedAt: number;
}

/** What goes when its last message is older than the given wall clock time in ms; undefined: it stays. */
export interface MppsRetention {
  /** Records of COMPLETED or DISCONTINUED steps become tombstones. */
  readonly finalBeforeMs?: number;
  /** Records of steps IN PROGRESS become tombstones. */
  readonly openBeforeMs?: number;
  /** Tombstones are removed, and with them the memory that the UID was used. */
  readonly tombstonesBeforeMs?: number;
  /** At most so many records of each kind in one call (default 1,000): a call holds up other writers. */
  readonly limit?: number;
}

export interface Expired {
  readonly tombstoned: number;
  readonly removed: number;
}

export interface MppsRecords {
  get(key: MppsKey): Promise<MppsRecord | undefined>;
  /** The record of a create that came in by a listener: a live one before a tombstone, then the newest. */
  findByListener(listener: string, uid: string): Promise<MppsRecord | undefined>;
  /** Writes a record whole, in place of the one with its key. */
  put(record: MppsRecord, durability: Durability): Promise<void>;
  /**
   * Takes in a message: its record, where there is one, and what is to be delivered, all or none, on the disk. Gives the ids
   * of the messages, in their order. Within a lane messages are delivered in the order in which their `accept` was called.
   */
  accept(record: MppsRecord | undefined, messages: readonly NewSpoolMessage[]): Promise<number[]>;
  /** Erases the copy of a record whose instance is final and of which nothing is left to deliver; true: done. */
  eraseDeliveredCopy(key: MppsKey): Promise<boolean>;
  /** Forgets a record as if it had never been; none is no error. */
  remove(key: MppsKey, durability: Durability): Promise<void>;
  /** Notes that the answer to the create of a stored record arrived; none is no error. */
  markDelivered(key: MppsKey, durability: Durability): Promise<void>;
  /**
   * One round of housekeeping; call again while either count reaches the limit. A record whose own upstream still has to get
   * messages is kept, however old. Durable as `process`.
   */
  expire(retention: MppsRetention): Promise<Expired>;
}

export interface Store {
  /** Of the data base, for good: gateways that share it are one instance to the outside. */
  readonly instanceId: string;
  readonly mpps: MppsRecords;
  readonly spool: Spool;
  readonly commitments: Commitments;
  readonly workitems: Workitems;
  readonly subscriptions: Subscriptions;
  readonly claims: Claims;
  readonly worklist: RisEntries;
  readonly steps: RisSteps;
  readonly exceptions: RisExceptions;
  /**
   * Runs work of one key strictly one after another, in every process that shares the data base, and within a process in
   * the order it was given; other keys are not held up.
   */
  exclusively<Result>(key: string, work: () => Promise<Result>): Promise<Result>;
  /** Whether this process is the one that does the housekeeping; another takes over when it ends. */
  leads(): Promise<boolean>;
  /** Writes a whole, consistent copy to a new file while work goes on. @throws GatewayError STORE_BACKUP_FAILED */
  backup(path: string): Promise<void>;
  /** Waits for writes under way; further calls reject with STORE_FAILED. A second close does nothing. */
  close(): Promise<void>;
}
