/** Private blocks for attributes that come with the name of their creator instead of a block (PS3.5 7.8.1). */
import { GatewayError } from '../errors.ts';
import { isPrivate, isPrivateCreator } from './dictionary.ts';
import type { Tag } from './model.ts';
import type { Surroundings } from './values.ts';

export interface WrittenAttribute {
  /** As written: `gggg00ee` with a creator. */
  readonly tag: Tag;
  /** Name of the private creator, empty when none was given. */
  readonly creator: string;
  /** The value, where the attribute is itself a private creator element. */
  readonly explicit?: string | undefined;
}

const FIRST_BLOCK = 0x10;
const LAST_BLOCK = 0xff;

/**
 * Gives each creator of each group a block, 10H first, passing over blocks that are in use by themselves.
 * @returns the tags to use, in the order given, and the creator elements to add
 * @throws GatewayError DATA_SET_INVALID when a group has more creators than blocks
 */
export function assignPrivateTags(
  attributes: readonly WrittenAttribute[],
  around: Surroundings,
): { tags: Tag[]; creators: Map<Tag, string> } {
  const blocks = new Map<string, string>(); // `gggg` + creator to two hex digits
  const used = new Set<string>(); // `ggggXX`
  for (const { tag, creator, explicit } of attributes) {
    if (creator !== '' || !isPrivate(tag)) continue;
    const group = tag.slice(0, 4);
    const block = isPrivateCreator(tag) ? tag.slice(6) : tag.slice(4, 6);
    used.add(group + block);
    if (explicit !== undefined && explicit !== '') blocks.set(group + explicit, block);
  }

  const creators = new Map<Tag, string>();
  const tags = attributes.map(({ tag, creator }) => {
    if (creator === '' || !isPrivate(tag)) return tag;
    const group = tag.slice(0, 4);
    let block = blocks.get(group + creator);
    if (block === undefined) {
      block = freeBlock(group, used, around);
      blocks.set(group + creator, block);
      used.add(group + block);
      creators.set(`${group}00${block}`, creator);
    }
    return group + block + tag.slice(6);
  });
  return { tags, creators };
}

function freeBlock(group: string, used: ReadonlySet<string>, around: Surroundings): string {
  for (let number = FIRST_BLOCK; number <= LAST_BLOCK; number++) {
    const block = number.toString(16).toUpperCase();
    if (!used.has(group + block)) return block;
  }
  throw new GatewayError('DATA_SET_INVALID', `${[...around, group].join('.')}: too many private creators`);
}
