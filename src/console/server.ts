/**
 * The operator's port: health for probes and the reload. Host and Origin are checked on every request and changes of
 * state need `application/json`, on loopback too: a page in somebody's browser must not reach it by DNS rebinding or a
 * cross-site form. With tokens every request but those of the health pages and of the pages for a browser, which hold no data,
 * must bear one (RFC 6750).
 */
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import express from 'express';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Router } from 'express';
import { listenOn } from '../access/bound-server.ts';
import type { Health } from '../observe/health.ts';
import { GatewayError } from '../errors.ts';
import { errorFacts } from '../observe/error-facts.ts';
import type { Logger } from '../observe/log.ts';
import type { Handshakes, ServerTls } from '../tls/server-tls.ts';
import { fail, needJson } from './answers.ts';
import { answerFailure } from './failures.ts';
import { Callers, checkRole, identify } from './identity.ts';
import type { TokenOptions } from './identity.ts';
import { watchActions } from './operator-actions.ts';
import type { OperatorAction } from './operator-actions.ts';
import { pages, safeHeaders } from './pages.ts';

/** Without tokens nobody is asked who it is. */
export interface ConsoleOptions extends TokenOptions {
  readonly host: string;
  readonly port: number;
  /** Told of each change of state and of data sets that are read, for the audit trail. It must neither throw nor wait. */
  readonly acted?: (action: OperatorAction) => void;
  /** Absent: plain HTTP. Whoever has loaded it closes it. */
  readonly tls?: ServerTls;
}

/** What the console needs of the running gateway. */
export interface ConsoleHandler {
  health(): Health | Promise<Health>;
  /** Rejects with an error that has `code`, `message` and `fix` when the file is bad; nothing has changed then. */
  reload(): Promise<{ warnings: readonly string[] }>;
  /** Further pages, behind the same checks. */
  readonly routers: readonly Router[];
}

const HEADERS_TIMEOUT_MS = 5_000;

export class ConsoleServer {
  readonly #options: ConsoleOptions;
  readonly #callers: Callers;
  readonly #server: Server;
  readonly #handshakes: Handshakes | undefined;
  readonly #logger: Logger;

  constructor(options: ConsoleOptions, handler: ConsoleHandler, logger: Logger) {
    this.#options = options;
    this.#logger = logger;
    this.#callers = new Callers(options);
    const app = createApp(options, this.#callers, handler, logger);
    const limits = { requestTimeout: 10_000, headersTimeout: HEADERS_TIMEOUT_MS };
    const { tls } = options;
    if (tls === undefined) {
      this.#server = createServer(limits, app);
    } else {
      const server = createTlsServer({ ...limits, ...tls.apply(HEADERS_TIMEOUT_MS) }, app);
      this.#handshakes = tls.attach(server);
      this.#server = server;
    }
  }

  /** Whom it lets in from now on: a reload leaves its port open. */
  set tokens(options: TokenOptions) {
    this.#callers.tokens = options;
  }

  listen(): Promise<{ port: number }> {
    return listenOn(this.#server, this.#options, ({ code }) => {
      this.#logger.error('listener error', { listener: 'console', code });
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
      this.#handshakes?.destroyAll();
      this.#handshakes?.detach();
    });
  }
}

function createApp(options: ConsoleOptions, callers: Callers, handler: ConsoleHandler, logger: Logger): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(safeHeaders, checkHostAndOrigin(options));
  app.get('/health/live', (_request, response) => void response.json({ status: 'live' }));
  app.get('/health/ready', async (request, response) => {
    const health = await handler.health();
    const isTold = isLoopback(options.host) || callers.of(request) !== undefined;
    response.status(health.status === 'ready' ? 200 : 503).json(isTold ? health : briefly(health));
  });
  app.use(pages());
  app.use(identify(callers, options, logger));
  if (options.acted !== undefined) app.use(watchActions(options.acted));
  app.use(checkRole);
  app.post('/api/reload', needJson, async (_request, response) => {
    try {
      response.json({ status: 'reloaded', ...(await handler.reload()) });
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      const { code, message, fix = 'See the log.' } = error;
      fail(response, /^(CONFIG|SEED)_/.test(code) ? 422 : 500, code, message, fix);
    }
  });
  app.all(['/health/live', '/health/ready', '/api/reload'], (request, response) => {
    const allow = request.path === '/api/reload' ? 'POST' : 'GET, HEAD';
    response.set('Allow', allow);
    fail(response, 405, 'METHOD_NOT_ALLOWED', `${request.method} is not possible here`, `Use ${allow}.`);
  });
  for (const router of handler.routers) app.use(router);
  app.use((_request, response) => {
    fail(response, 404, 'NOT_FOUND', 'There is no such page', 'See docs/operations.md for the paths of this port.');
  });
  const onError: ErrorRequestHandler = (error: Error, _request, response, next) => {
    logger.error('unexpected error on the console port', errorFacts(error));
    if (response.headersSent) next(error);
    else fail(response, 500, 'INTERNAL_ERROR', 'The request could not be answered', 'See the log.');
  };
  app.use(answerFailure, onError);
  return app;
}

/** `name`, `name:port` or `[v6]:port` without the port, lower case. */
function hostName(value: string | undefined): string | undefined {
  return value === undefined ? undefined : /^(\[[^\]]*\]|[^:]*)(?::\d*)?$/.exec(value)?.[1]?.toLowerCase();
}

const LOOPBACK = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Of the address it listens on. */
function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

function checkHostAndOrigin({ host: boundHost, tls }: ConsoleOptions): RequestHandler {
  const bound = boundHost.includes(':') ? `[${boundHost.toLowerCase()}]` : boundHost.toLowerCase();
  const anyInterface = bound === '0.0.0.0' || bound === '[::]';
  const isOurs = (host: string | undefined, request: Request): boolean =>
    host !== undefined &&
    (LOOPBACK.has(host) ||
      host === bound ||
      (anyInterface && host === localAddress(request)) ||
      // A page of somebody else cannot have a name our certificate is for.
      tls?.isFor(host.replace(/^\[|\]$/g, '')) === true);
  return (request, response, next) => {
    const host = hostName(request.headers.host);
    if (!isOurs(host, request)) {
      const fix = 'Call it by the address it listens on, or by localhost.';
      fail(response, 421, 'HOST_REFUSED', 'The Host header is not an address of this console', fix);
      return;
    }
    const { origin } = request.headers;
    if (origin !== undefined && !isSameOrigin(origin, request.headers.host)) {
      const fix = 'Open the console by its own address.';
      fail(response, 403, 'ORIGIN_REFUSED', 'The request comes from a page of another origin', fix);
      return;
    }
    next();
  };
}

/** Who only may know whether the gateway is well is not told whom it works with: routes and upstreams. */
function briefly({ status, listeners, store }: Health): Partial<Health> {
  return { status, listeners, ...(store && { store }) };
}

function localAddress(request: Request): string {
  const address = request.socket.localAddress?.replace(/^::ffff:/, '') ?? '';
  return address.includes(':') ? `[${address}]` : address;
}

function isSameOrigin(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && new URL(origin).host === host?.toLowerCase();
}
