/** The independent reader: DICOM files, JSON, XML and whole HTTP bodies in one normal form, by pydicom and Python. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runOrThrow } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';

/** `[vr, ...values]`; values of a sequence are data sets, everything else is text. See read_dicom.py. */
export type PlainAttribute = [vr: string, ...values: (string | PlainDataSet)[]];
export interface PlainDataSet {
  [tag: string]: PlainAttribute;
}

/** Reads the files (.dcm, .wl, .json, .xml, .http) with programs that share no code with ours. */
export async function readFiles(files: readonly string[]): Promise<PlainDataSet[]> {
  if (files.length === 0) return [];
  const { stdout } = await runOrThrow(PYTHON, [join(PEER_SCRIPTS, 'read_dicom.py'), ...files]);
  return JSON.parse(stdout) as PlainDataSet[];
}

/** Reads the body of an HTTP answer by its Content-Type. */
export async function readBody(folder: string, contentType: string, body: Uint8Array): Promise<PlainDataSet[]> {
  if (body.length === 0) return [];
  const file = join(folder, 'body.http');
  await writeFile(file, Buffer.concat([Buffer.from(`${contentType}\n`), body]));
  return readFiles([file]);
}

/** Specific Character Set of each file, values joined by a backslash; undefined when absent. */
export async function readCharacterSets(files: readonly string[]): Promise<(string | undefined)[]> {
  const { stdout } = await runOrThrow(PYTHON, [join(PEER_SCRIPTS, 'read_dicom.py'), '--charset', ...files]);
  return (JSON.parse(stdout) as PlainDataSet[]).map((dataSet) =>
    (dataSet['00080005'] as string[] | undefined)?.slice(1).join('\\'),
  );
}

/** Reads parsed DICOM JSON data sets, as odil prints them. */
export async function readJson(folder: string, dataSets: readonly unknown[]): Promise<PlainDataSet[]> {
  const file = join(folder, 'data-sets.json');
  await writeFile(file, JSON.stringify(dataSets));
  return readFiles([file]);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

/** Sorted, so that two lists are equal exactly when they are equal as multisets. */
export function asMultiset(dataSets: readonly PlainDataSet[]): PlainDataSet[] {
  return dataSets
    .map((dataSet) => ({ dataSet, text: canonical(dataSet) }))
    .sort((a, b) => (a.text < b.text ? -1 : a.text > b.text ? 1 : 0))
    .map(({ text }) => JSON.parse(text) as PlainDataSet);
}
