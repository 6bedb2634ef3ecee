import { expect, test } from '@jest/globals';
import { readdir, readFile } from 'node:fs/promises';

const CONSOLE = new URL('../../../src/console/', import.meta.url);

test('docs/errors.md lists every code that a page of the console answers with', async () => {
  const files = (await readdir(CONSOLE)).filter((name) => name.endsWith('.ts'));
  const sources = await Promise.all(files.map((name) => readFile(new URL(name, CONSOLE), 'utf8')));
  const codes = new Set(sources.flatMap((source) => source.match(/(?<=')[A-Z]+(?:_[A-Z]+)+(?=')/g) ?? []));
  const documented = await readFile(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  expect(codes.size).toBeGreaterThan(15);
  expect([...codes].filter((code) => !documented.includes(`| \`${code}\` |`))).toEqual([]);
});
