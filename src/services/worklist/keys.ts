/** What counts as a key in a worklist identifier (PS3.4 C.2.2.1.3, C.2.2.2). */
import { isEmpty, personNameToText } from '../../dataset/model.ts';
import type { Attribute, Tag, Value, Vr } from '../../dataset/model.ts';

/** Two double quotes: the key that an absent or empty attribute matches (PS3.4 C.2.2.2.7). */
export const EMPTY_VALUE_KEY = '""';

/**
 * Attributes of an identifier that describe it: Specific Character Set, Query/Retrieve Level (none in a worklist, some
 * send it) and Timezone Offset From UTC.
 */
const DESCRIPTIVE: ReadonlySet<Tag> = new Set(['00080005', '00080052', '00080201']);

/** VRs whose values may hold wildcards (C.2.2.2.4). */
const WILDCARD_VRS: ReadonlySet<Vr> = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

export function isNoKey(tag: Tag): boolean {
  return DESCRIPTIVE.has(tag) || tag.endsWith('0000');
}

export function hasWildcards(vr: Vr): boolean {
  return WILDCARD_VRS.has(vr);
}

/**
 * An empty attribute, or one whose only value is `*`: it matches everything and asks for the value (C.2.2.2.3). Some
 * SCUs send `*` for dates and UIDs too, where it could mean nothing else.
 */
export function isUniversalKey(attribute: Attribute): boolean {
  if (isEmpty(attribute)) return true;
  const [value, second] = attribute.Value ?? [];
  if (second !== undefined || value === undefined || attribute.vr === 'SQ') return false;
  return keyText(value) === '*' || (hasWildcards(attribute.vr) && /^\*+$/.test(keyText(value)));
}

/** Several values for a VR other than UI: multiple value matching, an extension (PS3.4 C.2.2.2.8). */
export function isMultipleValueKey(attribute: Attribute): boolean {
  return attribute.vr !== 'UI' && attribute.vr !== 'SQ' && (attribute.Value?.length ?? 0) > 1;
}

export function isEmptyValueKey(attribute: Attribute): boolean {
  return (
    attribute.vr !== 'SQ' && attribute.Value?.length === 1 && keyText(attribute.Value[0] ?? null) === EMPTY_VALUE_KEY
  );
}

/** A value as it stands in an identifier or URL, empty for a missing one. */
export function keyText(value: Value): string {
  if (value === null) return '';
  return typeof value === 'object' ? personNameToText(value) : String(value);
}
