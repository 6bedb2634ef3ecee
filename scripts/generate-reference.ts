/**
 * Writes what is generated from the configuration schema, config/gateway.schema.json and docs/configuration.md, and from the
 * metrics, docs/metrics.md. With --check it writes nothing and ends with 1 when one of them is outdated.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { editorSchema, referencePage } from '../src/config/reference.ts';
import { metricsReference } from '../src/observe/metrics-reference.ts';
import { Metrics } from '../src/observe/metrics.ts';

const ROOT = join(import.meta.dirname, '..');

const outdated: string[] = [];
for (const [name, content] of [
  ['config/gateway.schema.json', JSON.stringify(editorSchema())],
  ['docs/configuration.md', referencePage()],
  ['docs/metrics.md', metricsReference(await new Metrics({}).described())],
] as const) {
  const file = join(ROOT, name);
  const wanted = await format(content, { ...(await resolveConfig(file)), filepath: file });
  const present = await readFile(file, 'utf8').catch(() => '');
  if (wanted === present) continue;
  outdated.push(name);
  if (!process.argv.includes('--check')) await writeFile(file, wanted);
}

if (process.argv.includes('--check') && outdated.length > 0) {
  console.error(`Outdated: ${outdated.join(', ')}. Run npm run generate.`);
  process.exitCode = 1;
}
