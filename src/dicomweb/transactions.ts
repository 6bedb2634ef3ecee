/** Every transaction of an origin server but Retrieve Capabilities, which describes them. */
import type { ServiceHandler } from '../services/port.ts';
import { createCommitmentTransactions } from './commitment.ts';
import type { EventConnections } from './event-connections.ts';
import type { KnownOptions } from './listener-options.ts';
import { createMppsTransactions } from './mpps.ts';
import type { Transaction } from './transaction.ts';
import { createSubscriptionTransactions } from './workitem-subscriptions.ts';
import { createWorkitemTransactions } from './workitems.ts';
import { createWorklistSearch } from './worklist.ts';

export function createTransactions(
  handler: ServiceHandler,
  options: KnownOptions,
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
