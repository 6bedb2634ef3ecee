/**
 * The Warning header in its DICOM form `299 <service>: <text>` (PS3.18 8.3.4.4, 11, 14). RFC 7234 wants
 * `299 agent "text"`; PS3.18 prints no quotes. The DICOM form is written, both are read. The texts themselves stand in
 * services/worklist/warnings.ts.
 */

export interface WarningValue {
  /** Warn-code: `299`, or four hex digits where a peer puts the DIMSE status there (`A700`). */
  readonly code: string;
  /** The service, i.e. its Base URI; a host or a pseudonym in other software; empty when there is none. */
  readonly agent: string;
  readonly text: string;
}

/** Keeps a header field within visible ASCII: what else comes in a text is replaced. */
export function toHeaderText(text: string): string {
  return text.replace(/\s+/g, ' ').replace(/[^\x20-\x7e]/g, '?');
}

export function encodeWarning(service: string, text: string): string {
  return toHeaderText(`299 ${service.replace(/\s/g, '')}: ${text}`);
}

/** The warnings of one or more header fields; fields may hold several, separated by commas. */
export function parseWarnings(fields: string | readonly string[] | undefined): WarningValue[] {
  if (fields === undefined) return [];
  const list = typeof fields === 'string' ? [fields] : fields;
  return list.flatMap(splitWarnings).flatMap((value) => parseWarning(value) ?? []);
}

/** A text without quotes may hold commas itself: a new warning begins with a code and another word. */
function splitWarnings(field: string): string[] {
  const values: string[] = [];
  let start = 0;
  let quoted = false;
  for (let i = 0; i < field.length; i++) {
    const character = field[i];
    if (quoted && character === '\\') i++;
    else if (character === '"') quoted = !quoted;
    else if (character === ',' && !quoted && /^,\s*(?:\d{3}|[\dA-F]{4})\s+\S+\s/.test(field.slice(i, i + 2048))) {
      values.push(field.slice(start, i));
      start = i + 1;
    }
  }
  values.push(field.slice(start));
  return values.map((value) => value.trim()).filter((value) => value !== '');
}

function parseWarning(value: string): WarningValue | undefined {
  const match = /^(\d{3}|[\dA-F]{4})\s+(.*)$/s.exec(value);
  if (match === null) return undefined;
  const [, code = '', rest = ''] = match;
  // `agent "text"`, and a date in quotes may follow.
  const quoted = /^(\S+)\s+"((?:[^"\\]|\\.)*)"/s.exec(rest);
  if (quoted !== null) {
    return { code, agent: (quoted[1] ?? '').replace(/:$/, ''), text: (quoted[2] ?? '').replace(/\\(.)/gs, '$1') };
  }
  const named = /^(\S+):\s+(.*)$/s.exec(rest) ?? /^(-|https?:\S+)\s+(.*)$/s.exec(rest);
  return named === null ? { code, agent: '', text: rest } : { code, agent: named[1] ?? '', text: named[2] ?? '' };
}
