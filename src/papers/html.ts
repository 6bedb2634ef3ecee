/** A paper as one HTML page that needs nothing else: contents first, tables that print. */
import type { Block } from './document.ts';

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-top: 1px solid; margin-top: 3rem; padding-top: 1rem; }
nav ul { padding-left: 1.5rem; }
div { overflow-x: auto; }
table { border-collapse: collapse; font-size: .875rem; margin: 1rem 0; }
caption { font-weight: bold; padding: .25rem 0; text-align: left; }
td, th { border: 1px solid; padding: .25rem .5rem; text-align: left; vertical-align: top; }
@media print { body { max-width: none; } h2 { break-before: page; } thead { display: table-header-group; } tr { break-inside: avoid; } }
`;

export function toHtml(blocks: readonly Block[]): string {
  const title = blocks.find((one) => one.kind === 'heading')?.text ?? '';
  return [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}</style>`,
    '</head>',
    '<body>',
    '<main>',
    ...blocks.map((one, index) => block(one, index, blocks)),
    '</main>',
    '</body>',
    '</html>',
    '',
  ].join('\n');
}

function block(one: Block, index: number, all: readonly Block[]): string {
  switch (one.kind) {
    case 'heading': {
      const tag = `h${one.level}`;
      const line = `<${tag} id="s${index}">${inline(one.text)}</${tag}>`;
      return one.level === 1 ? `${line}\n${contents(all)}` : line;
    }
    case 'text':
      return `<p>${inline(one.text)}</p>`;
    case 'list':
      return `<ul>\n${one.items.map((item) => `<li>${inline(item)}</li>`).join('\n')}\n</ul>`;
    case 'table': {
      const head = one.columns.map((name) => `<th scope="col">${inline(name)}</th>`).join('');
      const rows = one.rows.map((cells) => `<tr>${cells.map((each) => `<td>${inline(each)}</td>`).join('')}</tr>`);
      // A wide table scrolls by itself; by keyboard too.
      const open = `<div role="region" tabindex="0" aria-label="${escaped(one.caption)}">`;
      const table = `<table>\n<caption>${inline(one.caption)}</caption>\n<thead><tr>${head}</tr></thead>\n<tbody>`;
      return `${open}${table}\n${rows.join('\n')}\n</tbody>\n</table></div>`;
    }
  }
}

function contents(blocks: readonly Block[]): string {
  const items = blocks.flatMap((one, index) =>
    one.kind === 'heading' && (one.level === 2 || one.level === 3)
      ? [`<li class="l${one.level}"><a href="#s${index}">${inline(one.text)}</a></li>`]
      : [],
  );
  return `<nav aria-label="Contents">\n<ul>\n${items.join('\n')}\n</ul>\n</nav>`;
}

function inline(words: string): string {
  return words
    .split(/`([^`]*)`/)
    .map((part, index) => (index % 2 === 1 ? `<code>${escaped(part)}</code>` : escaped(part).replaceAll('\n', '<br>')))
    .join('');
}

function escaped(words: string): string {
  return words.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
