/** A listener of ours on a free loopback port, with a scripted gateway behind it. */
import type { DataSet } from '../../src/dataset/model.ts';
import { attribute, createDataSet, dataSetOf } from '../../src/dataset/model.ts';
import type { ResolveHost } from '../../src/dimse/reporters.ts';
import { DimseListener } from '../../src/dimse/scp.ts';
import type { DimseListenerOptions } from '../../src/dimse/scp.ts';
import type { Logger } from '../../src/observe/log.ts';
import type { MppsEvent } from '../../src/services/mpps/notification.ts';
import type {
  AttributeSelection,
  CommitmentAnswer,
  CommitmentRequestContext,
  MppsContext,
  Requester,
  RequestContext,
  RouteOptions,
  ServiceFailure,
  ServiceHandler,
  WorklistQuery,
} from '../../src/services/port.ts';
import type { ToldEvent } from '../../src/services/storage-commitment/commitment.ts';
import { EXPLICIT, IMPLICIT } from './dimse-bytes.ts';

export const LISTENER_OPTIONS: DimseListenerOptions = {
  name: 'ward',
  host: '127.0.0.1',
  port: 0,
  aeTitles: ['DIMSEWAY'],
  maximumAssociations: 20,
  maximumHalfOpenConnections: 20,
  maximumPduLength: 16_384,
  maximumMessageBytes: 1 << 20,
  transferSyntaxes: [EXPLICIT, IMPLICIT],
  duplicateContexts: 'accept',
  artimMs: 5_000,
  idleTimeoutMs: 10_000,
  requestTimeoutMs: 10_000,
};

export const ROUTE: RouteOptions = {
  route: 'ward',
  characterSets: [],
  unencodable: 'utf-8',
  fuzzyMatching: false,
  timezoneAdjustment: false,
};

export interface AskedMpps {
  readonly operation: 'create' | 'update' | 'retrieve';
  readonly uid: string | undefined;
  readonly attributes?: DataSet;
  readonly selection?: AttributeSelection;
  readonly context: RequestContext & Partial<MppsContext>;
}

export interface AskedCommitment {
  readonly transactionUid: string;
  readonly module: DataSet;
  readonly context: CommitmentRequestContext;
}

export type Search = (query: WorklistQuery, context: RequestContext) => AsyncIterable<DataSet>;

const PENDING: CommitmentAnswer = { state: 'pending', retryAfterMs: 1_000 };

/** A gateway that answers as it is told; what listeners refused by themselves stands in `refusals`. */
export class ScriptedHandler implements ServiceHandler {
  search: Search;
  route: RouteOptions | undefined = ROUTE;
  mppsRoute: RouteOptions | undefined = ROUTE;
  createMpps: ServiceHandler['createMpps'] = (uid, attributes, context) =>
    this.#keep({ operation: 'create', uid, attributes, context }, { uid: uid ?? '1.2.3.4' });
  updateMpps: ServiceHandler['updateMpps'] = (uid, attributes, context) =>
    this.#keep({ operation: 'update', uid, attributes, context }, { uid });
  retrieveMpps: ServiceHandler['retrieveMpps'] = (uid, selection, context) =>
    this.#keep({ operation: 'retrieve', uid, selection, context }, createDataSet());
  characterSetOf: ServiceHandler['characterSetOf'] = async () => undefined;
  commitmentRoute: RouteOptions | undefined = ROUTE;
  requestCommitment: ServiceHandler['requestCommitment'] = async (transactionUid, module, context) => {
    this.commitments.push({ transactionUid, module, context });
    return PENDING;
  };
  checkCommitment: ServiceHandler['checkCommitment'] = async () => PENDING;
  reportCommitment: ServiceHandler['reportCommitment'] = async (event, context) => {
    this.reports.push({ event, context });
  };
  notifyMpps: ServiceHandler['notifyMpps'] = async (event, context) => {
    this.notifications.push({ event, context });
  };
  /** What MPPS was asked for, by the default answers. */
  readonly asked: AskedMpps[] = [];
  /** What storage commitment was asked for and reported, by the default answers. */
  readonly commitments: AskedCommitment[] = [];
  readonly reports: { readonly event: ToldEvent; readonly context: RequestContext }[] = [];
  /** MPPS Notifications, by the default answer. */
  readonly notifications: { readonly event: MppsEvent; readonly context: RequestContext }[] = [];
  readonly refusals: ServiceFailure[] = [];
  readonly requesters: Requester[] = [];

  constructor(search: Search = () => results(0)) {
    this.search = search;
  }

  routeFor(service: string, requester: Requester): RouteOptions | undefined {
    if (service === 'mpps') return this.mppsRoute;
    if (service === 'storageCommitment') return this.commitmentRoute;
    this.requesters.push(requester);
    return this.route;
  }

  async #keep<T>(asked: AskedMpps, answer: T): Promise<T> {
    this.asked.push(asked);
    return answer;
  }

  refused(_service: string, _context: RequestContext, _startedMs: number, failure: ServiceFailure): void {
    this.refusals.push(failure);
  }
}

/** A logger that keeps its lines. */
export class RecordingLogger implements Logger {
  readonly lines: { level: string; message: string; fields: Readonly<Record<string, unknown>> }[] = [];
  readonly error = this.#at('error');
  readonly warn = this.#at('warn');
  readonly info = this.#at('info');
  readonly debug = this.#at('debug');

  child(): Logger {
    return this;
  }

  #at(level: string): Logger['info'] {
    return (message, fields = {}) => void this.lines.push({ level, message, fields });
  }
}

/** Why associations were ended by the listener, in order; an abort alone may be that of one that was idle for too long. */
export function withdrawals({ logger }: Pick<RunningListener, 'logger'>): unknown[] {
  return logger.lines
    .filter(({ message }) => message === 'association ends: its peer may not have it any more')
    .map(({ fields }) => fields['why']);
}

export interface RunningListener {
  readonly listener: DimseListener;
  readonly port: number;
  /** As without the overrides of the test. */
  readonly options: DimseListenerOptions;
  readonly handler: ScriptedHandler;
  readonly logger: RecordingLogger;
}

export async function startListener(
  handler: ScriptedHandler = new ScriptedHandler(),
  options: Partial<DimseListenerOptions> = {},
  resolve?: ResolveHost,
): Promise<RunningListener> {
  const logger = new RecordingLogger();
  const listener = new DimseListener({ ...LISTENER_OPTIONS, ...options }, handler, logger, resolve);
  const { port } = await listener.listen();
  return { listener, port, options: LISTENER_OPTIONS, handler, logger };
}

/** Keys that ask for what `entry` holds. */
export const IDENTIFIER = dataSetOf({
  '00100010': attribute('PN'),
  '00100020': attribute('LO'),
  '00400100': attribute('SQ', dataSetOf({ '00080060': attribute('CS'), '00400009': attribute('SH') })),
});

export function entry(index: number): DataSet {
  return dataSetOf({
    '00100010': attribute('PN', { Alphabetic: `Doe^Jane${index}` }),
    '00100020': attribute('LO', `ID${index}`),
    '00400100': attribute(
      'SQ',
      dataSetOf({ '00080060': attribute('CS', 'CT'), '00400009': attribute('SH', `SPS${index}`) }),
    ),
  });
}

export async function* results(count: number): AsyncGenerator<DataSet, void, void> {
  for (let index = 0; index < count; index++) yield entry(index);
}
