/** Requests with a payload as the user agent of one origin server, in the media type it takes (PS3.18 8.7). */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import type { RequestContext } from '../services/port.ts';
import { hopHeader } from './hop-header.ts';
import { isOfOtherType } from './one-result.ts';
import { encodePayload } from './outgoing-payload.ts';
import { requesterHeader } from './requester-header.ts';
import type { SearchMediaType } from './search-client.ts';
import type { HttpAnswer, HttpRequest, UserAgent } from './user-agent.ts';

type Content = 'json' | 'xml';

/** A Status Report has no type of its own; in JSON it can be read. */
const ACCEPT = {
  json: 'application/dicom+json, application/json;q=0.9',
  xml: 'application/dicom+xml, application/json;q=0.9',
} as const;

export class PayloadSender {
  readonly #userAgent: UserAgent;
  readonly #logger: Logger;
  /** What the origin server takes; another than configured once it has refused that. */
  #content: Content;

  /** @param mediaType multipart is for answers only */
  constructor(mediaType: SearchMediaType, userAgent: UserAgent, logger: Logger) {
    this.#userAgent = userAgent;
    this.#logger = logger;
    this.#content = mediaType.endsWith('xml') ? 'xml' : 'json';
  }

  /**
   * Sends a data set, in the other media type when this one is not taken.
   * @throws ServiceFailure CONVERSION_FAILED, and what the user agent throws
   */
  async send(
    target: Pick<HttpRequest, 'method' | 'url'>,
    dataSet: DataSet,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const first = this.#content;
    const answer = await this.#sendAs(first, target, dataSet, context, signal);
    if (!isOfOtherType(answer)) return answer;
    await answer.text(0);
    const second = first === 'json' ? 'xml' : 'json';
    this.#logger.debug('a payload is sent again in another media type', { httpStatus: answer.status });
    const again = await this.#sendAs(second, target, dataSet, context, signal);
    if (!isOfOtherType(again)) this.#content = second;
    return again;
  }

  #sendAs(
    content: Content,
    target: Pick<HttpRequest, 'method' | 'url'>,
    dataSet: DataSet,
    context: RequestContext,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    return this.#userAgent.send({
      ...target,
      headers: { ...requesterHeader(context), ...hopHeader(context), accept: ACCEPT[content] },
      bearer: context.bearer,
      trace: context.trace,
      payload: encodePayload(dataSet, content),
      signal,
    });
  }
}
