/** The service of storage commitment over a store in memory, far ends that can be told what to do, and a clock of its own. */
import type { DataSet } from '../../src/dataset/model.ts';
import { GatewayError } from '../../src/errors.ts';
import { CommitmentService } from '../../src/gateway/commitment/service.ts';
import type { CommitmentOptions, CommitmentPeer, CommitmentTarget } from '../../src/gateway/commitment/route.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type {
  CommitmentAnswer,
  CommitmentContext,
  CommitmentReportContext,
  CommitmentReporter,
  Requester,
} from '../../src/services/port.ts';
import type {
  CommitmentResult,
  CommitmentStatus,
  SopReference,
  ToldCommitment,
} from '../../src/services/storage-commitment/commitment.ts';
import { sopForm } from '../../src/services/storage-commitment/modules.ts';
import type { CommitmentRecord, Commitments } from '../../src/store/commitment-records.ts';
import type { Store } from '../../src/store/store.ts';
import { openMemoryStore } from '../../src/store/sqlite.ts';
import { FakeClock } from './fake-clock.ts';
import { FarEnd } from './mpps.ts';
import { contextOf, keepingLogger, WARD } from './requests.ts';

export const START_MS = 1_800_000_000_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

export const UID = '1.2.840.99999.7.1';
export const CT = '1.2.840.10008.5.1.4.1.1.2';
export const A: SopReference = { sopClassUid: CT, sopInstanceUid: '1.2.3.1' };
export const B: SopReference = { sopClassUid: CT, sopInstanceUid: '1.2.3.2' };
export const MODULE: DataSet = sopForm([A, B]);
/** The archive has the first and not the second. */
export const TOLD: ToldCommitment = { committed: [A], failed: [{ ...B, reason: 0x0112 }] };
export const RESULT: CommitmentResult = { committed: [A], failed: [{ ...B, reason: 0x0112 }] };
export const ALL_FAILED: CommitmentResult = {
  committed: [],
  failed: [
    { ...A, reason: 0x0110 },
    { ...B, reason: 0x0110 },
  ],
};
export const ALL_DUPLICATE: ToldCommitment = {
  committed: [],
  failed: [
    { ...A, reason: 0x0131 },
    { ...B, reason: 0x0131 },
  ],
};

export const WEB: Requester = { listener: 'web', protocol: 'dicomweb', address: '127.0.0.1', subject: 'nuc1' };
export const ARCHIVE_AE: Requester = { ...WARD, callingAeTitle: 'ARCHIVE ' };

export const OPTIONS: CommitmentOptions = {
  delivery: 'direct',
  transactionUids: 'same',
  holdMs: 5_000,
  deadlineMs: DAY_MS,
  firstPollMs: 10_000,
  maximumPollMs: 600_000,
  attemptTimeoutMs: 60_000,
  reportOn: 'open-association',
  repeatedRequest: 'refuse',
};

/** An archive: answers as it is told to, and keeps what it was asked. */
export class Keeper extends FarEnd {
  override readonly commitmentResult: 'checked';
  readonly asked: { uid: string; references: readonly SopReference[]; context: CommitmentContext }[] = [];
  readonly checked: string[] = [];
  onRequest: (uid: string, context: CommitmentContext) => Promise<CommitmentStatus> = () => Promise.resolve(PENDING);
  onCheck: (uid: string) => Promise<CommitmentStatus> = () => Promise.resolve(PENDING);

  constructor(result: 'checked' | 'reported') {
    super();
    this.commitmentResult = result as 'checked';
  }

  override requestCommitment(
    uid?: string,
    references: readonly SopReference[] = [],
    context?: CommitmentContext,
  ): Promise<never> {
    this.asked.push({ uid: uid as string, references, context: context as CommitmentContext });
    return this.onRequest(uid as string, context as CommitmentContext) as Promise<never>;
  }

  override checkCommitment(uid?: string): Promise<never> {
    this.checked.push(uid as string);
    return this.onCheck(uid as string) as Promise<never>;
  }
}

