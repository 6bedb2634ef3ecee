/** Modality Performed Procedure Step as SCU: N-CREATE and N-SET (PS3.4 F.7), N-GET (F.8). */
import type { AttributePath } from '../dataset/attribute-path.ts';
import { decodeDataSet } from '../dataset/binary/decode.ts';
import { encodeDataSet } from '../dataset/binary/encode.ts';
import { chooseCharacterSet, parseCharacterSet, UTF_8_TERMS } from '../dataset/character-set.ts';
import { isPrivate, isPrivateCreator } from '../dataset/dictionary.ts';
import { sortedTags } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { mppsFailureFromDimse, mppsWarningsFromDimse } from '../services/mpps/answers.ts';
import { RETRIEVABLE_TAGS } from '../services/mpps/attributes.ts';
import type { MppsOperation } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext } from '../services/port.ts';
import { COMMAND_FIELD } from './command-set.ts';
import type { CommandSet } from './command-set.ts';
import type { AcceptedContext } from './message-channel.ts';
import type { Budget, ScuAssociation } from './scu.ts';
import type { ScuExchange, ScuResponse } from './scu-exchange.ts';
import { SOP_CLASSES } from './uids.ts';

export interface MppsScuOptions {
  /**
   * Text of 00080005 for messages whose every character it has; else ISO_IR 192. An MPPS says its set in each message,
   * so that all of them say the same.
   */
  readonly characterSet?: string;
  /** Text of 00080005 for answers that lack it. */
  readonly defaultCharacterSet?: string;
  /** Asks for every attribute by name where all are wanted; default false: no list. */
  readonly explicitRetrieveList?: boolean;
  /** N-GET with the MPPS class where the SCP has no MPPS Retrieve; default false: not supported. */
  readonly retrieveWithMppsClass?: boolean;
}

/** Proposed together for every operation, so that one kept association serves them all. */
export const MPPS_CLASSES: readonly string[] = [SOP_CLASSES.mpps, SOP_CLASSES.mppsRetrieve];

const SPECIFIC_CHARACTER_SET: Tag = '00080005';
const NO_SUCH_ATTRIBUTE = 0x0105;
const INVALID_ATTRIBUTE_VALUE = 0x0106;
const ATTRIBUTE_VALUE_OUT_OF_RANGE = 0x0116;

/** One operation on one association. */
export class MppsClient {
  readonly #association: ScuAssociation;
  readonly #options: MppsScuOptions;
  readonly #context: RequestContext;
  readonly #budget: Budget;
  readonly #logger: Logger;
  #exchange: ScuExchange | undefined;
  #wasSent = false;

  constructor(
    association: ScuAssociation,
    options: MppsScuOptions,
    context: RequestContext,
    budget: Budget,
    logger: Logger,
  ) {
    this.#association = association;
    this.#options = options;
    this.#context = context;
    this.#budget = budget;
    this.#logger = logger;
  }

  /** The request may have reached the SCP. */
  get wasSent(): boolean {
    return this.#wasSent;
  }

  /** @throws ServiceFailure, ScuError */
  async create(uid: string, attributes: DataSet): Promise<Completion> {
    const agreed = this.#association.context(SOP_CLASSES.mpps);
    const fields = {
      commandField: COMMAND_FIELD.nCreateRq,
      affectedSopClassUid: agreed.abstractSyntax,
      affectedSopInstanceUid: uid,
    };
    return this.#write('create', uid, agreed, fields, attributes);
  }

  /** @throws ServiceFailure, ScuError */
  async update(uid: string, modifications: DataSet): Promise<Completion> {
    const agreed = this.#association.context(SOP_CLASSES.mpps);
    const fields = { commandField: COMMAND_FIELD.nSetRq, ...requested(agreed, uid) };
    return this.#write('update', uid, agreed, fields, modifications);
  }

