/** Writing the query component of a search (PS3.18 8.3.4, proxy-wise the reverse of search-parameters.ts). */
import { pathToText } from '../../dataset/attribute-path.ts';
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { isPrivateCreator } from '../../dataset/dictionary.ts';
import { isEmpty, itemsOf, sortedTags } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { ServiceFailure } from '../port.ts';
import type { WorklistQuery } from '../port.ts';
import { isReturnedByDefault, leafPaths } from './attributes.ts';
import { dateTimeKeyAtUtc } from './date-time.ts';
import { isEmptyIdentifier } from './identifier.ts';
import { isEmptyValueKey, isMultipleValueKey, isNoKey, keyText } from './keys.ts';

/** How an origin server likes to be asked; the first of each is the default. */
export interface SearchUrlOptions {
  readonly names?: 'tag' | 'keyword';
  /** One `includefield` with commas, one for each attribute, or `includefield=all` whatever is asked for. */
  readonly includefield?: 'list' | 'repeated' | 'all';
  /** A sequence asked for as a whole: by its known attributes, or by its own name (C1). */
  readonly emptySequence?: 'leaves' | 'sequence';
  /** Leave out of `includefield` what is returned without being asked (types 1 and 2). */
  readonly omitDefaultReturnKeys?: boolean;
  /** Name match keys in `includefield` too, for servers that return nothing else. */
  readonly repeatMatchKeys?: boolean;
  /** Characters of the query component above which `includefield=all` replaces the list; 6000. */
  readonly maximumUriLength?: number;
  /** The server does these. */
  readonly emptyValueMatching?: boolean;
  readonly multipleValueMatching?: boolean;
}

const MAXIMUM_URI_LENGTH = 6000;
const TIMEZONE_OFFSET_FROM_UTC: Tag = '00080201';

interface Collected {
  readonly matches: { path: AttributePath; value: string }[];
  readonly includes: AttributePath[];
}

/**
 * The query component of a search, percent-encoded, without `?`; empty for a query that asks for nothing in particular.
 * @throws ServiceFailure BAD_REQUEST for a key no URL can hold (several values where the server does not match them,
 *   binary values), QUERY_TOO_LONG when the match keys alone are longer than allowed
 */
export function parametersFromQuery(query: WorklistQuery, options: SearchUrlOptions = {}): string {
  const collected: Collected = { matches: [], includes: [] };
  collect(query.identifier, [], query, options, collected);
  const name = (path: AttributePath): string => pathToText(path, options.names ?? 'tag');
  const matches = collected.matches.map(({ path, value }) => `${name(path)}=${value}`);
  const switches = switchParameters(query, options);

  const paths = options.repeatMatchKeys
    ? [...collected.includes, ...collected.matches.map(({ path }) => path).filter(isKeyPath)]
    : collected.includes;
  const wanted = paths.filter((path) => options.omitDefaultReturnKeys !== true || !isReturnedByDefault(path));
  const fields = wanted.map(name);
  const maximum = options.maximumUriLength ?? MAXIMUM_URI_LENGTH;
  const listed = [...matches, ...includeParameters(fields, query, options), ...switches].join('&');
  if (listed.length <= maximum) return listed;
  const shortened = [...matches, 'includefield=all', ...switches].join('&');
  if (shortened.length <= maximum) return shortened;
  throw new ServiceFailure('QUERY_TOO_LONG', { comment: 'the match keys make a URI longer than allowed' });
}

function switchParameters(query: WorklistQuery, options: SearchUrlOptions): string[] {
  return [
    query.fuzzyMatching ? ['fuzzymatching=true'] : [],
    query.emptyValueMatching && options.emptyValueMatching === true ? ['emptyvaluematching=true'] : [],
    query.multipleValueMatching && options.multipleValueMatching === true ? ['multiplevaluematching=true'] : [],
    query.offset > 0 ? [`offset=${query.offset}`] : [],
    query.limit !== undefined ? [`limit=${query.limit}`] : [],
  ].flat();
}

function includeParameters(fields: string[], query: WorklistQuery, options: SearchUrlOptions): string[] {
  if (query.returnKeys === 'all' || (options.includefield === 'all' && fields.length > 0)) return ['includefield=all'];
  if (fields.length === 0) return [];
  if (options.includefield === 'repeated') return fields.map((field) => `includefield=${field}`);
  return [`includefield=${fields.join(',')}`];
}

function collect(
  keys: DataSet,
  around: AttributePath,
  query: WorklistQuery,
  options: SearchUrlOptions,
  into: Collected,
): void {
  for (const tag of sortedTags(keys)) {
    const key = keys[tag] as Attribute;
    const path = [...around, tag];
    if (isNoKey(tag) && !(path.length === 1 && tag === TIMEZONE_OFFSET_FROM_UTC && !isEmpty(key))) continue;
    const [item] = itemsOf(key);
    if (item !== undefined && !isEmptyIdentifier(item)) collect(item, path, query, options, into);
    else if (key.vr === 'SQ') into.includes.push(...wholeSequence(path, options));
    else if (isEmpty(key) || isUnsupportedEmptyValue(key, query, options)) into.includes.push(path);
    else into.matches.push({ path, value: parameterValue(key, tag, options) });
  }
}

function wholeSequence(path: AttributePath, options: SearchUrlOptions): AttributePath[] {
  return options.emptySequence === 'sequence' ? [path] : (leafPaths(path) ?? [path]);
}

function isUnsupportedEmptyValue(key: Attribute, query: WorklistQuery, options: SearchUrlOptions): boolean {
  return query.emptyValueMatching && options.emptyValueMatching !== true && isEmptyValueKey(key);
}

function parameterValue(key: Attribute, tag: Tag, options: SearchUrlOptions): string {
  const refuse = (comment: string): ServiceFailure => new ServiceFailure('BAD_REQUEST', { comment, attributes: [tag] });
  if (key.Value === undefined) throw refuse('a binary value cannot be matched over the web');
  const texts = key.Value.map(keyText);
  if (key.vr === 'UI') return texts.map(encoded).join(',');
  if (isMultipleValueKey(key) && options.multipleValueMatching !== true) {
    throw refuse('several values of a key are not matched by the origin server');
  }
  return encoded(texts.map((text) => (key.vr === 'DT' ? dateTimeKeyAtUtc(text) : text)).join('\\'));
}

/** A private creator goes along with its attributes, it is not asked for. */
function isKeyPath(path: AttributePath): boolean {
  const tag = path.at(-1) as Tag;
  return !isPrivateCreator(tag) && !isNoKey(tag);
}

/** Everything but unreserved characters is encoded, `+` and `?` included, since form decoders are about (8.3.1). */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
