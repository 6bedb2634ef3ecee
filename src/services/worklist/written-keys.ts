/** Searches as a person writes them: KEY=VALUE with the matching of a search URL (PS3.18 8.3.4). */
import { parsePath } from '../../dataset/attribute-path.ts';
import { vrOf } from '../../dataset/dictionary.ts';

export interface WrittenSearch {
  /** `KEY=VALUE` each. */
  readonly keys: readonly string[];
  /** Further attributes to return, `all` for every one. */
  readonly include: readonly string[];
  readonly limit?: number | undefined;
}

/** The query component of its URL. @throws GatewayError ATTRIBUTE_PATH_INVALID */
export function parametersOfWritten({ keys, include, limit }: WrittenSearch): string {
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
