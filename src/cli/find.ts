/**
 * `dimseway find UPSTREAM KEY=VALUE…`: a worklist search at either kind of upstream, printed as a table or as DICOM
 * JSON. Keys are keywords or tags, dotted for sequences, with the matching of a search URL (PS3.18 8.3.4).
 */
import { parsePath, pathToText } from '../dataset/attribute-path.ts';
import type { AttributePath } from '../dataset/attribute-path.ts';
import { toJson } from '../dataset/json.ts';
import { firstText, itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { printable } from '../dataset/dump.ts';
import { inColumns } from './terminal.ts';
import { withUpstream } from './with-upstream.ts';
import { searchWorklist } from './worklist-search.ts';
import type { WrittenSearch } from '../services/worklist/written-keys.ts';

export interface FindOptions extends WrittenSearch {
  readonly config: string;
  readonly upstream: string;
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
export function find({ config, upstream: name, json, ...search }: FindOptions): Promise<number> {
  return withUpstream(config, name, async (upstream, context) => {
    const results = await searchWorklist(upstream, search, context);
    if (json) process.stdout.write(`[${results.map((result) => toJson(result)).join(',\n')}]\n`);
    else process.stdout.write(table(results, search.include));
  });
}

function table(results: readonly DataSet[], include: readonly string[]): string {
  const more = include.filter((path) => path !== 'all').map((path) => pathToText(parsePath(path), 'keyword'));
  const columns = [...new Set([...COLUMNS, ...more])];
  const rows = [
    columns.map((column) => column.replace(/^.*\./, '')),
    ...results.map((result) => columns.map((column) => cell(result, parsePath(column)))),
  ];
  const lines = inColumns(rows);
  return `${lines.join('\n')}\n${results.length} ${results.length === 1 ? 'result' : 'results'}\n`;
}

function cell(dataSet: DataSet, path: AttributePath): string {
  const [tag, ...rest] = path;
  if (tag === undefined) return '';
  if (rest.length === 0) return printable(firstText(dataSet, tag) ?? '');
  const [item] = itemsOf(dataSet[tag]);
  return item === undefined ? '' : cell(item, rest);
}
