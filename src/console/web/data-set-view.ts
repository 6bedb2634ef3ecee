/** Data sets as tables to read: one, or two with what differs marked by sign, word and colour. */
import { compare, rowsOf } from './data-set.ts';
import type { Change, ComparedRow, DataSetJson, Row } from './data-set.ts';
import { html, nothing } from './lit.ts';
import type { TemplateResult } from './lit.ts';
import { emptyLine } from './parts.ts';

const MARKS: Readonly<Record<Change, string>> = { same: '', changed: '±', added: '+', removed: '−' };

/** @param onlyChanges leaves out what is the same; undefined data sets were not captured */
export function comparison(
  title: string,
  before: DataSetJson | undefined,
  after: DataSetJson | undefined,
  onlyChanges: boolean,
): TemplateResult {
  const known = before ?? after;
  if (before === undefined || after === undefined) {
    const missing = before === undefined ? 'before' : 'after';
    const why = before === undefined ? '' : ', or there are none';
    return html`<p class="note">Only one of the two is there: nothing was captured ${missing} the rules${why}.</p>
      ${known === undefined ? nothing : listing(title, known)}`;
  }
  const rows = compare(before, after);
  const changes = rows.filter(({ change }) => change !== 'same');
  const shown = onlyChanges ? changes : rows;
  if (shown.length === 0) return emptyLine(`The rules left all ${rows.length} attributes as they were.`);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${title}>
    <table class="data-set compared">
      <caption>
        ${summaryOf(changes, rows.length)}
      </caption>
      <thead>
        <tr>
          <th scope="col">Change</th>
          <th scope="col">Attribute</th>
          <th scope="col">VR</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
        </tr>
      </thead>
      <tbody>
        ${shown.map(comparedRow)}
      </tbody>
    </table>
  </div>`;
}

function summaryOf(changes: readonly ComparedRow[], all: number): string {
  const number = (change: Change): number => changes.filter((row) => row.change === change).length;
  const parts = (['changed', 'added', 'removed'] as const).map((change) => `${number(change)} ${change}`);
  return `${parts.join(', ')} of ${all} attributes`;
}

function comparedRow(row: ComparedRow): TemplateResult {
  const { change, before, after, vr } = row;
  return html`<tr class=${change}>
    <td class="mark">
      ${change === 'same' ? html`<span class="unseen">same</span>` : html`<span aria-hidden="true">${MARKS[change]}</span> ${change}`}
    </td>
    <th scope="row">${name(row)}</th>
    <td>${vr}</td>
    <td>${before === undefined ? html`<span class="absent">not there</span>` : shown(before)}</td>
    <td>${after === undefined ? html`<span class="absent">not there</span>` : shown(after)}</td>
  </tr>`;
}

/** Every attribute of a data set. */
export function listing(title: string, dataSet: DataSetJson): TemplateResult {
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${title}>
    <table class="data-set">
      <thead>
        <tr>
          <th scope="col">Attribute</th>
          <th scope="col">VR</th>
          <th scope="col">Value</th>
        </tr>
      </thead>
      <tbody>
        ${rowsOf(dataSet).map(
          (row) =>
            html`<tr>
              <th scope="row">${name(row)}</th>
              <td>${row.vr}</td>
              <td>${shown(row.value)}</td>
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}

function name({ tag, keyword, depth, path }: Pick<Row, 'tag' | 'keyword' | 'depth' | 'path'>): TemplateResult {
  const item = /\[(\d+)\]\.[0-9A-F]{8}$/i.exec(path)?.[1];
  return html`<span class="depth" aria-hidden="true">${'› '.repeat(depth)}</span>${keyword ?? 'private or seldom'}
    <small>${tag.slice(0, 4)},${tag.slice(4)}${item === undefined ? '' : ` in item ${item}`}</small>`;
}

function shown(value: string): TemplateResult | string {
  return value === '' ? html`<span class="absent">empty</span>` : value;
}
