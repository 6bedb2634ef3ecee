/**
 * `dimseway find UPSTREAM KEY=VALUE…`: a worklist search at either kind of upstream, printed as a table or as DICOM
 * JSON. Keys are keywords or tags, dotted for sequences, with the matching of a search URL (PS3.18 8.3.4).
 */
import { parsePath, pathToText } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import { vrOf } from '../dataset/dictionary.ts';
import { toJson } from '../dataset/json.ts';
import { firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { queryFromParameters } from '../services/worklist/search-parameters.ts';
import { withUpstream } from './with-upstream.ts';

export interface FindOptions {
  readonly config: string;
  readonly upstream: string;
  /** `KEY=VALUE` each. */
  readonly keys: readonly string[];
  /** Further attributes to return, `all` for every one. */
  readonly include: readonly string[];
  readonly limit?: number;
  readonly json: boolean;
}

const COLUMNS = [
  'PatientName',
  'PatientID',
  'AccessionNumber',
  'ScheduledProcedureStepSequence.Modality',
  'ScheduledProcedureStepSequence.ScheduledStationAETitle',
  'ScheduledProcedureStepSequence.ScheduledProcedureStepStartDate',
  'ScheduledProcedureStepSequence.ScheduledProcedureStepStartTime',
  'ScheduledProcedureStepSequence.ScheduledProcedureStepID',
  'ScheduledProcedureStepSequence.ScheduledProcedureStepDescription',
];

/** @returns the exit status */
export function find({ config, upstream: name, keys, include, limit, json }: FindOptions): Promise<number> {
  return withUpstream(config, name, async (upstream, context) => {
    const { query, warnings } = queryFromParameters(rawQuery(keys, include, limit), { strictParameters: true });
    for (const warning of warnings) context.warn(warning);
    const results: DataSet[] = [];
    for await (const result of upstream.search(query, context)) results.push(result);
    if (json) process.stdout.write(`[${results.map((result) => toJson(result)).join(',\n')}]\n`);
    else process.stdout.write(table(results, include));
  });
}

function rawQuery(keys: readonly string[], include: readonly string[], limit: number | undefined): string {
  const parameters = keys.map((key) => {
    const at = key.indexOf('=');
    const [path, value] = at < 0 ? [key, ''] : [key.slice(0, at), key.slice(at + 1)];
    // Only a comma between UIDs separates (PS3.18 8.3.4.1); in any other value it is part of it.
    const isUidList = vrOf(parsePath(path).at(-1) ?? '') === 'UI';
    const values = isUidList ? value.split(',') : [value];
    return `${encodeURIComponent(path)}=${values.map(encodeURIComponent).join(',')}`;
  });
  if (include.length > 0) parameters.push(`includefield=${include.map(encodeURIComponent).join(',')}`);
  if (limit !== undefined) parameters.push(`limit=${limit}`);
  return parameters.join('&');
}

function table(results: readonly DataSet[], include: readonly string[]): string {
  const more = include.filter((path) => path !== 'all').map((path) => pathToText(parsePath(path), 'keyword'));
  const columns = [...new Set([...COLUMNS, ...more])];
  const rows = [
    columns.map((column) => column.replace(/^.*\./, '')),
    ...results.map((result) => columns.map((column) => cell(result, parsePath(column)))),
  ];
  const widths = columns.map((_column, i) => Math.max(...rows.map((row) => displayWidth(row[i] ?? ''))));
  const lines = rows.map((row) =>
    row
      .map((text, i) => text + ' '.repeat((widths[i] ?? 0) - displayWidth(text)))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n${results.length} ${results.length === 1 ? 'result' : 'results'}\n`;
}

function cell(dataSet: DataSet, path: AttributePath): string {
  const [tag, ...rest] = path;
  if (tag === undefined) return '';
  if (rest.length === 0) return firstText(dataSet, tag) ?? '';
  const [item] = itemsOf(dataSet[tag]);
  return item === undefined ? '' : cell(item, rest);
}

/** Columns of a terminal: East Asian wide characters take two. */
function displayWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width += /[\u1100-\u115F\u2E80-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFF00-\uFF60]/u.test(character) ? 2 : 1;
  return width;
}
