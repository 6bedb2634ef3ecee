/** What an MPPS can hold and when (PS3.4 Tables F.7.2-1 and F.8.2-1). */
import { vrOf } from '../../dataset/dictionary.ts';
import type { Tag, Vr } from '../../dataset/model.ts';
import { MACROS, TABLE_F_7_2_1, TABLE_F_8_2_1 } from './attribute-table.ts';

/** What the SCU must do (PS3.4 5.4.2.1): 1 send a value, 2 send it, maybe empty, 3 as it likes; C under a condition. */
export type Usage = '1' | '1C' | '2' | '3';

/** The condition behind 1C; `conditions.ts` decides those that can be decided from the message. */
export type ConditionName =
  | 'charset' // expanded or replacement character set in use
  | 'code' // the code fits SH and is no URN
  | 'scheme' // CodeValue or LongCodeValue present
  | 'version' // the scheme needs a version to be unambiguous
  | 'long' // CodeValue absent and no URN
  | 'urn' // CodeValue absent and a URN
  | 'local' // UniversalEntityID absent
  | 'universal' // LocalNamespaceEntityID absent
  | 'type'; // UniversalEntityID present

export interface MppsAttribute {
  readonly tag: Tag;
  readonly keyword: string;
  readonly vr: Vr;
  readonly create: Usage;
  /** Undefined: must not be in an N-SET. */
  readonly set: Usage | undefined;
  /** May be left out of an N-SET, but not be empty there (usage 3/1). */
  readonly setWithValue: boolean;
  /** What must be there in the final state; undefined: nothing beyond N-CREATE. */
  readonly final: '1' | '2' | undefined;
  readonly condition: ConditionName | undefined;
  /** One of "all other attributes of the module". */
  readonly other: boolean;
  /** What an item holds; empty where the attribute is no sequence or the table leaves its items open. */
  readonly items: MppsAttributes;
}

export type MppsAttributes = ReadonlyMap<Tag, MppsAttribute>;

export const SPECIFIC_CHARACTER_SET: Tag = '00080005';
export const SCHEDULED_STEP_ATTRIBUTES_SEQUENCE: Tag = '00400270';
export const PERFORMED_SERIES_SEQUENCE: Tag = '00400340';
export const PERFORMED_PROCEDURE_STEP_STATUS: Tag = '00400252';
export const DISCONTINUATION_REASON_CODE_SEQUENCE: Tag = '00400281';

/** Table F.7.2-1, by tag. */
export const MPPS_ATTRIBUTES: MppsAttributes = attributesOf(TABLE_F_7_2_1);

/** The tags an N-GET can name (Table F.8.2-1), for an SCP that needs a list to answer with everything. */
export const RETRIEVABLE_TAGS: readonly Tag[] = TABLE_F_8_2_1.trim()
  .split('\n')
  .map((line) => line.slice(0, 8))
  .sort();

/** Attributes that may be set later, but only if they were created: optional at N-CREATE (Table F.7.2-1 note 5). */
export const OPTIONAL_SETTABLE_TAGS: readonly Tag[] = [...MPPS_ATTRIBUTES.values()]
  .filter(({ create, set }) => create === '3' && set !== undefined)
  .map(({ tag }) => tag);

/** Whether the table knows the attribute and forbids it in an N-SET: fixed at N-CREATE. */
export function isFixedAtCreate(tag: Tag): boolean {
  const attribute = MPPS_ATTRIBUTES.get(tag);
  return attribute !== undefined && attribute.set === undefined;
}

function attributesOf(text: string): MppsAttributes {
  const root = new Map<Tag, MppsAttribute>();
  const open: Map<Tag, MppsAttribute>[] = [root];
  for (const line of text.split('\n')) {
    const [tag = '', keyword = '', create = '', set = '', ...marks] = line.trim().split(' ');
    if (tag === '') continue;
    const depth = (line.length - line.trimStart().length) / 2;
    const macro = marks.find((mark) => mark.startsWith('@'))?.slice(1);
    const items = macro === 'same' ? new Map(root) : itemsOfMacro(macro);
    open[depth]?.set(tag, {
      tag,
      keyword,
      vr: vrOf(tag),
      create: usageOf(create),
      set: set === '-' ? undefined : usageOf(set),
      setWithValue: set === '3/1',
      final: marks.includes('final1') ? '1' : marks.includes('final2') ? '2' : undefined,
      condition: marks.find((mark) => mark.startsWith('if-'))?.slice(3) as ConditionName | undefined,
      other: marks.includes('other'),
      items,
    });
    open[depth + 1] = items;
  }
  return root;
}

/** The SCU's half of `1C/1C`. */
function usageOf(text: string): Usage {
  return text.split('/')[0] as Usage;
}

function itemsOfMacro(name: string | undefined): Map<Tag, MppsAttribute> {
  const text = name === undefined ? undefined : MACROS[name];
  return new Map(text === undefined ? [] : attributesOf(text));
}
