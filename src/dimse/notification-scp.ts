/** MPPS Notification of an SCP that calls: the N-EVENT-REPORT of which this side is SCU (PS3.4 F.9.2). */
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { ServiceHandler } from '../services/port.ts';
import { commitmentDimseOutcome } from '../services/storage-commitment/outcomes.ts';
import { DIMSE_STATUS } from './command-set.ts';
import { requestContext, writeInTime } from './n-service-request.ts';
import { readNotification } from './notification-message.ts';
import type { OpenWrites } from './open-writes.ts';
import type { ScpExchange, ScpService } from './scp-exchange.ts';

export interface NotificationScpHost {
  readonly handler: ServiceHandler;
  /** `requestTimeoutMs`: patience of the peer. */
  readonly options: () => { readonly requestTimeoutMs: number };
  readonly writes: OpenWrites;
  readonly logger: Logger;
}

/** 0000H says that what follows from the event is on the disk. */
export function notificationScp(host: NotificationScpHost): ScpService {
  return async (exchange) => {
    const failure = await failureOf(exchange, host);
    if (failure === undefined) return exchange.respond(DIMSE_STATUS.success);
    // N-EVENT-REPORT fails alike, whatever it reports.
    const { status, comment, ...fields } = commitmentDimseOutcome(failure, 'report');
    return exchange.respond(status, { ...fields, errorComment: comment });
  };
}

async function failureOf(
  exchange: ScpExchange,
  { handler, options, writes, logger }: NotificationScpHost,
): Promise<ServiceFailure | undefined> {
  const startedMs = performance.now();
  const { requestTimeoutMs } = options();
  const context = requestContext(exchange, requestTimeoutMs, () => undefined);
  const event = understood(exchange);
  if (event instanceof ServiceFailure) {
    handler.refused('notify', context, startedMs, event);
    return event;
  }
  try {
    await writeInTime(writes, requestTimeoutMs, (signal) => handler.notifyMpps(event, { ...context, signal }));
    return undefined;
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    logger.error('an MPPS Notification failed', { traceId: context.traceId, ...errorFacts(error) });
    return new ServiceFailure('INTERNAL_ERROR', { cause: error });
  }
}

function understood({ message }: ScpExchange): ReturnType<typeof readNotification> | ServiceFailure {
  try {
    return readNotification(message.command);
  } catch (error) {
    if (error instanceof ServiceFailure) return error;
    throw error;
  }
}
