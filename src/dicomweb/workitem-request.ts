/** What the UPS-RS transactions read alike (PS3.18 11.4 to 11.12): target, parameters, payload, and their Warnings. */
import { createDataSet, firstText } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { MppsContext, ServiceHandler, ServiceWarning } from '../services/port.ts';
import { workitemHttpOutcome } from '../services/ups/outcomes.ts';
import type { WorkitemOperation } from '../services/ups/outcomes.ts';
import { WORKITEM_WARNINGS } from '../services/ups/warnings.ts';
import type { WorkitemHandler } from '../services/ups/workitem.ts';
import type { Acceptable } from './negotiation.ts';
import { negotiated, orRefuse } from './request-head.ts';
import type { RequestHeadOptions } from './request-head.ts';
import { payloadFormatOf, readPayload } from './request-payload.ts';
import type { FailureOutcome, Transaction, TransactionDescription, WebAnswer, WebRequest } from './transaction.ts';
import { aeTitleIn, workitemParameters } from './workitem-parameters.ts';
import type { WorkitemParameterRules, WorkitemParameters } from './workitem-parameters.ts';
import { warningFields } from './warning-fields.ts';

export interface WorkitemOptions extends RequestHeadOptions {
  /** Bytes of a body, before and after its content coding is undone; a longer one is 413. */
  readonly maximumBodyBytes: number;
  readonly maximumAnswerBytes: number;
}

/** What a transaction has read of its request. */
export interface ReadRequest {
  readonly acceptable: readonly Acceptable[];
  readonly parameters: WorkitemParameters;
  readonly warnings: ServiceWarning[];
}

interface OfOperation extends TransactionDescription {
  readonly operation: WorkitemOperation;
}

/**
 * A transaction in two steps.
 * @param read what it refuses is told to the handler
 * @param run with what was read
 */
export function workitemTransaction<Read>(
  target: Pick<Transaction, 'id' | 'method' | 'path'>,
  description: OfOperation,
  handler: ServiceHandler,
  read: (request: WebRequest) => Read | Promise<Read>,
  run: (workitems: WorkitemHandler, read: Read, request: WebRequest) => Promise<WebAnswer>,
): Transaction {
  const { operation } = description;
  return {
    ...description,
    ...target,
    outcomeOf: (failure): FailureOutcome => workitemHttpOutcome(failure, operation),
    run: async (request) => {
      const got = await orRefuse(handler, operation, request, () => read(request));
      return run(workitemsOf(handler), got, request);
    },
  };
}

function workitemsOf({ workitems }: ServiceHandler): WorkitemHandler {
  if (workitems !== undefined) return workitems;
  throw new ServiceFailure('NOT_SUPPORTED', { comment: 'No route offers workitems' });
}

/** Accept, then parameters. @throws HttpRefusal 406; ServiceFailure BAD_REQUEST, INVALID_UID */
export function readWorkitemHead(
  options: RequestHeadOptions,
  { headers, rawQuery }: WebRequest,
  rules: Omit<WorkitemParameterRules, 'strictParameters'> = {},
): ReadRequest {
  const { strictParameters } = options;
  const read = (): WorkitemParameters => workitemParameters(rawQuery, { ...rules, strictParameters });
  const { acceptable, parameters } = negotiated(options, headers, read);
  return { acceptable, parameters, warnings: [...parameters.warnings] };
}

/** Content-Type, what `readHead` reads, then the body: in this order (status-mapping 12). */
export async function readWorkitemPayload<Head extends ReadRequest>(
  { maximumBodyBytes }: WorkitemOptions,
  request: WebRequest,
  readHead: () => Head,
): Promise<Head & { readonly dataSet: DataSet }> {
  const format = payloadFormatOf(request.headers);
  const head = readHead();
  const dataSet = await readPayload(format, await request.readBody(), maximumBodyBytes, request.held);
  return { ...head, dataSet };
}

/** UID in the path. @throws ServiceFailure INVALID_UID */
export function uidOf({ pathValues }: WebRequest): string {
  const uid = pathValues['workitem'] ?? '';
  if (!isUid(uid)) throw new ServiceFailure('INVALID_UID', { comment: 'The path names no UID' });
  return uid;
}

/** AE title in the path. @throws ServiceFailure BAD_REQUEST */
export function subscriberOf({ pathValues }: WebRequest): string {
  return aeTitleIn(pathValues['aetitle'] ?? '', 'The last part of the path');
}

/**
 * The one UID that both of these name, or either. @param tag of the payload
 * @throws ServiceFailure BAD_REQUEST where they differ, INVALID_UID
 */
export function sameUid(named: string | undefined, dataSet: DataSet, tag: Tag): string | undefined {
  if ((dataSet[tag]?.Value?.length ?? 0) > 1) throw atFault('BAD_REQUEST', `${tag} has several values`, tag);
  const text = firstText(dataSet, tag)?.trim() ?? '';
  if (text === '') return named;
  if (!isUid(text)) throw atFault('INVALID_UID', `${tag} is no UID`, tag);
  if (named !== undefined && named !== text)
    throw atFault('BAD_REQUEST', `${tag} differs from the UID of the URI`, tag);
  return text;
}

export function atFault(code: 'BAD_REQUEST' | 'INVALID_UID' | 'INVALID_VALUE' | 'MISSING_ATTRIBUTE', comment: string, tag: Tag): ServiceFailure {
  return new ServiceFailure(code, { comment, attributes: [tag] });
} // prettier-ignore

export function without(dataSet: DataSet, tags: readonly Tag[]): DataSet {
  const rest = createDataSet();
  for (const [tag, value] of Object.entries(dataSet)) if (!tags.includes(tag)) rest[tag] = value;
  return rest;
}

export function contextOf({ context, answerDelivered }: WebRequest, warnings: ServiceWarning[]): MppsContext {
  return { ...context, answerDelivered, warn: (warning) => void warnings.push(warning) };
}

const VERBATIM: ReadonlySet<string> = new Set(Object.values(WORKITEM_WARNINGS).map(({ text }) => text));

/** What PS3.18 words stands there as it words it, without a DIMSE status in front. */
export function workitemWarnings({ baseUri }: WebRequest, warnings: readonly ServiceWarning[]): ReturnType<typeof warningFields> {
  return warningFields(baseUri, warnings.map(({ dimseStatus, ...warning }) =>
    dimseStatus === undefined || VERBATIM.has(warning.text) ? warning : { ...warning, dimseStatus }));
} // prettier-ignore
