/** DCMTK: wlmscpfs as worklist SCP over files, findscu and echoscu as SCUs, dump2dcm for the sample data. */
import { copyFile, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findFreePort, runOrThrow, runProgram, startProgram, type Running } from './process.ts';
import { findDcmtkExamples } from './programs.ts';

/**
 * DCMTK leaves Nagle's algorithm on, which costs about 40 ms per answer turn on loopback; with this variable it does
 * not. Set for every DCMTK program we start.
 */
export const DCMTK_ENVIRONMENT = { TCP_NODELAY: '1' } as const;

export interface WorklistScp {
  readonly running: Running;
  readonly port: number;
  readonly aeTitle: string;
  /** The worklist folder that the called AE title picks. */
  readonly folder: string;
  /** Text dumps of the identifiers received so far, oldest first. */
  requests(): Promise<string[]>;
}

export interface FindResult {
  /** Response files, in the order received. */
  readonly files: string[];
  /** What findscu printed with -v. */
  readonly log: string;
  readonly code: number | null;
}

function examples(): string {
  const folder = findDcmtkExamples();
  if (folder === undefined) throw new Error("DCMTK's sample worklist is missing: scripts/peers/install.sh");
  return folder;
}

/** Text dump (dcmdump's form) to a DICOM file. */
export async function dumpToFile(dump: string, file: string): Promise<void> {
  await runOrThrow('dump2dcm', ['-q', '-g', dump, file]);
}

/** Fills a folder with DCMTK's ten sample records. */
export async function makeDcmtkWorklist(folder: string): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'lockfile'), '');
  const source = join(examples(), 'wlistdb/OFFIS');
  const dumps = (await readdir(source)).filter((name) => name.endsWith('.dump')).sort();
  const files = dumps.map((name) => join(folder, name.replace('.dump', '.wl')));
  await Promise.all(dumps.map((name, i) => dumpToFile(join(source, name), files[i] as string)));
  return files;
}

/** Copies a DICOM file and sets keys in it, by path: `ScheduledProcedureStepSequence[0].Modality=CT`. */
export async function copyWithKeys(source: string, target: string, keys: readonly string[]): Promise<void> {
  await copyFile(source, target);
  await runOrThrow('dcmodify', ['-q', '-nb', ...keys.flatMap((key) => ['-i', key]), target]);
}

/** DCMTK's thirteen sample queries as DICOM files, number 0 first. */
export async function makeDcmtkQueries(folder: string): Promise<string[]> {
  const files = Array.from({ length: 13 }, (_, i) => join(folder, `wlistqry${i}.dcm`));
  await Promise.all(files.map((file, i) => dumpToFile(join(examples(), `wlistqry/wlistqry${i}.dump`), file)));
  return files;
}

/**
 * wlmscpfs over `base`/`aeTitle`. `-csk` keeps each file's Specific Character Set (left out by default while its bytes
 * are sent as they are).
 */
export async function startWlmscpfs(
  base: string,
  options: { aeTitle?: string; args?: readonly string[]; port?: number } = {},
): Promise<WorklistScp> {
  const { aeTitle = 'OFFIS', args = [], port = await findFreePort() } = options;
  const requests = join(base, '.requests');
  await mkdir(requests, { recursive: true });
  const running = await startProgram(
    'wlmscpfs',
    ['-v', '-csk', '-dhl', '-dfp', base, '-rfp', requests, ...args, String(port)],
    { env: DCMTK_ENVIRONMENT, port },
  );
  return {
    running,
    port,
    aeTitle,
    folder: join(base, aeTitle),
    requests: async () => (await readdir(requests)).sort().map((name) => join(requests, name)),
  };
}

export interface FindOptions {
  port: number;
  aeTitle: string;
  callingAeTitle?: string;
  /** DICOM file with the identifier. */
  query?: string;
  /** findscu -k: keys on top of the file. */
  keys?: readonly string[];
  /** Folder for the response files, made empty first; none: nothing is extracted. */
  outputFolder?: string;
  args?: readonly string[];
}

/** C-FIND on Modality Worklist by findscu; 'Final Find Response' stands in the log. */
export async function findWithDcmtk(options: FindOptions): Promise<FindResult> {
  const { port, aeTitle, callingAeTitle = 'TESTSCU', query, keys = [], outputFolder, args = [] } = options;
  const extract = outputFolder === undefined ? [] : ['-X', '-od', outputFolder];
  if (outputFolder !== undefined) {
    await rm(outputFolder, { recursive: true, force: true });
    await mkdir(outputFolder, { recursive: true });
  }
  const { code, stdout, stderr } = await runProgram(
    'findscu',
    ['-W', '-v', '-aet', callingAeTitle, '-aec', aeTitle, ...extract, ...keys.flatMap((key) => ['-k', key]), ...args]
      .concat(['127.0.0.1', String(port)])
      .concat(query === undefined ? [] : [query]),
    { env: DCMTK_ENVIRONMENT },
  );
  const files = outputFolder === undefined ? [] : (await readdir(outputFolder)).sort();
  return { code, log: stdout + stderr, files: files.map((name) => join(outputFolder ?? '', name)) };
}

/** C-ECHO by echoscu; exit status 0 means Success. */
export async function echoWithDcmtk(port: number, aeTitle: string, args: readonly string[] = []): Promise<FindResult> {
  const { code, stdout, stderr } = await runProgram(
    'echoscu',
    ['-v', '-aet', 'TESTSCU', '-aec', aeTitle, ...args, '127.0.0.1', String(port)],
    { env: DCMTK_ENVIRONMENT },
  );
  return { code, log: stdout + stderr, files: [] };
}
