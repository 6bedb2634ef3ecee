/** What header fields and query of a request about one resource say, before its body is looked at (status-mapping 12). */
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Operation, ServiceHandler, ServiceWarning } from '../services/port.ts';
import { fieldText, negotiate } from './negotiation.ts';
import type { Acceptable } from './negotiation.ts';
import { requestParameters } from './request-parameters.ts';
import type { WebRequest } from './transaction.ts';

export interface RequestHeadOptions {
  /** Unknown query parameters are 400 instead of a Warning (PS3.18 8.3). */
  readonly strictParameters: boolean;
  /** A request without Accept is 406 instead of taking anything (PS3.18 8.7.5). */
  readonly strictAccept: boolean;
}

export interface RequestHead {
  readonly acceptable: readonly Acceptable[];
  readonly selection: AttributeSelection;
  readonly warnings: ServiceWarning[];
}

/**
 * Accept, then parameters.
 * @param own parameters of the transaction besides those of content negotiation
 * @throws HttpRefusal 406; ServiceFailure BAD_REQUEST
 */
export function readHead(
  { strictAccept, strictParameters }: RequestHeadOptions,
  { headers, rawQuery }: WebRequest,
  own: Parameters<typeof requestParameters>[1] = [],
): RequestHead {
  const negotiation = { accept: headers.accept, acceptCharset: fieldText(headers['accept-charset']), strictAccept };
  negotiate(negotiation);
  const { selection, accept, charset, warnings } = requestParameters(rawQuery, own, strictParameters);
  const acceptable = negotiate({ ...negotiation, acceptParameter: accept, charsetParameter: charset });
  return { acceptable, selection, warnings: [...warnings] };
}

/** What the listener refuses by itself leaves its line in the log all the same. */
export async function orRefuse<T>(
  handler: ServiceHandler,
  operation: Operation,
  request: WebRequest,
  read: () => T | Promise<T>,
): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof ServiceFailure) handler.refused(operation, request.context, request.startedMs, error);
    throw error;
  }
}
