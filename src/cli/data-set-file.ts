/** Data sets that a person gives in a file: DICOM JSON, the Native DICOM Model in XML, or a DICOM file (PS3.10). */
import { readFile } from 'node:fs/promises';
import { fromJson, parseJsonDataSets } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { decodeXml } from '../dataset/xml.ts';
import { GatewayError } from '../errors.ts';
import { decodeDicomFile } from '../ris/seed-dicom.ts';
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

/** The one data set of a file; in JSON an object, or an array with it. @throws UsageError naming the file */
export async function readDataSet(file: string): Promise<DataSet> {
  const bytes = await bytesOf(file);
  // Text has no zeros; a DICOM file has them in its preamble, or in its first tag.
  if (bytes.subarray(0, FIRST_BYTES).includes(0)) return refused(file, () => decodeDicomFile(bytes));
  const text = bytes.toString('utf8');
  return /^\uFEFF?\s*</.test(text) ? refused(file, () => decodeXml(bytes)) : onlyOne(file, text);
}

const FIRST_BYTES = 8;

/** A data set in JSON, or every message of an export: one JSON object a line. @throws UsageError naming the file */
export async function readDataSetOrExport(file: string): Promise<readonly GivenDataSet[]> {
  const text = (await bytesOf(file)).toString('utf8');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const [first] = lines;
  if (first === undefined || exported(first) === undefined) return [{ dataSet: onlyOne(file, text) }];
  return lines.map((line, i) => {
    const given = refused(`${file}:${i + 1}`, () => exported(line));
    if (given === undefined) throw new UsageError(`${file}:${i + 1} is no message of an export`);
    return given;
  });
}

function bytesOf(file: string): Promise<Buffer> {
  return readFile(file).catch((error: NodeJS.ErrnoException) => {
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
