/** What an operator does on the console that others should hear of: changes of state, and data sets that are read. */
import type { Request, RequestHandler } from 'express';
import { addressOf } from './answers.ts';

/** For the audit trail. */
export interface OperatorAction {
  /** Of whom it was done. */
  readonly address: string;
  /** Method and path, e.g. `POST /api/spool/17/discard`; of what failed only the beginning of the path. */
  readonly action: string;
  readonly status: number;
  /** The answer has left whole. */
  readonly isWhole: boolean;
}

/** @param acted told once the answer is on its way; it must neither throw nor wait */
export function watchActions(acted: (action: OperatorAction) => void): RequestHandler {
  return (request, response, next) => {
    const { method, path } = request;
    const beginning = /^\/api\/[a-z]+/.exec(path)?.[0];
    if (beginning !== undefined && isAction(request)) {
      response.once('close', () => {
        const { statusCode: status, writableFinished: isWhole } = response;
        acted({ address: addressOf(request), action: `${method} ${status < 400 ? path : beginning}`, status, isWhole });
      });
    }
    next();
  };
}

function isAction({ method, path, query }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return true;
  return path === '/api/spool/export' || query['dataset'] !== undefined;
}
