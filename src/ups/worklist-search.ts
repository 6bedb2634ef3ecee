/** A search of the worklist at a UPS-RS server (proxy flows 6.1): its workitems, one entry for each request they are for. */
import { limited, limitedStream } from '../dicomweb/time-limit.ts';
import { createDataSet, firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, WorklistQuery } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import { workitemQueryOf } from '../services/ups/scheduled-search.ts';
import { entryOf } from '../services/ups/scheduled.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../services/worklist/attributes.ts';
import { compareSteps } from '../services/worklist/identifier.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import type { Claims, SeenStep } from '../store/workitem-records.ts';
import type { UpsOptions } from './options.ts';
import type { WorkitemFinder } from './workitem-finder.ts';

const TIMEZONE_OFFSET_FROM_UTC = '00080201';
const SCHEDULED_PROCEDURE_STEP_ID = '00400009';
/** A list that is shown in pages is sorted as a whole. */
const MAXIMUM_SORTED = 10_000;

export type WorklistSearchOptions = Pick<UpsOptions, 'name' | 'states' | 'stationScheme' | 'stationAeTitle'>;

export class WorklistSearch {
  readonly #options: WorklistSearchOptions;
  readonly #finder: WorkitemFinder;
  readonly #claims: Pick<Claims, 'see'>;
  readonly #logger: Logger;

  constructor(options: WorklistSearchOptions, finder: WorkitemFinder, claims: Pick<Claims, 'see'>, logger: Logger) {
    this.#options = options;
    this.#finder = finder;
    this.#claims = claims;
    this.#logger = logger;
  }

  /** See `Upstream.search`. */
  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, undefined> {
    const found = limitedStream(context, (signal) => this.#entries(query, context, signal));
    const entries = query.stableOrder ? await sorted(found) : found;
    const end = query.offset + (query.limit ?? Infinity);
    let position = 0;
    for await (const entry of entries) {
      if (position >= query.offset && position < end) yield entry;
      position++;
    }
    if (position > end) context.warn(moreResults(position - end));
  }

  /** See `Upstream.trySearch`. */
  try(context: RequestContext): Promise<void> {
    const { identifier } = workitemQueryOf(createDataSet(), this.#options);
    return limited(context, (signal) => this.#finder.tryOne(identifier, { context, signal }));
  }

  async *#entries(
    query: WorklistQuery,
    context: RequestContext,
    signal: AbortSignal,
  ): AsyncGenerator<DataSet, void, undefined> {
    if (query.fuzzyMatching) context.warn(WARNINGS.fuzzyMatchingNotSupported);
    const keys = { ...query.identifier };
    if (query.timezoneAdjustment) {
      context.warn(WARNINGS.timezoneNotSupported);
      delete keys[TIMEZONE_OFFSET_FROM_UTC];
    }
    const { emptyValueMatching } = query;
    const { identifier, takes, postFilter, unmatched } = workitemQueryOf(keys, {
      ...this.#options,
      emptyValueMatching,
    });
    if (unmatched.length > 0) context.warn({ ...WARNINGS.optionalKeysNotSupported, attributes: unmatched });
    for await (const workitems of this.#finder.find(identifier, { context, signal })) {
      const found = workitems.filter(takes).map((workitem) => ({
        uid: firstText(workitem, UPS.sopInstanceUid),
        entries: entryOf(workitem, this.#options).filter(postFilter),
      }));
      await this.#remember(found);
      for (const { entries } of found) yield* entries;
    }
  }

  /** What is shown can be found again by an MPPS, before anybody has seen it (6.1 step 5). */
  async #remember(
    found: readonly { readonly uid: string | undefined; readonly entries: readonly DataSet[] }[],
  ): Promise<void> {
    const steps = found.flatMap(({ uid, entries }) =>
      uid === undefined ? [] : entries.flatMap((entry) => this.#seenStep(uid, entry)),
    );
    if (steps.length === 0) return;
    try {
      await this.#claims.see(steps);
    } catch (error) {
      // The list is worth more than the memory of it: a workitem is also found by what the MPPS says.
      this.#logger.error('what a search has found could not be remembered', errorFacts(error));
    }
  }

  #seenStep(workitemUid: string, entry: DataSet): SeenStep[] {
    const [step] = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]);
    const studyUid = firstText(entry, UPS.studyInstanceUid);
    const stepId = step && firstText(step, SCHEDULED_PROCEDURE_STEP_ID);
    if (studyUid === undefined || stepId === undefined) return [];
    return [{ upstream: this.#options.name, studyUid, stepId, workitemUid }];
  }
}

async function sorted(found: AsyncIterable<DataSet>): Promise<DataSet[]> {
  const all: DataSet[] = [];
  for await (const entry of found) {
    if (all.push(entry) > MAXIMUM_SORTED) {
      const comment = `More than ${MAXIMUM_SORTED} entries match: too many to show them in pages`;
      throw new ServiceFailure('TOO_MANY_RESULTS', { comment });
    }
  }
  return all.sort(compareSteps);
}
