/**
 * Makes what a release is of, in an empty folder: the package, its bill of materials, what changed, and the SHA-256 of each. Uses no
 * network and publishes nothing.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { notesOf, problemsOf } from './checks.ts';
import type { ReleaseFacts } from './checks.ts';

export class ReleaseError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

export interface Release {
  readonly version: string;
  /** Names of the files, in order. */
  readonly files: readonly string[];
}

/**
 * @param root of the package @param folder is made; must not be there
 * @throws ReleaseError with everything that stands against it; nothing is made then
 */
export function release(root: string, folder: string): Release {
  const facts = factsOf(root);
  const problems = [...problemsOf(facts), ...(existsSync(folder) ? [`${folder} is there already: name another`] : [])];
  if (problems.length > 0) throw new ReleaseError(problems);
  mkdirSync(folder);
  try {
    return make(root, folder, facts);
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
}

function make(root: string, folder: string, facts: ReleaseFacts): Release {
  npm(root, 'run', 'build');
  // It has just been built.
  npm(root, 'pack', '--offline', '--ignore-scripts', '--pack-destination', folder);
  npm(root, 'run', 'sbom', '--', join(folder, 'sbom.cdx.json'));
  writeFileSync(join(folder, 'CHANGES.md'), `# ${facts.version}\n\n${notesOf(facts.changelog, facts.version)}\n`);
  const changed = git(root, 'status', '--porcelain');
  if (changed !== '') throw new ReleaseError(['the build has changed files that git knows: commit what it generates']);
  const made = readdirSync(folder).sort();
  const sums = made.map((name) => `${sha256(join(folder, name))}  ${name}\n`);
  writeFileSync(join(folder, 'SHA256SUMS'), sums.join(''));
  return { version: facts.version, files: [...made, 'SHA256SUMS'] };
}

interface Versioned {
  readonly version: string;
}

const STATEMENT = 'docs/conformance.md';

export function factsOf(root: string): ReleaseFacts {
  const read = (file: string): string => readFileSync(join(root, file), 'utf8');
  const { version } = JSON.parse(read('package.json')) as Versioned;
  const lock = JSON.parse(read('package-lock.json')) as Versioned & { packages: Record<string, Versioned> };
  return {
    version,
    lockVersions: [lock.version, lock.packages['']?.version],
    status: git(root, 'status', '--porcelain'),
    tags: git(root, 'tag', '--list').split('\n'),
    changelog: read('CHANGELOG.md'),
    statedVersion: existsSync(join(root, STATEMENT))
      ? /^\| Version \| (\S+) \|$/m.exec(read(STATEMENT))?.[1]
      : undefined,
  };
}

function git(root: string, ...args: readonly string[]): string {
  return execFileSync('git', ['-C', root, ...args], { encoding: 'utf8' }).trimEnd();
}

function npm(root: string, ...args: readonly string[]): void {
  execFileSync('npm', ['--loglevel=error', ...args], { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
}

function sha256(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
