/** docs/troubleshooting.md shows what the commands print. */
import { expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { blocksOf, comparable, DOCUMENT } from '../../scripts/walk/document.ts';
import { walk } from '../../scripts/walk/walk.ts';

test('the walk through a mistaken configuration, a dead upstream and a refused MPPS goes as docs/troubleshooting.md says', async () => {
  const written = blocksOf(await readFile(DOCUMENT, 'utf8'));
  const played = await walk();
  expect(written.size).toBeGreaterThan(10);
  const texts = (blocks: typeof written): [string, string][] =>
    [...blocks].map(([name, block]) => [name, comparable(block)]);
  expect(texts(written)).toEqual(texts(played));
}, 60_000);
