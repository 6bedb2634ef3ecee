/** scripts/release.ts: what stands against a release, and what one is made of. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { notesOf, problemsOf } from '../../scripts/release/checks.ts';
import type { ReleaseFacts } from '../../scripts/release/checks.ts';
import { release, ReleaseError } from '../../scripts/release/release.ts';

const CHANGELOG = `# Changelog

## Unreleased

## 1.2.0 - 2026-11-21

### Added

- Something.

## [1.1.0] - 2026-01-01

- Before.
`;

const READY: ReleaseFacts = {
  version: '1.2.0',
  lockVersions: ['1.2.0', '1.2.0'],
  status: '',
  tags: ['v1.1.0'],
  changelog: CHANGELOG,
};

describe('a release', () => {
  test('that is ready has nothing against it', () => {
    expect(problemsOf(READY)).toEqual([]);
    expect(notesOf(CHANGELOG, '1.2.0')).toBe('### Added\n\n- Something.');
    expect(notesOf(CHANGELOG, '1.1.0')).toBe('- Before.');
  });

  const cases: readonly [string, Partial<ReleaseFacts>, RegExp][] = [
    ['a version that is none', { version: '1.2', lockVersions: ['1.2', '1.2'], changelog: '' }, /Semantic/],
    ['a lock file of another version', { lockVersions: ['1.2.0', '1.1.0'] }, /package-lock/],
    ['files that are not committed', { status: ' M src/main.ts\n?? notes' }, /^2 files/],
    ['a tag of that version', { tags: ['v1.2.0'] }, /tag v1\.2\.0/],
    ['no section of that version', { changelog: '## Unreleased\n' }, /no "## 1\.2\.0/],
    ['a conformance statement of another version', { statedVersion: '1.1.0' }, /conformance\.md is of version 1\.1\.0/],
    ['a section without a date', { changelog: '## 1.2.0\n\n- Something.\n' }, /no "## 1\.2\.0/],
    ['a section without entries', { changelog: '## 1.2.0 - 2026-11-21\n' }, /nothing of 1\.2\.0/],
    [
      'entries that are still unreleased',
      { changelog: CHANGELOG.replace('Unreleased', 'Unreleased\n\n- More.') },
      /move/,
    ],
  ];
  test.each(cases)('does not go with %s', (_what, facts, problem) => {
    expect(problemsOf({ ...READY, ...facts })[0]).toMatch(problem);
  });
});

test('the package has the documents that messages of the product lead to', () => {
  const root = join(import.meta.dirname, '../..');
  const listed = execFileSync('npm', ['pack', '--dry-run', '--json', '--offline', '--ignore-scripts'], { cwd: root });
  const [{ files }] = JSON.parse(listed.toString()) as [{ files: { path: string }[] }];
  const packed = new Set(files.map(({ path }) => path));
  const named = ['errors', 'configuration', 'operations', 'worklist-api'].map((name) => `docs/${name}.md`);
  expect([...named, 'CHANGELOG.md', 'config/gateway.schema.json'].filter((file) => !packed.has(file))).toEqual([]);
}, 30_000);

describe('the files of a release', () => {
  let folder: string;
  let root: string;
  const git = (...args: readonly string[]): string =>
    execFileSync('git', ['-C', root, '-c', 'user.name=T', '-c', 'user.email=t@example.org', ...args], {
      encoding: 'utf8',
    });
  const write = (file: string, content: unknown): void =>
    writeFileSync(join(root, file), typeof content === 'string' ? content : JSON.stringify(content));

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dimseway-release-'));
    root = join(folder, 'package');
    mkdirSync(root);
    git('init', '--quiet');
    const whole = { name: 'small', version: '1.2.0', private: true };
    const scripts = {
      build: `node -e "fs.mkdirSync('dist', { recursive: true }); fs.writeFileSync('dist/main.js', '1')"`,
      sbom: `node -e "fs.writeFileSync(process.argv[1], '{}')"`,
    };
    write('package.json', { ...whole, files: ['dist'], scripts });
    write('package-lock.json', { ...whole, lockfileVersion: 3, packages: { '': whole } });
    write('CHANGELOG.md', CHANGELOG);
    write('.gitignore', 'dist\n');
    git('add', '.');
    git('commit', '--quiet', '-m', 'All');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are the package, its bill of materials, what changed, and a sum of each', () => {
    const made = join(folder, 'made');
    const { version, files } = release(root, made);
    expect([version, files]).toEqual(['1.2.0', ['CHANGES.md', 'sbom.cdx.json', 'small-1.2.0.tgz', 'SHA256SUMS']]);
    const sums = readFileSync(join(made, 'SHA256SUMS'), 'utf8').trimEnd().split('\n');
    const own = files.slice(0, -1).map((name) => {
      const sum = createHash('sha256')
        .update(readFileSync(join(made, name)))
        .digest('hex');
      return `${sum}  ${name}`;
    });
    expect(sums).toEqual(own);
    const packed = execFileSync('tar', ['-tzf', join(made, 'small-1.2.0.tgz')], { encoding: 'utf8' });
    expect(packed.split('\n').filter(Boolean).sort()).toEqual(['package/dist/main.js', 'package/package.json']);
  }, 30_000);

  test('are not made where there is a folder, and leave none behind where the build fails', () => {
    expect(() => release(root, join(folder, 'made'))).toThrow(ReleaseError);
    const broken = join(folder, 'broken');
    const build = readFileSync(join(root, 'package.json'), 'utf8').replace(
      /"build":"(?:[^"\\]|\\.)*"/,
      '"build":"false"',
    );
    write('package.json', build);
    git('commit', '--quiet', '-am', 'Broken');
    expect(() => release(root, broken)).toThrow();
    expect(existsSync(broken)).toBe(false);
  }, 30_000);

  test('are not made of a tree that is not clean', () => {
    write('notes', 'by the way');
    const made = join(folder, 'not-made');
    expect(() => release(root, made)).toThrow(ReleaseError);
    expect(existsSync(made)).toBe(false);
  });
});
