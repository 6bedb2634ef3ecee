/** Mapping rules: how requests and responses are changed on the way. */
import { z } from 'zod';
import { attributePathText as path, option } from './values.ts';

const scalar = z.union([z.string(), z.number()], 'should be a text or a number');
const value = z.union([scalar, z.array(scalar)], 'should be a text, a number or a list of them');

const condition = z.strictObject({
  path: option(path, 'Path', 'The attribute that is asked.'),
  equals: option(scalar.exactOptional(), 'Equals', 'Any of its values is this.'),
  matches: option(z.string().exactOptional(), 'Matches', 'Any of its values matches this regular expression.'),
  present: option(z.literal(true).exactOptional(), 'Present', 'It has a value.'),
  absent: option(z.literal(true).exactOptional(), 'Absent', 'It is missing or empty.'),
});

const when = option(
  condition.exactOptional(),
  'When',
  'The rule applies only where this holds: exactly one of equals, matches, present and absent.',
);

/** One mapping rule; what the kinds mean in full stands in src/dataset/rule.ts. */
export const rule = z.union(
  [
    z.strictObject({
      set: option(path, 'Set', 'Writes the value, whatever was there; missing sequences are made.'),
      value: option(value, 'Value', 'What is written.'),
      when,
    }),
    z.strictObject({
      default: option(path, 'Default', 'Writes the value where the attribute is missing or empty; makes no sequence.'),
      value: option(value, 'Value', 'What is written.'),
      when,
    }),
    z.strictObject({ remove: option(path, 'Remove', 'Takes the attribute away.'), when }),
    z.strictObject({
      copy: option(path, 'Copy', 'Writes the values of this attribute to another, if there are any.'),
      to: option(path, 'To', 'The attribute that is written.'),
      when,
    }),
    z.strictObject({
      map: option(path, 'Map', 'Looks every value up in a table.'),
      table: option(z.record(z.string(), scalar), 'Table', 'New value for each old one.'),
      otherwise: option(
        scalar.exactOptional(),
        'Otherwise',
        'For values that are not in the table; absent: they stay.',
      ),
      when,
    }),
    z.strictObject({
      replace: option(path, 'Replace', 'Replaces every match of a regular expression in every value.'),
      pattern: option(z.string().min(1), 'Pattern', 'JavaScript regular expression.'),
      with: option(z.string(), 'With', 'Replacement; $1 is the first group.'),
      when,
    }),
  ],
  'should be a rule: one of set, default, remove, copy, map and replace',
);

/** Rules of one direction. */
const ruleList = z.array(rule).default([]);

/** `rules` of a service; the texts say what each direction is applied to. */
export function rules(request: string, response: string) {
  return option(
    z
      .strictObject({ request: option(ruleList, 'Request', request), response: option(ruleList, 'Response', response) })
      .prefault({}),
    'Rules',
    'Mapping rules, applied in order.',
  );
}

/** `rules` of a destination that nothing comes back from. */
export const requestRules = option(
  z
    .strictObject({ request: option(ruleList, 'Request', 'Applied to every message before this upstream gets it.') })
    .prefault({}),
  'Rules',
  'Mapping rules, applied in order.',
);
