/**
 * Request and Result Check of storage commitment (PS3.18 13.4, 13.5) at the origin server: from the request to the port
 * and back. Whether an instance is committed is for the handler to say.
 *
 * Where the standard says two things (C35): 202 has no payload, neither a Status Report.
 */
import { dataSetOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { CommitmentAnswer, RequestContext, ServiceHandler, ServiceWarning } from '../services/port.ts';
import {
  REFERENCED_SOP_SEQUENCE,
  REFERENCED_STUDY_SEQUENCE,
  TRANSACTION_UID,
} from '../services/storage-commitment/attributes.ts';
import { referencesOf } from '../services/storage-commitment/modules.ts';
import { commitmentHttpOutcome } from '../services/storage-commitment/outcomes.ts';
import { COMMITMENT_DESCRIPTIONS, COMMITMENT_PATH } from './commitment-descriptions.ts';
import { orRefuse, readHead } from './request-head.ts';
import type { RequestHead, RequestHeadOptions } from './request-head.ts';
import { payloadFormatOf, readPayload } from './request-payload.ts';
import { writeOne } from './result-writer.ts';
import type { Transaction, WebAnswer, WebRequest } from './transaction.ts';
import { warningFields } from './warning-fields.ts';

export interface CommitmentOptions extends RequestHeadOptions {
  /** Bytes of a request module, before and after its content coding is undone; a longer one is 413. */
  readonly maximumCommitmentBytes: number;
  readonly maximumAnswerBytes: number;
}

/** Request Module (PS3.18 Table J.1-1): all that is kept of a payload, which may hold a patient's name besides. */
const MODULE = [REFERENCED_SOP_SEQUENCE, REFERENCED_STUDY_SEQUENCE] as const;

export function createCommitmentTransactions(handler: ServiceHandler, options: CommitmentOptions): Transaction[] {
  return [
    {
      ...COMMITMENT_DESCRIPTIONS.request,
      id: 'requestStorageCommitment',
      method: 'POST',
      path: COMMITMENT_PATH,
      maximumBodyBytes: options.maximumCommitmentBytes,
      outcomeOf: (failure) => commitmentHttpOutcome(failure, 'request'),
      run: (request) => requestCommitment(handler, options, request),
    },
    {
      ...COMMITMENT_DESCRIPTIONS.check,
      id: 'checkStorageCommitmentResult',
      method: 'GET',
      path: COMMITMENT_PATH,
      outcomeOf: (failure) => commitmentHttpOutcome(failure, 'check'),
      run: (request) => checkCommitment(handler, options, request),
    },
  ];
}

async function requestCommitment(
  handler: ServiceHandler,
  options: CommitmentOptions,
  request: WebRequest,
): Promise<WebAnswer> {
  const { uid, module, head } = await orRefuse(handler, 'request', request, () => readRequest(options, request));
  const answer = await handler.requestCommitment(uid, module, contextOf(request, head));
  return answerOf(answer, uid, head, options, request);
}

async function checkCommitment(
  handler: ServiceHandler,
  options: CommitmentOptions,
  request: WebRequest,
): Promise<WebAnswer> {
  const { uid, head } = await orRefuse(handler, 'check', request, () => ({
    uid: uidOf(request),
    head: readHead(options, request),
  }));
  const answer = await handler.checkCommitment(uid, contextOf(request, head));
  return answerOf(answer, uid, head, options, request);
}

/** Path, Content-Type, Accept, parameters, body: in this order (status-mapping 12). */
async function readRequest(
  options: CommitmentOptions,
  request: WebRequest,
): Promise<{ uid: string; module: DataSet; head: RequestHead }> {
  const uid = uidOf(request);
  const format = payloadFormatOf(request.headers);
  const head = readHead(options, request);
  const dataSet = await readPayload(format, await request.readBody(), options.maximumCommitmentBytes, request.held);
  referencesOf(dataSet, uid);
  return { uid, module: moduleIn(dataSet), head };
}

function uidOf({ pathValues }: WebRequest): string {
  const uid = pathValues['transactionUID'] ?? '';
  if (!isUid(uid)) {
    throw new ServiceFailure('INVALID_UID', { comment: 'The path names no UID', attributes: [TRANSACTION_UID] });
  }
  return uid;
}

function moduleIn(dataSet: DataSet): DataSet {
  return dataSetOf(Object.fromEntries(MODULE.flatMap((tag) => (dataSet[tag] ? [[tag, dataSet[tag]]] : []))));
}

function contextOf({ context }: WebRequest, { warnings }: RequestHead): RequestContext {
  return { ...context, warn: (warning: ServiceWarning) => void warnings.push(warning) };
}

function answerOf(
  answer: CommitmentAnswer,
  uid: string,
  { acceptable, warnings }: RequestHead,
  { maximumAnswerBytes }: CommitmentOptions,
  { baseUri, held }: WebRequest,
): WebAnswer {
  const headers = { 'Cache-Control': 'no-store', ...warningFields(baseUri, warnings) };
  if (answer.state === 'pending') {
    // A client that is told 0 asks without a pause.
    const seconds = Math.max(1, Math.ceil(answer.retryAfterMs / 1_000));
    return { status: 202, headers: { ...headers, 'Retry-After': String(seconds) } };
  }
  const described = {
    Vary: 'Accept, Accept-Charset, Accept-Encoding',
    'Content-Location': `${baseUri}${COMMITMENT_PATH.replace('{transactionUID}', uid)}`,
  };
  return {
    status: 200,
    headers: { ...headers, ...described },
    ...writeOne(answer.module, acceptable, maximumAnswerBytes, held.made),
  };
}
