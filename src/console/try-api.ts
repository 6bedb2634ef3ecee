/**
 * Trying things out: `POST /api/try/search` shows what a search would ask, and asks any upstream; `POST /api/try/dataset` shows
 * a data set in each form, and what the rules of a route make of it. Nothing is kept.
 */
import express from 'express';
import type { Request, Response, Router } from 'express';
import { z } from 'zod';
import type { Config } from '../config/schema.ts';
import { SERVICES } from '../services/port.ts';
import type { Upstream } from '../services/port.ts';
import { allowOnly } from './answers.ts';
import type { TriedSearch } from './api-types.ts';
import { callerOf, needRole } from './identity.ts';
import { jsonOf, readBody } from './json-body.ts';
import { showsValues } from './operator-actions.ts';
import { Refusal } from './refusal.ts';
import { MAXIMUM_LIMIT } from './request-members.ts';
import { lookAtDataSet } from './try-dataset.ts';
import { readSearch, runSearch } from './try-search.ts';

export interface TrySource {
  readonly config: () => Pick<Config, 'routes' | 'upstreams'>;
  /** One that runs. */
  readonly upstream: (name: string) => Upstream | undefined;
}

const DEFAULT_LIMIT = 50;

const keyList = z.array(z.string().min(1).max(1_000)).max(100);

const searchForm = z.strictObject({
  upstream: z.string(),
  keys: keyList,
  include: keyList,
  limit: z.coerce.number().int().min(1).max(MAXIMUM_LIMIT).default(DEFAULT_LIMIT),
  dryRun: z.boolean().default(false),
});

const dataSetForm = z.strictObject({
  text: z.string().min(1),
  route: z.string().optional(),
  service: z.enum(SERVICES).optional(),
  direction: z.enum(['request', 'response']).optional(),
});

export function tryApi({ config, upstream }: TrySource): Router {
  const router = express.Router();
  router.post('/api/try/search', readBody, async (request: Request, response: Response) => {
    const { dryRun, upstream: name, ...written } = formOf(searchForm, request);
    const [options, target] = [config().upstreams[name], upstream(name)];
    if (options === undefined || target === undefined) throw unknown('UPSTREAM_UNKNOWN', 'upstream');
    // Whoever may see no values could find them out by asking for them one by one.
    if (!dryRun) needRole(response, 'operator');
    const read = readSearch(written, options);
    if (dryRun || read.query === undefined) response.json(read.shown);
    else {
      const isShown = callerOf(response).role === 'values';
      if (isShown) showsValues(response);
      const tried = await runSearch(target, read.query, { isShown, signal: endOf(response) });
      const warnings = [...read.shown.warnings, ...tried.warnings];
      response.json({ ...read.shown, ...tried, warnings } satisfies TriedSearch);
    }
  });
  router.post('/api/try/dataset', readBody, (request: Request, response: Response) => {
    const { route: name, text, ...narrowed } = formOf(dataSetForm, request);
    const route = config().routes.find((each) => each.name === name);
    if (name !== undefined && route === undefined) throw unknown('ROUTE_UNKNOWN', 'route');
    response.json(lookAtDataSet(text, route, narrowed));
  });
  router.all(['/api/try/search', '/api/try/dataset'], allowOnly('POST'));
  return router;
}

/** The members of a body. @throws Refusal BODY_INVALID, MEMBER_INVALID, without a value */
function formOf<Form extends z.ZodType>(form: Form, request: Request): z.output<Form> {
  const { success, data, error } = form.safeParse(jsonOf(request));
  if (success) return data;
  const members = new Set(
    error.issues.map(({ path: [member] }) => (member === undefined ? 'one that is unknown' : String(member))),
  );
  const message = `Members of the body cannot be used: ${[...members].join(', ')}`;
  throw new Refusal(422, 'MEMBER_INVALID', message, 'Mend the members named.');
}

function unknown(code: 'UPSTREAM_UNKNOWN' | 'ROUTE_UNKNOWN', what: string): Refusal {
  return new Refusal(404, code, `There is no ${what} of this name`, 'GET /api/overview lists what there is.');
}

/** Aborts when the one who asks has gone. */
function endOf(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}