  /** What the SCP gives for the top-level attributes of `selection`, or more. @throws ServiceFailure, ScuError */
  async retrieve(uid: string, selection: AttributeSelection): Promise<DataSet> {
    const agreed = this.#retrieveContext();
    const list = identifierList(selection, this.#options.explicitRetrieveList === true);
    let response = await this.#get(agreed, uid, list);
    if (list !== undefined && takesNoList(response)) {
      this.#logger.debug('the SCP takes no attribute identifier list, everything is asked for', this.#trace());
      response = await this.#get(agreed, uid, undefined);
    }
    const dataSet = this.#dataSetOf(response, agreed);
    this.#judge('retrieve', uid, response, dataSet);
    if (dataSet === undefined) throw new ServiceFailure('ANSWER_UNREADABLE', { comment: 'N-GET-RSP without data set' });
    if (dataSet instanceof GatewayError) {
      const comment = `unreadable data set: ${dataSet.code}`;
      throw new ServiceFailure('ANSWER_UNREADABLE', { comment, cause: dataSet });
    }
    return dataSet;
  }

  /** However it ended: the association is free when the response is in, and never used again without. */
  finish(giveBack: () => void): void {
    const exchange = this.#exchange;
    if (exchange === undefined) return giveBack();
    exchange.abandon(new ServiceFailure('CANCELED'));
    void exchange.settled.then(giveBack);
  }

  async #write(
    operation: 'create' | 'update',
    uid: string,
    agreed: AcceptedContext,
    fields: CommandSet,
    attributes: DataSet,
  ): Promise<Completion> {
    const response = await this.#ask(agreed, fields, this.#encode(attributes, agreed));
    const stored = this.#dataSetOf(response, agreed);
    this.#judge(operation, uid, response, stored);
    // With 0116H it holds the attributes at fault.
    if (stored === undefined || response.status === ATTRIBUTE_VALUE_OUT_OF_RANGE) return { uid };
    if (!(stored instanceof GatewayError)) return { uid, stored };
    // It was done, and the answer says so: what it adds is a courtesy.
    this.#logger.warn('the data set of a response is unreadable', { ...this.#trace(), error: stored.code });
    return { uid };
  }

  #get(agreed: AcceptedContext, uid: string, list: readonly Tag[] | undefined): Promise<ScuResponse> {
    const fields = { commandField: COMMAND_FIELD.nGetRq, ...requested(agreed, uid) };
    return this.#ask(agreed, list === undefined ? fields : { ...fields, attributeIdentifierList: list }, undefined);
  }

  #ask(agreed: AcceptedContext, fields: CommandSet, dataSet: Buffer | undefined): Promise<ScuResponse> {
    if (!this.#association.hasEnded) this.#wasSent = true;
    this.#exchange = this.#association.request(agreed, fields, dataSet, this.#budget);
    return this.#exchange.next();
  }

  /** @throws ServiceFailure unless the response says that it was done */
  #judge(
    operation: MppsOperation,
    uid: string,
    { status, command }: ScuResponse,
    dataSet: DataSet | GatewayError | undefined,
  ): void {
    const { errorComment, errorId, offendingElements = [], attributeIdentifierList = [] } = command;
    const named = [...offendingElements, ...attributeIdentifierList];
    const tags = [...new Set([...named, ...tagsOf(dataSet)])].sort();
    const failure = mppsFailureFromDimse(status, operation, { comment: errorComment, errorId, attributes: tags });
    if (failure !== undefined) throw failure;
    this.#checkInstance(uid, command);
    const isListed = status === ATTRIBUTE_VALUE_OUT_OF_RANGE;
    for (const warning of mppsWarningsFromDimse(status, isListed ? tags : [...new Set(named)].sort())) {
      this.#context.warn(warning);
    }
  }

  /** A success for another instance than ours is none; who mixes them up is not asked again on this association. */
  #checkInstance(uid: string, { affectedSopClassUid = '', affectedSopInstanceUid = '' }: CommandSet): void {
    const isOurs = affectedSopInstanceUid === '' || affectedSopInstanceUid === uid;
    const isMpps = affectedSopClassUid === '' || MPPS_CLASSES.includes(affectedSopClassUid);
    if (isOurs && isMpps) return;
    this.#association.abort();
    const comment = isOurs ? 'response for another SOP class' : 'response for another SOP instance';
    throw new ServiceFailure('UPSTREAM_PROTOCOL_ERROR', { retry: 'ambiguous', comment });
  }

  #retrieveContext(): AcceptedContext {
    try {
      return this.#association.context(SOP_CLASSES.mppsRetrieve);
    } catch (error) {
      if (this.#options.retrieveWithMppsClass !== true) throw error;
      return this.#association.context(SOP_CLASSES.mpps);
    }
  }

  #encode(attributes: DataSet, { transferSyntax }: AcceptedContext): Buffer {
    try {
      return encodeDataSet(attributes, transferSyntax, { characterSet: this.#characterSetFor(attributes) });
    } catch (cause) {
      if (!(cause instanceof GatewayError)) throw cause;
      throw new ServiceFailure('CONVERSION_FAILED', {
        comment: `data set not convertible: ${cause.code}`,
        attributes: attributeNamedBy(cause),
        cause,
      });
    }
  }

  #characterSetFor(attributes: DataSet): readonly string[] {
    const { characterSet } = this.#options;
    if (characterSet === undefined) return UTF_8_TERMS;
    const { terms } = chooseCharacterSet(attributes, [characterSet], 'utf-8');
    if (terms !== undefined) return terms;
    const { set, unknown } = parseCharacterSet(characterSet.split('\\'));
    return unknown.length === 0 ? set.terms : UTF_8_TERMS;
  }

  /** Undefined when the response has none, the error when it cannot be read. */
  #dataSetOf({ dataSet }: ScuResponse, { transferSyntax }: AcceptedContext): DataSet | GatewayError | undefined {
    if (dataSet === undefined) return undefined;
    const { defaultCharacterSet } = this.#options;
    try {
      const decoded = decodeDataSet(dataSet, transferSyntax, {
        ...(defaultCharacterSet !== undefined && { defaultCharacterSet: defaultCharacterSet.split('\\') }),
        report: (issue) => this.#logger.debug('a data set was mended', { ...issue, ...this.#trace() }),
      });
      delete decoded['00080016'];
      delete decoded['00080018'];
      return decoded;
    } catch (error) {
      if (error instanceof GatewayError) return error;
      throw error;
    }
  }

  #trace(): { traceId: string } {
    return { traceId: this.#context.traceId };
  }
}

