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
import { GatewayError } from '../errors.ts';
import { mppsHttpOutcome } from '../services/mpps/outcomes.ts';
import type { MppsOperation } from '../services/mpps/outcomes.ts';
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, MppsContext, ServiceHandler, ServiceWarning } from '../services/port.ts';
import { MPPS_DESCRIPTIONS, MPPS_PATH, UPDATE_PATH } from './mpps-descriptions.ts';
import { mppsParameters, UPDATE_PARAMETER } from './mpps-parameters.ts';
import type { MppsParameters } from './mpps-parameters.ts';
import { fieldText, negotiate } from './negotiation.ts';
import type { Acceptable } from './negotiation.ts';
import { payloadFormatOf, readPayload } from './request-payload.ts';
import { ResultWriter } from './result-writer.ts';
import type { WrittenResults } from './result-writer.ts';
import type { Transaction, WebAnswer, WebRequest } from './transaction.ts';
import { warningFields } from './warning-fields.ts';

export interface MppsOptions {
  /** Unknown query parameters are 400 instead of a Warning (PS3.18 8.3). */
  readonly strictParameters: boolean;
  /** A request without Accept is 406 instead of taking anything (PS3.18 8.7.5). */
  readonly strictAccept: boolean;
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
  return { status: 200, headers, ...written(dataSet, acceptable, options.maximumAnswerBytes) };
}

/** What the listener refuses by itself leaves its line in the log all the same. */
async function orRefuse<T>(
  handler: ServiceHandler,
  operation: MppsOperation,
  request: WebRequest,
  read: () => Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ServiceFailure) handler.refused(operation, request.context, request.startedMs, error);
    throw error;
  }
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
  const dataSet = await readPayload(format, body, options.maximumBodyBytes);
  return { uid, dataSet: withoutUids(dataSet, uid), warnings };
}

interface RequestHead {
  readonly acceptable: readonly Acceptable[];
  readonly selection: AttributeSelection;
  readonly warnings: ServiceWarning[];
}

/** @throws HttpRefusal 406; ServiceFailure BAD_REQUEST */
function readHead(
  { strictAccept, strictParameters }: MppsOptions,
  { headers, rawQuery }: WebRequest,
  own: Parameters<typeof mppsParameters>[1],
): RequestHead {
  const negotiation = { accept: headers.accept, acceptCharset: fieldText(headers['accept-charset']), strictAccept };
  negotiate(negotiation);
  const { selection, accept, charset, warnings }: MppsParameters = mppsParameters(rawQuery, own, strictParameters);
  const acceptable = negotiate({ ...negotiation, acceptParameter: accept, charsetParameter: charset });
  return { acceptable, selection, warnings: [...warnings] };
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

/** What cannot be written in the representation is a failure of the conversion. */
function written(dataSet: DataSet, acceptable: readonly Acceptable[], maximumBytes: number): WrittenResults {
  try {
    const writer = new ResultWriter(acceptable, maximumBytes);
    writer.add(dataSet);
    return writer.finish();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new ServiceFailure('CONVERSION_FAILED', { comment: error.message, cause: error });
  }
}
