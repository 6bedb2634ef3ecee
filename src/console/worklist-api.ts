/**
 * The worklist of the embedded RIS for those who feed it: an interface engine enters, replaces and cancels scheduled steps.
 * docs/worklist-api.md describes each request and answer.
 */
import express from 'express';
import type { Request, RequestHandler, Response, Router } from 'express';
import { pathToText } from '../dataset/attribute-path.ts';
import { toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { checkEntry, entryIdOf, indexOf, stepOf, TAGS, textOf } from '../ris/entry.ts';
import { fromEntryForm, withKeywords } from '../ris/seed-form.ts';
import type { RisWorklist } from '../ris/worklist.ts';
import type { RisEntry } from '../store/ris-records.ts';
import { addressOf, fail, needJson } from './answers.ts';
import { bodyOf, readBody } from './json-body.ts';
import { pageRequestOf, ParameterError, readPage } from './worklist-page.ts';
import type { Page } from './worklist-page.ts';

const PATH = '/api/worklist';
const NO_ENTRY_FIX = `GET ${PATH} lists the entries with their ids.`;

export interface WorklistApiOptions {
  /** The embedded RIS upstreams by name, as they are now. */
  readonly rises: () => ReadonlyMap<string, { readonly entries: RisWorklist }>;
  readonly log: Logger;
}

/** A RIS that a request is about. */
interface Target {
  readonly upstream: string;
  readonly worklist: RisWorklist;
}

/** GET and POST of the list; GET, PUT and DELETE of one entry. Every write leaves one line in the log. */
export function worklistApi({ rises, log }: WorklistApiOptions): Router {
  const router = express.Router();
  const withTarget =
    (handle: (request: Request, response: Response, target: Target) => Promise<void>): RequestHandler =>
    async (request, response) => {
      const target = targetOf(rises(), request, response);
      if (target !== undefined) await handle(request, response, target);
    };
  const note = (what: string, request: Request, { upstream }: Target, id: string): void =>
    log.info(`worklist entry ${what}`, { upstream, entry: id, by: addressOf(request) });

  router.get(PATH, withTarget(list));
  router.post(
    PATH,
    readBody,
    withTarget(async (request, response, target) => {
      const scheduled = entryOf(request, response);
      if (scheduled === undefined) return;
      const created = await attempt(scheduled, response, () => target.worklist.create(scheduled));
      if (created === undefined) return;
      note('created', request, target, created.id);
      response.status(201).set('Location', locationOf(created.id, request));
      sendEntry(response, created);
    }),
  );
  router.get(
    `${PATH}/:id`,
    withTarget(async (request, response, { worklist }) => {
      const entry = await worklist.get(idOf(request));
      if (entry === undefined) failUnknown(response);
      else sendEntry(response, entry);
    }),
  );
  router.put(
    `${PATH}/:id`,
    readBody,
    withTarget(async (request, response, target) => {
      const scheduled = entryOf(request, response);
      if (scheduled === undefined) return;
      const replaced = await attempt(scheduled, response, () => target.worklist.replace(idOf(request), scheduled));
      if (replaced === undefined) return;
      const { entry, isNew } = replaced;
      note(isNew ? 'created' : 'replaced', request, target, entry.id);
      response.status(isNew ? 201 : 200).set('Location', locationOf(entry.id, request));
      sendEntry(response, entry);
    }),
  );
  router.delete(
    `${PATH}/:id`,
    needJson,
    withTarget(async (request, response, target) => {
      const id = idOf(request);
      if (!(await target.worklist.cancel(id))) {
        failUnknown(response);
        return;
      }
      note('cancelled', request, target, id);
      response.status(204).end();
    }),
  );
  router.all([PATH, `${PATH}/:id`], (request, response) => {
    const allow = request.params['id'] === undefined ? 'GET, HEAD, POST' : 'GET, HEAD, PUT, DELETE';
    response.set('Allow', allow);
    fail(response, 405, 'METHOD_NOT_ALLOWED', `${request.method} is not possible here`, `Use ${allow}.`);
  });
  return router;
}

async function list(request: Request, response: Response, { worklist }: Target): Promise<void> {
  let page: Page;
  try {
    page = await readPage(worklist, pageRequestOf(request.query));
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    fail(response, 400, 'PARAMETER_INVALID', `The list cannot be given: ${error.message}`, 'Mend the parameters.');
    return;
  }
  const { entries, next } = page;
  const rest = next === undefined ? '' : `,"next":${JSON.stringify(next)}`;
  response.type('application/json').send(`{"entries":[${entries.map(entryToJson).join(',')}]${rest}}`);
}

/** Undefined: answered. */
function targetOf(
  rises: ReadonlyMap<string, { readonly entries: RisWorklist }>,
  request: Request,
  response: Response,
): Target | undefined {
  const names = [...rises.keys()].join(', ');
  const { upstream: asked } = request.query;
  if (rises.size === 0) {
    const fix = 'Add an upstream with protocol: ris to the configuration, and reload.';
    fail(response, 404, 'RIS_NOT_FOUND', 'This gateway has no embedded RIS', fix);
    return undefined;
  }
  const upstream = asked ?? (rises.size === 1 ? [...rises.keys()][0] : undefined);
  if (typeof upstream !== 'string') {
    fail(response, 400, 'UPSTREAM_NEEDED', 'One upstream must be named', `Say which: ?upstream=… of ${names}.`);
    return undefined;
  }
  const ris = rises.get(upstream);
  if (ris !== undefined) return { upstream, worklist: ris.entries };
  const message = 'No upstream with protocol ris has this name';
  fail(response, 404, 'RIS_NOT_FOUND', message, `Name one of ${names}, or leave upstream out where there is one only.`);
  return undefined;
}

/** The entry in the body; undefined: answered. */
function entryOf(request: Request, response: Response): DataSet | undefined {
  let body: unknown;
  try {
    body = bodyOf(request);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    fail(
      response,
      400,
      'BODY_INVALID',
      `The body cannot be read: ${error.message}`,
      'Send one entry as JSON in UTF-8.',
    );
    return undefined;
  }
  const entries: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (entries.length !== 1) {
    fail(response, 400, 'BODY_INVALID', `The body has ${entries.length} entries`, 'Send one entry in each request.');
    return undefined;
  }
  try {
    return fromEntryForm(entries[0]);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { text, attribute } = withKeywords(error.message);
    failInvalid(response, text, 'Mend the attribute.', attribute === undefined ? [] : [attribute]);
    return undefined;
  }
}

/** Undefined: answered. */
async function attempt<Result>(
  scheduled: DataSet,
  response: Response,
  write: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await write();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { code, message, fix = '' } = error;
    if (code === 'ENTRY_EXISTS') {
      response.set('Location', locationOf(entryIdOf(scheduled), response.req));
      fail(response, 409, code, message, fix);
    } else if (code === 'ENTRY_INVALID') {
      const issues = checkEntry(scheduled).filter(({ severity }) => severity === 'error');
      failInvalid(
        response,
        message,
        fix,
        issues.map(({ path }) => pathToText(path, 'keyword')),
      );
    } else throw error;
    return undefined;
  }
}

