/**
 * Which keys of a query the RIS matches: every one whose meaning is known, required or optional, at any depth (PS3.4
 * K.2.2.1). The others become return keys, and the answer says so (FF01, K.4.1.1.4).
 */
import { isPrivate, isPrivateCreator } from '../dataset/dictionary.ts';
import { createDataSet, firstText, isEmpty, itemsOf } from '../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../dataset/model.ts';
import { creatorTag } from '../services/worklist/private-keys.ts';

export interface MatchKeys {
  /** The keys, those that cannot be matched without their values. */
  readonly keys: DataSet;
  /** There was one that cannot be matched. */
  readonly unsupported: boolean;
}

export function matchKeysOf(identifier: DataSet): MatchKeys {
  const keys = createDataSet();
  let unsupported = false;
  for (const [tag, key] of Object.entries(identifier)) {
    const [item] = itemsOf(key);
    if (item !== undefined) {
      const inner = matchKeysOf(item);
      unsupported ||= inner.unsupported;
      keys[tag] = { vr: 'SQ', Value: [inner.keys] };
    } else if (!isEmpty(key) && isRiddle(identifier, tag, key)) {
      unsupported = true;
      keys[tag] = { vr: key.vr };
    } else {
      keys[tag] = key;
    }
  }
  return { keys, unsupported };
}

/**
 * Bytes of an unknown VR in place of an attribute of the standard, or a private attribute of nobody: without the name
 * of its creator, the same tag may be anything (PS3.5 7.8.1).
 */
function isRiddle(around: DataSet, tag: Tag, key: Attribute): boolean {
  if (!isPrivate(tag)) return key.vr === 'UN';
  return !isPrivateCreator(tag) && firstText(around, creatorTag(tag)) === undefined;
}
