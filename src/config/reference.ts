/** What is generated from the schema: the JSON Schema for editors and the reference page. */
import { CONFIG_JSON_SCHEMA } from './json-schema.ts';
import type { SchemaNode } from './json-schema.ts';

/** For editors: every word or number may also be a text with a variable, every secret also `{ file: … }`. */
export function editorSchema(): SchemaNode {
  return withReferences(CONFIG_JSON_SCHEMA);
}

function withReferences(node: SchemaNode): SchemaNode {
  const { title, description, default: preset, ...rest } = node;
  const about = {
    ...(title === undefined ? {} : { title }),
    ...(description === undefined ? {} : { description }),
    ...(preset === undefined ? {} : { default: preset }),
  };
  const { kind: _kind, secret, properties, additionalProperties, items, oneOf, anyOf, ...scalar } = rest;
  const isWord =
    ['integer', 'boolean', 'number'].includes(String(node.type)) ||
    node.enum !== undefined ||
    node.pattern !== undefined;
  if (isWord || secret === true) {
    const variable = { type: 'string', pattern: '\\$\\{' };
    const file = {
      type: 'object',
      properties: { file: { type: 'string' } },
      required: ['file'],
      additionalProperties: false as const,
    };
    return { ...about, anyOf: [scalar, ...(isWord ? [variable] : []), ...(secret === true ? [file] : [])] };
  }
  return {
    ...about,
    ...scalar,
    ...(properties === undefined ? {} : { properties: mapValues(properties, withReferences) }),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: additionalProperties && withReferences(additionalProperties) }),
    ...(items === undefined ? {} : { items: withReferences(items) }),
    ...(oneOf === undefined ? {} : { oneOf: oneOf.map(withReferences) }),
    ...(anyOf === undefined ? {} : { anyOf: anyOf.map(withReferences) }),
  };
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]));
}

const INTRODUCTION = `# Configuration

Generated from \`src/config/schema.ts\` by \`npm run generate\`.

One YAML file (JSON is YAML, so a JSON file works), read by \`dimseway serve --config FILE\`. \`dimseway check FILE\` shows
every problem at once as \`file:line:column path: what is wrong\`; unknown keys are errors. \`config/gateway.yaml\` is the
default, \`config/examples\` has one file per kind of deployment, \`config/gateway.schema.json\` is for editors.

| way of writing | meaning |
|---|---|
| \`\${NAME}\`, \`\${NAME:-default}\` | the environment variable, in any text; the default also where it is empty. Without quotes \`\${PORT}\` can be a number, \`"\${PORT}"\` is a text. \`$\${\` is a plain \`\${\` |
| \`{ file: path }\` | a secret from a file, without the newline at its end; only where the type says so |
| duration | a number with its unit: \`500ms\`, \`10s\`, \`5m\`, \`1h\` |
| age | a number with its unit: \`12h\`, \`30d\`; \`keep\` for ever |
| size | a number with its unit: \`64KiB\`, \`16MiB\` |
| file | relative paths count from the folder of the configuration file |
| attribute path | keywords or tags joined by dots: \`PatientID\`, \`ScheduledProcedureStepSequence.Modality\`, \`00400100.00080060\` |
| AE title | 1 to 16 ASCII characters without backslash; spaces around it say nothing |
`;

const RULES_INTRODUCTION = `
### Mapping rules

Each rule is one of the following, applied in order to a copy of the data set. A path through a sequence means every item.

\`\`\`yaml
rules:
  request:
    - { map: ScheduledProcedureStepSequence.ScheduledStationAETitle, table: { CT1: SCANNER_1 } }
  response:
    - { set: ScheduledProcedureStepSequence.Modality, value: CT }
    - { default: PatientSex, value: O }
    - { remove: MedicalAlerts }
    - { copy: AccessionNumber, to: StudyID }
    - { replace: PatientID, pattern: '^0+', with: '', when: { path: IssuerOfPatientID, equals: CLINIC } }
\`\`\`
`;

/** docs/configuration.md */
export function referencePage(): string {
  const { properties = {} } = CONFIG_JSON_SCHEMA;
  const { listeners, upstreams, routes, ...others } = properties;
  const route = routes?.items;
  const rule = route?.properties?.['worklist']?.properties?.['rules']?.properties?.['request']?.items;
  return [
    INTRODUCTION,
    ...named('listeners', listeners),
    ...named('upstreams', upstreams),
    `## routes\n\n${routes?.description ?? ''}\n`,
    table(route),
    RULES_INTRODUCTION,
    ...(rule?.anyOf ?? []).map((kind) => `#### ${kind.required?.[0] ?? ''}\n\n${table(kind)}`),
    ...Object.entries(others).map(([key, node]) => `## ${key}\n\n${node.description ?? ''}\n\n${table(node)}`),
  ].join('\n');
}

/** A section of parts by name, with one table per protocol. */
function named(key: string, node: SchemaNode | undefined): string[] {
  const kinds = (node?.additionalProperties || undefined)?.oneOf ?? [];
  return [
    `## ${key}\n\n${node?.description ?? ''}\n`,
    ...kinds.map((kind) => {
      const protocol = kind.properties?.['protocol'];
      return `### ${key}: protocol ${String(protocol?.const)}\n\n${protocol?.description ?? ''}\n\n${table(kind)}`;
    }),
  ];
}

function table(node: SchemaNode | undefined): string {
  const rows = node === undefined ? [] : rowsOf(node, '');
  return `| key | type | default | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

/** @param within the optional part that the keys belong to, if any */
function rowsOf(node: SchemaNode, prefix: string, within?: string): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, each]) => {
    const name = `${prefix}${key}`;
    const needed = node.required?.includes(key) === true;
    if (each.properties !== undefined) {
      return rowsOf(each, `${name}.`, needed || each.default !== undefined ? within : name);
    }
    const required = needed ? (within === undefined ? 'required' : `required in \`${within}\``) : '';
    const preset = each.default === undefined ? required : `\`${JSON.stringify(each.default)}\``;
    const cells = [`\`${name}\``, typeText(each), preset, each.description ?? ''];
    return [`| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`];
  });
}

function typeText(node: SchemaNode): string {
  if (node.const !== undefined) return `\`${String(node.const)}\``;
  if (node.enum !== undefined) return node.enum.map((word) => `\`${word}\``).join(', ');
  if (node.secret === true) return 'text or `{ file: … }`';
  if (node.type === 'array')
    return node.items?.anyOf?.[0]?.properties === undefined ? `list of ${typeText(node.items ?? {})}` : 'list of rules';
  if (node.anyOf !== undefined) return [...new Set(node.anyOf.map(typeText))].join(', or ');
  if (node.properties !== undefined) {
    return `mapping of ${Object.keys(node.properties)
      .map((key) => `\`${key}\``)
      .join(' and ')}`;
  }
  if (node.type === 'object') return `mapping of name to ${typeText(node.additionalProperties || {})}`;
  if (node.type === 'integer') return `${node.minimum ?? ''} to ${node.maximum ?? ''}`;
  if (node.type === 'boolean') return '`true`, `false`';
  const types = [node.type ?? []].flat();
  return node.kind ?? types.map((type) => (type === 'string' ? 'text' : type)).join(' or ');
}
