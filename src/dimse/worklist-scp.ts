/** Modality Worklist C-FIND as SCP (PS3.4 K.4.1): identifier in, one Pending response per result out as it arrives. */
import { randomUUID } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { decodeDataSet } from '../dataset/binary/decode.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, RouteOptions, ServiceHandler, ServiceWarning, WorklistQuery } from '../services/port.ts';
import { queryFromIdentifier, reduceToRequested } from '../services/worklist/identifier.ts';
import { dimseOutcome } from '../services/worklist/outcomes.ts';
import { untilAborted } from './abortable.ts';
import { answerEncoder, characterSetText } from './answer-encoder.ts';
import { DIMSE_STATUS } from './command-set.ts';
import { Patience } from './patience.ts';
import type { ScpExchange, ScpService } from './scp-exchange.ts';

/**
 * Keys of every attribute there is take some kilobytes; millions of values in one would hold up all other peers while
 * they are read.
 */
const MAXIMUM_IDENTIFIER_BYTES = 512 * 1024;

export interface WorklistScpOptions {
  /** Patience of the SCU between two responses. */
  readonly requestTimeoutMs: number;
}

/** Results in memory come faster than the socket is looked at: a C-CANCEL must get its turn. */
const RESULTS_PER_TURN = 64;

/** Keys that the far end did not match: FF01 instead of FF00 (PS3.4 K.4.1.1.4). */
const UNSUPPORTED_KEYS: ReadonlySet<ServiceWarning['code']> = new Set([
  'OPTIONAL_KEYS_NOT_SUPPORTED',
  'EMPTY_VALUE_MATCHING_NOT_SUPPORTED',
  'MULTIPLE_VALUE_MATCHING_NOT_SUPPORTED',
  'PARAMETER_IGNORED',
]);

export function worklistScp(handler: ServiceHandler, options: () => WorklistScpOptions, logger: Logger): ScpService {
  return (exchange) => new WorklistSearch(exchange, handler, options().requestTimeoutMs, logger).run();
}

class WorklistSearch {
  readonly #exchange: ScpExchange;
  readonly #handler: ServiceHandler;
  readonly #logger: Logger;
  readonly #patience: Patience;
  readonly #startedMs = performance.now();
  readonly #context: RequestContext;
  #pending: number = DIMSE_STATUS.pending;

  constructor(exchange: ScpExchange, handler: ServiceHandler, requestTimeoutMs: number, logger: Logger) {
    this.#exchange = exchange;
    this.#handler = handler;
    this.#logger = logger;
    this.#patience = new Patience(requestTimeoutMs, () =>
      exchange.abort(new ServiceFailure('UPSTREAM_TIMEOUT', { comment: `no answer in ${requestTimeoutMs / 1000} s` })),
    );
    const patience = this.#patience;
    const { requester, bearer } = exchange.facts;
    this.#context = {
      signal: exchange.signal,
      get deadline() {
        return patience.deadline;
      },
      traceId: randomUUID(),
      requester,
      ...(bearer !== undefined && { bearer }),
      warn: ({ code }) => {
        if (UNSUPPORTED_KEYS.has(code)) this.#pending = DIMSE_STATUS.pendingWithUnsupportedKeys;
      },
    };
  }

  async run(): Promise<void> {
    try {
      await this.#search();
      await this.#exchange.respond(DIMSE_STATUS.success);
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.#patience.end();
    }
  }

  async #search(): Promise<void> {
    const { signal } = this.#exchange;
    // A C-FIND that waited its turn may have been cancelled meanwhile.
    signal.throwIfAborted();
    const { identifier, query } = this.#understand();
    const route = this.#handler.routeFor('worklist', this.#context.requester);
    if (route === undefined) throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route for this requester' });
    const encode = this.#resultEncoder(identifier, route);
    let count = 0;
    for await (const result of untilAborted(this.#handler.search(query, this.#context), signal)) {
      await this.#exchange.respond(this.#pending, {}, encode(result));
      this.#patience.extend();
      if (++count % RESULTS_PER_TURN === 0) await nextTurn();
    }
    signal.throwIfAborted();
  }

  #understand(): { identifier: DataSet; query: WorklistQuery } {
    try {
      const identifier = this.#decodeIdentifier();
      return { identifier, query: queryFromIdentifier(identifier, this.#exchange.facts.worklist) };
    } catch (error) {
      if (error instanceof ServiceFailure) {
        this.#handler.refused('search', this.#context, this.#startedMs, error);
      }
      throw error;
    }
  }

  #decodeIdentifier(): DataSet {
    const { message, context } = this.#exchange;
    if (message.dataSet === undefined) throw new ServiceFailure('BAD_REQUEST', { comment: 'identifier missing' });
    if (message.dataSet.length > MAXIMUM_IDENTIFIER_BYTES) {
      throw new ServiceFailure('BAD_REQUEST', { comment: `identifier of more than ${MAXIMUM_IDENTIFIER_BYTES} bytes` });
    }
    try {
      return decodeDataSet(message.dataSet, context.transferSyntax, {
        maximumInflatedBytes: MAXIMUM_IDENTIFIER_BYTES,
        report: (issue) => this.#logger.debug('identifier was mended', { ...issue, traceId: this.#context.traceId }),
      });
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw cause;
      throw new ServiceFailure('BAD_REQUEST', { comment: 'identifier unreadable', cause });
    }
  }

  /** What the SCU asked for, as it reads it. */
  #resultEncoder(identifier: DataSet, route: RouteOptions): (result: DataSet) => Buffer {
    const encode = answerEncoder({
      route,
      ownCharacterSet: characterSetText(identifier),
      transferSyntax: this.#exchange.context.transferSyntax,
      logger: this.#logger,
      traceId: this.#context.traceId,
    });
    return (result) => encode(reduceToRequested(result, identifier));
  }

  async #fail(error: unknown): Promise<void> {
    const failure = this.#toFailure(error);
    // Nobody is there to hear it.
    if (failure.code === 'CONNECTION_LOST' && this.#exchange.signal.aborted) return;
    const { status, comment, offendingElements } = dimseOutcome(failure);
    await this.#exchange.respond(status, {
      errorComment: comment,
      ...(offendingElements.length === 0 ? {} : { offendingElements }),
    });
  }

  /** FE00 is the answer to a C-CANCEL and to nothing else. */
  #toFailure(error: unknown): ServiceFailure {
    const { signal } = this.#exchange;
    if (signal.aborted && signal.reason instanceof ServiceFailure) return signal.reason;
    if (error instanceof ServiceFailure && error.code !== 'CANCELED') return error;
    if (!(error instanceof ServiceFailure)) {
      this.#logger.error('worklist search failed', { traceId: this.#context.traceId, ...errorFacts(error) });
    }
    return new ServiceFailure('INTERNAL_ERROR', { cause: error });
  }
}
