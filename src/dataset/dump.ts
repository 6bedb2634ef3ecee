/** Data sets for a person's eyes. */
import { lookupTag } from './dictionary.ts';
import { isEmpty, itemsOf, personNameToText, sortedTags } from './model.ts';
import type { Attribute, DataSet } from './model.ts';

/** One attribute a line, items of sequences indented: `00080060 CS Modality: CT`. */
export function dump(dataSet: DataSet, indent = ''): string {
  return sortedTags(dataSet)
    .map((tag) => {
      const attribute = dataSet[tag] as Attribute;
      const { keyword = 'unknown' } = lookupTag(tag) ?? {};
      const items = itemsOf(attribute).map((item, i) => `${indent}  item ${i + 1}\n${dump(item, `${indent}    `)}`);
      return `${indent}${tag} ${attribute.vr} ${keyword}: ${valueText(attribute)}\n${items.join('')}`;
    })
    .join('');
}

/** Values of one attribute, separated by backslash; of a sequence the number of its items. */
export function valueText(attribute: Attribute): string {
  if (isEmpty(attribute)) return '(empty)';
  if (attribute.vr === 'SQ')
    return `${itemsOf(attribute).length} ${itemsOf(attribute).length === 1 ? 'item' : 'items'}`;
  if (attribute.InlineBinary !== undefined) return `${Buffer.byteLength(attribute.InlineBinary, 'base64')} bytes`;
  if (attribute.BulkDataURI !== undefined) return printable(attribute.BulkDataURI);
  const texts = (attribute.Value ?? []).map((value) => {
    if (value === null) return '';
    return typeof value === 'object' ? personNameToText(value) : String(value);
  });
  return printable(texts.join('\\'));
}

/** What a peer sent must not steer the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (control) => `\\x${control.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
