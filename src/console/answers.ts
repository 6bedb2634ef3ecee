/** What every page of the console shares: the form of its errors, and what a change of state needs. */
import type { Request, RequestHandler, Response } from 'express';

/** Errors are `{code, message, fix}`. */
export function fail(response: Response, status: number, code: string, message: string, fix: string): void {
  response.status(status).json({ code, message, fix });
}

/** Address of the one who asks, for the log. */
export function addressOf(request: Request): string {
  return request.socket.remoteAddress?.replace(/^::ffff:/, '') ?? 'unknown';
}

/** A cross-site form cannot send it. The header counts, without a body too. */
export const needJson: RequestHandler = (request, response, next) => {
  if (/^application\/json *(?:;|$)/i.test(request.headers['content-type'] ?? '')) next();
  else {
    fail(
      response,
      415,
      'CONTENT_TYPE_NEEDED',
      'A change of state needs the header Content-Type: application/json',
      "Send it, for example: curl -X POST -H 'Content-Type: application/json' -d '{}' …",
    );
  }
};

/** For a path whose other methods stand before it. @param allow the methods, e.g. `GET, HEAD` */
export function allowOnly(allow: string): RequestHandler {
  return (request, response) => {
    response.set('Allow', allow);
    fail(response, 405, 'METHOD_NOT_ALLOWED', `${request.method} is not possible here`, `Use ${allow}.`);
  };
}
