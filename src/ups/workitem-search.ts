/**
 * Searches for workitems in front of a worklist (proxy flows 7.1, PS3.18 11.9): what is SCHEDULED is asked of the worklist
 * and remembered, what is IN PROGRESS or has ended only the store knows.
 */
import { attribute, dataSetOf, firstText, isEmpty, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { withChanges } from '../services/port.ts';
import type { RequestContext, WorklistQuery } from '../services/port.ts';
import { selectWorkitem } from '../services/ups/attributes.ts';
import { stateReport } from '../services/ups/event-attributes.ts';
import { worklistIdentifierOf } from '../services/ups/scheduled-search.ts';
import { workitemOf } from '../services/ups/scheduled.ts';
import { workitemUidOf } from '../services/ups/step-id.ts';
import { WORKITEM_STATES } from '../services/ups/workitem.ts';
import type { WorkitemQuery, WorkitemRoute, WorkitemState } from '../services/ups/workitem.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import type { Store } from '../store/store.ts';
import type { Workitem, WorkitemFilter, WorkitemRecord } from '../store/workitem-records.ts';
import type { FacadeParts } from './facade-parts.ts';
import { isOfWorklist, isPending, shownWorkitem } from './workitem-record.ts';

/** Read, remembered and looked up at a time. */
const AT_ONCE = 50;

const STUDY: Tag = '0020000D';
const REQUESTED_PROCEDURE_ID: Tag = '00401001';
const SCHEDULED_STEP: Tag = '00400100';
const SCHEDULED_STEP_ID: Tag = '00400009';

type Seen = Pick<Workitem, 'route' | 'uid' | 'workitem' | 'entry'>;

interface Found {
  readonly uid: string;
  readonly workitem: DataSet;
  /** Whether the worklist has it still; absent: it has just said so, or has no part in it. */
  readonly isThere?: () => Promise<boolean>;
}

export class WorkitemSearch {
  readonly #parts: FacadeParts;
  readonly #store: Pick<Store, 'workitems' | 'subscriptions'>;

  constructor(parts: FacadeParts, store: Pick<Store, 'workitems' | 'subscriptions'>) {
    this.#parts = parts;
    this.#store = store;
  }

  /** One page in memory at a time. The order is that of the worklist, then by UID. @throws ServiceFailure */
  async *search(
    route: WorkitemRoute,
    query: WorkitemQuery,
    context: RequestContext,
  ): AsyncGenerator<DataSet, void, void> {
    const { stationScheme } = route.options;
    const {
      identifier,
      postFilter,
      unmatched,
      states = WORKITEM_STATES,
    } = worklistIdentifierOf(query.identifier, { stationScheme });
    if (query.fuzzyMatching) context.warn(WARNINGS.fuzzyMatchingNotSupported);
    if (unmatched.length > 0) context.warn({ ...WARNINGS.optionalKeysNotSupported, attributes: unmatched });
    const end = query.offset + (query.limit ?? Infinity);
    const found = new Set<string>();
    let position = 0;
    for await (const { uid, workitem, isThere } of this.#all(route, identifier, states, query, context)) {
      // It may have changed its state, and with it its place, since it was found.
      if (found.has(uid) || !postFilter(workitem) || (await isThere?.()) === false) continue;
      found.add(uid);
      if (position === end) {
        context.warn(moreResults(1));
        return;
      }
      if (position >= query.offset) yield selectWorkitem(workitem, query.identifier, query.returnKeys);
      position++;
    }
  }

  /**
   * The entry of a workitem as the worklist has it now; undefined: it has none any more.
   * @throws ServiceFailure
   */
  async lookUp(route: WorkitemRoute, record: WorkitemRecord, context: RequestContext): Promise<Seen | undefined> {
    let found: Seen | undefined;
    for await (const entry of this.#entries(keysOf(record.entry), false, context)) {
      const seen = this.#seen(route, entry);
      if (seen.uid === record.uid) found ??= seen;
    }
    if (found !== undefined) await this.#note(route, [found]);
    return found;
  }

  async *#all(
    route: WorkitemRoute,
    identifier: DataSet,
    states: readonly WorkitemState[],
    query: WorkitemQuery,
    context: RequestContext,
  ): AsyncGenerator<Found, void, void> {
    if (states.includes('SCHEDULED')) yield* this.#scheduled(route, identifier, query, context);
    const others = states.filter((state) => state !== 'SCHEDULED');
    if (others.length > 0) {
      for await (const { uid, workitem } of this.#stored(route, { states: others })) yield { uid, workitem };
    }
    const { create, updateScheduled } = route.options;
    if (states.includes('SCHEDULED') && (create === 'keep' || updateScheduled === 'keep')) {
      yield* this.#kept(route, context);
    }
  }

  /** The worklist does not have what user agents have created, nor does it find others by what they have changed. */
  async *#kept(route: WorkitemRoute, context: RequestContext): AsyncGenerator<Found, void, void> {
    for await (const record of this.#stored(route, { states: ['SCHEDULED'], isKept: true })) {
      const { uid } = record;
      const isThere = async (): Promise<boolean> =>
        !isOfWorklist(record) || (await this.lookUp(route, record, context)) !== undefined;
      yield { uid, workitem: shownWorkitem(record), isThere };
    }
  }

  async *#scheduled(
    route: WorkitemRoute,
    identifier: DataSet,
    { limit, offset }: WorkitemQuery,
    context: RequestContext,
  ): AsyncGenerator<Found, void, void> {
    let page: Seen[] = [];
    const isPaged = limit !== undefined || offset > 0;
    for await (const entry of this.#entries(identifier, isPaged, context)) {
      page.push(this.#seen(route, entry));
      if (page.length < AT_ONCE) continue;
      yield* await this.#remembered(route, page);
      page = [];
    }
    yield* await this.#remembered(route, page);
  }

  /** Of a page those that nobody has claimed, as they are shown. */
  async #remembered(route: WorkitemRoute, page: readonly Seen[]): Promise<Found[]> {
    if (page.length === 0) return [];
    await this.#note(route, page);
    const records = await Promise.all(page.map(({ uid }) => this.#parts.ledger.get(route.route, uid)));
    return records.flatMap((record) => {
      if (record === undefined || record.state !== 'SCHEDULED' || isPending(record)) return [];
      return [{ uid: record.uid, workitem: shownWorkitem(record) }];
    });
  }

  async *#stored(
    { route }: WorkitemRoute,
    filter: Pick<WorkitemFilter, 'states' | 'isKept'>,
  ): AsyncGenerator<WorkitemRecord, void, void> {
    for (let after = ''; ;) {
      const records = await this.#store.workitems.list({ route, ...filter, after, limit: AT_ONCE });
      yield* records;
      const last = records.at(-1);
      if (last === undefined) return;
      after = last.uid;
    }
  }

  /** Remembers what was found; what is new is told to those who are subscribed to the whole worklist (PS3.4 CC.2.3.3). */
  async #note(route: WorkitemRoute, seen: readonly Seen[]): Promise<void> {
    const added = new Set(await this.#store.workitems.see(seen));
    if (added.size === 0 || !(await this.#store.subscriptions.isWatched(route.route))) return;
    const news = seen.filter(({ uid }) => added.has(uid));
    // A page at a time is one write: the first search of a long worklist finds all of it new.
    const tellings = await Promise.all(
      news.map(({ uid, workitem }) => this.#parts.events.queue(route, uid, [stateReport(uid, workitem)])),
    );
    for (const tell of tellings) tell();
  }

  #seen({ route, options }: WorkitemRoute, entry: DataSet): Seen {
    const uid = workitemUidOf(entry);
    const { stationScheme } = options;
    return { route, uid, entry, workitem: workitemOf(entry, { uid, stationScheme, nowMs: this.#parts.clock.now() }) };
  }

  #entries(identifier: DataSet, stableOrder: boolean, context: RequestContext): AsyncIterable<DataSet> {
    const query: WorklistQuery = {
      identifier,
      returnKeys: 'all',
      fuzzyMatching: false,
      emptyValueMatching: false,
      multipleValueMatching: false,
      timezoneAdjustment: false,
      offset: 0,
      stableOrder,
    };
    // What cannot be matched there is matched here.
    const warn: RequestContext['warn'] = (warning) => {
      if (warning.code === 'RESULTS_MAY_BE_INCOMPLETE' || warning.code === 'MORE_RESULTS') context.warn(warning);
    };
    return this.#parts.farEnd.search(query, withChanges(context, { warn }));
  }
}

/** What tells one entry from the others. */
function keysOf(entry: DataSet): DataSet {
  const step = itemsOf(entry[SCHEDULED_STEP])[0] ?? {};
  const id = firstText(step, SCHEDULED_STEP_ID) ?? '';
  const keys = dataSetOf({
    [SCHEDULED_STEP]: attribute(
      'SQ',
      dataSetOf({ [SCHEDULED_STEP_ID]: id === '' ? attribute('SH') : attribute('SH', id) }),
    ),
  });
  for (const tag of [STUDY, REQUESTED_PROCEDURE_ID]) {
    const key = entry[tag];
    if (key !== undefined && !isEmpty(key)) keys[tag] = key;
  }
  return keys;
}
