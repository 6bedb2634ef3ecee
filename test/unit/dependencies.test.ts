/** What is installed with the gateway: which versions, what of it runs at the installation, and the bill of materials. */
import { expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface Manifest extends Locked {
  readonly name: string;
  readonly overrides: Readonly<Record<string, string>>;
  readonly allowScripts: Readonly<Record<string, boolean>>;
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(ROOT, file), 'utf8'));
const manifest = read('package.json') as Manifest;
const { packages } = read('package-lock.json') as { packages: Readonly<Record<string, Locked>> };
const installed = Object.entries(packages).filter(([path]) => path !== '');
const atRunTime = installed.filter(([, { dev }]) => dev !== true);

test('every dependency has one exact version, and the lock file is of the same', () => {
  const { dependencies = {}, devDependencies = {}, overrides } = manifest;
  const named = Object.entries({ ...dependencies, ...devDependencies });
  const loose = [...named, ...Object.entries(overrides).filter(([, version]) => !version.startsWith('$'))].filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  expect(loose).toEqual([]);
  expect(packages['']).toMatchObject({ dependencies, devDependencies });
  expect(named.filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version)).toEqual([]);
});

test('every package is known by its SHA-512', () => {
  expect(atRunTime.length).toBeGreaterThan(10);
  expect(installed.filter(([, { integrity = '' }]) => !/^sha512-[\w+/]{86}==$/.test(integrity))).toEqual([]);
});

test('no package that runs in production has an install script', () => {
  expect(atRunTime.filter(([, { hasInstallScript }]) => hasInstallScript === true)).toEqual([]);
});

test('of those of development each that has one is named in package.json, allowed or not', () => {
  const withScript = installed.filter(([, { hasInstallScript }]) => hasInstallScript === true);
  const names = withScript.map(([path]) => path.replace(/^.*node_modules\//, ''));
  expect(names.toSorted()).toEqual(Object.keys(manifest.allowScripts).toSorted());
});

test('scripts/sbom.ts lists every package that runs in production with its hash, and none besides', () => {
  const text = execFileSync(process.execPath, [join(ROOT, 'scripts/sbom.ts')], { encoding: 'utf8', stdio: 'pipe' });
  const { bomFormat, metadata, components } = JSON.parse(text) as {
    bomFormat: string;
    metadata: { component: { name: string } };
    components: readonly { name: string; version: string; hashes?: readonly { alg: string }[] }[];
  };
  expect([bomFormat, metadata.component.name]).toEqual(['CycloneDX', manifest.name]);
  const nameOf = ([path, { version }]: (typeof atRunTime)[number]): string =>
    `${path.replace(/^.*node_modules\//, '')}@${version}`;
  const listed = components.map(({ name, version }) => `${name}@${version}`);
  expect(listed.toSorted()).toEqual([...new Set(atRunTime.map(nameOf))].toSorted());
  expect(components.filter(({ hashes = [] }) => hashes[0]?.alg !== 'SHA-512')).toEqual([]);
}, 30_000);
