/** A DICOMweb listener whose gateway is scripted by the test, with an MPPS and a request for commitment to send to it. */
import { attribute, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import { DicomwebListener } from '../../src/dicomweb/origin-server.ts';
import type { DicomwebListenerOptions } from '../../src/dicomweb/origin-server.ts';
import { ServiceFailure } from '../../src/services/port.ts';
import type {
  AttributeSelection,
  CommitmentAnswer,
  CommitmentRequestContext,
  Completion,
  MppsContext,
  Operation,
  RequestContext,
  RouteOptions,
  ServiceHandler,
  ServiceName,
} from '../../src/services/port.ts';
import { keepingLogger } from './requests.ts';
import type { LogLine } from './requests.ts';

export const LISTENER_OPTIONS: DicomwebListenerOptions = {
  name: 'web',
  host: '127.0.0.1',
  port: 0,
  basePaths: ['/dicomweb'],
  strictParameters: false,
  strictAccept: false,
  maximumUriLength: 2_000,
  maximumConnections: 100,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 5_000,
  idleTimeoutMs: 5_000,
};

const ROUTE: RouteOptions = {
  route: 'web',
  characterSets: [],
  unencodable: 'utf-8',
  fuzzyMatching: false,
  timezoneAdjustment: false,
};

const notAsked = (): Promise<never> => Promise.reject(new Error('not expected to be asked'));

const WITHOUT_MPPS = {
  createMpps: notAsked,
  updateMpps: notAsked,
  retrieveMpps: notAsked,
  characterSetOf: notAsked,
};
const WITHOUT_COMMITMENT = {
  requestCommitment: notAsked,
  checkCommitment: notAsked,
  reportCommitment: notAsked,
  notifyMpps: notAsked,
};
/** For a handler that is asked for the worklist only. */
export const WORKLIST_ONLY = { ...WITHOUT_MPPS, ...WITHOUT_COMMITMENT };

/** One call of the handler. */
export type MppsCall =
  | { readonly operation: 'create' | 'update'; readonly uid: string | undefined; readonly dataSet: DataSet; readonly context: MppsContext }
  | { readonly operation: 'retrieve'; readonly uid: string; readonly selection: AttributeSelection; readonly context: RequestContext }; // prettier-ignore

/** What the far end does: an update or create is done, a retrieve gives a data set. */
export type MppsScript = (call: MppsCall) => Promise<Completion | DataSet | void> | Completion | DataSet | void;

/** One call of the handler for storage commitment; `module` of a request. */
export interface CommitmentCall {
  readonly operation: 'request' | 'check';
  readonly transactionUid: string;
  readonly module?: DataSet;
  readonly context: CommitmentRequestContext;
}

export type CommitmentScript = (call: CommitmentCall) => Promise<CommitmentAnswer> | CommitmentAnswer;

export interface StartedListener<Call = MppsCall> {
  readonly port: number;
  readonly listener: DicomwebListener;
  readonly calls: Call[];
  readonly refusals: { readonly operation: Operation; readonly failure: ServiceFailure }[];
  readonly lines: LogLine[];
  readonly close: () => Promise<void>;
}

export async function startMppsListener(
  script: MppsScript = () => {},
  options: Partial<DicomwebListenerOptions> = {},
  services: readonly ServiceName[] = ['mpps'],
  route: Partial<RouteOptions> = {},
): Promise<StartedListener> {
  const calls: MppsCall[] = [];
  const ask = async (call: MppsCall): Promise<Completion | DataSet | void> => {
    calls.push(call);
    return script(call);
  };
  const mpps = {
    ...WITHOUT_COMMITMENT,
    createMpps: async (uid, dataSet, context) => {
      await ask({ operation: 'create', uid, dataSet, context });
      return { uid: uid ?? '' };
    },
    updateMpps: async (uid, dataSet, context) => {
      await ask({ operation: 'update', uid, dataSet, context });
      return { uid };
    },
    retrieveMpps: async (uid, selection, context) =>
      (await ask({ operation: 'retrieve', uid, selection, context })) as DataSet,
    characterSetOf: () => Promise.resolve(undefined),
  } satisfies Partial<ServiceHandler>;
  return { calls, ...(await startListener(mpps, options, services, route)) };
}

export async function startCommitmentListener(
  script: CommitmentScript = () => ({ state: 'pending', retryAfterMs: 10_000 }),
  options: Partial<DicomwebListenerOptions> = {},
  services: readonly ServiceName[] = ['storageCommitment'],
): Promise<StartedListener<CommitmentCall>> {
  const calls: CommitmentCall[] = [];
  const ask = async (call: CommitmentCall): Promise<CommitmentAnswer> => {
    calls.push(call);
    return script(call);
  };
  const commitment = {
    ...WITHOUT_MPPS,
    ...WITHOUT_COMMITMENT,
    requestCommitment: (transactionUid, module, context) =>
      ask({ operation: 'request', transactionUid, module, context }),
    checkCommitment: (transactionUid, context) => ask({ operation: 'check', transactionUid, context }),
  } satisfies Partial<ServiceHandler>;
  return { calls, ...(await startListener(commitment, options, services)) };
}

export async function startListener(
  services: Omit<ServiceHandler, 'routeFor' | 'search' | 'refused'>,
  options: Partial<DicomwebListenerOptions>,
  offered: readonly ServiceName[],
  route: Partial<RouteOptions> = {},
): Promise<Omit<StartedListener<never>, 'calls'>> {
  const refusals: { operation: Operation; failure: ServiceFailure }[] = [];
  const logger = keepingLogger();
  const handler: ServiceHandler = {
    ...services,
    routeFor: (service) => (offered.includes(service) ? { ...ROUTE, ...route } : undefined),
    search: () => {
      throw new ServiceFailure('NOT_SUPPORTED');
    },
    refused: (operation, _context, _startedMs, failure) => void refusals.push({ operation, failure }),
  };
  const listener = new DicomwebListener({ ...LISTENER_OPTIONS, ...options }, handler, logger);
  const { port } = await listener.listen();
  return { port, listener, refusals, lines: logger.lines, close: () => listener.close(0) };
}

export const MPPS_UID = '1.2.840.99.1';

/** A few attributes of an MPPS, private ones and a Japanese name among them. */
export const MPPS: DataSet = dataSetOf({
  '00080060': attribute('CS', 'CT'),
  '00090010': attribute('LO', 'ACME'),
  '00091001': attribute('LO', 'private'),
  '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
  '00400252': attribute('CS', 'IN PROGRESS'),
  '00400253': attribute('SH', '1.2.840.99.1.2.3.4.5.6.7.8.9.10.11'),
  '00400270': attribute(
    'SQ',
    dataSetOf({ '0020000D': attribute('UI', '1.2.3'), '00400009': attribute('SH', 'SPS1') }),
    dataSetOf({}),
  ),
  '00400340': attribute('SQ'),
});
