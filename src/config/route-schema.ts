/** Which request goes where, and how it is changed on the way. */
import { z } from 'zod';
import { messageLog } from './log-schema.ts';
import { aeTitles, attributePathText as path, basePath, characterSet, name, option, subnet } from './values.ts';

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
const rules = z.array(rule).default([]);

const from = z.strictObject({
  listener: option(name.exactOptional(), 'Listener', 'Name of a listener.'),
  callingAeTitles: option(aeTitles.exactOptional(), 'Calling AE titles', 'AE titles of those who ask (DIMSE only).'),
  calledAeTitles: option(aeTitles.exactOptional(), 'Called AE titles', 'AE titles they call (DIMSE only).'),
  addresses: option(
    z.array(subnet).min(1).exactOptional(),
    'Addresses',
    'Where they ask from: IP addresses or subnets.',
  ),
  basePath: option(basePath.exactOptional(), 'Base path', 'Base path they ask under (web only).'),
});

const worklist = z.strictObject({
  to: option(
    z
      .union([name, z.array(name).min(1)], 'should be the name of an upstream or a list of names')
      .transform((to) => (typeof to === 'string' ? [to] : to)),
    'To',
    'Upstream that is asked. Of several the next is tried when one fails safely before its first result.',
  ),
  rules: option(
    z
      .strictObject({
        request: option(rules, 'Request', 'Applied to the identifier before the upstream is asked.'),
        response: option(rules, 'Response', 'Applied to every result.'),
      })
      .prefault({}),
    'Rules',
    'Mapping rules, applied in order.',
  ),
});

export const route = z.strictObject({
  name: option(name, 'Name', 'What the route is called in logs; unique.'),
  from: option(from.prefault({}), 'From', 'Which requests take this route; what is absent fits any.'),
  characterSets: option(
    z.array(characterSet).default([]),
    'Character sets',
    'Specific Character Sets towards a calling SCU, tried in order where text is not plain ASCII, e.g. "ISO_IR 100" ' +
      'or "\\\\ISO 2022 IR 87". Then comes the one of its identifier, then ISO_IR 192.',
  ),
  unencodable: option(
    z.enum(['utf-8', 'replace', 'fail']).default('utf-8'),
    'Unencodable',
    'When no character set of the list and of the identifier has every character: send ISO_IR 192 all the same, ' +
      'replace what is missing by ?, or fail.',
  ),
  worklist: option(
    worklist.exactOptional(),
    'Worklist',
    'The Modality Worklist service; absent: refused on this route.',
  ),
  log: messageLog,
});
