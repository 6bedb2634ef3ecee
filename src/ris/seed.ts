/** Reads worklist entries from a file: DICOM JSON (an object or an array), or the same written as YAML. */
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { parse } from 'yaml';
import { fromJson, parseJsonDataSets } from '../dataset/json.ts';
import { itemsOf } from '../dataset/model.ts';
import type { DataSet } from '../dataset/model.ts';
import { GatewayError } from '../errors.ts';

const STEP_SEQUENCE = '00400100';

/**
 * @throws GatewayError SEED_INVALID naming the file and the entry, when it cannot be read or an entry does not have
 * exactly one Scheduled Procedure Step (PS3.4 K.6.1.2.2: one response is one step).
 */
export async function readSeed(file: string): Promise<DataSet[]> {
  let entries: DataSet[];
  try {
    const text = await readFile(file, 'utf8');
    if (extname(file) === '.json') entries = parseJsonDataSets(text);
    else {
      const parsed: unknown = parse(text);
      entries = (Array.isArray(parsed) ? parsed : [parsed]).map((entry: unknown) => fromJson(entry));
    }
  } catch (cause) {
    // The parser goes on with the lines around the mistake, which may be a patient's.
    const why = (cause instanceof Error ? cause.message : String(cause)).replace(/:?\n[^]*$/, '');
    throw new GatewayError('SEED_INVALID', `${file}: ${why}`, {
      fix: 'Give a file of worklist entries in the DICOM JSON model, as JSON or YAML.',
      cause,
    });
  }
  entries.forEach((entry, index) => {
    const steps = itemsOf(entry[STEP_SEQUENCE]).length;
    if (steps !== 1) {
      throw new GatewayError('SEED_INVALID', `${file}: entry ${index + 1} has ${steps} scheduled procedure steps`, {
        fix: 'Give each entry exactly one item in Scheduled Procedure Step Sequence (0040,0100).',
      });
    }
  });
  return entries;
}
