/** Equality of data sets by content: property order and absent-versus-undefined carry no meaning. */
import type { Attribute, DataSet, PersonName, Value, Vr } from './model.ts';

export function sameDataSet(a: DataSet, b: DataSet): boolean {
  const tags = Object.keys(a);
  if (tags.length !== Object.keys(b).length) return false;
  return tags.every((tag) => {
    const other = b[tag];
    return other !== undefined && sameAttribute(a[tag] as Attribute, other);
  });
}

export function sameAttribute(a: Attribute, b: Attribute): boolean {
  if (a.vr !== b.vr || a.InlineBinary !== b.InlineBinary || a.BulkDataURI !== b.BulkDataURI) return false;
  const [values, others] = [a.Value ?? [], b.Value ?? []];
  return values.length === others.length && values.every((value, i) => sameValue(a.vr, value, others[i] ?? null));
}

function sameValue(vr: Vr, a: Value, b: Value): boolean {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return Object.is(a, b);
  if (vr === 'SQ') return sameDataSet(a as DataSet, b as DataSet);
  const [name, other] = [a as PersonName, b as PersonName];
  return (
    name.Alphabetic === other.Alphabetic && name.Ideographic === other.Ideographic && name.Phonetic === other.Phonetic
  );
}
