/** Transactions of the UPS-RS worklist service with a user agent: the log line of each, and what the audit trail is told. */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import type { MessageRecorder } from '../observe/messages.ts';
import { ServiceFailure, withChanges } from '../services/port.ts';
import type { MppsContext, RequestContext, Requester, ServiceWarning } from '../services/port.ts';
import type { WorkitemOperation } from '../services/ups/outcomes.ts';
import type {
  CancellationRequest,
  EventChannel,
  WorkitemHandler,
  WorkitemQuery,
  WorkitemRoute,
  WorkitemState,
} from '../services/ups/workitem.ts';
import type { ExchangeLog } from './exchange.ts';
import { toFailure } from './mapping.ts';
import type { RouteMatcher } from './routes.ts';

/** A route, as far as workitems need it. */
export interface WorkitemExchangeRoute extends RouteMatcher {
  readonly workitems?: WorkitemRoute | undefined;
  messagesFor(listener: string): MessageRecorder | undefined;
}

export interface WorkitemExchangesHost {
  /** Undefined: nothing is offered yet. */
  service(): WorkitemHandler | undefined;
  routeOf(requester: Requester): WorkitemExchangeRoute | undefined;
}

/** What a log line says beside the end: known as the exchange goes on. */
interface Line {
  uid?: string;
  count?: number;
  abandoned?: boolean;
  dataSet?: DataSet;
  readonly warnings: string[];
}

interface Offered<Context> {
  readonly service: WorkitemHandler;
  readonly messages: MessageRecorder | undefined;
  /** The same request, its warnings noted. */
  readonly context: Context;
}

export class WorkitemExchanges implements WorkitemHandler {
  readonly #logger: Logger;
  readonly #exchanges: ExchangeLog;
  readonly #host: WorkitemExchangesHost;

  constructor(logger: Logger, exchanges: ExchangeLog, host: WorkitemExchangesHost) {
    this.#logger = logger;
    this.#exchanges = exchanges;
    this.#host = host;
  }

  async *search(query: WorkitemQuery, context: RequestContext): AsyncGenerator<DataSet, void, void> {
    const startedMs = performance.now();
    const line: Line = { warnings: [], count: 0, abandoned: true, dataSet: query.identifier };
    let failure: ServiceFailure | undefined;
    try {
      const offered = this.#offered(context, line);
      offered.messages?.record('query', context.traceId, query.identifier);
      for await (const found of offered.service.search(query, offered.context)) {
        line.count = (line.count ?? 0) + 1;
        yield found;
      }
      line.abandoned = false;
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      line.abandoned = false;
      throw failure;
    } finally {
      this.#note('searchWorkitems', context, startedMs, line, failure);
    }
  }

  retrieve(uid: string, context: RequestContext): Promise<DataSet> {
    return this.#exchange('retrieveWorkitem', uid, context, async (offered, line) => {
      const found = await offered.service.retrieve(uid, offered.context);
      offered.messages?.record('result-mapped', context.traceId, found);
      line.dataSet = found;
      return found;
    });
  }

  create(uid: string | undefined, workitem: DataSet, context: RequestContext): Promise<string> {
    return this.#exchange('createWorkitem', uid, context, async (offered, line) => {
      line.dataSet = workitem;
      offered.messages?.record('received', context.traceId, workitem);
      line.uid = await offered.service.create(uid, workitem, offered.context);
      return line.uid;
    });
  }

  update(uid: string, transactionUid: string | undefined, modifications: DataSet, context: MppsContext): Promise<void> {
    return this.#exchange('updateWorkitem', uid, context, (offered, line) => {
      line.dataSet = modifications;
      offered.messages?.record('received', context.traceId, modifications);
      return offered.service.update(uid, transactionUid, modifications, offered.context);
    });
  }

  changeState(
    uid: string,
    state: WorkitemState,
    transactionUid: string | undefined,
    context: MppsContext,
  ): Promise<void> {
    return this.#exchange('changeWorkitemState', uid, context, (offered) =>
      offered.service.changeState(uid, state, transactionUid, offered.context),
    );
  }

  requestCancellation(uid: string, request: CancellationRequest, context: MppsContext): Promise<void> {
    return this.#exchange('requestCancellation', uid, context, (offered, line) => {
      line.dataSet = request.attributes;
      return offered.service.requestCancellation(uid, request, offered.context);
    });
  }

  subscribe(
    resource: string,
    aeTitle: string,
    options: { readonly deletionLock: boolean; readonly filter?: string },
    context: RequestContext,
  ): Promise<void> {
    return this.#exchange('subscribe', resource, context, (offered) =>
      offered.service.subscribe(resource, aeTitle, options, offered.context),
    );
  }

  unsubscribe(resource: string, aeTitle: string, context: RequestContext): Promise<void> {
    return this.#exchange('unsubscribe', resource, context, (offered) =>
      offered.service.unsubscribe(resource, aeTitle, offered.context),
    );
  }

  suspend(resource: string, aeTitle: string, context: RequestContext): Promise<void> {
    return this.#exchange('suspendSubscription', resource, context, (offered) =>
      offered.service.suspend(resource, aeTitle, offered.context),
    );
  }

  /** The line is that of its begin. */
  connect(channel: EventChannel, context: RequestContext): () => void {
    const startedMs = performance.now();
    const line: Line = { warnings: [] };
    let failure: ServiceFailure | undefined;
    try {
      const offered = this.#offered(context, line);
      return offered.service.connect(channel, offered.context);
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      throw failure;
    } finally {
      this.#note('openChannel', context, startedMs, line, failure);
    }
  }

  async #exchange<Context extends RequestContext, Result>(
    operation: WorkitemOperation,
    uid: string | undefined,
    context: Context,
    work: (offered: Offered<Context>, line: Line) => Promise<Result>,
  ): Promise<Result> {
    const startedMs = performance.now();
    const line: Line = { warnings: [], ...(uid !== undefined && { uid }) };
    let failure: ServiceFailure | undefined;
    try {
      return await work(this.#offered(context, line), line);
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      throw failure;
    } finally {
      this.#note(operation, context, startedMs, line, failure);
    }
  }

  /** @throws ServiceFailure NOT_SUPPORTED */
  #offered<Context extends RequestContext>(context: Context, line: Line): Offered<Context> {
    const service = this.#host.service();
    const route = this.#host.routeOf(context.requester);
    if (service === undefined || route?.workitems === undefined) {
      throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route offers workitems to this requester' });
    }
    const warn = (warning: ServiceWarning): void => {
      line.warnings.push(warning.code);
      context.warn(warning);
    };
    const { listener } = context.requester;
    return { service, messages: route.messagesFor(listener), context: withChanges(context, { warn }) };
  }

  #note(
    operation: WorkitemOperation,
    context: RequestContext,
    startedMs: number,
    { dataSet, ...line }: Line,
    failure: ServiceFailure | undefined,
  ): void {
    const route = this.#host.routeOf(context.requester)?.name;
    const end = { ...line, ...(route !== undefined && { route }), ...(failure !== undefined && { failure }) };
    this.#exchanges.note(operation, context, startedMs, end, dataSet);
  }
}
