/**
 * The far end is an origin server: the upstream of worklist searches, of MPPS and of storage commitment as its user agent
 * (PS3.18 13 to 15, proxy flows "Search D2W", "MPPS D2W" and "Storage commitment D2W"). Results are handed on as they
 * arrive; a consumer that stops pulling stops the socket.
 */
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import type { CommitmentStatus, SopReference } from '../services/storage-commitment/commitment.ts';
import { splitSteps } from '../services/worklist/identifier.ts';
import type { SearchUrlOptions } from '../services/worklist/search-url.ts';
import { moreResults, WARNINGS } from '../services/worklist/warnings.ts';
import { CommitmentClient } from './commitment-client.ts';
import { hopHeader } from './hop-header.ts';
import { MppsClient } from './mpps-client.ts';
import { failureFromAbort } from './network-failure.ts';
import { PageBorder } from './page-border.ts';
import { requesterHeader } from './requester-header.ts';
import { readResults } from './result-reader.ts';
import { SearchClient } from './search-client.ts';
import type { Page, SearchMediaType } from './search-client.ts';
import { StepWindow } from './step-window.ts';
import { limited, limitedStream } from './time-limit.ts';
import type { UpdateStyle } from './update-style.ts';
import { USER_AGENT_DEFAULTS, UserAgent } from './user-agent.ts';
import type { UserAgentOptions } from './user-agent.ts';
import { verifyServer } from './verification.ts';

export interface DicomwebUpstreamOptions extends Partial<UserAgentOptions>, Omit<SearchUrlOptions, 'includefield'> {
  /** Name in the configuration. */
  readonly name: string;
  /** Base URI, e.g. `https://ris.example/dicomweb`; a slash at the end says nothing. */
  readonly baseUrl: string;
  /** Asked for first; the others are tried when the origin server says 406. */
  readonly mediaType: SearchMediaType;
  readonly includefield?: 'list' | 'repeated';
  /** How an MPPS is updated first, `query` unless told; the other way is tried once when the server does not know it. */
  readonly updateStyle?: UpdateStyle;
  /** What the origin server does; without, such a search is done plainly, with a warning. */
  readonly fuzzyMatching?: boolean;
  readonly timezoneAdjustment?: boolean;
  /** 404 means no results, for servers that say so. */
  readonly treat404AsEmpty?: boolean;
  /** Results asked for at a time; undefined: all at once. */
  readonly pageSize?: number;
  /** Bytes of one result. */
  readonly maximumItemBytes?: number;
  /** Bytes of the result of a storage commitment, which may name very many instances; 32 MiB unless told. */
  readonly maximumCommitmentBytes?: number;
}

const RESOURCE = 'modality-scheduled-procedure-steps';
const MAXIMUM_URI_LENGTH = 6_000;
export const MAXIMUM_ITEM_BYTES = 4 * 1024 * 1024;
const MAXIMUM_COMMITMENT_BYTES = 32 * 1024 * 1024;
const NO_RESULTS: readonly DataSet[] = [];
const TIMEZONE_OFFSET_FROM_UTC = '00080201';

export class DicomwebUpstream implements Upstream {
  readonly #options: DicomwebUpstreamOptions;
  readonly #baseUrl: string;
  readonly #userAgent: UserAgent;
  readonly #mpps: MppsClient;
  readonly #commitment: CommitmentClient;
  readonly #logger: Logger;
  /**
   * The origin server has put several steps into one result (C22). Its `limit` and `offset` then count something else than
   * ours: from then on pages are cut from the whole list.
   */
  #severalStepsInOne = false;

  /** The web has no reports: results are asked for. */
  readonly commitmentResult = 'checked';

  constructor(options: DicomwebUpstreamOptions, logger: Logger) {
    this.#options = options;
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.#userAgent = new UserAgent({ ...USER_AGENT_DEFAULTS, ...options });
    this.#logger = logger;
    const { mediaType, updateStyle = 'query', names = 'tag', includefield = 'list' } = options;
    const { maximumUriLength = MAXIMUM_URI_LENGTH, maximumItemBytes = MAXIMUM_ITEM_BYTES } = options;
    this.#mpps = new MppsClient(
      { baseUrl: this.#baseUrl, mediaType, updateStyle, names, includefield, maximumUriLength, maximumItemBytes },
      this.#userAgent,
      logger,
    );
    const { maximumCommitmentBytes: maximumModuleBytes = MAXIMUM_COMMITMENT_BYTES } = options;
    this.#commitment = new CommitmentClient(
      { baseUrl: this.#baseUrl, mediaType, maximumModuleBytes },
      this.#userAgent,
      logger,
    );
  }

