/**
 * The neutral form of a data set: the DICOM JSON model (PS3.18 Annex F) as typed objects. DICOMweb JSON is the identity
 * on it, XML and the DIMSE encodings are one codec each, rules and services see nothing else.
 *
 * Invariants, held by every codec that makes a `DataSet`:
 * - keys are eight upper-case hex digits; objects have no prototype (`__proto__` is just an invalid key);
 * - no group length (gggg,0000), no group 0000, 0002 or FFFE;
 * - an empty attribute is `{ vr }` alone: neither `Value: []` nor `[null]`; an empty value among several is `null`; an
 *   empty sequence item is `{}`;
 * - DS, IS, SV and UV hold a number only when `String(number)` is the very text, else the text (`+0012`, `1.50`);
 * - text is Unicode. `00080005` is kept as it was received by the codec and set to match the bytes by the encoders;
 * - property order carries no meaning (JavaScript moves keys such as `30020010` to the front): use `sortedTags`.
 */
export const VRS = [
  'AE', 'AS', 'AT', 'CS', 'DA', 'DS', 'DT', 'FL', 'FD', 'IS', 'LO', 'LT', 'OB', 'OD', 'OF', 'OL', 'OV', 'OW',
  'PN', 'SH', 'SL', 'SQ', 'SS', 'ST', 'SV', 'TM', 'UC', 'UI', 'UL', 'UN', 'UR', 'US', 'UT', 'UV',
] as const; // prettier-ignore

export type Vr = (typeof VRS)[number];

/** Eight upper-case hex digits, e.g. `00100010`. */
export type Tag = string;

/** Component groups of a person name; only the groups that are not empty are present. */
export interface PersonName {
  Alphabetic?: string;
  Ideographic?: string;
  Phonetic?: string;
}

/** One value: text and AT as string, numbers as number (or text, see above), PN as object, SQ as data set. */
export type Value = string | number | PersonName | DataSet | null;

export interface Attribute {
  vr: Vr;
  Value?: Value[];
  /** Base64 of the whole value field, little endian (OB OD OF OL OV OW UN). */
  InlineBinary?: string;
  BulkDataURI?: string;
}

export interface DataSet {
  [tag: Tag]: Attribute;
}

const KNOWN_VRS: ReadonlySet<string> = new Set(VRS);

export function isVr(text: string): text is Vr {
  return KNOWN_VRS.has(text);
}

export function createDataSet(): DataSet {
  return Object.create(null) as DataSet;
}

/** A data set from literal attributes; for code that builds one by hand. */
export function dataSetOf(attributes: Record<Tag, Attribute>): DataSet {
  return Object.assign(createDataSet(), attributes);
}

/** An attribute with values, or an empty one: `attribute('CS', 'CT')`, `attribute('SQ')`. */
export function attribute(vr: Vr, ...values: Value[]): Attribute {
  return values.length > 0 ? { vr, Value: values } : { vr };
}

/** The tags in ascending order, as every encoding writes them. */
export function sortedTags(dataSet: DataSet): Tag[] {
  const tags = Object.keys(dataSet);
  for (let i = 1; i < tags.length; i++) if ((tags[i - 1] as string) > (tags[i] as string)) return tags.sort();
  return tags;
}

export function isEmpty(attribute: Attribute): boolean {
  return attribute.Value === undefined && attribute.InlineBinary === undefined && attribute.BulkDataURI === undefined;
}

/** The items of a sequence attribute; none for an absent or empty one. */
export function itemsOf(attribute: Attribute | undefined): DataSet[] {
  return attribute?.vr === 'SQ' ? ((attribute.Value ?? []) as DataSet[]) : [];
}

/** The first value of an attribute as text, undefined when absent or empty. */
export function firstText(dataSet: DataSet, tag: Tag): string | undefined {
  const value = dataSet[tag]?.Value?.[0];
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') return personNameToText(value);
  return String(value);
}

/** `Alphabetic=Ideographic=Phonetic` without trailing delimiters (PS3.5 6.2.1). */
export function personNameToText(name: PersonName): string {
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = name;
  if (Phonetic !== '') return `${Alphabetic}=${Ideographic}=${Phonetic}`;
  return Ideographic !== '' ? `${Alphabetic}=${Ideographic}` : Alphabetic;
}

/** The reverse; empty groups are left out, empty text gives null. */
export function personNameFromText(text: string): PersonName | null {
  const [alphabetic = '', ideographic = '', phonetic = ''] = text.split('=', 3);
  const name: PersonName = {};
  if (alphabetic !== '') name.Alphabetic = alphabetic;
  if (ideographic !== '') name.Ideographic = ideographic;
  if (phonetic !== '') name.Phonetic = phonetic;
  return alphabetic === '' && ideographic === '' && phonetic === '' ? null : name;
}

/** The number when its usual notation is the very text, else the text: `70.5` and `12` are numbers, `1.50` is not. */
export function numberOrText(text: string): number | string {
  const number = Number(text);
  return text !== '' && String(number) === text && Number.isFinite(number) ? number : text;
}

/** A deep copy. */
export function cloneDataSet(dataSet: DataSet): DataSet {
  const copy = createDataSet();
  for (const tag of Object.keys(dataSet)) copy[tag] = cloneAttribute(dataSet[tag] as Attribute);
  return copy;
}

export function cloneAttribute(attribute: Attribute): Attribute {
  if (attribute.Value === undefined) return { ...attribute };
  return {
    ...attribute,
    Value: attribute.Value.map((value) => {
      if (attribute.vr === 'SQ') return cloneDataSet(value as DataSet);
      return typeof value === 'object' && value !== null ? { ...value } : value;
    }),
  };
}
