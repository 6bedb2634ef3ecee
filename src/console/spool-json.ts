/** Messages of the spool as JSON: without the data set, which holds what a patient is called, unless it is asked for. */
import { toJson } from '../dataset/json.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { MppsEventType } from '../services/mpps/notification.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { DestinationSummary, SpoolSummary } from './api-types.ts';
import { moment, troublesOf } from './delivery-json.ts';
import type { SpoolDepth, SpoolMessage } from '../store/spool-records.ts';

const EVENTS = Object.entries(MPPS_EVENT) as readonly (readonly [keyof typeof MPPS_EVENT, MppsEventType])[];

export interface SpoolDetail extends SpoolSummary {
  readonly requester: Requester;
  /** Gateways it has passed. */
  readonly hops: readonly Hop[];
  readonly digest: string;
  readonly characterSet?: string;
}

export function summaryOf(message: SpoolMessage): SpoolSummary {
  const { id, route, upstream, uid, kind, state, attempts, inDoubt, traceId, acceptedAt } = message;
  return {
    ...{ id, route, upstream, uid, kind, state, acceptedAt: moment(acceptedAt), attempts, inDoubt },
    ...eventOf(message),
    ...troublesOf(message),
    traceId,
  };
}

function eventOf({ eventType }: SpoolMessage): Pick<SpoolSummary, 'event'> {
  const [event] = EVENTS.find(([, type]) => type === eventType) ?? [];
  return event === undefined ? {} : { event };
}

export function detailOf(message: SpoolMessage): SpoolDetail {
  const { requester, hops, digest, characterSet } = message;
  return { ...summaryOf(message), requester, hops, digest, ...(characterSet === undefined ? {} : { characterSet }) };
}

/** One line: the message with the data set as it was received (DICOM JSON) as `received`. */
export function wholeToJson(message: SpoolMessage): string {
  return `${JSON.stringify(detailOf(message)).slice(0, -1)},"received":${toJson(message.received)}}`;
}

export function depthOf({ route, upstream, queued, dead, oldestMs, attempts }: SpoolDepth): DestinationSummary {
  return { route, upstream, queued, dead, oldestSeconds: Math.round(oldestMs / 1_000), attempts };
}
