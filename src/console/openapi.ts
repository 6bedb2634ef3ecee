/**
 * What the API of the console can be asked, as OpenAPI 3.1 at `/api/openapi.json`. A test compares the table with the routes
 * that are registered and with what they answer.
 */
import express from 'express';
import type { Router } from 'express';
import { openApiDocument } from '../openapi/document.ts';
import type { OpenApiAnswer, OpenApiOperation, OpenApiParameter } from '../openapi/operation.ts';
import { SERVICES } from '../services/port.ts';
import { allowOnly } from './answers.ts';

export const CONSOLE_OPENAPI_PATH = '/api/openapi.json';

const JSON_TYPE = 'application/json';
const JSON_TYPES = [JSON_TYPE];

export interface ConsoleApi {
  /** No slash at its end. */
  readonly url: string;
  /** Of the product. */
  readonly version: string;
  /** Nobody is asked who he is. */
  readonly isOpen: boolean;
}

export function consoleOpenApi({ url, version, isOpen }: ConsoleApi): unknown {
  return openApiDocument(
    {
      title: 'dimseway console',
      description:
        'The operator’s port. A change needs the header Content-Type: application/json and the role of an operator; values of ' +
        'patients are masked for who may not see them.',
      url,
      failure: { description: 'Why not: `{code, message, fix}`', mediaTypes: JSON_TYPES },
      security: isOpen ? [] : ['bearer'],
    },
    version,
    CONSOLE_OPERATIONS,
  );
}

/** Of a console that runs: its URL is where it was asked. @param isOpen nobody is asked who he is */
export function openApiPage(version: string, isOpen: () => boolean): Router {
  const router = express.Router();
  router.get(CONSOLE_OPENAPI_PATH, (_request, response) => {
    response.json(consoleOpenApi({ url: '/', version, isOpen: isOpen() }));
  });
  router.all(CONSOLE_OPENAPI_PATH, allowOnly('GET, HEAD'));
  return router;
}

const path = (name: string, description: string): OpenApiParameter => ({
  name,
  in: 'path',
  description,
  required: true,
});
const query = (name: string, description: string, more: Partial<OpenApiParameter> = {}): OpenApiParameter => ({
  name,
  in: 'query',
  description,
  ...more,
}); // prettier-ignore
const answer = (status: number, description: string): OpenApiAnswer => ({
  status,
  description,
  mediaTypes: JSON_TYPES,
});
const done = (description: string): OpenApiAnswer => answer(200, description);

const UNKNOWN = answer(404, 'There is none');
const WRONG_PARAMETER = answer(400, 'A parameter cannot be understood');
const WRONG_BODY = [
  answer(400, 'The body is not what it should be'),
  answer(413, 'The body is too large'),
  answer(415, 'The header Content-Type: application/json is missing, or the content coding is not supported'),
] as const;
const UNUSABLE = answer(422, 'The body cannot be used');
const NO_CHANGE_YET = answer(409, 'Its state does not allow it');

const ID = path('id', 'Number of it, as the list has it');
const PAGE: readonly OpenApiParameter[] = [
  query('limit', 'At most so many; 100 unless told, 1000 at most', { type: 'integer' }),
  query('after', 'Those that follow this one: what the answer before had as `next`'),
];
const UPSTREAM = query('upstream', 'Name of the RIS; needed where there are several');
const SPOOL_FILTER: readonly OpenApiParameter[] = [
  query('route', 'Of this route'),
  query('upstream', 'For this upstream'),
  query('uid', 'Of this performed procedure step'),
  query('state', 'In this state', { options: ['queued', 'dead'] }),
];

const OF = {
  health: { tag: 'Health' },
  gateway: { tag: 'Gateway' },
  worklist: { tag: 'Worklist of the embedded RIS' },
  exceptions: { tag: 'Exceptions of the embedded RIS' },
  spool: { tag: 'Spool' },
  commitments: { tag: 'Storage commitments' },
  seen: { tag: 'What is seen' },
  trying: { tag: 'Trying things out' },
} as const;

/** A change: its body is JSON. */
const CHANGE = { requestTypes: JSON_TYPES } as const;

