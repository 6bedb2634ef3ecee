/** What of an entry a search answers. */
import { isPrivate, vrOf } from '../dataset/dictionary.ts';
import { createDataSet, itemsOf } from '../dataset/model.ts';
import type { DataSet, Tag } from '../dataset/model.ts';
import type { WorklistQuery } from '../services/port.ts';
import { WORKLIST_ATTRIBUTES } from '../services/worklist/attributes.ts';
import type { WorklistAttributes } from '../services/worklist/attributes.ts';
import { identifierFromQuery, isEmptyIdentifier, reduceToRequested } from '../services/worklist/identifier.ts';
import { isNoKey } from '../services/worklist/keys.ts';

const CODE_VALUE: Tag = '00080100';

/**
 * From an entry to the result of a query. The RIS knows every attribute of the standard, also where an entry has no
 * value for it: what was asked for comes back, empty where its return key type allows that, as FF00 promises (PS3.4
 * C.2.2.1.3 and K.4.1.1.4).
 */
export function answersOf(query: WorklistQuery): (entry: DataSet) => DataSet {
  if (query.returnKeys === 'all') return (entry) => entry;
  const { identifier } = identifierFromQuery(query);
  return (entry) => withRequested(reduceToRequested(entry, identifier), query.identifier, WORKLIST_ATTRIBUTES);
}

function withRequested(result: DataSet, keys: DataSet, known: WorklistAttributes | undefined): DataSet {
  const complete = Object.assign(createDataSet(), result);
  // A code has what it needs and no more (PS3.3 Table 8.8-1, where nothing is of type 2).
  const isCode = known?.has(CODE_VALUE) === true;
  for (const [tag, key] of Object.entries(keys)) {
    if (isNoKey(tag) || isPrivate(tag)) continue;
    const [wanted] = itemsOf(key);
    const items = itemsOf(result[tag]);
    const row = known?.get(tag);
    if (result[tag] === undefined) {
      const isNeverEmpty = isCode || row?.returnType === '1' || row?.returnType === '1C';
      if (!isNeverEmpty) complete[tag] = { vr: vrOf(tag) };
    } else if (wanted !== undefined && items.length > 0 && !isEmptyIdentifier(wanted)) {
      complete[tag] = { vr: 'SQ', Value: items.map((item) => withRequested(item, wanted, row?.items)) };
    }
  }
  return complete;
}
