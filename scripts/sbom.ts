/**
 * The software bill of materials of what runs in production, as CycloneDX JSON, from the lock file alone:
 * `node scripts/sbom.ts [FILE]`, to stdout where no file is named.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

const ROOT = join(import.meta.dirname, '..');

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly properties?: readonly { readonly name: string }[];
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}

interface Sbom {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));

/** `name@version` of what is not for development alone. */
function atRunTime(): ReadonlySet<string> {
  const { packages } = read('package-lock.json') as { packages: Record<string, { version: string; dev?: boolean }> };
  const installed = Object.entries(packages).filter(([path, { dev }]) => path !== '' && dev !== true);
  return new Set(installed.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`));
}

/** npm's own `--omit=dev` leaves out what production and development share. */
function production(sbom: Sbom): Sbom {
  const wanted = atRunTime();
  const components = sbom.components
    .filter(({ name, version }) => wanted.has(`${name}@${version}`))
    .map(({ properties = [], ...component }) => ({
      ...component,
      properties: properties.filter(({ name }) => name !== 'cdx:npm:package:development'),
    }));
  const { component } = sbom.metadata;
  const refs = new Set([component, ...components].map((each) => each['bom-ref']));
  const dependencies = sbom.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => refs.has(each)) }));
  // npm names it by its folder.
  const { name } = read('package.json') as { name: string };
  return { ...sbom, metadata: { ...sbom.metadata, component: { ...component, name } }, components, dependencies };
}

const text = execFileSync(
  'npm',
  ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only', '--offline'],
  { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 64 * 1024 * 1024 },
);
const output = `${JSON.stringify(production(JSON.parse(text) as Sbom), null, 2)}\n`;
const [file] = process.argv.slice(2);
if (file === undefined) process.stdout.write(output);
else writeFileSync(file, output);
