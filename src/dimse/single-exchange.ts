/** One request on an association of its own, for which only its answer counts; its place is of the pool. */
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import type { CommandSet } from './command-set.ts';
import type { AcceptedContext } from './message-channel.ts';
import type { AssociationPool, Lease } from './pool.ts';
import type { ScuAssociation, ScuOptions } from './scu.ts';
import type { ScuExchange } from './scu-exchange.ts';
import { failureOfWrite } from './upstream-failure.ts';
import { budgetOf } from './upstream-options.ts';

/** A request that is ready to be sent but for its Message ID. */
export interface ComposedRequest {
  readonly agreed: AcceptedContext;
  readonly fields: CommandSet;
  /** In the transfer syntax of the context. */
  readonly dataSet?: Buffer;
}

export interface SingleExchange {
  /** @throws ServiceFailure, ScuError where the peer has not agreed to what is needed */
  readonly compose: (on: ScuAssociation) => ComposedRequest;
  /** What a status means; undefined: it was done. */
  readonly failureOf: (
    status: number,
    answer: Pick<CommandSet, 'errorComment' | 'errorId'>,
  ) => ServiceFailure | undefined;
  /** Gives the association back. @param isDone the answer was positive */
  readonly finish: (lease: Lease, isDone: boolean) => void;
}

/**
 * Gives the status of a positive answer.
 * @throws ServiceFailure; `ambiguous` when the request was sent and no answer came
 */
export async function exchangeOnce(
  pool: AssociationPool,
  options: ScuOptions,
  context: RequestContext,
  { compose, failureOf, finish }: SingleExchange,
): Promise<number> {
  const budget = budgetOf(context);
  let wasSent = false;
  try {
    const lease = await pool.lease(options, budget, true);
    const { association } = lease;
    let exchange: ScuExchange | undefined;
    let isDone = false;
    try {
      const { agreed, fields, dataSet } = compose(association);
      wasSent = !association.hasEnded;
      exchange = association.request(agreed, fields, dataSet, budget);
      const { status, command } = await exchange.next();
      const failure = failureOf(status, command);
      if (failure !== undefined) throw failure;
      isDone = true;
      return status;
    } finally {
      exchange?.abandon(new ServiceFailure('CANCELED'));
      finish(lease, isDone);
    }
  } catch (error) {
    throw failureOfWrite(error, context.signal, wasSent);
  }
}
