/**
 * Search, Create, Retrieve, Update, Change State and Request Cancellation of workitems (UPS-RS, PS3.18 11.4 to 11.9) at the
 * origin server: from the request to the port and back. What a workitem may become is for the handler to say.
 *
 * Where the standard says two things, or implementations another: the UID of a create stands in the target or in the payload,
 * bare or named (C12); that of the lock too; who asks for a cancellation is named by a parameter, a path, or by its login;
 * a change of state has no payload in its answer (C17); CANCELED may have two L as in the text of 11.7.1.4.
 */
import { createDataSet, firstText } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import type { ServiceHandler } from '../services/port.ts';
import { UPS } from '../services/ups/attributes.ts';
import { CREATE_UID_NAMES, TRANSACTION_UID_NAMES } from '../services/ups/parameters.ts';
import { WORKITEM_STATES } from '../services/ups/workitem.ts';
import type { WorkitemState } from '../services/ups/workitem.ts';
import { negotiated } from './request-head.ts';
import { payloadFormatOf, readPayload } from './request-payload.ts';
import { writeOne } from './result-writer.ts';
import { answerOfSearch } from './search-answer.ts';
import type { Transaction, WebRequest } from './transaction.ts';
import {
  CANCEL_PATH,
  STATE_PATH,
  WORKITEM_DESCRIPTIONS,
  WORKITEM_PATH,
  WORKLIST_PATH,
} from './workitem-descriptions.ts';
import { aeTitleIn, isAeTitle, workitemSearch } from './workitem-parameters.ts';
import { atFault, contextOf, readWorkitemHead, readWorkitemPayload, sameUid, uidOf, without, workitemTransaction, workitemWarnings } from './workitem-request.ts'; // prettier-ignore
import type { ReadRequest, WorkitemOptions } from './workitem-request.ts';

export type { WorkitemOptions } from './workitem-request.ts';

const DESCRIBED = WORKITEM_DESCRIPTIONS;
/** Requesting AE (0074,1236) has to have a value (PS3.4 Table CC.2.4-1). */
const UNKNOWN_REQUESTER = 'UNKNOWN';

export function createWorkitemTransactions(handler: ServiceHandler, options: WorkitemOptions): Transaction[] {
  return [
    searchTransaction(handler, options),
    createTransaction(handler, options),
    retrieveTransaction(handler, options),
    updateTransaction(handler, options),
    changeStateTransaction(handler, options, 'changeWorkitemState', STATE_PATH),
    changeStateTransaction(handler, options, 'changeWorkitemStateByRequester', `${STATE_PATH}/{requester}`),
    cancellationTransaction(handler, options, 'requestCancellation', CANCEL_PATH),
    cancellationTransaction(handler, options, 'requestCancellationByRequester', `${CANCEL_PATH}/{requester}`),
  ];
}

function searchTransaction(handler: ServiceHandler, options: WorkitemOptions): Transaction {
  return workitemTransaction(
    { id: 'searchForWorkitems', method: 'GET', path: WORKLIST_PATH },
    DESCRIBED.search,
    handler,
    ({ headers, rawQuery }) => {
      const read = negotiated(options, headers, () => workitemSearch(rawQuery, options.strictParameters));
      return { ...read, warnings: [...read.parameters.warnings] };
    },
    async (workitems, { parameters: { query }, ...head }, request) => {
      const results = workitems.search(query, contextOf(request, head.warnings));
      return answerOfSearch(results, head, options, request);
    },
  );
}

function createTransaction(handler: ServiceHandler, options: WorkitemOptions): Transaction {
  return workitemTransaction(
    { id: 'createWorkitem', method: 'POST', path: WORKLIST_PATH },
    DESCRIBED.create,
    handler,
    async (request) => {
      const head = (): ReadRequest => readWorkitemHead(options, request, { uidNames: CREATE_UID_NAMES });
      const { dataSet, parameters, warnings } = await readWorkitemPayload(options, request, head);
      const uid = sameUid(parameters.uid, dataSet, UPS.sopInstanceUid);
      return { uid, workitem: without(dataSet, [UPS.sopClassUid, UPS.sopInstanceUid]), warnings };
    },
    async (workitems, { uid, workitem, warnings }, request) => {
      const created = await workitems.create(uid, workitem, contextOf(request, warnings));
      return { status: 201, headers: { Location: resourceOf(request, created), ...workitemWarnings(request, warnings) } };
    },
  ); // prettier-ignore
}

function retrieveTransaction(handler: ServiceHandler, options: WorkitemOptions): Transaction {
  return workitemTransaction(
    { id: 'retrieveWorkitem', method: 'GET', path: WORKITEM_PATH },
    DESCRIBED.retrieve,
    handler,
    (request) => ({ uid: uidOf(request), ...readWorkitemHead(options, request) }),
    async (workitems, { uid, acceptable, warnings }, request) => {
      const workitem = await workitems.retrieve(uid, contextOf(request, warnings));
      const headers = {
        Vary: 'Accept, Accept-Charset, Accept-Encoding',
        'Cache-Control': 'no-store',
        'Content-Location': resourceOf(request, uid),
        ...workitemWarnings(request, warnings),
      };
      return { status: 200, headers, ...writeOne(workitem, acceptable, options.maximumAnswerBytes, request.held.made) };
    },
  );
}

