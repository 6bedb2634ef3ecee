/**
 * What a record keeps of an MPPS instead of its values: digests that tell whether an attribute or a message is the same
 * again, and per sequence the identities of its items, so that a lost one is noticed (PS3.18 B.38 note).
 */
import { hash as digest } from 'node:crypto';

import { itemsOf, sortedTags } from '../../dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from '../../dataset/model.ts';
import { SPECIFIC_CHARACTER_SET } from './attributes.ts';
import { hasValue } from './conditions.ts';

/** The digest of every attribute without a value. */
export const EMPTY_DIGEST = '';

/** Characters of a digest: 96 bits, base64url. */
const DIGEST_LENGTH = 16;

/** Attributes that tell the items of a sequence apart: a referenced instance, a series. */
const IDENTIFYING: readonly Tag[] = ['00081155', '0020000E'];

/** Of a message: property order and Specific Character Set, which says how it was encoded, do not count. */
export function digestOfDataSet(dataSet: DataSet): string {
  return hash(canonicalDataSet(dataSet));
}

export function digestOf(attribute: Attribute): string {
  return hasValue(attribute) ? hash(canonicalAttribute(attribute)) : EMPTY_DIGEST;
}

/** Per top-level attribute. */
export function digestsOf(dataSet: DataSet): Record<Tag, string> {
  const digests: Record<Tag, string> = {};
  for (const tag of Object.keys(dataSet)) {
    if (tag !== SPECIFIC_CHARACTER_SET) digests[tag] = digestOf(dataSet[tag] as Attribute);
  }
  return digests;
}

/** The tags that have a value after messages with these digests, later ones last: the union of the final state. */
export function tagsWithValue(...messages: readonly Readonly<Record<Tag, string>>[]): Set<Tag> {
  const last = Object.assign({}, ...messages) as Record<Tag, string>;
  return new Set(Object.keys(last).filter((tag) => last[tag] !== EMPTY_DIGEST));
}

/** Per top-level sequence the identities of its items and of the items in them, in order. */
export function sequencesOf(dataSet: DataSet): Record<Tag, string[]> {
  const sequences: Record<Tag, string[]> = {};
  for (const tag of Object.keys(dataSet)) {
    const attribute = dataSet[tag] as Attribute;
    if (attribute.vr === 'SQ') addIdentities(attribute, '', (sequences[tag] = []));
  }
  return sequences;
}

/**
 * The sequences of `after` that lost items: one that is known by a UID is gone, or there are fewer of the others.
 * Sequences that `after` does not have were not replaced.
 */
export function shrunkSequences(
  before: Readonly<Record<Tag, readonly string[]>>,
  after: Readonly<Record<Tag, readonly string[]>>,
): Tag[] {
  return Object.keys(after)
    .filter((tag) => {
      const [had, has] = [before[tag] ?? [], new Set(after[tag])];
      const anonymous = (keys: readonly string[]): number => keys.filter((key) => key.startsWith(ANONYMOUS)).length;
      return had.some((key) => key.startsWith(NAMED) && !has.has(key)) || anonymous(after[tag] ?? []) < anonymous(had);
    })
    .sort();
}

const NAMED = 'u';
const ANONYMOUS = 'd';

function addIdentities(attribute: Attribute, parent: string, identities: string[]): void {
  for (const item of itemsOf(attribute)) {
    const uid = identifyingUid(item);
    if (uid === undefined) {
      identities.push(`${ANONYMOUS}${hash(`${parent}/${canonicalDataSet(item)}`)}`);
      continue;
    }
    const identity = `${parent}/${uid}`;
    identities.push(`${NAMED}${hash(identity)}`);
    for (const tag of sortedTags(item)) {
      const inner = item[tag] as Attribute;
      if (inner.vr === 'SQ') addIdentities(inner, `${identity}/${tag}`, identities);
    }
  }
}

function identifyingUid(item: DataSet): string | undefined {
  for (const tag of IDENTIFYING) {
    const uid = item[tag]?.Value?.[0];
    if (typeof uid === 'string') return uid;
  }
  return undefined;
}

// Every message passes here several times: plain loops take six tenths of the time of lists that are mapped and joined.
function canonicalDataSet(dataSet: DataSet): string {
  let text = '';
  for (const tag of sortedTags(dataSet)) {
    if (tag === SPECIFIC_CHARACTER_SET) continue;
    if (text !== '') text += ',';
    text += tag + canonicalAttribute(dataSet[tag] as Attribute);
  }
  return `{${text}}`;
}

function canonicalAttribute(attribute: Attribute): string {
  const { vr, Value: values = [], InlineBinary = '', BulkDataURI } = attribute;
  let text = '';
  for (const value of values) {
    if (text !== '') text += ',';
    text += canonicalValue(vr, value);
  }
  return `${vr}[${text}]${InlineBinary}${BulkDataURI === undefined ? '""' : JSON.stringify(BulkDataURI)}`;
}

function canonicalValue(vr: Vr, value: Value): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (vr === 'SQ') return canonicalDataSet(value as DataSet);
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as PersonName;
  return JSON.stringify([Alphabetic, Ideographic, Phonetic]);
}

function hash(text: string): string {
  return digest('sha256', text, 'base64url').slice(0, DIGEST_LENGTH);
}
