/**
 * The exception list of the embedded RIS: performed steps that name an order of another patient, until a person has said
 * what is right. docs/worklist-api.md describes each request and answer.
 */
import express from 'express';
import type { Request, Response, Router } from 'express';
import { pathToText } from '../dataset/attribute-path.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { RIS_RESOLUTIONS } from '../store/ris-records.ts';
import type { RisException, RisExceptions, RisResolution } from '../store/ris-records.ts';
import { addressOf, fail } from './answers.ts';
import { bodyOf, readBody } from './json-body.ts';

const PATH = '/api/exceptions';
const DEFAULT_LIMIT = 100;
const MAXIMUM_LIMIT = 1_000;
const MAXIMUM_REASON_LENGTH = 1_000;
const PARAMETERS: readonly string[] = ['upstream', 'uid', 'all', 'after', 'limit'];

export interface ExceptionsApiOptions {
  /** Of the store that is open; undefined: there is none. */
  readonly exceptions: () => RisExceptions | undefined;
  readonly log: Logger;
}

interface Decision {
  readonly resolution: RisResolution;
  readonly reason: string;
}

export function exceptionsApi({ exceptions, log }: ExceptionsApiOptions): Router {
  const router = express.Router();

  router.get(PATH, async (request, response) => {
    const filter = filterOf(request, response);
    if (filter === undefined) return;
    const found = (await exceptions()?.list({ ...filter, limit: filter.limit + 1 })) ?? [];
    const page = found.slice(0, filter.limit);
    const next = found.length > filter.limit ? page.at(-1)?.id : undefined;
    response.json({ exceptions: page.map(toAnswer), ...(next !== undefined && { next }) });
  });
  router.get(`${PATH}/:id`, async (request, response) => {
    const exception = await exceptions()?.get(idOf(request));
    if (exception === undefined) failUnknown(response);
    else response.json(toAnswer(exception));
  });
  router.post(`${PATH}/:id/resolve`, readBody, async (request: Request, response: Response) => {
    const id = idOf(request);
    const store = exceptions();
    const decision = decisionOf(request, response);
    if (decision === undefined) return;
    const { resolution, reason } = decision;
    const resolved = (await store?.resolve(id, resolution, reason)) === true;
    const exception = await store?.get(id);
    if (exception === undefined) failUnknown(response);
    else if (resolved) {
      // The reason may name the patient: it stays in the store.
      const { upstream, entryId } = exception;
      log.info('exception resolved', { exception: id, upstream, entry: entryId, resolution, by: addressOf(request) });
      response.json(toAnswer(exception));
    } else {
      const fix = 'Nothing is left to do; GET it to see what was decided.';
      fail(response, 409, 'EXCEPTION_RESOLVED', 'Somebody has resolved this exception already', fix);
    }
  });
  router.all([PATH, `${PATH}/:id`, `${PATH}/:id/resolve`], (request, response) => {
    const allow = request.path.endsWith('/resolve') ? 'POST' : 'GET, HEAD';
    response.set('Allow', allow);
    fail(response, 405, 'METHOD_NOT_ALLOWED', `${request.method} is not possible here`, `Use ${allow}.`);
  });
  return router;
}

interface ListFilter {
  upstream?: string;
  uid?: string;
  open: boolean;
  after?: number;
  limit: number;
}

/** Undefined: answered. */
function filterOf(request: Request, response: Response): ListFilter | undefined {
  const { upstream, uid, all = 'false', after, limit = String(DEFAULT_LIMIT) } = request.query;
  const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';
  const count = numberOf(limit);
  const from = numberOf(after);
  const isFine =
    Object.keys(request.query).every((name) => PARAMETERS.includes(name)) &&
    (all === 'true' || all === 'false') &&
    (after === undefined || from !== undefined) &&
    count !== undefined &&
    count >= 1 &&
    count <= MAXIMUM_LIMIT;
  if (isFine && isText(upstream) && isText(uid)) {
    return {
      ...(upstream !== undefined && { upstream }),
      ...(uid !== undefined && { uid }),
      ...(from !== undefined && { after: from }),
      open: all === 'false',
      limit: count,
    };
  }
  const fix = `There are ${PARAMETERS.join(', ')}: all is true or false, limit at most ${MAXIMUM_LIMIT}.`;
  fail(response, 400, 'PARAMETER_INVALID', 'A parameter cannot be understood', fix);
  return undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Undefined: answered. */
function decisionOf(request: Request, response: Response): Decision | undefined {
  let body: unknown;
  const fix = `Send {"resolution": "${RIS_RESOLUTIONS.join('" or "')}", "reason": "why"}.`;
  try {
    body = bodyOf(request);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    fail(response, 400, 'BODY_INVALID', `The body cannot be read: ${error.message}`, fix);
    return undefined;
  }
  const { resolution, reason } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const known = RIS_RESOLUTIONS.find((each) => each === resolution);
  const why = typeof reason === 'string' ? reason.trim() : '';
  if (known !== undefined && why !== '' && why.length <= MAXIMUM_REASON_LENGTH)
    return { resolution: known, reason: why };
  const message =
    known === undefined
      ? `resolution is none of ${RIS_RESOLUTIONS.join(', ')}`
      : `reason is not a text of 1 to ${MAXIMUM_REASON_LENGTH} characters`;
  fail(response, 422, 'RESOLUTION_INVALID', message, fix);
  return undefined;
}

/** No exception has the number of an id that is none. */
function idOf(request: Request): number {
  return numberOf(request.params['id']) ?? 0;
}

function failUnknown(response: Response): void {
  const fix = `GET ${PATH}?all=true lists the exceptions with their ids.`;
  fail(response, 404, 'EXCEPTION_NOT_FOUND', 'There is no exception with this id', fix);
}

/** `attributes`: keywords of what differs between the performed step and the order. */
function toAnswer({ attributes, raisedAt, resolvedAt, ...exception }: RisException): object {
  return {
    ...exception,
    attributes: attributes.map((tag) => pathToText([tag], 'keyword')),
    raisedAt: new Date(raisedAt).toISOString(),
    ...(resolvedAt !== undefined && { resolvedAt: new Date(resolvedAt).toISOString() }),
  };
}
