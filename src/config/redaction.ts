/** The text of a configuration for other eyes: as it is written, every line in its place, without what is secret. */
import type { Environment } from './environment.ts';
import { CONFIG_JSON_SCHEMA, isPlainMap, schemaAt, valueAt } from './json-schema.ts';
import type { SchemaNode } from './json-schema.ts';
import type { ConfigPath } from './problem.ts';
import { ConfigSource } from './source.ts';

const HIDDEN = '(hidden)';

/** Only these say no more than where a secret is. */
const REFERENCE = /^["']?\$\{[A-Za-z_][A-Za-z0-9_]*\}["']?$/;
const CREDENTIALS_IN_URL = /\/\/[^\s/@]*@/g;

/** Shorter ones would be found everywhere; they are hidden where they stand. */
const SHORTEST_FOUND_ELSEWHERE = 6;

/** @param environment what its variables stand for */
export function redactedLines(text: string, environment: Environment): string[] {
  const source = new ConfigSource('', text, environment);
  const redacted = source.isBroken([]) ? withoutValues(text) : withoutSecrets(text, source);
  return redacted
    .replace(/\r?\n$/, '')
    .split(/\r?\n/)
    .map(redactComment);
}

function withoutSecrets(text: string, source: ConfigSource): string {
  const secrets = new Set<string>();
  const spans: { readonly start: number; readonly end: number }[] = [];
  for (const { path, start, end } of source.scalars()) {
    if (!isSecret(path, source.value)) continue;
    const value = valueAt(path, source.value);
    if (typeof value === 'string' && value.length >= SHORTEST_FOUND_ELSEWHERE) secrets.add(value);
    if (!REFERENCE.test(text.slice(start, end).trim())) spans.push({ start, end });
  }
  // From the end, so that offsets stay true; what an alias repeats is there once.
  let redacted = text;
  let before = text.length;
  for (const { start, end } of spans.toSorted((a, b) => b.start - a.start)) {
    if (start >= before) continue;
    redacted = redacted.slice(0, start) + hidden(redacted.slice(start, end)) + redacted.slice(end);
    before = start;
  }
  for (const secret of secrets) redacted = redacted.replaceAll(secret, hidden(secret));
  return redacted.replace(CREDENTIALS_IN_URL, `//${HIDDEN}@`);
}

/** As many lines as before. */
function hidden(text: string): string {
  return HIDDEN + '\n'.repeat(text.split('\n').length - 1);
}

/** What is secret by the schema, and what the schema does not know: it may be a secret under a mistyped name. */
function isSecret(path: ConfigPath, root: unknown): boolean {
  if (namesFile(path, root)) return false;
  const around = path.map((_step, i) => schemaAt(path.slice(0, i + 1), root));
  return around.some((node) => node === undefined || node.secret === true);
}

/** `{ file: path }` in the place of a secret. */
function namesFile(path: ConfigPath, root: unknown): boolean {
  const place = path.slice(0, -1);
  const holder = valueAt(place, root);
  const isOnly = isPlainMap(holder) && Object.keys(holder).length === 1;
  return isOnly && path.at(-1) === 'file' && schemaAt(place, root)?.secret === true;
}

/** Of a text that cannot be parsed, the keys. */
function withoutValues(text: string): string {
  return text
    .split('\n')
    .map(
      (line) =>
        /^(\s*(?:- +)*[\w-]+:)\s*(?:[^\s#].*)?$/.exec(line)?.[1] ?? (/^\s*(?:#.*)?$/.test(line) ? line : HIDDEN),
    )
    .join('\n');
}

/** Secrets are taken out of use by a `#` in front of them. */
function redactComment(line: string): string {
  const at = line.search(/(?:^|\s)#/);
  if (at < 0) return line;
  const comment = line.slice(at).replace(COMMENTED, `$1${HIDDEN}`).replace(CREDENTIALS_IN_URL, `//${HIDDEN}@`);
  return line.slice(0, at) + comment;
}

const COMMENTED = new RegExp(`\\b((?:${[...secretNames(CONFIG_JSON_SCHEMA)].join('|')})["']?\\s*:\\s*)\\S.*$`, 'i');

/** Keys under which secrets stand. */
function secretNames(node: SchemaNode): Set<string> {
  const names = new Set<string>();
  const { properties = {}, additionalProperties, items, oneOf = [], anyOf = [] } = node;
  for (const [name, inner] of Object.entries(properties)) {
    if (holds(inner)) names.add(name);
  }
  for (const inner of [...Object.values(properties), additionalProperties || undefined, items, ...oneOf, ...anyOf]) {
    if (inner !== undefined) for (const name of secretNames(inner)) names.add(name);
  }
  return names;
}

/** Itself, or as one of its alternatives, items or values. */
function holds({ secret, additionalProperties, items, anyOf = [] }: SchemaNode): boolean {
  const inner = [additionalProperties || undefined, items, ...anyOf];
  return secret === true || inner.some((each) => each !== undefined && holds(each));
}