function updateTransaction(handler: ServiceHandler, options: WorkitemOptions): Transaction {
  return workitemTransaction(
    { id: 'updateWorkitem', method: 'POST', path: WORKITEM_PATH },
    DESCRIBED.update,
    handler,
    async (request) => {
      const uid = uidOf(request);
      const { dataSet, ...read } = await readLocked(options, request);
      sameUid(uid, dataSet, UPS.sopInstanceUid);
      return {
        uid,
        modifications: without(dataSet, [UPS.sopClassUid, UPS.sopInstanceUid, UPS.transactionUid]),
        ...read,
      };
    },
    async (workitems, { uid, transactionUid, modifications, warnings }, request) => {
      await workitems.update(uid, transactionUid, modifications, contextOf(request, warnings));
      return { status: 200, headers: workitemWarnings(request, warnings) };
    },
  );
}

function changeStateTransaction(
  handler: ServiceHandler,
  options: WorkitemOptions,
  id: string,
  path: string,
): Transaction {
  const isByPath = path !== STATE_PATH;
  return workitemTransaction(
    { id, method: 'PUT', path },
    isByPath ? DESCRIBED.changeStateByPath : DESCRIBED.changeState,
    handler,
    async (request) => {
      const uid = uidOf(request);
      if (isByPath) requesterInPath(request);
      const { dataSet, ...read } = await readLocked(options, request);
      return { uid, state: stateIn(dataSet), ...read };
    },
    async (workitems, { uid, state, transactionUid, warnings }, request) => {
      await workitems.changeState(uid, state, transactionUid, contextOf(request, warnings));
      return { status: 200, headers: workitemWarnings(request, warnings) };
    },
  );
}

function cancellationTransaction(
  handler: ServiceHandler,
  options: WorkitemOptions,
  id: string,
  path: string,
): Transaction {
  const isByPath = path !== CANCEL_PATH;
  return workitemTransaction(
    { id, method: 'POST', path },
    isByPath ? DESCRIBED.requestCancellationByPath : DESCRIBED.requestCancellation,
    handler,
    async (request) => {
      const uid = uidOf(request);
      const inPath = isByPath ? requesterInPath(request) : '';
      const head = (): ReadRequest => readWorkitemHead(options, request, { names: ['requester'] });
      const { parameters, dataSet, warnings } = await readOptionalPayload(options, request, head);
      const named = inPath || (parameters.values.get('requester') ?? '');
      const requesterAeTitle = named === '' ? titleOf(request) : aeTitleIn(named, 'Parameter requester');
      return { uid, cancellation: { requesterAeTitle, attributes: dataSet }, warnings };
    },
    async (workitems, { uid, cancellation, warnings }, request) => {
      await workitems.requestCancellation(uid, cancellation, contextOf(request, warnings));
      return { status: 202, headers: workitemWarnings(request, warnings) };
    },
  );
}

/** Payload and lock: in the payload, or in the target. */
async function readLocked(
  options: WorkitemOptions,
  request: WebRequest,
): Promise<{ dataSet: DataSet; transactionUid: string | undefined; warnings: ReadRequest['warnings'] }> {
  const head = (): ReadRequest => readWorkitemHead(options, request, { uidNames: TRANSACTION_UID_NAMES });
  const { dataSet, parameters, warnings } = await readWorkitemPayload(options, request, head);
  return { dataSet, transactionUid: sameUid(parameters.uid, dataSet, UPS.transactionUid), warnings };
}

/** @throws ServiceFailure MISSING_ATTRIBUTE, INVALID_VALUE */
function stateIn(dataSet: DataSet): WorkitemState {
  const text = firstText(dataSet, UPS.state)?.trim() ?? '';
  if (text === '') throw atFault('MISSING_ATTRIBUTE', 'The Procedure Step State is missing', UPS.state);
  const wanted = text === 'CANCELLED' ? 'CANCELED' : text;
  const state = WORKITEM_STATES.find((one) => one === wanted);
  if (state === undefined || (dataSet[UPS.state]?.Value?.length ?? 0) > 1) {
    throw atFault('INVALID_VALUE', 'There is no such Procedure Step State', UPS.state);
  }
  return state;
}

/** A body that is empty, be it of a length not told before, is no payload. */
async function readOptionalPayload(
  { maximumBodyBytes }: WorkitemOptions,
  request: WebRequest,
  head: () => ReadRequest,
): Promise<ReadRequest & { dataSet: DataSet }> {
  const { headers, held } = request;
  const mayComeLater = headers['transfer-encoding'] !== undefined;
  const hasBody = mayComeLater || Number(headers['content-length'] ?? 0) > 0;
  const format = hasBody && !mayComeLater ? payloadFormatOf(headers) : undefined;
  const read = head();
  const body = hasBody ? await request.readBody() : Buffer.alloc(0);
  if (body.length === 0) return { ...read, dataSet: createDataSet() };
  return { ...read, dataSet: await readPayload(format ?? payloadFormatOf(headers), body, maximumBodyBytes, held) };
}

function requesterInPath({ pathValues }: WebRequest): string {
  return aeTitleIn(pathValues['requester'] ?? '', 'The last part of the path');
}

/** Who does not name itself is known by its login, in so far as that is a title. */
function titleOf({ context: { requester } }: WebRequest): string {
  const { subject = '' } = requester;
  return isAeTitle(subject) ? subject.trim() : UNKNOWN_REQUESTER;
}

function resourceOf({ baseUri }: WebRequest, uid: string): string {
  return `${baseUri}${WORKLIST_PATH}/${uid}`;
}
