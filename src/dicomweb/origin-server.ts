/**
 * A DICOMweb listener: an origin server over Express (PS3.18). It owns the sockets, their limits and the life of each
 * request; what the requests mean stands in the table of transactions. Checks come in one order: HTTP version, lengths of
 * target and header, path, method, length of the body, route, then those of the transaction.
 */
import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import type { Server, ServerOptions } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import express from 'express';
import type { ErrorRequestHandler, Express, Request, Response } from 'express';
import { plainAddress } from '../access/address-list.ts';
import { listenOn } from '../access/bound-server.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import { answerReserveMs, SERVICE_OF, ServiceFailure } from '../services/port.ts';
import type { RequestContext, Requester, ServiceHandler, ServiceName } from '../services/port.ts';
import { httpOutcome } from '../services/worklist/outcomes.ts';
import { certificateFields, peerCertificateOf } from '../tls/peer-certificate.ts';
import type { Handshakes } from '../tls/server-tls.ts';
import { versionOfPackage } from '../version.ts';
import {
  bearerToken,
  checkIdentity,
  identityExpiry,
  requesterIdentity,
  scopeRefusal,
  tellingSeldom,
} from './authentication.ts';
import { createCapabilities } from './capabilities.ts';
import { answerBadRequest } from './client-error.ts';
import { CLOSE } from './event-connection.ts';
import { EventConnections } from './event-connections.ts';
import { hopsOf } from './hop-header.ts';
import { HttpRefusal } from './http-refusal.ts';
import { DEFAULTS } from './listener-options.ts';
import type { DicomwebListenerOptions, DicomwebListenerUpdate, KnownOptions } from './listener-options.ts';
import { bodyTooLate, RequestBody, tooLong } from './request-body.ts';
import { checkRequest } from './request-check.ts';
import { RequestGate, takeHold } from './request-gate.ts';
import { baseUriOf, hasBody, queryOf } from './request-facts.ts';
import { webOpenApi } from './openapi.ts';
import { createRouter } from './router.ts';
import type { RunTransaction } from './router.ts';
import type { Transaction, WebRequest } from './transaction.ts';
import { createTransactions } from './transactions.ts';
import { isForWebSocket, serveUpgrade, upgradeOf } from './upgrade.ts';
import { settledBy, within } from './waiting.ts';
import { answerOfFailure, sendAnswer, sendEarlyAnswer } from './web-answer.ts';
import type { FailureContext } from './web-answer.ts';

export type { DicomwebListenerOptions, DicomwebListenerUpdate } from './listener-options.ts';

export interface DicomwebListenerCounts {
  readonly connections: number;
  /** Requests under way. */
  readonly running: number;
  /** Requests since the start. */
  readonly requests: number;
  /** Bytes of bodies and answers that are held now, beyond the first 64 KiB of each request. */
  readonly heldBytes: number;
  /** Notification connections, which are among the connections. */
  readonly eventConnections: number;
}

const NODE_MAXIMUM_HEADER_BYTES = 128 * 1024;
/** Time to send the last failures when `close` has run out of patience. */
const LAST_WORDS_MS = 200;

/** What is known of a request when it fails. */
type KnownContext = Omit<FailureContext, 'accept'>;

export class DicomwebListener {
  readonly #handler: ServiceHandler;
  readonly #logger: Logger;
  readonly #server: Server;
  readonly #handshakes: Handshakes | undefined;
  readonly #sockets = new Set<Socket>();
  readonly #running = new Map<Socket, Set<() => void>>();
  readonly #gate: RequestGate;
  readonly #tellUnknown: (address: string, why: string) => void;
  readonly #eventConnections: EventConnections;
  /** Those that are not HTTP any more. */
  readonly #takenOver = new WeakSet<Socket>();
  #options: KnownOptions;
  #app: Express;
  /** Resolved when no request is under way. */
  #idle = Promise.withResolvers<void>();
  #requests = 0;
  #closing = false;

