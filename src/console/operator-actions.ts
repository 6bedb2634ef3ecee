/** What an operator does on the console that others should hear of: changes of state, and data sets that are read. */
import type { Request, RequestHandler, Response } from 'express';
import { addressOf } from './answers.ts';
import { callerOf } from './identity.ts';

/** For the audit trail. */
export interface OperatorAction {
  /** Of whom it was done. */
  readonly address: string;
  /** Of its token, where it has one. */
  readonly name?: string;
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
    const beginning = /^\/api\/[a-z]+/i.exec(path)?.[0];
    if (beginning !== undefined) {
      response.once('close', () => {
        if (!isAction(request) && !hasShownValues(response)) return;
        const { statusCode: status, writableFinished: isWhole } = response;
        const { name } = callerOf(response);
        const action = `${method} ${status < 400 ? path : beginning}`;
        acted({ address: addressOf(request), ...(name !== undefined && { name }), action, status, isWhole });
      });
    }
    next();
  };
}

function isAction({ method, path, query }: Request): boolean {
  if (method !== 'GET' && method !== 'HEAD') return true;
  return /^\/api\/spool\/export\/?$/i.test(path) || query['dataset'] !== undefined;
}

/** The answer has values of patients in it. */
export function showsValues(response: Response): void {
  response.locals['showsValues'] = true;
}

function hasShownValues({ locals }: Response): boolean {
  return (locals as { showsValues?: boolean }).showsValues === true;
}
