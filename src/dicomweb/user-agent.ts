/**
 * HTTP requests of a DICOMweb user agent: a thin layer over undici with a connection pool of its own, time limits,
 * redirects, content codings with size limits, and every trouble as a `ServiceFailure`. Answers of any status are
 * returned; what a status means is the service's matter.
 */
import { Readable } from 'node:stream';
import { Agent } from 'undici';
import type { Dispatcher } from 'undici';
import type { Credentials } from '../identity/credentials.ts';
import { ServiceFailure } from '../services/port.ts';
import type { FailureCode, Trace } from '../services/port.ts';
import type { ClientTls } from '../tls/client-tls.ts';
import { ACCEPTED_CODINGS, decodeContent } from './content-coding.ts';
import { failureFromAbort, failureFromNetwork } from './network-failure.ts';
import { traceAnswer, traceNoAnswer, traceRequest } from './request-trace.ts';
import { tlsConnector } from '../tls/connector.ts';
import { settledBy } from './waiting.ts';

export interface UserAgentOptions {
  /** Sent with every request to the origin of the request, e.g. `Authorization`. Not sent on to another origin. */
  readonly headers: Readonly<Record<string, string>>;
  /** Who we are, or who asks us; sent to the origin of the request only, and ended with this. */
  readonly credentials?: Credentials;
  /** Absent: the authorities of Node, and no certificate of ours. Whoever has loaded it closes it. */
  readonly tls?: ClientTls;
  /** DNS, TCP and TLS. */
  readonly connectTimeoutMs: number;
  /** From the request sent to the head of the answer. */
  readonly responseTimeoutMs: number;
  /** Between two pieces of the body, while we are reading. */
  readonly bodyTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly maximumConnections: number;
  /** Requests that wait for a connection; more fail at once with OUT_OF_RESOURCES. */
  readonly maximumWaiting: number;
  /** Bytes of one body, after undoing its content coding; also before. */
  readonly maximumAnswerBytes: number;
  /** Hosts (`name` or `name:port`) redirects may lead to besides the origin itself. */
  readonly redirectHosts: readonly string[];
}

export const USER_AGENT_DEFAULTS: UserAgentOptions = {
  headers: {},
  connectTimeoutMs: 5_000,
  responseTimeoutMs: 25_000,
  bodyTimeoutMs: 10_000,
  keepAliveMs: 30_000,
  maximumConnections: 32,
  maximumWaiting: 1_000,
  maximumAnswerBytes: 512 * 1024 * 1024,
  redirectHosts: [],
};

export interface HttpRequest {
  readonly method: 'GET' | 'OPTIONS' | 'POST' | 'PUT' | 'PATCH';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Token of the requester, for credentials that pass it on. */
  readonly bearer?: string | undefined;
  /** Is told of what passes; absent: nobody looks. */
  readonly trace?: Trace | undefined;
  /** Sent once: what failed after its first byte may have left is `ambiguous`. */
  readonly payload?: { readonly contentType: string; readonly bytes: Buffer };
  /** Ends the exchange; a `ServiceFailure` as its reason is what the caller then gets. */
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  /** The fields of that name, in order; the name in lower case. */
  fields(name: string): readonly string[];
  /** Plain bytes, read at the pace of the reader. Throws `ServiceFailure`. Leaving it early ends the exchange. */
  readonly body: AsyncGenerator<Uint8Array, void, undefined>;
  /** The body has a length or chunks: where it ends without error, nothing is missing. */
  readonly endIsCertain: boolean;
  /** Reads up to so many bytes as text and ends the exchange; what cannot be read is left out. */
  text(maximumBytes: number): Promise<string>;
}

const MAXIMUM_REDIRECTS = 5;
const MAXIMUM_HEADER_BYTES = 64 * 1024;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/** Those that do not ask for another method (RFC 9110 15.4). */
const REDIRECTS_OF_WRITES: ReadonlySet<number> = new Set([307, 308]);
/** What happens before the request leaves, so that sending it again cannot do anything twice. */
const BEFORE_SENDING: ReadonlySet<FailureCode> = new Set([
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_UNTRUSTED',
  'OUT_OF_RESOURCES',
]);

export class UserAgent {
  readonly #options: UserAgentOptions;
  readonly #agent: Agent;
  #running = 0;
  #answered = 0;

