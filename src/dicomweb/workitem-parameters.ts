/**
 * Query components of the UPS-RS transactions (PS3.18 11.4 to 11.12): the standard's spellings and those in the wild. The
 * bare `?1.2.3` of the standard, and names that servers before us have taken.
 */
import { isUid } from '../dataset/uid.ts';
import { ServiceFailure } from '../services/port.ts';
import type { ServiceWarning } from '../services/port.ts';
import { badParameter, decoded } from '../services/query-parameters.ts';
import type { Parameter } from '../services/query-parameters.ts';
import { uidInQuery } from '../services/ups/parameters.ts';
import type { WorkitemQuery } from '../services/ups/workitem.ts';
import { queryFromParameters } from '../services/worklist/search-parameters.ts';
import { WARNINGS } from '../services/worklist/warnings.ts';
import { sortedParameters } from './request-parameters.ts';
import type { SortedParameters } from './request-parameters.ts';

export interface WorkitemParameterRules {
  /** A UID is named, bare or by one of these, which are in lower case; absent: none is. */
  readonly uidNames?: readonly string[];
  /** Parameters with a value of their own, each once. */
  readonly names?: readonly string[];
  readonly strictParameters: boolean;
}

export interface WorkitemParameters extends Omit<SortedParameters, 'own'> {
  readonly uid?: string;
  /** Decoded, by their names. */
  readonly values: ReadonlyMap<string, string>;
}

/** @throws ServiceFailure BAD_REQUEST that tells the label of the parameter, never its value; INVALID_UID */
export function workitemParameters(rawQuery: string, rules: WorkitemParameterRules): WorkitemParameters {
  const { uidNames, names = [], strictParameters } = rules;
  const isUid = ({ name, raw }: Parameter): boolean =>
    uidNames !== undefined && (raw === undefined || uidNames.some((one) => one.toLowerCase() === name.toLowerCase()));
  const isOwn = (parameter: Parameter): boolean => names.includes(parameter.name) || isUid(parameter);
  const { own, ...rest } = sortedParameters(rawQuery, isOwn, strictParameters);
  const values = new Map<string, string>();
  const uids: string[] = [];
  for (const { name, raw } of own) {
    if (!names.includes(name)) uids.push(raw === undefined ? bareUid(name) : `${name}=${raw}`);
    else if (values.has(name)) throw badParameter(name, 'occurs more than once');
    else values.set(name, decoded(raw ?? '', name));
  }
  const uid = uidNames === undefined ? undefined : uidInQuery(uids.join('&'), uidNames);
  return { ...rest, values, ...(uid !== undefined && { uid }) };
}

function bareUid(name: string): string {
  if (isUid(name)) return name;
  throw new ServiceFailure('INVALID_UID', { comment: 'the target names what is no UID' });
}

/** @throws ServiceFailure BAD_REQUEST */
export function switchIn({ values }: WorkitemParameters, name: string): boolean {
  const text = (values.get(name) ?? 'false').toLowerCase();
  if (text !== 'true' && text !== 'false') throw badParameter(name, 'is neither true nor false');
  return text === 'true';
}

/**
 * A title by which a subscriber or a requester is known: 1 to 16 characters of the default repertoire, no backslash, not
 * only spaces (PS3.5 6.2). Outer spaces say nothing.
 * @throws ServiceFailure BAD_REQUEST
 */
export function aeTitleIn(text: string, what: string): string {
  if (isAeTitle(text)) return text.trim();
  throw new ServiceFailure('BAD_REQUEST', { comment: `${what} is no AE title` });
}

export function isAeTitle(text: string): boolean {
  return /^(?! *$)[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text);
}

export interface WorkitemSearch extends Omit<SortedParameters, 'own'> {
  readonly query: WorkitemQuery;
}

/**
 * Search (PS3.18 11.9). Neither Empty nor Multiple Value Matching is performed.
 * @throws ServiceFailure BAD_REQUEST that tells the label of the parameter, never its value
 */
export function workitemSearch(rawQuery: string, strictParameters: boolean): WorkitemSearch {
  const { query, warnings, ...negotiation } = queryFromParameters(rawQuery, { strictParameters });
  const { identifier, fuzzyMatching, emptyValueMatching, multipleValueMatching, limit, offset } = query;
  const unsupported: ServiceWarning[] = [
    ...(emptyValueMatching ? [WARNINGS.emptyValueMatchingNotSupported] : []),
    ...(multipleValueMatching ? [WARNINGS.multipleValueMatchingNotSupported] : []),
  ];
  return {
    query: {
      identifier,
      returnKeys: query.returnKeys === 'all' ? 'all' : 'default',
      fuzzyMatching,
      ...(limit !== undefined && { limit }),
      offset,
    },
    ...negotiation,
    warnings: [...warnings, ...unsupported],
  };
}
