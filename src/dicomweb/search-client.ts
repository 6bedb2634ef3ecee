/**
 * One page of a search at an origin server: the request, and what to do about answers that only ask for it in another
 * way (status-mapping 3.2): another media type, a shorter URI, a smaller page, a little later.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../observe/log.ts';
import type { ServiceFailure, ServiceWarning, Trace, WorklistQuery } from '../services/port.ts';
import { failureFromHttp } from '../services/worklist/outcomes.ts';
import { parametersFromQuery } from '../services/worklist/search-url.ts';
import type { SearchUrlOptions } from '../services/worklist/search-url.ts';
import { parseWarningHeader, warningFromHeader } from '../services/worklist/warnings.ts';
import { contentOf } from './answer-content.ts';
import { failureFromAbort } from './network-failure.ts';
import { ANSWER_FORMATS } from './negotiation.ts';
import type { HttpAnswer, UserAgent } from './user-agent.ts';

export const SEARCH_MEDIA_TYPES = ['json', 'xml', 'multipart-json', 'multipart-xml'] as const;
export type SearchMediaType = (typeof SEARCH_MEDIA_TYPES)[number];

export interface SearchClientOptions {
  /** URI of what is searched, e.g. `https://ris.example/dicomweb/workitems`. */
  readonly resource: string;
  /** Sent with every request. */
  readonly headers: Readonly<Record<string, string>>;
  /** Token of the requester. */
  readonly bearer: string | undefined;
  /** Is told of what passes; absent: nobody looks. */
  readonly trace?: Trace | undefined;
  /** Asked for first. */
  readonly mediaType: SearchMediaType;
  readonly treat404AsEmpty: boolean;
  readonly url: SearchUrlOptions;
}

/** A page that succeeded. */
export interface Page {
  /** Undefined: an answer without results, such as 204. */
  readonly answer: HttpAnswer | undefined;
  /** The limit that was asked for in the end; undefined: none. */
  readonly limit: number | undefined;
  readonly warnings: readonly ServiceWarning[];
}

const FIRST_SMALLER_PAGE = 100;
const MAXIMUM_WAITS = 1;
const MINIMUM_WAIT_MS = 100;

const [JSON_FORMAT, XML_FORMAT, MULTIPART_JSON_FORMAT, MULTIPART_XML_FORMAT] = ANSWER_FORMATS;
/** `Accept` for each. */
export const ACCEPT: Readonly<Record<SearchMediaType, string>> = {
  json: JSON_FORMAT.text,
  // A single part of XML holds one result only: several come as multipart.
  xml: `${XML_FORMAT.text}, ${MULTIPART_XML_FORMAT.text};q=0.9`,
  'multipart-json': MULTIPART_JSON_FORMAT.text,
  'multipart-xml': MULTIPART_XML_FORMAT.text,
};

/** What was learned on the way; kept for all pages of one search. */
export class SearchClient {
  readonly #options: SearchClientOptions;
  readonly #userAgent: UserAgent;
  readonly #logger: Logger;
  #accept: string;
  #url: SearchUrlOptions;
  #pageSize: number | undefined;
  #waits = 0;

  /** @param pageSize limit of our own for each page; undefined: the origin server decides */
  constructor(options: SearchClientOptions, pageSize: number | undefined, userAgent: UserAgent, logger: Logger) {
    this.#options = options;
    this.#userAgent = userAgent;
    this.#logger = logger;
    this.#accept = ACCEPT[options.mediaType];
    this.#url = options.url;
    this.#pageSize = pageSize;
  }

  /**
   * @param query with `limit` as the caller wants it; a smaller page may be asked for
   * @param deadline by `performance.now()`: no wait goes beyond
   * @throws ServiceFailure
   */
  async fetch(query: WorklistQuery, deadline: number, signal: AbortSignal): Promise<Page> {
    for (;;) {
      const limit = smaller(query.limit, this.#pageSize);
      const parameters = parametersFromQuery(limit === undefined ? query : { ...query, limit }, this.#url);
      const answer = await this.#userAgent.send({
        method: 'GET',
        url: new URL(`${this.#options.resource}${parameters && '?'}${parameters}`),
        headers: { ...this.#options.headers, accept: this.#accept },
        bearer: this.#options.bearer,
        trace: this.#options.trace,
        signal,
      });
      const { status } = answer;
      const warnings = warningsOf(answer);
      if (status === 204 || status === 205 || (status === 404 && this.#options.treat404AsEmpty)) {
        await answer.text(0);
        return { answer: undefined, limit, warnings };
      }
      if (status >= 200 && status < 300) return { answer, limit, warnings };
      const failure = await failureOf(answer);
      if (!(await this.#change(status, failure, limit, query, deadline, signal))) throw failure;
      this.#logger.debug('search is asked again in another way', { httpStatus: status });
    }
  }

  /** Changes how the next request is made; false when nothing is left to be changed. */
  async #change(
    status: number,
    failure: ServiceFailure,
    limit: number | undefined,
    query: WorklistQuery,
    deadline: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    switch (status) {
      case 406:
      case 415: {
        const others = SEARCH_MEDIA_TYPES.filter((type) => type !== this.#options.mediaType).map(
          (type) => ACCEPT[type],
        );
        const before = this.#accept;
        this.#accept = others.join(', ');
        return before === ACCEPT[this.#options.mediaType];
      }
      case 413:
        // The caller's page may be the smallest already.
        if (limit !== undefined && limit <= 1) return false;
        this.#pageSize = limit === undefined || limit > FIRST_SMALLER_PAGE ? FIRST_SMALLER_PAGE : Math.floor(limit / 2);
        return true;
      case 414:
      case 431: {
        const before = parametersFromQuery(query, this.#url);
        this.#url = { ...this.#url, includefield: 'all' };
        return parametersFromQuery(query, this.#url) !== before;
      }
      case 429:
      case 503:
      case 507:
        return this.#wait(failure.retryAfter, deadline, signal);
      default:
        return false;
    }
  }

  /** As long as the origin server asks for, if the caller waits that long. */
  async #wait(seconds: number | undefined, deadline: number, signal: AbortSignal): Promise<boolean> {
    if (seconds === undefined || this.#waits >= MAXIMUM_WAITS) return false;
    const waitMs = Math.max(MINIMUM_WAIT_MS, seconds * 1000);
    if (performance.now() + waitMs >= deadline) return false;
    this.#waits++;
    try {
      await sleep(waitMs, undefined, { signal });
    } catch {
      throw failureFromAbort(signal);
    }
    return true;
  }
}

/** The failure an answer of a search stands for, with what its Status Report and headers tell. */
export async function failureOf(answer: HttpAnswer): Promise<ServiceFailure> {
  const failure = failureFromHttp(answer.status, await contentOf(answer));
  if (failure === undefined) throw new TypeError('an answer that succeeded is no failure');
  return failure;
}

function warningsOf(answer: HttpAnswer): ServiceWarning[] {
  return answer.fields('warning').flatMap(parseWarningHeader).map(warningFromHeader);
}

function smaller(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