  constructor(options: UserAgentOptions) {
    this.#options = options;
    const { tls, connectTimeoutMs } = options;
    this.#agent = new Agent({
      connect: tls === undefined ? { timeout: connectTimeoutMs } : tlsConnector(tls, connectTimeoutMs),
      connections: options.maximumConnections,
      headersTimeout: options.responseTimeoutMs,
      bodyTimeout: options.bodyTimeoutMs,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: options.keepAliveMs,
      maxHeaderSize: MAXIMUM_HEADER_BYTES,
      maxResponseSize: options.maximumAnswerBytes,
      pipelining: 1,
      allowH2: false,
    });
  }

  /** Exchanges under way, until their bodies are read. */
  get running(): number {
    return this.#running;
  }

  /** Sends a request, follows redirects, gives the head of the final answer. @throws ServiceFailure */
  async send(request: HttpRequest): Promise<HttpAnswer> {
    const authorization = await this.#authorizationFor(request);
    const answer = await this.#follow(request, authorization);
    const isRefused = answer.status === 401 && authorization !== undefined;
    if (!isRefused || this.#options.credentials?.refused(authorization) !== true) return answer;
    // What was refused for its credentials was not done.
    await answer.text(0);
    return this.#follow(request, await this.#authorizationFor(request));
  }

  async #authorizationFor(request: HttpRequest): Promise<string | undefined> {
    const { credentials } = this.#options;
    if (credentials === undefined) return undefined;
    const { signal, bearer } = request;
    if (signal.aborted) throw unsent(request, failureFromAbort(signal));
    try {
      return await settledBy(signal, credentials.authorization(bearer));
    } catch (error) {
      throw signal.aborted ? unsent(request, failureFromAbort(signal)) : error;
    }
  }

  async #follow(request: HttpRequest, authorization: string | undefined): Promise<HttpAnswer> {
    let { url } = request;
    const followed = isWrite(request) ? REDIRECTS_OF_WRITES : REDIRECTS;
    for (let redirects = 0; ; redirects++) {
      const own = url.origin === request.url.origin ? authorization : undefined;
      const answer = await this.#exchange(own === undefined ? request : withAuthorization(request, own), url);
      const target = followed.has(answer.status) ? this.#redirectTarget(answer, url, request.url) : undefined;
      if (target === undefined || redirects === MAXIMUM_REDIRECTS) return answer;
      await answer.text(0);
      url = target;
    }
  }

  /** Refuses new requests and waits for those under way. */
  async close(): Promise<void> {
    if (!this.#agent.closed && !this.#agent.destroyed) await this.#agent.close();
    await this.#options.credentials?.close();
    this.#options.tls?.close();
  }

  #redirectTarget(answer: HttpAnswer, from: URL, first: URL): URL | undefined {
    const location = answer.fields('location')[0];
    if (location === undefined || !URL.canParse(location, from.href)) return undefined;
    const target = new URL(location, from);
    if (target.protocol !== 'https:' && target.protocol !== from.protocol) return undefined;
    if (target.protocol !== 'https:' && target.protocol !== 'http:') return undefined;
    const { redirectHosts } = this.#options;
    const allowed =
      target.origin === first.origin || redirectHosts.includes(target.host) || redirectHosts.includes(target.hostname);
    return allowed ? target : undefined;
  }

  async #exchange(request: HttpRequest, url: URL): Promise<HttpAnswer> {
    if (request.signal.aborted) throw unsent(request, failureFromAbort(request.signal));
    if (this.#running >= this.#options.maximumConnections + this.#options.maximumWaiting) {
      throw new ServiceFailure('OUT_OF_RESOURCES', {
        retry: 'safe',
        comment: 'Too many requests wait for this upstream',
      });
    }
    this.#running++;
    traceRequest(request, url);
    let data: Dispatcher.ResponseData;
    try {
      data = isWrite(request) ? await this.#requestOnce(request, url) : await this.#requestTwice(request, url);
    } catch (error) {
      this.#running--;
      const failure = isWrite(request) ? error : failureFromNetwork(error, 'request', true, request.signal);
      traceNoAnswer(request, failure);
      throw failure;
    }
    this.#answered++;
    traceAnswer(request, data.statusCode);
    return this.#answerOf(data, request.signal);
  }

  /** What is not known to be without effect is never sent a second time: whoever asked decides about that. */
  async #requestOnce(request: HttpRequest, url: URL): Promise<Dispatcher.ResponseData> {
    let sent = false;
    try {
      return await this.#request(request, url, () => (sent = true));
    } catch (error) {
      throw failureOfWrite(failureFromNetwork(error, 'request', false, request.signal), sent);
    }
  }

  /** A kept connection may have been closed by the far end in the very moment; then one fresh try is due. */
  async #requestTwice(request: HttpRequest, url: URL): Promise<Dispatcher.ResponseData> {
    const mayBeStale = this.#answered > 0;
    try {
      return await this.#request(request, url);
    } catch (error) {
      const { code } = failureFromNetwork(error, 'request', true, request.signal);
      if (!mayBeStale || code !== 'CONNECTION_LOST') throw error;
      return this.#request(request, url);
    }
  }

  #request(request: HttpRequest, url: URL, onSending = (): void => {}): Promise<Dispatcher.ResponseData> {
    const own = url.origin === request.url.origin ? this.#options.headers : {};
    const { payload } = request;
    const described = payload && {
      'content-type': payload.contentType,
      'content-length': String(payload.bytes.length),
    };
    const exchange = this.#agent.request({
      origin: url.origin,
      path: `${url.pathname}${url.search}`,
      method: request.method,
      headers: {
        'user-agent': 'dimseway',
        'accept-encoding': ACCEPTED_CODINGS,
        ...own,
        ...request.headers,
        ...described,
      },
      body: payload === undefined ? null : Readable.from(pulled(payload.bytes, onSending), { objectMode: false }),
      signal: request.signal,
    });
    // undici looks at the signal of a request that waits for a connection only when it gets one; then it is not sent.
    return settledBy(request.signal, exchange);
  }

  #answerOf(data: Dispatcher.ResponseData, signal: AbortSignal): HttpAnswer {
    const fields = (name: string): readonly string[] => {
      const value = data.headers[name];
      return value === undefined ? [] : typeof value === 'string' ? [value] : value;
    };
    let released = false;
    const release = (): void => {
      if (!released) this.#running--;
      released = true;
    };
    data.body.on('close', release).on('error', release);
    const body = readBody(data.body, fields('content-encoding').join(','), this.#options.maximumAnswerBytes, signal);
    return {
      status: data.statusCode,
      fields,
      body,
      endIsCertain: fields('content-length').length > 0 || fields('transfer-encoding').length > 0,
      text: (maximumBytes) => readText(body, maximumBytes),
    };
  }
}

