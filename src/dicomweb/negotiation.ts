/**
 * Content negotiation of answers with data sets (PS3.18 8.3.3, 8.7): from `Accept`, the `accept` and `charset` query
 * parameters and `Accept-Charset` to the representations the client takes, best first. Pure.
 *
 * Where PS3.18 says two things: nothing acceptable is 406, not the default type (8.7.8.1 against 8.3.3.1).
 */
import { acceptableCharsets, UTF_8 } from './charset.ts';
import type { Charset } from './charset.ts';
import { HttpRefusal } from './http-refusal.ts';
import { parseMediaRanges, parseWeightedNames } from './media-type.ts';
import type { WeightedMediaType } from './media-type.ts';

export interface AnswerFormat {
  readonly content: 'json' | 'xml';
  readonly multipart: boolean;
  /** Type of the message, or of each part of a multipart message. */
  readonly type: string;
  /** As it stands in `Accept` and in capabilities. */
  readonly text: string;
}

/** The four of PS3.18 14.4; the first is the default. */
export const ANSWER_FORMATS = [
  { content: 'json', multipart: false, type: 'application/dicom+json', text: 'application/dicom+json' },
  { content: 'xml', multipart: false, type: 'application/dicom+xml', text: 'application/dicom+xml' },
  {
    content: 'json',
    multipart: true,
    type: 'application/dicom+json',
    text: 'multipart/related; type="application/dicom+json"',
  },
  {
    content: 'xml',
    multipart: true,
    type: 'application/dicom+xml',
    text: 'multipart/related; type="application/dicom+xml"',
  },
] as const satisfies readonly AnswerFormat[];

/** What clients that know nothing of DICOM ask for; the very same bytes. */
const PLAIN_JSON: AnswerFormat = {
  content: 'json',
  multipart: false,
  type: 'application/json',
  text: 'application/json',
};

/** One representation the client takes. */
export interface Acceptable {
  readonly format: AnswerFormat;
  /** Best first; never empty. */
  readonly charsets: readonly Charset[];
}

export interface NegotiationRequest {
  readonly accept?: string | undefined;
  readonly acceptCharset?: string | undefined;
  /** Decoded values of the query parameters. */
  readonly acceptParameter?: string | undefined;
  readonly charsetParameter?: string | undefined;
  /** A request without `Accept` is 406 (PS3.18 8.7.5); otherwise it takes anything. */
  readonly strictAccept: boolean;
}

/** Data set answers are always explicit little endian; the parameter concerns inline binary values only. */
const TRANSFER_SYNTAXES: ReadonlySet<string> = new Set(['*', '1.2.840.10008.1.2.1']);
const RENDERED = /^(?:image\/(?:jpeg|gif|png|jp2)|video\/|text\/(?:html|plain|xml|rtf)$|application\/pdf$)/;

/**
 * The acceptable representations of an answer, best first; never empty. Order: weight, then how exactly the
 * range names the type, then the order of the ranges, then ours.
 * @throws HttpRefusal 400 for a header or parameter that is wrong, 406 when nothing we have is acceptable
 */
export function negotiate(request: NegotiationRequest): Acceptable[] {
  const header = headerRanges(request);
  const parameter = parameterRanges(request.acceptParameter);
  for (const range of parameter ?? []) {
    if (!header.some((accepted) => covers(accepted, range) && accepted.quality > 0)) {
      throw badParameter('accept', 'names a type that the Accept header excludes');
    }
  }
  const ranked = parameter === undefined ? [] : rank(parameter);
  const formats = ranked.length > 0 ? ranked : rank(header);
  if (formats.length === 0) throw notAcceptable();
  const general = generalCharsets(request);
  return formats.map(({ format, range }) => {
    const own = range.parameters.get('charset');
    const named = own === undefined ? undefined : acceptableCharsets([{ name: own.toLowerCase(), quality: 1 }]);
    return { format, charsets: named ?? general };
  });
}

/** The text of a header field, also where Node gives its lines apart. */
export function fieldText(value: string | string[] | undefined): string | undefined {
  return typeof value === 'object' ? value.join(', ') : value;
}

/** 406 with the list of what there is (PS3.18 8.7.8.1). */
export function notAcceptable(reason = 'None of the accepted media types is available'): HttpRefusal {
  return new HttpRefusal(
    406,
    'NO_COMMON_MEDIA_TYPE',
    `${reason}. Available: ${ANSWER_FORMATS.map(({ text }) => text).join(', ')}`,
  );
}

function badParameter(name: string, problem: string): HttpRefusal {
  return new HttpRefusal(400, 'BAD_REQUEST', `The parameter ${name} ${problem}`);
}

