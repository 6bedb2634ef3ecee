/** What is remembered of an MPPS as its messages pass (proxy flows, state summary). Pure. */
import type { DataSet } from '../dataset/model.ts';
import { digestsOf, sequencesOf } from '../services/mpps/digest.ts';
import { stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { MppsContext } from '../services/port.ts';
import type { MppsKey, MppsRecord } from '../store/store.ts';

/** The record of a create that is about to be sent. */
export function pendingRecord(
  key: MppsKey,
  create: {
    readonly attributes: DataSet;
    readonly createDigest: string;
    /** What was received, where it is kept. */
    readonly copy: DataSet | undefined;
    readonly createdAt: number;
    readonly nowMs: number;
    readonly context: MppsContext;
  },
): MppsRecord {
  const { attributes, createDigest, copy, createdAt, nowMs, context } = create;
  const { requester, characterSet } = context;
  return {
    ...key,
    listener: requester.listener,
    requester,
    ...(characterSet === undefined ? {} : { characterSet }),
    phase: 'pending',
    state: 'IN PROGRESS',
    delivered: false,
    createDigest,
    created: digestsOf(attributes),
    set: {},
    sequences: sequencesOf(attributes),
    ...(copy === undefined ? {} : { copy }),
    createdAt,
    updatedAt: nowMs,
  };
}

/** The record once the create was done, or accepted. */
export function storedRecord({ copy, ...rest }: MppsRecord, keepsCopy: boolean): MppsRecord {
  return { ...rest, phase: 'stored', ...(keepsCopy && copy !== undefined ? { copy } : {}) };
}

/** The record after an update was done, or accepted. */
export function updatedRecord(
  record: MppsRecord,
  update: {
    readonly modifications: DataSet;
    readonly digest: string;
    readonly keepsCopy: boolean;
    readonly nowMs: number;
    /** Address of the one who sent it, where it is remembered. */
    readonly from: string | undefined;
  },
): MppsRecord {
  const { modifications, digest, keepsCopy, nowMs, from } = update;
  const { pendingDigest: _, copy, ...rest } = record;
  return {
    ...rest,
    phase: 'stored',
    // A modality that goes on has seen the answer to its create.
    delivered: true,
    state: stateOf(modifications) ?? record.state,
    lastDigest: digest,
    ...(from === undefined ? {} : { updates: withUpdate(record.updates, digest, from) }),
    set: { ...record.set, ...digestsOf(modifications) },
    sequences: { ...record.sequences, ...sequencesOf(modifications) },
    ...(keepsCopy && copy !== undefined ? { copy: { ...copy, ...modifications } } : {}),
    updatedAt: nowMs,
  };
}

/** As many as may be under way in a ring of gateways. */
const REMEMBERED_UPDATES = 100;

function withUpdate(
  updates: MppsRecord['updates'] = [],
  digest: string,
  from: string,
): NonNullable<MppsRecord['updates']> {
  if (updates.some(([known]) => known === digest)) return updates;
  return [...updates, [digest, from] as const].slice(-REMEMBERED_UPDATES);
}

/**
 * An update that was accepted before and comes from elsewhere now: it went round a ring of gateways that forward to each
 * other, and is older than what was accepted since. One that sends a former value again sends it from its own address.
 */
export function isEcho(record: MppsRecord | undefined, digest: string, address: string): boolean {
  const [, first] = record?.updates?.find(([known]) => known === digest) ?? [];
  return first !== undefined && first !== address;
}

/** The narrow case of a repeated N-CREATE: its first answer was lost, and nothing happened since. */
export function isUndeliveredRepeat(record: MppsRecord, digest: string): boolean {
  return (
    record.phase === 'stored' &&
    !record.delivered &&
    record.createDigest === digest &&
    record.state === 'IN PROGRESS' &&
    Object.keys(record.set).length === 0 &&
    record.pendingDigest === undefined
  );
}

/** The far end no longer knows what it once accepted: deleted, rather than never heard of. */
export function knownToHaveExisted(error: unknown, record: MppsRecord | undefined): unknown {
  if (!(error instanceof ServiceFailure) || error.code !== 'NO_SUCH_INSTANCE' || record?.phase !== 'stored')
    return error;
  const { dimseStatus, httpStatus, message } = error;
  return new ServiceFailure('INSTANCE_DELETED', {
    comment: message,
    ...(dimseStatus === undefined ? {} : { dimseStatus }),
    ...(httpStatus === undefined ? {} : { httpStatus }),
  });
}
