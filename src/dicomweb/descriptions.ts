/** What Retrieve Capabilities says alike about every transaction on one resource (PS3.18 13, 15). */
import { CHARSETS } from './charset.ts';
import { ANSWER_FORMATS } from './negotiation.ts';
import type { ParameterDescription, StatusDescription } from './transaction.ts';

export const MEDIA_TYPES = ANSWER_FORMATS.map(({ text }) => text);
const CHARSET_NAMES = CHARSETS.map(({ name }) => name);

/** How an answer is asked for. */
export const NEGOTIATION_PARAMETERS: readonly ParameterDescription[] = [
  { name: 'Accept', style: 'header', type: 'xs:string', title: 'Media types', default: MEDIA_TYPES[0] as string, options: MEDIA_TYPES },
  { name: 'Accept-Charset', style: 'header', type: 'xs:string', title: 'Character sets', default: 'utf-8', options: CHARSET_NAMES },
  { name: 'accept', style: 'query', type: 'xs:string', title: 'Media types, as in Accept', options: MEDIA_TYPES },
  { name: 'charset', style: 'query', type: 'xs:string', title: 'Character sets, as in Accept-Charset', options: CHARSET_NAMES },
]; // prettier-ignore

/** What a request with a payload says about it. */
export const PAYLOAD_PARAMETERS: readonly ParameterDescription[] = [
  { name: 'Content-Type', style: 'header', type: 'xs:string', title: 'Media type of the payload', required: true, options: MEDIA_TYPES },
  { name: 'Content-Encoding', style: 'header', type: 'xs:string', title: 'Content coding of the payload', options: ['gzip', 'deflate', 'br'] },
]; // prettier-ignore

export const FAILURES: readonly StatusDescription[] = [
  { status: 400, title: 'A header, a parameter or the payload is wrong' },
  { status: 403, title: 'The far end refuses the request' },
  { status: 406, title: 'No accepted media type or character set is available' },
  { status: 500, title: 'Something unexpected happened' },
  { status: 501, title: 'The far end does not support the transaction' },
  { status: 502, title: 'The far end failed or cannot be understood' },
  { status: 503, title: 'The far end cannot be reached or is overloaded: try again after Retry-After' },
  { status: 504, title: 'The far end did not answer in time; the outcome is not known' },
  { status: 508, title: 'The message came by the same route of this gateway before' },
];

export const PAYLOAD_FAILURES: readonly StatusDescription[] = [
  { status: 408, title: 'The payload did not come in time' },
  { status: 413, title: 'The payload is too large' },
  { status: 415, title: 'The media type or content coding of the payload is not supported' },
];

/** The successes, then the failures by their status. */
export function inOrder(
  successes: readonly StatusDescription[],
  ...failures: (readonly StatusDescription[])[]
): StatusDescription[] {
  return [...successes, ...failures.flat().sort((a, b) => a.status - b.status)];
}
