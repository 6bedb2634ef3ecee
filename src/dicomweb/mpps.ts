/**
 * Create, Update and Retrieve of a Modality Performed Procedure Step (PS3.18 15.4 to 15.6) at the origin server: from the
 * request to the port and back. What a message may hold is for the handler to say.
 *
 * Where the standard says two things (C24 to C28): an update is `?update` or `/update`, and by option PATCH; a create
 * answers 201 with Location, by option 200; answers without payload have no Content-Type; a retrieve gives an array.
 */
import { pathToText } from '../dataset/attribute-path.ts';
import { createDataSet, firstText } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { mppsHttpOutcome } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, MppsContext, ServiceHandler, ServiceWarning } from '../services/port.ts';
import { MPPS_DESCRIPTIONS, MPPS_PATH, UPDATE_PATH } from './mpps-descriptions.ts';
import { orRefuse, readHead } from './request-head.ts';
import type { RequestHeadOptions } from './request-head.ts';
import { UPDATE_PARAMETER } from './request-parameters.ts';
import { payloadFormatOf, readPayload } from './request-payload.ts';
import { writeOne } from './result-writer.ts';
import type { Transaction, WebAnswer, WebRequest } from './transaction.ts';
import { warningFields } from './warning-fields.ts';

export interface MppsOptions extends RequestHeadOptions {
  /** Bytes of a body, before and after its content coding is undone; a longer one is 413. */
  readonly maximumBodyBytes: number;
  readonly maximumAnswerBytes: number;
  /** What a Create answers: the text of 15.4 says 201, its example 200 (C25). */
  readonly createStatus: 200 | 201;
  /** PUT creates and PATCH updates too, as in drafts of Supplement 246 before July 2025 (C24). */
  readonly draftMethods: boolean;
}

const SOP_CLASS_UID = '00080016';
const SOP_INSTANCE_UID = '00080018';

export function createMppsTransactions(handler: ServiceHandler, options: MppsOptions): Transaction[] {
  const create = {
    ...MPPS_DESCRIPTIONS.create,
    statuses: MPPS_DESCRIPTIONS.create.statuses.map((one) => ({
      ...one,
      status: one.status === 201 ? options.createStatus : one.status,
    })),
    outcomeOf: (failure: ServiceFailure) => mppsHttpOutcome(failure, 'create'),
    run: (request: WebRequest) => createMpps(handler, options, request),
  };
  const update = {
    ...MPPS_DESCRIPTIONS.update,
    outcomeOf: (failure: ServiceFailure) => mppsHttpOutcome(failure, 'update'),
    run: (request: WebRequest) => updateMpps(handler, options, request),
  };
  const retrieve = {
    ...MPPS_DESCRIPTIONS.retrieve,
    outcomeOf: (failure: ServiceFailure) => mppsHttpOutcome(failure, 'retrieve'),
    run: (request: WebRequest) => retrieveMpps(handler, options, request),
  };
  const { parameters, ...withoutParameter } = update;
  const others = parameters.filter(({ name }) => name !== UPDATE_PARAMETER);
  const drafts: Transaction[] = [
    { ...create, id: 'createByPut', method: 'PUT', path: MPPS_PATH },
    { ...withoutParameter, parameters: others, id: 'updateByPatch', method: 'PATCH', path: MPPS_PATH },
  ];
  return [
    { ...create, id: 'create', method: 'POST', path: MPPS_PATH },
    { ...update, id: 'update', method: 'POST', path: MPPS_PATH, selector: UPDATE_PARAMETER },
    { ...retrieve, id: 'retrieve', method: 'GET', path: MPPS_PATH },
    { ...withoutParameter, parameters: others, id: 'updateByPath', method: 'POST', path: UPDATE_PATH },
    ...(options.draftMethods ? drafts : []),
  ];
}

