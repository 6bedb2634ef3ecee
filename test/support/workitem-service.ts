/**
 * Workitems in front of a far end of worklist and MPPS in memory, with a gateway between that holds every message to the
 * tables of MPPS. What was begun goes on in a service that is made anew on the same store.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { attribute, createDataSet, dataSetOf, firstText } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { Delivery } from '../../src/gateway/delivery.ts';
import { Gateway } from '../../src/gateway/gateway.ts';
import type { GatewayRoute } from '../../src/gateway/gateway.ts';
import { compileRouteMatcher } from '../../src/gateway/routes.ts';
import type { MppsContext, Requester, ServiceWarning, WorklistQuery } from '../../src/services/port.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type { EventChannel, WorkitemOptions, WorkitemRoute } from '../../src/services/ups/workitem.ts';
import { matches } from '../../src/services/worklist/matching.ts';
import { openMemoryStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { WorkitemService } from '../../src/ups/workitems.ts';
import { FakeClock } from './fake-clock.ts';
import { FarEnd, mppsContextOf } from './mpps.ts';
import { collect, keepingLogger } from './requests.ts';
import type { LogLine } from './requests.ts';

export const USER_AGENT: Requester = {
  listener: 'web',
  protocol: 'dicomweb',
  address: '127.0.0.1',
  basePath: '/dicomweb',
};
export const OPTIONS: WorkitemOptions = {
  create: 'refuse',
  updateScheduled: 'refuse',
  cancelScheduled: 'refuse',
  cancelRequest: 'inform',
  deletionLocks: true,
  stationScheme: '99AET',
  pollMs: 0,
  maximumReports: 100,
};
/** As every message names it in the tests. */
export const LOCK = '2.25.1001';
export const OTHER_LOCK = '2.25.1002';

/** An MPPS SCP that has a worklist too. */
export class WorklistFarEnd extends FarEnd {
  entries: DataSet[] = [];
  /** In place of results. */
  searchFails: ServiceFailure | undefined;
  searches = 0;

  override async *search(query?: WorklistQuery): AsyncGenerator<DataSet> {
    this.searches++;
    await Promise.resolve();
    if (this.searchFails !== undefined) throw this.searchFails;
    for (const entry of this.entries) if (query === undefined || matches(entry, query)) yield entry;
  }
}

/** A subscriber that listens; `isDeaf`: its connection is lost with the next report. */
export class Listener implements EventChannel {
  readonly aeTitle: string;
  readonly heard: DataSet[] = [];
  #wanted: { readonly count: number; readonly reached: () => void } | undefined;
  isDeaf = false;
  isClosed = false;

  constructor(aeTitle: string) {
    this.aeTitle = aeTitle;
  }

  send(report: DataSet): Promise<void> {
    if (this.isDeaf) return Promise.reject(new ServiceFailure('CONNECTION_LOST'));
    this.heard.push(report);
    if (this.#wanted !== undefined && this.heard.length >= this.#wanted.count) this.#wanted.reached();
    return Promise.resolve();
  }

  /** Its events once there are so many, those that come right behind them included. */
  async eventsOf(count: number): Promise<string[]> {
    const reached = Promise.withResolvers<void>();
    this.#wanted = { count, reached: reached.resolve };
    if (this.heard.length < count) await reached.promise;
    await turns();
    return this.events;
  }

  close(): void {
    this.isClosed = true;
  }

  /** Event Type ID, and the state a State Report tells. */
  get events(): string[] {
    return this.heard.map((report) => `${firstText(report, '00001002')} ${firstText(report, '00741000') ?? ''}`.trim());
  }
}

/** Lets what was begun go on as far as it can without time passing. */
export async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await nextTurn();
}

export class ServiceBed {
  readonly far = new WorklistFarEnd();
  readonly clock: FakeClock;
  readonly lines: LogLine[] = [];
  readonly store: Store;
  readonly route: WorkitemRoute;
  service: WorkitemService;

  static async open(options: Partial<WorkitemOptions> = {}, entries: readonly DataSet[] = []): Promise<ServiceBed> {
    const clock = new FakeClock(Date.UTC(2026, 2, 1, 8));
    const bed = new ServiceBed(clock, await openMemoryStore({ now: () => clock.now() }), options);
    bed.far.entries = [...entries];
    return bed;
  }

  private constructor(clock: FakeClock, store: Store, options: Partial<WorkitemOptions>) {
    this.clock = clock;
    this.store = store;
    this.route = { route: 'ups', upstream: 'far', options: { ...OPTIONS, ...options } };
    this.service = this.#start(store);
  }

