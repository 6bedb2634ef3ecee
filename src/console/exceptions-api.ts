/**
 * The exception list of the embedded RIS: performed steps that name an order of another patient, until a person has said
 * what is right. docs/worklist-api.md describes each request and answer.
 */
import express from 'express';
import type { Request, Response, Router } from 'express';
import { pathToText } from '../dataset/attribute-path.ts';
import type { Logger } from '../observe/log.ts';
import { RIS_RESOLUTIONS } from '../store/ris-records.ts';
import type { RisException, RisExceptions, RisResolution } from '../store/ris-records.ts';
import { allowOnly } from './answers.ts';
import { callerOf, whoOf } from './identity.ts';
import { jsonOf, readBody } from './json-body.ts';
import { Refusal } from './refusal.ts';

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
    const filter = filterOf(request);
    const found = (await exceptions()?.list({ ...filter, limit: filter.limit + 1 })) ?? [];
    const page = found.slice(0, filter.limit);
    const next = found.length > filter.limit ? page.at(-1)?.id : undefined;
    response.json({ exceptions: page.map((each) => toAnswer(each, response)), next });
  });
  router.get(`${PATH}/:id`, async (request, response) => {
    const exception = await exceptions()?.get(idOf(request));
    if (exception === undefined) throw unknownException();
    response.json(toAnswer(exception, response));
  });
  router.post(`${PATH}/:id/resolve`, readBody, async (request: Request, response: Response) => {
    const id = idOf(request);
    const { resolution, reason } = decisionOf(request);
    const store = exceptions();
    const resolved = (await store?.resolve(id, resolution, reason)) === true;
    const exception = await store?.get(id);
    if (exception === undefined) throw unknownException();
    if (!resolved) {
      const fix = 'Nothing is left to do; GET it to see what was decided.';
      throw new Refusal(409, 'EXCEPTION_RESOLVED', 'Somebody has resolved this exception already', fix);
    }
    // The reason may name the patient: it stays in the store.
    const { upstream, entryId } = exception;
    log.info('exception resolved', { exception: id, upstream, entry: entryId, resolution, ...whoOf(request) });
    response.json(toAnswer(exception, response));
  });

  router.all([PATH, `${PATH}/:id`], allowOnly('GET, HEAD'));
  router.all(`${PATH}/:id/resolve`, allowOnly('POST'));
  return router;
}

interface ListFilter {
  readonly upstream?: string;
  readonly uid?: string;
  readonly open: boolean;
  readonly after?: number;
  readonly limit: number;
}

/** @throws Refusal PARAMETER_INVALID, without the value */
function filterOf({ query }: Request): ListFilter {
  const { upstream, uid, all = 'false', after, limit = String(DEFAULT_LIMIT) } = query;
  const isText = (value: unknown): value is string | undefined => value === undefined || typeof value === 'string';
  const count = numberOf(limit) ?? 0;
  const from = numberOf(after);
  const isFine =
    Object.keys(query).every((name) => PARAMETERS.includes(name)) &&
    (all === 'true' || all === 'false') &&
    (after === undefined || from !== undefined) &&
    count >= 1 &&
    count <= MAXIMUM_LIMIT;
  if (!isFine || !isText(upstream) || !isText(uid)) {
    const fix = `There are ${PARAMETERS.join(', ')}: all is true or false, limit at most ${MAXIMUM_LIMIT}.`;
    throw new Refusal(400, 'PARAMETER_INVALID', 'A parameter cannot be understood', fix);
  }
  return {
    ...(upstream !== undefined && { upstream }),
    ...(uid !== undefined && { uid }),
    ...(from !== undefined && { after: from }),
    open: all === 'false',
    limit: count,
  };
}

function numberOf(value: unknown): number | undefined {
  return typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** @throws Refusal BODY_INVALID, RESOLUTION_INVALID */
function decisionOf(request: Request): Decision {
  const body = jsonOf(request);
  const { resolution, reason } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const known = RIS_RESOLUTIONS.find((each) => each === resolution);
  const why = typeof reason === 'string' ? reason.trim() : '';
  if (known !== undefined && why !== '' && why.length <= MAXIMUM_REASON_LENGTH) {
    return { resolution: known, reason: why };
  }
  const message =
    known === undefined
      ? `resolution is none of ${RIS_RESOLUTIONS.join(', ')}`
      : `reason is not a text of 1 to ${MAXIMUM_REASON_LENGTH} characters`;
  const fix = `Send {"resolution": "${RIS_RESOLUTIONS.join('" or "')}", "reason": "why"}.`;
  throw new Refusal(422, 'RESOLUTION_INVALID', message, fix);
}

/** No exception has the number of an id that is none. */
function idOf(request: Request): number {
  return numberOf(request.params['id']) ?? 0;
}

function unknownException(): Refusal {
  const fix = `GET ${PATH}?all=true lists the exceptions with their ids.`;
  return new Refusal(404, 'EXCEPTION_NOT_FOUND', 'There is no exception with this id', fix);
}

/** `attributes`: keywords of what differs between the performed step and the order. The reason may name the patient. */
function toAnswer({ attributes, raisedAt, resolvedAt, reason, ...exception }: RisException, to: Response): object {
  return {
    ...exception,
    ...(reason !== undefined && callerOf(to).role !== 'viewer' && { reason }),
    attributes: attributes.map((tag) => pathToText([tag], 'keyword')),
    raisedAt: new Date(raisedAt).toISOString(),
    ...(resolvedAt !== undefined && { resolvedAt: new Date(resolvedAt).toISOString() }),
  };
}
