/** What a page of the console did not answer itself: refusals, bodies that cannot be read, and failures of the store. */
import type { ErrorRequestHandler } from 'express';
import { GatewayError } from '../errors.ts';
import { fail } from './answers.ts';
import { Refusal } from './refusal.ts';

/** Passes on what it does not know. */
export const answerFailure: ErrorRequestHandler = (error: unknown, _request, response, next) => {
  if (response.headersSent) next(error);
  else if (error instanceof Refusal) {
    const { status, code, message, fix, attributes } = error;
    response.status(status).json({ code, message, fix, attributes });
  } else if (error instanceof GatewayError && error.code.startsWith('STORE_')) {
    fail(response, 503, error.code, 'The store could not do it', error.fix ?? 'See the log, then send it again.');
  } else if (statusOf(error) === 413) {
    fail(response, 413, 'BODY_TOO_LARGE', 'The body is larger than allowed', 'Send at most 1 MiB.');
  } else if (statusOf(error) === 415) {
    const fix = 'Send UTF-8, plain or in gzip, deflate or br.';
    fail(response, 415, 'ENCODING_NOT_SUPPORTED', 'The Content-Encoding of the body is not supported', fix);
  } else if (statusOf(error) === 400) {
    fail(response, 400, 'BODY_INVALID', 'The request cannot be read: body or path are damaged', 'Send it again whole.');
  } else next(error);
};

/** Of an error that express or its body parser made. */
function statusOf(error: unknown): number | undefined {
  return error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : undefined;
}
