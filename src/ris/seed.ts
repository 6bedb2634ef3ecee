/**
 * Reads worklist entries from a file or a folder of files: in the DICOM JSON model or the short form with keywords, as
 * JSON or YAML; or DICOM data sets as DCMTK makes them, one a file.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { parseJsonText } from '../dataset/json.ts';
import { itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';
import { SCHEDULED_PROCEDURE_STEP_SEQUENCE } from '../services/worklist/attributes.ts';
import { checkEntry } from './entry.ts';
import { decodeDicomFile, isDicomFile } from './seed-dicom.ts';
import { fromEntryForm, withKeywords } from './seed-form.ts';

const TEXT_FILES: ReadonlySet<string> = new Set(['.json', '.yaml', '.yml']);
const DICOM_FILES: ReadonlySet<string> = new Set(['.wl', '.dcm']);

const FIX =
  'Give worklist entries as DICOM JSON, as YAML or JSON with keywords, or as DICOM files; see docs/worklist-api.md.';

/** More is no worklist: memory holds the whole file. */
const MAXIMUM_FILE_BYTES = 512 * 1024 * 1024;

/**
 * The entries of a file, or of every file of a folder in the order of their names. In a folder, hidden files, `lockfile`
 * and files that are neither named *.json, *.yaml, *.yml, *.wl or *.dcm nor DICOM files by their content are passed over.
 * @throws GatewayError SEED_INVALID naming the file, the entry (counted from 1) and the attribute, never a value; also
 * when an entry does not have exactly one Scheduled Procedure Step (PS3.4 K.6.1.2.2: one response is one step), or not what
 * no entry can do without (`checkEntry`)
 */
export async function readSeed(path: string): Promise<DataSet[]> {
  const found = await attempt(path, () => stat(path));
  if (!found.isDirectory()) return (await readFileEntries(path, false)) ?? [];
  const entries: DataSet[] = [];
  let folders = 0;
  let files = 0;
  for (const name of (await attempt(path, () => readdir(path))).sort()) {
    if (name.startsWith('.') || name === 'lockfile') continue;
    const file = join(path, name);
    if ((await attempt(file, () => stat(file))).isDirectory()) {
      folders++;
      continue;
    }
    const more = await readFileEntries(file, true);
    if (more === undefined) continue;
    files++;
    for (const entry of more) entries.push(entry);
  }
  if (files === 0 && folders > 0) {
    throw invalid(path, 'the folder has no files of entries, only folders', 'Name the folder in which the files are.');
  }
  return entries;
}

/** Undefined: a file in a folder that is not meant as entries. */
async function readFileEntries(file: string, inFolder: boolean): Promise<DataSet[] | undefined> {
  const { size } = await attempt(file, () => stat(file));
  if (size > MAXIMUM_FILE_BYTES) throw invalid(file, 'the file is larger than 512 MiB');
  const extension = extname(file).toLowerCase();
  const bytes = await attempt(file, () => readFile(file));
  if (TEXT_FILES.has(extension)) return entriesOfText(file, bytes, extension === '.json');
  if (DICOM_FILES.has(extension) || isDicomFile(bytes)) return [checked(file, 0, () => decodeDicomFile(bytes))];
  if (inFolder) return undefined;
  // Every DICOM data set has zero bytes in its first tag or length, and no text has.
  if (bytes.subarray(0, 8).includes(0)) return [checked(file, 0, () => decodeDicomFile(bytes))];
  return entriesOfText(file, bytes, false);
}

function entriesOfText(file: string, bytes: Buffer, isJson: boolean): DataSet[] {
  const text = textOf(file, bytes);
  const parsed = isJson ? parseJson(file, text) : parseYaml(file, text);
  // Nothing but comments: no entries.
  if (parsed === null && !isJson) return [];
  return (Array.isArray(parsed) ? parsed : [parsed]).map((entry: unknown, index) =>
    checked(file, index, () => fromEntryForm(entry)),
  );
}

function textOf(file: string, bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(file, 'the text is not UTF-8', 'Save the file as UTF-8.');
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return parseJsonText(text);
  } catch (cause) {
    throw invalid(file, problemOf(cause), FIX, cause);
  }
}

/**
 * Every scalar is the text that stands there, so that neither 0930 nor 1.50 nor 00123 becomes another number; only null is
 * none. The parser's own messages quote the file, which may hold patient values.
 */
function parseYaml(file: string, text: string): unknown {
  const document = parseDocument(text, { schema: 'failsafe', customTags: ['null'], logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line = 0, col = 0 } = error.linePos?.[0] ?? {};
    throw invalid(file, `the text is not YAML (${error.code}) at line ${line}, column ${col}`);
  }
  try {
    return document.toJS();
  } catch {
    throw invalid(file, 'an alias of the YAML text is unknown or used too often');
  }
}

function checked(file: string, index: number, read: () => DataSet): DataSet {
  const place = `${file}: entry ${index + 1}`;
  let entry: DataSet;
  try {
    entry = read();
  } catch (cause) {
    throw invalid(place, problemOf(cause), FIX, cause);
  }
  const steps = itemsOf(entry[SCHEDULED_PROCEDURE_STEP_SEQUENCE]).length;
  if (steps !== 1) {
    const fix = 'Give each entry exactly one item in ScheduledProcedureStepSequence (0040,0100).';
    throw invalid(place, `ScheduledProcedureStepSequence has ${steps} scheduled procedure steps`, fix);
  }
  const errors = checkEntry(entry).filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw invalid(place, errors.map(({ text }) => text).join('; '));
  return entry;
}

/** What went wrong, without a value: messages of the gateway have none, others are not told. */
function problemOf(error: unknown): string {
  return error instanceof GatewayError ? withKeywords(error.message).text : 'it cannot be read';
}

async function attempt<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
    throw invalid(path, `it cannot be read (${code})`, 'Check the name and the permissions.', cause);
  }
}

function invalid(place: string, problem: string, fix = FIX, cause?: unknown): GatewayError {
  return new GatewayError('SEED_INVALID', `${place}: ${problem}`, { fix, cause });
}
