/** The events of MPPS Notification that follow from what a route has accepted (PS3.4 F.9.2; proxy flows 11). Pure. */
import { createDataSet } from '../dataset/model.ts';
import { digestOfDataSet } from '../services/mpps/digest.ts';
import { MPPS_EVENT } from '../services/mpps/notification.ts';
import type { MppsEvent, MppsEventType } from '../services/mpps/notification.ts';
import { stateOf } from '../services/mpps/state.ts';
import type { MppsState } from '../services/mpps/state.ts';
import type { Hop, Requester } from '../services/port.ts';
import type { Destination, NewSpoolMessage } from '../store/spool-records.ts';
import type { MppsRecord } from '../store/store.ts';
import type { AcceptedMessage } from './forwarding.ts';
import { isFrom } from './mpps-route.ts';
import type { MppsTarget } from './mpps-route.ts';

const EVENT_OF: Readonly<Record<MppsState, MppsEventType>> = {
  'IN PROGRESS': MPPS_EVENT.inProgress,
  COMPLETED: MPPS_EVENT.completed,
  DISCONTINUED: MPPS_EVENT.discontinued,
};

/**
 * What the SCUs of a route are told of a message, each in its order; whoever sent it is not told.
 * @param before the record as it was before the message
 */
export function eventsOfMessage(
  { route, notifyTo = [] }: MppsTarget,
  message: AcceptedMessage,
  before: MppsRecord | undefined,
): NewSpoolMessage[] {
  const types = eventTypesOf(message, before);
  const { uid, requester, context } = message;
  const { traceId, hops = [] } = context;
  return notifyTo
    .filter((scu) => !isFrom(scu, requester))
    .flatMap(({ upstream: { name: upstream } }) =>
      types.map((type) => eventMessage({ route, upstream, uid, type, requester, traceId, hops })),
    );
}

/** A message of the spool that has nothing but what is told. */
export function eventMessage(
  event: Destination &
    MppsEvent & { readonly requester: Requester; readonly traceId: string; readonly hops: readonly Hop[] },
): NewSpoolMessage {
  const { route, upstream, uid, type, requester, traceId, hops } = event;
  const received = createDataSet();
  const digest = digestOfDataSet(received);
  return { route, upstream, uid, kind: 'event', eventType: type, received, digest, requester, traceId, hops };
}

/** An update shows that a create without an answer had arrived, so that it is told too; the same update again tells nothing. */
function eventTypesOf({ kind, received, digest }: AcceptedMessage, before: MppsRecord | undefined): MppsEventType[] {
  const state = stateOf(received);
  if (kind === 'create') return [EVENT_OF[state ?? 'IN PROGRESS']];
  if (before?.lastDigest === digest) return [];
  // Of an instance nobody created here, one that says IN PROGRESS changes nothing that is known.
  const isChange = state !== undefined && state !== (before?.state ?? 'IN PROGRESS');
  const own = isChange ? EVENT_OF[state] : MPPS_EVENT.updated;
  return before?.phase === 'pending' ? [MPPS_EVENT.inProgress, own] : [own];
}
