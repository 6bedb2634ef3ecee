/** What the parts of the facade have in common. */
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, Requester, ServiceHandler } from '../services/port.ts';
import { GatewayError } from '../errors.ts';
import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.ts';
import type { WorkitemEvents } from './workitem-events.ts';
import type { WorkitemLedger } from './workitem-ledger.ts';

/** The worklist and the MPPS behind a route. */
export type FarEnd = Pick<ServiceHandler, 'search' | 'createMpps' | 'updateMpps' | 'retrieveMpps'>;

export interface FacadeParts {
  readonly farEnd: FarEnd;
  readonly ledger: WorkitemLedger;
  readonly events: WorkitemEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long the far end may take where nobody waits, ms. */
const BACKGROUND_MS = 30_000;

/** What is done without a request: in the name of who performs it. */
export function backgroundContext(requester: Requester, signal: AbortSignal): RequestContext {
  return {
    signal,
    deadline: performance.now() + BACKGROUND_MS,
    traceId: randomUUID(),
    requester,
    warn: () => undefined,
  };
}

export function isFailure(error: unknown, ...codes: readonly ServiceFailure['code'][]): error is ServiceFailure {
  return error instanceof ServiceFailure && codes.includes(error.code);
}

/**
 * Whether a message may have been taken although it failed. A store that could not write afterwards is told as a local
 * limit, and what broke here may have broken behind the far end's answer.
 */
export function mayHaveArrived(error: unknown): boolean {
  if (!(error instanceof ServiceFailure)) return true;
  if (error.retry === 'ambiguous' || error.code === 'INTERNAL_ERROR') return true;
  return error.code === 'OUT_OF_RESOURCES' && error.cause instanceof GatewayError;
}
