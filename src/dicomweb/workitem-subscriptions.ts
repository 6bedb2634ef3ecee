/**
 * Subscribe, Unsubscribe and Suspend (PS3.18 11.10 to 11.12), and the connection on which a subscriber is told (8.10.4), at
 * the origin server.
 */
import { ServiceFailure } from '../services/port.ts';
import type { ServiceHandler } from '../services/port.ts';
import type { EventConnections } from './event-connections.ts';
import { HttpRefusal } from './http-refusal.ts';
import type { Transaction, Upgrade, WebRequest } from './transaction.ts';
import { CONNECTION_PATH, SUBSCRIBER_PATH, SUSPEND_PATH, WORKITEM_DESCRIPTIONS } from './workitem-descriptions.ts';
import { switchIn } from './workitem-parameters.ts';
import {
  contextOf,
  readWorkitemHead,
  subscriberOf,
  uidOf,
  workitemTransaction,
  workitemWarnings,
} from './workitem-request.ts';
import type { WorkitemOptions } from './workitem-request.ts';

export interface SubscriptionOptions extends WorkitemOptions {
  /** Sign of life of a connection on which nothing happens. */
  readonly idleTimeoutMs: number;
  /** Pages of these origins may connect besides those of our own host: `https://viewer.example`, or `*` for any. */
  readonly origins?: readonly string[] | undefined;
}

const DESCRIBED = WORKITEM_DESCRIPTIONS;

export function createSubscriptionTransactions(
  handler: ServiceHandler,
  options: SubscriptionOptions,
  connections: EventConnections,
): Transaction[] {
  return [
    subscribeTransaction(handler, options),
    endTransaction(handler, options, 'unsubscribe'),
    endTransaction(handler, options, 'suspend'),
    connectTransaction(handler, options, connections),
  ];
}

function subscribeTransaction(handler: ServiceHandler, options: SubscriptionOptions): Transaction {
  return workitemTransaction(
    { id: 'subscribe', method: 'POST', path: SUBSCRIBER_PATH },
    DESCRIBED.subscribe,
    handler,
    (request) => {
      const target = { resource: uidOf(request), aeTitle: subscriberOf(request) };
      const { parameters, warnings } = readWorkitemHead(options, request, { names: ['deletionlock', 'filter'] });
      const filter = parameters.values.get('filter');
      const wanted = { deletionLock: switchIn(parameters, 'deletionlock'), ...(filter !== undefined && { filter }) };
      return { ...target, wanted, warnings };
    },
    async (workitems, { resource, aeTitle, wanted, warnings }, request) => {
      await workitems.subscribe(resource, aeTitle, wanted, contextOf(request, warnings));
      const headers = { 'Content-Location': connectionOf(request, aeTitle), ...workitemWarnings(request, warnings) };
      return { status: 201, headers };
    },
  );
}

function endTransaction(
  handler: ServiceHandler,
  options: SubscriptionOptions,
  what: 'unsubscribe' | 'suspend',
): Transaction {
  return workitemTransaction(
    what === 'unsubscribe'
      ? { id: 'unsubscribe', method: 'DELETE', path: SUBSCRIBER_PATH }
      : { id: 'suspendGlobalSubscription', method: 'POST', path: SUSPEND_PATH },
    DESCRIBED[what],
    handler,
    (request) => ({
      resource: uidOf(request),
      aeTitle: subscriberOf(request),
      warnings: readWorkitemHead(options, request).warnings,
    }),
    async (workitems, { resource, aeTitle, warnings }, request) => {
      await workitems[what](resource, aeTitle, contextOf(request, warnings));
      return { status: 200, headers: workitemWarnings(request, warnings) };
    },
  );
}

function connectTransaction(
  handler: ServiceHandler,
  options: SubscriptionOptions,
  connections: EventConnections,
): Transaction {
  return workitemTransaction(
    { id: 'openNotificationConnection', method: 'GET', path: CONNECTION_PATH },
    DESCRIBED.connect,
    handler,
    (request) => {
      const aeTitle = subscriberOf(request);
      checkOrigin(request, options.origins ?? []);
      return { aeTitle, upgrade: upgradeOf(request) };
    },
    async (workitems, { aeTitle, upgrade }, { context, expiresAtMs }) => {
      context.signal.throwIfAborted();
      const leave = { now: (): void => undefined };
      const connection = connections.create(aeTitle, { ...options, expiresAtMs }, () => leave.now());
      // Where the request ends before its answer, nobody takes over.
      const notTaken = (): void => connection.lost();
      context.signal.addEventListener('abort', notTaken, { once: true });
      try {
        leave.now = workitems.connect(connection, context);
      } catch (error) {
        connection.lost();
        throw error;
      }
      return {
        status: 101,
        takeOver: () => {
          context.signal.removeEventListener('abort', notTaken);
          connections.accept(connection, upgrade);
        },
      };
    },
  );
}

/** A page of another site must not listen with the login of whoever looks at it; a program says no origin. */
function checkOrigin({ headers, baseUri }: WebRequest, origins: readonly string[]): void {
  const { origin } = headers;
  if (origin === undefined || origins.includes('*') || origins.includes(origin)) return;
  // A proxy in front may speak TLS where we do not: the scheme says nothing.
  if (hostOf(origin) !== undefined && hostOf(origin) === hostOf(baseUri)) return;
  throw new ServiceFailure('NOT_AUTHORIZED', { comment: 'Pages of this origin may not connect' });
}

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

const VERSION = '13';

/** @throws HttpRefusal 426 where it is none, or of another version (RFC 6455 4.2.2, 4.4); 400 */
function upgradeOf({ upgrade, headers }: WebRequest): Upgrade {
  if (upgrade === undefined) {
    throw new HttpRefusal(426, 'BAD_REQUEST', 'Event reports are sent by WebSocket', {
      headers: { Upgrade: 'websocket', Connection: 'Upgrade' },
    });
  }
  if (headers['sec-websocket-version'] !== VERSION) {
    throw new HttpRefusal(426, 'BAD_REQUEST', `WebSocket is spoken in version ${VERSION}`, {
      headers: { Upgrade: 'websocket', 'Sec-WebSocket-Version': VERSION },
    });
  }
  if (!/^[+/0-9A-Za-z]{22}==$/.test(headers['sec-websocket-key'] ?? '')) {
    throw new ServiceFailure('BAD_REQUEST', { comment: 'The Sec-WebSocket-Key is missing or wrong' });
  }
  const protocols = headers['sec-websocket-protocol'];
  if (protocols !== undefined && !/^[!#$%&'*+.^_`|~\w-]+(?:\s*,\s*[!#$%&'*+.^_`|~\w-]+)*$/.test(protocols.trim())) {
    throw new ServiceFailure('BAD_REQUEST', { comment: 'The Sec-WebSocket-Protocol is wrong' });
  }
  return upgrade;
}

/** `ws:` where we are called by `http:` (PS3.18 11.10.3.2). */
function connectionOf({ baseUri }: WebRequest, aeTitle: string): string {
  return baseUri.replace(/^http/, 'ws') + CONNECTION_PATH.replace('{aetitle}', encodeURIComponent(aeTitle));
}
