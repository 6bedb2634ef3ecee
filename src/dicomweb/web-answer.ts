/** Writes an answer to the socket: content coding, HEAD, failures with their Status Report and Warning. */
import type { OutgoingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { constants, createGzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { ServiceFailure } from '../services/port.ts';
import { toWarningHeader } from '../services/worklist/warnings.ts';
import { HttpRefusal } from './http-refusal.ts';
import { chooseEncoding } from './media-type.ts';
import { discardBody } from './request-body.ts';
import { encodeStatusReport } from './status-report.ts';
import type { FailureOutcome, WebAnswer } from './transaction.ts';

/** Below this a content coding makes more than it saves. */
const MINIMUM_GZIP_BYTES = 1_024;
const BLOCK_BYTES = 64 * 1024;
/** Who asks too much does not have its bodies taken as well, only a moment to see why. */
const TOO_MANY_REQUESTS = 429;
const UNREAD_MS = 250;

/** Sends an answer and waits until the client has taken it. Rejects when the client goes away. */
export async function sendAnswer(request: Request, response: Response, answer: WebAnswer): Promise<void> {
  const { status, headers = {}, contentType, body = [] } = answer;
  response.status(status);
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (contentType === undefined || body.length === 0) {
    // No payload, no Content-Type (PS3.18 14, contradiction C26); 204 and 304 have no length either.
    if (status !== 204 && status !== 304) response.setHeader('Content-Length', 0);
    response.end();
    return;
  }
  const length = body.reduce((sum, piece) => sum + piece.length, 0);
  const coding = length < MINIMUM_GZIP_BYTES ? 'identity' : chooseEncoding(request.header('Accept-Encoding'));
  // setHeader: Express would complete the charset of a type by itself.
  response.setHeader('Content-Type', contentType);
  if (coding === 'gzip') response.setHeader('Content-Encoding', 'gzip');
  else response.setHeader('Content-Length', length);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  const source = Readable.from(blocksOf(body), { objectMode: true });
  // The least effort: a worklist repeats itself so much that more gains little.
  if (coding === 'gzip') await pipeline(source, createGzip({ level: constants.Z_BEST_SPEED }), response);
  else await pipeline(source, response);
}

/**
 * Answers a request whose body nobody wants to read any more, and closes. The client sees the whole answer first and has
 * a while to stop sending.
 */
export async function sendEarlyAnswer(request: Request, response: Response, answer: WebAnswer): Promise<void> {
  const { status, headers = {}, contentType, body = [] } = answer;
  const content = Buffer.concat(body);
  response.writeHead(status, {
    ...(headers as OutgoingHttpHeaders),
    ...(contentType !== undefined && { 'Content-Type': contentType }),
    'Content-Length': content.length,
    Connection: 'close',
  });
  response.write(content);
  await (status === TOO_MANY_REQUESTS ? sleep(UNREAD_MS) : discardBody(request));
  response.end();
}

/** Small pieces together: a write for every result would cost more than the results. */
function* blocksOf(pieces: readonly Buffer[]): Generator<Buffer, void, undefined> {
  let block: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    block.push(piece);
    bytes += piece.length;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(block);
    block = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(block);
}

export interface FailureContext {
  readonly baseUri: string;
  readonly traceId: string;
  readonly accept: string | undefined;
  /** The table of the transaction's failures. */
  readonly outcomeOf: (failure: ServiceFailure) => FailureOutcome;
}

/** What a failure looks like on the web: status of the table, Status Report, Warning with the DIMSE status. */
export function answerOfFailure(failure: ServiceFailure, context: FailureContext): WebAnswer {
  const { baseUri, traceId, accept, outcomeOf } = context;
  const { comment, dimseStatus, errorId, attributes, retryAfter, warning, ...outcome } = outcomeOf(failure);
  const status = failure instanceof HttpRefusal ? failure.status : outcome.status;
  const report = encodeStatusReport(
    {
      status,
      error: comment,
      code: failure.code,
      ...(dimseStatus === undefined ? {} : { dimseStatus }),
      ...(errorId === undefined ? {} : { errorId }),
      ...(attributes.length === 0 ? {} : { attributes }),
      transaction: traceId,
    },
    accept,
  );
  const words = warning ?? (dimseStatus === undefined ? undefined : `${dimseStatus}: ${comment}`);
  return {
    status,
    contentType: report.contentType,
    body: [Buffer.from(report.body, 'utf8')],
    headers: {
      ...(failure instanceof HttpRefusal ? failure.headers : {}),
      ...(retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }),
      ...(words !== undefined && { Warning: toWarningHeader(baseUri, { code: 'UPSTREAM_WARNING', text: words }) }),
    },
  };
}
