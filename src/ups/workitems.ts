/**
 * UPS-RS in front of a worklist and MPPS (proxy flows 7): workitems are worklist entries, a claim is an N-CREATE, an update an
 * N-SET, and what neither holds is kept here. Behind it is the gateway itself, so that rules, durability, forwarding and audit
 * of a route hold for what is done to its workitems.
 */
import { createDataSet, dataSetOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import { ServiceFailure } from '../services/port.ts';
import type { MppsContext, RequestContext, Requester } from '../services/port.ts';
import { mergeWorkitem, selectWorkitem, unchangeable, UPS } from '../services/ups/attributes.ts';
import { withCancellationTime } from '../services/ups/final-state.ts';
import { unsettable } from '../services/ups/performing.ts';
import { failureOf, lockOf, transitionOf, updateOf } from '../services/ups/state.ts';
import type { Lock } from '../services/ups/state.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import type {
  CancellationRequest,
  EventChannel,
  WorkitemHandler,
  WorkitemQuery,
  WorkitemRoute,
  WorkitemState,
} from '../services/ups/workitem.ts';
import type { Store } from '../store/store.ts';
import type { WorkitemRecord } from '../store/workitem-records.ts';
import { systemClock } from './clock.ts';
import type { Clock, Timer } from './clock.ts';
import { EventChannels } from './event-channels.ts';
import type { FacadeParts, FarEnd } from './facade-parts.ts';
import { Poller } from './poller.ts';
import { WorkitemSubscriptions } from './subscriptions.ts';
import type { SubscriptionOptions } from './subscriptions.ts';
import { WorkitemCancellation } from './workitem-cancellation.ts';
import { createWorkitem } from './workitem-creation.ts';
import { WorkitemEvents } from './workitem-events.ts';
import { WorkitemLedger } from './workitem-ledger.ts';
import { WorkitemNews } from './workitem-news.ts';
import { isPending, shownWorkitem } from './workitem-record.ts';
import { WorkitemRefresh } from './workitem-refresh.ts';
import { WorkitemSearch } from './workitem-search.ts';
import { WorkitemSteps } from './workitem-steps.ts';

export interface WorkitemServiceOptions {
  readonly store: Pick<Store, 'workitems' | 'subscriptions' | 'exclusively'>;
  /** The gateway. */
  readonly handler: FarEnd;
  /** The route a requester takes, where it offers workitems. */
  readonly routeOf: (requester: Requester) => WorkitemRoute | undefined;
  readonly clock?: Clock;
  readonly logger: Logger;
}

export class WorkitemService implements WorkitemHandler {
  readonly #store: WorkitemServiceOptions['store'];
  readonly #routeOf: WorkitemServiceOptions['routeOf'];
  readonly #parts: FacadeParts;
  readonly #channels: EventChannels;
  readonly #subscriptions: WorkitemSubscriptions;
  readonly #search: WorkitemSearch;
  readonly #steps: WorkitemSteps;
  readonly #refresh: WorkitemRefresh;
  readonly #cancellation: WorkitemCancellation;
  readonly #news: WorkitemNews;
  readonly #poller: Poller;
  readonly #ending = new AbortController();
  /** What nobody waits for. */
  readonly #underWay = new Set<Promise<void>>();
  /** By route, who has asked last: in its name an MPPS is asked for that nobody has begun here. */
  readonly #lastRequesters = new Map<string, Requester>();
  #routes: readonly WorkitemRoute[] = [];

  constructor({ store, handler, routeOf, clock = systemClock, logger }: WorkitemServiceOptions) {
    this.#store = store;
    this.#routeOf = routeOf;
    const channels = new EventChannels(store.subscriptions, clock, logger);
    const wake = channels.wake.bind(channels);
    const events = new WorkitemEvents(store.subscriptions, wake, logger);
    const parts = { farEnd: handler, ledger: new WorkitemLedger(store, events), events, clock, logger };
    this.#parts = parts;
    this.#channels = channels;
    this.#subscriptions = new WorkitemSubscriptions(store, events, wake);
    this.#search = new WorkitemSearch(parts, store);
    this.#steps = new WorkitemSteps(parts);
    this.#refresh = new WorkitemRefresh(parts, this.#search, this.#steps);
    this.#cancellation = new WorkitemCancellation(parts, store.subscriptions, this.#steps, this.#refresh);
    this.#news = new WorkitemNews(parts, store, this.#steps, this.#refresh, this.#ending.signal);
    this.#poller = new Poller((route) => this.#news.poll(route), clock, logger);
  }

