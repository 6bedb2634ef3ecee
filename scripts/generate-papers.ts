/**
 * Writes docs/conformance.md, the conformance statement of the embedded default. With --check it writes nothing and ends
 * with 1 when it is outdated.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadConfig } from '../src/config/load.ts';
import { toMarkdown } from '../src/papers/markdown.ts';
import { conformanceStatement } from '../src/papers/statement.ts';
import { versionOfPackage } from '../src/version.ts';

const ROOT = join(import.meta.dirname, '..');
const FILE = join(ROOT, 'docs/conformance.md');

// The default as it is, whatever the environment says here.
const { config } = await loadConfig(join(ROOT, 'config/gateway.yaml'), {});
const wanted = toMarkdown(conformanceStatement({ config, version: versionOfPackage(), source: 'config/gateway.yaml' }));
const present = await readFile(FILE, 'utf8').catch(() => '');

if (wanted !== present) {
  if (process.argv.includes('--check')) {
    console.error('Outdated: docs/conformance.md. Run npm run generate.');
    process.exitCode = 1;
  } else await writeFile(FILE, wanted);
}