  search(query: WorklistQuery, context: RequestContext): AsyncGenerator<DataSet, void, undefined> {
    return limitedStream(context, (signal) => this.#pages(this.#supported(query, context), context, signal));
  }

  createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion> {
    return limited(context, (signal) => this.#mpps.create(uid, attributes, context, signal));
  }

  updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion> {
    return limited(context, (signal) => this.#mpps.update(uid, modifications, context, signal));
  }

  retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    return limited(context, (signal) => this.#mpps.retrieve(uid, selection, context, signal));
  }

  requestCommitment(
    transactionUid: string,
    references: readonly SopReference[],
    context: RequestContext,
  ): Promise<CommitmentStatus> {
    return limited(context, (signal) => this.#commitment.request(transactionUid, references, context, signal));
  }

  checkCommitment(transactionUid: string, context: RequestContext): Promise<CommitmentStatus> {
    return limited(context, (signal) => this.#commitment.check(transactionUid, context, signal));
  }

  reportCommitment(): Promise<never> {
    const comment = 'An origin server takes no reports: its user agents ask';
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment }));
  }

  notifyMpps(): Promise<never> {
    const comment = 'An origin server of MPPS takes no notifications (PS3.18 15)';
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment }));
  }

  /** Retrieve Capabilities. */
  verify(context: RequestContext): Promise<void> {
    return limited(context, (signal) => verifyServer(this.#userAgent, this.#baseUrl, context, signal));
  }

  /** Those of TLS. */
  certificates(): readonly CertificateFacts[] {
    const { tls, credentials } = this.#options;
    return [...(tls?.certificates() ?? []), ...(credentials?.certificates() ?? [])];
  }

  /** Requests under way. */
  get running(): number {
    return this.#userAgent.running;
  }

  close(): Promise<void> {
    return this.#userAgent.close();
  }

  /** The query without what the origin server cannot do, each with its warning. */
  #supported(query: WorklistQuery, context: RequestContext): WorklistQuery {
    const { fuzzyMatching, timezoneAdjustment, emptyValueMatching, multipleValueMatching } = this.#options;
    if (query.emptyValueMatching && emptyValueMatching !== true) context.warn(WARNINGS.emptyValueMatchingNotSupported);
    if (query.multipleValueMatching && multipleValueMatching !== true) {
      context.warn(WARNINGS.multipleValueMatchingNotSupported);
    }
    let supported = query;
    if (query.fuzzyMatching && fuzzyMatching !== true) {
      context.warn(WARNINGS.fuzzyMatchingNotSupported);
      supported = { ...supported, fuzzyMatching: false };
    }
    if (query.timezoneAdjustment && timezoneAdjustment !== true) {
      context.warn(WARNINGS.timezoneNotSupported);
      const identifier = { ...query.identifier };
      delete identifier[TIMEZONE_OFFSET_FROM_UTC];
      supported = { ...supported, identifier, timezoneAdjustment: false };
    }
    return supported;
  }

  #client(context: RequestContext): SearchClient {
    const { mediaType, treat404AsEmpty = false, pageSize } = this.#options;
    const headers = { ...requesterHeader(context), ...hopHeader(context) };
    const { bearer, trace } = context;
    const options = {
      resource: `${this.#baseUrl}/${RESOURCE}`,
      headers,
      bearer,
      trace,
      mediaType,
      treat404AsEmpty,
      url: this.#options,
    };
    return new SearchClient(options, pageSize, this.#userAgent, this.#logger);
  }

  async *#pages(
    query: WorklistQuery,
    context: RequestContext,
    signal: AbortSignal,
  ): AsyncGenerator<DataSet, void, undefined> {
    const client = this.#client(context);
    const warned = new Set<string>();
    const border = new PageBorder();
    const window = new StepWindow(query, this.#severalStepsInOne);
    // In results of the origin server, which may hold several of our steps.
    let offset = window.isWholeList ? 0 : query.offset;
    let wanted = window.isWholeList ? undefined : query.limit;
    for (let turned = false; ; turned = true) {
      const page = await client.fetch(pageOf(query, offset, wanted), context.deadline, signal);
      const announced = this.#readWarnings(page, context, warned);
      const isWatched = turned || announced > 0 || (page.limit !== undefined && page.limit !== wanted);
      let count = 0;
      for await (const result of this.#read(page)) {
        count++;
        if (isWatched && this.#isRepeated(border, result)) continue;
        const steps = splitSteps(result);
        if (steps.length > 1) this.#severalStepsInOne = true;
        for (const step of steps) {
          if (window.takes()) yield step;
          // What had arrived before the cancel could otherwise still end as a whole list.
          if (signal.aborted) throw failureFromAbort(signal);
        }
      }
      offset += count;
      if (wanted !== undefined) wanted = Math.max(0, wanted - count);
      const fresh = border.turn();
      if (wanted === 0 || window.isFull) {
        const remaining = window.beyond + announced;
        if (remaining > 0) context.warn(moreResults(remaining));
        return;
      }
      const isFull = page.limit !== undefined && count === page.limit;
      if (announced === 0 && !isFull) return;
      if (isWatched && fresh === 0) {
        throw new ServiceFailure('PAGING_NOT_SUPPORTED', {
          comment: 'The origin server announces more results and gives none that are new',
        });
      }
    }
  }

  #read(page: Page): AsyncIterable<DataSet> | Iterable<DataSet> {
    const { maximumItemBytes = MAXIMUM_ITEM_BYTES } = this.#options;
    return page.answer === undefined ? NO_RESULTS : readResults(page.answer, { maximumItemBytes });
  }

  #isRepeated(border: PageBorder, result: DataSet): boolean {
    const arrival = border.arrive(result);
    if (arrival === 'changed') this.#logger.warn('a step came again with other content on a later page');
    return arrival === 'repeated';
  }

  /** Hands on each warning once; gives the number of results that are announced beyond this page. */
  #readWarnings(page: Page, context: RequestContext, warned: Set<string>): number {
    let announced = 0;
    for (const warning of page.warnings) {
      if (warning.code === 'MORE_RESULTS') announced = Math.max(announced, warning.remaining ?? 0);
      else if (!warned.has(warning.words ?? warning.text)) {
        warned.add(warning.words ?? warning.text);
        context.warn(warning);
      }
    }
    return announced;
  }
}

/** A page of the query, as far as the origin server is concerned. */
function pageOf({ limit: _, ...query }: WorklistQuery, offset: number, limit: number | undefined): WorklistQuery {
  return limit === undefined ? { ...query, offset } : { ...query, offset, limit };
}