  /** Another process on the same disk: nothing of the one before but what it has stored. */
  async restart(store: Store = this.store): Promise<void> {
    await this.service.close(1_000);
    this.service = this.#start(store);
    await turns();
  }

  async close(): Promise<void> {
    await this.service.close(1_000);
    await this.store.close();
  }

  /** What is warned of is in `warnings`. */
  context(requester = USER_AGENT): MppsContext & { warnings: ServiceWarning[] } {
    return mppsContextOf(requester);
  }

  async search(keys: DataSet = createDataSet()): Promise<DataSet[]> {
    const query = { identifier: keys, returnKeys: 'all', fuzzyMatching: false, offset: 0 } as const;
    return collect(this.service.search(query, this.context()));
  }

  /** UID of the only workitem of the worklist. */
  async listed(): Promise<string> {
    const [workitem] = await this.search();
    return firstText(workitem ?? createDataSet(), '00080018') ?? '';
  }

  /** The same, claimed. */
  async claimed(): Promise<string> {
    const uid = await this.listed();
    await this.service.changeState(uid, 'IN PROGRESS', LOCK, this.context());
    return uid;
  }

  /** State as a user agent sees it. */
  async stateOf(uid: string): Promise<string | undefined> {
    return firstText(await this.service.retrieve(uid, this.context()), '00741000');
  }

  /** The instances of the far end, by their state. */
  get mppsStates(): (string | undefined)[] {
    return [...this.far.instances.values()].map((instance) => firstText(instance, '00400252'));
  }

  #start(store: Store): WorkitemService {
    const logger = keepingLogger(this.lines);
    const gateway = new Gateway([], logger);
    gateway.replaceRoutes(
      [routeTo(this.far, this.route)],
      new Delivery(store, logger, { now: () => this.clock.now() }),
    );
    const service = new WorkitemService({
      store,
      handler: gateway,
      routeOf: ({ listener }) => (listener === USER_AGENT.listener ? this.route : undefined),
      clock: this.clock,
      logger,
    });
    service.replaceRoutes([this.route]);
    return service;
  }
}

function routeTo(upstream: WorklistFarEnd, workitems: WorkitemRoute): GatewayRoute {
  const far = { name: 'far', upstream };
  const common = { route: workitems.route, request: undefined, response: undefined };
  return {
    ...compileRouteMatcher(workitems.route, {}),
    options: {
      route: workitems.route,
      characterSets: [],
      unencodable: 'utf-8',
      fuzzyMatching: false,
      timezoneAdjustment: false,
    },
    worklist: { ...common, upstreams: [far] },
    mpps: {
      ...common,
      upstream: far,
      forwardTo: [],
      options: {
        delivery: 'direct',
        validation: 'strict',
        missingInstanceUid: 'refuse',
        unknownInstance: 'pass',
        fillType2: false,
        preCreateOptional: false,
        defaults: undefined,
        retrieveFromCopy: false,
      },
    },
    storageCommitment: undefined,
    workitems,
    messagesFor: () => undefined,
  };
}

function code(value: string, scheme: string, meaning: string): DataSet {
  return dataSetOf({
    '00080100': attribute('SH', value),
    '00080102': attribute('SH', scheme),
    '00080104': attribute('LO', meaning),
  });
}

/** The progress a performer tells. */
export function progressOf(percent: number): DataSet {
  return dataSetOf({ '00741002': attribute('SQ', dataSetOf({ '00741004': attribute('DS', percent) })) });
}

/** What a performer tells of what it does, everything an end needs (final state code P). */
export function performedPart(more: DataSet = createDataSet()): DataSet {
  return dataSetOf({
    '00741216': attribute(
      'SQ',
      dataSetOf({
        '00404019': attribute('SQ', code('CTTHORAX', '99LOCAL', 'CT of the thorax')),
        '00404028': attribute('SQ', code('CT1', '99AET', 'CT1')),
        '00404033': attribute('SQ'),
        '00404050': attribute('DT', '20260301081500'),
        '00404051': attribute('DT', '20260301083000'),
        ...more,
      }),
    ),
  });
}

/** Why it is canceled (final state code X). */
export function cancellationPart(): DataSet {
  return dataSetOf({
    '00741002': attribute(
      'SQ',
      dataSetOf({ '0074100E': attribute('SQ', code('110514', 'DCM', 'Incorrect worklist entry selected')) }),
    ),
  });
}
