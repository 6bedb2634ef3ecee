/** Messages of the spool as rows of `spool_messages`, in every data base. */
import { toJson } from '../dataset/json.ts';
import { cloneDataSet, createDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { MppsEventType } from '../services/mpps/notification.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { NewSpoolMessage, SpoolFailure, SpoolMessage, UnreadableMember } from './spool-records.ts';

export type SpoolRow = Readonly<Record<string, unknown>>;

/** What a message brings with it; the rest of its row is the spool's. */
export const BROUGHT = [
  'route', 'upstream', 'uid', 'kind', 'event_type', 'digest', 'character_set', 'requester', 'trace_id', 'hops', 'received',
] as const; // prettier-ignore

export const SPOOL_COLUMNS = [
  'id', 'state', 'attempts', 'in_doubt', 'failed_at', 'failure_code', 'failure_problem', 'accepted_at', ...BROUGHT,
] as const; // prettier-ignore

export function toSpoolRow(message: NewSpoolMessage): Record<(typeof BROUGHT)[number], string | number | null> {
  return {
    route: message.route,
    upstream: message.upstream,
    uid: message.uid,
    kind: message.kind,
    event_type: message.eventType ?? null,
    digest: message.digest,
    character_set: message.characterSet ?? null,
    requester: JSON.stringify(message.requester),
    trace_id: message.traceId,
    hops: JSON.stringify(message.hops),
    received: toJson(message.received),
  };
}

/**
 * The table is strict and checks state and kind, so the columns have the types of the message. What was received is read
 * as it was written: the reader for other people's JSON would mend value representations. A person who is to decide on a
 * damaged message has to see it: what is no JSON of its kind is empty and named.
 */
export function fromSpoolRow(row: SpoolRow): SpoolMessage {
  const failedAt = row['failed_at'];
  const characterSet = row['character_set'];
  const eventType = row['event_type'];
  const unreadable: UnreadableMember[] = [];
  const read = <T>(member: UnreadableMember, from: (text: string) => T, empty: T): T => {
    try {
      return from(row[member] as string);
    } catch {
      unreadable.push(member);
      return empty;
    }
  };
  const received = read('received', (text) => cloneDataSet(objectOf(text) as DataSet), createDataSet());
  const requester = read('requester', (text) => objectOf(text) as Requester, NOBODY);
  const hops = read('hops', (text) => listOf(text) as readonly Hop[], []);
  return {
    id: row['id'] as number,
    route: row['route'] as string,
    upstream: row['upstream'] as string,
    uid: row['uid'] as string,
    kind: row['kind'] as SpoolMessage['kind'],
    ...(eventType === null ? {} : { eventType: eventType as MppsEventType }),
    received,
    digest: row['digest'] as string,
    ...(characterSet === null ? {} : { characterSet: characterSet as string }),
    requester,
    traceId: row['trace_id'] as string,
    hops,
    state: row['state'] as SpoolMessage['state'],
    acceptedAt: row['accepted_at'] as number,
    attempts: row['attempts'] as number,
    inDoubt: Boolean(row['in_doubt']), // 0 and 1, or a boolean
    ...(failedAt === null
      ? {}
      : {
          lastFailure: {
            at: failedAt as number,
            code: row['failure_code'] as string,
            problem: row['failure_problem'] as string,
          },
        }),
    ...(unreadable.length === 0 ? {} : { unreadable }),
  };
}

/** Why a message is not delivered; undefined: it can be read. */
export function unreadableFailure({ unreadable }: SpoolMessage): SpoolFailure | undefined {
  if (unreadable === undefined) return undefined;
  return { code: 'STORE_DAMAGED', problem: `${unreadable.join(', ')} cannot be read from the store` };
}

const NOBODY: Requester = { listener: '', protocol: 'dimse', address: '' };

/** @throws SyntaxError, TypeError */
function objectOf(text: string): object {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('no object');
  return value;
}

/** @throws SyntaxError, TypeError */
function listOf(text: string): readonly unknown[] {
  const value: unknown = JSON.parse(text);
  if (!Array.isArray(value)) throw new TypeError('no list');
  return value;
}
