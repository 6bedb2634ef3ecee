/**
 * The middle of the house: picks the route of a request, applies its rules, calls its upstream and leaves one log line.
 * Listeners hold one `Gateway` for good; a reload swaps the parts behind it.
 */
import { randomUUID } from 'node:crypto';
import type { DataSet } from '../dataset/model.ts';
import type { ExchangeObserver } from '../observe/exchanges.ts';
import type { Logger } from '../observe/log.ts';
import type { MessageRecorder } from '../observe/messages.ts';
import { ServiceFailure, withChanges } from '../services/port.ts';
import type {
  AttributeSelection,
  CommitmentAnswer,
  CommitmentRequestContext,
  Completion,
  Hop,
  MppsContext,
  Operation,
  Requester,
  RequestContext,
  RouteOptions,
  ServiceHandler,
  ServiceName,
  ServiceWarning,
  WorklistQuery,
} from '../services/port.ts';
import type { MppsEvent } from '../services/mpps/notification.ts';
import type { WorkitemHandler, WorkitemRoute } from '../services/ups/workitem.ts';
import type { ToldEvent } from '../services/storage-commitment/commitment.ts';
import { isEmptyIdentifier } from '../services/worklist/identifier.ts';
import { CommitmentExchanges } from './commitment/exchange.ts';
import type { CommitmentTarget } from './commitment/route.ts';
import type { CommitmentService } from './commitment/service.ts';
import type { Delivery, TargetOf } from './delivery.ts';
import { ExchangeLog, reasonOf } from './exchange.ts';
import { hopsBeyond } from './loop.ts';
import { applied, toFailure } from './mapping.ts';
import type { Mapping } from './mapping.ts';
import { isRecordOf } from './mpps-route.ts';
import type { MppsTarget } from './mpps-route.ts';
import { Notifications } from './notifications.ts';
import type { MppsObserver, NotificationTarget } from './notifications.ts';
import { matchRoute } from './routes.ts';
import type { NamedUpstream, RouteMatcher } from './routes.ts';
import { WorkitemExchanges } from './workitem-exchanges.ts';

export interface WorklistRoute {
  /** Tried in order until one answers; the next is tried only after a safe failure before the first result. */
  readonly upstreams: readonly NamedUpstream[];
  readonly request: Mapping | undefined;
  readonly response: Mapping | undefined;
}

export interface GatewayRoute extends RouteMatcher {
  readonly options: RouteOptions;
  readonly worklist: WorklistRoute | undefined;
  readonly mpps: MppsTarget | undefined;
  readonly storageCommitment: CommitmentTarget | undefined;
  readonly workitems?: WorkitemRoute | undefined;
  /** Who is told of the MPPS of this route. */
  readonly notifications?: NotificationTarget | undefined;
  /** Where the data sets of this route are recorded when they come in by a listener; undefined: nowhere. */
  messagesFor(listener: string): MessageRecorder | undefined;
}

export class Gateway implements ServiceHandler {
  readonly #logger: Logger;
  /** What a gateway without a store calls itself. */
  readonly #ownInstance = randomUUID();
  readonly #underWay = new Set<Promise<unknown>>();
  readonly #commitmentExchanges: CommitmentExchanges;
  readonly #exchanges: ExchangeLog;
  #routes: readonly GatewayRoute[];
  #delivery: Delivery | undefined;
  #commitments: CommitmentService | undefined;
  readonly #notifications: Notifications;
  #workitemService: WorkitemHandler | undefined;
  readonly #workitemExchanges: WorkitemExchanges;
  /** Hears what upstreams tell of MPPS before they are told that it has arrived; absent: only SCUs do. */
  mppsObserver: MppsObserver | undefined;

