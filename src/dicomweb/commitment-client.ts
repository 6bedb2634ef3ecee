/**
 * Request and Result Check of storage commitment as the user agent of one origin server (PS3.18 13.4, 13.5), and what to do
 * about answers that only ask for another form of them (status-mapping 7.3). A request is sent again only after an answer
 * that it was not taken.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, RetryClass } from '../services/port.ts';
import { commitmentFailureFromHttp } from '../services/storage-commitment/answers.ts';
import { TRANSACTION_UID } from '../services/storage-commitment/attributes.ts';
import type { CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';
import { sopForm, toldIn } from '../services/storage-commitment/modules.ts';
import type { CommitmentOperation } from '../services/storage-commitment/outcomes.ts';
import { parseWarningHeader, warningFromHeader } from '../services/worklist/warnings.ts';
import { contentOf, retryAfterOf } from './answer-content.ts';
import { hopHeader } from './hop-header.ts';
import { acceptOthers, getInAnyType, isOfOtherType, readOne } from './one-result.ts';
import { encodePayload } from './outgoing-payload.ts';
import { requesterHeader } from './requester-header.ts';
import { ACCEPT, SEARCH_MEDIA_TYPES } from './search-client.ts';
import type { SearchMediaType } from './search-client.ts';
import type { HttpAnswer, UserAgent } from './user-agent.ts';

export interface CommitmentClientOptions {
  /** Without slash at the end. */
  readonly baseUrl: string;
  /** What payloads are, and what is asked for first. */
  readonly mediaType: SearchMediaType;
  /** Bytes of a response module in its JSON or XML form. */
  readonly maximumModuleBytes: number;
}

export class CommitmentClient {
  readonly #options: CommitmentClientOptions;
  readonly #userAgent: UserAgent;
  readonly #logger: Logger;
  /** What the origin server takes; another than configured once it has refused that. */
  #payloadType: SearchMediaType;

  constructor(options: CommitmentClientOptions, userAgent: UserAgent, logger: Logger) {
    this.#options = options;
    this.#userAgent = userAgent;
    this.#logger = logger;
    this.#payloadType = options.mediaType;
  }

  /** @throws ServiceFailure; `ambiguous` when the request may have been seen and no answer to trust came */
  async request(
    transactionUid: string,
    references: readonly SopReference[],
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<CommitmentStatus> {
    const answer = await this.#post(transactionUid, sopForm(references), context, signal);
    return this.#statusOf(answer, transactionUid, 'request', context);
  }

  /** @throws ServiceFailure, never `ambiguous` */
  async check(transactionUid: string, context: RequestContext, signal: AbortSignal): Promise<CommitmentStatus> {
    const url = this.#resource(transactionUid);
    const request = { url, headers: headersOf(context), bearer: context.bearer, trace: context.trace, signal };
    const answer = await getInAnyType(this.#userAgent, request, this.#options.mediaType);
    return this.#statusOf(answer, transactionUid, 'check', context);
  }

  /** Sends the module in one media type after another until one is taken; the last refusal when none is. */
  async #post(
    transactionUid: string,
    module: DataSet,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { mediaType } = this.#options;
    const send = (type: SearchMediaType, accept: string): Promise<HttpAnswer> =>
      this.#userAgent.send({
        method: 'POST',
        url: this.#resource(transactionUid),
        headers: { ...headersOf(context), accept },
        bearer: context.bearer,
        trace: context.trace,
        payload: encodePayload(module, type),
        signal,
      });
    const first = this.#payloadType;
    let answer = await send(first, ACCEPT[mediaType]);
    // 406 may be about the answer, 415 is about the payload; not every server tells them apart.
    const others = SEARCH_MEDIA_TYPES.filter((type) => type !== first);
    for (const type of answer.status === 406 ? [first, ...others] : others) {
      if (!isOfOtherType(answer)) return answer;
      await answer.text(0);
      this.#logger.debug('commitment is requested again in another media type', { httpStatus: answer.status });
      answer = await send(type, `${ACCEPT[mediaType]}, ${acceptOthers(mediaType)}`);
      if (!isOfOtherType(answer)) this.#payloadType = type;
    }
    return answer;
  }

  /** 200 is a result, every other success means that it is still to come (status-mapping 7.3). */
  async #statusOf(
    answer: HttpAnswer,
    transactionUid: string,
    operation: CommitmentOperation,
    context: RequestContext,
  ): Promise<CommitmentStatus> {
    const { status } = answer;
    if (status < 200 || status >= 300) throw await failureOf(answer, operation);
    for (const warning of answer.fields('warning').flatMap(parseWarningHeader).map(warningFromHeader)) {
      context.warn(warning);
    }
    if (status === 200) return { state: 'done', told: toldIn(await this.#moduleIn(answer, transactionUid, operation)) };
    await answer.text(0);
    const seconds = retryAfterOf(answer);
    return { state: 'pending', ...(seconds !== undefined && { retryAfterMs: seconds * 1_000 }) };
  }

  /** What cannot be read to its end tells nothing of any instance. */
  async #moduleIn(answer: HttpAnswer, transactionUid: string, operation: CommitmentOperation): Promise<DataSet> {
    const retry = operation === 'request' ? 'ambiguous' : 'safe';
    const limits = { maximumItemBytes: this.#options.maximumModuleBytes, refuseRepeatedNames: true };
    const module = await readOne(answer, limits).catch((error: unknown) => {
      throw error instanceof ServiceFailure ? unread(error, retry) : error;
    });
    if (module === undefined) {
      throw new ServiceFailure('ANSWER_UNREADABLE', { retry, comment: 'HTTP 200 without a response module' });
    }
    // It belongs in the path only, but where it is told it must be ours.
    const named = module[TRANSACTION_UID]?.Value ?? [];
    if (named.some((uid) => uid !== transactionUid)) {
      const attributes = [TRANSACTION_UID];
      throw new ServiceFailure('ANSWER_UNREADABLE', { retry, comment: 'Result of another transaction', attributes });
    }
    return module;
  }

  #resource(transactionUid: string): URL {
    return new URL(`${this.#options.baseUrl}/commitment-requests/${encodeURIComponent(transactionUid)}`);
  }
}

function headersOf(context: RequestContext): Readonly<Record<string, string>> {
  return { ...requesterHeader(context), ...hopHeader(context) };
}

async function failureOf(answer: HttpAnswer, operation: CommitmentOperation): Promise<ServiceFailure> {
  const failure = commitmentFailureFromHttp(answer.status, operation, await contentOf(answer));
  if (failure === undefined) throw new TypeError('an answer that succeeded is no failure');
  return failure;
}

function unread({ code, message, cause }: ServiceFailure, retry: RetryClass): ServiceFailure {
  return new ServiceFailure(code, { retry, comment: message, cause });
}
