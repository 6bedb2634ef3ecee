/** Searches for workitems (PS3.18 11.9), page by page, and which of them an MPPS is about (proxy flows 6.1 and 6.2). */
import { hopHeader } from '../dicomweb/hop-header.ts';
import { failureFromAbort } from '../dicomweb/network-failure.ts';
import { requesterHeader } from '../dicomweb/requester-header.ts';
import { readResults } from '../dicomweb/result-reader.ts';
import { SearchClient } from '../dicomweb/search-client.ts';
import type { Page } from '../dicomweb/search-client.ts';
import type { UserAgent } from '../dicomweb/user-agent.ts';
import { firstText } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { ServiceFailure } from '../services/port.ts';
import type { RequestContext, WorklistQuery } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import type { Call, UpsClient } from './client.ts';
import { failureOfRefusal } from './refusals.ts';
import type { UpsOptions } from './options.ts';

export type WorkitemFinderOptions = Pick<UpsOptions, 'mediaType' | 'retrieveEach' | 'pageSize'> & {
  /** Without slash at the end. */
  readonly baseUrl: string;
  readonly maximumUriLength: number;
  readonly maximumItemBytes: number;
};

/** Of one search: their UIDs are remembered, so that none is shown twice where pages meet. */
const MAXIMUM_WORKITEMS = 100_000;
/** Retrieved at a time, where a search leaves attributes out. */
const RETRIEVED_AT_ONCE = 8;

export class WorkitemFinder {
  readonly #options: WorkitemFinderOptions;
  readonly #client: UpsClient;
  readonly #userAgent: UserAgent;
  readonly #logger: Logger;

  constructor(options: WorkitemFinderOptions, client: UpsClient, userAgent: UserAgent, logger: Logger) {
    this.#options = options;
    this.#client = client;
    this.#userAgent = userAgent;
    this.#logger = logger;
  }

  /**
   * The workitems that match, with all their attributes, in chunks as they arrive.
   * @param identifier keys in attributes of workitems
   * @throws ServiceFailure with a code of a search
   */
  async *find(identifier: DataSet, call: Call): AsyncGenerator<DataSet[], void, undefined> {
    let chunk: DataSet[] = [];
    for await (const found of this.#pages(identifier, call)) {
      chunk.push(found);
      if (chunk.length < RETRIEVED_AT_ONCE) continue;
      yield await this.#whole(chunk, call);
      chunk = [];
    }
    if (chunk.length > 0) yield await this.#whole(chunk, call);
  }

  /** Asks for one that matches, and reads no more than that. @throws ServiceFailure with a code of a search */
  async tryOne(identifier: DataSet, { context, signal }: Call): Promise<void> {
    const query = { ...pageOf(identifier, 0), limit: 1 };
    const page = await this.#searchClient(context).fetch(query, context.deadline, signal);
    for await (const _ of this.#read(page)) break;
  }

  /** What was found, or with `retrieveEach` what is there of it now. */
  async #whole(found: readonly DataSet[], call: Call): Promise<DataSet[]> {
    if (!this.#options.retrieveEach) return [...found];
    const retrieved = await Promise.all(
      found.map(async (each) => {
        const uid = firstText(each, UPS.sopInstanceUid);
        return uid === undefined ? each : this.retrieve(uid, call);
      }),
    );
    return retrieved.filter((each) => each !== undefined);
  }

  /** Undefined: there is none, or none any more. @throws ServiceFailure */
  async retrieve(uid: string, call: Call): Promise<DataSet | undefined> {
    const answer = await this.#client.retrieve(uid, call);
    if ('workitem' in answer) return answer.workitem;
    const { status } = answer.refusal;
    if (status === 404 || status === 410) return undefined;
    throw failureOfRefusal(answer.refusal, 'retrieve');
  }

  async *#pages(identifier: DataSet, { context, signal }: Call): AsyncGenerator<DataSet, void, undefined> {
    const client = this.#searchClient(context);
    const seen = new Set<string>();
    let offset = 0;
    for (;;) {
      const page = await client.fetch(pageOf(identifier, offset), context.deadline, signal);
      const announced = handOnWarnings(page, context);
      let count = 0;
      let fresh = 0;
      for await (const workitem of this.#read(page)) {
        count++;
        const uid = firstText(workitem, UPS.sopInstanceUid);
        if (uid !== undefined && seen.has(uid)) continue;
        fresh++;
        if (uid !== undefined) seen.add(uid);
        if (seen.size > MAXIMUM_WORKITEMS) {
          throw new ServiceFailure('TOO_MANY_RESULTS', { comment: `More than ${MAXIMUM_WORKITEMS} workitems match` });
        }
        yield workitem;
        if (signal.aborted) throw failureFromAbort(signal);
      }
      offset += count;
      if (announced === 0 && (page.limit === undefined || count < page.limit)) return;
      if (fresh === 0) {
        const comment = 'The origin server announces more workitems and gives none that are new';
        throw new ServiceFailure('PAGING_NOT_SUPPORTED', { comment });
      }
    }
  }

  #read({ answer }: Page): AsyncIterable<DataSet> | Iterable<DataSet> {
    const { maximumItemBytes } = this.#options;
    return answer === undefined ? [] : readResults(answer, { maximumItemBytes });
  }

  #searchClient(context: RequestContext): SearchClient {
    const { baseUrl, mediaType, maximumUriLength, pageSize } = this.#options;
    const options = {
      resource: `${baseUrl}/workitems`,
      headers: { ...requesterHeader(context), ...hopHeader(context) },
      bearer: context.bearer,
      trace: context.trace,
      mediaType,
      treat404AsEmpty: false,
      url: { maximumUriLength },
    };
    return new SearchClient(options, pageSize, this.#userAgent, this.#logger);
  }
}

function pageOf(identifier: DataSet, offset: number): WorklistQuery {
  return {
    identifier,
    returnKeys: 'all',
    fuzzyMatching: false,
    emptyValueMatching: false,
    multipleValueMatching: false,
    timezoneAdjustment: false,
    offset,
    stableOrder: false,
  };
}

/** Gives the number of results that are announced beyond this page. */
function handOnWarnings({ warnings }: Page, context: RequestContext): number {
  let announced = 0;
  for (const warning of warnings) {
    if (warning.code === 'MORE_RESULTS') announced = Math.max(announced, warning.remaining ?? 0);
    else context.warn(warning);
  }
  return announced;
}