  /** The routes that offer workitems from now on; what was begun on one that was not there before goes on. */
  replaceRoutes(routes: readonly WorkitemRoute[]): void {
    if (this.#ending.signal.aborted) return;
    const known = new Set(this.#routes.map(({ route }) => route));
    this.#routes = routes;
    const names = new Set(routes.map(({ route }) => route));
    for (const route of this.#lastRequesters.keys()) if (!names.has(route)) this.#lastRequesters.delete(route);
    this.#channels.keep(names);
    this.#poller.replaceRoutes(routes);
    for (const route of routes) if (!known.has(route.route)) this.#inBackground(this.#news.resume(route), route);
  }

  /**
   * What an upstream tells of an MPPS, by MPPS Notification or as a server of UPS-RS. Resolves once what follows from it is on
   * the disk. @throws GatewayError STORE_*
   */
  async told(upstream: string, event: MppsEvent): Promise<void> {
    for (const route of this.#routes) {
      if (route.upstream === upstream) await this.#news.told(route, event, this.#lastRequesters.get(route.route));
    }
  }

  /** Ends channels and what nobody waits for; requests under way go on. @param deadlineMs how long it waits */
  async close(deadlineMs: number): Promise<void> {
    this.#ending.abort();
    const idle = Promise.all([this.#channels.close(), this.#poller.stop(), ...this.#underWay]);
    const late = Promise.withResolvers<void>();
    const timer: Timer = this.#parts.clock.setTimer(() => late.resolve(), deadlineMs);
    await Promise.race([idle, late.promise]);
    timer.cancel();
  }

  async *search(query: WorkitemQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    yield* this.#search.search(this.#routeFor(context), query, context);
  }

  async retrieve(uid: string, context: RequestContext): Promise<DataSet> {
    const route = this.#routeFor(context);
    const current = await this.#refresh.refresh(route, await this.#existing(route, uid), context);
    // Who holds a deletion lock reads it to the end (PS3.4 CC.2.3.1).
    const isGone = current.isDeleted && !(await this.#store.subscriptions.isLocked({ route: route.route, uid }));
    if (isGone) throw new ServiceFailure('INSTANCE_DELETED');
    return selectWorkitem(shownWorkitem(current), createDataSet(), 'all');
  }

  async create(uid: string | undefined, workitem: DataSet, context: RequestContext): Promise<string> {
    return createWorkitem(this.#parts, this.#store.workitems, this.#routeFor(context), uid, workitem, context);
  }

  update(uid: string, transactionUid: string | undefined, modifications: DataSet, context: MppsContext): Promise<void> {
    return this.#change(uid, context, async (route, _before, record) => {
      const transition = updateOf(record.state, lockFor(transactionUid, record));
      if (transition.result === 'refused') throw failureOf(transition);
      const shown = shownWorkitem(record);
      const attributes = unchangeable(shown, modifications);
      if (attributes.length > 0) {
        const comment = `cannot be changed: ${attributes.join(', ')}`;
        throw new ServiceFailure('NO_SUCH_ATTRIBUTE', { comment, attributes });
      }
      const after = mergeWorkitem(shown, modifications, this.#parts.clock.now());
      if (record.state === 'SCHEDULED') return this.#keep(route, record, modifications);
      await this.#steps.update(route, record, modifications, context);
      const kept = unsettable(shown, after);
      if (kept.length > 0) context.warn({ ...WORKITEM_WARNINGS.updatedWithModifications, attributes: kept });
    });
  }

  changeState(
    uid: string,
    state: WorkitemState,
    transactionUid: string | undefined,
    context: MppsContext,
  ): Promise<void> {
    return this.#change(uid, context, async (route, before, record) => {
      const isOwn = record.transactionUid !== undefined && record.transactionUid === transactionUid;
      if (isOwn && isPending(before) && before.pending !== 'update' && record.state === state) return;
      const transition = transitionOf(record.state, state, lockFor(transactionUid, record));
      if (transition.result === 'refused') throw failureOf(transition);
      if (transition.result === 'already') {
        const { alreadyCanceled, alreadyCompleted } = WORKITEM_WARNINGS;
        context.warn(state === 'COMPLETED' ? alreadyCompleted : alreadyCanceled);
      } else if (state === 'IN PROGRESS' && transactionUid !== undefined) {
        await this.#claim(route, record, transactionUid, context);
      } else if (state === 'COMPLETED') await this.#steps.end(route, record, record.workitem, state, context);
      else if (state === 'CANCELED') {
        const workitem = withCancellationTime(record.workitem, this.#parts.clock.now());
        await this.#steps.end(route, record, workitem, state, context);
      }
    });
  }

  requestCancellation(uid: string, request: CancellationRequest, context: MppsContext): Promise<void> {
    return this.#change(uid, context, (route, _before, record) =>
      this.#cancellation.request(route, record, request, context),
    );
  }

  async subscribe(
    resource: string,
    aeTitle: string,
    options: SubscriptionOptions,
    context: RequestContext,
  ): Promise<void> {
    await this.#subscriptions.subscribe(this.#routeFor(context), resource, aeTitle, options, context);
  }

  async unsubscribe(resource: string, aeTitle: string, context: RequestContext): Promise<void> {
    await this.#subscriptions.unsubscribe(this.#routeFor(context), resource, aeTitle);
  }

  async suspend(resource: string, aeTitle: string, context: RequestContext): Promise<void> {
    await this.#subscriptions.suspend(this.#routeFor(context), resource, aeTitle);
  }

  connect(channel: EventChannel, context: RequestContext): () => void {
    const { route } = this.#routeFor(context);
    if (this.#ending.signal.aborted) throw new ServiceFailure('SHUTTING_DOWN', { retry: 'safe' });
    return this.#channels.open(route, channel);
  }

  /** Changes of one workitem come one after another; what was begun before is brought to its end first. */
  async #change(
    uid: string,
    context: RequestContext,
    work: (route: WorkitemRoute, before: WorkitemRecord, record: WorkitemRecord) => Promise<void>,
  ): Promise<void> {
    const route = this.#routeFor(context);
    await this.#parts.ledger.inTurn({ route: route.route, uid }, async () => {
      const before = await this.#existing(route, uid);
      const record = await this.#steps.settle(route, before, context);
      // One that is SCHEDULED may have come back into the worklist, which is asked when it is claimed.
      if (record.isDeleted && record.state !== 'SCHEDULED') throw new ServiceFailure('INSTANCE_DELETED');
      await work(route, before, record);
    });
  }

  async #claim(
    route: WorkitemRoute,
    record: WorkitemRecord,
    transactionUid: string,
    context: RequestContext,
  ): Promise<void> {
    if (!isUid(transactionUid)) throw new ServiceFailure('INVALID_UID', { attributes: [UPS.transactionUid] });
    const current = await this.#refresh.toClaim(route, record, context);
    const claim = { transactionUid, workitem: shownWorkitem(current), entry: current.entry };
    await this.#steps.claim(route, current, claim, context);
  }

  /** What a worklist has no message for. */
  async #keep(route: WorkitemRoute, record: WorkitemRecord, modifications: DataSet): Promise<void> {
    if (route.options.updateScheduled === 'refuse') {
      const comment = 'a workitem that nobody has claimed cannot be changed here';
      throw new ServiceFailure('STATE_CONFLICT', { comment, dimseStatus: 0xc310 });
    }
    if (record.isDeleted) throw new ServiceFailure('INSTANCE_DELETED');
    await this.#parts.ledger.write(record, {
      ...record,
      intended: dataSetOf({ ...record.intended, ...modifications }),
    });
  }

  /** @throws ServiceFailure NO_SUCH_INSTANCE */
  async #existing({ route }: WorkitemRoute, uid: string): Promise<WorkitemRecord> {
    const record = await this.#parts.ledger.get(route, uid);
    if (record === undefined) throw new ServiceFailure('NO_SUCH_INSTANCE');
    return record;
  }

  /** @throws ServiceFailure NOT_SUPPORTED */
  #routeFor({ requester }: RequestContext): WorkitemRoute {
    const route = this.#routeOf(requester);
    if (route === undefined) {
      throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route offers workitems to this requester' });
    }
    this.#lastRequesters.set(route.route, requester);
    return route;
  }

  #inBackground(work: Promise<void>, { route }: WorkitemRoute): void {
    const done = work
      .catch((error: unknown) => {
        this.#parts.logger.error('what was begun of workitems could not be read', { route, ...errorFacts(error) });
      })
      .finally(() => this.#underWay.delete(done));
    this.#underWay.add(done);
  }
}

/** One that others perform is under nobody's lock here, and open to nobody. */
function lockFor(transactionUid: string | undefined, { state, transactionUid: claimedBy }: WorkitemRecord): Lock {
  return lockOf(transactionUid, state === 'SCHEDULED' ? undefined : (claimedBy ?? ''));
}
