/** Modality Performed Procedure Step as SCP: N-CREATE and N-SET (PS3.4 F.7), N-GET (F.8), each with one response. */
import { encodeDataSet } from '../dataset/binary/encode.ts';
import { vrOf } from '../dataset/dictionary.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { createDataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { mppsWarningStatus } from '../services/mpps/answers.ts';
import { selectAttributes } from '../services/mpps/complete.ts';
import { mppsDimseOutcome } from '../services/mpps/outcomes.ts';
import type { MppsOperation } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { MppsContext, RequestContext, ServiceHandler, ServiceWarning } from '../services/port.ts';
import { answerEncoder } from './answer-encoder.ts';
import { DIMSE_STATUS } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import { affectedInstance, readAttributes, requestedInstance, selectionOf } from './mpps-message.ts';
import type { AttributeList } from './mpps-message.ts';
import { inTime, requestContext, writeInTime } from './n-service-request.ts';
import type { OpenWrites } from './open-writes.ts';
import type { ResponseFields, ScpExchange, ScpService } from './scp-exchange.ts';

export interface MppsScpOptions {
  /** Patience of the SCU. */
  readonly requestTimeoutMs: number;
  readonly warningsAsSuccess?: boolean;
}

export interface MppsScpHost {
  readonly operation: MppsOperation;
  readonly handler: ServiceHandler;
  readonly options: () => MppsScpOptions;
  readonly writes: OpenWrites;
  readonly logger: Logger;
}

interface Response {
  readonly status: number;
  readonly fields: ResponseFields;
  readonly dataSet?: Buffer | undefined;
  /** The request was done. */
  readonly isPositive: boolean;
}

const ATTRIBUTE_LIST_ERROR = 0x0107;
const ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116;

export function mppsScp(host: MppsScpHost): ScpService {
  return (exchange) => new MppsRequest(exchange, host).run();
}

class MppsRequest {
  readonly #exchange: ScpExchange;
  readonly #host: MppsScpHost;
  readonly #requestTimeoutMs: number;
  readonly #startedMs = performance.now();
  readonly #warnings: ServiceWarning[] = [];
  readonly #context: RequestContext;
  readonly #answerDelivered = Promise.withResolvers<boolean>();
  #attributes: DataSet | undefined;

  constructor(exchange: ScpExchange, host: MppsScpHost) {
    this.#exchange = exchange;
    this.#host = host;
    this.#requestTimeoutMs = host.options().requestTimeoutMs;
    this.#context = requestContext(exchange, this.#requestTimeoutMs, (warning) => void this.#warnings.push(warning));
  }

  async run(): Promise<void> {
    try {
      const { status, fields, dataSet, isPositive } = await this.#respond();
      const { sent, delivered } = this.#exchange.respondWatched(status, fields, dataSet);
      if (isPositive) this.#answerDelivered.resolve(delivered);
      await sent;
    } finally {
      // Whatever the SCU was told, if anything: it was not what the gateway came to.
      this.#answerDelivered.resolve(false);
    }
  }

