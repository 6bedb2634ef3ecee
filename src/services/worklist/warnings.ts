/**
 * Warning header fields (PS3.18 8.3.4 and 8.5; verbatim texts are protocol strings). DICOM writes `299 service: text`
 * where RFC 7234 has `299 agent "text"`: the first is sent, both are understood.
 */
import { lookupTag } from '../../dataset/dictionary.ts';
import type { Tag } from '../../dataset/model.ts';
import type { ServiceWarning } from '../port.ts';

function warningOf(code: ServiceWarning['code'], text: string, dimseStatus?: number): ServiceWarning {
  return { code, text, ...(dimseStatus !== undefined && { dimseStatus }) };
}

export const WARNINGS = {
  fuzzyMatchingNotSupported: warningOf(
    'FUZZY_MATCHING_NOT_SUPPORTED',
    'The fuzzymatching parameter is not supported. Only literal matching has been performed.',
  ),
  emptyValueMatchingNotSupported: warningOf(
    'EMPTY_VALUE_MATCHING_NOT_SUPPORTED',
    'The emptyvaluematching parameter is not supported. Empty Value Matching has not been performed.',
  ),
  multipleValueMatchingNotSupported: warningOf(
    'MULTIPLE_VALUE_MATCHING_NOT_SUPPORTED',
    'The multiplevaluematching parameter is not supported. Multiple Value Matching has not been performed.',
  ),
  timezoneNotSupported: warningOf(
    'TIMEZONE_NOT_SUPPORTED',
    'The time zone of the query is not supported. Times have been taken as local.',
  ),
  optionalKeysNotSupported: warningOf('OPTIONAL_KEYS_NOT_SUPPORTED', 'FF01: optional keys not supported', 0xff01),
  resultsMayBeIncomplete: warningOf('RESULTS_MAY_BE_INCOMPLETE', 'B001: results may be incomplete', 0xb001),
} as const satisfies Record<string, ServiceWarning>;

/** `remaining` is a lower bound where a cap cut the list. */
export function moreResults(remaining: number): ServiceWarning {
  return { ...warningOf('MORE_RESULTS', `There are ${remaining} additional results that can be requested`), remaining };
}

/** @param label Parameter.label */
export function parameterIgnored(label: string): ServiceWarning {
  return warningOf('PARAMETER_IGNORED', `Parameter ${label} is not supported and has been ignored.`);
}

/**
 * The value of a Warning header field.
 * @param service Base URI of the service
 */
export function toWarningHeader(service: string, warning: ServiceWarning): string {
  // A text passed on from elsewhere must not end the header field, nor hold what HTTP/1.1 libraries refuse.
  return `299 ${service}: ${warning.text.replaceAll(/[^ -~]/g, '?')}`;
}

/** What is passed on of a warning that is none of these: its words may name a patient. */
export function farEndWarning(words: string, dimseStatus?: number): ServiceWarning {
  const attributes = attributesNamedIn(words);
  const text = attributes.length === 0 ? 'The far end warns' : `The far end warns: ${attributes.join(', ')}`;
  return { ...warningOf('UPSTREAM_WARNING', text, dimseStatus), ...(words !== '' && { words }) };
}

/** Tags of eight hex digits among the words of a far end; a date of birth reads like one, so only those that are known. */
export function attributesNamedIn(words: string): Tag[] {
  const tags = words.match(/\b[0-9A-Fa-f]{8}\b/g)?.map((tag) => tag.toUpperCase()) ?? [];
  return tags.filter((tag) => lookupTag(tag) !== undefined);
}

/** One Warning header field, taken apart. */
export interface WarningHeader {
  /** `299`, or a DIMSE status where PS3.18 section 13 puts one (C11). */
  readonly code: string;
  readonly text: string;
}

/** The warnings of a Warning header field, several of which may have been joined by commas. */
export function parseWarningHeader(field: string): WarningHeader[] {
  return field.split(/,\s*(?=[0-9A-Fa-f]{3,4} \S)/).flatMap((part) => {
    const [, code, rest] = /^\s*([0-9A-Fa-f]{3,4})\s+(.*)$/s.exec(part) ?? [];
    if (code === undefined || rest === undefined) return [];
    return [{ code: code.toUpperCase(), text: warningText(rest) }];
  });
}

/** What a warning of an origin server means for a search. */
export function warningFromHeader({ code, text }: WarningHeader): ServiceWarning {
  const remaining = /There are (\d+) additional results that can be requested/i.exec(text)?.[1];
  if (remaining !== undefined) return moreResults(Number(remaining));
  const known = Object.values(WARNINGS).find((warning) => text.toLowerCase().startsWith(warning.text.toLowerCase()));
  if (known !== undefined) return known;
  const status = statusInWarning({ code, text });
  if (status === 0xff01) return { ...WARNINGS.optionalKeysNotSupported, words: text };
  if (status === 0xb001) return { ...WARNINGS.resultsMayBeIncomplete, words: text };
  return farEndWarning(text, status);
}

/** The DIMSE status that stands as warn-code or at the start of the text, undefined when there is none. */
export function statusInWarning({ code, text }: WarningHeader): number | undefined {
  const digits = code.length === 4 ? code : /^([0-9A-F]{4})(?::|H:?)/i.exec(text)?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** The text behind the agent: quoted by RFC 7234, after a colon and a space by DICOM. */
function warningText(rest: string): string {
  const quoted = /^\S+\s+"((?:[^"\\]|\\.)*)"/.exec(rest)?.[1];
  if (quoted !== undefined) return quoted.replaceAll(/\\(.)/g, '$1');
  const separator = rest.search(/:\s/);
  return (separator < 0 ? rest : rest.slice(separator + 1)).trim();
}
