/** Applying mapping rules (rule.ts): compiled once, then a pure function per data set. */
import { pathToText } from './attribute-path.ts';
import { sameAttribute } from './comparison.ts';
import { cloneDataSet, createDataSet, itemsOf } from './model.ts';
import type { Attribute, DataSet } from './model.ts';
import type { Rule } from './rule.ts';
import { compileStep } from './rule-steps.ts';
import { GatewayError } from '../errors.ts';

export type { Rule, RuleCondition, RuleValue } from './rule.ts';

/** One attribute that a rule changed; absent: it was not, or is not, there. */
export interface RuleChange {
  /** Keywords joined by dots; of a sequence with several items the item too, from 1: `ScheduledStepAttributesSequence[2].StudyID`. */
  readonly path: string;
  readonly before?: Attribute;
  readonly after?: Attribute;
}

/** What a data set becomes, rule by rule. */
export interface RuleExplanation {
  readonly before: DataSet;
  readonly after: DataSet;
  /** For each rule, in order. */
  readonly steps: readonly { readonly rule: Rule; readonly changes: readonly RuleChange[] }[];
}

/**
 * The rules as one function. It leaves its argument as it is.
 * @throws GatewayError RULE_INVALID naming the rule (counted from 1) when a path, pattern or value is wrong; the
 *   function throws the same when the values it meets do not fit, e.g. a copied text that is no number
 */
export function compileRules(rules: readonly Rule[]): (dataSet: DataSet) => DataSet {
  const steps = rules.map(compileRule);
  if (steps.length === 0) return (dataSet) => dataSet;
  return (dataSet) => {
    const copy = cloneDataSet(dataSet);
    for (const step of steps) step(copy);
    return copy;
  };
}

/** What is wrong with a rule, for the configuration's list of problems; undefined when nothing is. */
export function checkRule(rule: Rule): string | undefined {
  try {
    compileStep(rule);
    return undefined;
  } catch (error) {
    if (error instanceof GatewayError) return error.message;
    throw error;
  }
}

/** Applies rules one by one and says which changed what. @throws GatewayError RULE_INVALID */
export function explainRules(rules: readonly Rule[], dataSet: DataSet): RuleExplanation {
  let after = dataSet;
  const steps = rules.map((rule, i) => {
    const before = after;
    after = cloneDataSet(before);
    compileRule(rule, i)(after);
    return { rule, changes: changesBetween(before, after, '') };
  });
  return { before: dataSet, after, steps };
}

function compileRule(rule: Rule, index: number): (dataSet: DataSet) => void {
  const named = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error;
      throw new GatewayError('RULE_INVALID', `Rule ${index + 1}: ${error.message}`, { cause: error });
    }
  };
  const step = named(() => compileStep(rule));
  return (dataSet) => {
    named(() => {
      step(dataSet);
    });
  };
}

/** @param around path of the item that both are, with a dot at its end */
function changesBetween(before: DataSet, after: DataSet, around: string): RuleChange[] {
  const tags = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return tags.flatMap((tag) => {
    const [old, now] = [before[tag], after[tag]];
    if (old !== undefined && now !== undefined && sameAttribute(old, now)) return [];
    const path = `${around}${pathToText([tag], 'keyword')}`;
    const [olds, nows] = [itemsOf(old), itemsOf(now)];
    const count = Math.max(olds.length, nows.length);
    const inside = Array.from({ length: count }, (_, i) => {
      const item = count === 1 ? path : `${path}[${i + 1}]`;
      return changesBetween(olds[i] ?? createDataSet(), nows[i] ?? createDataSet(), `${item}.`);
    }).flat();
    if (inside.length > 0) return inside;
    return [{ path, ...(old !== undefined && { before: old }), ...(now !== undefined && { after: now }) }];
  });
}
