/** Data sets that a person gives in a file, in the DICOM JSON model. */
import { readFile } from 'node:fs/promises';
import { parseJsonDataSets } from '../dataset/json.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { UsageError } from './report.ts';

/** The one data set of a file: an object, or an array with it. @throws UsageError naming the file */
export async function readDataSet(file: string): Promise<DataSet> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be read: ${error.code ?? 'unknown error'}`);
  });
  const [dataSet, ...others] = parsed(file, text);
  if (dataSet === undefined) throw new UsageError(`${file} holds no data set`);
  if (others.length > 0) throw new UsageError(`${file} holds ${others.length + 1} data sets; one is needed`);
  return dataSet;
}

function parsed(file: string, text: string): DataSet[] {
  try {
    return parseJsonDataSets(text);
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    throw new UsageError(`${file}: ${error.message}`);
  }
}
