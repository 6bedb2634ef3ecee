/** What a worklist entry can hold and which of it a search returns (PS3.4 Table K.6-1). */
import type { AttributePath } from '../../dataset/attribute-path.ts';
import { vrOf } from '../../dataset/dictionary.ts';
import { createDataSet } from '../../dataset/model.ts';
import type { DataSet, Tag, Vr } from '../../dataset/model.ts';
import { MACROS, TABLE_K_6_1 } from './attribute-table.ts';

/** `R` an SCP must support it, `O` it may, `-` it never matches. */
export type MatchingKeyType = 'R' | 'O' | '-';

/** PS3.4 C.2.2.1.2: 1 returned with a value, 2 returned maybe empty, 3 optional; C under a condition. */
export type ReturnKeyType = '1' | '1C' | '2' | '2C' | '3';

export interface WorklistAttribute {
  readonly tag: Tag;
  readonly keyword: string;
  readonly vr: Vr;
  readonly matching: MatchingKeyType;
  readonly returnType: ReturnKeyType;
  /** One of "all other attributes of the module". */
  readonly other: boolean;
  /** What an item holds; empty where the attribute is no sequence or the table leaves its items open. */
  readonly items: WorklistAttributes;
}

export type WorklistAttributes = ReadonlyMap<Tag, WorklistAttribute>;

export const SCHEDULED_PROCEDURE_STEP_SEQUENCE: Tag = '00400100';

/**
 * Type 3 attributes of a code that are asked for all the same: a code without its meaning is of no use to a reader, and
 * without its version ambiguous.
 */
const CODE_TEXTS: ReadonlySet<Tag> = new Set(['00080103', '00080104']);

/** The whole table, by tag. */
export const WORKLIST_ATTRIBUTES: WorklistAttributes = attributesOf(TABLE_K_6_1);

/** The table's row of a path, undefined when the table does not know it. */
export function worklistAttribute(path: AttributePath): WorklistAttribute | undefined {
  let attributes = WORKLIST_ATTRIBUTES;
  let found: WorklistAttribute | undefined;
  for (const tag of path) {
    found = attributes.get(tag);
    if (found === undefined) return undefined;
    attributes = found.items;
  }
  return found;
}

/**
 * Universal keys for what a search returns without being asked (PS3.18 14.4.3: return types 1 and 2, with and without
 * condition), or for everything the table knows (`includefield=all`). Sequences hold one item.
 */
export function universalKeys(which: 'default' | 'all', attributes: WorklistAttributes = WORKLIST_ATTRIBUTES): DataSet {
  const keys = createDataSet();
  for (const attribute of attributes.values()) {
    if (which === 'default' && attribute.returnType === '3' && !CODE_TEXTS.has(attribute.tag)) continue;
    keys[attribute.tag] =
      attribute.items.size === 0
        ? { vr: attribute.vr }
        : { vr: attribute.vr, Value: [universalKeys(which, attribute.items)] };
  }
  return keys;
}

/** Every path below a sequence that ends the table's tree; undefined when the table does not say what it holds. */
export function leafPaths(sequence: AttributePath): AttributePath[] | undefined {
  const row = worklistAttribute(sequence);
  if (row === undefined || row.items.size === 0) return undefined;
  return [...row.items.keys()].flatMap((tag) => leafPaths([...sequence, tag]) ?? [[...sequence, tag]]);
}

/** Whether a search returns the attribute without being asked: it and the sequences around it have type 1 or 2. */
export function isReturnedByDefault(path: AttributePath): boolean {
  return path.every((_tag, i) => {
    const returnType = worklistAttribute(path.slice(0, i + 1))?.returnType;
    return returnType === '1' || returnType === '2';
  });
}

function attributesOf(text: string): WorklistAttributes {
  const root = new Map<Tag, WorklistAttribute>();
  const open: Map<Tag, WorklistAttribute>[] = [root];
  for (const line of text.split('\n')) {
    const words = line.trim().split(' ');
    const [tag = '', keyword = '', matching, returnType, ...marks] = words;
    if (tag === '') continue;
    const depth = (line.length - line.trimStart().length) / 2;
    const macro = marks.find((mark) => mark.startsWith('@'))?.slice(1);
    const items = macro === 'same' ? new Map(root) : itemsOfMacro(macro);
    open[depth]?.set(tag, {
      tag,
      keyword,
      vr: vrOf(tag),
      matching: matching as MatchingKeyType,
      returnType: returnType as ReturnKeyType,
      other: marks.includes('other'),
      items,
    });
    open[depth + 1] = items;
  }
  return root;
}

function itemsOfMacro(name: string | undefined): Map<Tag, WorklistAttribute> {
  const text = name === undefined ? undefined : MACROS[name];
  return new Map(text === undefined ? [] : attributesOf(text));
}
