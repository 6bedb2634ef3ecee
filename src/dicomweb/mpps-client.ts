/**
 * Create, Update and Retrieve of an MPPS as the user agent of one origin server (PS3.18 15.4 to 15.6): the requests, and
 * what to do about answers that only ask for another form of them (status-mapping 4.2, 5.2, 6). A write is sent again
 * only after an answer that it was not taken.
 */
import { pathToText } from '../dataset/attribute-path.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { mppsWarningsFromHttp } from '../services/mpps/answers.ts';
import { PERFORMED_PROCEDURE_STEP_STATUS } from '../services/mpps/attributes.ts';
import { selectAttributes } from '../services/mpps/complete.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext } from '../services/port.ts';
import { hopHeader } from './hop-header.ts';
import { concluded, failureOf, isAboutInstance, missing, refusalOf } from './mpps-refusal.ts';
import type { Refusal } from './mpps-refusal.ts';
import { getInAnyType, readOne } from './one-result.ts';
import { PayloadSender } from './payload-sender.ts';
import { requesterHeader } from './requester-header.ts';
import type { SearchMediaType } from './search-client.ts';
import { updateTarget, UpdateStyleMemory } from './update-style.ts';
import type { UpdateStyle } from './update-style.ts';
import type { HttpAnswer, HttpRequest, UserAgent } from './user-agent.ts';

export interface MppsClientOptions {
  /** Without slash at the end. */
  readonly baseUrl: string;
  /** What payloads are, and what is asked for first; multipart is for answers only. */
  readonly mediaType: SearchMediaType;
  readonly updateStyle: UpdateStyle;
  readonly names: 'tag' | 'keyword';
  readonly includefield: 'list' | 'repeated';
  /** Characters of the query component; a longer one asks for everything. */
  readonly maximumUriLength: number;
  /** Bytes of an MPPS in its JSON or XML form. */
  readonly maximumItemBytes: number;
}

/** Another URI, or none of its parameters, may do. */
const WITHOUT_SELECTION: ReadonlySet<number> = new Set([400, 414, 431]);

export class MppsClient {
  readonly #options: MppsClientOptions;
  readonly #userAgent: UserAgent;
  readonly #logger: Logger;
  readonly #styles: UpdateStyleMemory;
  readonly #payloads: PayloadSender;

  constructor(options: MppsClientOptions, userAgent: UserAgent, logger: Logger) {
    this.#options = options;
    this.#userAgent = userAgent;
    this.#logger = logger;
    this.#styles = new UpdateStyleMemory(options.updateStyle);
    this.#payloads = new PayloadSender(options.mediaType, userAgent, logger);
  }

