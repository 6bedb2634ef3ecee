/** What header fields and query of a request about one resource say, before its body is looked at (status-mapping 12). */
import { ServiceFailure } from '../services/port.ts';
import type { AttributeSelection, Operation, ServiceHandler, ServiceWarning } from '../services/port.ts';
import { fieldText, negotiate } from './negotiation.ts';
import type { Acceptable } from './negotiation.ts';
import { requestParameters } from './request-parameters.ts';
import type { RequestParameters } from './request-parameters.ts';
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
  options: RequestHeadOptions,
  { headers, rawQuery }: WebRequest,
  own: Parameters<typeof requestParameters>[1] = [],
): RequestHead {
  const read = (): RequestParameters => requestParameters(rawQuery, own, options.strictParameters);
  const { acceptable, parameters } = negotiated(options, headers, read);
  return { acceptable, selection: parameters.selection, warnings: [...parameters.warnings] };
}

/**
 * Accept goes before the parameters where both are wrong, and then the parameters have a say in it.
 * @throws HttpRefusal 406; what `read` throws
 */
export function negotiated<Read extends { readonly accept?: string; readonly charset?: string }>(
  { strictAccept }: RequestHeadOptions,
  headers: WebRequest['headers'],
  read: () => Read,
): { readonly acceptable: readonly Acceptable[]; readonly parameters: Read } {
  const negotiation = { accept: headers.accept, acceptCharset: fieldText(headers['accept-charset']), strictAccept };
  negotiate(negotiation);
  const parameters = read();
  const { accept, charset } = parameters;
  return { acceptable: negotiate({ ...negotiation, acceptParameter: accept, charsetParameter: charset }), parameters };
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