async function createMpps(handler: ServiceHandler, options: MppsOptions, request: WebRequest): Promise<WebAnswer> {
  const { uid, dataSet, warnings } = await orRefuse(handler, 'create', request, () =>
    readWrite(options, request, false),
  );
  await handler.createMpps(uid, dataSet, contextOf(request, warnings));
  const headers = { Location: resourceOf(request, uid), ...warningFields(request.baseUri, warnings) };
  return { status: options.createStatus, headers };
}

async function updateMpps(handler: ServiceHandler, options: MppsOptions, request: WebRequest): Promise<WebAnswer> {
  const { uid, dataSet, warnings } = await orRefuse(handler, 'update', request, () =>
    readWrite(options, request, true),
  );
  await handler.updateMpps(uid, dataSet, contextOf(request, warnings));
  return { status: 200, headers: warningFields(request.baseUri, warnings) };
}

async function retrieveMpps(handler: ServiceHandler, options: MppsOptions, request: WebRequest): Promise<WebAnswer> {
  const { uid, acceptable, selection, warnings } = await orRefuse(handler, 'retrieve', request, async () => {
    const path = uidOf(request);
    return { uid: path, ...readHead(options, request, ['includefield']) };
  });
  const dataSet = await handler.retrieveMpps(uid, selection, contextOf(request, warnings));
  const headers = {
    Vary: 'Accept, Accept-Charset, Accept-Encoding',
    'Cache-Control': 'no-store',
    'Content-Location': `${resourceOf(request, uid)}${selectionQuery(selection)}`,
    ...warningFields(request.baseUri, warnings),
  };
  return { status: 200, headers, ...writeOne(dataSet, acceptable, options.maximumAnswerBytes, request.held.made) };
}

/** Path, Content-Type, Accept, parameters, body: in this order (status-mapping 12). */
async function readWrite(
  options: MppsOptions,
  request: WebRequest,
  isUpdate: boolean,
): Promise<{ uid: string; dataSet: DataSet; warnings: ServiceWarning[] }> {
  const uid = uidOf(request);
  const format = payloadFormatOf(request.headers);
  const { warnings } = readHead(options, request, isUpdate ? [UPDATE_PARAMETER] : []);
  const body = await request.readBody();
  const dataSet = await readPayload(format, body, options.maximumBodyBytes, request.held);
  return { uid, dataSet: withoutUids(dataSet, uid), warnings };
}

function uidOf({ pathValues }: WebRequest): string {
  const uid = pathValues['mppsUID'] ?? '';
  if (!isUid(uid)) throw new ServiceFailure('INVALID_UID', { comment: 'The path names no UID' });
  return uid;
}

/** The UIDs of class and instance stand in the command and in the path, never in the data set (PS3.4 F.7.2). */
function withoutUids(dataSet: DataSet, uid: string): DataSet {
  const named = dataSet[SOP_INSTANCE_UID]?.Value;
  if (named !== undefined && (named.length > 1 || firstText(dataSet, SOP_INSTANCE_UID)?.trim() !== uid)) {
    throw new ServiceFailure('BAD_REQUEST', {
      comment: `${SOP_INSTANCE_UID} differs from the UID of the path`,
      attributes: [SOP_INSTANCE_UID],
    });
  }
  const rest = Object.assign(createDataSet(), dataSet);
  delete rest[SOP_CLASS_UID];
  delete rest[SOP_INSTANCE_UID];
  return rest;
}

function contextOf({ context, answerDelivered }: WebRequest, warnings: ServiceWarning[]): MppsContext {
  return { ...context, answerDelivered, warn: (warning) => void warnings.push(warning) };
}

function resourceOf({ baseUri }: WebRequest, uid: string): string {
  return `${baseUri}${MPPS_PATH.replace('{mppsUID}', uid)}`;
}

function selectionQuery(selection: AttributeSelection): string {
  if (selection === 'all') return '';
  return `?includefield=${selection.map((path) => pathToText(path, 'tag')).join(',')}`;
}
