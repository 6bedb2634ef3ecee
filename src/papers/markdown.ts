/** A paper as Markdown with the tables of GitHub. */
import type { Block } from './document.ts';

export function toMarkdown(blocks: readonly Block[]): string {
  return `${blocks.map(block).join('\n\n')}\n`;
}

function block(one: Block): string {
  switch (one.kind) {
    case 'heading':
      return `${'#'.repeat(one.level)} ${escaped(one.text)}`;
    case 'text':
      return escaped(one.text);
    case 'list':
      return one.items.map((item) => `- ${escaped(item)}`).join('\n');
    case 'table': {
      const rows = [one.columns, one.columns.map(() => '---'), ...one.rows.map((cells) => cells.map(cell))];
      return [`**${escaped(one.caption)}**`, rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')].join('\n\n');
    }
  }
}

function cell(words: string): string {
  return escaped(words).replaceAll('|', '\\|').replaceAll('\n', '<br>');
}

/** Names of a configuration are no mark-up; between backticks nothing is. */
function escaped(words: string): string {
  return words
    .split(/(`[^`]*`)/)
    .map((part, index) => (index % 2 === 1 ? part : part.replaceAll(/[\\*_<>[\]]/g, '\\$&')))
    .join('');
}
