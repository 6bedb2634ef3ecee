/** docs/security.md claims no test that does not exist, and every document it leads to is there. */
import { expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

test('every test that docs/security.md names is there', () => {
  const named = [...read('docs/security.md').matchAll(/`((?:unit|flows|fuzz|peers)\/[\w./-]+\.test\.ts)`/g)];
  const files = [...new Set(named.map(([, file = '']) => file))];
  expect(files.length).toBeGreaterThan(40);
  expect(files.filter((file) => !existsSync(join(ROOT, 'test', file)))).toEqual([]);
});

test('every row of a threat names a control and a test that shows it', () => {
  const [, threats = ''] = read('docs/security.md').split(/^## Threats$/m);
  const [section = ''] = threats.split(/^## /m);
  const rows = section.split('\n').filter((line) => /^\| (?!threat )/.test(line) && !line.startsWith('|---'));
  const cells = rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  expect(rows.length).toBeGreaterThan(20);
  const unshown = cells.filter(
    ([, control = '', shown = '']) => control === '' || !/\.test\.ts`|^the same$/.test(shown),
  );
  expect(unshown).toEqual([]);
});

test.each(['docs/security.md', 'SECURITY.md'])('the links of %s lead somewhere', (file) => {
  const links = [...read(file).matchAll(/\]\(([^)#]*)(?:#([\w-]+))?\)/g)];
  expect(links.length).toBeGreaterThan(1);
  for (const [, path = '', anchor] of links) {
    const target = path === '' ? file : join(file, '..', path);
    const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    if (anchor !== undefined) expect(headings).toContain(anchor);
  }
});
