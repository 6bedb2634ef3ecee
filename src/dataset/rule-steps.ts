/** How each kind of mapping rule works on a data set, in place; what the kinds mean stands in rule.ts. */
import { GatewayError } from '../errors.ts';
import { parsePath } from './attribute-path.ts';
import type { AttributePath } from './attribute-path.ts';
import { vrOf } from './dictionary.ts';
import { cloneAttribute, createDataSet, isEmpty, itemsOf, personNameToText } from './model.ts';
import type { Attribute, DataSet, PersonName, Tag, Value, Vr } from './model.ts';
import type { Rule, RuleCondition, RuleValue } from './rule.ts';
import { checkedValues, isBinaryVr, valueFromText } from './values.ts';

const MAXIMUM_PATTERN_INPUT = 1024;
const NAME_GROUPS = ['Alphabetic', 'Ideographic', 'Phonetic'] as const;

/** The data sets from the outermost to the item that holds the attribute. */
type Ancestors = readonly [DataSet, ...DataSet[]];

type Step = (dataSet: DataSet) => void;
type Work = (holder: DataSet, ancestors: Ancestors) => void;

/** @throws GatewayError RULE_INVALID or ATTRIBUTE_PATH_INVALID */
export function compileStep(rule: Rule): Step {
  if ('set' in rule) {
    const { path, tag } = target(rule.set);
    const values = valuesFor(tag, rule.value);
    return everyItem(path, rule.when, 'create', (holder) => {
      writeValues(holder, tag, values);
    });
  }
  if ('default' in rule) {
    const { path, tag } = target(rule.default);
    const values = valuesFor(tag, rule.value);
    return everyItem(path, rule.when, 'existing', (holder) => {
      if (holder[tag] === undefined || isEmpty(holder[tag])) writeValues(holder, tag, values);
    });
  }
  if ('remove' in rule) {
    const { path, tag } = target(rule.remove);
    return everyItem(path, rule.when, 'existing', (holder) => {
      delete holder[tag];
    });
  }
  if ('copy' in rule) return compileCopy(rule.copy, rule.to, rule.when);
  if ('map' in rule) {
    const { path, tag } = target(rule.map);
    const table = new Map(Object.entries(rule.table).map(([from, to]) => [from, valuesFor(tag, to)[0] ?? null]));
    const otherwise = rule.otherwise === undefined ? undefined : (valuesFor(tag, rule.otherwise)[0] ?? null);
    const looked = (value: Value): Value | undefined => {
      const text = textOf(value);
      return table.has(text) ? table.get(text) : otherwise;
    };
    return everyItem(path, rule.when, 'existing', (holder) => {
      changeValues(holder, tag, (value) => {
        const found = looked(value);
        return found === undefined ? value : found;
      });
    });
  }
  const { path, tag } = target(rule.replace);
  const pattern = patternOf(rule.pattern, 'g');
  return everyItem(path, rule.when, 'existing', (holder) => {
    changeValues(holder, tag, (value, vr) => replaceIn(value, vr, tag, pattern, rule.with));
  });
}

/**
 * @param around the sequences of the rule's own path; those shared with the condition's are asked of the same item
 * @throws GatewayError RULE_INVALID or ATTRIBUTE_PATH_INVALID
 */
function compileCondition(condition: RuleCondition, around: AttributePath): (ancestors: Ancestors) => boolean {
  const path = parsePath(condition.path);
  const kinds = [condition.equals, condition.matches, condition.present, condition.absent];
  if (kinds.filter((kind) => kind !== undefined).length !== 1) {
    throw new GatewayError('RULE_INVALID', '`when` needs exactly one of equals, matches, present and absent');
  }
  const pattern = condition.matches === undefined ? undefined : patternOf(condition.matches, '');
  const equals = condition.equals === undefined ? undefined : String(condition.equals);
  const accepts = (text: string): boolean =>
    equals !== undefined ? text === equals : text.length <= MAXIMUM_PATTERN_INPUT && (pattern as RegExp).test(text);
  const shared = sharedLength(path.slice(0, -1), around);
  return (ancestors) => {
    const found = attributesAt(ancestors[shared] as DataSet, path.slice(shared)).filter((each) => !isEmpty(each));
    if (condition.present !== undefined) return found.length > 0;
    if (condition.absent !== undefined) return found.length === 0;
    return found.some((each) => each.vr !== 'SQ' && (each.Value ?? []).some((value) => accepts(textOf(value))));
  };
}

