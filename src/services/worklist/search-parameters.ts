/** The query component of a search (PS3.18 8.3.4) and worklist query: reading a user agent's. Writing: search-url.ts. */
import { parsePath } from '../../dataset/attribute-path.ts';
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { GatewayError } from '../../errors.ts';
import type { ServiceFailure, ServiceWarning, WorklistQuery } from '../port.ts';
import {
  badParameter,
  decoded,
  includedFields,
  NEGOTIATION_PARAMETERS,
  splitParameters,
  withHint,
} from '../query-parameters.ts';
import type { Parameter } from '../query-parameters.ts';
import { KeyCollection } from './key-collection.ts';
import { keyFromParameter } from './key-values.ts';
import { parameterIgnored } from './warnings.ts';

export interface SearchParameterOptions {
  /** Unknown parameters are errors instead of being ignored with a warning. */
  readonly strictParameters?: boolean;
}

export interface SearchParameters {
  readonly query: WorklistQuery;
  /** Decoded value of `accept` (PS3.18 8.3.3.1). */
  readonly accept?: string;
  /** Decoded value of `charset` (8.3.3.2). */
  readonly charset?: string;
  readonly warnings: readonly ServiceWarning[];
}

const SWITCHES = ['fuzzymatching', 'emptyvaluematching', 'multiplevaluematching'] as const;
const COUNTS = ['limit', 'offset'] as const;

/** What must be a name of an attribute: `0008,0060`, `00400100.Modality` and eight hex digits. */
const LOOKS_LIKE_ATTRIBUTE = /^\(?[0-9A-Fa-f]{4},?[0-9A-Fa-f]{4}\)?$|\./;

/**
 * Reads a query component as it stands in the URL, with or without `?`. `+` is a plus; a leading or doubled `&` is
 * passed over (C21).
 * @throws ServiceFailure BAD_REQUEST that tells the label of the parameter, never its value
 */
export function queryFromParameters(rawQuery: string, options: SearchParameterOptions = {}): SearchParameters {
  const keys = new KeyCollection();
  const warnings: ServiceWarning[] = [];
  const single = new Map<string, string>();
  const included: Parameter[] = [];
  const matched: { path: AttributePath; parameter: Parameter }[] = [];
  for (const parameter of splitParameters(rawQuery)) {
    const known =
      NEGOTIATION_PARAMETERS.get(parameter.name) ?? [...SWITCHES, ...COUNTS].find((name) => name === parameter.name);
    if (known !== undefined) {
      if (single.has(known)) throw badParameter(parameter.label, 'occurs more than once');
      single.set(known, decoded(parameter.raw ?? '', parameter.label));
    } else if (parameter.name === 'includefield') {
      included.push(parameter);
    } else {
      const path = matchPath(parameter);
      if (path !== undefined) matched.push({ path, parameter });
      else if (options.strictParameters === true) throw badParameter(parameter.label, 'is not known');
      else warnings.push(parameterIgnored(parameter.label));
    }
  }

  const [fuzzyMatching, emptyValueMatching, multipleValueMatching] = SWITCHES.map((name) => switchOf(single, name));
  for (const { path, parameter } of matched) {
    const values = (parameter.raw ?? '').split(',').map((part) => decoded(part, parameter.label));
    const problem = (text: string): ServiceFailure => badParameter(parameter.label, text, path);
    const key = keyFromParameter(path.at(-1) as string, values, multipleValueMatching === true, problem);
    keys.match(path, key, problem);
  }
  const all = includeFields(included, keys);
  const limit = countOf(single, 'limit');
  const offset = countOf(single, 'offset');
  const identifier = keys.identifier((tag) =>
    badParameter(tag, 'needs its Private Creator element as another parameter', [tag]),
  );
  const accept = single.get('accept');
  const charset = single.get('charset');
  return {
    query: {
      identifier,
      returnKeys: all ? 'all' : 'default',
      fuzzyMatching: fuzzyMatching === true,
      emptyValueMatching: emptyValueMatching === true,
      multipleValueMatching: multipleValueMatching === true,
      timezoneAdjustment: identifier['00080201'] !== undefined,
      ...(limit !== undefined && { limit }),
      offset: offset ?? 0,
      // The whole list comes in the order of its pages (8.3.4.4).
      stableOrder: true,
    },
    ...(accept !== undefined && { accept }),
    ...(charset !== undefined && { charset }),
    warnings,
  };
}

/** The path a parameter name stands for; undefined when it is another service's parameter, or anybody's. */
function matchPath({ name, label }: Parameter): AttributePath | undefined {
  try {
    return parsePath(name);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (LOOKS_LIKE_ATTRIBUTE.test(name)) throw badParameter(label, withHint('is no known attribute', error));
    return undefined;
  }
}

/** @returns whether `all` was asked for */
function includeFields(parameters: readonly Parameter[], keys: KeyCollection): boolean {
  const fields = includedFields(parameters);
  if (fields === 'all') return true;
  for (const path of fields) keys.include(path);
  return false;
}

function switchOf(single: ReadonlyMap<string, string>, name: string): boolean {
  const text = single.get(name);
  if (text === undefined || text === 'false') return false;
  if (text === 'true') return true;
  throw badParameter(name, 'is neither true nor false');
}

function countOf(single: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = single.get(name);
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badParameter(name, 'is not an unsigned integer');
  return Number(text);
}

export { parametersFromQuery } from './search-url.ts';
export type { SearchUrlOptions } from './search-url.ts';
