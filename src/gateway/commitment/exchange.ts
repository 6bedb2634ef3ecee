/** Exchanges of storage commitment with a requestor or with an SCP that reports: the route, the log line, what is noted. */
import type { DataSet } from '../../dataset/model.ts';
import type { Logger } from '../../observe/log.ts';
import type { MessageRecorder } from '../../observe/messages.ts';
import { ServiceFailure, withChanges } from '../../services/port.ts';
import type {
  CommitmentAnswer,
  CommitmentRequestContext,
  Hop,
  Requester,
  RequestContext,
  ServiceWarning,
} from '../../services/port.ts';
import type { ToldEvent } from '../../services/storage-commitment/commitment.ts';
import type { CommitmentService } from './service.ts';
import type { ExchangeLog } from '../exchange.ts';
import type { CommitmentTarget } from './route.ts';
import { toFailure } from '../mapping.ts';
import type { RouteMatcher } from '../routes.ts';

/** A route, as far as storage commitment needs it. */
export interface CommitmentRoute extends RouteMatcher {
  readonly storageCommitment: CommitmentTarget | undefined;
  messagesFor(listener: string): MessageRecorder | undefined;
}

export interface CommitmentExchangesHost {
  service(): CommitmentService | undefined;
  routeOf(requester: Requester): CommitmentRoute | undefined;
  /** @throws ServiceFailure LOOP_DETECTED */
  hopsBeyond(context: RequestContext, route: RouteMatcher): readonly Hop[];
}

/** What a log line says beside the end: known as the exchange goes on. */
interface Line {
  readonly uid: string;
  route?: string;
  upstream?: string;
  isDone?: boolean;
  readonly warnings: string[];
}

export class CommitmentExchanges {
  readonly #logger: Logger;
  readonly #exchanges: ExchangeLog;
  readonly #host: CommitmentExchangesHost;

  constructor(logger: Logger, exchanges: ExchangeLog, host: CommitmentExchangesHost) {
    this.#logger = logger;
    this.#exchanges = exchanges;
    this.#host = host;
  }

  /** @throws ServiceFailure */
  request(transactionUid: string, module: DataSet, context: CommitmentRequestContext): Promise<CommitmentAnswer> {
    return this.#exchange('request', transactionUid, context, async (line) => {
      const { service, route, target } = this.#offered(context.requester, line);
      route.messagesFor(context.requester.listener)?.record('received', context.traceId, module);
      const warn = (warning: ServiceWarning): void => {
        line.warnings.push(warning.code);
        context.warn(warning);
      };
      const onward = withChanges(context, { warn, hops: this.#host.hopsBeyond(context, route) });
      line.upstream = target.upstream.name;
      const answer = await service.request(target, transactionUid, module, onward);
      line.isDone = answer.state === 'done';
      return answer;
    });
  }

  /** @throws ServiceFailure */
  check(transactionUid: string, context: RequestContext): Promise<CommitmentAnswer> {
    return this.#exchange('check', transactionUid, context, async (line) => {
      const { service, route, target } = this.#offered(context.requester, line);
      const answer = await service.check(target, transactionUid, context);
      line.isDone = answer.state === 'done';
      if (answer.state === 'done') {
        const messages = route.messagesFor(context.requester.listener);
        messages?.record('result-mapped', context.traceId, answer.module);
      }
      return answer;
    });
  }

  /** Needs no route: who reports was asked by one. @throws ServiceFailure */
  report(event: ToldEvent, context: RequestContext): Promise<void> {
    return this.#exchange('report', event.transactionUid, context, async () => {
      const service = this.#host.service();
      if (service === undefined) throw new ServiceFailure('NOT_SUPPORTED');
      await service.report(event, context);
    });
  }

  #offered(requester: Requester, line: Line): Offered {
    const service = this.#host.service();
    const route = this.#host.routeOf(requester);
    if (route !== undefined) line.route = route.name;
    const target = route?.storageCommitment;
    if (service !== undefined && route !== undefined && target !== undefined) return { service, route, target };
    throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route offers storage commitment to this requester' });
  }

  async #exchange<Result>(
    transaction: 'request' | 'check' | 'report',
    uid: string,
    context: RequestContext,
    work: (line: Line) => Promise<Result>,
  ): Promise<Result> {
    const startedMs = performance.now();
    const line: Line = { uid, warnings: [] };
    let failure: ServiceFailure | undefined;
    try {
      return await work(line);
    } catch (error) {
      failure = toFailure(error, this.#logger, context.traceId);
      throw failure;
    } finally {
      this.#exchanges.note(transaction, context, startedMs, { ...line, ...(failure && { failure }) });
    }
  }
}

interface Offered {
  readonly service: CommitmentService;
  readonly route: CommitmentRoute;
  readonly target: CommitmentTarget;
}
