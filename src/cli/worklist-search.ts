/** Worklist searches from the command line: KEY=VALUE with the matching of a search URL (PS3.18 8.3.4). */
import type { DataSet } from '../dataset/model.ts';
import type { RequestContext, Upstream } from '../services/port.ts';
import { queryFromParameters } from '../services/worklist/search-parameters.ts';
import { parametersOfWritten } from '../services/worklist/written-keys.ts';
import type { WrittenSearch } from '../services/worklist/written-keys.ts';

/** @throws GatewayError ATTRIBUTE_PATH_INVALID; ServiceFailure, BAD_REQUEST for a key that cannot be */
export async function searchWorklist(
  upstream: Upstream,
  search: WrittenSearch,
  context: RequestContext,
): Promise<DataSet[]> {
  const { query, warnings } = queryFromParameters(parametersOfWritten(search), { strictParameters: true });
  for (const warning of warnings) context.warn(warning);
  const results: DataSet[] = [];
  for await (const result of upstream.search(query, context)) results.push(result);
  return results;
}
