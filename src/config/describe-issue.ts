/** What zod found wrong, in words a person can act on. */
import type { z } from 'zod';
import type { Finding } from './finding.ts';
import { alternativeIndex, isPlainMap, schemaAt, valueAt } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';
import { didYouMean } from './suggest.ts';

/** A finding of the schema. */
export type Complaint = Omit<Finding, 'severity'>;

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
};

export function describeIssue(issue: z.core.$ZodIssue, root: unknown, prefix: ConfigPath = []): Complaint[] {
  const path = [...prefix, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys': {
      const known = Object.keys(schemaAt(path, root)?.properties ?? {});
      return issue.keys.map((key) => unknownKey([...path, key], key, known));
    }
    case 'invalid_union': {
      if (issue.discriminator !== undefined) return [wrongWord(path, root, discriminators(path, root))];
      const value = valueAt(path, root);
      const index = isPlainMap(value) ? alternativeIndex(alternatives(path, root), value) : -1;
      const inner = issue.errors[index];
      if (inner === undefined) return [{ path, message: issue.message }];
      return inner.flatMap((each) => describeIssue(each, root, path));
    }
    case 'invalid_value':
      return [wrongWord(path, root, issue.values.map(String))];
    case 'invalid_type':
      return [wrongType(path, root, issue.expected)];
    case 'too_small':
    case 'too_big':
      return [{ path, message: outOfBounds(path, root, issue.origin) }];
    default:
      return [{ path, message: issue.message }];
  }
}

function unknownKey(path: ConfigPath, key: string, known: readonly string[]): Complaint {
  const hint = didYouMean(key, known) || ` Known here: ${known.join(', ')}.`;
  return { path, message: `is not an option.${hint}`, at: 'key', withoutFound: true };
}

function wrongWord(path: ConfigPath, root: unknown, words: readonly string[]): Complaint {
  const value = valueAt(path, root);
  const should = words.length === 1 ? `should be ${words[0]}` : `should be one of ${words.join(', ')}`;
  if (value === undefined) return { path, message: `is missing: ${should}`, at: 'key', withoutFound: true };
  const hint = typeof value === 'string' ? didYouMean(value, words) : '';
  return { path, message: hint === '' ? should : `${should}.${hint.slice(0, -1)}?` };
}

function wrongType(path: ConfigPath, root: unknown, expected: string): Complaint {
  const node = schemaAt(path, root);
  const kind = node?.kind === undefined ? undefined : `${/^[aAI]/.test(node.kind) ? 'an' : 'a'} ${node.kind}`;
  const should = `should be ${node?.type === 'integer' ? wholeNumber(path, root) : (kind ?? TYPE_WORDS[expected] ?? expected)}`;
  const value = valueAt(path, root);
  if (value === undefined) return { path, message: `is missing: ${should}`, at: 'key', withoutFound: true };
  const unquoted = expected === 'string' && (typeof value === 'number' || typeof value === 'boolean');
  const needsUnit = ['duration', 'size', 'age'].includes(node?.kind ?? '');
  if (!unquoted) return { path, message: should };
  return { path, message: needsUnit ? `${should} with its unit` : `${should}: put it in quotes` };
}

function outOfBounds(path: ConfigPath, root: unknown, origin: string): string {
  if (origin === 'array') return 'should have at least one entry';
  if (origin === 'string') return 'should not be empty';
  return `should be ${wholeNumber(path, root)}`;
}

function wholeNumber(path: ConfigPath, root: unknown): string {
  const { minimum, maximum } = schemaAt(path, root) ?? {};
  return minimum === undefined || maximum === undefined
    ? 'a whole number'
    : `a whole number from ${minimum} to ${maximum}`;
}

function discriminators(path: ConfigPath, root: unknown): string[] {
  return alternatives(path.slice(0, -1), root).map((each) => String(each.properties?.['protocol']?.const));
}

/** The alternatives themselves, which `schemaAt` has already chosen from: asked of what holds them. */
function alternatives(path: ConfigPath, root: unknown) {
  const holder = schemaAt(path.slice(0, -1), root);
  const last = path.at(-1);
  const node =
    typeof last === 'number'
      ? holder?.items
      : (holder?.properties?.[String(last)] ?? (holder?.additionalProperties || undefined));
  return node?.oneOf ?? node?.anyOf ?? [];
}
