/**
 * The Status Report of a failure (PS3.18 8.6.3), whose form the standard leaves open: JSON where the client takes it,
 * else plain text. No patient values: tags and codes.
 */
import type { Tag } from '../dataset/model.ts';
import { parseMediaRanges } from './media-type.ts';

export interface StatusReport {
  readonly status: number;
  /** What went wrong, for a person. */
  readonly error: string;
  /** Canonical code of the failure, e.g. `BAD_REQUEST`. */
  readonly code: string;
  /** Four hex digits, e.g. `A900`. */
  readonly dimseStatus?: string;
  /** Four hex digits: Error ID (0000,0903) of a DIMSE response, e.g. `A710`. */
  readonly errorId?: string;
  readonly attributes?: readonly Tag[];
  /** Trace id of the exchange: finds its line in the log. */
  readonly transaction: string;
}

/** The body of a failure answer and its Content-Type, by the Accept header of the request. */
export function encodeStatusReport(
  report: StatusReport,
  accept: string | undefined,
): { contentType: string; body: string } {
  if (prefersJson(accept)) return { contentType: 'application/json', body: `${JSON.stringify(report)}\n` };
  const lines = [
    `${report.status} ${report.code}: ${report.error}`,
    ...(report.dimseStatus === undefined ? [] : [`DIMSE status: ${report.dimseStatus}`]),
    ...(report.errorId === undefined ? [] : [`Error ID: ${report.errorId}`]),
    ...(report.attributes === undefined ? [] : [`Attributes: ${report.attributes.join(', ')}`]),
    `Transaction: ${report.transaction}`,
  ];
  return { contentType: 'text/plain; charset=utf-8', body: `${lines.join('\n')}\n` };
}

/** A client that takes DICOM JSON reads JSON; so does one that takes anything. */
function prefersJson(accept: string | undefined): boolean {
  if (accept === undefined) return true;
  const { ranges } = parseMediaRanges(accept);
  const weight = (pattern: RegExp): number =>
    Math.max(0, ...ranges.filter(({ type }) => pattern.test(type)).map(({ quality }) => quality));
  const json = weight(/^(?:application\/(?:json|dicom\+json|\*)|\*\/\*)$/);
  const text = weight(/^text\/(?:plain|\*)$/);
  return json > 0 && json >= text;
}