  constructor(options: DicomwebListenerOptions, handler: ServiceHandler, logger: Logger) {
    this.#options = { ...DEFAULTS, ...options };
    this.#handler = handler;
    this.#logger = logger;
    this.#gate = new RequestGate(this.#options, logger);
    this.#tellUnknown = tellingSeldom(logger);
    this.#eventConnections = new EventConnections(() => this.#gate.holdMore(), logger);
    this.#idle.resolve();
    this.#app = this.#createApp();
    const serverOptions: ServerOptions = {
      maxHeaderSize: NODE_MAXIMUM_HEADER_BYTES,
      connectionsCheckingInterval: Math.min(1_000, options.headersTimeoutMs),
      noDelay: true,
      // Other upgrades are not taken, and the request is answered as it is (RFC 9110 7.8): Java asks for h2c every time.
      shouldUpgradeCallback: isForWebSocket,
    };
    const { tls, headersTimeoutMs } = options;
    if (tls === undefined) {
      this.#server = createServer(serverOptions);
    } else {
      const server = createTlsServer({ ...serverOptions, ...tls.apply(headersTimeoutMs) });
      this.#handshakes = tls.attach(server);
      // Requests are of the socket of TLS, not of the one below it: in its place it is known when it is busy.
      server.on('secureConnection', (socket: Socket) => socket.destroyed || this.#enter(socket));
      this.#server = server;
    }
    this.#server.on('request', (request, response) => void this.#app(request, response));
    this.#server.on('upgrade', (request, socket, head) => serveUpgrade(this.#app, { request, socket, head }));
    this.#applyLimits();
    this.#server.on('connection', (socket: Socket) => this.#track(socket));
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      logger.debug('bad HTTP request', { code: error.code, address: plainAddress(socket.remoteAddress) });
      this.#gate.failed(socket);
      answerBadRequest(error, socket, this.#running.has(socket));
    });
  }

  get listening(): boolean {
    return this.#server.listening;
  }

