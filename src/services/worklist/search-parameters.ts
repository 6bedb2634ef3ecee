/** The query component of a search (PS3.18 8.3.4) and worklist query: reading a user agent's. Writing: search-url.ts. */
import { parsePath } from '../../dataset/attribute-path.ts';
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { GatewayError } from '../../errors.ts';
import { ServiceFailure } from '../port.ts';
import type { ServiceWarning, WorklistQuery } from '../port.ts';
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

interface Parameter {
  /** Decoded. */
  readonly name: string;
  /** As received, undefined for a bare name. */
  readonly raw: string | undefined;
}

const SWITCHES = ['fuzzymatching', 'emptyvaluematching', 'multiplevaluematching'] as const;
const COUNTS = ['limit', 'offset'] as const;

/** The parameter tables of PS3.18 spell the content negotiation parameters like the header fields (C3). */
const NEGOTIATION: Readonly<Record<string, 'accept' | 'charset'>> = {
  accept: 'accept',
  Accept: 'accept',
  charset: 'charset',
  'Accept-Charset': 'charset',
};

/** What must be a name of an attribute: `0008,0060`, `00400100.Modality` and eight hex digits. */
const LOOKS_LIKE_ATTRIBUTE = /^\(?[0-9A-Fa-f]{4},?[0-9A-Fa-f]{4}\)?$|\./;

/**
 * Reads a query component as it stands in the URL, with or without `?`. `+` is a plus; a leading or doubled `&` is
 * passed over (C21).
 * @throws ServiceFailure BAD_REQUEST that names the parameter, never its value
 */
export function queryFromParameters(rawQuery: string, options: SearchParameterOptions = {}): SearchParameters {
  const keys = new KeyCollection();
  const warnings: ServiceWarning[] = [];
  const single = new Map<string, string>();
  const included: Parameter[] = [];
  const matched: { path: AttributePath; parameter: Parameter }[] = [];
  for (const parameter of splitParameters(rawQuery)) {
    const known = NEGOTIATION[parameter.name] ?? [...SWITCHES, ...COUNTS].find((name) => name === parameter.name);
    if (known !== undefined) {
      if (single.has(known)) throw badParameter(parameter.name, 'occurs more than once');
      single.set(known, decoded(parameter.raw ?? '', parameter.name));
    } else if (parameter.name === 'includefield') {
      included.push(parameter);
    } else {
      const path = matchPath(parameter.name);
      if (path !== undefined) matched.push({ path, parameter });
      else if (options.strictParameters === true) throw badParameter(parameter.name, 'is not known');
      else warnings.push(parameterIgnored(printable(parameter.name)));
    }
  }

  const [fuzzyMatching, emptyValueMatching, multipleValueMatching] = SWITCHES.map((name) => switchOf(single, name));
  for (const { path, parameter } of matched) {
    const values = (parameter.raw ?? '').split(',').map((part) => decoded(part, parameter.name));
    const problem = (text: string): ServiceFailure => badParameter(parameter.name, text, path);
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

function splitParameters(rawQuery: string): Parameter[] {
  const query = rawQuery.startsWith('?') ? rawQuery.slice(1) : rawQuery;
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      const rawName = at < 0 ? part : part.slice(0, at);
      return { name: decoded(rawName, rawName), raw: at < 0 ? undefined : part.slice(at + 1) };
    });
}

/** The path a parameter name stands for; undefined when it is another service's parameter, or anybody's. */
function matchPath(name: string): AttributePath | undefined {
  try {
    return parsePath(name);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (LOOKS_LIKE_ATTRIBUTE.test(name)) throw badParameter(name, withHint('is no known attribute', error));
    return undefined;
  }
}

/** @returns whether `all` was asked for */
function includeFields(parameters: readonly Parameter[], keys: KeyCollection): boolean {
  const fields = parameters.flatMap(({ raw }) =>
    (raw ?? '').split(',').map((part) => decoded(part, 'includefield').trim()),
  );
  if (fields.includes('all')) {
    if (fields.length > 1) throw badParameter('includefield', 'holds all together with other values');
    return true;
  }
  for (const field of fields) keys.include(includedPath(field));
  return false;
}

function includedPath(field: string): AttributePath {
  try {
    return parsePath(field);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw badParameter('includefield', withHint(`holds ${printable(field)}, which is no known attribute`, error));
  }
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

function decoded(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter(name, 'is not percent-encoded UTF-8');
  }
}

function withHint(problem: string, error: GatewayError): string {
  return error.fix === undefined ? problem : `${problem}. ${error.fix}`;
}

function badParameter(name: string, problem: string, path?: AttributePath): ServiceFailure {
  const attributes = path === undefined ? [] : path.slice(-1);
  return new ServiceFailure('BAD_REQUEST', { comment: `Parameter ${printable(name)} ${problem}`, attributes });
}

/** A name that may be shown in a header field and a log: what cannot be a name is not repeated. */
function printable(name: string): string {
  const shown = name.replaceAll(/[^\w.,()-]/g, '?').slice(0, 64);
  return shown === '' ? '(no name)' : shown;
}

export { parametersFromQuery } from './search-url.ts';
export type { SearchUrlOptions } from './search-url.ts';