function headerRanges(request: NegotiationRequest): readonly WeightedMediaType[] {
  if (request.accept === undefined || request.accept.trim() === '') {
    if (request.strictAccept) throw notAcceptable('The request has no Accept header');
    return [{ type: '*/*', parameters: new Map(), quality: 1 }];
  }
  const { ranges, malformed } = parseMediaRanges(request.accept);
  if (ranges.length === 0 && malformed.length > 0) {
    throw new HttpRefusal(400, 'BAD_REQUEST', 'The Accept header holds no media range');
  }
  if (isMixed(ranges)) {
    throw new HttpRefusal(400, 'BAD_REQUEST', 'The Accept header mixes DICOM and rendered media types');
  }
  return ranges;
}

function parameterRanges(text: string | undefined): readonly WeightedMediaType[] | undefined {
  if (text === undefined) return undefined;
  const { ranges, malformed } = parseMediaRanges(text);
  if (malformed.length > 0 || ranges.length === 0)
    throw badParameter('accept', 'holds something that is no media type');
  if (ranges.some(({ type }) => type.includes('*'))) throw badParameter('accept', 'may not hold wildcards');
  if (isMixed(ranges)) throw badParameter('accept', 'mixes DICOM and rendered media types');
  return ranges;
}

function isMixed(ranges: readonly WeightedMediaType[]): boolean {
  const isDicom = ({ type, parameters }: WeightedMediaType): boolean =>
    type.startsWith('application/dicom') ||
    (parameters.get('type')?.toLowerCase().startsWith('application/dicom') ?? false);
  return ranges.some(isDicom) && ranges.some(({ type }) => RENDERED.test(type));
}

/** Charsets of the `charset` parameter, else of Accept-Charset, else UTF-8 (PS3.18 8.8.2). */
function generalCharsets(request: NegotiationRequest): readonly Charset[] {
  const parameter =
    request.charsetParameter === undefined
      ? undefined
      : acceptableCharsets(parseWeightedNames(request.charsetParameter));
  if (parameter !== undefined) return parameter;
  const header =
    request.acceptCharset === undefined ? undefined : acceptableCharsets(parseWeightedNames(request.acceptCharset));
  return header ?? [UTF_8];
}

interface Ranked {
  readonly format: AnswerFormat;
  readonly range: WeightedMediaType;
  readonly exactness: number;
  readonly position: number;
}

function rank(ranges: readonly WeightedMediaType[]): Ranked[] {
  const ranked: Ranked[] = [];
  for (const format of [...ANSWER_FORMATS, PLAIN_JSON]) {
    let best: Ranked | undefined;
    for (const [position, range] of ranges.entries()) {
      const exactness = exactnessFor(format, range);
      if (exactness > (best?.exactness ?? 0)) best = { format, range, exactness, position };
    }
    if (best !== undefined && best.range.quality > 0) ranked.push(best);
  }
  // The sort is stable: what is equal in all stays in our own order.
  return ranked.sort(
    (a, b) => b.range.quality - a.range.quality || b.exactness - a.exactness || a.position - b.position,
  );
}

/** 0: does not match; 1: any type; 2: any subtype, or multipart of any root; 3: this very type. */
function exactnessFor(format: AnswerFormat, range: WeightedMediaType): number {
  const transferSyntax = range.parameters.get('transfer-syntax');
  if (transferSyntax !== undefined && !TRANSFER_SYNTAXES.has(transferSyntax)) return 0;
  if (range.type === PLAIN_JSON.type || format === PLAIN_JSON) {
    return range.type === PLAIN_JSON.type && format === PLAIN_JSON ? 3 : 0;
  }
  if (range.type === '*/*') return 1;
  if (format.multipart) {
    if (range.type === 'multipart/*') return 2;
    if (range.type !== 'multipart/related') return 0;
    const root = range.parameters.get('type')?.toLowerCase();
    if (root === undefined) return 2;
    return root === format.type ? 3 : 0;
  }
  if (range.type === 'application/*') return 2;
  return range.type === format.type ? 3 : 0;
}

/** Does a range of the Accept header allow this type of the `accept` parameter? */
function covers(range: WeightedMediaType, wanted: WeightedMediaType): boolean {
  if (range.type === '*/*' || range.type === `${wanted.type.split('/')[0] ?? ''}/*`) return true;
  if (range.type !== wanted.type) return false;
  const root = range.parameters.get('type')?.toLowerCase();
  return root === undefined || root === wanted.parameters.get('type')?.toLowerCase();
}
