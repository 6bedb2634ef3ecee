/** The query component of a request (PS3.18 8.3): taking it apart, and what is wrong with it. For every service. */
import { parsePath } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import { GatewayError } from '../errors.ts';
import { ServiceFailure } from './port.ts';

export interface Parameter {
  /** Decoded. */
  readonly name: string;
  /** As received, undefined for a bare name. */
  readonly raw: string | undefined;
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
    .map((part) => {
      const at = part.indexOf('=');
      const rawName = at < 0 ? part : part.slice(0, at);
      return { name: decoded(rawName, rawName), raw: at < 0 ? undefined : part.slice(at + 1) };
    });
}

/** `+` is a plus. @throws ServiceFailure BAD_REQUEST that names the parameter */
export function decoded(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badParameter(name, 'is not percent-encoded UTF-8');
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
  if (!fields.includes('all')) return fields.map(includedPath);
  if (fields.length > 1) throw badParameter('includefield', 'holds all together with other values');
  return 'all';
}

function includedPath(field: string): AttributePath {
  try {
    return parsePath(field);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw badParameter('includefield', withHint(`holds ${printable(field)}, which is no known attribute`, error));
  }
}

/** The problem, with what the error advises. */
export function withHint(problem: string, error: GatewayError): string {
  return error.fix === undefined ? problem : `${problem}. ${error.fix}`;
}

/** BAD_REQUEST that names the parameter, never its value. */
export function badParameter(name: string, problem: string, path?: AttributePath): ServiceFailure {
  const attributes = path === undefined ? [] : path.slice(-1);
  return new ServiceFailure('BAD_REQUEST', { comment: `Parameter ${printable(name)} ${problem}`, attributes });
}

/** A name that may be shown in a header field and a log: what cannot be a name is not repeated. */
export function printable(name: string): string {
  const shown = name.replaceAll(/[^\w.,()-]/g, '?').slice(0, 64);
  return shown === '' ? '(no name)' : shown;
}
