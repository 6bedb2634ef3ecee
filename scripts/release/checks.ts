/** What must hold before a version is released. Pure. */

export interface ReleaseFacts {
  /** Of package.json. */
  readonly version: string;
  /** Of package-lock.json: of the whole, and of the package itself. */
  readonly lockVersions: readonly (string | undefined)[];
  /** `git status --porcelain`. */
  readonly status: string;
  readonly tags: readonly string[];
  /** CHANGELOG.md. */
  readonly changelog: string;
  /** Which docs/conformance.md is of; undefined: there is none. */
  readonly statedVersion?: string | undefined;
}

const VERSION = /^\d+\.\d+\.\d+(-[\da-z.-]+)?$/i;

/** Each with what to do about it; none: it can be released. */
export function problemsOf(facts: ReleaseFacts): string[] {
  const { version, lockVersions, status, tags, changelog, statedVersion = version } = facts;
  const problems: string[] = [];
  if (!VERSION.test(version)) problems.push(`package.json: version ${version} is none of Semantic Versioning`);
  if (lockVersions.some((each) => each !== version)) {
    problems.push(`package-lock.json is of another version than ${version}: npm install --package-lock-only`);
  }
  if (statedVersion !== version) {
    problems.push(`docs/conformance.md is of version ${statedVersion}, not ${version}: npm run generate`);
  }
  const changed = status.split('\n').filter((line) => line !== '').length;
  if (changed > 0) problems.push(`${changed} files are changed or unknown to git: commit them or take them away`);
  if (tags.includes(`v${version}`)) problems.push(`there is a tag v${version} already: raise the version`);
  const sections = sectionsOf(changelog);
  const notes = sections.get(version);
  if (notes === undefined) problems.push(`CHANGELOG.md has no "## ${version} - YYYY-MM-DD": give Unreleased that name`);
  else if (!/^- /m.test(notes)) problems.push(`CHANGELOG.md says nothing of ${version}`);
  if (/^- /m.test(sections.get('Unreleased') ?? ''))
    problems.push('CHANGELOG.md has entries under Unreleased: move them');
  return problems;
}

/** What changed in that version, without its heading. */
export function notesOf(changelog: string, version: string): string {
  return (sectionsOf(changelog).get(version) ?? '').trim();
}

/** By version; only those with a date, and Unreleased. */
function sectionsOf(changelog: string): Map<string, string> {
  const parts = changelog.split(/^## /m).slice(1);
  return new Map(
    parts.flatMap((part) => {
      const [heading = '', ...lines] = part.split('\n');
      const [, name] = /^\[?(Unreleased|[^\s[\]]+(?=\]? - \d{4}-\d\d-\d\d$))/.exec(heading.trim()) ?? [];
      return name === undefined ? [] : [[name, lines.join('\n')] as const];
    }),
  );
}
