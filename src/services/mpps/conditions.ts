/** The conditions behind 1C of Table F.7.2-1, as far as a message can decide them. */
import { isEmpty, itemsOf } from '../../dataset/model.ts';
import type { Attribute, DataSet } from '../../dataset/model.ts';
import type { ConditionName } from './attributes.ts';

const CODE_VALUE = '00080100';
const LONG_CODE_VALUE = '00080119';
const URN_CODE_VALUE = '00080120';
const UNIVERSAL_ENTITY_ID = '00400032';

const CONDITIONS: Readonly<Record<ConditionName, (around: DataSet) => boolean>> = {
  // A code has one of three values; which one it should have been is asked of the first.
  code: (item) => !hasValue(item[LONG_CODE_VALUE]) && !hasValue(item[URN_CODE_VALUE]),
  long: () => false,
  urn: () => false,
  scheme: (item) => hasValue(item[CODE_VALUE]) || hasValue(item[LONG_CODE_VALUE]),
  local: (item) => !hasValue(item[UNIVERSAL_ENTITY_ID]),
  universal: () => false,
  type: (item) => hasValue(item[UNIVERSAL_ENTITY_ID]),
  // Which schemes need a version is not in the message, and the encoders see to the character set.
  version: () => false,
  charset: () => false,
};

/** Whether the condition certainly holds for an attribute of this data set or item. */
export function holds(condition: ConditionName | undefined, around: DataSet): boolean {
  return condition !== undefined && CONDITIONS[condition](around);
}

/** At least one value that is not empty; for a sequence at least one item. */
export function hasValue(attribute: Attribute | undefined): boolean {
  if (attribute === undefined || isEmpty(attribute)) return false;
  if (attribute.vr === 'SQ') return itemsOf(attribute).length > 0;
  return attribute.Value === undefined || attribute.Value.some((value) => value !== null);
}
