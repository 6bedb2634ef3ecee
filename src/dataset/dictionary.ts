/** The data dictionary (PS3.6), with repeating groups and the rules for private and unknown attributes (PS3.5 7.8). */
import { DICTIONARY } from './dictionary.generated.ts';
import type { Tag, Vr } from './model.ts';

export interface DictionaryEntry {
  tag: Tag;
  keyword: string;
  /** The first of `vrs`: the one Implicit VR Little Endian stands for (PS3.5 A.1). */
  vr: Vr;
  /** All VRs the attribute may have, e.g. US and SS. */
  vrs: readonly Vr[];
  /** Value multiplicity as written in the standard, e.g. `1-n`. */
  vm: string;
}

/** Elements that repeat, by their first tag (wildcard digits as 0) under the mask that takes the wildcards away. */
interface RepeatingElements {
  mask: number;
  entries: Map<number, DictionaryEntry>;
}

const byTag = new Map<Tag, DictionaryEntry>();
const byKeyword = new Map<string, DictionaryEntry>();
const repeating = new Map<number, RepeatingElements>();

for (const line of DICTIONARY.trim().split('\n')) load(line);

function load(line: string): void {
  const [pattern, vrText, vm, keyword] = line.split(' ') as [string, string, string, string];
  const vrs = vrText.split('/') as Vr[];
  const tag = pattern.replaceAll('x', '0');
  const entry: DictionaryEntry = { tag, keyword, vr: vrs[0] as Vr, vrs, vm };
  byKeyword.set(keyword, entry);
  if (tag === pattern) {
    byTag.set(tag, entry);
    return;
  }
  const mask = parseInt(pattern.replaceAll(/[^x]/g, 'F').replaceAll('x', '0'), 16) | 0;
  let elements = repeating.get(mask);
  if (elements === undefined) repeating.set(mask, (elements = { mask, entries: new Map() }));
  elements.entries.set(parseInt(tag, 16) | 0, entry);
}

/** Private attributes have an odd group (PS3.5 7.8). */
export function isPrivate(tag: Tag): boolean {
  return '13579BDF'.includes(tag.charAt(3));
}

/** (gggg,0010-00FF) of an odd group: reserves a block of private elements (PS3.5 7.8.1). */
export function isPrivateCreator(tag: Tag): boolean {
  return isPrivate(tag) && tag.startsWith('00', 4) && tag.slice(6) >= '10';
}

/** The entry of a tag; for repeating groups (60xx and the like) with the very tag asked for. */
export function lookupTag(tag: Tag): DictionaryEntry | undefined {
  const entry = byTag.get(tag);
  if (entry !== undefined) return entry;
  if (isPrivate(tag)) {
    return isPrivateCreator(tag) ? { tag, keyword: 'PrivateCreator', vr: 'LO', vrs: ['LO'], vm: '1' } : undefined;
  }
  const number = parseInt(tag, 16);
  for (const { mask, entries } of repeating.values()) {
    const first = entries.get(number & mask);
    if (first !== undefined) return { ...first, tag };
  }
  return undefined;
}

/** The entry of a keyword (case matters); a repeating one stands for its first group. */
export function lookupKeyword(keyword: string): DictionaryEntry | undefined {
  return byKeyword.get(keyword);
}

/** The VR of a tag: LO for private creators, UL for group lengths, UN for what nobody knows. */
export function vrOf(tag: Tag): Vr {
  const entry = lookupTag(tag);
  if (entry !== undefined) return entry.vr;
  return tag.endsWith('0000') ? 'UL' : 'UN';
}

/** All entries of the dictionary that have one tag, without the repeating ones. */
export function dictionaryEntries(): Iterable<DictionaryEntry> {
  return byTag.values();
}

let byLowerCaseKeyword: Map<string, string> | undefined;

/** The keyword spelled the same but for upper and lower case; for error messages. */
export function similarKeyword(keyword: string): string | undefined {
  byLowerCaseKeyword ??= new Map([...byKeyword.keys()].map((known) => [known.toLowerCase(), known]));
  return byLowerCaseKeyword.get(keyword.toLowerCase());
}
