/**
 * The worklist of the embedded RIS for those who feed it: an interface engine enters, replaces and cancels scheduled steps.
 * docs/worklist-api.md describes each request and answer.
 */
import express from 'express';
import type { Request, Response, Router } from 'express';
import { pathToText } from '../dataset/attribute-path.ts';
import { toJson } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import type { Logger } from '../observe/log.ts';
import { checkEntry, entryIdOf, indexOf, stepOf, TAGS, textOf } from '../ris/entry.ts';
import { fromEntryForm, withKeywords } from '../ris/seed-form.ts';
import type { RisWorklist } from '../ris/worklist.ts';
import type { RisEntry } from '../store/ris-records.ts';
import { allowOnly, needJson } from './answers.ts';
import { only, whoOf } from './identity.ts';
import { jsonOf, readBody } from './json-body.ts';
import { showsValues } from './operator-actions.ts';
import { Refusal } from './refusal.ts';
import { pageRequestOf, readPage } from './worklist-page.ts';

const PATH = '/api/worklist';

type Rises = ReadonlyMap<string, { readonly entries: RisWorklist }>;

export interface WorklistApiOptions {
  /** The embedded RIS upstreams by name, as they are now. */
  readonly rises: () => Rises;
  readonly log: Logger;
}

/** GET and POST of the list; GET, PUT and DELETE of one entry. Every write leaves one line in the log. */
export function worklistApi({ rises, log }: WorklistApiOptions): Router {
  const router = express.Router();
  const note = (what: string, request: Request, { upstream, id }: Pick<RisEntry, 'upstream' | 'id'>): void =>
    log.info(`worklist entry ${what}`, { upstream, entry: id, ...whoOf(request) });

  // Entries have values of patients: who reads them is told to the audit trail, who may not too.
  router.get([PATH, `${PATH}/:id`], (_request, response, next) => {
    showsValues(response);
    next();
  });
  router.get([PATH, `${PATH}/:id`], only('operator'));
  router.get(PATH, async (request, response) => {
    const { worklist } = targetOf(rises(), request);
    const { entries, next } = await readPage(worklist, pageRequestOf(request.query));
    const rest = next === undefined ? '' : `,"next":${JSON.stringify(next)}`;
    response.type('application/json').send(`{"entries":[${entries.map(entryToJson).join(',')}]${rest}}`);
  });
  router.post(PATH, readBody, async (request: Request, response: Response) => {
    const { worklist } = targetOf(rises(), request);
    const scheduled = entryOf(request);
    const entry = await worklist.create(scheduled).catch((error: unknown) => {
      const isThere = error instanceof GatewayError && error.code === 'ENTRY_EXISTS';
      // The one to PUT to.
      if (isThere) response.set('Location', locationOf(entryIdOf(scheduled), request));
      return refuse(error, scheduled);
    });
    note('created', request, entry);
    response.set('Location', locationOf(entry.id, request));
    sendEntry(response, 201, entry);
  });
  router.get(`${PATH}/:id`, async (request, response) => {
    const { worklist } = targetOf(rises(), request);
    const entry = await worklist.get(idOf(request));
    if (entry === undefined) throw unknownEntry();
    sendEntry(response, 200, entry);
  });
  router.put(`${PATH}/:id`, readBody, async (request: Request, response: Response) => {
    const { worklist } = targetOf(rises(), request);
    const scheduled = entryOf(request);
    const replaced = worklist.replace(idOf(request), scheduled);
    const { entry, isNew } = await replaced.catch((error: unknown) => refuse(error, scheduled));
    note(isNew ? 'created' : 'replaced', request, entry);
    response.set('Location', locationOf(entry.id, request));
    sendEntry(response, isNew ? 201 : 200, entry);
  });
  router.delete(`${PATH}/:id`, needJson, async (request: Request, response: Response) => {
    const { upstream, worklist } = targetOf(rises(), request);
    const id = idOf(request);
    if (!(await worklist.cancel(id))) throw unknownEntry();
    note('cancelled', request, { upstream, id });
    response.status(204).end();
  });

  router.all(PATH, allowOnly('GET, HEAD, POST'));
  router.all(`${PATH}/:id`, allowOnly('GET, HEAD, PUT, DELETE'));
  return router;
}

/** The RIS that a request is about. @throws Refusal RIS_NOT_FOUND, UPSTREAM_NEEDED */
function targetOf(rises: Rises, request: Request): { readonly upstream: string; readonly worklist: RisWorklist } {
  const [only, ...others] = rises.keys();
  if (only === undefined) {
    const fix = 'Add an upstream with protocol: ris to the configuration, and reload.';
    throw new Refusal(404, 'RIS_NOT_FOUND', 'This gateway has no embedded RIS', fix);
  }
  const names = [only, ...others].join(', ');
  const upstream = request.query['upstream'] ?? (others.length === 0 ? only : undefined);
  if (typeof upstream !== 'string') {
    throw new Refusal(400, 'UPSTREAM_NEEDED', 'One upstream must be named', `Say which: ?upstream=… of ${names}.`);
  }
  const ris = rises.get(upstream);
  if (ris !== undefined) return { upstream, worklist: ris.entries };
  const fix = `Name one of ${names}, or leave upstream out where there is one only.`;
  throw new Refusal(404, 'RIS_NOT_FOUND', 'No upstream with protocol ris has this name', fix);
}

/** The entry in the body. @throws Refusal BODY_INVALID, ENTRY_INVALID */
function entryOf(request: Request): DataSet {
  const body = jsonOf(request);
  const entries: readonly unknown[] = Array.isArray(body) ? body : [body];
  if (entries.length !== 1) {
    const message = `The body has ${entries.length} entries`;
    throw new Refusal(400, 'BODY_INVALID', message, 'Send one entry in each request.');
  }
  try {
    return fromEntryForm(entries[0]);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    const { text, attribute } = withKeywords(error.message);
    const fix = 'Mend the attribute; docs/worklist-api.md shows the form.';
    throw new Refusal(422, 'ENTRY_INVALID', text, fix, attribute === undefined ? [] : [attribute]);
  }
}

/** What the worklist does not take, as the refusal of the request; other errors stay what they are. */
function refuse(error: unknown, scheduled: DataSet): never {
  if (!(error instanceof GatewayError)) throw error;
  const { code, message, fix = '' } = error;
  if (code === 'ENTRY_EXISTS') throw new Refusal(409, code, message, fix);
  if (code !== 'ENTRY_INVALID') throw error;
  const issues = checkEntry(scheduled).filter(({ severity }) => severity === 'error');
  const attributes = issues.map(({ path }) => pathToText(path, 'keyword'));
  throw new Refusal(422, code, message, fix, attributes);
}

function unknownEntry(): Refusal {
  const fix = `GET ${PATH} lists the entries with their ids.`;
  return new Refusal(404, 'ENTRY_NOT_FOUND', 'There is no entry with this id', fix);
}

function idOf(request: Request): string {
  return String(request.params['id']);
}

/** Leads to the same RIS. */
function locationOf(id: string, request: Request): string {
  const { upstream } = request.query;
  return `${PATH}/${id}${typeof upstream === 'string' ? `?upstream=${encodeURIComponent(upstream)}` : ''}`;
}

function sendEntry(response: Response, status: number, entry: RisEntry): void {
  response.status(status).type('application/json').send(entryToJson(entry));
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
