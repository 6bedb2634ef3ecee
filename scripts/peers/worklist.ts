/** Worklist records of our own: six character sets, private attributes, or as many plain items as a bench needs. */
import { join } from 'node:path';
import { runOrThrow } from './process.ts';
import { PEER_SCRIPTS, PYTHON } from './programs.ts';

/** Makes `folder`/{lockfile, NAME.wl}: one record per character set or way to write it. Returns the files. */
export async function makeCharacterSetWorklist(folder: string): Promise<string[]> {
  const { stdout } = await runOrThrow(PYTHON, [join(PEER_SCRIPTS, 'make_worklist.py'), 'charsets', folder]);
  return JSON.parse(stdout) as string[];
}

/**
 * Makes `count` plain items, each with a comment of so many characters: `folder`/items.json (one DICOM JSON array) and, unless `jsonOnly`, as many .wl files beside
 * a lockfile in `folder`/`aeTitle`.
 */
export async function makeLoadWorklist(
  folder: string,
  count: number,
  options: { jsonOnly?: boolean; aeTitle?: string; commentLength?: number } = {},
): Promise<{ itemsFile: string }> {
  const { jsonOnly = false, aeTitle = 'OFFIS', commentLength = 0 } = options;
  await runOrThrow(
    PYTHON,
    [join(PEER_SCRIPTS, 'make_worklist.py'), 'load', folder, String(count), String(commentLength)].concat(
      jsonOnly ? [] : [aeTitle],
    ),
    { timeoutMs: 300_000 },
  );
  return { itemsFile: join(folder, 'items.json') };
}
