/**
 * The far end is a UPS-RS origin server (PS3.18 11): its workitems are the worklist, an MPPS claims, changes and ends them
 * (proxy flows 6.1 to 6.7).
 */
import { limited } from '../dicomweb/time-limit.ts';
import { USER_AGENT_DEFAULTS, UserAgent } from '../dicomweb/user-agent.ts';
import { verifyServer } from '../dicomweb/verification.ts';
import { createDataSet } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { Logger } from '../observe/log.ts';
import { PERFORMED_PROCEDURE_STEP_STATUS } from '../services/mpps/attributes.ts';
import { selectAttributes } from '../services/mpps/complete.ts';
import { isFinal, stateOf } from '../services/mpps/state.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Completion, RequestContext, Upstream, WorklistQuery } from '../services/port.ts';
import type { CommitmentStatus } from '../services/storage-commitment/commitment.ts';
import { mppsOf } from '../services/ups/retrieved.ts';
import { workitemStateOf } from '../services/ups/attributes.ts';
import { KeyedQueue } from '../store/keyed-queue.ts';
import type { Claims } from '../store/workitem-records.ts';
import type { CertificateFacts } from '../tls/tls-options.ts';
import { ClaimBook } from './claim-book.ts';
import { Claiming } from './claiming.ts';
import { UpsClient } from './client.ts';
import type { Call } from './client.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { EventClient } from './event-client.ts';
import { MppsReports } from './mpps-reports.ts';
import type { Told } from './mpps-reports.ts';
import type { UpsOptions, UpsSubscriptionOptions } from './options.ts';
import { OwnedWorkitems } from './owned-workitems.ts';
import { Performing } from './performing.ts';
import { failureOfRefusal } from './refusals.ts';
import { WorkitemFinder } from './workitem-finder.ts';
import { WorklistSearch } from './worklist-search.ts';

const MAXIMUM_URI_LENGTH = 6_000;
const MAXIMUM_ITEM_BYTES = 4 * 1024 * 1024;

export class UpsUpstream implements Upstream {
  readonly commitmentResult = 'checked';
  readonly #options: UpsOptions;
  readonly #baseUrl: string;
  readonly #maximumItemBytes: number;
  readonly #userAgent: UserAgent;
  readonly #client: UpsClient;
  readonly #owned: OwnedWorkitems;
  readonly #book: ClaimBook;
  readonly #worklist: WorklistSearch;
  readonly #claiming: Claiming;
  readonly #performing: Performing;
  readonly #logger: Logger;
  readonly #clock: Clock;
  /** Messages of one MPPS. */
  readonly #turns = new KeyedQueue();
  #reports: MppsReports | undefined;
  #events: EventClient | undefined;
  /** What is told without anybody waiting for it. */
  readonly #tellings = new Set<Promise<void>>();

