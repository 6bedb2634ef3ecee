/**
 * Who each request is of, asked before anything is told about what is here: 401 with a challenge (RFC 9110 15.5.2, RFC
 * 6750 3), 403, or 404 where nobody shall learn what there is (PS3.18 8.6.2).
 */
import type { RequestHandler, Response } from 'express';
import { plainAddress } from '../access/address-list.ts';
import { bearerOf } from '../identity/authenticator.ts';
import type { Authenticator } from '../identity/authenticator.ts';
import { challengeOf, scopeChallenge } from '../identity/challenge.ts';
import { AuthenticationError, missingScopes } from '../identity/principal.ts';
import type { AuthenticationEvent, Principal } from '../identity/principal.ts';
import type { Logger } from '../observe/log.ts';
import type { RequestContext, Requester, RouteOptions } from '../services/port.ts';
import { peerCertificateOf } from '../tls/peer-certificate.ts';
import { OncePerMinute } from '../tls/tls-log.ts';
import { HttpRefusal } from './http-refusal.ts';

export interface WebIdentityOptions {
  /** Absent: nobody is asked. */
  readonly authenticator?: Authenticator;
  /** Status for one who is known and may not: 403 unless told. */
  readonly refusal?: 403 | 404;
  /** Told of each attempt, for the audit trail. It must neither throw nor wait. */
  readonly authenticated?: (event: AuthenticationEvent) => void;
}

/** What a request has shown, kept for its transaction. */
interface Shown {
  readonly principal?: Principal;
  readonly bearer?: string;
}

const RETRY_AFTER_SECONDS = 10;

/** One who goes on without credentials leaves a line a minute, with the number of those between. @param clock monotonic, ms */
export function tellingSeldom(
  logger: Logger,
  clock: () => number = () => performance.now(),
): (address: string, why: string) => void {
  const told = new OncePerMinute(clock);
  return (address, why) => {
    const turn = told.next(address);
    if (turn === undefined) return;
    logger.warn('request refused: not authenticated', { address, why, ...(turn.more > 0 && { more: turn.more }) });
  };
}

/**
 * @param options as they are at the time of the request, with the name of the listener
 * @param tell of one that was not believed
 */
export function checkIdentity(
  options: WebIdentityOptions & { readonly name: string },
  tell: (address: string, why: string) => void,
): RequestHandler {
  const { authenticator, name: listener, authenticated } = options;
  return async (request, response, next) => {
    const { authorization } = request.headers;
    if (authenticator === undefined) {
      // Nothing is known about it: whoever it is passed on to decides.
      keep(response, { bearer: bearerOf(authorization) });
      next();
      return;
    }
    const attempt = { listener, address: plainAddress(request.socket.remoteAddress) };
    try {
      const principal = await authenticator.authenticate({
        authorization,
        apiKey: request.header('X-API-Key'),
        certificate: peerCertificateOf(request.socket)?.subject,
      });
      keep(response, { principal, bearer: principal?.token });
      if (principal !== undefined) {
        authenticated?.({ ...attempt, outcome: 'success', subject: principal.subject, means: principal.means });
      }
    } catch (error) {
      if (!(error instanceof AuthenticationError)) throw error;
      const { message: why } = error;
      tell(attempt.address, why);
      authenticated?.({ ...attempt, outcome: 'failure', why });
      throw refusalOf(error, authenticator, options);
    }
    next();
  };
}

/** What of it the gateway sees. */
export function requesterIdentity(response: Response): Pick<Requester, 'subject' | 'scopes'> {
  const { principal } = shownBy(response);
  return principal === undefined ? {} : { subject: principal.subject, scopes: principal.scopes };
}

/** Wall clock, ms since 1970: so long it is who it is. */
export function identityExpiry(response: Response): number {
  return shownBy(response).principal?.expiresAtMs ?? Infinity;
}

/** The bearer token, for upstreams it is passed on to; never an API key, which is for us alone. */
export function bearerToken(response: Response): Pick<RequestContext, 'bearer'> {
  const { bearer } = shownBy(response);
  return bearer === undefined ? {} : { bearer };
}

/** Why the requester may not use the route, as far as its scopes say. */
export function scopeRefusal(
  { scopes = [] }: RouteOptions,
  requester: Requester,
  { authenticator, refusal }: WebIdentityOptions,
): HttpRefusal | undefined {
  const missing = missingScopes(scopes, requester);
  if (missing.length === 0) return undefined;
  const isUnknown = requester.subject === undefined && authenticator?.takesTokens === true;
  if (isUnknown) return unauthenticated(new AuthenticationError('missing', 'the request says not who it is of'));
  return forbidden('The requester lacks a scope that this needs', refusal, scopeChallenge(missing));
}

function keep(response: Response, { principal, bearer }: { [Name in keyof Shown]: Shown[Name] | undefined }): void {
  response.locals.shown = {
    ...(principal !== undefined && { principal }),
    ...(bearer !== undefined && { bearer }),
  } satisfies Shown;
}

function shownBy({ locals }: Response): Shown {
  return (locals.shown as Shown | undefined) ?? {};
}

function refusalOf(
  error: AuthenticationError,
  { takesTokens }: Authenticator,
  { refusal }: WebIdentityOptions,
): HttpRefusal {
  switch (error.problem) {
    case 'ambiguous': {
      const headers = { 'WWW-Authenticate': challengeOf(error) };
      return new HttpRefusal(400, 'BAD_REQUEST', 'Credentials may be sent in one way only', { headers });
    }
    case 'unavailable': {
      const headers = { 'Retry-After': String(RETRY_AFTER_SECONDS) };
      return new HttpRefusal(503, 'OUT_OF_RESOURCES', 'Credentials cannot be checked now', { headers });
    }
    case 'missing':
    case 'invalid':
      // No header field would help, and a challenge has to name one that does.
      return takesTokens ? unauthenticated(error) : forbidden('A client certificate is needed', refusal);
  }
}

function unauthenticated(error: AuthenticationError): HttpRefusal {
  const comment = error.problem === 'missing' ? 'Credentials are needed' : 'The credentials were not accepted';
  return new HttpRefusal(401, 'NOT_AUTHORIZED', comment, { headers: { 'WWW-Authenticate': challengeOf(error) } });
}

function forbidden(comment: string, refusal: 403 | 404 = 403, challenge?: string): HttpRefusal {
  if (refusal === 404) return new HttpRefusal(404, 'RESOURCE_NOT_FOUND', 'There is no such resource');
  const headers = challenge === undefined ? {} : { 'WWW-Authenticate': challenge };
  return new HttpRefusal(403, 'NOT_AUTHORIZED', comment, { headers });
}