/** An SCU as it takes reports on associations that we open. */
export class Modality extends FarEnd {
  readonly reports: { uid: string; result: CommitmentResult; context: CommitmentReportContext }[] = [];
  attempts = 0;
  onReport: () => Promise<void> = () => Promise.resolve();

  override async reportCommitment(
    uid?: string,
    result?: CommitmentResult,
    context?: CommitmentReportContext,
  ): Promise<never> {
    this.attempts++;
    await this.onReport();
    this.reports.push({
      uid: uid as string,
      result: result as CommitmentResult,
      context: context as CommitmentReportContext,
    });
    return undefined as never;
  }
}

/** The association of a request, for reports on it. */
export class OpenAssociation implements CommitmentReporter {
  isOpen = true;
  readonly reports: { uid: string; result: CommitmentResult; retrieveAeTitle: string | undefined }[] = [];
  onReport: () => Promise<void> = () => Promise.resolve();

  async report(uid: string, result: CommitmentResult, retrieveAeTitle?: string): Promise<void> {
    await this.onReport();
    this.reports.push({ uid, result, retrieveAeTitle });
  }
}

export const PENDING: CommitmentStatus = { state: 'pending' };
export const done = (told: ToldCommitment): CommitmentStatus => ({ state: 'done', told });
export const failing =
  (...given: ConstructorParameters<typeof ServiceFailure>) =>
  (): Promise<never> =>
    Promise.reject(new ServiceFailure(...given));
export const unreachable = failing('UPSTREAM_UNREACHABLE', { retry: 'safe' });
export const silent = (): Promise<never> => new Promise<never>(() => undefined);

/** How long a call of the store takes that is slow. */
const SLOW_MS = 5_000;

/** What becomes of a call of the store. `lost`: the caller never hears of it, and lives no longer. */
export type Fate = 'done' | 'slow' | 'fails' | 'fails after it was done' | 'lost' | 'lost after it was done';

/** One process: its service and what its store does to it. */
export interface Process {
  readonly service: CommitmentService;
  isDead: boolean;
}

export class CommitmentBed {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly logger = keepingLogger();
  readonly keeper: Keeper;
  readonly modality = new Modality();
  options: CommitmentOptions;
  peers: CommitmentPeer[];
  /** Decides over the calls of the store, counted from 0 over all processes. */
  fateOf: (call: string, number: number) => Fate = () => 'done';
  calls = 0;
  process: Process;
  readonly #busy: { count: number };
  readonly #isFirst: boolean;

  private constructor(
    clock: FakeClock,
    store: Store,
    busy: { count: number },
    kind: 'checked' | 'reported',
    options: Partial<CommitmentOptions>,
    isFirst: boolean,
  ) {
    this.#isFirst = isFirst;
    this.clock = clock;
    this.store = store;
    this.#busy = busy;
    this.keeper = new Keeper(kind);
    this.options = { ...OPTIONS, ...options };
    this.peers = [
      { upstream: { name: 'archive', upstream: this.keeper }, aeTitle: 'ARCHIVE', unknownReports: 'refuse' },
      { upstream: { name: 'ct', upstream: this.modality }, aeTitle: 'CT1', unknownReports: 'refuse' },
    ];
    this.process = this.start();
  }

  static async open(kind: 'checked' | 'reported', options: Partial<CommitmentOptions> = {}): Promise<CommitmentBed> {
    const busy = { count: 0 };
    const clock = new FakeClock(START_MS, () => busy.count > 0);
    return new CommitmentBed(clock, await openMemoryStore({ now: () => clock.now() }), busy, kind, options, true);
  }