  /** @param delivery needed as soon as a route offers the MPPS service */
  constructor(routes: readonly GatewayRoute[], logger: Logger, delivery?: Delivery) {
    this.#routes = routes;
    this.#logger = logger;
    this.#delivery = delivery;
    this.#exchanges = new ExchangeLog(logger);
    this.#commitmentExchanges = new CommitmentExchanges(logger, this.#exchanges, {
      service: () => this.#commitments,
      routeOf: (requester) => matchRoute(this.#routes, requester),
      hopsBeyond: (context, route) => this.#hopsBeyond(context, route),
    });
    this.#workitemExchanges = new WorkitemExchanges(logger, this.#exchanges, {
      service: () => this.#workitemService,
      routeOf: (requester) => matchRoute(this.#routes, requester),
    });
    this.#notifications = new Notifications(logger, this.#exchanges, {
      routes: () => this.#routes,
      delivery: () => this.#delivery,
      observer: () => this.mppsObserver,
    });
  }

  /**
   * Swaps the routes; requests under way finish on those they began with.
   * @param delivery needed as soon as a route offers the MPPS service
   * @param commitments needed as soon as a route offers storage commitment
   */
  replaceRoutes(routes: readonly GatewayRoute[], delivery?: Delivery, commitments?: CommitmentService): void {
    this.#routes = routes;
    this.#delivery = delivery;
    this.#commitments = commitments;
  }

  /** The workitems of the routes that offer them. */
  get workitems(): WorkitemHandler | undefined {
    return this.#workitemService && this.#workitemExchanges;
  }

  /** Needed as soon as a route offers workitems: what they are, made of the worklist and MPPS of this gateway. */
  set workitems(service: WorkitemHandler | undefined) {
    this.#workitemService = service;
  }

  /** The route a requester's workitems are of; undefined: none offers it any. */
  workitemRouteOf(requester: Requester): WorkitemRoute | undefined {
    return matchRoute(this.#routes, requester)?.workitems;
  }

  /** Who is told of every exchange besides the log; default nobody. */
  set observers(observers: readonly ExchangeObserver[]) {
    this.#exchanges.observers = observers;
  }

  /** Resolves when what is under way now is through, searches aside: it may need its upstream more than once. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#underWay);
  }

  routeFor(service: ServiceName, requester: Requester): RouteOptions | undefined {
    const route = matchRoute(this.#routes, requester);
    return route?.[service] === undefined ? undefined : route.options;
  }

  refused(operation: Operation, context: RequestContext, startedMs: number, failure: ServiceFailure): void {
    const route = matchRoute(this.#routes, context.requester)?.name;
    this.#exchanges.note(operation, context, startedMs, {
      ...(route === undefined ? {} : { route }),
      warnings: [],
      failure,
      refused: true,
    });
  }

  async *search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const startedMs = performance.now();
    const route = matchRoute(this.#routes, context.requester);
    const warnings: string[] = [];
    let count = 0;
    let upstream: string | undefined;
    let failure: ServiceFailure | undefined;
    let finished = false;
    try {
      if (route?.worklist === undefined) {
        throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route offers the worklist to this requester' });
      }
      // No keys, no matches: everything would be more than was asked for (PS3.4 K.4.1.3.1).
      if (query.returnKeys === 'requested' && isEmptyIdentifier(query.identifier)) {
        finished = true;
        return;
      }
      const warn = (warning: ServiceWarning): void => {
        warnings.push(warning.code);
        context.warn(warning);
      };
      for await (const found of this.#searchUpstreams(
        route,
        query,
        withChanges(context, { warn, hops: this.#hopsBeyond(context, route) }),
        (name) => (upstream = name),
      )) {
        count++;
        yield found;
      }
      finished = true;
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      throw failure;
    } finally {
      const end = {
        ...(route === undefined ? {} : { route: route.name }),
        ...(upstream === undefined ? {} : { upstream }),
        count,
        warnings,
        ...(failure === undefined ? {} : { failure }),
        abandoned: !finished && failure === undefined,
      };
      this.#exchanges.note('search', context, startedMs, end, query.identifier);
    }
  }

  createMpps(uid: string | undefined, attributes: DataSet, context: MppsContext): Promise<Completion> {
    return this.#mppsExchange('create', uid, attributes, context, (delivery, target, recorded) =>
      delivery.create(target, uid, attributes, recorded),
    );
  }

  updateMpps(uid: string, modifications: DataSet, context: MppsContext): Promise<Completion> {
    return this.#mppsExchange('update', uid, modifications, context, (delivery, target, recorded, targetOf) =>
      delivery.update(target, targetOf, uid, modifications, recorded),
    );
  }

  async retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    const retrieve = async (...[delivery, target, recorded, targetOf]: RetrieveArguments): Promise<DataSet> => {
      const found = await delivery.retrieve(target, targetOf, uid, selection, recorded);
      this.#messagesOf(context.requester)?.record('result-mapped', context.traceId, found);
      return found;
    };
    return this.#mppsExchange('retrieve', uid, undefined, context, retrieve, (found) => found);
  }

  async characterSetOf(uid: string, requester: Requester): Promise<string | undefined> {
    const target = matchRoute(this.#routes, requester)?.mpps;
    return target === undefined ? undefined : this.#delivery?.characterSetOf(target, uid, requester);
  }

  requestCommitment(uid: string, module: DataSet, context: CommitmentRequestContext): Promise<CommitmentAnswer> {
    return this.#watched(this.#commitmentExchanges.request(uid, module, context));
  }

  checkCommitment(uid: string, context: RequestContext): Promise<CommitmentAnswer> {
    return this.#commitmentExchanges.check(uid, context);
  }

  reportCommitment(event: ToldEvent, context: RequestContext): Promise<void> {
    return this.#commitmentExchanges.report(event, context);
  }

  notifyMpps(event: MppsEvent, context: RequestContext): Promise<void> {
    return this.#watched(this.#notifications.notify(event, context));
  }

  /**
   * The same from an upstream that tells by a connection of ours: resolves once what follows is on the disk.
   * @throws ServiceFailure; then it is to be told again
   */
  told(upstream: string, event: MppsEvent): Promise<void> {
    return this.#watched(this.#notifications.told(upstream, event));
  }

  readonly #targetOf: TargetOf = (record) =>
    this.#routes.map(({ mpps }) => mpps).find((target) => target !== undefined && isRecordOf(record, target));

  #watched<Result>(work: Promise<Result>): Promise<Result> {
    this.#underWay.add(work);
    return work.finally(() => this.#underWay.delete(work));
  }

  #messagesOf(requester: Requester): MessageRecorder | undefined {
    return matchRoute(this.#routes, requester)?.messagesFor(requester.listener);
  }

  async #mppsExchange<Context extends RequestContext, Result>(
    transaction: 'create' | 'update' | 'retrieve',
    uid: string | undefined,
    received: DataSet | undefined,
    context: Context,
    work: (delivery: Delivery, target: MppsTarget, context: Context, targetOf: TargetOf) => Promise<Result>,
    dataSetOf: (result: Result) => DataSet | undefined = () => undefined,
  ): Promise<Result> {
    const startedMs = performance.now();
    const route = matchRoute(this.#routes, context.requester);
    const warnings: string[] = [];
    const warn = (warning: ServiceWarning): void => {
      warnings.push(warning.code);
      context.warn(warning);
    };
    let failure: ServiceFailure | undefined;
    let found: DataSet | undefined;
    // That of the create, which an update or retrieve follows.
    let target = route?.mpps;
    try {
      if (route?.mpps === undefined || this.#delivery === undefined) {
        throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route offers MPPS to this requester' });
      }
      if (received !== undefined) this.#messagesOf(context.requester)?.record('received', context.traceId, received);
      const targetOf: TargetOf = (record) => {
        const followed = this.#targetOf(record);
        target = followed ?? target;
        return followed;
      };
      const onward = withChanges(context, { warn, hops: this.#hopsBeyond(context, route) });
      const result = await this.#watched(work(this.#delivery, route.mpps, onward, targetOf));
      found = dataSetOf(result);
      return result;
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      throw failure;
    } finally {
      const end = {
        ...(uid === undefined ? {} : { uid }),
        ...(route === undefined ? {} : { route: route.name }),
        ...(target === undefined ? {} : { upstream: target.upstream.name }),
        warnings,
        ...(failure === undefined ? {} : { failure }),
      };
      this.#exchanges.note(transaction, context, startedMs, end, received ?? found);
    }
  }

  async *#searchUpstreams(
    route: GatewayRoute,
    query: WorklistQuery,
    context: RequestContext,
    chosen: (name: string) => void,
  ): AsyncGenerator<DataSet, void, void> {
    const { upstreams, request, response } = route.worklist as WorklistRoute;
    const { traceId, requester } = context;
    const messages = route.messagesFor(requester.listener);
    messages?.record('query', traceId, query.identifier);
    const mapped = { ...query, identifier: applied(request, 'request', query.identifier) };
    if (request !== undefined) messages?.record('query-mapped', traceId, mapped.identifier);
    for (const [index, { name, upstream }] of upstreams.entries()) {
      chosen(name);
      let delivered = false;
      try {
        for await (const result of upstream.search(mapped, context)) {
          delivered = true;
          messages?.record('result', traceId, result);
          const answer = applied(response, 'response', result);
          if (response !== undefined) messages?.record('result-mapped', traceId, answer);
          yield answer;
        }
        return;
      } catch (error) {
        const failure = toFailure(error, this.#logger, traceId);
        const another = index + 1 < upstreams.length;
        if (delivered || failure.retry !== 'safe' || !another || context.signal.aborted) throw failure;
        this.#logger.warn('upstream failed before its first result, the next one is asked', {
          traceId,
          route: route.name,
          upstream: name,
          outcome: failure.code,
          ...reasonOf(failure),
        });
      }
    }
  }

  /** @throws ServiceFailure LOOP_DETECTED */
  #hopsBeyond({ hops }: RequestContext, { name }: RouteMatcher): readonly Hop[] {
    return hopsBeyond(hops, { instance: this.#delivery?.instanceId ?? this.#ownInstance, route: name });
  }
}

type RetrieveArguments = [delivery: Delivery, target: MppsTarget, context: RequestContext, targetOf: TargetOf];
