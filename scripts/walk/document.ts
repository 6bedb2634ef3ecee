/** docs/troubleshooting.md: prose, with a block of output behind each `<!-- walk: NAME -->`. */
import { join } from 'node:path';
import type { Blocks } from './walk.ts';

export const DOCUMENT = join(import.meta.dirname, '../../docs/troubleshooting.md');

const BLOCK = /(<!-- walk: ([\w-]+) -->\n\n)```[\s\S]*?\n```/g;

/** The blocks that stand in it. */
export function blocksOf(document: string): Blocks {
  return new Map(
    [...document.matchAll(BLOCK)].map(([whole, head = '', name = '']) => [name, whole.slice(head.length)]),
  );
}

/** With these in their place. @throws Error for a block that the walk does not have */
export function withBlocks(document: string, blocks: Blocks): string {
  return document.replace(BLOCK, (_whole, head: string, name: string) => {
    const block = blocks.get(name);
    if (block === undefined) throw new Error(`The walk has no block ${name}`);
    return head + block;
  });
}

/** What two runs have in common: without times, identifiers of a run and the widths of columns that follow from them. */
export function comparable(block: string): string {
  return block
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replaceAll(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'ID')
    .replaceAll(/\b\d+(?:\.\d+)? ?m?s\b/g, 'DURATION')
    .replaceAll(/ {2,}/g, '  ');
}
