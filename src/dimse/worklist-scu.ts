/** Modality Worklist C-FIND as SCU (PS3.4 K.4.1): identifier out, results in until the final response. */
import { decodeDataSet } from '../dataset/binary/decode.ts';
import { encodeDataSet } from '../dataset/binary/encode.ts';
import { chooseCharacterSet } from '../dataset/character-set.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext } from '../services/port.ts';
import { splitSteps } from '../services/worklist/identifier.ts';
import { failureFromDimse, isPending } from '../services/worklist/outcomes.ts';
import { farEndWarning, WARNINGS } from '../services/worklist/warnings.ts';
import { DIMSE_STATUS } from './command-set.ts';
import type { AcceptedContext } from './message-channel.ts';
import type { ScuAssociation, Budget } from './scu.ts';
import type { ScuExchange, ScuResponse } from './scu-exchange.ts';
import { SOP_CLASSES } from './uids.ts';

export interface WorklistFindOptions {
  /** A longer list is cancelled and fails: a part of it could hide a patient. */
  readonly maximumResults: number;
  /** Text of 00080005 for keys beyond ASCII, where every character fits; else ISO_IR 192. */
  readonly characterSet?: string;
  /** Text of 00080005 for answers that lack it. */
  readonly defaultCharacterSet?: string;
}

/** "Response limit reached": the list ends early. */
const RESPONSE_LIMIT_REACHED = 0xb001;

/** One C-FIND on one association. */
export class WorklistFind {
  readonly #association: ScuAssociation;
  readonly #agreed: AcceptedContext;
  readonly #identifier: DataSet;
  readonly #options: WorklistFindOptions;
  readonly #context: RequestContext;
  readonly #logger: Logger;
  #exchange: ScuExchange | undefined;
  #count = 0;
  #hasAnswer = false;

  constructor(
    association: ScuAssociation,
    identifier: DataSet,
    options: WorklistFindOptions,
    context: RequestContext,
    logger: Logger,
  ) {
    this.#association = association;
    this.#agreed = association.context(SOP_CLASSES.modalityWorklist);
    this.#identifier = identifier;
    this.#options = options;
    this.#context = context;
    this.#logger = logger;
  }

  /** A response came: the association was alive when it was asked. */
  get hasAnswer(): boolean {
    return this.#hasAnswer;
  }

  /** @throws ServiceFailure, ScuError */
  async *results(budget: Budget): AsyncGenerator<DataSet, void, void> {
    const exchange = this.#association.find(this.#agreed, this.#encodeIdentifier(), budget);
    this.#exchange = exchange;
    let toldUnsupported = false;
    for (;;) {
      const response = await exchange.next();
      this.#hasAnswer = true;
      if (!isPending(response.status)) return this.#end(response);
      if (response.status === DIMSE_STATUS.pendingWithUnsupportedKeys && !toldUnsupported) {
        toldUnsupported = true;
        this.#context.warn(WARNINGS.optionalKeysNotSupported);
      }
      if (++this.#count > this.#options.maximumResults) await this.#overflow(exchange);
      yield* splitSteps(this.#decode(response));
    }
  }

  /** However the search ended: nothing more is wanted, and the association is free when the last response is in. */
  finish(giveBack: () => void): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return giveBack();
    exchange.abandon(new ServiceFailure('CANCELED'));
    void exchange.settled.then(giveBack);
  }

  #encodeIdentifier(): Buffer {
    const { characterSet } = this.#options;
    const { transferSyntax } = this.#agreed;
    const preferences = characterSet === undefined ? [] : [characterSet];
    try {
      const { terms } = chooseCharacterSet(this.#identifier, preferences, 'utf-8');
      return encodeDataSet(this.#identifier, transferSyntax, terms === undefined ? {} : { characterSet: terms });
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw cause;
      throw new ServiceFailure('CONVERSION_FAILED', { comment: `query not convertible: ${cause.code}`, cause });
    }
  }

  #decode({ dataSet }: ScuResponse): DataSet {
    if (dataSet === undefined) {
      throw new ServiceFailure('ANSWER_UNREADABLE', { comment: 'a Pending response without identifier' });
    }
    const { defaultCharacterSet } = this.#options;
    try {
      return decodeDataSet(dataSet, this.#agreed.transferSyntax, {
        ...(defaultCharacterSet !== undefined && { defaultCharacterSet: defaultCharacterSet.split('\\') }),
        report: (issue) => this.#logger.debug('result was mended', { ...issue, traceId: this.#context.traceId }),
      });
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw cause;
      throw new ServiceFailure('ANSWER_UNREADABLE', { comment: `unreadable result: ${cause.code}`, cause });
    }
  }

  /** Cancelled, and what still comes is dropped; a part of the list is no answer. */
  async #overflow(exchange: ScuExchange): Promise<never> {
    const { maximumResults } = this.#options;
    const failure = new ServiceFailure('TOO_MANY_RESULTS', {
      comment: `more than ${maximumResults} results: narrow the query`,
    });
    exchange.abandon(failure);
    await exchange.settled;
    throw failure;
  }

  #end({ status, command }: ScuResponse): void {
    const { errorComment, offendingElements } = command;
    const failure = failureFromDimse(status, {
      hadResults: this.#count > 0,
      comment: errorComment,
      attributes: offendingElements ?? [],
    });
    if (failure !== undefined) throw failure;
    if (status === RESPONSE_LIMIT_REACHED) this.#context.warn(WARNINGS.resultsMayBeIncomplete);
    else if (status !== DIMSE_STATUS.success) this.#context.warn(farEndWarning(errorComment?.trim() ?? '', status));
  }
}
