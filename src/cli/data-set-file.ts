/** Data sets that a person gives in a file, in the DICOM JSON model. */
import { readFile } from 'node:fs/promises';
import { fromJson, parseJsonDataSets } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { UsageError } from './report.ts';

/** A message that `dimseway spool export` wrote. */
export interface ExportedMessage {
  readonly id: number;
  readonly route: string;
  readonly upstream: string;
  readonly kind: string;
  readonly uid: string;
}

/** A data set, and the message it was received in where the file tells. */
export interface GivenDataSet {
  readonly dataSet: DataSet;
  readonly message?: ExportedMessage;
}

/** The one data set of a file: an object, or an array with it. @throws UsageError naming the file */
export async function readDataSet(file: string): Promise<DataSet> {
  return onlyOne(file, await textOf(file));
}

/** The same, or every message of an export: one JSON object a line. @throws UsageError naming the file */
export async function readDataSetOrExport(file: string): Promise<readonly GivenDataSet[]> {
  const text = await textOf(file);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const [first] = lines;
  if (first === undefined || exported(first) === undefined) return [{ dataSet: onlyOne(file, text) }];
  return lines.map((line, i) => {
    const given = refused(`${file}:${i + 1}`, () => exported(line));
    if (given === undefined) throw new UsageError(`${file}:${i + 1} is no message of an export`);
    return given;
  });
}

function textOf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be read: ${error.code ?? 'unknown error'}`);
  });
}

function onlyOne(file: string, text: string): DataSet {
  const [dataSet, ...others] = refused(file, () => parseJsonDataSets(text));
  if (dataSet === undefined) throw new UsageError(`${file} holds no data set`);
  if (others.length > 0) throw new UsageError(`${file} holds ${others.length + 1} data sets; one is needed`);
  return dataSet;
}

/** Undefined: the line is something else. @throws GatewayError DATA_SET_* */
function exported(line: string): GivenDataSet | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || !('received' in value)) return undefined;
  const { received, ...message } = value as ExportedMessage & { received: unknown };
  return { dataSet: fromJson(received), message };
}

function refused<Result>(where: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new UsageError(`${where}: ${error.message}`);
  }
}