  /** The same anew over the store and the clock of this one, which is closed and had one transaction. */
  async anew(kind: 'checked' | 'reported', options: Partial<CommitmentOptions>): Promise<CommitmentBed> {
    const record = await this.record();
    if (record !== undefined) await this.store.commitments.remove(record, 'process');
    return new CommitmentBed(this.clock, this.store, this.#busy, kind, options, false);
  }

  get service(): CommitmentService {
    return this.process.service;
  }

  get target(): CommitmentTarget {
    return { route: 'all', upstream: { name: 'archive', upstream: this.keeper }, options: this.options };
  }

  /** A process on the same store, beside those that run. */
  start(): Process {
    const started: { isDead: boolean; service?: CommitmentService } = { isDead: false };
    const store = this.#seenBy(started);
    started.service = new CommitmentService(store, this.logger, {
      clock: this.clock,
      random: () => 0,
      lookMs: HOUR_MS,
    });
    const process = started as Process;
    process.service.replaceTargets([this.target], this.peers);
    return process;
  }

  /** The process is gone without a word, and another begins. */
  restart(): void {
    this.process.isDead = true;
    this.process = this.start();
  }

  request(
    requester: Requester,
    more: {
      uid?: string;
      module?: DataSet;
      reporter?: CommitmentReporter;
      process?: Process;
      patienceMs?: number;
    } = {},
  ): Promise<CommitmentAnswer> {
    const { uid = UID, module = MODULE, reporter, process = this.process, patienceMs = 20_000 } = more;
    const context = {
      ...contextOf(requester),
      deadline: performance.now() + patienceMs,
      ...(reporter && { reporter }),
    };
    return process.service.request(this.target, uid, module, context);
  }

  check(requester: Requester = WEB, uid = UID): Promise<CommitmentAnswer> {
    return this.service.check(this.target, uid, contextOf(requester));
  }

  /** An N-EVENT-REPORT at a listener. */
  report(told: ToldCommitment = TOLD, uid = UID, requester: Requester = ARCHIVE_AE): Promise<void> {
    return this.service.report({ transactionUid: uid, ...told }, contextOf(requester));
  }

  /** The only record, or that of an id. */
  async record(): Promise<CommitmentRecord | undefined> {
    const [record] = await this.store.commitments.list({});
    return record;
  }

  /** Lets work that takes no time end. */
  async settle<T>(work: Promise<T>): Promise<T> {
    const [result] = await Promise.all([work, this.clock.rest()]);
    return result;
  }

  texts(): string[] {
    return this.logger.lines.map(({ message }) => String(message));
  }

  async close(): Promise<void> {
    this.fateOf = () => 'done';
    const closed = this.service.close(1_000);
    await this.clock.pass(5_000);
    await closed;
    if (this.#isFirst) await this.store.close();
  }

  #seenBy(process: { isDead: boolean }): Commitments {
    return new Proxy(this.store.commitments, {
      get: (target, name) => {
        const method = Reflect.get(target, name, target) as (...given: unknown[]) => Promise<unknown>;
        return (...given: unknown[]): Promise<unknown> => {
          if (process.isDead) return silent();
          const fate = this.fateOf(String(name), this.calls++);
          if (fate === 'lost') process.isDead = true;
          if (fate === 'lost') return silent();
          if (fate === 'fails') return Promise.reject(new GatewayError('STORE_FULL', 'no room'));
          if (fate === 'slow') {
            return new Promise((resolve) => {
              this.clock.setTimer(() => resolve(method.apply(target, given)), SLOW_MS);
            });
          }
          this.#busy.count++;
          const result = method.apply(target, given).finally(() => this.#busy.count--);
          if (fate === 'done') return result.then((value) => (process.isDead ? silent() : value));
          if (fate === 'lost after it was done') process.isDead = true;
          return result.then(() => {
            if (process.isDead) return silent();
            throw new GatewayError('STORE_UNREACHABLE', 'it is not known whether it was written');
          });
        };
      },
    });
  }
}

/** What a web requestor reads when its result is there. */
export function moduleOf(answer: CommitmentAnswer): DataSet | undefined {
  return answer.state === 'done' ? answer.module : undefined;
}

/** The code of the failure that some work ends with. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'none';
  } catch (error) {
    return error instanceof ServiceFailure ? error.code : String((error as { code?: string }).code);
  }
}