/** `attributes`: paths of what is wrong, in keywords. */
function failInvalid(response: Response, message: string, fix: string, attributes: readonly string[]): void {
  response.status(422).json({ code: 'ENTRY_INVALID', message, fix, attributes });
}

function failUnknown(response: Response): void {
  fail(response, 404, 'ENTRY_NOT_FOUND', 'There is no entry with this id', NO_ENTRY_FIX);
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

/** Leads to the same RIS. */
function locationOf(id: string, request: Request): string {
  const { upstream } = request.query;
  return `${PATH}/${id}${typeof upstream === 'string' ? `?upstream=${encodeURIComponent(upstream)}` : ''}`;
}

function sendEntry(response: Response, entry: RisEntry): void {
  response.type('application/json').send(entryToJson(entry));
}

/** The data set as our own writer has it: numbers keep their form. */
function entryToJson({ id, upstream, source, state, createdAt, updatedAt, scheduled }: RisEntry): string {
  const { sortKey: _sortKey, ...index } = indexOf(scheduled);
  const summary = {
    id,
    upstream,
    source,
    state,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    ...index,
    startTime: textOf(stepOf(scheduled), TAGS.startTime),
  };
  return `${JSON.stringify(summary).slice(0, -1)},"entry":${toJson(scheduled)}}`;
}