function requested({ abstractSyntax }: AcceptedContext, uid: string): Partial<CommandSet> {
  return { requestedSopClassUid: abstractSyntax, requestedSopInstanceUid: uid };
}

/** N-GET knows whole top-level attributes only; private ones come with what reserves their block (PS3.5 7.8.1). */
function identifierList(selection: AttributeSelection, isExplicit: boolean): readonly Tag[] | undefined {
  if (selection === 'all') return isExplicit ? RETRIEVABLE_TAGS : undefined;
  const tags = selection.flatMap(([tag]: AttributePath) => (tag === undefined ? [] : withCreator(tag)));
  return [...new Set([SPECIFIC_CHARACTER_SET, ...tags])].sort();
}

function withCreator(tag: Tag): Tag[] {
  if (!isPrivate(tag) || isPrivateCreator(tag)) return [tag];
  return [`${tag.slice(0, 4)}00${tag.slice(4, 6)}`, tag];
}

/** The list was refused as such, or brought nothing. */
function takesNoList({ status, dataSet }: ScuResponse): boolean {
  return (
    [NO_SUCH_ATTRIBUTE, INVALID_ATTRIBUTE_VALUE, ATTRIBUTE_VALUE_OUT_OF_RANGE].includes(status) ||
    (mppsFailureFromDimse(status, 'retrieve') === undefined && dataSet === undefined)
  );
}

function tagsOf(dataSet: DataSet | GatewayError | undefined): Tag[] {
  if (dataSet === undefined || dataSet instanceof GatewayError) return [];
  return sortedTags(dataSet).filter((tag) => tag !== SPECIFIC_CHARACTER_SET);
}

/** The codec's messages begin with the place, such as `00400270[0].00080050`. */
function attributeNamedBy({ message }: GatewayError): Tag[] {
  const tag = /^[0-9A-F]{8}(?=[[ :.])/.exec(message)?.[0];
  return tag === undefined ? [] : [tag];
}
