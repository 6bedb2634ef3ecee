import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { CONFIG_JSON_SCHEMA } from '../../../src/config/json-schema.ts';
import type { SchemaNode } from '../../../src/config/json-schema.ts';
import { editorSchema } from '../../../src/config/reference.ts';
import { log } from '../../../src/config/log-schema.ts';
import { LOG_LEVELS } from '../../../src/observe/log.ts';

const SCRIPT = join(import.meta.dirname, '../../../scripts/generate-reference.ts');

test('config/gateway.schema.json and docs/configuration.md are what the schema gives (npm run generate)', () => {
  execFileSync(process.execPath, [SCRIPT, '--check'], { stdio: 'pipe' });
});

function undescribed(node: SchemaNode, path: string): string[] {
  const inside = [
    ...Object.entries(node.properties ?? {}).flatMap(([key, each]) => [
      ...(each.title === undefined || each.description === undefined ? [`${path}.${key}`] : []),
      ...undescribed(each, `${path}.${key}`),
    ]),
    ...[node.additionalProperties || undefined, node.items].flatMap((each) =>
      each ? undescribed(each, `${path}[]`) : [],
    ),
    ...[...(node.oneOf ?? []), ...(node.anyOf ?? [])].flatMap((each) => undescribed(each, path)),
  ];
  return inside;
}

test('every option has a title and a description', () => {
  expect(undescribed(CONFIG_JSON_SCHEMA, '')).toEqual([]);
});

test('log levels are those of the logger', () => {
  expect(log.parse({}).level).toBe('info');
  for (const level of LOG_LEVELS) expect(log.parse({ level }).level).toBe(level);
});

test('editors take a variable for any number or word, and a file for a secret', () => {
  const listeners = editorSchema().properties?.['listeners']?.additionalProperties || undefined;
  const port = listeners?.oneOf?.[0]?.properties?.['port'];
  expect(port?.anyOf).toEqual([
    { type: 'integer', minimum: 0, maximum: 65_535 },
    { type: 'string', pattern: '\\$\\{' },
  ]);
  const upstreams = editorSchema().properties?.['upstreams']?.additionalProperties || undefined;
  const header = upstreams?.oneOf?.[0]?.properties?.['headers']?.additionalProperties || undefined;
  expect(header?.anyOf?.at(-1)).toMatchObject({ properties: { file: { type: 'string' } } });
});
