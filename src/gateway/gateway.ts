/**
 * The middle of the house: picks the route of a request, applies its rules, calls its upstream and leaves one log line.
 * Listeners hold one `Gateway` for good; a reload swaps the parts behind it.
 */
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import type { MessageRecorder } from '../observe/messages.ts';
import { ServiceFailure, withWarn } from '../services/port.ts';
import type {
  Requester,
  RequestContext,
  RouteOptions,
  ServiceHandler,
  ServiceName,
  ServiceWarning,
  Upstream,
  WorklistQuery,
} from '../services/port.ts';
import { isEmptyIdentifier } from '../services/worklist/identifier.ts';
import { logExchange, reasonOf } from './exchange.ts';
import type { UpstreamState } from './exchange.ts';
import { matchRoute } from './routes.ts';
import type { RouteMatcher } from './routes.ts';

export interface NamedUpstream {
  readonly name: string;
  readonly upstream: Upstream;
}

/** Mapping rules, compiled: a new data set, the argument untouched. */
export type Mapping = (dataSet: DataSet) => DataSet;

export interface WorklistRoute {
  /** Tried in order until one answers; the next is tried only after a safe failure before the first result. */
  readonly upstreams: readonly NamedUpstream[];
  readonly request: Mapping | undefined;
  readonly response: Mapping | undefined;
}

export interface GatewayRoute extends RouteMatcher {
  readonly options: RouteOptions;
  readonly worklist: WorklistRoute | undefined;
  /** Where the data sets of this route are recorded when they come in by a listener; undefined: nowhere. */
  messagesFor(listener: string): MessageRecorder | undefined;
}

export class Gateway implements ServiceHandler {
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #states = new Map<string, UpstreamState>();
  #routes: readonly GatewayRoute[];

  /** @param now wall clock in ms, for the health page only. */
  constructor(routes: readonly GatewayRoute[], logger: Logger, now: () => number = Date.now) {
    this.#routes = routes;
    this.#logger = logger;
    this.#now = now;
  }

  /** Swaps the routes; requests under way finish on those they began with. */
  replaceRoutes(routes: readonly GatewayRoute[]): void {
    this.#routes = routes;
  }

  /** What is known of each upstream that was asked so far. */
  upstreamStates(): ReadonlyMap<string, UpstreamState> {
    return this.#states;
  }

  routeFor(service: ServiceName, requester: Requester): RouteOptions | undefined {
    const route = matchRoute(this.#routes, requester);
    return route?.[service] === undefined ? undefined : route.options;
  }

  refused(service: ServiceName, context: RequestContext, startedMs: number, failure: ServiceFailure): void {
    const route = matchRoute(this.#routes, context.requester)?.name;
    logExchange(this.#logger, service, context, startedMs, {
      ...(route === undefined ? {} : { route }),
      count: 0,
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
        withWarn(context, warn),
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
      logExchange(this.#logger, 'worklist', context, startedMs, {
        ...(route === undefined ? {} : { route: route.name }),
        ...(upstream === undefined ? {} : { upstream }),
        count,
        warnings,
        ...(failure === undefined ? {} : { failure }),
        abandoned: !finished && failure === undefined,
      });
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
    const mapped =
      request === undefined ? query : { ...query, identifier: applied(request, 'request', query.identifier) };
    if (request !== undefined) messages?.record('query-mapped', traceId, mapped.identifier);
    for (const [index, { name, upstream }] of upstreams.entries()) {
      chosen(name);
      let delivered = false;
      try {
        for await (const result of upstream.search(mapped, context)) {
          delivered = true;
          messages?.record('result', traceId, result);
          const answer = response === undefined ? result : applied(response, 'response', result);
          if (response !== undefined) messages?.record('result-mapped', traceId, answer);
          yield answer;
        }
        this.#states.set(name, { ...this.#states.get(name), lastSuccess: this.#time() });
        return;
      } catch (error) {
        const failure = toFailure(error, this.#logger, traceId);
        this.#noteFailure(name, failure);
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

  #noteFailure(name: string, failure: ServiceFailure): void {
    if (failure.code === 'CANCELED') return;
    this.#states.set(name, {
      ...this.#states.get(name),
      lastFailure: this.#time(),
      lastFailureCode: failure.code,
    });
  }

  #time(): string {
    return new Date(this.#now()).toISOString();
  }
}

/** Rules that do not fit the values they meet end the request with what the operator has to mend, not as a riddle. */
function applied(mapping: Mapping, direction: 'request' | 'response', dataSet: DataSet): DataSet {
  try {
    return mapping(dataSet);
  } catch (cause) {
    if (!(cause instanceof GatewayError)) throw cause;
    throw new ServiceFailure('CONVERSION_FAILED', { comment: `rules.${direction}: ${cause.message}`, cause });
  }
}

/** Anything that is not a `ServiceFailure` is a fault of ours: the peer gets INTERNAL_ERROR, the log the stack. */
function toFailure(error: unknown, logger: Logger, traceId: string): ServiceFailure {
  if (error instanceof ServiceFailure) return error;
  const { name, stack } = error instanceof Error ? error : new Error(String(error));
  logger.error('unexpected error', { traceId, name, at: stack?.split('\n').slice(1, 6).join('\n') });
  return new ServiceFailure('INTERNAL_ERROR', { cause: error });
}
