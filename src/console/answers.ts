/** What every page of the console shares: the form of its errors, and what a change of state needs. */
import type { RequestHandler, Response } from 'express';

/** Errors are `{code, message, fix}`. */
export function fail(response: Response, status: number, code: string, message: string, fix: string): void {
  response.status(status).json({ code, message, fix });
}

/** A cross-site form cannot send it. */
export const needJson: RequestHandler = (request, response, next) => {
  if (request.is('application/json') === 'application/json') next();
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
