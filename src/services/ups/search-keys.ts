/** Keys of a search on their way into the attributes of the other side. */
import { attribute, createDataSet, dataSetOf, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';
import { isEmptyValueKey, isMultipleValueKey, isUniversalKey, keyText } from '../worklist/keys.ts';

/** A key that every server matches: one value, or several UIDs; no sequence, and not the absence of a value. */
export function isPlainKey(key: Attribute | undefined): key is Attribute {
  if (key === undefined || key.vr === 'SQ' || isUniversalKey(key)) return false;
  return !isEmptyValueKey(key) && !isMultipleValueKey(key) && key.InlineBinary === undefined;
}

/** The text of a plain key without wildcards, as codes are matched. */
export function singleText(key: Attribute | undefined): string | undefined {
  if (!isPlainKey(key)) return undefined;
  const text = keyText(key.Value?.[0] ?? null).trim();
  return /[*?]/.test(text) ? undefined : text;
}

/** The one item of a sequence key; an empty one where there is none. */
export function itemOf(keys: DataSet, sequence: Tag): DataSet {
  return itemsOf(keys[sequence])[0] ?? createDataSet();
}

/** A sequence with one item; nothing where the item has no attribute. */
export function sequenceKey(sequence: Tag, item: DataSet): DataSet {
  return Object.keys(item).length === 0 ? createDataSet() : dataSetOf({ [sequence]: attribute('SQ', item) });
}
