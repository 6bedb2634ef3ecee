/** Worklist searches from the command line: KEY=VALUE with the matching of a search URL (PS3.18 8.3.4). */
import { parsePath } from '../dataset/attribute-path.ts';
import { vrOf } from '../dataset/dictionary.ts';
import type { DataSet } from '../dataset/model.ts';
import type { RequestContext, Upstream } from '../services/port.ts';
import { queryFromParameters } from '../services/worklist/search-parameters.ts';

export interface SearchOptions {
  /** `KEY=VALUE` each. */
  readonly keys: readonly string[];
  /** Further attributes to return, `all` for every one. */
  readonly include: readonly string[];
  readonly limit?: number | undefined;
}

/** @throws GatewayError ATTRIBUTE_PATH_INVALID; ServiceFailure, BAD_REQUEST for a key that cannot be */
export async function searchWorklist(
  upstream: Upstream,
  options: SearchOptions,
  context: RequestContext,
): Promise<DataSet[]> {
  const { query, warnings } = queryFromParameters(rawQuery(options), { strictParameters: true });
  for (const warning of warnings) context.warn(warning);
  const results: DataSet[] = [];
  for await (const result of upstream.search(query, context)) results.push(result);
  return results;
}

function rawQuery({ keys, include, limit }: SearchOptions): string {
  const parameters = keys.map((key) => {
    const at = key.indexOf('=');
    const [path, value] = at < 0 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)];
    // Only a comma between UIDs separates (PS3.18 8.3.4.1); in any other value it is part of it.
    const isUidList = vrOf(parsePath(path).at(-1) ?? '') === 'UI';
    const values = isUidList ? value.split(',') : [value];
    return `${encodeURIComponent(path)}=${values.map(encodeURIComponent).join(',')}`;
  });
  if (include.length > 0) parameters.push(`includefield=${include.map(encodeURIComponent).join(',')}`);
  if (limit !== undefined) parameters.push(`limit=${limit}`);
  return parameters.join('&');
}
