/** `${NAME}` and `${NAME:-default}` in the texts of a configuration; `$${` stands for a plain `${`. */

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ResolvedText {
  readonly text: string;
  /** Variables that are neither set nor have a default; an empty name for a `${` that names none. */
  readonly missing: readonly string[];
  readonly changed: boolean;
}

const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-((?:(?!\$\{)[^}])*))?\})?/g;

/** A variable that is set but empty counts as not set where a default is given, as in a shell. */
export function resolveVariables(text: string, environment: Environment): ResolvedText {
  const missing: string[] = [];
  let changed = false;
  const resolved = text.replace(REFERENCE, (match: string, name: string | undefined, otherwise: string | undefined) => {
    changed = true;
    if (match === '$${') return '${';
    const value = name === undefined ? undefined : environment[name];
    if (value !== undefined && (value !== '' || otherwise === undefined)) return value;
    if (otherwise !== undefined) return otherwise;
    missing.push(name ?? '');
    return match;
  });
  return { text: resolved, missing, changed };
}

/** What would end an unquoted word within `{ … }` or `[ … ]`, and characters of the same length that do not. */
const SHIELDS: readonly (readonly [string, string])[] = [
  ['{', '\uFDD0'],
  ['}', '\uFDD1'],
  ['[', '\uFDD2'],
  [']', '\uFDD3'],
  [',', '\uFDD4'],
];

/** Lets `{ port: ${PORT} }` pass the YAML parser, every offset kept. */
export function shieldVariables(text: string): string {
  return text.replace(REFERENCE, (match) =>
    SHIELDS.reduce((shielded, [from, to]) => shielded.replaceAll(from, to), match),
  );
}

export function unshieldVariables(text: string): string {
  return SHIELDS.reduce((plain, [to, from]) => plain.replaceAll(from, to), text);
}