  get counts(): DicomwebListenerCounts {
    let running = 0;
    for (const ends of this.#running.values()) running += ends.size;
    const { heldBytes } = this.#gate;
    const eventConnections = this.#eventConnections.size;
    return { connections: this.#sockets.size, running, requests: this.#requests, heldBytes, eventConnections };
  }

  /** Binds the socket. Rejects with the error of the system (EADDRINUSE, EACCES ...). */
  listen(): Promise<{ port: number }> {
    return listenOn(this.#server, this.#options, ({ code }) => this.#logger.error('listener error', { code }));
  }

  /** New options for the next requests; the socket and requests under way stay as they are. */
  update(options: DicomwebListenerUpdate): void {
    const { host, port } = this.#options;
    const known = { ...DEFAULTS, ...options, host, port };
    this.#gate.update(known);
    this.#options = known;
    this.#eventConnections.endAll(CLOSE.restart, 'what is configured has changed');
    this.#applyLimits();
    this.#app = this.#createApp();
  }

  /** Stops accepting, lets requests under way finish for so long, then ends them with 503 and closes every connection. */
  async close(deadlineMs: number): Promise<void> {
    this.#closing = true;
    const unbound = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    // A write goes on without its client, so the connections alone do not tell.
    const closed = unbound.then(() => this.#idle.promise);
    this.#handshakes?.destroyAll();
    this.#server.closeIdleConnections();
    this.#eventConnections.endAll(CLOSE.goingAway, 'the listener closes');
    if (!(await within(closed, deadlineMs))) {
      for (const ends of this.#running.values()) for (const end of ends) end();
      await within(closed, LAST_WORDS_MS);
      this.#server.closeAllConnections();
    }
    await closed;
    this.#handshakes?.detach();
  }

  #applyLimits(): void {
    const { headersTimeoutMs, requestTimeoutMs, idleTimeoutMs } = this.#options;
    this.#server.headersTimeout = headersTimeoutMs;
    // Longer than our own limits, which give answers; this one gives none.
    this.#server.requestTimeout = headersTimeoutMs + requestTimeoutMs;
    this.#server.keepAliveTimeout = idleTimeoutMs;
  }

  #track(socket: Socket): void {
    if (!this.#enter(socket)) return;
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  #enter(socket: Socket): boolean {
    const isBusy = (): boolean => this.#running.has(socket) || this.#takenOver.has(socket);
    return this.#gate.enter(socket, this.#options.maximumConnections, isBusy);
  }

  #createApp(): Express {
    const app = express();
    app.disable('x-powered-by');
    app.disable('etag');
    app.set('query parser', false);
    app.enable('case sensitive routing');
    app.use(checkRequest(this.#options));
    app.use(this.#gate.checkAccess);
    app.use(checkIdentity(this.#options, this.#tellUnknown), this.#gate.countFailure);
    app.use(this.#gate.begin);
    const transactions = this.#transactions();
    for (const basePath of this.#options.basePaths) {
      const run: RunTransaction = (transaction, request, response) =>
        this.#run(transaction, basePath, request, response);
      app.use(basePath === '' ? '/' : basePath, createRouter(transactions, run));
    }
    app.use(() => {
      throw new HttpRefusal(404, 'RESOURCE_NOT_FOUND', 'There is no such resource');
    });
    app.use(this.#failureHandler());
    return app;
  }

  #transactions(): readonly Transaction[] {
    const described = createTransactions(this.#handler, this.#options, this.#eventConnections);
    const offered = ({ context: { requester } }: WebRequest): readonly Transaction[] =>
      described.filter(
        ({ operation }) => operation === undefined || this.#whyNoRoute(SERVICE_OF[operation], requester) === undefined,
      );
    return [...described, ...createCapabilities({ offered, openApi: this.#openApi() })];
  }

  #openApi(): (baseUri: string, transactions: readonly Transaction[]) => unknown {
    const { authenticator } = this.#options;
    const who = { security: authenticator?.schemes ?? [], isSecurityOptional: authenticator?.required === false };
    const version = versionOfPackage();
    return (baseUri, transactions) => webOpenApi({ baseUri, version, ...who }, transactions);
  }

  /** The life of one request: its deadline, its end when the client goes away, its answer, and its line in the log. */
  async #run(transaction: Transaction, basePath: string, request: Request, response: Response): Promise<void> {
    const startedMs = performance.now();
    const { name, requestTimeoutMs, idleTimeoutMs, bodyTimeoutMs } = this.#options;
    const { socket } = request;
    const controller = new AbortController();
    const maximumBytes = transaction.maximumBodyBytes ?? this.#options.maximumBodyBytes;
    const hold = takeHold(response);
    const body = new RequestBody(request, { maximumBytes, timeoutMs: bodyTimeoutMs, held: hold.body });
    const timer = setTimeout(() => {
      const comment = `No answer within ${requestTimeoutMs} ms`;
      controller.abort(body.isAwaited ? bodyTooLate() : new ServiceFailure('UPSTREAM_TIMEOUT', { comment }));
    }, requestTimeoutMs);
    const delivered = Promise.withResolvers<boolean>();
    // A failure that arrived is not the answer a transaction came to: a write may still end well behind it.
    const isDelivered = (): boolean => response.writableFinished && response.statusCode < 300;
    response.on('finish', () => delivered.resolve(isDelivered()));
    response.on('close', () => {
      delivered.resolve(isDelivered());
      const isGone = !response.writableFinished && transaction.isWrite !== true;
      if (isGone) controller.abort(new ServiceFailure('CANCELED'));
    });
    const context = {
      signal: controller.signal,
      deadline: startedMs + requestTimeoutMs - (transaction.isWrite === true ? answerReserveMs(requestTimeoutMs) : 0),
      traceId: randomUUID(),
      requester: {
        listener: name,
        protocol: 'dicomweb',
        address: plainAddress(socket.remoteAddress),
        basePath,
        ...certificateFields(peerCertificateOf(socket)),
        ...requesterIdentity(response),
      } satisfies Requester,
      ...bearerToken(response),
      hops: hopsOf(request.headers),
      warn: () => {},
    } satisfies RequestContext;
    const webRequest: WebRequest = {
      method: request.method,
      pathValues: request.params as Record<string, string>,
      rawQuery: queryOf(request.originalUrl),
      headers: request.headers,
      baseUri: baseUriOf(request, basePath),
      context,
      startedMs,
      readBody: () => body.read(controller.signal),
      held: hold,
      answerDelivered: delivered.promise,
      expiresAtMs: identityExpiry(response),
      ...upgradeOf(response),
    };
    const release = this.#begin(socket, () => {
      // 503 would say that nothing was done; a write that was read may be on its way.
      const isOpen = transaction.isWrite === true && body.isComplete;
      controller.abort(
        isOpen
          ? new ServiceFailure('OUTCOME_UNKNOWN', { retry: 'ambiguous', comment: 'outcome unknown: shutting down' })
          : new ServiceFailure('SHUTTING_DOWN'),
      );
    });
    response.locals.failureContext = {
      baseUri: webRequest.baseUri,
      traceId: context.traceId,
      outcomeOf: transaction.outcomeOf ?? httpOutcome,
    } satisfies KnownContext;
    try {
      this.#checkOffer(transaction, webRequest, maximumBytes);
      const answer = await settledBy(controller.signal, transaction.run(webRequest));
      if (answer.takeOver !== undefined) {
        response.detachSocket(socket);
        this.#takenOver.add(socket);
        answer.takeOver();
        return;
      }
      // A body that nobody wanted may still be under way, without end; it ends with the connection.
      if (this.#closing || (hasBody(request) && !request.complete)) response.setHeader('Connection', 'close');
      // From here on the client has to take its answer; until now it had nothing to do but wait.
      response.setTimeout(idleTimeoutMs);
      await sendAnswer(request, response, answer);
    } catch (error) {
      if (response.headersSent || response.destroyed) response.destroy();
      else throw error;
    } finally {
      clearTimeout(timer);
      release();
      hold.end();
    }
  }

  /** @throws ServiceFailure for a request that is refused unread */
  #checkOffer(transaction: Transaction, { context, headers, startedMs }: WebRequest, maximumBytes: number): void {
    const { operation } = transaction;
    const length = Number(headers['content-length'] ?? 0);
    const failure = length > maximumBytes ? tooLong(maximumBytes) : this.#whyNotOffered(transaction, context);
    if (failure === undefined) return;
    if (operation !== undefined) this.#handler.refused(operation, context, startedMs, failure);
    throw failure;
  }

  /** There is no capacity, or no route for the service. */
  #whyNotOffered({ operation }: Transaction, { requester }: RequestContext): ServiceFailure | undefined {
    if (this.counts.running > this.#options.maximumRequests) {
      return new ServiceFailure('OUT_OF_RESOURCES', { comment: 'Too many requests at a time' });
    }
    return operation && this.#whyNoRoute(SERVICE_OF[operation], requester);
  }

  #whyNoRoute(service: ServiceName, requester: Requester): ServiceFailure | undefined {
    const route = this.#handler.routeFor(service, requester);
    if (route !== undefined) return scopeRefusal(route, requester, this.#options);
    return new ServiceFailure('NOT_SUPPORTED', { comment: `No route offers the ${service} to this requester` });
  }

  /** @param end ends the request when the listener no longer waits for it */
  #begin(socket: Socket, end: () => void): () => void {
    this.#requests++;
    if (this.#running.size === 0) this.#idle = Promise.withResolvers();
    const ends = this.#running.get(socket) ?? new Set();
    this.#running.set(socket, ends.add(end));
    return () => {
      ends.delete(end);
      if (ends.size === 0) this.#running.delete(socket);
      if (this.#running.size === 0) this.#idle.resolve();
    };
  }

  #failureHandler(): ErrorRequestHandler {
    return (error: unknown, request, response, _next) => {
      const failure = this.#toFailure(error);
      const known = response.locals.failureContext as KnownContext | undefined;
      const unknown: KnownContext = {
        baseUri: baseUriOf(request, ''),
        traceId: randomUUID(),
        outcomeOf: httpOutcome,
      };
      const answer = answerOfFailure(failure, { ...(known ?? unknown), accept: request.headers.accept });
      if (this.#closing) response.setHeader('Connection', 'close');
      // A body that nobody wanted may still be under way; it ends with the connection.
      const send = hasBody(request) && !request.complete ? sendEarlyAnswer : sendAnswer;
      void send(request, response, answer).catch(() => response.destroy());
    };
  }

  /** What is no `ServiceFailure` is a fault of ours: the log gets the stack, the client the code. */
  #toFailure(error: unknown): ServiceFailure {
    if (error instanceof ServiceFailure) return error;
    const { status } = error as { status?: unknown };
    if (status === 400) return new HttpRefusal(400, 'BAD_REQUEST', 'The path is not encoded correctly');
    this.#logger.error('unexpected error', errorFacts(error));
    return new ServiceFailure('INTERNAL_ERROR', { cause: error });
  }
}