function withAuthorization(request: HttpRequest, authorization: string): HttpRequest {
  return { ...request, headers: { ...request.headers, authorization } };
}

function isWrite({ method }: HttpRequest): boolean {
  return method !== 'GET' && method !== 'OPTIONS';
}

/** A body that tells when it is asked for: a connection stands then, and the head of the request leaves with it. */
function* pulled(bytes: Buffer, onSending: () => void): Generator<Buffer, void, undefined> {
  onSending();
  yield bytes;
}

function unsent(request: HttpRequest, failure: ServiceFailure): ServiceFailure {
  return isWrite(request) ? failureOfWrite(failure, false) : failure;
}

/** Whatever ended the exchange, the caller's patience included: what counts is whether the far end may have seen it. */
function failureOfWrite(failure: ServiceFailure, sent: boolean): ServiceFailure {
  const { code, message, cause } = failure;
  if (code === 'UPSTREAM_UNTRUSTED') return failure;
  const retry = sent && !BEFORE_SENDING.has(code) ? 'ambiguous' : 'safe';
  return new ServiceFailure(code, { retry, comment: message, cause });
}

async function* readBody(
  source: Readable,
  contentEncoding: string,
  maximumBytes: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    let bytes = 0;
    for await (const chunk of await decodeContent(source, contentEncoding)) {
      bytes += (chunk as Buffer).length;
      if (bytes > maximumBytes) {
        throw new ServiceFailure('TOO_MANY_RESULTS', {
          comment: `The answer of the origin server is larger than ${maximumBytes} bytes`,
        });
      }
      yield chunk as Buffer;
    }
  } catch (error) {
    throw failureFromNetwork(error, 'body', true, signal);
  } finally {
    source.destroy();
  }
}

async function readText(body: AsyncIterable<Uint8Array>, maximumBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of body) {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= maximumBytes) break;
    }
  } catch {
    // The status of the answer says enough.
  }
  return Buffer.concat(chunks).subarray(0, maximumBytes).toString('utf8');
}
