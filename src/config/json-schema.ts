/** The schema as JSON Schema: for editors, for the reference page, and to look up what belongs where in a file. */
import { z } from 'zod';
import type { ConfigPath } from './problem.ts';
import { configSchema } from './schema.ts';
import type { PlainMap } from './source.ts';

/** The parts of JSON Schema that our schema makes use of, with our own `kind` and `secret`. */
export interface SchemaNode {
  readonly title?: string;
  readonly description?: string;
  readonly type?: string | readonly string[];
  readonly const?: string | number | boolean;
  readonly enum?: readonly (string | number)[];
  readonly default?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode | false;
  readonly items?: SchemaNode;
  readonly oneOf?: readonly SchemaNode[];
  readonly anyOf?: readonly SchemaNode[];
  readonly kind?: string;
  readonly secret?: boolean;
}

/** Of what is written in the file: before defaults and conversions. */
export const CONFIG_JSON_SCHEMA = z.toJSONSchema(configSchema, { io: 'input' }) as SchemaNode;

export function isPlainMap(value: unknown): value is PlainMap {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What stands at a path; undefined where nothing does. */
export function valueAt(path: ConfigPath, root: unknown): unknown {
  return path.reduce<unknown>(
    (value, step) => (isPlainMap(value) || Array.isArray(value) ? (value as PlainMap)[step] : undefined),
    root,
  );
}

/** The schema of the value at a path; the values on the way choose among alternatives. */
export function schemaAt(path: ConfigPath, root: unknown): SchemaNode | undefined {
  let node: SchemaNode | undefined = CONFIG_JSON_SCHEMA;
  let value = root;
  for (const step of path) {
    if (node === undefined) return undefined;
    const chosen: SchemaNode | undefined = alternativeFor(node, value);
    if (typeof step === 'number') node = chosen?.items;
    else node = chosen?.properties?.[step] ?? (chosen?.additionalProperties || undefined);
    value = isPlainMap(value) || Array.isArray(value) ? (value as PlainMap)[step] : undefined;
  }
  return node === undefined ? undefined : alternativeFor(node, value);
}

/** Whether a secret may stand at a path: one belongs there, in it or around it, so that a mistyped one may be there. */
export function mayBeSecret(path: ConfigPath, root: unknown): boolean {
  const around = path.map((_step, i) => schemaAt(path.slice(0, i + 1), root));
  return around.some((node) => node?.secret === true) || holdsSecret(around.at(-1));
}

function holdsSecret(node: SchemaNode | undefined): boolean {
  if (node === undefined) return false;
  const { properties = {}, additionalProperties, items, oneOf = [], anyOf = [] } = node;
  const inner = [...Object.values(properties), additionalProperties || undefined, items, ...oneOf, ...anyOf];
  return node.secret === true || inner.some(holdsSecret);
}

function alternativeFor(node: SchemaNode, value: unknown): SchemaNode | undefined {
  if (node.oneOf !== undefined) {
    return node.oneOf.find((each) => isPlainMap(value) && each.properties?.['protocol']?.const === value['protocol']);
  }
  if (node.anyOf === undefined) return node;
  if (Array.isArray(value)) return node.anyOf.find(({ type }) => type === 'array');
  return isPlainMap(value) ? node.anyOf[alternativeIndex(node.anyOf, value)] : node;
}

/** Which of several mappings is meant: the first whose first required key is there; -1 for none. */
export function alternativeIndex(alternatives: readonly SchemaNode[], value: PlainMap): number {
  return alternatives.findIndex(({ required: [first] = [] }) => first !== undefined && first in value);
}
