/** The query component of a request (PS3.18 8.3): taking it apart, and what is wrong with it. For every service. */
import { parsePath } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import { lookupKeyword } from '../dataset/dictionary.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from './port.ts';

export interface Parameter {
  /** Decoded. */
  readonly name: string;
  /** As received, undefined for a bare name. */
  readonly raw: string | undefined;
  /**
   * What it is called in an error: its name where that is one of the standard, else its place, counted from 1. What is no
   * name may be a piece of a value that was not encoded.
   */
  readonly label: string;
}

/**
 * The parameter tables of PS3.18 spell the content negotiation parameters like the header fields (C3). A map: an object
 * would know `constructor` as well.
 */
export const NEGOTIATION_PARAMETERS: ReadonlyMap<string, 'accept' | 'charset'> = new Map([
  ['accept', 'accept'],
  ['Accept', 'accept'],
  ['charset', 'charset'],
  ['Accept-Charset', 'charset'],
]);

/** As people write it too: `(0008,0060)`. */
const LOOKS_LIKE_TAG = /^\(?[0-9A-Fa-f]{4},?[0-9A-Fa-f]{4}\)?$/;

const FURTHER_NAMES: ReadonlySet<string> = new Set([
  'includefield',
  'limit',
  'offset',
  'fuzzymatching',
  'emptyvaluematching',
  'multiplevaluematching',
  'update',
]);

/**
 * The parameters of a query component as it stands in the URL, with or without `?`; a leading or doubled `&` is passed
 * over (C21).
 * @throws ServiceFailure BAD_REQUEST for a name that is not percent-encoded UTF-8
 */
export function splitParameters(rawQuery: string): Parameter[] {
  const query = rawQuery.startsWith('?') ? rawQuery.slice(1) : rawQuery;
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part, index) => {
      const at = part.indexOf('=');
      const place = `number ${index + 1}`;
      const name = decoded(at < 0 ? part : part.slice(0, at), place);
      return { name, raw: at < 0 ? undefined : part.slice(at + 1), label: isStandardName(name) ? name : place };
    });
}

function isStandardName(name: string): boolean {
  if (FURTHER_NAMES.has(name) || NEGOTIATION_PARAMETERS.has(name)) return true;
  return name.split('.').every((step) => LOOKS_LIKE_TAG.test(step) || lookupKeyword(step) !== undefined);
}

/** `+` is a plus. @throws ServiceFailure BAD_REQUEST that tells the label of the parameter */
export function decoded(text: string, label: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter(label, 'is not percent-encoded UTF-8');
  }
}

/**
 * What the `includefield` parameters of a request ask for together; no parameter gives no path.
 * @throws ServiceFailure BAD_REQUEST for what is no known attribute, and for `all` among others
 */
export function includedFields(parameters: readonly Parameter[]): 'all' | AttributePath[] {
  const fields = parameters.flatMap(({ raw }) =>
    (raw ?? '').split(',').map((part) => decoded(part, 'includefield').trim()),
  );
  if (!fields.includes('all')) return fields.map((field, index) => includedPath(field, index));
  if (fields.length > 1) throw badParameter('includefield', 'holds all together with other values');
  return 'all';
}

function includedPath(field: string, index: number): AttributePath {
  try {
    return parsePath(field);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw badParameter('includefield', withHint(`holds no known attribute at place ${index + 1}`, error));
  }
}

/** The problem, with what the error advises. */
export function withHint(problem: string, error: GatewayError): string {
  return error.fix === undefined ? problem : `${problem}. ${error.fix}`;
}

/** BAD_REQUEST that tells the label of the parameter, never its value. */
export function badParameter(label: string, problem: string, path?: AttributePath): ServiceFailure {
  const attributes = path === undefined ? [] : path.slice(-1);
  return new ServiceFailure('BAD_REQUEST', { comment: `Parameter ${label} ${problem}`, attributes });
}