/** Every one but the files of the pages. */
export const CONSOLE_OPERATIONS: readonly OpenApiOperation[] = [
  { ...OF.health, id: 'live', method: 'get', path: '/health/live', summary: 'Is the process alive?', parameters: [], answers: [done('It is')] },
  { ...OF.health, id: 'ready', method: 'get', path: '/health/ready', summary: 'Can requests be taken?', parameters: [],
    answers: [done('They can; whom it works with'), answer(503, 'They cannot')] },
  { ...OF.health, id: 'metrics', method: 'get', path: '/metrics', summary: 'Metrics for Prometheus', parameters: [],
    answers: [{ status: 200, description: 'The metrics', mediaTypes: ['text/plain'] }] },
  { ...OF.gateway, id: 'openApi', method: 'get', path: CONSOLE_OPENAPI_PATH, summary: 'This document', parameters: [], answers: [done('It')] },
  { ...OF.gateway, ...CHANGE, isPayloadOptional: true, id: 'reload', method: 'post', path: '/api/reload', summary: 'Read the configuration again', parameters: [],
    answers: [done('It is in place; its warnings'), WRONG_BODY[2], answer(422, 'The file is wrong; nothing was changed'), answer(500, 'It could not be put in place; nothing was changed')] },
  { ...OF.gateway, ...CHANGE, id: 'backUpStore', method: 'post', path: '/api/store/backup', summary: 'Copy the store into a new file', parameters: [],
    answers: [done('Where it is, and how large'), ...WRONG_BODY, answer(404, 'There is no store'), answer(409, 'The copy could not be made'), UNUSABLE] },
  { ...OF.gateway, id: 'me', method: 'get', path: '/api/me', summary: 'Who asks, and what runs', parameters: [], answers: [done('Name, role, version')] },
  { ...OF.gateway, id: 'config', method: 'get', path: '/api/config', summary: 'The configuration as it is written, without secrets', parameters: [], answers: [done('Lines and problems')] },
  { ...OF.seen, id: 'overview', method: 'get', path: '/api/overview', summary: 'Listeners, routes and upstreams, and their last five minutes', parameters: [], answers: [done('They')] },
  { ...OF.seen, id: 'listExchanges', method: 'get', path: '/api/exchanges', summary: 'The last exchanges', parameters: [
      query('after', 'That ended after this one', { type: 'integer' }), query('limit', 'At most so many; 100 unless told, 1000 at most', { type: 'integer' }),
      query('listener', 'Of this listener'), query('route', 'Of this route'), query('upstream', 'With this upstream'),
      query('service', 'Of this service', { options: SERVICES }), query('failed', 'Whether they failed', { type: 'boolean' }),
      query('text', 'With this text'), query('uid', 'About this step, workitem or commitment') ],
    answers: [done('They, and the number of the last one'), WRONG_PARAMETER] },
  { ...OF.seen, id: 'getExchange', method: 'get', path: '/api/exchanges/{id}', summary: 'One exchange, hop by hop', parameters: [ID], answers: [done('It'), UNKNOWN] },
  { ...OF.seen, id: 'getTimeline', method: 'get', path: '/api/steps/{uid}', summary: 'What became of a step, a workitem or a commitment', parameters: [path('uid', 'Its UID')],
    answers: [done('What is known, in order of time'), answer(400, 'The path has no UID')] },
  { ...OF.trying, ...CHANGE, id: 'trySearch', method: 'post', path: '/api/try/search', summary: 'Show what a worklist search asks, and ask an upstream', parameters: [],
    answers: [done('URL, identifier, results'), ...WRONG_BODY, answer(404, 'There is no such upstream'), UNUSABLE] },
  { ...OF.trying, ...CHANGE, id: 'tryDataSet', method: 'post', path: '/api/try/dataset', summary: 'Show a data set in each form, and what rules make of it', parameters: [],
    answers: [done('JSON, XML, dump, and the rules'), ...WRONG_BODY, answer(404, 'There is no such route'), UNUSABLE] },
  { ...OF.worklist, id: 'listEntries', method: 'get', path: '/api/worklist', summary: 'Entries', parameters: [
      UPSTREAM,
      query('state', 'In this state', { repeating: true }), query('dateFrom', 'Start date from, YYYYMMDD'), query('dateTo', 'Start date to, YYYYMMDD'),
      query('modality', 'For this modality', { repeating: true }), query('station', 'For this station AE title', { repeating: true }),
      query('patientId', 'Of this patient', { repeating: true }), query('accessionNumber', 'Of this accession number', { repeating: true }),
      query('studyInstanceUid', 'Of this study', { repeating: true }), ...PAGE ],
    answers: [done('They, and `next` where there are more'), WRONG_PARAMETER, UNKNOWN] },
  { ...OF.worklist, ...CHANGE, id: 'createEntry', method: 'post', path: '/api/worklist', summary: 'Add an entry', parameters: [UPSTREAM],
    answers: [done('The same entry was there'), answer(201, 'Added'), ...WRONG_BODY, answer(404, 'There is no embedded RIS'), answer(409, 'There is another entry of this step'), UNUSABLE] },
  { ...OF.worklist, id: 'getEntry', method: 'get', path: '/api/worklist/{id}', summary: 'One entry', parameters: [ID, UPSTREAM],
    answers: [done('The entry'), WRONG_PARAMETER, UNKNOWN] },
  { ...OF.worklist, ...CHANGE, id: 'putEntry', method: 'put', path: '/api/worklist/{id}', summary: 'Add or replace an entry', parameters: [ID, UPSTREAM],
    answers: [done('Replaced'), answer(201, 'Added'), ...WRONG_BODY, answer(404, 'There is no embedded RIS'), answer(409, 'There is another entry of this step'), UNUSABLE] },
  { ...OF.worklist, ...CHANGE, isPayloadOptional: true, id: 'cancelEntry', method: 'delete', path: '/api/worklist/{id}', summary: 'Take an entry away', parameters: [ID, UPSTREAM],
    answers: [{ status: 204, description: 'It is away' }, WRONG_PARAMETER, UNKNOWN, WRONG_BODY[2]] },
  { ...OF.exceptions, id: 'listExceptions', method: 'get', path: '/api/exceptions', summary: 'Steps that name an order of another patient', parameters: [
      query('upstream', 'Of this RIS'), query('uid', 'Of this performed procedure step'), query('all', 'Also those that are resolved', { type: 'boolean', default: 'false' }), ...PAGE ],
    answers: [done('They, and `next` where there are more'), WRONG_PARAMETER] },
  { ...OF.exceptions, id: 'getException', method: 'get', path: '/api/exceptions/{id}', summary: 'One exception', parameters: [ID], answers: [done('The exception'), UNKNOWN] },
  { ...OF.exceptions, ...CHANGE, id: 'resolveException', method: 'post', path: '/api/exceptions/{id}/resolve', summary: 'Say what is right', parameters: [ID],
    answers: [done('The exception'), ...WRONG_BODY, UNKNOWN, answer(409, 'Somebody has resolved it already'), UNUSABLE] },
  { ...OF.spool, id: 'listSpool', method: 'get', path: '/api/spool', summary: 'Messages that wait', parameters: [...SPOOL_FILTER, ...PAGE],
    answers: [done('How many wait for whom, and the messages'), WRONG_PARAMETER, answer(404, 'There is no store')] },
  { ...OF.spool, id: 'exportSpool', method: 'get', path: '/api/spool/export', summary: 'Whole messages, one a line', parameters: SPOOL_FILTER,
    answers: [{ status: 200, description: 'With their data sets', mediaTypes: ['application/x-ndjson'] }, WRONG_PARAMETER, answer(404, 'There is no store')] },
  { ...OF.spool, id: 'getMessage', method: 'get', path: '/api/spool/{id}', summary: 'One message', parameters: [ID, query('dataset', 'With its data set', { type: 'boolean', default: 'false' })],
    answers: [done('The message'), WRONG_PARAMETER, UNKNOWN] },
  { ...OF.spool, ...CHANGE, id: 'retryDestination', method: 'post', path: '/api/spool/retry', summary: 'Try every message of a destination again', parameters: [],
    answers: [done('How many'), ...WRONG_BODY, answer(404, 'There is no store'), UNUSABLE] },
  { ...OF.spool, ...CHANGE, isPayloadOptional: true, id: 'retryMessage', method: 'post', path: '/api/spool/{id}/retry', summary: 'Try a message again', parameters: [ID],
    answers: [done('The message'), ...WRONG_BODY, UNKNOWN, NO_CHANGE_YET] },
  { ...OF.spool, ...CHANGE, id: 'discardMessage', method: 'post', path: '/api/spool/{id}/discard', summary: 'Give a message up', parameters: [ID],
    answers: [done('What was given up'), ...WRONG_BODY, UNKNOWN, NO_CHANGE_YET, answer(422, 'There is no reason')] },
  { ...OF.commitments, id: 'listCommitments', method: 'get', path: '/api/commitments', summary: 'Storage commitments', parameters: [
      query('route', 'Of this route'), query('phase', 'In this phase'), query('uid', 'Of this Transaction UID'), ...PAGE ],
    answers: [done('How many are in which phase, and they'), WRONG_PARAMETER, answer(404, 'There is no store')] },
  { ...OF.commitments, id: 'getCommitment', method: 'get', path: '/api/commitments/{id}', summary: 'One storage commitment', parameters: [ID], answers: [done('It'), UNKNOWN] },
  { ...OF.commitments, ...CHANGE, isPayloadOptional: true, id: 'retryCommitment', method: 'post', path: '/api/commitments/{id}/retry', summary: 'Try the next step now', parameters: [ID],
    answers: [done('It'), ...WRONG_BODY, UNKNOWN, NO_CHANGE_YET] },
  { ...OF.commitments, ...CHANGE, id: 'discardCommitment', method: 'post', path: '/api/commitments/{id}/discard', summary: 'Give it up', parameters: [ID],
    answers: [done('It'), ...WRONG_BODY, UNKNOWN, NO_CHANGE_YET, answer(422, 'There is no reason')] },
]; // prettier-ignore