function compileCopy(from: string, to: string, when: RuleCondition | undefined): Step {
  const source = parsePath(from);
  const { path, tag } = target(to);
  const isSequence = vrOf(tag) === 'SQ';
  if (isSequence !== (vrOf(source.at(-1) as Tag) === 'SQ')) {
    throw new GatewayError('RULE_INVALID', 'a sequence can only be copied to a sequence');
  }
  const shared = sharedLength(source.slice(0, -1), path.slice(0, -1));
  return everyItem(path, when, 'create', (holder, ancestors) => {
    const given = attributesAt(ancestors[shared] as DataSet, source.slice(shared)).find((each) => !isEmpty(each));
    if (given !== undefined) holder[tag] = converted(given, holder[tag]?.vr ?? vrOf(tag), tag);
  });
}

/** The attribute's values under another VR. */
function converted(given: Attribute, vr: Vr, tag: Tag): Attribute {
  if (given.vr === vr || isBinaryVr(given.vr)) return cloneAttribute(given);
  const values = (given.Value ?? []).map((value) =>
    value === null ? null : valueFromText(vr, textOf(value), tag, []),
  );
  const checked = checkedValues(vr, values, tag, []);
  return checked === undefined ? { vr } : { vr, Value: checked };
}

function target(text: string): { path: AttributePath; tag: Tag } {
  const path = parsePath(text);
  return { path, tag: path.at(-1) as Tag };
}

/** Runs work in every data set that may hold the path's last attribute. */
function everyItem(
  path: AttributePath,
  when: RuleCondition | undefined,
  items: 'create' | 'existing',
  work: Work,
): Step {
  const sequences = path.slice(0, -1);
  const holds = when === undefined ? undefined : compileCondition(when, sequences);
  const visit = (ancestors: Ancestors, depth: number): void => {
    const holder = ancestors.at(-1) as DataSet;
    const sequence = sequences[depth];
    if (sequence === undefined) {
      if (holds?.(ancestors) !== false) work(holder, ancestors);
      return;
    }
    if (items === 'create' && itemsOf(holder[sequence]).length === 0) {
      // A condition inside the new item cannot hold before the item is there, so it is tried on an empty one first.
      const item = createDataSet();
      visit([...ancestors, item], depth + 1);
      if (Object.keys(item).length > 0) holder[sequence] = { vr: 'SQ', Value: [item] };
      return;
    }
    for (const item of itemsOf(holder[sequence])) visit([...ancestors, item], depth + 1);
  };
  return (dataSet) => {
    visit([dataSet], 0);
  };
}

/** Every attribute at a path, through all items. */
function attributesAt(dataSet: DataSet, path: AttributePath): Attribute[] {
  const [tag, ...rest] = path;
  const attribute = tag === undefined ? undefined : dataSet[tag];
  if (attribute === undefined) return [];
  return rest.length === 0 ? [attribute] : itemsOf(attribute).flatMap((item) => attributesAt(item, rest));
}

function sharedLength(a: AttributePath, b: AttributePath): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

function valuesFor(tag: Tag, value: RuleValue): Value[] {
  const vr = vrOf(tag);
  if (vr === 'SQ' || isBinaryVr(vr)) {
    throw new GatewayError('RULE_INVALID', `${tag} has VR ${vr}; rules write text and numbers only`);
  }
  const values = (Array.isArray(value) ? (value as (string | number)[]) : [value as string | number]).map((each) =>
    valueFromText(vr, String(each), tag, []),
  );
  return checkedValues(vr, values, tag, []) ?? [];
}

function writeValues(holder: DataSet, tag: Tag, values: readonly Value[]): void {
  const vr = vrOf(tag);
  holder[tag] = values.length === 0 ? { vr } : { vr, Value: structuredClone([...values]) };
}

function changeValues(holder: DataSet, tag: Tag, change: (value: Value, vr: Vr) => Value): void {
  const attribute = holder[tag];
  if (attribute?.Value === undefined || attribute.vr === 'SQ') return;
  const { vr } = attribute;
  const changed = attribute.Value.map((value) => (value === null ? null : change(value, vr)));
  const values = checkedValues(vr, changed, tag, []);
  holder[tag] = values === undefined ? { vr } : { vr, Value: values };
}

function replaceIn(value: Value, vr: Vr, tag: Tag, pattern: RegExp, replacement: string): Value {
  const replaced = (text: string): string =>
    text.length > MAXIMUM_PATTERN_INPUT ? text : text.replace(pattern, replacement);
  if (vr !== 'PN') return valueFromText(vr, replaced(textOf(value)), tag, []);
  const name: PersonName = { ...(value as PersonName) };
  for (const group of NAME_GROUPS) if (name[group] !== undefined) name[group] = replaced(name[group]);
  return valueFromText('PN', personNameToText(name), tag, []);
}

function textOf(value: Value): string {
  if (value === null) return '';
  return typeof value === 'object' ? personNameToText(value) : String(value);
}

function patternOf(source: string, flags: string): RegExp {
  try {
    return new RegExp(source, `${flags}u`);
  } catch {
    throw new GatewayError('RULE_INVALID', `the pattern ${JSON.stringify(source)} is not a regular expression`);
  }
}
