/** Every transaction of an origin server: the one table that registers its routes and describes it. */
import { SILENT } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { ServiceHandler } from '../services/port.ts';
import { createCommitmentTransactions } from './commitment.ts';
import type { CommitmentOptions } from './commitment.ts';
import { EventConnections } from './event-connections.ts';
import { DEFAULTS } from './listener-options.ts';
import { createMppsTransactions } from './mpps.ts';
import type { MppsOptions } from './mpps.ts';
import type { Transaction } from './transaction.ts';
import { createSubscriptionTransactions } from './workitem-subscriptions.ts';
import type { SubscriptionOptions } from './workitem-subscriptions.ts';
import { createWorkitemTransactions } from './workitems.ts';
import { createWorklistSearch } from './worklist.ts';
import type { WorklistSearchOptions } from './worklist.ts';

export type TransactionOptions = WorklistSearchOptions & MppsOptions & CommitmentOptions & SubscriptionOptions;

/** Without those that describe the others. */
export function createTransactions(
  handler: ServiceHandler,
  options: TransactionOptions,
  connections: EventConnections,
): Transaction[] {
  return [
    createWorklistSearch(handler, options),
    ...createMppsTransactions(handler, options),
    ...createCommitmentTransactions(handler, options),
    ...createWorkitemTransactions(handler, options),
    ...createSubscriptionTransactions(handler, options, connections),
  ];
}

/** The table of a listener that does not run, for papers about it: whoever runs one of these is refused. */
export function describedTransactions(options: Pick<MppsOptions, 'createStatus' | 'draftMethods'>): Transaction[] {
  const refuse = (): never => {
    throw new ServiceFailure('NOT_SUPPORTED', { comment: 'Nothing runs here' });
  };
  const nobody: ServiceHandler = {
    routeFor: () => undefined,
    search: refuse,
    createMpps: refuse,
    updateMpps: refuse,
    retrieveMpps: refuse,
    characterSetOf: refuse,
    requestCommitment: refuse,
    checkCommitment: refuse,
    reportCommitment: refuse,
    notifyMpps: refuse,
    refused: () => undefined,
  };
  const whole = { ...DEFAULTS, strictParameters: false, strictAccept: false, idleTimeoutMs: 0, ...options };
  return createTransactions(nobody, whole, new EventConnections(refuse, SILENT));
}
