/** The documents lead somewhere, and nothing is left out of their indexes. */
import { describe, expect, test } from '@jest/globals';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md'], { cwd: ROOT }).sort();
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

/** Without what is shown as code, where brackets are no links. */
const prose = (file: string): string =>
  read(file)
    .replaceAll(/^ *```[\s\S]*?^ *```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, 'code');

interface Link {
  readonly path: string;
  readonly anchor: string | undefined;
}

function linksOf(file: string): Link[] {
  return [...prose(file).matchAll(/\]\(([^()\s]*(?:\([^()\s]*\))?[^()\s]*)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^[a-z]+:/i.test(target))
    .map((target) => {
      const [path = '', anchor] = target.split('#');
      return { path, anchor };
    });
}

/** As GitHub makes them of headings. */
function anchorsOf(file: string): Set<string> {
  const anchors = new Set<string>();
  const text = read(file).replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  for (const [, heading = ''] of text.matchAll(/^#{1,6} (.*)$/gm)) {
    const slug = heading
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

test.each(DOCUMENTS)('every link of %s leads to a file and a heading that are there', (file) => {
  const dead = linksOf(file).filter(({ path, anchor }) => {
    const target = path === '' ? file : join(file, '..', decodeURI(path));
    if (!existsSync(join(ROOT, target))) return true;
    return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor);
  });
  expect(dead).toEqual([]);
});

describe('indexes', () => {
  const linked = (file: string): Set<string> => new Set(linksOf(file).map(({ path }) => join(file, '..', path)));

  test('docs/README.md leads to every document that is written by hand, decisions too', () => {
    const written = DOCUMENTS.filter((file) => /^docs\//.test(file) && !/^(<!-- )?Generated /m.test(read(file)));
    const index = linked('docs/README.md');
    expect(written.length).toBeGreaterThan(15);
    expect(written.filter((file) => file !== 'docs/README.md' && !index.has(file))).toEqual([]);
  });

  test.each(['README.md', 'docs/recipes.md'])('%s leads to every example', (file) => {
    const examples = readdirSync(join(ROOT, 'config/examples')).filter((name) => name.endsWith('.yaml'));
    const index = linked(file);
    expect(examples.length).toBeGreaterThan(10);
    expect(examples.filter((name) => !index.has(`config/examples/${name}`))).toEqual([]);
  });

  test('what docs/recipes.md says to set is an option', () => {
    const rows = read('docs/recipes.md')
      .split('\n')
      .filter((line) => /^\| .* \|$/.test(line));
    const options = rows.flatMap((row) => row.split('|')[2]?.match(/`[a-z][A-Za-z.]*(?=`|: )/g) ?? []);
    const known = read('docs/configuration.md');
    const missing = options
      .map((option) => option.slice(1))
      .filter((option) => !new RegExp(`\\b${option.replaceAll('.', '\\.')}\\b`).test(known));
    expect(options.length).toBeGreaterThan(20);
    expect(missing).toEqual([]);
  });
});
