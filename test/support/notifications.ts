/** An SCU of MPPS Notification in memory. */
import type { MppsEvent } from '../../src/services/mpps/notification.ts';
import type { RequestContext, ServiceFailure } from '../../src/services/port.ts';
import { FarEnd } from './mpps.ts';

export class NotifiedScu extends FarEnd {
  /** What it has taken, in order. */
  readonly events: MppsEvent[] = [];
  readonly contexts: RequestContext[] = [];
  /** Thrown instead of taking the coming ones, one each. */
  refusals: ServiceFailure[] = [];

  override async notifyMpps(event?: MppsEvent, context?: RequestContext): Promise<never> {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) throw refusal;
    if (event === undefined || context === undefined) throw new Error('told nothing');
    this.events.push(event);
    this.contexts.push(context);
    return undefined as never;
  }
}
