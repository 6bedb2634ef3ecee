/**
 * What a record keeps of an MPPS instead of its values: digests that tell whether an attribute or a message is the same
 * again, and per sequence the identities of its items, so that a lost one is noticed (PS3.18 B.38 note).
 */
import { hash as digest } from 'node:crypto';

import { itemsOf, sortedTags } from '../../dataset/model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value } from '../../dataset/model.ts';
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
  return Object.fromEntries(
    Object.entries(dataSet)
      .filter(([tag]) => tag !== SPECIFIC_CHARACTER_SET)
      .map(([tag, attribute]) => [tag, digestOf(attribute)]),
  );
}

/** The tags that have a value after messages with these digests, later ones last: the union of the final state. */
export function tagsWithValue(...messages: readonly Readonly<Record<Tag, string>>[]): Set<Tag> {
  const last = Object.assign({}, ...messages) as Record<Tag, string>;
  return new Set(Object.keys(last).filter((tag) => last[tag] !== EMPTY_DIGEST));
}

/** Per top-level sequence the identities of its items and of the items in them, in order. */
export function sequencesOf(dataSet: DataSet): Record<Tag, string[]> {
  return Object.fromEntries(
    Object.entries(dataSet)
      .filter(([, attribute]) => attribute.vr === 'SQ')
      .map(([tag, attribute]) => [tag, identitiesOf(attribute, '')]),
  );
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

function identitiesOf(attribute: Attribute, parent: string): string[] {
  return itemsOf(attribute).flatMap((item) => {
    const uid = IDENTIFYING.map((tag) => item[tag]?.Value?.[0]).find((value) => typeof value === 'string');
    if (uid === undefined) return [`${ANONYMOUS}${hash(`${parent}/${canonicalDataSet(item)}`)}`];
    const identity = `${parent}/${uid}`;
    const inside = sortedTags(item).flatMap((tag) => identitiesOf(item[tag] as Attribute, `${identity}/${tag}`));
    return [`${NAMED}${hash(identity)}`, ...inside];
  });
}

function canonicalDataSet(dataSet: DataSet): string {
  const parts = sortedTags(dataSet)
    .filter((tag) => tag !== SPECIFIC_CHARACTER_SET)
    .map((tag) => `${tag}${canonicalAttribute(dataSet[tag] as Attribute)}`);
  return `{${parts.join(',')}}`;
}

function canonicalAttribute(attribute: Attribute): string {
  const values = (attribute.Value ?? []).map((value) => canonicalValue(attribute, value)).join(',');
  return `${attribute.vr}[${values}]${attribute.InlineBinary ?? ''}${JSON.stringify(attribute.BulkDataURI ?? '')}`;
}

function canonicalValue({ vr }: Attribute, value: Value): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (vr === 'SQ') return canonicalDataSet(value as DataSet);
  const { Alphabetic = '', Ideographic = '', Phonetic = '' } = value as PersonName;
  return JSON.stringify([Alphabetic, Ideographic, Phonetic]);
}

function hash(text: string): string {
  return digest('sha256', text, 'base64url').slice(0, DIGEST_LENGTH);
}
