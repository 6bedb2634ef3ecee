/**
 * Media types and media ranges (RFC 9110 8.3.1, 12.5.1) as PS3.18 8.7 uses them: the value of `Content-Type`, the lists
 * of `Accept`, `Accept-Charset` and `Accept-Encoding`, with q-values and quoted parameters. Pure.
 */

export interface MediaType {
  /** Lower case, e.g. `application/dicom+json`. */
  readonly type: string;
  /** Names in lower case, values unquoted, in the case they came in. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A media type or range with its weight, 0 to 1. */
export interface WeightedMediaType extends MediaType {
  readonly quality: number;
}

/** One element of `Accept-Charset` or `Accept-Encoding`; the name in lower case. */
export interface WeightedName {
  readonly name: string;
  readonly quality: number;
}

/** What is read as the DICOM JSON model and as the Native DICOM Model. */
export const JSON_TYPES: ReadonlySet<string> = new Set(['application/dicom+json', 'application/json', 'text/json']);
export const XML_TYPES: ReadonlySet<string> = new Set(['application/dicom+xml', 'application/xml', 'text/xml']);

const TYPE = /^(\*|[\w!#$%&'*+.^`|~-]+)\/(\*|[\w!#$%&'*+.^`|~-]+)$/;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const QUALITY = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/** Splits at `separator` outside quoted strings. */
function splitUnquoted(text: string, separator: ',' | ';'): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (character === separator && !quoted) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim());
}

function unquote(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, '$1');
}

/**
 * One media type with its parameters. A parameter value may hold what only a quoted string may hold
 * (`type=application/dicom+xml`): PS3.18 shows both forms. Undefined when it is none.
 */
export function parseMediaType(text: string): MediaType | undefined {
  const [name = '', ...rest] = splitUnquoted(text, ';');
  const type = name.toLowerCase();
  if (!TYPE.test(type) || (type.startsWith('*/') && type !== '*/*')) return undefined;
  const parameters = new Map<string, string>();
  for (const part of rest) {
    if (part === '') continue;
    const equals = part.indexOf('=');
    if (equals < 1) return undefined;
    const key = part.slice(0, equals).trim().toLowerCase();
    if (!TOKEN.test(key)) return undefined;
    if (!parameters.has(key)) parameters.set(key, unquote(part.slice(equals + 1).trim()));
  }
  return { type, parameters };
}

/** A list of media ranges; `malformed` are the elements that are none, as they came. Order is kept. */
export function parseMediaRanges(text: string): { ranges: WeightedMediaType[]; malformed: string[] } {
  const ranges: WeightedMediaType[] = [];
  const malformed: string[] = [];
  for (const element of splitUnquoted(text, ',')) {
    if (element === '') continue;
    const range = parseMediaType(element);
    const quality = weightOf(range?.parameters.get('q'));
    if (range === undefined || quality === undefined) {
      malformed.push(element);
      continue;
    }
    const parameters = new Map(range.parameters);
    parameters.delete('q');
    ranges.push({ type: range.type, parameters, quality });
  }
  return { ranges, malformed };
}

/** The list of `Accept-Charset`, `Accept-Encoding` or the `charset` parameter; elements that are none are left out. */
export function parseWeightedNames(text: string): WeightedName[] {
  const names: WeightedName[] = [];
  for (const element of splitUnquoted(text, ',')) {
    const [name = '', ...rest] = splitUnquoted(element, ';');
    const q = rest.find((part) => /^q\s*=/i.test(part));
    const quality = weightOf(q?.slice(q.indexOf('=') + 1).trim());
    const plain = unquote(name);
    if (plain === '' || quality === undefined) continue;
    names.push({ name: plain.toLowerCase(), quality });
  }
  return names;
}

function weightOf(text: string | undefined): number | undefined {
  if (text === undefined) return 1;
  return QUALITY.test(text) ? Number(text) : undefined;
}

/** gzip when the client takes it and does not like the plain form better (RFC 9110 12.5.3). */
export function chooseEncoding(acceptEncoding: string | undefined): 'gzip' | 'identity' {
  if (acceptEncoding === undefined) return 'identity';
  const names = parseWeightedNames(acceptEncoding);
  const weight = (...wanted: string[]): number | undefined => names.find(({ name }) => wanted.includes(name))?.quality;
  const any = weight('*');
  const gzip = weight('gzip', 'x-gzip') ?? any ?? 0;
  const identity = weight('identity');
  return gzip > 0 && gzip >= (identity ?? 0) ? 'gzip' : 'identity';
}
