/** Messages of the spool as rows of `spool_messages`, in every data base. */
import { toJson } from '../dataset/json.ts';
import { cloneDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { NewSpoolMessage, SpoolMessage } from './spool-records.ts';

export type SpoolRow = Readonly<Record<string, unknown>>;

/** What a message brings with it; the rest of its row is the spool's. */
export const BROUGHT = [
  'route', 'upstream', 'uid', 'kind', 'digest', 'character_set', 'requester', 'trace_id', 'hops', 'received',
] as const; // prettier-ignore

export const SPOOL_COLUMNS = [
  'id', 'state', 'attempts', 'in_doubt', 'failed_at', 'failure_code', 'failure_problem', 'accepted_at', ...BROUGHT,
] as const; // prettier-ignore

export function toSpoolRow(message: NewSpoolMessage): Record<(typeof BROUGHT)[number], string | null> {
  return {
    route: message.route,
    upstream: message.upstream,
    uid: message.uid,
    kind: message.kind,
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
 * as it was written: the reader for other people's JSON would mend value representations.
 * @throws SyntaxError
 */
export function fromSpoolRow(row: SpoolRow): SpoolMessage {
  const failedAt = row['failed_at'];
  const characterSet = row['character_set'];
  return {
    id: row['id'] as number,
    route: row['route'] as string,
    upstream: row['upstream'] as string,
    uid: row['uid'] as string,
    kind: row['kind'] as SpoolMessage['kind'],
    received: cloneDataSet(JSON.parse(row['received'] as string) as DataSet),
    digest: row['digest'] as string,
    ...(characterSet === null ? {} : { characterSet: characterSet as string }),
    requester: JSON.parse(row['requester'] as string) as SpoolMessage['requester'],
    traceId: row['trace_id'] as string,
    hops: JSON.parse(row['hops'] as string) as SpoolMessage['hops'],
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
  };
}
