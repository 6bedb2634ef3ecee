/** Private attributes are known by their creator's name; the block may differ between data sets (PS3.5 7.8.1). */
import { isPrivate, isPrivateCreator } from '../../dataset/dictionary.ts';
import { firstText } from '../../dataset/model.ts';
import type { Attribute, DataSet, Tag } from '../../dataset/model.ts';

/** The creator element a private attribute belongs to: (0009,1001) to (0009,0010). */
export function creatorTag(tag: Tag): Tag {
  return `${tag.slice(0, 4)}00${tag.slice(4, 6)}`;
}

/**
 * Where a data set has the attribute that `keys` names by `tag`; undefined when it has no block of that creator. The
 * same tag for standard attributes, and for private ones whose creator `keys` does not name.
 */
export function correspondingTag(dataSet: DataSet, keys: DataSet, tag: Tag): Tag | undefined {
  if (!isPrivate(tag) || isPrivateCreator(tag)) return tag;
  const creator = firstText(keys, creatorTag(tag))?.trim();
  if (creator === undefined || firstText(dataSet, creatorTag(tag))?.trim() === creator) return tag;
  const group = tag.slice(0, 4);
  const block = Object.keys(dataSet).find(
    (other) =>
      other.startsWith(`${group}00`) && isPrivateCreator(other) && firstText(dataSet, other)?.trim() === creator,
  );
  return block === undefined ? undefined : group + block.slice(6) + tag.slice(6);
}

/**
 * A private attribute as text: in Implicit VR nobody can know its VR, and as bytes it would match nothing. Search URLs do
 * the same (key-values.ts). One that is no text stays as it is.
 */
export function readable(attribute: Attribute): Attribute {
  if (attribute.vr !== 'UN' || attribute.InlineBinary === undefined) return attribute;
  const text = Buffer.from(attribute.InlineBinary, 'base64').toString('latin1').replace(/\0$/, '');
  if (!/^[ -~]+$/.test(text)) return attribute;
  return { vr: 'LO', Value: text.split('\\').map((value) => value.trim() || null) };
}