  /** @param claims of the store; what is claimed there goes on after a restart */
  constructor(options: UpsOptions, claims: Claims, logger: Logger, clock: Clock = systemClock) {
    const { name, subscription, maximumUriLength = MAXIMUM_URI_LENGTH } = options;
    this.#options = options;
    this.#baseUrl = options.baseUrl.replace(/\/+$/, '');
    this.#maximumItemBytes = options.maximumItemBytes ?? MAXIMUM_ITEM_BYTES;
    this.#logger = logger;
    this.#clock = clock;
    this.#userAgent = new UserAgent({ ...USER_AGENT_DEFAULTS, ...options });
    const server = { ...options, baseUrl: this.#baseUrl, maximumItemBytes: this.#maximumItemBytes, maximumUriLength };
    this.#client = new UpsClient(server, this.#userAgent, logger);
    this.#owned = new OwnedWorkitems(this.#client);
    this.#book = new ClaimBook(name, claims, subscription !== undefined);
    const finder = new WorkitemFinder(server, this.#client, this.#userAgent, logger);
    this.#worklist = new WorklistSearch(options, finder, claims, logger);
    const { client, owned, book } = { client: this.#client, owned: this.#owned, book: this.#book };
    const parts = { client, finder, owned, book, logger, now: () => clock.now() };
    this.#claiming = new Claiming(options, parts);
    this.#performing = new Performing(options, parts);
  }

  search(query: WorklistQuery, context: RequestContext): AsyncIterable<DataSet> {
    return this.#worklist.search(query, context);
  }

  trySearch(context: RequestContext): Promise<void> {
    return this.#worklist.try(context);
  }

  async createMpps(uid: string, attributes: DataSet, context: RequestContext): Promise<Completion> {
    // A claim cannot be taken back: what is not IN PROGRESS claims nothing (PS3.4 F.7.2.1.2).
    if (stateOf(attributes) !== 'IN PROGRESS')
      throw new ServiceFailure('INVALID_VALUE', { attributes: [PERFORMED_PROCEDURE_STEP_STATUS] });
    await this.#inTurn(uid, context, (call) => this.#claiming.create(uid, attributes, call));
    this.#tell(uid);
    return { uid };
  }

  async updateMpps(uid: string, modifications: DataSet, context: RequestContext): Promise<Completion> {
    await this.#inTurn(uid, context, (call) => this.#performing.update(uid, modifications, call));
    if (isFinal(stateOf(modifications))) this.#tell(uid);
    return { uid };
  }

  /** @param uid of an MPPS that was created here, else of a workitem that others perform (6.7) */
  retrieveMpps(uid: string, selection: AttributeSelection, context: RequestContext): Promise<DataSet> {
    return limited(context, async (signal) => {
      const record = await this.#book.get(uid);
      if (record?.isComplete === false) throw noSuchMpps();
      const workitems = record?.workitems ?? [];
      // Of a group the one that goes on is as the MPPS is.
      const shown = workitems.find(({ phase }) => phase !== 'final') ?? workitems[0];
      const answer = await this.#client.retrieve(shown?.workitemUid ?? uid, { context, signal });
      if ('refusal' in answer) throw failureOfRefusal(answer.refusal, 'retrieve');
      if (record === undefined && workitemStateOf(answer.workitem) === 'SCHEDULED') throw noSuchMpps();
      const mpps = mppsOf(answer.workitem, record?.picture ?? createDataSet(), this.#options);
      return selectAttributes(mpps, selection);
    });
  }

  requestCommitment(): Promise<CommitmentStatus> {
    return Promise.reject(noCommitment());
  }

  checkCommitment(): Promise<CommitmentStatus> {
    return Promise.reject(noCommitment());
  }

  reportCommitment(): Promise<never> {
    return Promise.reject(noCommitment());
  }

  notifyMpps(): Promise<never> {
    const comment = 'A UPS-RS server is told of no MPPS: it knows what becomes of its workitems';
    return Promise.reject(new ServiceFailure('NOT_SUPPORTED', { comment }));
  }

  /** Retrieve Capabilities. */
  verify(context: RequestContext): Promise<void> {
    return limited(context, (signal) => verifyServer(this.#userAgent, this.#baseUrl, context, signal));
  }

  /**
   * Opens the notification connection and keeps it open; nothing without `subscription`. Events of one MPPS are told in
   * order, each change of its state once.
   * @param told resolves once what follows from the event is on the disk; rejects: it is told again later
   */
  listen(told: Told): void {
    const { subscription } = this.#options;
    if (subscription === undefined || this.#events !== undefined) return;
    this.#reports = new MppsReports(this.#book, this.#owned, subscription.others, told, this.#logger);
    this.#events = this.#eventClient(subscription, this.#reports);
    this.#events.start();
  }

  /** Those of TLS, and of the identity provider its credentials are had from. */
  certificates(): readonly CertificateFacts[] {
    const { tls, credentials } = this.#options;
    return [...(tls?.certificates() ?? []), ...(credentials?.certificates() ?? [])];
  }

  /** Requests under way. */
  get running(): number {
    return this.#userAgent.running;
  }

  async close(): Promise<void> {
    await this.#events?.close();
    await Promise.all(this.#tellings);
    await this.#userAgent.close();
  }

  #inTurn<T>(uid: string, context: RequestContext, work: (call: Call) => Promise<T>): Promise<T> {
    return this.#turns.run(uid, () => limited(context, (signal) => work({ context, signal })));
  }

  #tell(uid: string): void {
    if (this.#reports === undefined) return;
    const telling = this.#reports.changed(uid).finally(() => this.#tellings.delete(telling));
    this.#tellings.add(telling);
  }

  #eventClient({ aeTitle, deletionLock, reopenMs }: UpsSubscriptionOptions, reports: MppsReports): EventClient {
    const agent = { ...USER_AGENT_DEFAULTS, ...this.#options };
    return new EventClient(
      {
        baseUrl: this.#baseUrl,
        aeTitle,
        redirectHosts: agent.redirectHosts,
        tls: agent.tls,
        handshakeTimeoutMs: agent.connectTimeoutMs + agent.responseTimeoutMs,
        maximumReportBytes: this.#maximumItemBytes,
        reopenMs,
        headers: async () => {
          const authorization = await agent.credentials?.authorization(undefined);
          return { ...agent.headers, ...(authorization !== undefined && { authorization }) };
        },
        refused: ({ authorization }) => {
          if (authorization !== undefined) agent.credentials?.refused(authorization);
        },
        subscribe: (signal) => this.#client.subscribe(aeTitle, deletionLock, signal),
        opened: (signal) => reports.catchUp({ context: this.#ownContext(aeTitle, signal), signal }),
        reported: (event) => reports.report(event),
      },
      this.#clock,
      this.#logger,
    );
  }

  /** Of what nobody asked for. */
  #ownContext(aeTitle: string, signal: AbortSignal): RequestContext {
    const requester = { listener: '', protocol: 'dicomweb', address: '', callingAeTitle: aeTitle } as const;
    return { signal, deadline: Infinity, traceId: `events ${this.#options.name}`, requester, warn: () => {} };
  }
}

function noSuchMpps(): ServiceFailure {
  return new ServiceFailure('NO_SUCH_INSTANCE', { comment: 'no such MPPS' });
}

function noCommitment(): ServiceFailure {
  return new ServiceFailure('NOT_SUPPORTED', { comment: 'UPS-RS has no storage commitment' });
}
