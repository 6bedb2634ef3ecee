/** A DICOMweb listener in front of workitems that are scripted by the test, and a subscriber to their events. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { attribute, createDataSet, dataSetOf } from '../../src/dataset/model.ts';
import type { DataSet } from '../../src/dataset/model.ts';
import type { DicomwebListenerOptions } from '../../src/dicomweb/origin-server.ts';
import type { RequestContext, RouteOptions, ServiceName } from '../../src/services/port.ts';
import type { CancellationRequest, EventChannel, WorkitemHandler, WorkitemQuery, WorkitemState } from '../../src/services/ups/workitem.ts'; // prettier-ignore
import { startListener, WORKLIST_ONLY } from './http-listener.ts';
import type { StartedListener } from './http-listener.ts';

export const WORKITEM_UID = '1.2.840.99.7.1';
export const LOCK = '2.25.4711';

/** One call of the handler: what it was, and what it was called with besides the context. */
export type WorkitemCall =
  | { readonly name: 'search'; readonly query: WorkitemQuery }
  | { readonly name: 'retrieve'; readonly uid: string }
  | { readonly name: 'create'; readonly uid: string | undefined; readonly workitem: DataSet }
  | { readonly name: 'update'; readonly uid: string; readonly transactionUid: string | undefined; readonly modifications: DataSet }
  | { readonly name: 'changeState'; readonly uid: string; readonly state: WorkitemState; readonly transactionUid: string | undefined }
  | { readonly name: 'requestCancellation'; readonly uid: string; readonly cancellation: CancellationRequest }
  | { readonly name: 'subscribe'; readonly resource: string; readonly aeTitle: string; readonly options: { deletionLock: boolean; filter?: string } }
  | { readonly name: 'unsubscribe' | 'suspend'; readonly resource: string; readonly aeTitle: string }
  | { readonly name: 'connect'; readonly aeTitle: string }; // prettier-ignore

export interface WorkitemScript {
  /** Before anything is done; what it throws is the outcome. */
  readonly on?: (call: WorkitemCall, context: RequestContext) => void | Promise<void>;
  /** Of a search, and the first one of a retrieve. */
  readonly workitems?: readonly DataSet[];
  /** UID of what is created without one. */
  readonly madeUid?: string;
}

export interface WorkitemListener extends StartedListener<WorkitemCall> {
  /** Connections that were opened, and how often one was ended. */
  readonly channels: { readonly channel: EventChannel; readonly ended: Promise<void>; ends: number }[];
  /** The contexts of the calls, in their order. */
  readonly contexts: RequestContext[];
}

export async function startWorkitemListener(
  script: WorkitemScript = {},
  options: Partial<DicomwebListenerOptions> = {},
  services: readonly ServiceName[] = ['workitems'],
  route: Partial<RouteOptions> = {},
): Promise<WorkitemListener> {
  const calls: WorkitemCall[] = [];
  const contexts: RequestContext[] = [];
  const channels: WorkitemListener['channels'] = [];
  const ask = (call: WorkitemCall, context: RequestContext): void | Promise<void> => {
    calls.push(call);
    contexts.push(context);
    return script.on?.(call, context);
  };
  const workitems: WorkitemHandler = {
    search: async function* (query, context) {
      await ask({ name: 'search', query }, context);
      yield* script.workitems ?? [];
    },
    retrieve: async (uid, context) => {
      await ask({ name: 'retrieve', uid }, context);
      return script.workitems?.[0] ?? createDataSet();
    },
    create: async (uid, workitem, context) => {
      await ask({ name: 'create', uid, workitem }, context);
      return uid ?? script.madeUid ?? '2.25.1';
    },
    update: async (uid, transactionUid, modifications, context) =>
      ask({ name: 'update', uid, transactionUid, modifications }, context),
    changeState: async (uid, state, transactionUid, context) =>
      ask({ name: 'changeState', uid, state, transactionUid }, context),
    requestCancellation: async (uid, cancellation, context) =>
      ask({ name: 'requestCancellation', uid, cancellation }, context),
    subscribe: async (resource, aeTitle, wanted, context) =>
      ask({ name: 'subscribe', resource, aeTitle, options: wanted }, context),
    unsubscribe: async (resource, aeTitle, context) => ask({ name: 'unsubscribe', resource, aeTitle }, context),
    suspend: async (resource, aeTitle, context) => ask({ name: 'suspend', resource, aeTitle }, context),
    connect: (channel, context) => {
      void ask({ name: 'connect', aeTitle: channel.aeTitle }, context);
      const ended = Promise.withResolvers<void>();
      const entry = { channel, ended: ended.promise, ends: 0 };
      channels.push(entry);
      return () => {
        entry.ends++;
        ended.resolve();
      };
    },
  };
  const handler = { ...WORKLIST_ONLY, workitems };
  return { calls, contexts, channels, ...(await startListener(handler, options, services, route)) };
}

/** A few attributes, private ones and a Japanese name among them. */
export const WORKITEM: DataSet = dataSetOf({
  '00090010': attribute('LO', 'ACME'),
  '00091001': attribute('LO', 'private'),
  '00100010': attribute('PN', { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎' }),
  '00404018': attribute('SQ', dataSetOf({ '00080100': attribute('SH', '24628-9') })),
  '00741000': attribute('CS', 'SCHEDULED'),
  '00741216': attribute('SQ'),
});

export function stateReport(number: number): DataSet {
  return dataSetOf({
    '00000110': attribute('US', number),
    '00001000': attribute('UI', WORKITEM_UID),
    '00741000': attribute('CS', 'IN PROGRESS'),
  });
}

export interface Subscriber {
  readonly socket: WebSocket;
  /** Texts of the reports that have come. */
  readonly reports: string[];
  /** Resolves with the code of the end. */
  readonly closed: Promise<number>;
}

/** @param target as it stands in the request line. Rejects with the status of an answer that is not 101 */
export async function subscriberAt(
  port: number,
  target = '/dicomweb/ws/subscribers/WATCHER',
  options: WebSocket.ClientOptions = {},
): Promise<Subscriber> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${target}`, options);
  const reports: string[] = [];
  socket.on('message', (data: Buffer, isBinary) => {
    if (!isBinary) reports.push(data.toString('utf8'));
  });
  const closed = once(socket, 'close').then(([code]) => code as number);
  const refused = once(socket, 'unexpected-response').then(([request, { statusCode }]) => {
    (request as { destroy(): void }).destroy();
    throw new Error(String(statusCode));
  });
  socket.on('error', () => undefined);
  await Promise.race([once(socket, 'open'), refused]);
  refused.catch(() => undefined);
  return { socket, reports, closed };
}
