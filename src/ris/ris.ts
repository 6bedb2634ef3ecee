/**
 * The embedded RIS: a worklist in memory behind the same port as every upstream, so that the gateway runs with nothing
 * else installed and a site has something to try against.
 */
import type { DataSet } from '../dataset/model.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import { compareSteps, identifierFromQuery, reduceToRequested } from '../services/worklist/identifier.ts';
import { matches } from '../services/worklist/matching.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';

export class Ris implements Upstream {
  readonly #entries: readonly DataSet[];

  /** @param entries one Scheduled Procedure Step each. */
  constructor(entries: readonly DataSet[]) {
    this.#entries = entries.toSorted(compareSteps);
  }

  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    if (query.fuzzyMatching) context.warn(WARNINGS.fuzzyMatchingNotSupported);
    if (query.timezoneAdjustment) context.warn(WARNINGS.timezoneNotSupported);
    const end = query.offset + (query.limit ?? Infinity);
    const wanted = query.returnKeys === 'all' ? undefined : identifierFromQuery(query).identifier;
    let position = 0;
    for (const entry of this.#entries) {
      if (context.signal.aborted) throw new ServiceFailure('CANCELED');
      if (!matches(entry, query)) continue;
      if (position >= query.offset && position < end) {
        yield wanted === undefined ? entry : reduceToRequested(entry, wanted);
      }
      position++;
    }
    if (position > end) context.warn(moreResults(position - end));
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
