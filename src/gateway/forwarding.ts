/**
 * The messages that the spool gets for one that was accepted (proxy flows 11): what was received, for the route's own
 * upstream or for the destinations it is forwarded to, none of them where it came from.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import type { Requester, RequestContext } from '../services/port.ts';
import type { NewSpoolMessage } from '../store/spool-records.ts';
import type { MppsRecord } from '../store/store.ts';
import { isFrom } from './mpps-route.ts';
import type { ForwardTarget, MppsTarget } from './mpps-route.ts';

/** A message as it was accepted. */
export interface AcceptedMessage {
  readonly kind: 'create' | 'update';
  readonly uid: string;
  readonly received: DataSet;
  readonly digest: string;
  readonly characterSet: string | undefined;
  readonly requester: Requester;
  readonly context: RequestContext;
}

/** For the upstream of the route itself. */
export function primaryMessage({ route, upstream }: MppsTarget, message: AcceptedMessage): NewSpoolMessage {
  return spoolMessage(route, upstream.name, message);
}

/** @param before the record as it was before the message */
export function forwardMessages(
  target: MppsTarget,
  message: AcceptedMessage,
  before: MppsRecord | undefined,
  logger: Logger,
): NewSpoolMessage[] {
  const { route, upstream, forwardTo } = target;
  return forwardTo
    .filter((forward) => {
      if (forward.upstream.name === upstream.name) return false;
      const reason = reasonAgainst(forward, message, before);
      if (reason === undefined) return true;
      const { context, uid, kind } = message;
      logger.info('not forwarded', {
        traceId: context.traceId,
        uid,
        route,
        upstream: forward.upstream.name,
        kind,
        reason,
      });
      return false;
    })
    .map((forward) => spoolMessage(route, forward.upstream.name, message));
}

/** What comes back from a destination, or once more from another, would else go round for ever. */
function reasonAgainst(
  forward: ForwardTarget,
  { kind, digest, requester }: AcceptedMessage,
  before: MppsRecord | undefined,
): string | undefined {
  if (isFrom(forward, requester)) return 'it came from there';
  return kind === 'update' && before?.lastDigest === digest ? 'it was forwarded before' : undefined;
}

function spoolMessage(route: string, upstream: string, message: AcceptedMessage): NewSpoolMessage {
  const { kind, uid, received, digest, characterSet, requester, context } = message;
  return {
    route,
    upstream,
    uid,
    kind,
    received,
    digest,
    ...(characterSet === undefined ? {} : { characterSet }),
    requester,
    traceId: context.traceId,
    hops: context.hops ?? [],
  };
}
