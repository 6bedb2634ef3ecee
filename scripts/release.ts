/**
 * `node scripts/release.ts [--check] [FOLDER]`: checks that this commit can be released, and makes the files of the release in a new
 * FOLDER (`../dimseway-VERSION` by default). `--check` only checks. What comes then is said at the end; nothing is published here.
 */
import { join, resolve } from 'node:path';
import { problemsOf } from './release/checks.ts';
import { factsOf, release, ReleaseError } from './release/release.ts';

const ROOT = join(import.meta.dirname, '..');
const args = process.argv.slice(2);
const [given] = args.filter((arg) => !arg.startsWith('--'));

try {
  const facts = factsOf(ROOT);
  if (args.includes('--check')) {
    const problems = problemsOf(facts);
    if (problems.length > 0) throw new ReleaseError(problems);
    console.log(`${facts.version} can be released.`);
  } else {
    const folder = resolve(given ?? join(ROOT, '..', `dimseway-${facts.version}`));
    const { version, files } = release(ROOT, folder);
    console.log(`${folder}:\n${files.map((name) => `  ${name}`).join('\n')}`);
    console.log(`Next: git tag -a v${version} -m ${version}; npm audit; push the tag; attach the files.`);
  }
} catch (error) {
  if (!(error instanceof ReleaseError)) throw error;
  console.error(error.problems.join('\n'));
  process.exitCode = 1;
}
