/** The answer to a search (PS3.18 8.3.4.4, 8.6): every result in the representation the client takes, or 204. */
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from '../services/port.ts';
import type { ServiceWarning } from '../services/port.ts';
import type { Acceptable } from './negotiation.ts';
import { ResultWriter } from './result-writer.ts';
import type { WebAnswer, WebRequest } from './transaction.ts';
import { warningFields } from './warning-fields.ts';

/**
 * @param warnings may still grow while results come
 * @throws ServiceFailure CONVERSION_FAILED for what cannot be written; what the results and `ResultWriter` throw
 */
export async function answerOfSearch(
  results: AsyncIterable<DataSet>,
  {
    acceptable,
    warnings,
  }: { readonly acceptable: readonly Acceptable[]; readonly warnings: readonly ServiceWarning[] },
  { maximumAnswerBytes }: { readonly maximumAnswerBytes: number },
  { baseUri, held }: WebRequest,
): Promise<WebAnswer> {
  const writer = new ResultWriter(acceptable, maximumAnswerBytes, held.made);
  // One HTTP answer cannot hold results and then a failure: nothing is sent before the last result is there.
  for await (const result of results) converted(() => writer.add(result));
  const headers = {
    Vary: 'Accept, Accept-Charset, Accept-Encoding',
    'Cache-Control': 'no-store',
    ...warningFields(baseUri, warnings),
  };
  if (writer.count === 0) return { status: 204, headers };
  return { status: 200, headers, ...converted(() => writer.finish()) };
}

/** What cannot be written in the representation is a failure of the conversion. */
function converted<T>(write: () => T): T {
  try {
    return write();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new ServiceFailure('CONVERSION_FAILED', { comment: error.message, cause: error });
  }
}
