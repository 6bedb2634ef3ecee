/** Who asks the console, and what they may do: by tokens, each with a role (RFC 6750). */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Request, RequestHandler, Response } from 'express';
import type { Logger } from '../observe/log.ts';
import { addressOf, fail } from './answers.ts';
import type { Role } from './api-types.ts';
import { Refusal } from './refusal.ts';

export interface ConsoleToken {
  /** Who bears it, for the log and the audit trail. */
  readonly name: string;
  readonly token: string;
  readonly role: Role;
}

export interface TokenOptions {
  /** Of one operator without a name. */
  readonly token?: string;
  readonly tokens?: readonly ConsoleToken[];
  /** Told of each wrong token, for the audit trail. It must neither throw nor wait. */
  readonly refused?: (attempt: { readonly address: string; readonly why: string }) => void;
}

export interface Caller {
  /** Of its token; undefined: the token has none, or nobody is asked. */
  readonly name: string | undefined;
  readonly role: Role;
  /**
   * May be given whole data sets by the requests that are there for it: the export of the spool. Where nobody has been given
   * a role (`tokens`), every operator may.
   */
  readonly mayExport: boolean;
}

/** Whoever reaches a console without tokens. */
const ANYBODY: Caller = { name: undefined, role: 'operator', mayExport: true };

/** Which roles are at least that. */
const RANK: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, values: 2 };

/** The tokens of a console; digests of them only. */
export class Callers {
  #known: readonly { readonly digest: Buffer; readonly caller: Caller }[] = [];

  constructor(options: TokenOptions) {
    this.tokens = options;
  }

  /** From now on. */
  set tokens({ token, tokens = [] }: TokenOptions) {
    const known = tokens.map(({ name, token: text, role }) => ({
      digest: digestOf(text),
      caller: { name, role, mayExport: role === 'values' },
    }));
    const sole = { ...ANYBODY, mayExport: tokens.length === 0 };
    this.#known = token === undefined ? known : [{ digest: digestOf(token), caller: sole }, ...known];
  }

  /** Nobody is asked. */
  get isOpen(): boolean {
    return this.#known.length === 0;
  }

  /** Undefined: the request bears no token, or one that is not known. Takes as long whichever it is. */
  of(request: Request): Caller | undefined {
    if (this.isOpen) return ANYBODY;
    // Digests have one length, whatever was sent.
    const borne = digestOf(bearerOf(request) ?? '');
    let found: Caller | undefined;
    for (const { digest, caller } of this.#known) if (timingSafeEqual(digest, borne)) found ??= caller;
    return bearerOf(request) === undefined ? undefined : found;
  }
}

/** Lets nobody by without a token that is known, where there are any; `callerOf` tells the others who it was. */
export function identify(callers: Callers, { refused }: TokenOptions, logger: Logger): RequestHandler {
  return (request, response, next) => {
    const caller = callers.of(request);
    if (caller !== undefined) {
      response.locals['caller'] = caller;
      next();
      return;
    }
    const borne = bearerOf(request);
    if (borne !== undefined) {
      logger.warn('token refused on the console port', { by: addressOf(request) });
      refused?.({ address: addressOf(request), why: 'wrong token at the console' });
    }
    response.set('WWW-Authenticate', `Bearer realm="dimseway"${borne === undefined ? '' : ', error="invalid_token"'}`);
    const message = borne === undefined ? 'The request bears no token' : 'The token is not one of this console';
    const fix = 'Send the header Authorization: Bearer with a token of the console.';
    fail(response, 401, 'TOKEN_NEEDED', message, fix);
  };
}

/** Of a request that `identify` has let by. */
export function callerOf({ locals }: Response): Caller {
  const caller = (locals as { caller?: Caller }).caller;
  if (caller === undefined) throw new Error('nobody was asked who it is');
  return caller;
}

/** For the log: its address, and the name of its token where it has one. */
export function whoOf(request: Request): { readonly by: string; readonly user?: string } {
  const { name } = callerOf(request.res as Response);
  return { by: addressOf(request), ...(name !== undefined && { user: name }) };
}

/** @throws Refusal ROLE_NEEDED */
export function needRole(response: Response, role: Role): void {
  if (RANK[callerOf(response).role] < RANK[role]) throw roleNeeded(role);
}

/** Whole data sets are about to be given. @throws Refusal ROLE_NEEDED */
export function needExport(response: Response): void {
  if (!callerOf(response).mayExport) throw roleNeeded('values');
}

function roleNeeded(role: Role): Refusal {
  const fix = `Use a token whose role is ${role}${role === 'operator' ? ' or values' : ''}: console.tokens of the configuration.`;
  return new Refusal(403, 'ROLE_NEEDED', 'The role of the token does not allow it', fix);
}

/** A request that only asks, though its method is one of changes: it decides by itself. */
const ASKS = /^\/api\/try\//i;

/** Changes of state are an operator's. */
export const checkRole: RequestHandler = ({ method, path }, response, next) => {
  if (method !== 'GET' && method !== 'HEAD' && !ASKS.test(path)) needRole(response, 'operator');
  next();
};

/** For routes in front of those whose answers hold values of patients. */
export function only(role: Role): RequestHandler {
  return (_request, response, next) => {
    needRole(response, role);
    next();
  };
}

function bearerOf({ headers }: Request): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