  /** @throws ServiceFailure; `ambiguous` when the request may have been seen and no answer came */
  async create(uid: string, attributes: DataSet, context: RequestContext, signal: AbortSignal): Promise<Completion> {
    const method = this.#options.updateStyle === 'draft' ? 'PUT' : 'POST';
    const target = { method, url: new URL(this.#resource(uid)) } as const;
    const refusal = await this.#write(target, attributes, context, signal);
    if (refusal !== undefined) throw failureOf(refusal, 'create');
    this.#styles.noteCreated(uid);
    return { uid };
  }

  /** @throws ServiceFailure, as `create` */
  async update(uid: string, modifications: DataSet, context: RequestContext, signal: AbortSignal): Promise<Completion> {
    const { style } = this.#styles;
    const first = await this.#update(uid, style, modifications, context, signal);
    if (first === undefined) return { uid };
    if (first.status === 404 || first.status === 405) {
      await this.#updateOtherwise(first, uid, modifications, context, signal);
      return { uid };
    }
    throw await this.#failureOfUpdate(first, uid, context, signal);
  }

  /** @throws ServiceFailure; NO_SUCH_INSTANCE for an answer without data set */
  async retrieve(
    uid: string,
    selection: AttributeSelection,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<DataSet> {
    const query = this.#selectionQuery(selection);
    let answer = await this.#get(uid, query, context, signal);
    if (query !== '' && WITHOUT_SELECTION.has(answer.status)) {
      await answer.text(0);
      this.#logger.debug('MPPS is asked for as a whole', { httpStatus: answer.status });
      answer = await this.#get(uid, '', context, signal);
    }
    if (answer.status < 200 || answer.status >= 300) throw failureOf(await refusalOf(answer), 'retrieve');
    for (const warning of mppsWarningsFromHttp(answer.fields('warning'))) context.warn(warning);
    return selectAttributes(await this.#readOne(answer), selection);
  }

  /**
   * The server knows either no such MPPS or no such form of update: then the other form is tried once.
   * @param first 404 or 405
   * @throws ServiceFailure
   */
  async #updateOtherwise(
    first: Refusal,
    uid: string,
    modifications: DataSet,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<void> {
    const { style, other } = this.#styles;
    if (isAboutInstance(first)) this.#styles.noteUnderstood(style);
    if (other === undefined || isAboutInstance(first)) throw failureOf(first, 'update');
    // A server that knows no `?update` would take it for a Create: not for an MPPS that may not be there.
    const mayCreate = other === 'query' && !this.#styles.isCreated(uid);
    if (mayCreate && (await this.#isMissing(uid, context, signal))) throw missing(first);

    this.#logger.warn('the origin server does not know this form of update, the other one is tried', {
      httpStatus: first.status,
      updateStyle: style,
    });
    const second = await this.#update(uid, other, modifications, context, signal);
    if (second === undefined) return;
    if (second.status !== 404 && second.status !== 405) {
      throw await this.#failureOfUpdate(second, uid, context, signal);
    }
    throw await this.#failureOfBoth(first, second, uid, context, signal);
  }

  /** Neither form is known: no such MPPS where something speaks for that, else no such operation or resource. */
  async #failureOfBoth(
    first: Refusal,
    second: Refusal,
    uid: string,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<ServiceFailure> {
    if (first.status === 405 && second.status === 405) return failureOf(first, 'update');
    const hasEvidence = isAboutInstance(second) || (first.status === 404 && this.#styles.hasCreated);
    if (hasEvidence || (await this.#isMissing(uid, context, signal))) return missing(first);
    const refused = [first, second].find(({ status }) => status === 405);
    if (refused !== undefined) return failureOf(refused, 'update');
    const { message: comment, words } = failureOf(first, 'update');
    return new ServiceFailure('RESOURCE_NOT_FOUND', { comment, words, httpStatus: 404 });
  }

  /** What a refusal means; whether a conflict is one with the final state is asked for where nothing tells. */
  async #failureOfUpdate(
    refusal: Refusal,
    uid: string,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<ServiceFailure> {
    const failure = failureOf(refusal, 'update');
    const isOpen = failure.code === 'INSTANCE_CONFLICT' && failure.dimseStatus === undefined;
    return isOpen && (await this.#isFinal(uid, context, signal)) ? failureOf(refusal, 'update', true) : failure;
  }

  async #update(
    uid: string,
    style: UpdateStyle,
    modifications: DataSet,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<Refusal | undefined> {
    const refusal = await this.#write(updateTarget(this.#resource(uid), style), modifications, context, signal);
    this.#styles.noteAnswer(style, refusal?.status ?? 200);
    return refusal;
  }

  /** Undefined for success. */
  async #write(
    target: Pick<HttpRequest, 'method' | 'url'>,
    dataSet: DataSet,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<Refusal | undefined> {
    return concluded(await this.#payloads.send(target, dataSet, context, signal), context);
  }

  #get(uid: string, query: string, context: RequestContext, signal: AbortSignal): Promise<HttpAnswer> {
    const url = new URL(`${this.#resource(uid)}${query}`);
    const headers = { ...requesterHeader(context), ...hopHeader(context) };
    const request = { url, headers, bearer: context.bearer, trace: context.trace, signal };
    return getInAnyType(this.#userAgent, request, this.#options.mediaType);
  }

  async #readOne(answer: HttpAnswer): Promise<DataSet> {
    const { maximumItemBytes } = this.#options;
    const dataSet = await readOne(answer, { maximumItemBytes });
    if (dataSet !== undefined) return dataSet;
    throw new ServiceFailure('NO_SUCH_INSTANCE', { comment: `HTTP ${answer.status} without a data set` });
  }

  /** Best effort: a server without Retrieve says nothing. */
  async #isMissing(uid: string, context: RequestContext, signal: AbortSignal): Promise<boolean> {
    try {
      await this.retrieve(uid, [[PERFORMED_PROCEDURE_STEP_STATUS]], silent(context), signal);
      return false;
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      return error.code === 'NO_SUCH_INSTANCE' || error.code === 'INSTANCE_DELETED';
    }
  }

  async #isFinal(uid: string, context: RequestContext, signal: AbortSignal): Promise<boolean> {
    try {
      const dataSet = await this.retrieve(uid, [[PERFORMED_PROCEDURE_STEP_STATUS]], silent(context), signal);
      const state = stateOf(dataSet);
      return state !== undefined && isFinal(state);
    } catch (error) {
      if (!(error instanceof ServiceFailure)) throw error;
      return false;
    }
  }

  #resource(uid: string): string {
    return `${this.#options.baseUrl}/modality-performed-procedure-steps/${encodeURIComponent(uid)}`;
  }

  #selectionQuery(selection: AttributeSelection): string {
    if (selection === 'all' || selection.length === 0) return '';
    const { names, includefield, maximumUriLength } = this.#options;
    const fields = selection.map((path) => pathToText(path, names));
    const query =
      includefield === 'repeated'
        ? fields.map((field) => `includefield=${field}`)
        : [`includefield=${fields.join(',')}`];
    const text = `?${query.join('&')}`;
    return text.length > maximumUriLength ? '' : text;
  }
}

/** A question of our own is nothing to warn the requester about. */
function silent(context: RequestContext): RequestContext {
  return { ...context, warn: () => {} };
}