  async #respond(): Promise<Response> {
    try {
      switch (this.#host.operation) {
        case 'create':
          return await this.#create();
        case 'update':
          return await this.#update();
        case 'retrieve':
          return await this.#retrieve();
      }
    } catch (error) {
      return this.#failed(this.#toFailure(error));
    }
  }

  async #create(): Promise<Response> {
    const { uid, list } = await this.#understand(async (command) => {
      return { uid: affectedInstance(command), list: await this.#read() };
    });
    const { uid: created } = await this.#write(list, (context) =>
      this.#host.handler.createMpps(uid, list.attributes, context),
    );
    return this.#done(uid === undefined ? { affectedSopInstanceUid: created } : {});
  }

  async #update(): Promise<Response> {
    const { uid, list } = await this.#understand(async (command) => {
      const uid = requestedInstance(command);
      return { uid, list: await this.#read(() => this.#characterSetOf(uid)) };
    });
    await this.#write(list, (context) => this.#host.handler.updateMpps(uid, list.attributes, context));
    return this.#done();
  }

  async #retrieve(): Promise<Response> {
    const { handler, logger } = this.#host;
    const { message, context, facts } = this.#exchange;
    const uid = await this.#understand(async (command) => requestedInstance(command));
    const route = handler.routeFor('mpps', facts.requester);
    if (route === undefined) throw new ServiceFailure('NOT_SUPPORTED', { comment: 'no route for this requester' });
    const { signal, traceId } = this.#context;
    const selection = selectionOf(message.command);
    // When the SCU no longer waits, nobody wants to read any more.
    const result = await inTime(
      signal,
      this.#requestTimeoutMs,
      async () => handler.retrieveMpps(uid, selection, this.#context),
      (failure) => this.#exchange.abort(failure),
    );
    const encode = answerEncoder({
      route,
      ownCharacterSet: await this.#characterSetOf(uid),
      transferSyntax: context.transferSyntax,
      logger,
      traceId,
    });
    return { ...this.#done(), dataSet: encode(selectAttributes(result, selection)) };
  }

  async #read(assumedCharacterSet?: () => Promise<string | undefined>): Promise<AttributeList> {
    const { logger } = this.#host;
    const { traceId } = this.#context;
    const { message, context } = this.#exchange;
    const list = await readAttributes(message, context, {
      ...(assumedCharacterSet !== undefined && { assumedCharacterSet }),
      report: (issue) => logger.debug('a data set was mended', { ...issue, traceId }),
      assumed: (characterSet) =>
        logger.warn('an N-SET without character set was read by that of its N-CREATE', { traceId, characterSet }),
    });
    this.#attributes = list.attributes;
    return list;
  }

  #characterSetOf(uid: string): Promise<string | undefined> {
    return this.#host.handler.characterSetOf(uid, this.#exchange.facts.requester);
  }

  /** A message that says nothing usable never reaches the gateway, but leaves its line in the log. */
  async #understand<T>(read: (command: CommandSet) => Promise<T>): Promise<T> {
    try {
      return await read(this.#exchange.message.command);
    } catch (error) {
      if (error instanceof ServiceFailure) {
        this.#host.handler.refused(this.#host.operation, this.#context, this.#startedMs, error);
      }
      throw error;
    }
  }

  #write<T>({ characterSet }: AttributeList, work: (context: MppsContext) => Promise<T>): Promise<T> {
    return writeInTime(this.#host.writes, this.#requestTimeoutMs, (signal) => {
      const context = { ...this.#context, signal, answerDelivered: this.#answerDelivered.promise };
      return work(characterSet === undefined ? context : { ...context, characterSet });
    });
  }

  #done(fields: ResponseFields = {}): Response {
    const { operation, options } = this.#host;
    const success = { status: DIMSE_STATUS.success, fields, isPositive: true };
    if (options().warningsAsSuccess !== false) return success;
    const { status, attributes } = mppsWarningStatus(this.#warnings, operation);
    if (status === ATTRIBUTE_LIST_ERROR) {
      return { ...success, status, fields: { ...fields, attributeIdentifierList: attributes } };
    }
    const isOutOfRange = status === ATTRIBUTE_VALUE_OUT_OF_RANGE;
    return { ...success, status, dataSet: isOutOfRange ? this.#encodeOwn(attributes) : undefined };
  }

  #failed(failure: ServiceFailure): Response {
    const { status, comment, badAttributes, ...fields } = mppsDimseOutcome(failure, this.#host.operation);
    const dataSet = badAttributes === undefined ? undefined : this.#encodeOwn(badAttributes);
    return { status, fields: { ...fields, errorComment: comment }, dataSet, isPositive: false };
  }

  /** Attributes as the SCU sent them, empty where it did not; the status alone where they cannot be written again. */
  #encodeOwn(tags: readonly Tag[]): Buffer | undefined {
    const sent = this.#attributes ?? createDataSet();
    const own = createDataSet();
    for (const tag of tags) own[tag] = sent[tag] ?? { vr: vrOf(tag) };
    const terms = sent['00080005']?.Value?.map((term) => (typeof term === 'string' ? term : ''));
    const { transferSyntax } = this.#exchange.context;
    try {
      return encodeDataSet(own, transferSyntax, terms === undefined ? {} : { characterSet: terms });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      return undefined;
    }
  }

  #toFailure(error: unknown): ServiceFailure {
    if (error instanceof ServiceFailure) return error;
    const { logger, operation } = this.#host;
    const { traceId } = this.#context;
    logger.error('MPPS failed', { traceId, operation, ...errorFacts(error) });
    return new ServiceFailure('INTERNAL_ERROR', { cause: error });
  }
}
